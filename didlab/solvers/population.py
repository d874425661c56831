r"""The population loss of an objective over pairs, as a function of the policy's logits, with closed-form derivatives.

.. math:: F(\theta) = \sum_{ij} W_{ij}\,\ell(v_i, v_j; r_i, r_j), \qquad v = \log\mathrm{softmax}\,\theta

With the common form of the losses, and G the gradient in v, :math:`\nabla F = G - \pi\sum_i G_i`, and with
:math:`J = I - 1\pi^\top` and M the Hessian in v,
:math:`\nabla^2 F = J^\top M J - (\sum_i G_i)(\mathrm{diag}\,\pi - \pi\pi^\top)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import flag, floats, same_outcomes
from ..carriers import NUMPY
from ..errors import ArgumentError
from ..objectives import Objective
from .pair_sums import Dense, PairSums, pair_sums

__all__ = ["At", "PopulationLoss"]


@dataclass(frozen=True)
class PopulationLoss:
    r"""The expected loss of independent pairs :math:`y_w \sim p,\ y_l \sim q`, or of a table of pair weights.

    Args:
        objective: a loss (see `objectives.get`).
        chosen, rejected: logits of p and q, shape (K,), K at least 2.
        reference: logits of the reference; without it, chosen responses come from the reference, as in the paper.
        weights: a table of weights W, shape (K, K), row chosen and column rejected, in place of p and q.
        dense: True to visit all pairs whatever the size, False never to (without `weights`).

    Raises:
        ArgumentError: no objective, not finite, K below 2, or weights that are negative or 0.

    >>> from didlab import objectives
    >>> loss = PopulationLoss(objectives.get("dpo"), [0.0, 0.0], [0.0, 1.0])
    >>> round(loss.value(np.zeros(2)), 6)
    0.693147

    Ref: Won et al. 2025, section 3.5.
    """

    objective: Objective
    chosen: Any = None
    rejected: Any = None
    reference: Any = None
    weights: Any = None
    dense: bool | None = None

    def __post_init__(self) -> None:
        def put(name: str, x: Any) -> None:
            object.__setattr__(self, name, x)

        if not isinstance(self.objective, Objective):
            raise ArgumentError("objective", "one of didlab.objectives.get(name)", repr(self.objective)[:60])
        if self.dense is not None:
            flag("dense", self.dense)
        if self.weights is not None:
            table = floats("weights", self.weights)
            if table.ndim != 2 or table.shape[0] != table.shape[1]:
                raise ArgumentError("weights", "a square table", f"shape {table.shape}")
            if (table < 0).any() or not table.sum() > 0:
                raise ArgumentError("weights", "not negative and not all 0", "other entries")
            table = table / table.sum()
            put("weights", table)
            p, q = table.sum(1), table.sum(0)
            reference = np.zeros(len(table)) if self.reference is None else self.reference
        else:
            a, b = floats("chosen", self.chosen), floats("rejected", self.rejected)
            same_outcomes(chosen=a, rejected=b)
            p, q = NUMPY.softmax(a), NUMPY.softmax(b)
            reference = a if self.reference is None else self.reference
        r = floats("reference", reference)
        same_outcomes(chosen=p, reference=r)
        if r.ndim != 1 or p.ndim != 1 or len(r) < 2:
            raise ArgumentError("reference", "a vector of at least 2 logits", f"shape {np.shape(r)}")
        for name, x in (("p", p), ("q", q), ("r", NUMPY.log_softmax(r))):
            put(name, x)

    p: np.ndarray = field(init=False)
    q: np.ndarray = field(init=False)
    r: np.ndarray = field(init=False)

    def at(self, logits: Any) -> At:
        """The loss at one policy, with what its value and derivatives share."""
        theta = floats("logits", logits)
        same_outcomes(reference=self.r, logits=theta)
        if theta.ndim != 1:
            raise ArgumentError("logits", f"a vector of {len(self.r)} logits", f"shape {theta.shape}")
        return At(self, theta)

    def value(self, logits: Any) -> float:
        """F."""
        return self.at(logits).value

    def gradient(self, logits: Any) -> np.ndarray:
        """The gradient of F in the logits, shape (K,).

        >>> from didlab import objectives
        >>> PopulationLoss(objectives.get("log-pi"), [0.0, 1.0], [1.0, 0.0]).gradient([0.0, 2.0]).round(12) + 0.0
        array([0., 0.])
        """
        return self.at(logits).gradient

    def hessian(self, logits: Any) -> np.ndarray:
        """The Hessian of F in the logits, shape (K, K); singular along constants."""
        return self.at(logits).hessian()


class At:
    """A population loss at one policy."""

    def __init__(self, loss: PopulationLoss, theta: np.ndarray) -> None:
        self.loss, self.form, self.theta = loss, loss.objective.form, theta

    @cached_property
    def v(self) -> np.ndarray:
        """The log-probabilities of the policy."""
        return NUMPY.log_softmax(self.theta)

    @cached_property
    def pi(self) -> np.ndarray:
        """The probabilities of the policy."""
        return NUMPY.softmax(self.theta)

    @cached_property
    def sums(self) -> PairSums:
        """Sums over partners at the current scores."""
        loss, form = self.loss, self.form
        v = self.theta if form.is_margin else self.v
        y = form.rejected_score(v, loss.r)
        x = form.chosen_score(v, loss.r) if form.has("penalty") else y
        if loss.weights is not None:
            return Dense(form.link, x, y, form.offset, loss.weights)
        return pair_sums(form.link, x, y, form.offset, loss.p, loss.q, dense=loss.dense)

    @cached_property
    def value(self) -> float:
        """F."""
        p, q, r, form = self.loss.p, self.loss.q, self.loss.r, self.form
        if form.is_margin:
            return float(self.sums.chosen(0).sum())
        terms = p * (form.chosen_term(self.v, r) - form.nll * self.v) + q * form.rejected_term(self.v, r)
        return float((form.weight * self.sums.chosen(0) + terms).sum())

    @cached_property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """The sums of the link's slopes over the partners of each outcome, as chosen and as rejected."""
        s, t, w = self.sums.chosen(1), self.sums.rejected(1), self.form.weight
        return (s, t) if w == 1 else (w * s, w * t)

    @cached_property
    def by_outcome(self) -> np.ndarray:
        """G, the gradient in the log-probabilities."""
        s, t = self.slopes
        if self.form.is_margin:
            total = s - t
            return np.multiply(total, self.form.scale, out=total)
        p, q, r, v, form = self.loss.p, self.loss.q, self.loss.r, self.v, self.form
        total = s * form.chosen_score(v, r, 1, 1) - t * form.rejected_score(v, r, 1, 1) - form.nll * p
        return total + p * form.chosen_term(v, r, 1) + q * form.rejected_term(v, r, 1)

    @cached_property
    def gradient(self) -> np.ndarray:
        """The gradient in the logits."""
        if self.form.is_margin:
            return self.by_outcome
        return self.by_outcome - self.pi * self.by_outcome.sum()

    @cached_property
    def curvature(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The diagonal of the Hessian in v, without the pairs, and the slopes of both scores."""
        p, q, r, v, form = self.loss.p, self.loss.q, self.loss.r, self.v, self.form
        s, t = self.slopes
        a, b = form.chosen_score(v, r, 1, 1), form.rejected_score(v, r, 1, 1)
        pairs = form.weight * (a * a * self.sums.chosen(2) + b * b * self.sums.rejected(2))
        bend = s * form.chosen_score(v, r, 1, 2) - t * form.rejected_score(v, r, 1, 2)
        return pairs + bend + p * form.chosen_term(v, r, 2) + q * form.rejected_term(v, r, 2), a, b

    def hessian_product(self, z: np.ndarray) -> np.ndarray:
        """The Hessian in the logits times a vector, in the time of a gradient."""
        d, a, b = self.curvature
        y = z if self.form.is_margin else z - self.pi @ z
        w = self.form.weight
        m = d * y - w * (a * self.sums.chosen(2, b * y) + b * self.sums.rejected(2, a * y))
        if self.form.is_margin:
            return m
        return m - self.pi * m.sum() - self.by_outcome.sum() * (self.pi * y)

    def hessian(self, *, bend: bool = True) -> np.ndarray:
        """The Hessian in the logits; without `bend`, only its part that is convex where the loss is convex in v."""
        d, a, b = self.curvature
        sums = self.sums
        if isinstance(sums, Dense):
            cross = self.form.weight * a[:, None] * sums.matrix(2) * b
            m = np.diag(d) - cross - cross.T
            if self.form.is_margin:
                return m
            left = m - np.outer(self.pi, m.sum(0))
            m = left - np.outer(left.sum(1), self.pi)
            total = self.by_outcome.sum()
            return m - (total if bend else min(total, 0.0)) * (np.diag(self.pi) - np.outer(self.pi, self.pi))
        return np.stack([self.hessian_product(e) for e in np.eye(len(self.pi))])
