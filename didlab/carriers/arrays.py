"""Numpy arrays; a log-ratio that cancels is computed a second time with more digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .floats import SCALE, UNDERFLOW, Floats
from .rounding import two_diff

__all__ = ["Numpy"]

Array = Any
EXTENDED = bool(np.finfo(np.longdouble).eps < 2.0**-60)  # whether a long double is wider than a double


class Numpy(Floats):
    def __init__(self) -> None:
        super().__init__(np)

    def _mode(self, x: Array) -> Array:
        """Positions of the modes in the flattened array."""
        k = x.shape[-1]
        return x.argmax(-1).reshape(-1) + np.arange(0, x.size, k)

    def _take(self, x: Array, index: Array) -> Array:
        return x.reshape(-1)[index].reshape(*x.shape[:-1], 1)

    def _put(self, x: Array, index: Array, value: float) -> Array:
        x = np.ascontiguousarray(x)  # of another layout, what is reshaped would be a copy
        x.reshape(-1)[index] = value
        return x

    def _take_row(self, x: Array, index: Array) -> Array:
        return np.take_along_axis(x, index, -2)

    def _clip(self, x: Array, low: float, high: float) -> Array:
        return np.minimum(np.maximum(x, low), high)

    def _elsewhere(self, mask: Array, value: Array, formula: Callable[..., Array], *args: Array) -> Array:
        """The value, overwritten where the mask holds by the formula of those elements alone."""
        if mask.any():
            value[mask] = formula(*(x[mask] for x in args))
        return value

    def _shallow(self, high: Array) -> bool:
        """Whether the rounding error of high, at most 4 units in the last place of exp(high), may be dropped."""
        return bool(high.min() > -8)

    def _deep_sum(self, weights: Array, high: Array, low: Array) -> Array:
        """The sum of the weights; of scaled ones where it is close to underflow."""
        total = weights.sum(-1)[..., None]
        if total.min() < UNDERFLOW:
            root = np.exp(high / 2) * (weights < 1) * (high < 0)
            total = np.where(total < UNDERFLOW, (root * SCALE * root * (1 + low)).sum(-1)[..., None] / SCALE, total)
        return total

    def log_ratio(self, a: Array, b: Array) -> Array:
        """Where the normaliser cancels the difference: again in extended precision, and then in ball arithmetic."""
        a, b = (np.ascontiguousarray(x) for x in np.broadcast_arrays(a, b))
        _, q, value = self.contrast(a, b)
        d, d_low = two_diff(a, b)
        same = ((d == d[..., :1]) & (d_low == d_low[..., :1])).all(-1)[..., None]
        moved = np.abs(d - (a.max(-1) - b.max(-1))[..., None])
        reach = moved - 2 * (q * np.expm1(np.minimum(value, 0))).sum(-1)[..., None]
        value = np.where(same, 0.0, value)
        doubtful = ((np.abs(value) < reach / 2) | (np.abs(value) < UNDERFLOW)) & ~same
        rows = doubtful.any(-1)
        if EXTENDED and rows.any():
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                fine = _log_ratio_extended(a[rows], b[rows], value[rows])
                bad = ~np.isfinite(fine) | (np.abs(fine) < reach[rows] / 256) | (np.abs(fine) < UNDERFLOW)
            value[rows] = np.where(doubtful[rows], fine, value[rows])
            doubtful[rows] &= bad
        for row in np.argwhere(doubtful.any(-1)):
            i = tuple(row)
            value[i][doubtful[i]] = _log_ratio_balls(a[i], b[i], np.flatnonzero(doubtful[i]))
        return value


def _log_ratio_extended(a: Array, b: Array, guess: Array) -> Array:
    """log p - log q of rows with the normaliser of a guess corrected in extended precision (64 bits)."""
    top = b.argmax(-1)[..., None]
    d, low = two_diff(a.astype(np.longdouble), b.astype(np.longdouble))
    d = (d - (np.take_along_axis(d, top, -1) - np.take_along_axis(guess, top, -1))) + low
    log_weights = b.astype(np.longdouble) - np.take_along_axis(b, top, -1)
    weights = np.exp(log_weights)
    excess = np.where(d < 1, weights * np.expm1(np.minimum(d, 1)), np.exp(log_weights + np.maximum(d, 1)) - weights)
    return (d - np.log1p(excess.sum(-1) / weights.sum(-1))[..., None]).astype(np.float64)


def _log_ratio_balls(a: Array, b: Array, which: Array) -> list[float]:
    """The chosen elements of log p - log q, correctly rounded up to one part in 2^64."""
    from flint import arb, ctx

    x, y = [arb(v) for v in a.tolist()], [arb(v) for v in b.tolist()]
    before = ctx.prec
    try:
        ctx.prec = 128
        while True:
            p_total, q_total = arb(0), arb(0)
            for u, v in zip(x, y, strict=True):
                p_total, q_total = p_total + u.exp(), q_total + v.exp()
            shift = (q_total / p_total).log()
            values = [x[i] - y[i] + shift for i in which]
            if all(v.rel_accuracy_bits() > 64 or bool(abs(v) < arb(2) ** -1080) for v in values):
                return [float(v.mid()) for v in values]
            ctx.prec *= 2
    finally:
        ctx.prec = before
