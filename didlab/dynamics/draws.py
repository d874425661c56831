r"""Pairs drawn from an alias table over the K x K cells, by a generator that counts.

Draw number n of a stream is a hash of (key, n): a run can start at any step, and every configuration sees the same
pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, uint64

from ..arguments import floats, one_whole
from ..errors import ArgumentError

__all__ = ["alias_table", "draw_cells", "stream_key"]

GOLDEN, MIX_1, MIX_2 = uint64(0x9E3779B97F4A7C15), uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB)
REST = uint64(2**40 - 1)


def alias_table(weights: Any) -> np.ndarray:
    r"""The alias table of a finite distribution: each draw then costs one random number.

    Every cell holds mass 1/n: its own up to `keep`, the rest lent by `other`.

    Args:
        weights: shape (n,), n at most 2^24, not negative, with a positive finite sum.

    Returns:
        `keep` in units of 2^-40, in the low 40 bits, and `other` in the high 24, so that a draw reads one number. A
        cell that keeps all has itself for other.

    Raises:
        ArgumentError: negative, not finite, all zero, or too many.

    >>> alias_table([3.0, 1.0])
    array([1099511627775,  549755813888], dtype=uint64)

    Ref: Vose 1991, A linear algorithm for generating random numbers with a given distribution.
    """
    w = floats("weights", weights)
    if w.ndim != 1 or (w < 0).any() or not w.sum() > 0:
        raise ArgumentError("weights", "a row of numbers >= 0 with a positive sum", f"shape {w.shape}")
    if w.size > 2**24:
        raise ArgumentError("weights", "at most 2^24 numbers", str(w.size))
    keep, other = w / w.sum() * w.size, np.arange(w.size, dtype=np.uint64)
    _lend(keep, other)
    return np.minimum(np.round(keep * 2.0**40), 2.0**40 - 1).astype(np.uint64) | other << np.uint64(40)


@njit(error_model="numpy", cache=True)
def _lend(keep: Any, other: Any) -> None:
    """Cells that hold too much lend to those that hold too little, in place."""
    small, large = np.empty(keep.size, np.int64), np.empty(keep.size, np.int64)
    few = many = 0
    for i in range(keep.size):
        if keep[i] < 1:
            small[few] = i
            few += 1
        else:
            large[many] = i
            many += 1
    while few and many:
        few -= 1
        i, j = small[few], large[many - 1]
        other[i] = uint64(j)
        keep[j] -= 1 - keep[i]
        if keep[j] < 1:
            many -= 1
            small[few] = j
            few += 1
    for k in range(few):
        keep[small[k]] = 1.0
    for k in range(many):
        keep[large[k]] = 1.0


def stream_key(seed: int, stream: int = 0) -> int:
    """The 64-bit key of a stream of draws.

    >>> stream_key(42) != stream_key(42, 1) != stream_key(43)
    True
    """
    s, t = one_whole("seed", seed, 0), one_whole("stream", stream, 0)
    return int(np.random.SeedSequence([s, t]).generate_state(1, np.uint64)[0])


@njit(error_model="numpy", cache=True)
def fill_cells(table: Any, key: Any, first: Any, out: Any) -> None:
    """Draws first, first + 1, ... of the stream, into `out`: 40 random bits choose a cell and where in it."""
    n = uint64(table.size)
    for k in range(out.size):  # apart from the table, so that the compiler can make vectors of it
        z = key + (uint64(first) + uint64(k)) * GOLDEN
        z = (z ^ (z >> uint64(30))) * MIX_1
        z = (z ^ (z >> uint64(27))) * MIX_2
        out[k] = ((z ^ (z >> uint64(31))) >> uint64(24)) * n
    for k in range(out.size):
        z = uint64(out[k])
        c = z >> uint64(40)
        entry = table[c]
        out[k] = c if (z & REST) < (entry & REST) else entry >> uint64(40)


def draw_cells(table: np.ndarray, key: int, step: int, batch: int) -> np.ndarray:
    """The cells of the pairs of one step, shape (batch,): cell i K + j is chosen i, rejected j.

    >>> draw_cells(alias_table([0.0, 1.0]), stream_key(1), 0, 4)
    array([1, 1, 1, 1])
    """
    out = np.empty(one_whole("batch", batch, 1), np.int64)
    fill_cells(table, np.uint64(key), one_whole("step", step, 0) * out.size, out)
    return out
