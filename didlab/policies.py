r"""Exact categorical energy-based policies: :math:`\pi(y) = e^{\theta_y} / \sum_{y'} e^{\theta_{y'}}`.

A policy is its array of logits, outcomes on the last axis, batch axes before it (a conditional policy is a batch over
prompts). The functions return normalised log-probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import log_weights, number, positive, same_outcomes, whole
from .carriers import carrier_of, two_prod
from .errors import ArgumentError

__all__ = ["from_weights", "log_probabilities", "mix", "probabilities", "sample", "temper", "tilt"]


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
    try:
        table = np.asarray(weights)
    except ValueError:
        raise ArgumentError("weights", "a rectangular array of numbers", "rows of different lengths") from None
    if table.ndim == 0 or 0 in table.shape:
        raise ArgumentError("weights", "a non-empty array", f"shape {table.shape}")
    if table.dtype.kind not in "iufO" or any(isinstance(w, str | type(None)) for w in table.flat):
        raise ArgumentError("weights", "an array of positive numbers", f"dtype {table.dtype}")
    if not all(w > 0 for w in table.flat):
        raise ArgumentError("weights", "positive", "an entry that is 0, negative or NaN", "Policies need full support.")
    if exact:
        from .exact import log

        if table.dtype.kind == "f":
            raise ArgumentError("weights", "integers or fractions when exact=True", f"dtype {table.dtype}")
        logs = np.frompyfunc(lambda w: log(_rational(w)), 1, 1)(table)
        return log_probabilities(logs)
    return log_probabilities(np.log(table.astype(np.float64)))


def _rational(w: Any) -> Any:
    from flint import fmpq

    return fmpq(int(w.numerator), int(w.denominator)) if hasattr(w, "numerator") else w


def log_probabilities(policy: Any) -> Any:
    r""":math:`\log\pi(y) = \theta_y - \log\sum_{y'} e^{\theta_{y'}}`, with full relative accuracy also near 0.

    Args:
        policy: logits, shape (..., K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> log_probabilities([0.0, 50.0])[1]
    np.float64(-1.9287498479639178e-22)
    """
    logits = log_weights("policy", policy)
    return carrier_of(logits).log_softmax(logits)


def probabilities(policy: Any) -> Any:
    r""":math:`\pi(y)`.

    >>> probabilities([0.0, 0.0])
    array([0.5, 0.5])
    """
    logits = log_weights("policy", policy)
    return carrier_of(logits).softmax(logits)


def temper(policy: Any, temperature: Any) -> Any:
    r"""The policy at another temperature, :math:`\pi_\tau(y) \propto \pi(y)^{1/\tau}`.

    Args:
        policy: logits, shape (..., K).
        temperature: :math:`\tau > 0`; below 1 sharpens, above 1 flattens.

    Raises:
        ArgumentError: a temperature that is not a finite number above 0.

    >>> probabilities(temper(from_weights([1, 4]), 2.0))
    array([0.33333333, 0.66666667])

    Ref: Won et al. 2025, section 3.5.
    """
    logits = log_weights("policy", policy)
    positive("temperature", temperature)
    c = carrier_of(logits)
    high = logits / temperature
    if c is not carrier_of(np.zeros(1)):
        return c.log_softmax(high)
    product, error = two_prod(high, np.asarray(temperature, dtype=np.float64))
    return c.log_softmax(high, ((logits - product) - error) / temperature)


def tilt(policy: Any, reward: Any, beta: Any = 1.0) -> Any:
    r"""The KL-regularised optimum, :math:`\pi'(y) \propto \pi(y)\, e^{r(y)/\beta}`.

    Args:
        policy: logits, shape (..., K).
        reward: shape (..., K).
        beta: strength of the regularisation, above 0.

    Raises:
        ArgumentError: shapes that do not fit, or beta not above 0.

    >>> probabilities(tilt([0.0, 0.0], [0.0, 1.0], beta=0.5)).round(4)
    array([0.1192, 0.8808])

    Ref: Rafailov et al. 2023, Eq 4.
    """
    logits, r = log_weights("policy", policy), log_weights("reward", reward)
    same_outcomes(policy=logits, reward=r)
    positive("beta", beta)
    return carrier_of(logits, r).log_softmax(logits + r / beta)


def mix(first: Any, second: Any, share: Any) -> Any:
    r"""The mixture :math:`(1-\lambda)\,p + \lambda\,q`.

    Args:
        first: logits of p, shape (..., K).
        second: logits of q, shape (..., K).
        share: :math:`\lambda` in [0, 1].

    Raises:
        ArgumentError: a share outside [0, 1].

    >>> probabilities(mix(from_weights([1, 3]), from_weights([3, 1]), 0.5))
    array([0.5, 0.5])
    """
    a, b = log_weights("first", first), log_weights("second", second)
    same_outcomes(first=a, second=b)
    number("share", share)
    inside = (share >= 0) & (share <= 1) if hasattr(share, "ndim") else 0 <= share <= 1
    if not (bool(inside.all()) if hasattr(inside, "all") else inside):
        raise ArgumentError("share", "from 0 to 1", str(share))
    c = carrier_of(a, b)
    return c.log((1 - share) * c.softmax(a) + share * c.softmax(b))


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
    logits = np.asarray(log_weights("policy", policy), dtype=np.float64)
    n = int(whole("size", size, 0))
    generator("rng", rng)
    cumulative = np.cumsum(probabilities(logits), axis=-1)
    uniform = rng.random((*logits.shape[:-1], n)) * cumulative[..., -1:]
    flat = zip(cumulative.reshape(-1, logits.shape[-1]), uniform.reshape(-1, n), strict=True)
    picks = [np.searchsorted(c, u, side="right") for c, u in flat]
    return np.minimum(np.array(picks).reshape(uniform.shape), logits.shape[-1] - 1)


def generator(name: str, rng: Any) -> np.random.Generator:
    """The argument as a numpy generator, or an error."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(name, "a numpy.random.Generator", type(rng).__name__, "Use np.random.default_rng(seed).")
    return rng
