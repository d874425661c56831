"""The kernels of floats, of numpy arrays and torch tensors alike: piecewise where a direct expression loses digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .rounding import two_diff, two_sum

__all__ = ["CAREFUL_BELOW", "SCALE", "UNDERFLOW", "Floats"]

Array = Any
SCALE = 2.0**800  # weights are scaled by this where a result would be subnormal
UNDERFLOW = 2.0**-960  # sums below it are computed a second time, scaled
CAREFUL_BELOW = 1e-6  # below it, divergences are computed a second time with a refined normaliser
_LOG2 = 0.6931471805599453
_KL_SERIES = [0.5]
for _n in range(3, 17):
    _KL_SERIES.append(-_KL_SERIES[-1] / _n)


class Anchored(NamedTuple):
    """Logits relative to their mode: t = x - max(x) as high + low, exp(t), its sum over all but the mode, the mode."""

    high: Array
    low: Array
    weights: Array
    others: Array
    top: Array


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
            if given:
                high, error, top = self._with_low(high, error, low, top)
            weights = self.exp(high) * (1 + error)
        else:
            weights = self.exp(high)
        weights = self._put(weights, top, 0.0)
        others = self._deep_sum(weights, high, error)
        return Anchored(high, error, self._put(weights, top, 1.0), others, top)

    def _with_low(self, high: Array, error: Array, low: Array, top: Array) -> tuple[Array, Array, Array]:
        """The rounding errors of the logits added to those of their differences, and the mode of both together.

        Of huge logits the rounding errors are large themselves and may decide which is the mode: then the sum is
        rounded again, relative to its own mode, until 1 + error is exp(error) wherever the exponential is not 0.
        """
        more, rest = two_diff(low, self._take(low, top))
        if not self._matters(high, error + more):
            return high, error + more, top
        error, lost = two_sum(error, more)
        rest = rest + lost
        while self._matters(high, error):
            high, lost = two_sum(high, error)
            error, rest = lost + rest, 0.0 * lost
            top = self._mode(high)
            high, lost = two_diff(high, self._take(high, top))
            error = lost + (error - self._take(error, top))
        return high, error, top

    def _matters(self, high: Array, error: Array) -> bool:
        """Whether an error is too large for 1 + error to be its exponential, where that of the logit is not 0."""
        limit = float(self.xp.finfo(high.dtype).eps) ** 0.5
        return bool(((self.abs(error) > limit) & (high + self.abs(error) > -1e4)).any())

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
        anchored = self._anchor(*two_diff(a, b))
        others = self.log1p(anchored.others)
        value = self._take(self.contrast(a, b)[2], anchored.top) + others
        if bool((value < UNDERFLOW).any()):
            value = self._take(self.log_ratio(a, b), anchored.top) + others
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
