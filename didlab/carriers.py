r"""The few array functions every formula is written in, for four kinds of numbers.

A formula is written once, over arrays of log-probabilities whose last axis holds the outcomes. What differs between
kinds of numbers is how a scalar kernel such as :math:`e^{-\delta}-1+\delta` is computed without losing digits:

==============  =====================================  ===============================================
carrier         elements                               kernels
==============  =====================================  ===============================================
`Numpy`         float64                                piecewise and stable
`Torch`         tensors (any float dtype, any device)  piecewise, every branch finite, differentiable
`Objects`       `arb` balls, exact :class:`LogForm`    the direct expression
==============  =====================================  ===============================================

Differences of inputs keep their rounding error (`two_diff`), so that inputs count as exact at any size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np

__all__ = ["NUMPY", "Carrier", "by_rows", "carrier_of", "two_diff", "two_prod", "two_sum"]

Array = Any
SCALE = 2.0**800  # weights are scaled by this where a result would be subnormal
CAREFUL_BELOW = 1e-6  # below it, divergences are computed a second time with a refined normaliser
BLOCK = 1 << 14  # elements per block of rows: the temporaries of a formula then stay in the cache


class Carrier(Protocol):
    """What a kind of numbers must offer to carry the formulas."""

    def exp(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def sum(self, x: Array) -> Array: ...
    def log_softmax(self, x: Array, low: Array = 0.0) -> Array: ...
    def softmax(self, x: Array, low: Array = 0.0, *, scaled: bool = False) -> Array: ...
    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]: ...
    def mixture_contrast(self, rho: Array, table: Array) -> tuple[Array, ...]: ...
    def log_sum_exp(self, x: Array) -> Array: ...
    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array: ...
    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array: ...
    def sigmoid(self, x: Array) -> Array: ...
    def log_sigmoid(self, x: Array) -> Array: ...
    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array: ...


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


class Floats:
    """Kernels shared by numpy arrays and torch tensors; `xp` is the module, the rest bridges its few differences."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.exp, self.log, self.log1p, self.expm1 = xp.exp, xp.log, xp.log1p, xp.expm1
        self.tanh, self.where, self.abs, self.minimum, self.maximum = xp.tanh, xp.where, xp.abs, xp.minimum, xp.maximum

    def sum(self, x: Array) -> Array:
        return x.sum(-1)

    def _anchor(self, x: Array, low: Array) -> tuple[Array, Array, Array]:
        """t = x - max(x) in two parts, and the sum of exp(t) over the outcomes other than the (first) mode."""
        top = x.argmax(-1)[..., None]
        high, error = two_diff(x, self._take(x, top))
        error = error + low - (self._take(low, top) if hasattr(low, "shape") and low.ndim else low)
        others = self._zero_at(self.exp(high) * (1 + error), top)
        return high, error, others.sum(-1)[..., None]

    def log_softmax(self, x: Array, low: Array = 0.0) -> Array:
        high, error, others = self._anchor(x, low)
        return high - (self.log1p(others) - error)

    def softmax(self, x: Array, low: Array = 0.0, *, scaled: bool = False) -> Array:
        high, error, others = self._anchor(x, low)
        return self._weights(high, error, others, scaled)

    def _weights(self, high: Array, error: Array, others: Array, scaled: bool) -> Array:
        if scaled:
            root = self.exp(high / 2)
            return (root * SCALE) * root * (1 + error) / (1 + others)
        return self.exp(high) * (1 + error) / (1 + others)

    def log_sum_exp(self, x: Array) -> Array:
        top = x.argmax(-1)[..., None]
        _, _, others = self._anchor(x, 0.0)
        return (self._take(x, top) + self.log1p(others))[..., 0]

    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]:
        """Probabilities p, q of two policies and log p - log q.

        log p - log q = d - L with d = a - b and L = log sum q exp(d). A first guess of L comes from the anchors;
        `careful` corrects it by log1p(sum q expm1(d - L)), which keeps the digits of nearly equal policies.
        """
        (ha, la, sa), (hb, lb, sb) = self._anchor(a, 0.0), self._anchor(b, 0.0)
        p, q = self._weights(ha, la, sa, False), self._weights(hb, lb, sb, False)
        d, d_low = two_diff(a, b)
        top_a, top_b = self._take(a, a.argmax(-1)[..., None]), self._take(b, b.argmax(-1)[..., None])
        anchor, anchor_low = two_diff(top_a, top_b)
        log_ratio = (d - anchor) + ((d_low - anchor_low) - (self.log1p(sa) - self.log1p(sb)))
        if careful:
            near = self.minimum(log_ratio, 0 * log_ratio + 1)
            excess = self.where(log_ratio > 1, p - q, q * self.expm1(near))
            log_ratio = log_ratio - self.log1p(excess.sum(-1)[..., None])
        if scaled:
            p, q = self._weights(ha, la, sa, True), self._weights(hb, lb, sb, True)
        return p, q, log_ratio

    def mixture_contrast(self, rho: Array, table: Array) -> tuple[Array, ...]:
        """Each row p(.|x), the mixture m = sum_x rho(x) p(.|x), and log p(.|x) - log m.

        With g(x) = log p(.|x) - log p(.|x0) for the likeliest x0, log m = log p(.|x0) + log1p(sum rho expm1(g)).
        """
        weights = self.softmax(rho)[..., None]
        index = rho.argmax(-1)[..., None, None] + 0 * (table[..., :1, :] > 0)
        base = np.take_along_axis(table, index, -2) if self.xp is np else table.gather(-2, index)
        p, _, g = self.contrast(table, base + 0 * table)
        near = (self.abs(g) < 30).all(-2)[..., None, :]
        excess = (weights * self.expm1(self.where(near, g, 0 * g))).sum(-2)[..., None, :]
        log_p, log_w = self.log_softmax(table), self.log_softmax(rho)[..., None]
        joint = (log_p + log_w).swapaxes(-1, -2)
        direct = log_p - self.log_sum_exp(joint)[..., None, :]
        return p, (weights * p).sum(-2)[..., None, :], self.where(near, g - self.log1p(excess), direct)

    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        r"""p (exp(-d) - 1 + d) with d the log-ratio: not negative, 0 only at d = 0."""
        d = log_ratio
        middle = self._clip(d, -1.0, 0.5)
        series = 0 * middle + _KL_SERIES[-1]
        for c in _KL_SERIES[-2::-1]:
            series = series * middle + c
        far = self.maximum(d, 0 * d + 0.5)
        tail = self.where(d > 0, p * (self.expm1(-far) + far), (q - p) + p * d)
        return self.where((d >= -1) & (d <= 0.5), p * (middle * middle * series), tail)

    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        r"""m h(x), m = (p+q)/2, x = tanh(d/2): h = (x d + log(1-x^2))/2 near 0, log 2 - log(1+e) - |d| e/(1+e) far."""
        m, size = (p + q) / 2, self.abs(log_ratio)
        near = size <= 2
        half = self.where(near, log_ratio, 0 * log_ratio + 2.0) / 2
        x = self.tanh(half)
        curve = self.log1p(self.where(near, -x * x, self.exp(-size)))
        far = m * (_LOG2 - curve) - size * self.minimum(p, q) / 2
        return self.where(near, m * (x * half + curve / 2), far)

    def sigmoid(self, x: Array) -> Array:
        e = self.exp(-self.abs(x))
        return self.where(x >= 0, 0 * e + 1, e) / (1 + e)

    def log_sigmoid(self, x: Array) -> Array:
        return self.minimum(x, 0 * x) - self.log1p(self.exp(-self.abs(x)))

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        """formula(careful, scaled): plain first, then careful and scaled wherever the result is below a bound."""
        plain = formula(False, False)
        small = plain < below
        return self.where(small, formula(True, True) / SCALE, plain) if bool(small.any()) else plain


_LOG2 = 0.6931471805599453
_KL_SERIES = [1.0]
for _n in range(3, 21):
    _KL_SERIES.append(-_KL_SERIES[-1] / _n)
_KL_SERIES = [c / 2 for c in _KL_SERIES]


class Numpy(Floats):
    def __init__(self) -> None:
        super().__init__(np)

    def _take(self, x: Array, index: Array) -> Array:
        return np.take_along_axis(x, index, -1)

    def _zero_at(self, x: Array, index: Array) -> Array:
        np.put_along_axis(x, index, 0.0, -1)
        return x

    def _clip(self, x: Array, low: float, high: float) -> Array:
        return np.clip(x, low, high)


class Torch(Floats):
    def __init__(self) -> None:
        super().__init__(sys.modules["torch"])

    def _take(self, x: Array, index: Array) -> Array:
        return x.gather(-1, index)

    def _zero_at(self, x: Array, index: Array) -> Array:
        return x.scatter(-1, index, 0.0)

    def _clip(self, x: Array, low: float, high: float) -> Array:
        return x.clamp(low, high)

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        return formula(True, False)


class Objects:
    """Arrays of balls or exact numbers: the direct expressions, nothing truncated, nothing rounded silently."""

    def __init__(self) -> None:
        from . import exact

        self._exp, self._log = np.frompyfunc(exact.exp, 1, 1), np.frompyfunc(exact.log, 1, 1)

    def exp(self, x: Array) -> Array:
        return self._exp(x)

    def log(self, x: Array) -> Array:
        return self._log(x)

    def sum(self, x: Array) -> Array:
        return x.sum(-1)

    def log_sum_exp(self, x: Array) -> Array:
        return self.log(self.exp(x).sum(-1))

    def log_softmax(self, x: Array, low: Array = 0) -> Array:
        return x - self.log(self.exp(x).sum(-1, keepdims=True))

    def softmax(self, x: Array, low: Array = 0, *, scaled: bool = False) -> Array:
        weights = self.exp(x)
        return weights / weights.sum(-1, keepdims=True)

    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]:
        return self.softmax(a), self.softmax(b), self.log_softmax(a) - self.log_softmax(b)

    def mixture_contrast(self, rho: Array, table: Array) -> tuple[Array, ...]:
        p = self.softmax(table)
        m = (self.softmax(rho)[..., None] * p).sum(-2)[..., None, :]
        return p, m, self.log(p) - self.log(m)

    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        return p * log_ratio

    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        m = (p + q) / 2
        return (p * self.log(p / m) + q * self.log(q / m)) / 2

    def sigmoid(self, x: Array) -> Array:
        e = self.exp(x)
        return e / (1 + e)

    def log_sigmoid(self, x: Array) -> Array:
        return -self.log(1 + self.exp(-x))

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        return formula(True, False)


NUMPY = Numpy()


@cache
def _torch() -> Torch:
    return Torch()


@cache
def _objects() -> Objects:
    return Objects()


def carrier_of(*arrays: Array) -> Any:
    """The carrier of the given arrays: torch if any is a tensor, exact if any holds objects, else numpy."""
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(x, torch.Tensor) for x in arrays):
        return _torch()
    if any(isinstance(x, np.ndarray) and x.dtype == object for x in arrays):
        return _objects()
    return NUMPY


def by_rows(formula: Callable[..., Array], *arrays: Array) -> Array:
    """A formula that reduces the last axis, applied to blocks of rows that fit the cache (numpy floats only).

    >>> by_rows(lambda x: x.sum(-1), np.ones((5, 3)))
    array([3., 3., 3., 3., 3.])
    """
    if carrier_of(*arrays) is not NUMPY:
        return formula(*arrays)
    arrays = tuple(np.broadcast_arrays(*arrays)) if len(arrays) > 1 else arrays
    shape, k = arrays[0].shape[:-1], arrays[0].shape[-1]
    rows = [np.ascontiguousarray(x).reshape(-1, k) for x in arrays]
    step = max(1, BLOCK // k)
    with np.errstate(under="ignore"):
        blocks = [formula(*(x[i : i + step] for x in rows)) for i in range(0, max(1, len(rows[0])), step)]
    result = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return result.reshape(shape)[()]
