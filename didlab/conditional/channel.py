r"""Joint and marginal distributions of prompts and responses, divergences from a prior, mutual information."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from .weights import above_0, channel, infinity, mean, prior_rows, rows

__all__ = ["contrast", "divergences", "entropies", "information", "joint", "marginal", "variational"]


def joint(prompts: Any, policies: Any) -> Any:
    r"""The joint distribution :math:`\rho(x)\,\pi(y|x)`.

    Args:
        prompts: weights of the prompts, numbers from 0, shape (..., X).
        policies: weights of the responses to each, numbers from 0, shape (..., X, K).

    Returns:
        probabilities, shape (..., X, K).

    Raises:
        ArgumentError: not weights, no weight at all, or not one row for each prompt.

    >>> joint([1, 3], [[1, 1], [0, 1]])
    array([[0.125, 0.125],
           [0.   , 0.75 ]])
    """
    rho, table = channel(prompts, policies)
    return rho[..., None] * table


def marginal(prompts: Any, policies: Any) -> Any:
    r"""The distribution of the responses over all prompts, :math:`m(y) = \sum_x \rho(x)\,\pi(y|x)`.

    Args:
        prompts, policies: as for :func:`joint`.

    Returns:
        probabilities, shape (..., K).

    Raises:
        ArgumentError: as for :func:`joint`.

    >>> marginal([1, 3], [[1, 1], [0, 1]])
    array([0.125, 0.875])

    Ref: Tutunov et al. 2025, Lemma 1.
    """
    return joint(prompts, policies).sum(-2)


def divergences(policies: Any, prior: Any) -> Any:
    r"""The divergence of each row from the prior, :math:`D_{KL}[\pi(\cdot|x) \,\|\, \zeta]`.

    Args:
        policies: weights, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).

    Returns:
        nats, shape (..., X), infinite where the prior excludes a response that the row has.

    Raises:
        ArgumentError: not weights, or shapes that do not fit.

    >>> divergences([[1, 1], [0, 1]], [1, 1]).round(6)
    array([0.      , 0.693147])
    """
    p = rows("policies", policies)
    return contrast(p, prior_rows(prior, p))


def contrast(p: Any, q: Any) -> Any:
    """The divergence of each row of p from that of q, probabilities of shapes that broadcast: nothing is checked."""
    c = carrier_of(p, q)
    on, inside = np.broadcast_arrays(above_0(p), above_0(q))
    if c.exact and on.all() and inside.all():
        return c.kl_terms(p, q, c.log(p) - c.log(q)).sum(-1)  # one logarithm for a prior that all prompts share
    p, q = np.broadcast_arrays(p, q)
    one = 0 * p + 1
    a, b = np.where(on, p, one), np.where(on & inside, q, one)
    terms = c.kl_terms(a, b, c.log(a) - c.log(b))
    rest = 0 * q if c.exact else q  # float terms are those of p log(p/q) - p + q, none of them negative
    total = np.where(on, terms, rest).sum(-1)
    return np.where((on & ~inside).any(-1), infinity(c), total)


def entropies(policies: Any) -> Any:
    r"""The entropy of each row, :math:`-\sum_y \pi(y|x) \log \pi(y|x)`, where 0 log 0 is 0.

    Args:
        policies: weights, shape (..., K).

    Returns:
        nats, shape (...).

    Raises:
        ArgumentError: not weights.

    >>> entropies([[1, 1], [0, 1]]).round(6)
    array([0.693147, 0.      ])

    Convention: :func:`didlab.entropy` is the same of logits, with full support and all its digits.
    """
    p = rows("policies", policies)
    on = above_0(p)
    return np.where(on, p * (0 * p - carrier_of(p).log(np.where(on, p, 0 * p + 1))), 0 * p).sum(-1)


def variational(prompts: Any, policies: Any, prior: Any) -> Any:
    r"""The mean divergence from a prior, :math:`I_g = \sum_x \rho(x)\, D_{KL}[\pi(\cdot|x) \,\|\, \zeta]`.

    It is :math:`I(X;Y) + D_{KL}[m \,\|\, \zeta]` for a prior on responses alone, so that its least value over such
    priors is the mutual information, at the marginal m only; over priors that see the prompt its least value is 0.

    Args:
        prompts: weights, shape (..., X).
        policies: weights, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).

    Returns:
        nats, shape (...), infinite where the prior excludes what the policy does.

    Raises:
        ArgumentError: not weights, or shapes that do not fit.

    >>> variational([1, 1], [[1, 0], [0, 1]], [1, 1]).round(6)
    np.float64(0.693147)

    Ref: Tutunov et al. 2025, Lemma 1.
    """
    rho, table = channel(prompts, policies)
    return mean(rho, contrast(table, prior_rows(prior, table)))


def information(prompts: Any, policies: Any) -> Any:
    r"""Mutual information :math:`I(X;Y)` of prompts and responses, supports that vanish included.

    Args:
        prompts, policies: as for :func:`joint`.

    Returns:
        nats, shape (...), from 0 to log min(X, K).

    Raises:
        ArgumentError: as for :func:`joint`.

    >>> information([1, 1, 0], [[1, 0], [0, 1], [1, 1]]).round(6)
    np.float64(0.693147)

    Convention: :func:`didlab.mutual_information` is the same of logits, with full support and all its digits.
    """
    rho, table = channel(prompts, policies)
    return mean(rho, contrast(table, (rho[..., None] * table).sum(-2)[..., None, :]))
