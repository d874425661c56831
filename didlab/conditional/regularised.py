r"""Expected reward less a divergence from a prior, :math:`\mathbb{E}[r] - \tfrac1\beta I_g`, and its optimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import broadcasts, hyper, log_weights, per_policy, positive, same_kind
from ..carriers import carrier_of
from ..errors import ArgumentError
from .channel import contrast, joint
from .weights import channel, mean, over, prior_rows, rows

__all__ = ["expected_reward", "log_partition", "optimal_policy", "optimal_value", "regularised_objective"]


def expected_reward(prompts: Any, policies: Any, reward: Any) -> Any:
    r"""Expected reward :math:`\sum_x \rho(x) \sum_y \pi(y|x)\, r(x,y)`.

    Args:
        prompts, policies: as for :func:`joint`.
        reward: numbers, shape (..., X, K).

    Returns:
        shape (...).

    Raises:
        ArgumentError: as for :func:`joint`, or rewards that are not one for each prompt and response.

    >>> expected_reward([1, 1], [[1, 0], [0, 1]], [[1, 0], [0, 3]])
    np.float64(2.0)
    """
    p = joint(prompts, policies)
    return (p * _reward(reward, p)).sum(-1).sum(-1)


def regularised_objective(prompts: Any, policies: Any, reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""Expected reward less the mean divergence from the prior, :math:`\mathbb{E}[r] - \tfrac1\beta I_g`.

    Args:
        prompts: weights, shape (..., X).
        policies: weights, shape (..., X, K).
        reward: numbers, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).
        beta: above 0, a number or shape (..., 1), one for each batch of X prompts.

    Returns:
        shape (...), minus infinity where the prior excludes what the policy does.

    Raises:
        ArgumentError: not weights, shapes that do not fit, or beta not above 0.

    >>> regularised_objective([1], [[1, 1]], [[1.0, 0.0]], [1, 1], beta=2.0)
    np.float64(0.5)

    Ref: Tutunov et al. 2025, Eqs 3 and 4.
    """
    rho, table = channel(prompts, policies)
    gain = (rho[..., None] * table * _reward(reward, table)).sum(-1).sum(-1)
    loss = mean(rho, contrast(table, prior_rows(prior, table)))
    return gain - loss / _each(per_policy("beta", positive("beta", beta), rho, table[..., 0]))


def optimal_policy(reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The policy that maximises :func:`regularised_objective` for a prior that does not depend on the policy.

    :math:`\pi^*(y|x) = \zeta(y)\,e^{\beta r(x,y)} / \sum_{y'} \zeta(y')\,e^{\beta r(x,y')}`.

    Args:
        reward: numbers, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).
        beta: above 0, a number or shape (..., 1).

    Returns:
        probabilities, shape (..., X, K).

    Raises:
        ArgumentError: not weights, shapes that do not fit, or beta not above 0.

    >>> optimal_policy([[0.0, 0.0], [0.0, 9.0]], [1, 0], beta=1.0)
    array([[1., 0.],
           [1., 0.]])

    Ref: Tutunov et al. 2025, Eq 5.
    """
    q, scaled, _ = _scaled(reward, prior, beta)
    tilted = q * carrier_of(q).exp(scaled)
    return tilted / tilted.sum(-1, keepdims=True)


def optimal_value(prompts: Any, reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The value of :func:`optimal_policy`, :math:`\tfrac1\beta \sum_x \rho(x) \log \sum_y \zeta(y)\,e^{\beta r(x,y)}`.

    Args:
        prompts: weights, shape (..., X).
        reward, prior, beta: as for :func:`optimal_policy`.

    Returns:
        shape (...).

    Raises:
        ArgumentError: as for :func:`optimal_policy`.

    >>> optimal_value([1], [[0.0, 0.0]], [1, 1], beta=3.0)
    np.float64(0.0)
    """
    rho, r = rows("prompts", prompts), log_weights("reward", reward)
    if r.ndim < 2 or r.shape[-2] != rho.shape[-1]:
        raise ArgumentError("reward", f"of shape (..., {rho.shape[-1]}, K)", str(tuple(r.shape)))
    broadcasts("reward", r.shape, (*rho.shape, 1))
    b = per_policy("beta", positive("beta", beta), rho, r[..., 0])
    return mean(rho, log_partition(r, prior, beta=b)) / _each(b)


def _each(beta: Any) -> Any:
    """A number for each batch of prompts."""
    return beta[..., 0] if getattr(beta, "ndim", 0) else beta


def log_partition(reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The logarithm of the normaliser of :func:`optimal_policy`, :math:`\log \sum_y \zeta(y)\,e^{\beta r(x,y)}`.

    Args:
        reward, prior, beta: as for :func:`optimal_policy`.

    Returns:
        nats, shape (..., X).

    Raises:
        ArgumentError: as for :func:`optimal_policy`.

    >>> log_partition([[1.0, 1.0]], [1, 3], beta=2.0)
    array([2.])

    Ref: Tutunov et al. 2025, Eq 5.
    """
    q, scaled, top = _scaled(reward, prior, beta)
    c = carrier_of(q)
    if c.exact:
        return c.log((q * c.exp(scaled)).sum(-1))
    total = (q * np.exp(scaled)).sum(-1)
    near = (q * np.expm1(scaled)).sum(-1)  # total - 1, with all its digits where beta times the rewards is small
    return np.where(near > -0.5, np.log1p(np.maximum(near, -0.5)), np.log(total)) + top


def _reward(reward: Any, table: Any) -> Any:
    r = log_weights("reward", reward)
    if r.shape[-2:] != table.shape[-2:]:
        raise ArgumentError("reward", f"of shape (..., {table.shape[-2]}, {table.shape[-1]})", str(tuple(r.shape)))
    broadcasts("reward", r.shape, table.shape)
    same_kind("reward", r, "policies", table)
    return r


def _scaled(reward: Any, prior: Any, beta: Any) -> tuple[Any, Any, Any]:
    """The prior, beta r - top, and the largest beta r of each prompt, top, which keeps floats from overflowing."""
    r = log_weights("reward", reward)
    q = prior_rows(prior, r)
    c = carrier_of(r, q)
    scaled = over(hyper("beta", beta, r[..., 0]), 1) * r
    if c.exact:
        return q, scaled, 0
    top = np.where(q > 0, scaled, -np.inf).max(-1, keepdims=True)
    return q, np.minimum(scaled - top, 0), top[..., 0]
