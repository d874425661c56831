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
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["NUMPY", "Carrier", "by_rows", "carrier_of", "two_diff", "two_prod", "two_sum"]

Array = Any
SCALE = 2.0**800  # weights are scaled by this where a result would be subnormal
UNDERFLOW = 2.0**-960  # sums below it are computed a second time, scaled
CAREFUL_BELOW = 1e-6  # below it, divergences are computed a second time with a refined normaliser
EXTENDED = bool(np.finfo(np.longdouble).eps < 2.0**-60)  # whether a long double is wider than a double
BLOCK = 1 << 14  # elements per block of rows: the temporaries of a formula then stay in the cache


class Carrier(Protocol):
    """What a kind of numbers must offer to carry the formulas; `exact` where nothing is rounded silently."""

    exact: bool

    def exp(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def sum(self, x: Array) -> Array: ...
    def broadcast_to(self, x: Array, shape: tuple[int, ...]) -> Array: ...
    def log_softmax(self, x: Array, low: Array = 0.0) -> Array: ...
    def softmax(self, x: Array, low: Array = 0.0, *, scaled: bool = False) -> Array: ...
    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]: ...
    def mixture_contrast(self, rho: Array, table: Array, *, scaled: bool = False) -> tuple[Array, ...]: ...
    def log_ratio(self, a: Array, b: Array) -> Array: ...
    def log_partition(self, a: Array, b: Array) -> Array: ...
    def log_sum_exp(self, x: Array) -> Array: ...
    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array: ...
    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array: ...
    def log_mixture(self, a: Array, b: Array, share: Array) -> Array: ...
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


class Anchored(NamedTuple):
    """Logits relative to their mode: t = x - max(x) as high + low, exp(t), and its sum over all but the mode."""

    high: Array
    low: Array
    weights: Array
    others: Array


