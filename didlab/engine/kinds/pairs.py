"""Pairs of outcomes: one of them, and the graph of those that a data set compares."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from ..lifts import SYMBOLIC, Lift
from .kind import Field, Kind, Raw, Rng, Shape

__all__ = ["Graph", "Pair"]


class Pair(Kind):
    """A chosen and a rejected outcome, different from each other, among those of an array `of` drawn with them."""

    def __init__(self, of: str, *, chosen: str = "chosen", rejected_index: str = "rejected_index") -> None:
        self.of, self.names = of, (chosen, rejected_index)
        self.fields = (Field("pair", (2,), low=0, simplest=0, continuous=False),)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k = shape["K"]
        first = rng.integers(0, k, n)
        return {"pair": np.c_[first, (first + rng.integers(1, k, n)) % k]}, np.full(n, "ordinary", dtype=object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self.draw(rng, n, shape, [])[0]

    def valid(self, raw: Raw) -> np.ndarray:
        pair = raw["pair"]
        inside = (pair < raw[self.of].shape[-1]).all(-1)
        return super().valid(raw) & inside & (pair[..., 0] != pair[..., 1])

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.names[0]: raw["pair"][..., 0], self.names[1]: raw["pair"][..., 1]}


class Graph(Kind):
    """Which pairs of outcomes a data set compares, and how often: symmetric counts, every outcome in some pair.

    Complete, a path, a star, a matching, random, or only outcomes at which the arrays drawn earlier have one ratio.
    """

    def __init__(self, name: str = "comparisons") -> None:
        self.name = name
        self.fields = (Field(name, ("K", "K"), low=0, high=9, simplest=0, continuous=False),)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k = shape["K"]
        names = np.array(["complete", "path", "star", "matching", "random", "alike", "alike"], dtype=object)
        which = rng.integers(0, 7, n)
        order = np.argsort(rng.random((n, k)), -1)
        place = np.argsort(order, -1)
        a, b = place[:, :, None], place[:, None, :]
        edges = np.stack(
            [
                np.ones((n, k, k), bool),
                abs(a - b) == 1,
                (a == 0) | (b == 0),
                (a // 2 == b // 2) | ((k % 2 == 1) & (np.minimum(a, b) == k - 2) & (np.maximum(a, b) == k - 1)),
                np.triu(rng.random((n, k, k)) < 0.5),
                *2 * [_alike([e for e in earlier if e.shape == (n, k)], n, k)],
            ]
        )[which, np.arange(n)]
        edges = (edges | edges.swapaxes(1, 2)) & ~np.eye(k, dtype=bool)
        lonely: np.ndarray = np.logical_not(edges.any(-1))
        edges = edges | ((lonely[:, :, None] | lonely[:, None, :]) & (abs(a - b) == 1))
        edges = np.where(edges.any(-1).all(-1)[:, None, None], edges, ~np.eye(k, dtype=bool))
        counts = np.triu(rng.integers(1, 4, (n, k, k)))
        return {self.name: (counts + np.triu(counts, 1).swapaxes(1, 2)) * edges}, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        k = shape["K"]
        counts = np.triu(rng.integers(1, 4, (n, k, k)), 1)
        return {self.name: counts + counts.swapaxes(1, 2)}

    def valid(self, raw: Raw) -> np.ndarray:
        x = raw[self.name]
        symmetric = np.all(x == x.swapaxes(-1, -2), (-1, -2)) & np.all(np.diagonal(x, axis1=-1, axis2=-2) == 0, -1)
        return super().valid(raw) & symmetric & (x > 0).any(-1).all(-1)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        if to is SYMBOLIC:
            count = to.number(raw[self.name] * 0)
            for (i, j), x in zip(combinations(range(len(count)), 2), raw[f"{self.name} of a pair"], strict=True):
                count[i, j] = count[j, i] = x
            return {self.name: count}
        return {self.name: to.number(raw[self.name])}

    def symbolic_extra(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """An indeterminate for the count of each pair: a proof is about every graph."""
        return {f"{self.name} of a pair": (shape["K"] * (shape["K"] - 1) // 2,)}


def _alike(earlier: list[np.ndarray], n: int, k: int) -> np.ndarray:
    """Pairs of outcomes at which any two of the arrays drawn earlier have one ratio (a single one is constant)."""
    out = np.ones((n, k, k), dtype=bool)
    for i, x in enumerate(earlier):
        y = earlier[i - 1] if i else np.ones_like(x) if len(earlier) == 1 else x
        out &= x[:, :, None] * y[:, None, :] == x[:, None, :] * y[:, :, None]
    return out
