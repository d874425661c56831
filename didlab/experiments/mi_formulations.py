"""Policies from preference data under five ways to treat the prior, measured against the true rewards."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..conditional import marginal, regularised_objective
from ..objectives.mi_dpo import loss
from ..policies import log_probabilities
from ..solvers.learnable_prior import minimise_in_box
from ..solvers.rate_distortion import place, rate_distortion
from ..solvers.tied_prior import minimise_tied

__all__ = ["BOUND", "FORMULATIONS", "Measured", "draw_pairs", "measure", "population"]

FORMULATIONS = ("uniform prior", "random prior", "joint", "tied to the marginal", "reward, then rate-distortion")
BOUND = 5.0


class Measured(NamedTuple):
    """One policy.

    Attributes:
        train, population: MI-DPO loss with its own prior, on the data and over all pairs with the true preferences,
            in nats; the second is infinite where the prior or the policy excludes a response.
        reward, information: expected true reward, and I(X;Y) in nats.
        short: how far E[r] - I/beta is below its optimum, times beta, in nats.
    """

    train: float
    population: float
    reward: float
    information: float
    short: float


def population(rewards: np.ndarray) -> np.ndarray:
    """Shares of pairs: every two responses equally often, preferred as Bradley and Terry say.

    >>> population(np.array([[0.0, 0.0]]))
    array([[[0. , 0.5],
            [0.5, 0. ]]])
    """
    gap = rewards[:, :, None] - rewards[:, None, :]
    return (1 - np.eye(rewards.shape[1])) / (1 + np.exp(-gap))


def draw_pairs(rewards: np.ndarray, pairs: int, seed: int) -> np.ndarray:
    """Counts of preferences drawn from `population`.

    >>> draw_pairs(np.array([[0.0, 9.0]]), 10, 0).sum()
    np.float64(10.0)
    """
    share = population(rewards)
    rng = np.random.default_rng([seed, pairs])
    return rng.multinomial(pairs, share.ravel() / share.sum()).reshape(share.shape).astype(float)


def measure(rewards: np.ndarray, counts: np.ndarray, beta: float, seed: int) -> dict[str, Measured]:
    r"""All formulations on one data set; logits of policy and prior lie in [-5, 5], except where the prior is tied.

    The last one takes the log-ratios of the first, :math:`r = h/\beta`, and the policy that maximises E[r] - I/beta.

    >>> r = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> found = measure(r, population(r), 1.0, 0)
    >>> abs(found["reward, then rate-distortion"].short) < 1e-6
    True
    """
    alpha, weights, flat = 1 / beta, np.ones(len(rewards)), np.zeros(rewards.shape[1])
    other = np.random.default_rng([seed, 5]).normal(size=rewards.shape[1])
    fixed = minimise_in_box(counts, bound=BOUND, alpha=alpha, prior=flat).pair
    ratio = log_probabilities(fixed.policy) - log_probabilities(fixed.prior)
    second = rate_distortion(alpha * ratio, beta)
    with np.errstate(divide="ignore"):
        pairs = (
            fixed,
            minimise_in_box(counts, bound=BOUND, alpha=alpha, prior=other).pair,
            minimise_in_box(counts, bound=BOUND, alpha=alpha).pair,
            minimise_tied(counts, weights, alpha=alpha, starts=4, seed=seed).pair,
            (np.log(second.policy()), np.log(second.prior)),
        )
    best, every = rate_distortion(rewards, beta), population(rewards)
    found: dict[str, Measured] = {}
    for name, (policy, prior) in zip(FORMULATIONS, pairs, strict=True):
        pi = np.exp(log_probabilities(policy)) if np.isfinite(policy).all() else np.exp(policy)
        own = regularised_objective(weights, pi, rewards, marginal(weights, pi), beta=beta)
        losses = [
            float(loss(policy, prior, n, alpha=alpha)) if np.isfinite(policy).all() else np.inf for n in (counts, every)
        ]
        at = place(rewards, pi)
        found[name] = Measured(losses[0], losses[1], at.reward, at.information, beta * (best.lower - float(own)))
    return found
