r"""The MI-DPO loss minimised over policy and prior together, and what that determines.

The loss depends on the log-ratio :math:`h = \log\pi - \log\zeta` alone, up to a constant for each prompt. Whatever the
prior, :math:`\pi \propto \zeta e^{h}` has the ratio h; so over all policies the least loss is the same for every prior,
and a joint optimum fixes h and nothing else: every prior is part of one. It exists exactly where every compared pair
lies on a cycle of preferences (:func:`didlab.objectives.mi_dpo.on_cycles`). In the logits of policy and prior the loss
is convex, since both normalisers cancel; a box for the logits makes the domains compact and the optimum attained.

Gradient steps split h between policy and prior by their rates. They keep :math:`\rho\sum_x\theta_\pi(x, y) +
\theta_\zeta(y)` for each response, rho the prior's rate over the policy's, so where they end is a function of where
they start (:func:`limit_of_descent`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import floats, log_weights, one_positive, whole
from ..errors import ArgumentError
from ..objectives.mi_dpo import loss, loss_gradient, on_cycles
from ..policies import log_probabilities

__all__ = [
    "Descent", "JointMinimum", "Pair", "alternate", "best_ratio", "checked_counts", "limit_of_descent",
    "minimise_in_box",
]


class Pair(NamedTuple):
    """Logits of a policy, shape (X, K), and of a prior, shape (K,)."""

    policy: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True)
class JointMinimum:
    """A minimum of the loss over policy and prior.

    Attributes:
        pair: the log-probabilities of policy and prior.
        loss: its value, in nats.
        gap: a bound on how far it is above the infimum, from convexity; infinite where the problem is not convex.
    """

    pair: Pair
    loss: float
    gap: float


@dataclass(frozen=True)
class Descent:
    """Alternating descent, before the first step and after each.

    Attributes:
        policy: logits, shape (steps + 1, X, K).
        prior: logits, shape (steps + 1, K).
        loss: nats, shape (steps + 1,).
    """

    policy: np.ndarray
    prior: np.ndarray
    loss: np.ndarray


def best_ratio(counts: Any, *, alpha: Any = 1.0) -> np.ndarray:
    r"""The log-ratios :math:`h = \log(\pi/\zeta)` at the optimum, which a joint optimum determines, and all it does.

    Args:
        counts: how often w was chosen and l rejected at prompt x, shape (X, K, K).
        alpha: scale of the reward, above 0.

    Returns:
        shape (X, K), mean 0 over each prompt's responses; where the compared pairs leave several, that of least norm.

    Raises:
        ArgumentError: counts of another shape, or without a minimum: a pair that lies on no cycle of preferences.

    >>> best_ratio([[[0, 3], [1, 0]]], alpha=0.5).round(6)
    array([[ 1.098612, -1.098612]])

    Ref: Tutunov et al. 2025, section 5.2.
    """
    n, a = checked_counts(counts), one_positive("alpha", alpha)
    if not on_cycles(n).all():
        raise ArgumentError("counts", "with every compared pair on a cycle of preferences", "one that is on none",
                            "The loss falls forever; give the logits a box.")
    h, flat = np.zeros(n.shape[:2]), np.zeros(n.shape[1])
    weights = n + n.swapaxes(1, 2)
    share = weights / n.sum()

    def here(h: np.ndarray) -> float:
        return float(loss(h, flat, n, alpha=a))

    for _ in range(200):
        g = loss_gradient(h, flat, n, alpha=a)
        gap = a * (h[:, :, None] - h[:, None, :])
        bend = a * a * share / (2 + 2 * np.cosh(np.clip(gap, -700, 700)))
        hessian = np.eye(n.shape[1]) * bend.sum(2)[:, :, None] - bend
        step = -np.einsum("xij,xj->xi", np.linalg.pinv(hessian, rcond=1e-12, hermitian=True), g)
        reach = a * np.ptp(step, axis=1).max()
        t, value = (np.log1p(reach) / reach if reach > 1 else 1.0), here(h)
        while t > 1e-12 and here(h + t * step) > value + 1e-15:
            t /= 2
        h = h + t * step
        if reach < 1e-13:
            break
    return h - h.mean(1, keepdims=True)


def minimise_in_box(counts: Any, *, bound: Any, alpha: Any = 1.0, prior: Any = None) -> JointMinimum:
    r"""The least loss over logits between -bound and bound, of the policy and, unless one is given, of the prior.

    Args:
        counts: as for :func:`best_ratio`.
        bound: of the logits' size, above 0: the domains are compact.
        alpha: scale of the reward, above 0.
        prior: logits of a fixed prior, shape (K,); None to optimise it too.

    Returns:
        the minimum, with its gap.

    Raises:
        ArgumentError: counts of another shape, alpha or bound not above 0.

    >>> one_sided = [[[0, 1], [0, 0]]]
    >>> fixed = minimise_in_box(one_sided, bound=1.0, prior=[0.0, 0.0])
    >>> both = minimise_in_box(one_sided, bound=1.0)
    >>> round(fixed.loss, 6), round(both.loss, 6)
    (0.126928, 0.01815)
    """
    from scipy.optimize import minimize

    n, a = checked_counts(counts), one_positive("alpha", alpha)
    top = one_positive("bound", bound)
    x, k = n.shape[:2]
    given = None if prior is None else log_weights("prior", prior)
    if given is not None and given.shape != (k,):
        raise ArgumentError("prior", f"of shape ({k},)", f"shape {given.shape}")

    def split(theta: np.ndarray) -> Pair:
        return Pair(theta[: x * k].reshape(x, k), theta[x * k :] if given is None else given)

    def at(theta: np.ndarray) -> tuple[float, np.ndarray]:
        pair = split(theta)
        g = loss_gradient(*pair, n, alpha=a)
        return float(loss(*pair, n, alpha=a)), np.append(g.ravel(), [] if given is not None else -g.sum(0))

    size = x * k + (k if given is None else 0)
    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 0.0, "gtol": 1e-13, "maxcor": 30}
    found = minimize(at, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-top, top)] * size, options=options)
    value, g = at(found.x)
    gap = float(np.where(g > 0, g * (found.x + top), g * (found.x - top)).sum())
    pair = split(found.x)
    return JointMinimum(Pair(log_probabilities(pair.policy), log_probabilities(pair.prior)), value, gap)


def alternate(counts: Any, start: Pair, *, alpha: Any, rate: Any, steps: Any, ratio_of_rates: Any = 1.0) -> Descent:
    r"""Gradient steps on the MI-DPO loss, one of the policy and one of the prior in turn.

    Args:
        counts: as for :func:`best_ratio`.
        start: logits of policy and prior.
        alpha: scale of the reward, above 0.
        rate: of the policy's steps, above 0.
        steps: how many of each.
        ratio_of_rates: the prior's rate over the policy's, above 0.

    Returns:
        the way taken.

    Raises:
        ArgumentError: shapes that do not fit, or a rate not above 0.

    >>> way = alternate([[[0, 3], [1, 0]]], Pair(np.zeros((1, 2)), np.zeros(2)), alpha=1.0, rate=1.0, steps=200)
    >>> (way.policy[-1] - way.prior[-1]).round(4)
    array([[ 0.5493, -0.5493]])
    """
    n, a = checked_counts(counts), one_positive("alpha", alpha)
    eta, rho = one_positive("rate", rate), one_positive("ratio_of_rates", ratio_of_rates)
    policy, prior = log_weights("policy", start.policy).astype(float), log_weights("prior", start.prior).astype(float)
    way: list[tuple[np.ndarray, np.ndarray, float]] = [(policy, prior, float(loss(policy, prior, n, alpha=a)))]
    for _ in range(int(whole("steps", steps, 1))):
        policy = policy - eta * loss_gradient(policy, prior, n, alpha=a)
        prior = prior + rho * eta * loss_gradient(policy, prior, n, alpha=a).sum(0)
        way.append((policy, prior, float(loss(policy, prior, n, alpha=a))))
    policies, priors, losses = zip(*way, strict=True)
    return Descent(np.stack(policies), np.stack(priors), np.array(losses))


def limit_of_descent(ratio: Any, start: Pair, *, ratio_of_rates: Any = 1.0) -> Pair:
    r"""Where simultaneous gradient flow from a start ends, in closed form: the optimum that keeps what the flow keeps.

    The flow keeps :math:`\rho\sum_x\theta_\pi(x, y) + \theta_\zeta(y)` of each response and the sum of each row of
    logits. So :math:`\theta_\zeta = (\rho\sum_x(\theta^0_\pi - h - c_x) + \theta^0_\zeta)/(1 + \rho X)` with
    :math:`c_x` the difference of the mean logits, and :math:`\theta_\pi = \theta_\zeta + h + c_x`.

    Args:
        ratio: the optimal log-ratios, mean 0 over responses, shape (X, K).
        start: logits of policy and prior.
        ratio_of_rates: rho, the prior's rate over the policy's, above 0.

    Returns:
        logits of policy and prior.

    Raises:
        ArgumentError: shapes that do not fit.

    >>> limit_of_descent([[1.0, -1.0]], Pair(np.zeros((1, 2)), np.zeros(2)))
    Pair(policy=array([[ 0.5, -0.5]]), prior=array([-0.5,  0.5]))
    """
    h, rho = log_weights("ratio", ratio), one_positive("ratio_of_rates", ratio_of_rates)
    policy, prior = log_weights("policy", start.policy), log_weights("prior", start.prior)
    if policy.shape != h.shape or prior.shape != h.shape[1:]:
        raise ArgumentError("start", f"logits of shapes {h.shape} and {h.shape[1:]}", f"{policy.shape}, {prior.shape}")
    c = policy.mean(1, keepdims=True) - prior.mean()
    end = (rho * (policy - h - c).sum(0) + prior) / (1 + rho * len(h))
    return Pair(end + h + c, end)


def checked_counts(counts: Any) -> np.ndarray:
    """Numbers of pairs, shape (X, K, K), as floats; an error where they are not."""
    n = floats("counts", counts)
    if n.ndim != 3 or n.shape[1] != n.shape[2]:
        raise ArgumentError("counts", "numbers of pairs of shape (X, K, K)", f"shape {tuple(np.shape(n))}")
    if (n < 0).any() or not (n * (1 - np.eye(n.shape[1]))).any():
        raise ArgumentError("counts", "numbers of pairs from 0, one of two responses at least", "none, or negative")
    return n
