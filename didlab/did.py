r"""The differential information distribution, its power law, and the ideal rejected policy.

Everything follows from the log-ratio :math:`\log\pi(y) - \log\pi_{ref}(y)`, up to a constant.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .arguments import broadcasts, combining, hyper, is_tensor, log_weights, same_outcomes, whole
from .carriers import NUMPY, carrier_of, two_diff, two_prod, two_sum
from .information import entropy
from .policies import LARGE_ERROR, computed

__all__ = [
    "PowerLaw", "did_distribution", "did_entropy", "ideal_rejected", "log_margin", "log_partition", "log_ratio",
    "power_law",
]


def _pair(policy: Any, reference: Any) -> tuple[Any, Any, Any]:
    a, b = log_weights("policy", policy), log_weights("reference", reference)
    same_outcomes(policy=a, reference=b)
    return a, b, carrier_of(a, b)


def log_ratio(policy: Any, reference: Any) -> Any:
    r""":math:`\log\pi(y) - \log\pi_{ref}(y)` of the normalised policies.

    Args:
        policy, reference: logits, shape (..., K).

    Accuracy: within 16 ulp of the correctly rounded value in float64, subnormal results included; the worst of
    10,000 random cases of up to 64 outcomes and 200 of up to 10,000 was 6. Where an entry is so close to 0 that
    its normaliser cancels it, its row is computed again in extended precision or in ball arithmetic, which costs
    about 1 us for each outcome.

    Returns:
        nats, shape (..., K).

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> log_ratio([0.0, 0.0], [5.0, 5.0])
    array([0., 0.])
    """
    a, b, c = _pair(policy, reference)
    return c.log_ratio(a, b)


def did_distribution(policy: Any, reference: Any) -> Any:
    r"""The DID from a reference to a policy, as log-probabilities: :math:`q(y) = \frac{\pi(y)/\pi_{ref}(y)}{Z}`.

    Args:
        policy: logits of the policy, shape (..., K).
        reference: logits of the reference, shape (..., K).

    Returns:
        log-probabilities in nats, shape (..., K).

    Accuracy: within 16 ulp of the correctly rounded value in float64, subnormal results included; the worst of
    10,000 random cases of up to 64 outcomes and 200 of up to 10,000 was 6.

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> np.exp(did_distribution(np.log([0.5, 0.5]), np.log([0.25, 0.75])))
    array([0.75, 0.25])

    Ref: Won et al. 2025, Theorem 3.2.
    """
    a, b, c = _pair(policy, reference)
    return c.log_softmax(a - b) if c.exact else c.log_softmax(*two_diff(a, b))


def log_partition(policy: Any, reference: Any) -> Any:
    r""":math:`\log Z`, :math:`Z = \sum_y \pi(y)/\pi_{ref}(y)`: never negative.

    Args:
        policy, reference: logits, shape (..., K).

    Returns:
        nats, shape (...).

    Accuracy: within 16 ulp of the correctly rounded value in float64, subnormal results included; the worst of
    10,000 random cases of up to 64 outcomes and 200 of up to 10,000 was 5. Float32 tensors: 16 ulp of
    float32 for logits up to 100 in size and results above 2^-110.

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> bool(log_partition([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]) == np.log(3))
    True

    Ref: Won et al. 2025, Theorem 3.2.
    """
    a, b, c = _pair(policy, reference)
    return c.log_partition(a, b)


def did_entropy(policy: Any, reference: Any) -> Any:
    r"""Entropy of the DID, :math:`H(q_{\pi/\pi_{ref}})`.

    Args:
        policy, reference: logits, shape (..., K).

    Returns:
        nats, shape (...).

    Accuracy: within 16 ulp of the correctly rounded value in float64, subnormal results included; the worst of
    10,000 random cases of up to 64 outcomes and 200 of up to 10,000 was 5. Float32 tensors: 16 ulp of
    float32 for logits up to 100 in size and results above 2^-110.

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> round(float(did_entropy([0.0, 0.0], [0.0, 1.0])), 6)
    0.582203

    Ref: Won et al. 2025, section 4.
    """
    a, b, c = _pair(policy, reference)
    if c.exact:
        return entropy(a - b)
    high, low = two_diff(a, b)
    return entropy(high, low=low)


def ideal_rejected(target: Any, reference: Any, beta: Any) -> Any:
    r"""The policy to sample rejected responses from.

    :math:`\pi_l(y) \propto \pi_{ref}(y)\left(\frac{\pi_{ref}(y)}{\pi^*(y)}\right)^\beta`.

    Args:
        target: logits of the target policy, shape (..., K).
        reference: logits of the reference, shape (..., K).
        beta: the exponent, above 0, a number or shape (..., 1).

    Returns:
        log-probabilities, shape (..., K).

    Accuracy: within 16 ulp of the correctly rounded value in float64, subnormal results included; the worst of
    10,000 random cases of up to 64 outcomes and 200 of up to 10,000 was 3.

    Raises:
        ArgumentError: beta not above 0, not finite, or different numbers of outcomes.

    >>> np.exp(ideal_rejected(np.log([0.5, 0.5]), np.log([0.25, 0.75]), 1.0)).round(6)
    array([0.1, 0.9])

    Ref: Won et al. 2025, Eq 1.
    """
    a, b = log_weights("target", target), log_weights("reference", reference)
    same_outcomes(target=a, reference=b)
    exponent = hyper("beta", beta, b)
    c = carrier_of(a, b, exponent)
    with combining("beta"):
        if c is not NUMPY:
            return computed("beta", c.log_softmax(b + exponent * (b - a)))
        d, d_low = two_diff(b, a)
        product, p_low = two_prod(d, exponent)
        if np.abs(p_low + exponent * d_low).max() > LARGE_ERROR:  # it would swallow what is added to equal products
            top = d.argmax(-1, keepdims=True)
            d, rest = two_diff(d, np.take_along_axis(d, top, -1))
            more, lost = two_diff(d_low, np.take_along_axis(d_low, top, -1))
            more, more_lost = two_sum(rest, more)
            d, d_low = two_sum(d, more)
            d_low = d_low + (lost + more_lost)
            product, p_low = two_prod(d, exponent)
        total, t_low = two_sum(b, product)
        return c.log_softmax(total, t_low + p_low + exponent * d_low)


def log_margin(policy: Any, chosen: Any, rejected: Any) -> Any:
    r"""The log-margin :math:`\log\pi(y_w) - \log\pi(y_l)`.

    Args:
        policy: logits, shape (..., K).
        chosen: index of :math:`y_w`, an integer or an integer array of shape (...).
        rejected: index of :math:`y_l`, likewise.

    Returns:
        nats, shape (...).

    Accuracy: one rounding.

    Raises:
        ArgumentError: an index outside the outcomes.

    >>> float(log_margin([0.0, 2.0], 1, 0))
    2.0

    Ref: Won et al. 2025, Theorem 3.5.
    """
    logits = log_weights("policy", policy)
    k = logits.shape[-1]
    w, l = whole("chosen", chosen, 0, k), whole("rejected", rejected, 0, k)  # noqa: E741
    batch = broadcasts("chosen", w.shape, l.shape, logits.shape[:-1])
    if not batch or not (w.ndim or l.ndim):
        return logits[..., int(w)] - logits[..., int(l)]
    w, l = np.broadcast_to(w, batch)[..., None], np.broadcast_to(l, batch)[..., None]  # noqa: E741
    if not is_tensor(logits):
        table = np.broadcast_to(logits, (*batch, k))
        return (np.take_along_axis(table, w, -1) - np.take_along_axis(table, l, -1))[..., 0]
    import torch

    table = logits.broadcast_to((*batch, k))
    pick = lambda i: table.gather(-1, torch.as_tensor(i.astype(np.int64), device=logits.device))[..., 0]  # noqa: E731
    return pick(w) - pick(l)


class PowerLaw(NamedTuple):
    """The fitted exponent, and the largest deviation of the log-ratios from the law, in nats."""

    exponent: Any
    deviation: Any


def power_law(target: Any, reference: Any, rejected: Any) -> PowerLaw:
    r"""The exponent of the power law :math:`q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^\beta`, by least squares.

    With :math:`x = \log\pi^* - \log\pi_{ref}` and :math:`y = \log\pi_{ref} - \log\pi_l`, both centred,
    :math:`\hat\beta = \sum x y / \sum x^2`; the law holds exactly when :math:`y - \hat\beta x = 0` everywhere.

    Args:
        target, reference, rejected: logits, shape (..., K).

    Returns:
        exponent and deviation, shape (...). The exponent is NaN where target and reference are equal.

    Accuracy: in float64 the correctly rounded result of rational arithmetic (0 ulp).

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> t, r = np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.5, 0.0])
    >>> power_law(t, r, ideal_rejected(t, r, 2.0)).exponent.round(9)
    np.float64(2.0)

    Ref: Won et al. 2025, Theorem 3.3.
    """
    a, b, r = log_weights("target", target), log_weights("reference", reference), log_weights("rejected", rejected)
    same_outcomes(target=a, reference=b, rejected=r)
    c = carrier_of(a, b, r)
    if c is NUMPY:
        return _power_law_rounded(a, b, r)
    x, y = a - b, b - r
    x, y = x - x.mean(-1)[..., None], y - y.mean(-1)[..., None]
    exponent = (x * y).sum(-1) / (x * x).sum(-1)
    size = abs(y - exponent[..., None] * x)
    return PowerLaw(exponent, size.amax(-1) if is_tensor(size) else size.max(-1))


def _power_law_rounded(a: Any, b: Any, r: Any) -> PowerLaw:
    """The same formula in rational arithmetic, rounded once: nothing bounds the cancellation in a slope."""
    from flint import fmpq

    lift = np.frompyfunc(lambda v: fmpq(*float(v).as_integer_ratio()), 1, 1)
    tables: list[Any] = [lift(z) for z in np.broadcast_arrays(a, b, r)]
    rows = [z.reshape(-1, z.shape[-1]) for z in tables]
    shape = np.broadcast_shapes(a.shape, b.shape, r.shape)[:-1]
    exponents, deviations = [], []
    for t, f, l in zip(*rows, strict=True):  # noqa: E741
        x, y = t - f, f - l
        x, y = x - x.sum() / len(x), y - y.sum() / len(y)
        square = (x * x).sum()
        beta = (x * y).sum() / square if square != 0 else None
        worst = max(abs(v) for v in (y - beta * x if beta is not None else y))
        exponents.append(float("nan") if beta is None else _rounded(beta))
        deviations.append(_rounded(worst))
    return PowerLaw(np.array(exponents).reshape(shape)[()], np.array(deviations).reshape(shape)[()])


def _rounded(x: Any) -> float:
    try:
        return int(x.p) / int(x.q)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
