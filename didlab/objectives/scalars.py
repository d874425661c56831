r"""The slopes of every objective as one function of scalars that numba can inline.

`row = objective.form.row()` holds the coefficients; a program stacks the rows of its configurations and calls
`slopes(w, l, rw, rl, row)` (lengths are 1). A loop over many pairs of few outcomes gains by splitting it: the scores
depend on one outcome each, so only `link_slope(code, a_w - b_l - offset)` is left inside the loop over pairs:

    a[i], da[i] = chosen_score(v[i], r[i], row);  b[j], db[j] = rejected_score(v[j], r[j], row)
    dg[i] = chosen_term(v[i], r[i], row);         dk[j] = rejected_term(v[j], r[j], row)
    s = row[WEIGHT] * link_slope(row[LINK], a[i] - b[j] - row[OFFSET])
    d_w = s * da[i] + dg[i];  d_l = -s * db[j] + dk[j]

>>> from didlab import objectives
>>> slopes(-1.0, -1.0, -1.0, -1.0, np.array(objectives.get("log-pi").form.row()))
(-0.5, 0.5)
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

__all__ = [
    "LINK", "OFFSET", "WEIGHT", "chosen_score", "chosen_term", "link_slope", "rejected_score", "rejected_term",
    "slopes",
]

LINK, SCALE, ODDS, REFERENCE, OFFSET, PENALTY, NLL, PULL, TARGET, GAIN_W, GAIN_L, STEEP, ORIGIN, WEIGHT = range(14)
_njit: Any = numba.njit(error_model="numpy")


@_njit
def link_slope(code: float, x: float) -> float:
    """f'(x): -1/(1+exp(x)) for 0 (logistic), -1 below 0 for 1 (hinge), 2x for 2 (square), 0 otherwise."""
    if code == 0.0:
        e = math.exp(-abs(x))
        return -(e if x >= 0.0 else 1.0) / (1.0 + e)
    if code == 1.0:
        return -1.0 if x < 0.0 else 0.0
    return 2.0 * x if code == 2.0 else 0.0


@_njit
def rejected_score(v: float, r: float, row: np.ndarray) -> tuple[float, float]:
    """b and b'."""
    b, slope = row[SCALE] * v - row[REFERENCE] * r, row[SCALE]
    if row[ODDS] != 0.0:
        v = min(v, -1.4916681462400413e-154)
        rest = -math.expm1(v)
        log_rest = math.log(rest) if v > -0.6931471805599453 else math.log1p(-math.exp(v))
        b, slope = b + row[ODDS] * (v - log_rest), slope + row[ODDS] / rest
    return b, slope


@_njit
def chosen_score(v: float, r: float, row: np.ndarray) -> tuple[float, float]:
    """a and a'."""
    a, slope = rejected_score(v, r, row)
    if v < r:
        a, slope = a - row[PENALTY] * (r - v), slope + row[PENALTY]
    return a, slope


@_njit
def _gain_slope(gain: float, e: float, y: float) -> float:
    """The slope of gain * sigma(y) where y grows by e."""
    if gain == 0.0:
        return 0.0
    t = math.exp(-abs(y))
    return gain * e * t / ((1.0 + t) * (1.0 + t))


@_njit
def chosen_term(v: float, r: float, row: np.ndarray) -> float:
    """g'."""
    e, h = row[STEEP], v - r
    return -row[NLL] + 2.0 * row[PULL] * (h - row[TARGET]) + _gain_slope(row[GAIN_W], -e, row[ORIGIN] - e * h)


@_njit
def rejected_term(v: float, r: float, row: np.ndarray) -> float:
    """k'."""
    e, h = row[STEEP], v - r
    return 2.0 * row[PULL] * (h + row[TARGET]) + _gain_slope(row[GAIN_L], e, e * h - row[ORIGIN])


@_njit
def slopes(w: float, l: float, rw: float, rl: float, row: np.ndarray) -> tuple[float, float]:  # noqa: E741
    """(d_w, d_l) of one pair of responses of length 1."""
    a, da = chosen_score(w, rw, row)
    b, db = rejected_score(l, rl, row)
    s = row[WEIGHT] * link_slope(row[LINK], a - b - row[OFFSET])
    return s * da + chosen_term(w, rw, row), -s * db + rejected_term(l, rl, row)
