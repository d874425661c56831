r"""Kinds for statements about losses of two responses: log-probabilities, lengths and hyper-parameters from 0.

Log-probabilities are rational numbers below 0, one pair of different responses at a time, so that
:math:`e^{\log\pi_w} + e^{\log\pi_l} < 1`: every loss without a sigmoid is then algebra.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Lengths", "LogProbabilities", "NotNegative"]

FAR = 9999  # how far beyond: what is large in comparison has to be drawn so

_HARD = np.array([(1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (3, 2), (5, 1), (10, 1), (1, 10), (1, 99), (99, 1), (5, 2)])


class LogProbabilities(Kind):
    r"""Log-probabilities of a chosen and a rejected response, rational numbers in nats that leave mass for others.

    The check receives `chosen` and `rejected`, with `reference` also `ref_chosen` and `ref_rejected`, with `other`
    also `other_chosen` and `other_rejected` of a second policy. Equal responses, a policy equal to the reference,
    exchanged pairs, certain and very unlikely ones.

    Args:
        reference, other: as above.
        beyond: name of a positive number that is drawn too, its inverse above the negative rejected log-probability.
    """

    def __init__(self, *, reference: bool = False, other: bool = False, beyond: str = "") -> None:
        self.beyond = beyond
        self.pairs = [("chosen", "rejected"), *([("ref_chosen", "ref_rejected")] if reference else []),
                      *([("other_chosen", "other_rejected")] if other else [])]
        room = (Field("room", (2,), high=FAR),) if beyond else ()
        self.fields = (*(Field(x, (2,)) for pair in self.pairs for x in pair), *room)

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
        raw = self._raw(rng, drawn)
        if self.beyond:
            where, room = rng.random((n, 1)), raw["room"]
            room = np.where(where > 0.8, _HARD[rng.integers(0, len(_HARD), n)], room)
            raw["room"] = np.where(where < 0.2, np.c_[rng.integers(100, FAR + 1, n), np.ones(n, dtype=np.int64)], room)
            label = np.where((where[:, 0] < 0.2) & (label == "ordinary"), "far beyond", label)
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        pairs = [self._leaving_room(weights.ordinary(rng, n, 4).reshape(n, 2, 2)) for _ in self.pairs]
        return self._raw(rng, pairs)

    def _raw(self, rng: Rng, drawn: list[np.ndarray]) -> Raw:
        raw = {x: values[:, i] for pair, values in zip(self.pairs, drawn, strict=True) for i, x in enumerate(pair)}
        return raw | ({"room": weights.ordinary(rng, len(drawn[0]), 2)} if self.beyond else {})

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
        out = {f.name: -to.number(raw[f.name][..., :1]) / to.number(raw[f.name][..., 1:]) for f in self.fields}
        if self.beyond:
            out[self.beyond] = 1 / -(out.pop("room") + out["rejected"])
        return out


def _mass(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(-a[..., 0] / a[..., 1]) + np.exp(-b[..., 0] / b[..., 1])


class Lengths(Kind):
    """Numbers of tokens of the two responses: equal, next to each other, one token, or any up to 99."""

    def __init__(self) -> None:
        self.names = ("chosen_length", "rejected_length")
        self.fields = tuple(Field(x, (1,)) for x in self.names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x = weights.ordinary(rng, n, 2)
        names = np.array(["equal lengths", "a token more", "single tokens", "few tokens", "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 8, n), 4)
        x[which == 0, 1] = x[which == 0, 0]
        x[which == 1, 1] = np.minimum(x[which == 1, 0] + 1, 99)
        x[which == 2] = np.minimum(x[which == 2], rng.integers(1, 3, (int((which == 2).sum()), 1)))
        x[which == 3] = rng.integers(1, 4, (int((which == 3).sum()), 2))
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
