"""Two alternations of policy and prior from common starts, and the least loss under a tied prior."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..conditional import marginal, optimal_policy, regularised_objective
from ..objectives.mi_dpo import loss
from ..policies import log_probabilities
from ..solvers.learnable_prior import Pair, alternate, best_ratio
from ..solvers.rate_distortion import rate_distortion
from ..solvers.tied_prior import minimise_tied
from .mi_formulations import population

__all__ = ["LOSS", "REGULARISED", "Runs", "along", "digits", "spread", "tied_excess"]

LOSS, REGULARISED = "MI-DPO loss", "E[r] − KL/β"


class Runs(NamedTuple):
    """Probabilities along runs from several starts, and two measures of each policy.

    Attributes:
        policy, prior: shapes (starts, steps + 1, X, K) and (starts, steps + 1, K).
        excess: the MI-DPO loss above its least value, shape (starts, steps + 1).
        short: beta times what E[r] - I/beta lacks, in nats, shape (starts, steps + 1).
    """

    policy: np.ndarray
    prior: np.ndarray
    excess: np.ndarray
    short: np.ndarray


def along(rewards: np.ndarray, beta: float, steps: int, seeds: Any) -> dict[str, Runs]:
    r"""Both alternations from the same random priors and policies.

    One takes gradient steps of policy and prior in turn on the MI-DPO loss of all pairs; the other puts the best policy
    for the prior and then the best prior for the policy of the regularised objective (Blahut and Arimoto).

    >>> runs = along(np.array([[1.0, 0.0], [0.0, 1.0]]), 1.0, 300, range(2))
    >>> bool(runs[LOSS].excess[:, -1].max() < 1e-6), runs[REGULARISED].prior[:, -1].round(4)
    (True, array([[0.5, 0.5],
           [0.5, 0.5]]))
    """
    counts, alpha, weights = population(rewards), 1 / beta, np.ones(len(rewards))
    rate = 2 * (rewards.shape[1] - 1) * beta**2  # half of what the curvature by the prior's logits allows
    least = float(loss(best_ratio(counts, alpha=alpha), np.zeros(rewards.shape[1]), counts, alpha=alpha))
    best = rate_distortion(rewards, beta).lower
    found: dict[str, list[Any]] = {LOSS: [], REGULARISED: []}
    for s in seeds:
        rng = np.random.default_rng([s, 3])
        start = Pair(rng.normal(size=rewards.shape), rng.normal(size=rewards.shape[1]))
        way = alternate(counts, start, alpha=alpha, rate=rate, steps=steps)
        found[LOSS].append((np.exp(log_probabilities(way.policy)), np.exp(log_probabilities(way.prior)), way.loss))
        prior, walked = np.exp(log_probabilities(start.prior)), list[Any]()
        policy = np.exp(log_probabilities(start.policy))
        for _ in range(steps + 1):
            walked.append((policy, prior, float(loss(np.log(policy), np.log(prior), counts, alpha=alpha))))
            policy = optimal_policy(rewards, prior, beta=beta)
            prior = marginal(weights, policy)
        found[REGULARISED].append(tuple(np.array(x) for x in zip(*walked, strict=True)))
    runs: dict[str, Runs] = {}
    for name, parts in found.items():
        policy, prior, losses = (np.stack(x) for x in zip(*parts, strict=True))
        w = np.ones(policy.shape[:-1])
        own = regularised_objective(w, policy, np.broadcast_to(rewards, policy.shape), marginal(w, policy), beta=beta)
        runs[name] = Runs(policy, prior, losses - least, beta * (best - own))
    return runs


def spread(x: np.ndarray) -> np.ndarray:
    """Total variation between any two starts, mean over prompts: shape (pairs of starts, steps + 1).

    >>> spread(np.array([[[1.0, 0.0]], [[0.5, 0.5]]]))
    array([[0.5]])
    """
    i, j = np.triu_indices(len(x), 1)
    apart = 0.5 * abs(x[i] - x[j]).sum(-1)
    return apart.mean(-1) if x.ndim == 4 else apart


def tied_excess(rewards: np.ndarray, beta: float) -> tuple[float, bool]:
    """By how much a tied prior misses the least loss of all pairs, and whether the rate-distortion prior is positive.

    >>> excess, whole = tied_excess(np.array([[1.0, 0.0], [0.0, 1.0]]), 2.0)
    >>> excess < 1e-12, whole
    (True, True)
    """
    counts = population(rewards)
    flat = np.zeros(rewards.shape[1])
    least = float(loss(best_ratio(counts, alpha=1 / beta), flat, counts, alpha=1 / beta))
    found = minimise_tied(counts, np.ones(len(rewards)), alpha=1 / beta, starts=4)
    return found.loss - least, len(rate_distortion(rewards, beta).support) == rewards.shape[1]


def digits(x: Any) -> float:
    """A number as it is written down: six digits, 12 decimals, so that another machine's last bits do not show.

    >>> digits(-3e-15), digits(1 / 3)
    (0.0, 0.333333)
    """
    return float(f"{round(float(x), 12):.6g}") + 0.0
