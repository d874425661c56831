r"""Exact categorical energy-based policies: :math:`\pi(y) = e^{\theta_y} / \sum_{y'} e^{\theta_{y'}}`.

A policy is its array of logits, outcomes on the last axis, batch axes before it (a conditional policy is a batch over
prompts). The functions return normalised log-probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import (
    combining,
    flag,
    hyper,
    is_rational,
    is_tensor,
    log_weights,
    number,
    per_policy,
    same_outcomes,
    whole,
)
from .carriers import NUMPY, carrier_of, two_diff, two_prod, two_sum
from .errors import ArgumentError

__all__ = ["from_weights", "log_probabilities", "mix", "probabilities", "sample", "temper", "tilt"]

LARGE_ERROR = 2.0**-27  # of a logit


def from_weights(weights: Any, *, exact: bool = False) -> Any:
    r"""The policy with probabilities proportional to positive weights.

    Args:
        weights: positive numbers, shape (..., K).
        exact: as an array of exact logarithms (weights must be integers or fractions) instead of float64.

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: a weight that is not a positive finite number.

    >>> probabilities(from_weights([1, 3]))
    array([0.25, 0.75])
    >>> from_weights([1, 3], exact=True)[0]
    (-1) log 4
    """
    flag("exact", exact)
    if is_tensor(weights) and not exact:
        tensor = log_weights("weights", weights)
        if not bool((tensor > 0).all()):
            raise ArgumentError("weights", *_NOT_POSITIVE)
        return log_probabilities(tensor.log())
    table = _table(weights)
    if exact:
        from .exact import log

        if table.dtype.kind == "f" or not all(is_rational(w) for w in table.flat):
            raise ArgumentError("weights", "integers or fractions when exact=True", f"dtype {table.dtype}")
        logs = np.frompyfunc(lambda w: log(_rational(w)), 1, 1)(table)
        return log_probabilities(logs)
    with combining("weights"):
        floats = np.array([float(w) for w in table.flat]).reshape(table.shape)
    if not ((floats > 0) & np.isfinite(floats)).all():
        raise ArgumentError("weights", *_NOT_POSITIVE)
    return log_probabilities(np.log(floats))


_NOT_POSITIVE = ("positive and finite", "an entry that is 0, negative, infinite or NaN", "Policies need full support.")


def _table(weights: Any) -> np.ndarray:
    with combining("weights"):
        table = np.asarray(weights)
    if table.ndim == 0 or 0 in table.shape:
        raise ArgumentError("weights", "a non-empty array", f"shape {table.shape}")
    if table.dtype.kind not in "iufO" or isinstance(weights, np.ma.MaskedArray):
        raise ArgumentError("weights", "an array of positive numbers", f"dtype {table.dtype}")
    if table.dtype == object and not all(is_rational(w) for w in table.flat):
        raise ArgumentError("weights", "an array of positive numbers", "other objects")
    if not all(w > 0 for w in table.flat):
        raise ArgumentError("weights", *_NOT_POSITIVE)
    return table


def _rational(w: Any) -> Any:
    from flint import fmpq

    return fmpq(int(w.numerator), int(w.denominator)) if hasattr(w, "numerator") else fmpq(w)


def log_probabilities(policy: Any) -> Any:
    r""":math:`\log\pi(y) = \theta_y - \log\sum_{y'} e^{\theta_{y'}}`, with full relative accuracy also near 0.

    Args:
        policy: logits, shape (..., K).

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> log_probabilities([0.0, 50.0])[1]
    np.float64(-1.9287498479639178e-22)
    """
    logits = log_weights("policy", policy)
    return carrier_of(logits).log_softmax(logits)


def probabilities(policy: Any) -> Any:
    r"""The probabilities of the outcomes, :math:`\pi(y)`.

    Args:
        policy: logits, shape (..., K).

    Returns:
        probabilities, shape (..., K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> probabilities([0.0, 0.0])
    array([0.5, 0.5])
    """
    logits = log_weights("policy", policy)
    return carrier_of(logits).softmax(logits)


def temper(policy: Any, temperature: Any) -> Any:
    r"""The policy at another temperature, :math:`\pi_\tau(y) \propto \pi(y)^{1/\tau}`.

    Args:
        policy: logits, shape (..., K).
        temperature: :math:`\tau > 0`, a number or shape (..., 1); below 1 sharpens, above 1 flattens.

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: a temperature that is not a finite number above 0.

    >>> probabilities(temper(from_weights([1, 4]), 2.0))
    array([0.33333333, 0.66666667])

    Ref: Won et al. 2025, section 3.5.
    """
    logits = log_weights("policy", policy)
    tau = hyper("temperature", temperature, logits)
    c = carrier_of(logits, tau)
    with combining("temperature"):
        if c is not NUMPY:
            return computed("temperature", c.log_softmax(logits / tau))
        return c.log_softmax(*_divided(logits, tau))


def tilt(policy: Any, reward: Any, beta: Any = 1.0) -> Any:
    r"""The KL-regularised optimum, :math:`\pi'(y) \propto \pi(y)\, e^{r(y)/\beta}`.

    Args:
        policy: logits, shape (..., K).
        reward: shape (..., K).
        beta: strength of the regularisation, above 0, a number or shape (..., 1).

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: shapes that do not fit, or beta not above 0.

    >>> probabilities(tilt([0.0, 0.0], [0.0, 1.0], beta=0.5)).round(4)
    array([0.1192, 0.8808])

    Ref: Rafailov et al. 2023, Eq 4.
    """
    logits, r = log_weights("policy", policy), log_weights("reward", reward)
    same_outcomes(policy=logits, reward=r)
    b = hyper("beta", beta, logits)
    c = carrier_of(logits, r, b)
    with combining("beta"):
        if c is not NUMPY:
            return computed("beta", c.log_softmax(logits + r / b))
        high, rest = _divided(r, b)
        total, low = two_sum(logits, high)
        return c.log_softmax(total, low + rest)


def _divided(x: np.ndarray, by: Any) -> tuple[np.ndarray, np.ndarray]:
    """x / by, up to a constant in each row, as rounded quotients and their rounding errors."""
    high, low = _quotient(x, by)
    if np.abs(low).max() > LARGE_ERROR:  # it would swallow what is added to equal quotients: relative to the largest
        apart, rest = two_diff(x, x.max(-1, keepdims=True))
        high, low = _quotient(apart, by)
        low = low + rest / by
    return high, low


def _quotient(x: np.ndarray, by: Any) -> tuple[np.ndarray, np.ndarray]:
    high = x / by
    product, error = two_prod(high, by)
    return high, ((x - product) - error) / by


def mix(first: Any, second: Any, share: Any) -> Any:
    r"""The mixture :math:`(1-\lambda)\,p + \lambda\,q`.

    Args:
        first: logits of p, shape (..., K).
        second: logits of q, shape (..., K).
        share: :math:`\lambda` in [0, 1], a number or shape (..., 1).

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: a share outside [0, 1].

    >>> probabilities(mix(from_weights([1, 3]), from_weights([3, 1]), 0.5))
    array([0.5, 0.5])
    """
    a, b = log_weights("first", first), log_weights("second", second)
    same_outcomes(first=a, second=b)
    number("share", share)
    with combining("share"):
        inside = (share >= 0) & (share <= 1) if hasattr(share, "ndim") else 0 <= share <= 1
        if not (bool(inside.all()) if hasattr(inside, "all") else inside):
            raise ArgumentError("share", "from 0 to 1", str(share))
        share = per_policy("share", share, a, b)
        return carrier_of(a, b, share).log_mixture(a, b, share)


def sample(policy: Any, size: int, *, rng: np.random.Generator) -> np.ndarray:
    r"""Independent outcomes :math:`y_1, \dots, y_n \sim \pi`.

    Args:
        policy: float64 logits, shape (..., K).
        size: how many outcomes for each policy of the batch.
        rng: a numpy generator, explicit.

    Returns:
        indices, shape (..., size).

    Raises:
        ArgumentError: a size that is not an integer of at least 0, or an `rng` that is not a Generator.

    >>> sample([0.0, 1.0], 5, rng=np.random.default_rng(0))
    array([1, 1, 0, 0, 1])
    """
    given = log_weights("policy", policy)
    if given.dtype == object:
        raise ArgumentError("policy", "float64 logits", "an array of objects")
    logits = np.asarray(given.detach().cpu() if is_tensor(given) else given, dtype=np.float64)
    count = whole("size", size, 0)
    if count.ndim:
        raise ArgumentError("size", "one integer from 0", f"shape {count.shape}")
    n = int(count)
    generator("rng", rng)
    cumulative = np.cumsum(probabilities(logits), axis=-1)
    uniform = rng.random((*logits.shape[:-1], n)) * cumulative[..., -1:]
    rows = cumulative.reshape(-1, logits.shape[-1])
    flat = zip(rows, uniform.reshape(len(rows), n), strict=True)
    picks = [np.searchsorted(c, u, side="right") for c, u in flat]
    return np.minimum(np.array(picks).reshape(uniform.shape), logits.shape[-1] - 1)


def computed(name: str, log_p: Any) -> Any:
    """The log-probabilities, or an error where the named hyper-parameter made the logits overflow."""
    if is_tensor(log_p) and not bool(log_p.isfinite().all()):
        raise ArgumentError(name, f"of a size that keeps the logits finite in {log_p.dtype}", "an overflow")
    return log_p


def generator(name: str, rng: Any) -> np.random.Generator:
    """The argument as a numpy generator, or an error."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(name, "a numpy.random.Generator", type(rng).__name__, "Use np.random.default_rng(seed).")
    return rng
