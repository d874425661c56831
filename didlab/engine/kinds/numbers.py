"""Numbers: positive rationals, thresholds in nats, what counts as about 0, small integer arrays, geometric policies."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import weights
from ..lifts import Lift
from .kind import Field, Kind, Raw, Rng, Shape

__all__ = ["Geometric", "Integers", "Numbers", "Small", "Threshold"]


class Numbers(Kind):
    """A positive rational number; the hard ones are at and near 0, 1 and infinity."""

    _HARD = np.array([(1, 1), (1, 2), (2, 1), (1, 99), (99, 1), (98, 99), (99, 98), (1, 10), (10, 1), (3, 2), (2, 3)])

    def __init__(self, name: str, *, below_one: bool = False) -> None:
        self.name, self.below_one = name, below_one
        self.fields = (Field(name, (2,)),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        hard = rng.random((n, 1)) < 0.5
        raw = np.where(hard, self._HARD[rng.integers(0, len(self._HARD), n)], weights.ordinary(rng, n, 2))
        raw = self._inside(raw)
        return {self.name: raw}, np.where(hard[:, 0], "hard number", "ordinary").astype(object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.name: self._inside(weights.ordinary(rng, n, 2))}

    def _inside(self, raw: np.ndarray) -> np.ndarray:
        if not self.below_one:
            return raw
        raw = np.sort(raw, -1)
        return np.where(raw[..., :1] == raw[..., 1:], np.array([1, 2]), raw)

    def valid(self, raw: Raw) -> np.ndarray:
        x = raw[self.name]
        return super().valid(raw) & ((x[..., 0] < x[..., 1]) if self.below_one else True)

    def repaired(self, raw: Raw) -> Raw:
        return {self.name: self._inside(raw[self.name])}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.ratio(raw[self.name])}


class Threshold(Numbers):
    r"""A positive number of nats, :math:`\log t` with rational :math:`t > 1`."""

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw[self.name][..., 0] > raw[self.name][..., 1])

    def _inside(self, raw: np.ndarray) -> np.ndarray:
        raw = np.sort(raw, -1)[..., ::-1]
        return np.where(raw[..., :1] == raw[..., 1:], np.array([2, 1]), raw)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.log(super().lift(raw, to)[self.name])}


class Small(Kind):
    r"""What "about 0" may mean: a threshold :math:`\epsilon = 1/n`, from 1/10 down."""

    def __init__(self, name: str = "epsilon", *, high: int = 9999) -> None:
        self.name = name
        self.fields = (Field(name, (1,), low=10, high=high, simplest=10),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x = np.exp(rng.uniform(np.log(10), np.log(self.fields[0].high), (n, 1)))
        return {self.name: x.astype(np.int64)}, np.full(n, "ordinary", dtype=object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self.draw(rng, n, shape, [])[0]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: 1 / to.number(raw[self.name])}


class Integers(Kind):
    """A small integer array (coefficients, gradients): zeros, repeated, parallel and opposite ones included.

    Square ones of counts are drawn symmetric, and as cycles of three outcomes or more on which nothing is symmetric.
    """

    def __init__(self, *names: str, axes: tuple[str | int, ...] = ("D",), low: int = -3, high: int = 3) -> None:
        self.names = names
        self.fields = tuple(Field(x, axes, low=low, high=high, simplest=0 if low <= 0 else low) for x in names)
        sizes: dict[str, tuple[int, ...]] = {a: (1, 2, 3) for a in axes if isinstance(a, str) and a != "K"}
        self.sizes = sizes | ({"K": (2, 3, 4, 5, 6)} if "K" in axes else {})

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            x = rng.integers(f.low, f.high + 1, (n, *f.shape(shape)))
            zero = rng.random(n) < 0.1
            if f.low <= 0:
                x[zero] = 0
                label[zero] = "zero"
            if len(f.axes) == 2 and f.axes[0] == f.axes[1] and f.low >= 0:
                which = np.where(label == "ordinary", rng.integers(0, 6, n), -1)
                built = {"symmetric": np.minimum(x, x.swapaxes(1, 2)), "cycle": _cycles(rng, x)}
                for i, (name, y) in enumerate(built.items()):
                    x[which == i], label[which == i] = y[which == i], name
            for other in list(raw.values()):
                parallel = rng.random(n) < 0.2
                x[parallel] = np.clip(
                    other[parallel] * rng.choice([-1, 1, 2], parallel.sum()).reshape(-1, *(1,) * (x.ndim - 1)),
                    f.low,
                    f.high,
                )
                label[parallel] = "parallel"
            raw[f.name] = x
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: rng.integers(f.low, f.high + 1, (n, *f.shape(shape))) for f in self.fields}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.number(raw[f.name]) for f in self.fields}


def _cycles(rng: Rng, like: np.ndarray) -> np.ndarray:
    """One cycle through all K outcomes, in a random order, every step as often; shape (n, K, K)."""
    n, k, _ = like.shape
    order = np.argsort(rng.random((n, k)), -1)
    out = np.zeros_like(like)
    often = np.maximum(like.max((1, 2)), 1)[:, None]
    out[np.arange(n)[:, None], order, np.roll(order, 1, axis=1)] = often
    return out


class Geometric(Kind):
    r"""Policies on the outcomes 0, 1, 2, ...: :math:`\pi(n) = (1-a) a^n`, given by a rational a in (0, 1).

    From the second policy on, a fifth each are equal to the first, next to it, and its square.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self.fields = tuple(Field(name, (2,)) for name in names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            raw |= Numbers(f.name, below_one=True).draw(rng, n, shape, [])[0]
            if len(raw) > 1:
                first = next(iter(raw.values()))
                squared = np.where((first <= 9).all(-1, keepdims=True), first * first, first)
                close = np.where((first < 99).all(-1, keepdims=True), first + 1, first - 1)
                close = np.where(close[:, :1] < 1, first, close)
                which = np.minimum(rng.integers(0, 5, n), 3)
                for i, (name, x) in enumerate((("equal", first), ("next to it", close), ("squared", squared))):
                    raw[f.name][which == i], label[which == i] = x[which == i], name
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: Numbers(f.name, below_one=True).plain(rng, n, shape)[f.name] for f in self.fields}

    def valid(self, raw: Raw) -> np.ndarray:
        ok = super().valid(raw)
        for name in self.names:
            ok = ok & (raw[name][..., 0] < raw[name][..., 1])
        return ok

    def repaired(self, raw: Raw) -> Raw:
        return {name: x for f in self.fields for name, x in Numbers(f.name, below_one=True).repaired(raw).items()}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {x: to.ratio(raw[x]) for x in self.names}
