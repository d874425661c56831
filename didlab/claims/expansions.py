r"""The displayed expansions of :math:`\alpha\log\frac{\pi(y|x)}{\zeta(y)}` in Appendix B of the MI-DPO paper, as printed.

Every expansion is a left side and displayed lines, each a list of terms to be summed. Ratios are at both responses of
a pair, shape (..., 2); differences between them have shape (..., 1).

Ref: Tutunov et al. 2025, Appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..objectives import priors
from ..objectives.score import Score
from ..objectives.token_pair import TokenPair

__all__ = [
    "Expansion", "rdpo_margin", "rdpo_ratio", "simpo_margin", "simpo_margin_corrected", "simpo_ratio",
    "sparse_margin", "sparse_prior", "sparse_ratio", "tdpo_margin", "tdpo_ratio", "tis_margin", "tis_prior",
    "tis_ratio",
]

Lines = list[list[Any]]
Expansion = Callable[..., tuple[Any, Lines]]


def ratio(pair: TokenPair, alpha: Any, prior: Callable[[TokenPair], Score]) -> Any:
    """alpha log(pi / zeta) at both responses, shape (..., 2)."""
    return alpha * (pair.log_likelihood().value - prior(pair).value)


def gap(x: Any) -> Any:
    """What is at the chosen response less what is at the rejected one, shape (..., 1)."""
    return x[..., :1] - x[..., 1:]


def at(x: Any) -> tuple[Any, Any]:
    """What is at the chosen and what is at the rejected response."""
    return x[..., :1], x[..., 1:]


def logs(pair: TokenPair, weights: Any = 1) -> tuple[Any, Any]:
    """Weighted log-likelihoods of policy and reference at both responses."""
    return pair.log_likelihood(weights).value, pair.reference_likelihood(weights).value


# ---------------------------------------------------------------------------------------- the expansions as printed

def simpo_ratio(pair: TokenPair, alpha: Any, gamma: Any) -> tuple[Any, Lines]:
    p, n = pair.log_likelihood().value, pair.length
    shift = gamma / (2 * alpha) * np.array([1, -1])
    return ratio(pair, alpha, priors.simpo(alpha=alpha, gamma=gamma)), [
        [alpha * p, -alpha * p, alpha * p / n, -alpha * shift],
        [alpha / n * p, -alpha * shift],
    ]


def simpo_margin(pair: TokenPair, alpha: Any, gamma: Any, sign: int = -1) -> tuple[Any, Lines]:
    (w, l), (nw, nl) = at(pair.log_likelihood().value), at(pair.length)  # noqa: E741
    shift = gamma / (2 * alpha)
    return gap(ratio(pair, alpha, priors.simpo(alpha=alpha, gamma=gamma))), [
        [alpha / nw * w, -alpha * shift, -alpha / nl * l, sign * alpha * -shift],
        [alpha / nw * w, -alpha / nl * l, -gamma],
    ]


def simpo_margin_corrected(pair: TokenPair, alpha: Any, gamma: Any) -> tuple[Any, Lines]:
    return simpo_margin(pair, alpha, gamma, 1)


def rdpo_ratio(pair: TokenPair, alpha: Any, bonus: Any) -> tuple[Any, Lines]:
    p, r = logs(pair)
    return ratio(pair, alpha, priors.r_dpo(beta=bonus)), [
        [alpha * p, -alpha * (r - bonus * pair.length)], [alpha * (p - r), alpha * (bonus * pair.length)]]


def rdpo_margin(pair: TokenPair, alpha: Any, bonus: Any) -> tuple[Any, Lines]:
    p, r = logs(pair)
    (w, l), (nw, nl), tilde = at(alpha * (p - r)), at(pair.length), alpha * bonus  # noqa: E741
    return gap(ratio(pair, alpha, priors.r_dpo(beta=bonus))), [[w, tilde * nw, -l, -tilde * nl], [w, -l, tilde * (nw - nl)]]


def tdpo_ratio(pair: TokenPair, alpha: Any) -> tuple[Any, Lines]:
    p, r = logs(pair)
    kl = pair.divergence().value
    return ratio(pair, alpha, priors.tdpo()), [[alpha * p, -alpha * (r - kl)], [alpha * (p - r), alpha * kl]]


def tdpo_margin(pair: TokenPair, alpha: Any) -> tuple[Any, Lines]:
    p, r = logs(pair)
    (w, l), (kw, kl) = at(alpha * (p - r)), at(pair.divergence().value)  # noqa: E741
    return gap(ratio(pair, alpha, priors.tdpo())), [[w, -l, -alpha * (kl - kw)]]


def sparse_prior(pair: TokenPair, alpha: Any, reward_mask: Any, divergence_mask: Any) -> tuple[Any, Lines]:
    whole, (p, r) = pair.log_likelihood().value, logs(pair, reward_mask)
    kl = pair.divergence(divergence_mask).value
    powers = [pair.log_likelihood(1 - reward_mask).value, -pair.reference_likelihood(-1 * reward_mask).value]
    return priors.sparse_po(reward_mask=reward_mask, divergence_mask=divergence_mask)(pair).value, [
        [whole, -(p - r), -kl], [*powers, -kl]]


def sparse_ratio(pair: TokenPair, alpha: Any, reward_mask: Any, divergence_mask: Any) -> tuple[Any, Lines]:
    whole, (p, r) = pair.log_likelihood().value, logs(pair, reward_mask)
    kl, reward = alpha * pair.divergence(divergence_mask).value, alpha * (p - r)
    prior = priors.sparse_po(reward_mask=reward_mask, divergence_mask=divergence_mask)
    return ratio(pair, alpha, prior), [
        [alpha * whole, -alpha * prior(pair).value], [alpha * whole, -alpha * whole, reward, kl], [reward, kl]]


def sparse_margin(pair: TokenPair, alpha: Any, reward_mask: Any, divergence_mask: Any) -> tuple[Any, Lines]:
    p, r = logs(pair, reward_mask)
    (w, l), (kw, kl) = at(alpha * (p - r)), at(alpha * pair.divergence(divergence_mask).value)  # noqa: E741
    prior = priors.sparse_po(reward_mask=reward_mask, divergence_mask=divergence_mask)
    return gap(ratio(pair, alpha, prior)), [[w, -l, -(kl - kw)]]


def tis_prior(pair: TokenPair, alpha: Any, weights: Any) -> tuple[Any, Lines]:
    r, kl = pair.reference_likelihood(weights).value, pair.divergence(weights, of="policy").value
    return priors.tis_dpo(weights=weights)(pair).value, [[r, -pair.log_likelihood(weights - 1).value, kl]]


def tis_ratio(pair: TokenPair, alpha: Any, weights: Any) -> tuple[Any, Lines]:
    (p, r), kl = logs(pair, weights), pair.divergence(weights, of="policy").value
    return ratio(pair, alpha, priors.tis_dpo(weights=weights)), [[-alpha * ((r - p) + kl)], [-alpha * kl, alpha * (p - r)]]


def tis_margin(pair: TokenPair, alpha: Any, weights: Any) -> tuple[Any, Lines]:
    p, r = logs(pair, weights)
    (w, l), (kw, kl) = at(alpha * (p - r)), at(alpha * pair.divergence(weights, of="policy").value)  # noqa: E741
    return gap(ratio(pair, alpha, priors.tis_dpo(weights=weights))), [[w, -l, -kw, kl], [w - l, -(kw - kl)]]
