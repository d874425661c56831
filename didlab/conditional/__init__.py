r"""Conditional policies :math:`\pi(y|x)` with a distribution of prompts, priors, and what couples responses to prompts.

Everything here is given by weights, not by logits: prompts that never come, responses that a prior excludes and
deterministic rows are ordinary cases of rate-distortion theory. Rows are normalised; a prior is one row (..., K) for
all prompts, or a row for each of them (..., X, K), wherever it comes from: a reference, the policy itself, labels.
A divergence from a prior that excludes what the policy does is infinite; prompts of weight 0 do not count.

Convention: as in Tutunov et al. 2025, beta multiplies rewards, and 1 / beta divergences; :func:`didlab.tilt` and DPO
call 1 / beta what is beta here.
"""

from __future__ import annotations

from .channel import divergences, entropies, information, joint, marginal, variational
from .policy_prior import policy_prior, policy_prior_optimum
from .regularised import expected_reward, log_partition, optimal_policy, optimal_value, regularised_objective

__all__ = [
    "divergences",
    "entropies",
    "expected_reward",
    "information",
    "joint",
    "log_partition",
    "marginal",
    "optimal_policy",
    "optimal_value",
    "policy_prior",
    "policy_prior_optimum",
    "regularised_objective",
    "variational",
]
