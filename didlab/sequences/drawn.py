"""Frozen rows drawn for each prefix by a generator of its own: no table of all prefixes is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import number, one_whole
from ..errors import ArgumentError
from .prefixes import tokens_of

__all__ = ["DrawnByPrefix"]


@dataclass(frozen=True)
class DrawnByPrefix:
    """Gaussian rows, the same wherever the prefix is the same; as `prefixes.ByPrefix`, for sequences of any length.

    Attributes:
        vocabulary: V.
        width: numbers in a row.
        seed: of all rows.
        scale: their standard deviation.

    Raises:
        ArgumentError: sizes below 1, a seed below 0, or a scale that is no number.

    >>> rows = DrawnByPrefix(3, 4)([[0, 1, 2], [0, 2, 1]])
    >>> rows.shape, bool((rows[0, :2] == rows[1, :2]).all()), bool((rows[0, 2] == rows[1, 2]).any())
    ((2, 3, 4), True, False)
    """

    vocabulary: int
    width: int
    seed: int = 0
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("vocabulary", 1), ("width", 1), ("seed", 0)):
            one_whole(name, getattr(self, name), least)
        if np.ndim(number("scale", self.scale)):
            raise ArgumentError("scale", "one number", f"shape {np.shape(self.scale)}")

    def __call__(self, sequences: Any) -> np.ndarray:
        """The rows of the prefixes before each token, shape (..., L, width)."""
        y = tokens_of(sequences, self.vocabulary)
        out = np.empty((*y.shape, self.width))
        for index in np.ndindex(y.shape):
            out[index] = _row(self.seed, self.width, tuple(y[index[:-1]][: index[-1]].tolist()))
        return self.scale * out


@lru_cache(maxsize=4096)
def _row(seed: int, width: int, before: tuple[int, ...]) -> np.ndarray:
    # The length is part of the seed: one that is followed by zeros is no other seed.
    return np.random.default_rng([seed, len(before), *before]).normal(size=width)