class Floats:
    """Kernels shared by numpy arrays and torch tensors; `xp` is the module, the rest bridges its few differences."""

    exact = False

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.exp, self.log, self.log1p, self.expm1 = xp.exp, xp.log, xp.log1p, xp.expm1
        self.tanh, self.where, self.abs, self.broadcast_to = xp.tanh, xp.where, xp.abs, xp.broadcast_to
        self.minimum, self.maximum = xp.minimum, xp.maximum

    # what differs between the two modules, defined below: gather, overwrite, clamp, a second branch, a skipped one
    _mode: Callable[[Array], Array]
    _take: Callable[[Array, Array], Array]
    _put: Callable[[Array, Array, float], Array]
    _take_row: Callable[[Array, Array], Array]
    _clip: Callable[[Array, float, float], Array]
    _elsewhere: Callable[..., Array]
    _shallow: Callable[[Array], bool]
    _deep_sum: Callable[[Array, Array, Array], Array]

    def sum(self, x: Array) -> Array:
        return x.sum(-1)

    def _anchor(self, x: Array, low: Array = 0.0) -> Anchored:
        top = self._mode(x)
        peak = self._take(x, top)
        high, error = x - peak, 0.0
        given = hasattr(low, "shape") and low.ndim > 0
        if given or not self._shallow(high):
            high, error = two_diff(x, peak)
            error = error + (low - self._take(low, top)) if given else error
            weights = self.exp(high) * (1 + error)
        else:
            weights = self.exp(high)
        weights = self._put(weights, top, 0.0)
        others = self._deep_sum(weights, high, error)
        return Anchored(high, error, self._put(weights, top, 1.0), others)

    def log_softmax(self, x: Array, low: Array = 0.0) -> Array:
        t = self._anchor(x, low)
        return t.high - (self.log1p(t.others) - t.low)

    def softmax(self, x: Array, low: Array = 0.0, *, scaled: bool = False) -> Array:
        return self._share(self._anchor(x, low), scaled)

    def _share(self, t: Anchored, scaled: bool) -> Array:
        if scaled:
            root = self.exp(t.high / 2)
            return (root * SCALE) * root * (1 + t.low) / (1 + t.others)
        return t.weights / (1 + t.others)

    def log_sum_exp(self, x: Array) -> Array:
        return (self._take(x, self._mode(x)) + self.log1p(self._anchor(x).others))[..., 0]

    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]:
        """Probabilities p, q of two policies and log p - log q."""
        ta, tb = self._anchor(a), self._anchor(b)
        log_ratio, _ = self._difference(a, b, ta, tb, careful)
        return self._share(ta, scaled), self._share(tb, scaled), log_ratio

    def _difference(self, a: Array, b: Array, ta: Anchored, tb: Anchored, careful: bool) -> tuple[Array, ...]:
        """log p - log q, and the normaliser L in three parts.

        log p - log q = d - L with d = a - b and L = log sum q exp(d). A first guess of L comes from the anchors;
        `careful` corrects it by log1p(sum q expm1(d - L)), which keeps the digits of nearly equal policies.
        """
        d, d_low = two_diff(a, b)
        anchor, anchor_low = two_diff(self._take(a, self._mode(a)), self._take(b, self._mode(b)))
        rest = self.log1p(ta.others) - self.log1p(tb.others)
        log_ratio = (d - anchor) + ((d_low - anchor_low) - rest)
        if careful:
            p, q = self._share(ta, False), self._share(tb, False)
            near = self.minimum(log_ratio, 0 * log_ratio + 1)
            excess = self.where(log_ratio < 1, q * self.expm1(near), p - q)  # a tie of `near` has half a gradient
            correction = self.log1p(excess.sum(-1)[..., None])
            log_ratio, rest = log_ratio - correction, rest + correction
        return log_ratio, (anchor, anchor_low, rest)

    def log_ratio(self, a: Array, b: Array) -> Array:
        return self.contrast(a, b)[2]

    def log_partition(self, a: Array, b: Array) -> Array:
        """log sum p / q: the largest log-ratio, and the others relative to it from the logits themselves."""
        d, d_low = two_diff(a, b)
        others = self.log1p(self._anchor(d, d_low).others)
        value = self._take(self.contrast(a, b)[2], self._mode(d)) + others
        if bool((value < UNDERFLOW).any()):
            value = self._take(self.log_ratio(a, b), self._mode(d)) + others
        return value[..., 0]

    def mixture_contrast(self, rho: Array, table: Array, *, scaled: bool = False) -> tuple[Array, ...]:
        """The joint rho(x) p(y|x), the product rho(x) m(y), and the log of their ratio.

        With x* the likeliest x of a column y and g(x) = log p(y|x) - log p(y|x*), log m - log p(y|x*) is
        log1p(sum rho expm1(g)), or log rho(x*) + log1p(sum over the others of e^g rho / rho(x*)) if rho(x*) is small.
        """
        prompts, log_rho = self._anchor(rho), self.log_softmax(rho)[..., None]
        weights = prompts.weights[..., None] / (1 + prompts.others[..., None])
        base = self._take_row(table, rho.argmax(-1)[..., None, None] + 0 * (table[..., :1, :] > 0)) + 0 * table
        rows, base_rows = self._anchor(table), self._anchor(base)
        _, (anchor, anchor_low, rest) = self._difference(table, base, rows, base_rows, True)
        log_p = rows.high - (self.log1p(rows.others) - rows.low)
        best = (log_rho + log_p).argmax(-2)[..., None, :]

        def relative(x: Array) -> tuple[Array, Array]:
            x = x + 0 * table
            return two_diff(x, self._take_row(x, best))

        (t, t_low), (n, n_low), (c, _) = relative(table), relative(anchor), relative(rest)
        g, g_low = two_diff(t, n)
        g = g + (((g_low + t_low) - (n_low + relative(anchor_low)[0])) - c)
        share = g + relative(log_rho)[0]  # log of joint(x) / joint(x*), never above 0 but for rounding
        top = self._take_row(weights + 0 * table, best)
        near = self.minimum(g, 0 * g + 1)
        excess = self.where(g < 1, weights * self.expm1(near), top * self.exp(share) - weights).sum(-2)[..., None, :]
        at_best = self.exp(share).sum(-2)[..., None, :] - 1
        low_top = self._take_row(log_rho + 0 * table, best)
        low = excess < -0.5
        log_m = self.where(low, low_top + self.log1p(self.where(low, at_best, 0 * at_best)),
                           self.log1p(self.where(low, 0 * excess, excess)))
        half = SCALE**-0.5 if scaled else 1.0
        w, p = self._share(prompts, scaled)[..., None] * half, self._share(rows, scaled) * half
        joint = w * p
        return joint, w * (joint.sum(-2)[..., None, :] * half), g - log_m

    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        r"""p (exp(-d) - 1 + d) with d the log-ratio: not negative, 0 only at d = 0."""
        d = log_ratio
        middle = self._clip(d, -0.5, 0.5)
        series = middle * _KL_SERIES[-1] + _KL_SERIES[-2]
        for c in _KL_SERIES[-3::-1]:
            series = series * middle + c
        near = p * (middle * middle * series)
        return self._elsewhere(self.abs(d) > 0.5, near, self._kl_far, p, q, d)

    def _kl_far(self, p: Array, q: Array, d: Array) -> Array:
        safe = self.maximum(d, 0 * d - 4)
        return self.where(d > -4, p * (self.expm1(-safe) + safe), (q - p) + p * d)

    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        r"""m h(x), m = (p+q)/2, x = tanh(d/2): h = (x d + log(1-x^2))/2 near 0, log 2 - log(1+e) - |d| e/(1+e) far."""
        half = self._clip(log_ratio, -2.0, 2.0) / 2
        x = self.tanh(half)
        near = (p + q) * (x * half + self.log1p(-x * x) / 2) / 2
        return self._elsewhere(self.abs(log_ratio) > 2, near, self._js_far, p, q, log_ratio)

    def _js_far(self, p: Array, q: Array, d: Array) -> Array:
        size = self.abs(d)
        return ((p + q) * (_LOG2 - self.log1p(self.exp(-size))) - size * self.minimum(p, q)) / 2

    def log_mixture(self, a: Array, b: Array, share: Array) -> Array:
        """log((1 - share) p + share q), relative to the larger of log p and log q that has a share."""
        log_p, log_q = self.log_softmax(a), self.log_softmax(b)
        share = share + 0 * (log_p + log_q)
        log_p, log_q = self.where(share < 1, log_p, log_q), self.where(share > 0, log_q, log_p)
        top = self.maximum(log_p, log_q)
        return top + self.log((1 - share) * self.exp(log_p - top) + share * self.exp(log_q - top))

    def sigmoid(self, x: Array) -> Array:
        e = self.exp(-self.abs(x))
        return self.where(x >= 0, 0 * e + 1, e) / (1 + e)

    def log_sigmoid(self, x: Array) -> Array:
        return self.minimum(x, 0 * x) - self.log1p(self.exp(-self.abs(x)))

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        """formula(careful, scaled): plain first, then careful and scaled wherever the result is below a bound."""
        plain = formula(False, False)
        small = plain < below
        if not bool(small.any()):
            return plain
        with np.errstate(over="ignore", invalid="ignore"):  # scaled rows that are not small may overflow, unused
            return self.where(small, formula(True, True) / SCALE, plain)


