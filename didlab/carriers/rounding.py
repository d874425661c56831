"""Sums and products of floats with their exact rounding errors."""

from __future__ import annotations

from typing import Any

__all__ = ["two_diff", "two_prod", "two_sum"]

Array = Any


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b as a rounded sum and its exact rounding error (Knuth)."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def two_diff(a: Array, b: Array) -> tuple[Array, Array]:
    """a - b as a rounded difference and its exact rounding error.

    >>> two_diff(1.0, 1e-20)
    (1.0, -1e-20)
    """
    return two_sum(a, -b)


def two_prod(a: Array, b: Array) -> tuple[Array, Array]:
    """a * b as a rounded product and its exact rounding error (Dekker; float64 below 1e290)."""
    def split(x: Array) -> tuple[Array, Array]:
        t = 134217729.0 * x
        high = t - (t - x)
        return high, x - high

    (ah, al), (bh, bl) = split(a), split(b)
    p = a * b
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl
