"""The best policy of a population loss: found, and judged for existence and uniqueness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import naming, one_whole
from ..objectives import Objective
from .attained import Existence, existence
from .population import At, PopulationLoss

__all__ = ["Optimum", "optimum"]


@dataclass(frozen=True)
class Optimum:
    """The minimum of a population loss over all policies, or the news that there is none.

    Attributes:
        policy: log-probabilities, shape (K,); None where no policy attains the infimum.
        loss: the loss there, in nats.
        gradient_norm: of the gradient in the logits; for hinges, of the smallest subgradient.
        iterations: Newton steps.
        converged: the gradient norm is at most 1e-12 max(1, |loss|).
        attained, unique, escape, reason: see `Existence`; `unique` is None where it is not decided.
    """

    policy: np.ndarray | None
    loss: float
    gradient_norm: float
    iterations: int
    converged: bool
    attained: bool | None
    unique: bool | None
    escape: np.ndarray | None
    reason: str


def optimum(
    objective: Objective, chosen: Any = None, rejected: Any = None, *, reference: Any = None, weights: Any = None,
    start: Any = None, max_iterations: int = 30,
) -> Optimum:
    r"""The policy :math:`\arg\min_\pi E_{y_w\sim p,\, y_l\sim q}\,\ell`, over all policies.

    Args:
        objective: a loss (see `objectives.get`).
        chosen, rejected: logits of p and q, shape (K,).
        reference: logits of the reference; without it, chosen responses come from the reference.
        weights: a table of pair weights, shape (K, K), in place of p and q (a data set).
        start: logits to start from.
        max_iterations: the most Newton steps.

    Returns:
        an `Optimum`.

    Raises:
        ArgumentError: see `PopulationLoss`; a start that does not fit, or iterations that are no number from 0.

    >>> from didlab import objectives
    >>> found = optimum(objectives.get("log-pi"), np.log([0.5, 0.5]), np.log([0.2, 0.8]))
    >>> np.exp(found.policy).round(12), found.unique
    (array([0.8, 0.2]), True)
    >>> optimum(objectives.get("kto"), [0.0, 0.0], [0.0, 1.0]).escape
    array([1., 0.])

    Ref: Won et al. 2025, section 3.5 and Theorem 3.4.
    """
    one_whole("max_iterations", max_iterations, 0)
    loss = PopulationLoss(objective, chosen, rejected, reference, weights)
    with naming(logits="start"):
        start = None if start is None else loss.at(start).theta
    known = existence(loss)
    if known.attained is False:
        assert known.escape is not None
        far = loss.at(loss.r + 1e3 * known.escape)
        return Optimum(None, far.value, float("nan"), 0, False, False, None, known.escape, known.reason)
    if objective.form.link == "hinge":
        from .piecewise import hinge_optimum

        return hinge_optimum(loss, known)
    if objective.form.has("penalty"):
        from .kinks import penalty_optimum

        return penalty_optimum(loss, known, max_iterations)
    from .newton import newton

    found = newton(loss, first_guess(loss) if start is None else start, max_iterations=max_iterations)
    here = found.at
    return Optimum(
        here.v, here.value, float(np.linalg.norm(here.gradient)), found.iterations, found.converged,
        known.attained, _unique(known, here), None, known.reason,
    )


def first_guess(loss: PopulationLoss) -> np.ndarray:
    """Logits to start from: uniform without a reference; moved towards the regressed log-ratios where there are any."""
    form = loss.objective.form
    if not form.uses_reference:
        return np.zeros(len(loss.r))
    if form.has("pull"):
        from .regressed import regressed

        return regressed(loss)
    return loss.r


def _unique(known: Existence, here: At) -> bool | None:
    """Uniqueness that the minimum itself decides.

    A loss that is convex in the log-probabilities v is minimised over the policies, the boundary of the convex set
    sum exp(v) <= 1. Where the multiplier -sum G is not negative, its minimum over that set is the same point.
    """
    if known.unique is not None or here.form.has("odds") or here.form.has("gain_w") or here.form.has("gain_l"):
        return known.unique
    return True if here.by_outcome.sum() <= 0 else None