_LOG2 = 0.6931471805599453
_KL_SERIES = [0.5]
for _n in range(3, 17):
    _KL_SERIES.append(-_KL_SERIES[-1] / _n)


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
            fine = _log_ratio_extended(a[rows], b[rows], value[rows])
            value[rows] = np.where(doubtful[rows], fine, value[rows])
            doubtful[rows] &= (np.abs(fine) < reach[rows] / 256) | (np.abs(fine) < UNDERFLOW)
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


class Torch(Floats):
    def __init__(self) -> None:
        super().__init__(sys.modules["torch"])

    def _mode(self, x: Array) -> Array:
        return x.argmax(-1)[..., None]

    def _take(self, x: Array, index: Array) -> Array:
        return x.gather(-1, index)

    def _put(self, x: Array, index: Array, value: float) -> Array:
        return x.scatter(-1, index, value)

    def _take_row(self, x: Array, index: Array) -> Array:
        return x.gather(-2, index)

    def _clip(self, x: Array, low: float, high: float) -> Array:
        return x.clamp(low, high)

    def _elsewhere(self, mask: Array, value: Array, formula: Callable[..., Array], *args: Array) -> Array:
        return self.where(mask, formula(*args), value)

    def sigmoid(self, x: Array) -> Array:
        return self.xp.sigmoid(x)

    def _shallow(self, high: Array) -> bool:
        return False

    def _deep_sum(self, weights: Array, high: Array, low: Array) -> Array:
        return weights.sum(-1)[..., None]

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        return formula(True, False)


class Objects:
    """Arrays of balls or exact numbers: the direct expressions, nothing truncated, nothing rounded silently."""

    exact = True

    def __init__(self) -> None:
        from . import exact

        self._exp, self._log = np.frompyfunc(exact.exp, 1, 1), np.frompyfunc(exact.log, 1, 1)

    def exp(self, x: Array) -> Array:
        return self._exp(x)

    def log(self, x: Array) -> Array:
        return self._log(x)

    def sum(self, x: Array) -> Array:
        return x.sum(-1)

    def broadcast_to(self, x: Array, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(x, shape)

    def log_sum_exp(self, x: Array) -> Array:
        return self.log(self.exp(x).sum(-1))

    def log_softmax(self, x: Array, low: Array = 0) -> Array:
        return x - self.log(self.exp(x).sum(-1, keepdims=True))

    def softmax(self, x: Array, low: Array = 0, *, scaled: bool = False) -> Array:
        weights = self.exp(x)
        return weights / weights.sum(-1, keepdims=True)

    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]:
        return self.softmax(a), self.softmax(b), self.log_softmax(a) - self.log_softmax(b)

    def log_ratio(self, a: Array, b: Array) -> Array:
        return self.log_softmax(a) - self.log_softmax(b)

    def log_partition(self, a: Array, b: Array) -> Array:
        return self.log_sum_exp(self.log_ratio(a, b))

    def mixture_contrast(self, rho: Array, table: Array, *, scaled: bool = False) -> tuple[Array, ...]:
        p, weights = self.softmax(table), self.softmax(rho)[..., None]
        m = (weights * p).sum(-2)[..., None, :]
        return weights * p, weights * m, self.log(p) - self.log(m)

    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        return p * log_ratio

    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        m = (p + q) / 2
        return (p * self.log(p / m) + q * self.log(q / m)) / 2

    def log_mixture(self, a: Array, b: Array, share: Array) -> Array:
        return self.log((1 - share) * self.softmax(a) + share * self.softmax(b))

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
