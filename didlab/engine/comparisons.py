"""A kind about data sets of preferences: which response was chosen over which, how often, at each prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..objectives.mi_dpo import on_cycles
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Preferences"]


class Preferences(Kind):
    r"""A data set: how often response w was chosen and l rejected at each prompt, counts of shape (X, K, K).

    Drawn as single pairs, pairs labelled both ways, data that follow an order, cycles, two separate cycles with a
    pair between them, and at random; `cyclic` keeps to data in which every pair lies on a cycle.
    """

    def __init__(self, name: str = "counts", *, cyclic: bool = False, sizes: tuple[int, ...] = (1, 2),
                 responses: tuple[int, ...] = (2, 3)) -> None:
        self.name, self.cyclic = name, cyclic
        self.fields = (Field(name, ("X", "K", "K"), low=0, high=9, simplest=0, continuous=False),)
        self.sizes = {"X": sizes, "K": responses}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x, k = shape["X"], shape["K"]
        makers: list[tuple[str, Callable[[], np.ndarray]]] = [
            ("one pair", lambda: self._single(rng, n, x, k)),
            ("an order", lambda: np.triu(rng.integers(0, 4, (n, x, k, k)), 1)),
            ("a cycle", lambda: self._cycle(n, x, k) * rng.integers(1, 4, (n, x, 1, 1))),
            ("both ways", lambda: self._both(rng, n, x, k)),
            ("ordinary", lambda: rng.integers(0, 3, (n, x, k, k)) * (rng.random((n, x, k, k)) < 0.6)),
        ]
        if k >= 4:
            makers.append(("two cycles and a pair between them", lambda: self._bridged(rng, n, x, k)))
        names = np.array([name for name, _ in makers], dtype=object)
        which = rng.choice([2, 3], (n,)) if self.cyclic else rng.integers(0, len(makers), n)
        drawn = np.stack([make() for _, make in makers])
        counts = drawn[which, np.arange(n)]
        order = np.argsort(rng.random((n, x, k)), -1)
        counts = np.take_along_axis(np.take_along_axis(counts, order[..., :, None], -2), order[..., None, :], -1)
        return {self.name: counts * (1 - np.eye(k, dtype=np.int64))}, names[which]

    @staticmethod
    def _single(rng: Rng, n: int, x: int, k: int) -> np.ndarray:
        counts = np.zeros((n, x, k, k), dtype=np.int64)
        counts[np.arange(n), rng.integers(0, x, n), 0, 1] = 1
        return counts

    @staticmethod
    def _cycle(n: int, x: int, k: int) -> np.ndarray:
        step = np.roll(np.eye(k, dtype=np.int64), 1, axis=1)
        return np.broadcast_to(step, (n, x, k, k)).copy()

    @staticmethod
    def _bridged(rng: Rng, n: int, x: int, k: int) -> np.ndarray:
        """Two pairs that are labelled both ways, and one between them that is not."""
        link = np.zeros((k, k), dtype=np.int64)
        for i, j in ((0, 1), (1, 0), (2, 3), (3, 2), (1, 2)):
            link[i, j] = 1
        return link * rng.integers(1, 4, (n, x, k, k))

    @staticmethod
    def _both(rng: Rng, n: int, x: int, k: int) -> np.ndarray:
        some = np.triu(rng.random((n, x, k, k)) < 0.6, 1)
        some[:, 0, 0, 1] = True
        some = some | some.swapaxes(-1, -2)
        return some * rng.integers(1, 4, (n, x, k, k))

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        x, k = shape["X"], shape["K"]
        if self.cyclic:
            return self.draw(rng, n, shape, [])[0]
        counts = rng.integers(0, 3, (n, x, k, k))
        counts[:, 0, 0, 1] += 1
        return {self.name: counts * (1 - np.eye(k, dtype=np.int64))}

    def valid(self, raw: Raw) -> np.ndarray:
        x = raw[self.name]
        empty = np.diagonal(x, axis1=-1, axis2=-2).sum((-1, -2)) == 0
        ok = super().valid(raw) & empty & (x.sum((-1, -2, -3)) > 0)
        return ok & on_cycles(x).all((-1, -2, -3)) if self.cyclic else ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.number(raw[self.name])}

