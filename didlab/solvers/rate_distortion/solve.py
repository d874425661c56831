r"""The optimum of :math:`E[r] - I/\beta` at one beta or along many: starts, the finish, and what backs it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arguments import one_positive, positive, rectangular
from ...conditional import optimal_policy
from ...errors import ArgumentError
from .blahut_arimoto import accelerated
from .bounds import At, look, resolution
from .interior import interior
from .kernel import Kernel, Problem, problem
from .newton import finish

__all__ = ["Solution", "rate_distortion", "rate_distortion_path"]


@dataclass(frozen=True)
class Solution:
    r"""An optimal prior and what is certain about it.

    Attributes:
        beta: the inverse price of a nat.
        prior: :math:`q^*(y)`, shape (K,); 0 where a response has no place at the optimum. Where several priors are
            optimal (equal responses share equally) the policy's reward and information are the same for all of them.
        lower: a proven lower bound on :math:`E[r] - I/\beta` of the policy, in units of the rewards.
        upper: a proven upper bound on the optimum.
        gap: a proven bound on what is missing, in nats (beta times units of the rewards).
        route: "newton", or "interior" or "accelerated" where the first did not reach the aim.
        bounds: the proven (lower, upper) of every step, shape (steps, 2).
        problem: the rewards and prompts.
    """

    beta: float
    prior: np.ndarray
    lower: float
    upper: float
    gap: float
    route: str
    bounds: np.ndarray
    problem: Problem

    @property
    def support(self) -> np.ndarray:
        """The responses of positive probability."""
        return np.flatnonzero(self.prior > 0)

    def policy(self) -> np.ndarray:
        r""":math:`\pi(y|x) \propto q(y) e^{\beta r(x, y)}`, shape (X, K); prompts of weight 0 included.

        >>> rate_distortion([[1.0, 0.0], [0.0, 1.0]], 1.0).policy().round(4)
        array([[0.7311, 0.2689],
               [0.2689, 0.7311]])
        """
        return optimal_policy(self.problem.rewards, self.prior, beta=self.beta)


def rate_distortion(rewards: Any, beta: Any, *, prompts: Any = None, gap: Any = 1e-12) -> Solution:
    r"""The prior and policy that maximise :math:`E[r] - I(X;Y)/\beta` over all policies.

    Args:
        rewards: r(x, y), shape (X, K), K at least 2.
        beta: the inverse price of a nat.
        prompts: weights of the prompts, not negative, shape (X,); uniform where None.
        gap: the certified gap to reach, in nats.

    Returns:
        the optimum, with its certificate; its `gap` says what was reached.

    Raises:
        ArgumentError: see `rate_distortion.problem`; a beta or gap that is not above 0.

    >>> found = rate_distortion([[1.0, 0.0], [0.0, 1.0]], 1.0)
    >>> bool(found.lower <= 1 - np.log(2) + np.log1p(np.exp(-1)) <= found.upper)
    True

    Ref: Kobalczyk et al. 2025, section 3.1, Eq. 4 with the prior optimised.
    """
    return rate_distortion_path(rewards, [one_positive("beta", beta)], prompts=prompts, gap=gap)[0]


def rate_distortion_path(
    rewards: Any, betas: Any, *, prompts: Any = None, gap: Any = 1e-12
) -> tuple[Solution, ...]:
    r"""The optima along values of beta, each started from the one below.

    Args:
        rewards: r(x, y), shape (X, K).
        betas: positive numbers in any order, shape (B,).
        prompts: weights of the prompts, shape (X,); uniform where None.
        gap: the certified gap to reach, in nats.

    Returns:
        the optima in the order of betas.

    Raises:
        ArgumentError: see `rate_distortion`.

    >>> path = rate_distortion_path([[1.0, 0.0, 0.6], [0.0, 1.0, 0.6]], [0.5, 4.0])
    >>> [s.prior.round(3).tolist() for s in path]
    [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    """
    values = _betas(betas)
    aim = one_positive("gap", gap)
    p = problem(rewards, prompts)
    found: dict[int, Solution] = {}
    before = None
    for i in np.argsort(values, kind="stable"):
        kernel = p.at(float(values[i]))
        q, found[int(i)] = _solve(kernel, before, aim)
        before = q
    return tuple(found[i] for i in range(len(values)))


def _betas(betas: Any) -> np.ndarray:
    given = rectangular("betas", betas)
    try:
        if given.dtype.kind not in "fiuO":
            raise TypeError
        values = given.astype(np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("betas", "numbers above 0", repr(betas)) from None
    if values.ndim != 1 or not len(values):
        raise ArgumentError("betas", "numbers above 0, of shape (B,)", f"shape {values.shape}")
    return positive("betas", values)


def _solve(kernel: Kernel, before: np.ndarray | None, gap: float) -> tuple[np.ndarray, Solution]:
    """Newton from the best start; where that does not reach the gap, an interior or an extrapolated start."""
    aim = max(0.1 * gap * min(1.0, kernel.beta), 2 * resolution(kernel))
    q, at, trace = finish(kernel, _start(kernel, before), aim=aim)
    route = "newton"
    for name in ("interior", "accelerated"):
        if at.gap <= gap:
            break
        again, _, more = _other(kernel, name)
        trace += more
        again, at_again, more = finish(kernel, again, aim=aim)
        trace += more
        if at_again.gap < at.gap:
            q, at, route = again, at_again, name
    p = kernel.problem
    bounds = np.array([(t.lower, t.upper) for t in trace])
    return q, Solution(kernel.beta, p.spread(q), at.lower, at.upper, at.gap, route, bounds, p)


def _other(kernel: Kernel, name: str) -> tuple[np.ndarray, At, list[At]]:
    if name == "interior":
        q, at, trace = interior(kernel, aim=1e-10)
    else:
        q, at, trace = accelerated(kernel, np.full(kernel.table.shape[1], 1.0), aim=1e-10, steps=1000)
    return np.where(q > 1e-9 * q.max(), q, 0.0), at, trace


def _start(kernel: Kernel, before: np.ndarray | None) -> np.ndarray:
    """The best of: the optimum of a smaller beta, one response for all prompts, the best response to each prompt."""
    p, table = kernel.problem.weights, kernel.table
    single = np.zeros(table.shape[1])
    single[np.argmax(p @ table)] = 1.0
    each = np.bincount(table.argmax(1), p, minlength=table.shape[1])
    if before is not None:
        at = look(kernel, np.flatnonzero(before), before[before > 0])
        if at.z.min() > 0.5 * p.min() and at.gap < 1.0:
            return before
    starts = [s for s in (before, single, each) if s is not None and (table @ s >= 1e-6 * p).all()]
    return max(starts, key=lambda s: float(p @ np.log(table @ s)))
