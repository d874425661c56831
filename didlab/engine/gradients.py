"""Kinds for first-order statements: two gradients, the weights they are stepped along, and a choice between cases."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Choice", "Coefficients", "Gradients"]

WIDE = 9  # entries of gradients, in units of 1/1 to 1/9
LONG = 99  # of long ones, whose squared norms and inner products, and their differences, are next to each other


class Gradients(Kind):
    r"""Gradients of the chosen and of the rejected log-likelihood: two rational vectors in the same units.

    Zero, equal, opposite, parallel and orthogonal ones, and ones whose inner product is one of the two squared norms
    or next to it.

    Args:
        ordered: the rejected gradient is at least as long as the chosen one.
        opposed: their inner product is not above 0.
    """

    def __init__(self, *, ordered: bool = False, opposed: bool = False) -> None:
        self.names, self.ordered, self.opposed = ("chosen_gradient", "rejected_gradient"), ordered, opposed
        vectors = tuple(Field(x, ("D",), low=-LONG, high=LONG, simplest=0) for x in self.names)
        self.fields = (*vectors, Field("units", (1,), high=9))
        self.sizes = {"D": (1, 2, 3)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        d = shape["D"]
        w, x = (rng.integers(-WIDE, WIDE + 1, (n, d)) for _ in range(2))
        small, across = rng.integers(-3, 4, (n, d)), _orthogonal(rng, rng.integers(-3, 4, (n, d)))
        near = small.copy()
        near[np.arange(n), rng.integers(0, d, n)] += rng.choice([-1, 1], n)
        at_chosen = small + _orthogonal(rng, small)
        long = rng.integers(-LONG, LONG + 1, (n, d))
        beside = long.copy()
        beside[np.arange(n), rng.integers(0, d, n)] += rng.choice([-1, 1], n)
        classes = {
            "no chosen gradient": (0 * w, x),
            "no rejected gradient": (w, 0 * x),
            "no gradient": (0 * w, 0 * x),
            "equal": (w, w),
            "nearly equal": (small, near),
            "long and nearly equal": (long, beside),
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
            w[rows], x[rows] = np.clip(a, -LONG, LONG)[rows], np.clip(b, -LONG, LONG)[rows]
        return self._raw(rng, w, x), names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        w, x = (rng.integers(-WIDE, WIDE + 1, (n, shape["D"])) for _ in range(2))
        return self._raw(rng, w, x)

    def _raw(self, rng: Rng, w: np.ndarray, x: np.ndarray) -> Raw:
        if self.ordered:
            longer = ((w * w).sum(-1) > (x * x).sum(-1))[:, None]
            w, x = np.where(longer, x, w), np.where(longer, w, x)
        if self.opposed:
            x = np.where(((w * x).sum(-1) > 0)[:, None], -x, x)
        unit = np.where(rng.random((len(w), 1)) < 0.6, 1, rng.integers(1, 10, (len(w), 1)))
        return {self.names[0]: w, self.names[1]: x, "units": unit}

    def valid(self, raw: Raw) -> np.ndarray:
        w, x = (raw[name] for name in self.names)
        inside = super().valid(raw)
        if self.ordered:
            inside = inside & ((w * w).sum(-1) <= (x * x).sum(-1))
        return inside & ((w * x).sum(-1) <= 0) if self.opposed else inside

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
        lows = {x: 1 if x in self.above else -WIDE for x in self.names}
        self.fields = tuple(Field(x, (1,), low=low, high=WIDE, simplest=1) for x, low in lows.items())

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
