r"""Bradley-Terry preferences, and the pairs that two policies generate.

Chosen responses come from one policy and rejected ones from another; the label of an unordered pair then follows the
Bradley-Terry law with reward :math:`\log\pi_{w} - \log\pi_{l}`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import broadcasts, log_weights, same_kind, same_outcomes
from .carriers import carrier_of
from .policies import sample

__all__ = ["boltzmann", "bradley_terry", "label_probability", "pair_distribution", "preference_matrix", "sample_pairs"]


def bradley_terry(chosen_reward: Any, rejected_reward: Any) -> Any:
    r"""Probability that one response is preferred, :math:`\sigma(r_w - r_l)`.

    Args:
        chosen_reward, rejected_reward: rewards, shapes that broadcast.

    Returns:
        probabilities, of the shape the rewards broadcast to.

    Raises:
        ArgumentError: not finite numbers.

    >>> float(bradley_terry([1.0], [1.0])[0])
    0.5

    Ref: Won et al. 2025, section 2.
    """
    w, l = log_weights("chosen_reward", chosen_reward), log_weights("rejected_reward", rejected_reward)  # noqa: E741
    broadcasts("rejected_reward", l.shape, w.shape)
    same_kind("rejected_reward", l, "chosen_reward", w)
    return carrier_of(w, l).sigmoid(w - l)


def boltzmann(reward: Any) -> Any:
    r"""The Boltzmann distribution of a reward, as log-probabilities.

    :math:`P(y \mid r) = e^{r(y)} / \sum_{y'} e^{r(y')}`.

    Args:
        reward: shape (..., K).

    Returns:
        log-probabilities, shape (..., K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> np.exp(boltzmann([0.0, 0.0]))
    array([0.5, 0.5])

    Ref: Won et al. 2025, section 2.
    """
    r = log_weights("reward", reward)
    return carrier_of(r).log_softmax(r)


def preference_matrix(reward: Any) -> Any:
    r"""All pairwise preferences, :math:`M_{ij} = \sigma(r_i - r_j)`, shape (..., K, K).

    Args:
        reward: shape (..., K).

    Returns:
        probabilities, shape (..., K, K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> preference_matrix([0.0, 0.0])
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    r = log_weights("reward", reward)
    return carrier_of(r).sigmoid(r[..., :, None] - r[..., None, :])


def pair_distribution(chosen: Any, rejected: Any) -> Any:
    r"""Exact distribution of independent pairs :math:`y_w \sim p, y_l \sim q`: :math:`p(i)\,q(j)`, shape (..., K, K).

    Args:
        chosen: logits of the policy of the chosen responses, shape (..., K).
        rejected: logits of the policy of the rejected responses, shape (..., K).

    Returns:
        probabilities, shape (..., K, K).

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> float(pair_distribution([0.0, 1.0], [1.0, 0.0]).sum().round(12))
    1.0

    Ref: Won et al. 2025, section 3.4.
    """
    p, q = log_weights("chosen", chosen), log_weights("rejected", rejected)
    same_outcomes(chosen=p, rejected=q)
    c = carrier_of(p, q)
    return c.softmax(p)[..., :, None] * c.softmax(q)[..., None, :]


def label_probability(chosen: Any, rejected: Any) -> Any:
    r"""Probability that i is the chosen one of a pair, :math:`p^*(i \succ j) = \frac{p_i q_j}{p_i q_j + p_j q_i}`.

    Args:
        chosen, rejected: logits of the policies that write chosen and rejected responses, shape (..., K).

    Returns:
        shape (..., K, K).

    Raises:
        ArgumentError: not finite, or different numbers of outcomes.

    >>> label_probability([0.0, 1.0], [0.0, 1.0])
    array([[0.5, 0.5],
           [0.5, 0.5]])

    Ref: Won et al. 2025, Appendix F.2.
    """
    p, q = log_weights("chosen", chosen), log_weights("rejected", rejected)
    same_outcomes(chosen=p, rejected=q)
    return preference_matrix(p - q)


def sample_pairs(chosen: Any, rejected: Any, size: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    r"""Pairs :math:`y_w \sim p, y_l \sim q`, independent.

    Args:
        chosen, rejected: float64 logits, shape (..., K).
        size: how many pairs.
        rng: a numpy generator.

    Returns:
        two index arrays of shape (..., size).

    Raises:
        ArgumentError: see `policies.sample`.

    >>> w, l = sample_pairs([0.0, 9.0], [9.0, 0.0], 3, rng=np.random.default_rng(0))
    >>> w.tolist(), l.tolist()
    ([1, 1, 1], [0, 0, 0])
    """
    p, q = log_weights("chosen", chosen), log_weights("rejected", rejected)
    same_outcomes(chosen=p, rejected=q)
    return sample(p, size, rng=rng), sample(q, size, rng=rng)
