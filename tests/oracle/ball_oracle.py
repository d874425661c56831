"""The measures by their textbook formulas in ball arithmetic, and the distance of a float64 from the true value.

Inputs count as exact doubles. Each formula is written as in a textbook, from normalised probabilities, with none of
the rearrangements of the library; the precision is doubled until every value is known far beyond a double.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

START, STOP = 256, 1 << 15
TINY = arb(1) / arb(2) ** 1080  # far below half of the smallest subnormal


def balls(x: Any) -> list[arb]:
    return [arb(float(v)) for v in x]


def _total(x: list[arb]) -> arb:
    return sum(x, arb(0))


def _softmax(x: list[arb]) -> tuple[list[arb], arb]:
    e = [v.exp() for v in x]
    s = _total(e)
    return [v / s for v in e], s.log()


def entropy(a: list[arb]) -> list[arb]:
    p, n = _softmax(a)
    return [n - _total([u * v for u, v in zip(p, a, strict=True)])]


def kl_divergence(a: list[arb], b: list[arb]) -> list[arb]:
    p, n = _softmax(a)
    m = _total([v.exp() for v in b]).log()
    return [_total([u * (v - w) for u, v, w in zip(p, a, b, strict=True)]) + (m - n)]


def js_divergence(a: list[arb], b: list[arb]) -> list[arb]:
    (p, n), (q, m) = _softmax(a), _softmax(b)
    terms = []
    for u, v, x, y in zip(p, q, a, b, strict=True):
        middle = ((u + v) / 2).log()
        terms.append(u * (x - n - middle) + v * (y - m - middle))
    return [_total(terms) / 2]


def log_ratio(a: list[arb], b: list[arb]) -> list[arb]:
    c = _total([v.exp() for v in b]).log() - _total([v.exp() for v in a]).log()
    return [v - w + c for v, w in zip(a, b, strict=True)]


def _log_softmax(d: list[arb]) -> list[arb]:
    n = _total([v.exp() for v in d]).log()
    return [v - n for v in d]


def did_distribution(a: list[arb], b: list[arb]) -> list[arb]:
    return _log_softmax([v - w for v, w in zip(a, b, strict=True)])


def log_partition(a: list[arb], b: list[arb]) -> list[arb]:
    return [_total([v.exp() for v in log_ratio(a, b)]).log()]


def did_entropy(a: list[arb], b: list[arb]) -> list[arb]:
    return entropy([v - w for v, w in zip(a, b, strict=True)])


def ideal_rejected(a: list[arb], b: list[arb], beta: float) -> list[arb]:
    return _log_softmax([w + arb(beta) * (w - v) for v, w in zip(a, b, strict=True)])


def mutual_information(rho: list[arb], rows: list[list[arb]]) -> list[arb]:
    weights, _ = _softmax(rho)
    parts = [_softmax(row) for row in rows]
    total = arb(0)
    for y in range(len(rows[0])):
        joint = [w * p[y] for w, (p, _) in zip(weights, parts, strict=True)]
        middle = _total(joint).log()
        for j, row, (_, n) in zip(joint, rows, parts, strict=True):
            total += j * (row[y] - n - middle)
    return [total]


def power_law(a: Any, b: Any, r: Any) -> list[Any]:
    """Rational arithmetic: the slope (NaN where there is none) and the largest deviation."""
    t, f, l = ([fmpq(*float(v).as_integer_ratio()) for v in z] for z in (a, b, r))  # noqa: E741
    k = len(t)
    x, y = [u - v for u, v in zip(t, f, strict=True)], [u - v for u, v in zip(f, l, strict=True)]
    sx, sy = sum(x, fmpq(0)), sum(y, fmpq(0))
    square = k * sum((u * u for u in x), fmpq(0)) - sx * sx
    if square == 0:
        return [math.nan, max(abs(v - sy / k) for v in y)]
    beta = (k * sum((u * v for u, v in zip(x, y, strict=True)), fmpq(0)) - sx * sy) / square
    mean = sy / k - beta * (sx / k)
    return [beta, max(abs(v - beta * u - mean) for u, v in zip(x, y, strict=True))]


def _known(x: arb) -> bool:
    return x.rel_accuracy_bits() >= 110 or bool(abs(x) < TINY)


def settled(formula: Callable[..., list[Any]], *args: Any) -> np.ndarray:
    """The values of a ball formula, correctly rounded to float64 (subnormals and 0 included)."""
    before = ctx.prec
    try:
        ctx.prec = START
        while ctx.prec <= STOP:
            values = formula(*args)
            if all(not isinstance(v, arb) or _known(v) for v in values):
                return np.array([_rounded(v) for v in values])
            ctx.prec *= 2
    finally:
        ctx.prec = before
    raise AssertionError(f"not settled at {STOP} bits")


def _rounded(v: Any) -> float:
    if isinstance(v, float):
        return v
    if isinstance(v, fmpq):
        return float(Fraction(int(v.p), int(v.q)))
    return float(v.mid()) if bool(abs(v) >= TINY) else 0.0


def ulps(value: Any, truth: Any) -> float:
    """The largest distance in units in the last place of the correctly rounded truth."""
    value, truth = np.atleast_1d(np.asarray(value, dtype=np.float64)), np.atleast_1d(truth)
    assert value.shape == truth.shape, (value.shape, truth.shape)
    with np.errstate(over="ignore"):
        distance = np.abs(value - truth) / np.spacing(np.abs(truth))
    if (np.isnan(value) != np.isnan(truth)).any():
        return math.inf
    return float(np.where(np.isnan(truth), 0.0, distance).max())
