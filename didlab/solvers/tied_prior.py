r"""The MI-DPO loss with the prior tied to the policy: :math:`\zeta(y) = \sum_x p(x)\,\pi(y|x)`.

With the ratio h that the loss asks for, :math:`\pi = \zeta e^{h}/Z` has the marginal zeta exactly where
:math:`\sum_x p(x) e^{h(x,y)}/Z(x) = 1` for every response: zeta is then the rate-distortion prior of the rewards
:math:`\alpha h` at :math:`\beta = 1/\alpha`, with full support. Where that prior has a zero, no policy of full support
attains the unconstrained minimum, and the infimum lies where a response has vanished.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import log_weights, one_positive, positive, whole
from ..errors import ArgumentError
from ..objectives.mi_dpo import loss, loss_gradient
from ..policies import log_probabilities
from .learnable_prior import JointMinimum, Pair, checked_counts

__all__ = ["minimise_tied", "tied_prior"]


def minimise_tied(
    counts: Any, prompts: Any, *, alpha: Any = 1.0, starts: Any = 8, seed: Any = 0, floor: Any = 60.0
) -> JointMinimum:
    r"""The least loss found with the prior tied to the policy's marginal, :math:`\zeta = \sum_x p(x)\pi(y|x)`.

    Not convex: the best of several starts. Where the infimum is at a response that vanishes, its probability falls to
    about exp(-floor).

    Args:
        counts: as for :func:`best_ratio`.
        prompts: weights of the prompts, above 0, shape (X,).
        alpha: scale of the reward, above 0.
        starts: how many.
        seed: of the starts.
        floor: the largest logit, in size.

    Returns:
        the best minimum.

    Raises:
        ArgumentError: counts of another shape, weights that are not above 0, alpha not above 0.

    >>> found = minimise_tied([[[0, 3], [1, 0]], [[0, 1], [3, 0]]], [1.0, 1.0])
    >>> bool(abs(found.loss - (2 * np.log(2) - 0.75 * np.log(3))) < 1e-12)
    True
    """
    from scipy.optimize import minimize

    n, a = checked_counts(counts), one_positive("alpha", alpha)
    p = positive("prompts", log_weights("prompts", prompts))
    if p.shape != n.shape[:1]:
        raise ArgumentError("prompts", f"of shape ({len(n)},)", f"shape {p.shape}")
    p = p / p.sum()
    rng = np.random.default_rng(int(whole("seed", seed, 0)))
    top = one_positive("floor", floor)

    def at(theta: np.ndarray) -> tuple[float, np.ndarray]:
        pair = tied_prior(theta.reshape(n.shape[:2]), p)
        g = loss_gradient(*pair, n, alpha=a)
        pull = p[:, None] * np.exp(pair.policy - pair.prior) * -g.sum(0)  # of each probability, times it: by log pi
        return float(loss(*pair, n, alpha=a)), (g + pull - np.exp(pair.policy) * pull.sum(1, keepdims=True)).ravel()

    options = {"maxiter": 5000, "maxfun": 10_000, "ftol": 0.0, "gtol": 1e-12, "maxcor": 30}
    best = None
    for _ in range(int(whole("starts", starts, 1))):
        first = rng.normal(size=n.shape[0] * n.shape[1])
        found = minimize(at, first, jac=True, method="L-BFGS-B", bounds=[(-top, top)] * len(first), options=options)
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    return JointMinimum(tied_prior(best.x.reshape(n.shape[:2]), p), float(best.fun), np.inf)


def tied_prior(policy: np.ndarray, prompts: np.ndarray) -> Pair:
    """Log-probabilities of a policy, from its logits, and of its marginal, however small.

    >>> tied_prior(np.zeros((2, 2)), np.array([0.5, 0.5])).prior.round(6)
    array([-0.693147, -0.693147])
    """
    log_pi = log_probabilities(policy)
    top = log_pi.max(0)
    return Pair(log_pi, np.log(prompts @ np.exp(log_pi - top)) + top)
