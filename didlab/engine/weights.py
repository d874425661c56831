"""Integer weights that break things: the hard classes from which every policy and reward of an instance is drawn.

A class is a way of filling an (n, K) table of positive integers. The base classes look at one table only (ties,
spikes, powers, ...); the related ones derive a table from an earlier one (equal, permuted, squared, one entry
changed, a subset scaled, inverted). They are made for policies as a kind of object, not for any statement.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["BASE", "EXTREME", "RELATED", "SZ_SET", "extreme", "ordinary", "table"]

HIGH = 99
EXTREME = 9_999  # how far policies go where one outcome has nearly all the mass, or nearly none
SZ_SET = 1_000_003  # independent uniform draws from 1..SZ_SET carry the Schwartz-Zippel bound
Rng = np.random.Generator
Make = Callable[[Rng, int, int], np.ndarray]


def _small(rng: Rng, n: int, k: int) -> np.ndarray:
    return rng.integers(1, 10, (n, k))


def _wide(rng: Rng, n: int, k: int) -> np.ndarray:
    return np.exp(rng.uniform(0, np.log(HIGH + 0.99), (n, k))).astype(np.int64)


def _uniform(rng: Rng, n: int, k: int) -> np.ndarray:
    return np.ones((n, k), dtype=np.int64)


def _ties(rng: Rng, n: int, k: int) -> np.ndarray:
    levels = np.sort(rng.integers(1, 10, (n, 2)), -1)
    return np.take_along_axis(levels, rng.integers(0, 2, (n, k)), -1)


def _spike(rng: Rng, n: int, k: int) -> np.ndarray:
    out = rng.integers(1, 3, (n, k))
    out[np.arange(n), rng.integers(0, k, n)] = rng.choice([20, 50, 99], n)
    return out


def _dip(rng: Rng, n: int, k: int) -> np.ndarray:
    out = np.broadcast_to(rng.choice([9, 30, 99], (n, 1)), (n, k)).copy()
    out[np.arange(n), rng.integers(0, k, n)] = rng.integers(1, 3, n)
    return out


def _powers(rng: Rng, n: int, k: int) -> np.ndarray:
    return 2 ** rng.permuted(np.broadcast_to(np.arange(k) % 7, (n, k)), axis=-1)


def _near(rng: Rng, n: int, k: int) -> np.ndarray:
    return rng.choice([30, 60, 98], (n, 1)) + rng.integers(0, 2, (n, k))


BASE: dict[str, Make] = {
    "small": _small,
    "wide": _wide,
    "uniform": _uniform,
    "ties": _ties,
    "spike": _spike,
    "dip": _dip,
    "powers": _powers,
    "near-uniform": _near,
}


def _equal(rng: Rng, w: np.ndarray) -> np.ndarray:
    return w.copy()


def _permuted(rng: Rng, w: np.ndarray) -> np.ndarray:
    return rng.permuted(w, axis=-1)


def _squared(rng: Rng, w: np.ndarray) -> np.ndarray:
    return np.where((w <= 9).all(-1, keepdims=True), w * w, w)


def _one_changed(rng: Rng, w: np.ndarray) -> np.ndarray:
    out = w.copy()
    n, k = w.shape
    out[np.arange(n), rng.integers(0, k, n)] = rng.integers(1, 10, n)
    return out


def _subset_scaled(rng: Rng, w: np.ndarray) -> np.ndarray:
    place = np.argsort(rng.random(w.shape), -1)
    inside = np.where(rng.random((len(w), 1)) < 0.5, place < w.shape[-1] // 2, rng.random(w.shape) < 0.5)
    factor = rng.integers(2, 4, (len(w), 1))
    return np.where(inside & (w <= 33), w * factor, w)


def _inverted(rng: Rng, w: np.ndarray) -> np.ndarray:
    turned = (w.max(-1, keepdims=True) * w.min(-1, keepdims=True)) / w
    return np.maximum(1, np.round(turned)).astype(np.int64)


RELATED: dict[str, Callable[[Rng, np.ndarray], np.ndarray]] = {
    "equal": _equal,
    "permuted": _permuted,
    "squared": _squared,
    "one changed": _one_changed,
    "subset scaled": _subset_scaled,
    "inverted": _inverted,
}


def ordinary(rng: Rng, n: int, k: int) -> np.ndarray:
    """What an unprepared reader would try: independent weights of moderate size."""
    return np.where(rng.random((n, 1)) < 0.5, _small(rng, n, k), _wide(rng, n, k))


def extreme(rng: Rng, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some rows of a table with the largest weight, or all but the least, at the far end; and which rows those are."""
    which = rng.integers(0, 24, len(w))[:, None]
    top, bottom = w == w.max(-1, keepdims=True), w == w.min(-1, keepdims=True)
    far = ((which == 0) & top) | ((which == 1) & ~bottom)
    return np.where(far, EXTREME, w), which[:, 0] < 2


def table(rng: Rng, n: int, k: int, earlier: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """An (n, K) table, a third of it ordinary, and the name of the class of each row."""
    out = ordinary(rng, n, k)
    names = np.full(n, "ordinary", dtype=object)
    hard = list(BASE)[2:]
    pick = rng.integers(0, 3 * len(hard), n)
    for i, name in enumerate(hard):
        rows = np.flatnonzero(pick == i)
        out[rows], names[rows] = BASE[name](rng, len(rows), k), name
    if earlier:
        related = rng.random(n) < 0.5
        which, source = rng.integers(0, len(RELATED), n), rng.integers(0, len(earlier), n)
        for i, name in enumerate(RELATED):
            for j, base in enumerate(earlier):
                rows = np.flatnonzero(related & (which == i) & (source == j))
                out[rows], names[rows] = RELATED[name](rng, base[rows]), name
    return out, names
