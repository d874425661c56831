r"""Kinds for first-order statements: two gradients, the weights they are stepped along, and what losses are made of.

Log-probabilities are rational numbers below 0, one pair of different responses at a time: then
:math:`e^{\log\pi_w} + e^{\log\pi_l} < 1`, and every loss without a sigmoid is algebra.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Choice", "Coefficients", "Gradients", "Lengths", "LogProbabilities", "NotNegative"]

WIDE = 9  # entries of gradients, in units of 1/1 to 1/9


class Gradients(Kind):
    r"""Gradients of the chosen and of the rejected log-likelihood: two rational vectors in the same units.

    Zero, equal, opposite, parallel and orthogonal ones, and ones whose inner product is one of the two squared norms
    or next to it.

    Args:
        names: of the two vectors.
        norms: "any", or "ordered": the rejected gradient is at least as long as the chosen one.
    """

    def __init__(self, names: tuple[str, str] = ("chosen_gradient", "rejected_gradient"), *, norms: str = "any") -> None:
        self.names, self.norms = names, norms
        vectors = tuple(Field(x, ("D",), low=-WIDE, high=WIDE, simplest=0) for x in names)
        self.fields = (*vectors, Field("units", (1,), high=9))
        self.sizes = {"D": (1, 2, 3)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        d = shape["D"]
        w, x = (rng.integers(-WIDE, WIDE + 1, (n, d)) for _ in range(2))
        small, across = rng.integers(-3, 4, (n, d)), _orthogonal(rng, rng.integers(-3, 4, (n, d)))
        near = small.copy()
        near[np.arange(n), rng.integers(0, d, n)] += rng.choice([-1, 1], n)
        at_chosen = small + _orthogonal(rng, small)
        classes = {
            "no chosen gradient": (0 * w, x),
            "no rejected gradient": (w, 0 * x),
            "no gradient": (0 * w, 0 * x),
            "equal": (w, w),
            "nearly equal": (small, near),
            "opposite": (w, -w),
            "parallel": (small, small * rng.choice([-3, -2, 2, 3], (n, 1))),
            "parallel, shorter": (small * rng.choice([-3, -2, 2, 3], (n, 1)), small),
            "orthogonal": (small, _orthogonal(rng, small)),
            "at the chosen norm": (small, at_chosen),
            "at the rejected norm": (at_chosen, small),
            "next to the chosen norm": (near, at_chosen),
            "next to the rejected norm": (at_chosen, near),
            "small": (small, rng.integers(-3, 4, (n, d))),
            "short and across": (np.sign(small), across),
        }
        names = np.array([*classes, "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, len(classes) * 3 // 2, n), len(classes))
        for i, (a, b) in enumerate(classes.values()):
            rows = which == i
            w[rows], x[rows] = np.clip(a, -WIDE, WIDE)[rows], np.clip(b, -WIDE, WIDE)[rows]
        return self._raw(rng, w, x), names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        w, x = (rng.integers(-WIDE, WIDE + 1, (n, shape["D"])) for _ in range(2))
        return self._raw(rng, w, x)

    def _raw(self, rng: Rng, w: np.ndarray, x: np.ndarray) -> Raw:
        if self.norms == "ordered":
            longer = ((w * w).sum(-1) > (x * x).sum(-1))[:, None]
            w, x = np.where(longer, x, w), np.where(longer, w, x)
        unit = np.where(rng.random((len(w), 1)) < 0.6, 1, rng.integers(1, 10, (len(w), 1)))
        return {self.names[0]: w, self.names[1]: x, "units": unit}

    def valid(self, raw: Raw) -> np.ndarray:
        w, x = (raw[name] for name in self.names)
        ordered = (w * w).sum(-1) <= (x * x).sum(-1) if self.norms == "ordered" else True
        return super().valid(raw) & ordered

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {name: to.number(raw[name]) / to.number(raw["units"]) for name in self.names}


def _orthogonal(rng: Rng, x: np.ndarray) -> np.ndarray:
    """A vector at a right angle to each row; 0 in one dimension."""
    out = np.zeros_like(x)
    if x.shape[-1] > 1:
        i = rng.integers(0, x.shape[-1], len(x))
        j = (i + rng.integers(1, x.shape[-1], len(x))) % x.shape[-1]
        at, k = np.arange(len(x)), rng.choice([-2, -1, 1, 2], len(x))
        out[at, i], out[at, j] = -k * x[at, j], k * x[at, i]
    return out


class Coefficients(Kind):
    """The weights of the two gradients in a step: rational numbers (up to a common factor), zero and negative too.

    Args:
        names: of the two weights.
        positive: both are above 0.
        above: names of those that are above 0, where not both are.
    """

    def __init__(self, *names: str, positive: bool = False, above: tuple[str, ...] = ()) -> None:
        self.names = names or ("d_w", "d_l")
        self.above = self.names if positive else above
        self.fields = tuple(Field(x, (1,), low=1 if x in self.above else -WIDE, high=WIDE, simplest=1) for x in self.names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        values = rng.integers(-WIDE, WIDE + 1, (n, 2))
        names = np.array(["equal weights", "opposite weights", "a weight of 0", "weights next to each other",
                          "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 8, n), 4)
        first = values[:, 0]
        for i, second in ((0, first), (1, -first), (3, np.minimum(first + 1, WIDE))):
            values[which == i, 1] = second[which == i]
        zero = np.flatnonzero(which == 2)
        values[zero, rng.integers(0, 2, len(zero))] = 0
        lows = np.array([f.low for f in self.fields])
        values = np.where(values < lows, np.maximum(abs(values), 1), values)
        return {x: values[:, i : i + 1] for i, x in enumerate(self.names)}, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: rng.integers(f.low, WIDE + 1, (n, 1)) for f in self.fields}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {x: to.number(raw[x]) for x in self.names}


_HARD = np.array([(1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (3, 2), (5, 1), (10, 1), (1, 10), (1, 99), (99, 1), (5, 2)])


class LogProbabilities(Kind):
    r"""Log-probabilities of a chosen and a rejected response, rational numbers in nats that leave mass for others.

    The check receives `chosen` and `rejected`, with `reference` also `ref_chosen` and `ref_rejected`, with `other`
    also `other_chosen` and `other_rejected` of a second policy. Equal responses, a policy equal to the reference,
    exchanged pairs, certain and very unlikely ones.
    """

    def __init__(self, *, reference: bool = False, other: bool = False) -> None:
        self.pairs = [("chosen", "rejected"), *([("ref_chosen", "ref_rejected")] if reference else []),
                      *([("other_chosen", "other_rejected")] if other else [])]
        self.fields = tuple(Field(x, (2,)) for pair in self.pairs for x in pair)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        names = np.array(["equal to an earlier pair", "exchanged", "equal responses", "ordinary"], dtype=object)
        label = np.full(n, "ordinary", dtype=object)
        drawn: list[np.ndarray] = []
        for _ in self.pairs:
            hard = rng.random((n, 2, 1)) < 0.5
            pair = np.where(hard, _HARD[rng.integers(0, len(_HARD), (n, 2))],
                            weights.ordinary(rng, n, 4).reshape(n, 2, 2))
            which = np.minimum(rng.integers(0, 10, n), 3)
            before = drawn[rng.integers(0, len(drawn))] if drawn else pair[:, ::-1]
            pair = np.where((which == 0)[:, None, None], before, pair)
            pair = np.where((which == 1)[:, None, None], before[:, ::-1], pair)
            pair[which == 2, 1] = pair[which == 2, 0]
            drawn.append(self._leaving_room(pair))
            label = np.where(which == 3, label, names[which])
        return self._raw(drawn), label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self._raw([self._leaving_room(weights.ordinary(rng, n, 4).reshape(n, 2, 2)) for _ in self.pairs])

    def _raw(self, drawn: list[np.ndarray]) -> Raw:
        return {x: values[:, i] for pair, values in zip(self.pairs, drawn, strict=True) for i, x in enumerate(pair)}

    @staticmethod
    def _leaving_room(pair: np.ndarray) -> np.ndarray:
        """Where the two probabilities exceed 1 together, the rejected one becomes e^-5."""
        full = _mass(pair[:, 0], pair[:, 1]) >= 1
        pair = pair.copy()
        pair[full, 1] = (5, 1)
        return pair

    def valid(self, raw: Raw) -> np.ndarray:
        room = [_mass(raw[a], raw[b]) < 1 for a, b in self.pairs]
        return super().valid(raw) & np.logical_and.reduce(room)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: -to.number(raw[f.name][..., :1]) / to.number(raw[f.name][..., 1:]) for f in self.fields}


def _mass(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(-a[..., 0] / a[..., 1]) + np.exp(-b[..., 0] / b[..., 1])


class Lengths(Kind):
    """Numbers of tokens of the two responses: equal, next to each other, one token, or any up to 99."""

    def __init__(self) -> None:
        self.names = ("chosen_length", "rejected_length")
        self.fields = tuple(Field(x, (1,)) for x in self.names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x = weights.ordinary(rng, n, 2)
        names = np.array(["equal lengths", "a token more", "single tokens", "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 8, n), 3)
        x[which == 0, 1] = x[which == 0, 0]
        x[which == 1, 1] = np.minimum(x[which == 1, 0] + 1, 99)
        x[which == 2] = np.minimum(x[which == 2], rng.integers(1, 3, (int((which == 2).sum()), 1)))
        turned = rng.random((n, 1)) < 0.5
        x = np.where(turned, x[:, ::-1], x)
        return {name: x[:, i : i + 1] for i, name in enumerate(self.names)}, names[which]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {x: to.number(raw[x]) for x in self.names}


class NotNegative(Kind):
    """A rational number from 0; 0 itself is frequent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields = (Field(name, (2,), low=0, simplest=1),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw = self.plain(rng, n, shape)[self.name]
        hard, zero = rng.random(n) < 0.4, rng.random(n) < 0.2
        raw[hard] = _HARD[rng.integers(0, len(_HARD), int(hard.sum()))]
        raw[zero, 0] = 0
        return {self.name: raw}, np.where(zero, "a hyper-parameter of 0", "ordinary").astype(object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.name: weights.ordinary(rng, n, 2)}

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw[self.name][..., 1] > 0)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.number(raw[self.name][..., :1]) / to.number(raw[self.name][..., 1:])}


class Choice(Kind):
    """One of several cases of a statement, by its number from 0."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count
        self.fields = (Field(name, (1,), low=0, high=count - 1, simplest=0, continuous=False),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        return self.plain(rng, n, shape), np.full(n, "ordinary", dtype=object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.name: rng.integers(0, self.count, (n, 1))}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: raw[self.name]}
