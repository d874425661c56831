r"""The exact optimum of DPO-Positive, whose penalty has a kink where policy and reference agree.

Smoothing the penalty less and less shows which outcomes rest on their kink, :math:`\pi(y) = \pi_{ref}(y)`. For them the
slope of the penalty is a multiplier m in [0, 1], and Newton's method solves for logits and multipliers together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..objectives.form import Form
from .attained import Existence
from .newton import newton
from .optima import Optimum
from .population import At, PopulationLoss

__all__ = ["penalty_optimum"]


@dataclass(frozen=True)
class _Smoothed(Form):
    """max(0, y) as (y + sqrt(y^2 + 4 mu^2))/2."""

    mu: float = 1.0

    def chosen_score(self, v: Any, r: Any, n: Any = 1, order: int = 0) -> Any:
        y = r - v
        root = np.sqrt(y * y + 4 * self.mu**2)
        lost = ((y + root) / 2, -(1 + y / root) / 2, 2 * self.mu**2 / root**3)[order]
        return self.rejected_score(v, r, n, order) - self.penalty * lost


@dataclass(frozen=True)
class _Held(Form):
    """The outcomes at their kink have given slopes m of the penalty (NaN elsewhere)."""

    m: Any = 0.0

    def chosen_score(self, v: Any, r: Any, n: Any = 1, order: int = 0) -> Any:
        free = super().chosen_score(v, r, n, order)
        return np.where(np.isnan(self.m), free, self.scale + self.penalty * self.m) if order == 1 else free


def _with(loss: PopulationLoss, kind: type[Form], **extra: Any) -> PopulationLoss:
    form = loss.objective.form
    same = {f.name: getattr(form, f.name) for f in fields(Form)}
    return replace(loss, objective=replace(loss.objective, form=kind(**same, **extra)))


def penalty_optimum(loss: PopulationLoss, known: Existence, max_iterations: int) -> Optimum:
    """The minimum of a loss with a penalty of lost probability, with its subgradient as proof.

    >>> from didlab import objectives
    >>> from didlab.solvers import optimum
    >>> found = optimum(objectives.get("dpo-positive"), [0.0, 1.0, 2.0], [2.0, 1.0, 0.0])
    >>> found.converged, found.unique
    (True, True)
    """
    theta, mu, steps = loss.r, 1.0, 0
    best: tuple[At, float] | None = None
    while mu > 1e-13:
        found = newton(_with(loss, _Smoothed, mu=mu), theta, max_iterations=max_iterations)
        theta, steps = found.at.theta, steps + found.iterations
        for near in (mu**0.5, 30 * mu) if mu < 1e-3 else ():
            kink = np.abs(found.at.v - loss.r) <= near
            here, n = _held(loss, theta, kink)
            steps += n
            off = float(np.abs((here.v - loss.r)[kink]).max(initial=0.0))
            size = float(np.linalg.norm(here.gradient)) if off <= 1e-14 * (1 + np.abs(loss.r).max()) else np.inf
            if best is None or size < best[1]:
                best = here, size
        if best is not None and best[1] <= 1e-12:
            break
        mu /= 10
    assert best is not None
    here, size = best
    value = loss.value(here.theta)
    converged = size <= 1e-12 * max(1.0, abs(value))
    return Optimum(
        here.v, value, size, steps, converged, known.attained, known.unique, None, known.reason,
    )


def _held(loss: PopulationLoss, theta: np.ndarray, kink: np.ndarray) -> tuple[At, int]:
    """Newton for the logits and the multipliers, the outcomes of `kink` on their kinks."""
    k, on = len(theta), np.flatnonzero(kink)
    penalty = loss.objective.form.penalty
    m = np.where(kink, 0.5, np.nan)
    here = _with(loss, _Held, m=m).at(theta)
    steps = 0
    while steps < 30:
        steps += 1
        s, _ = here.slopes
        rows = np.eye(k)[on] - here.pi
        h = here.hessian()
        pull = penalty * s[on] * (np.eye(k)[:, on] - here.pi[:, None])
        system = np.block([[h + np.abs(np.diag(h)).max() / k, pull], [rows, np.zeros((len(on), len(on)))]])
        aim = np.concatenate([here.gradient, (here.v - loss.r)[on]])
        move = -np.linalg.lstsq(system, aim, rcond=None)[0]
        before = np.linalg.norm(aim)
        theta, m = theta + move[:k], m.copy()
        m[on] += move[k:]
        there = _with(loss, _Held, m=m).at(theta)
        after = np.linalg.norm(np.concatenate([there.gradient, (there.v - loss.r)[on]]))
        if not after < before / 2:
            break
        here = there
    return _with(loss, _Held, m=_multipliers(loss, here.theta, kink)).at(here.theta), steps


def _multipliers(loss: PopulationLoss, theta: np.ndarray, kink: np.ndarray) -> np.ndarray:
    """The m in [0, 1] of the smallest subgradient, which is linear in m."""
    from scipy.optimize import lsq_linear

    on, m = np.flatnonzero(kink), np.where(kink, 0.0, np.nan)
    here = _with(loss, _Held, m=m).at(theta)
    if len(on):
        columns = loss.objective.form.penalty * here.slopes[0][on] * (np.eye(len(m))[:, on] - here.pi[:, None])
        m[on] = lsq_linear(columns, -here.gradient, (0.0, 1.0), method="bvls", tol=1e-15).x
    return m
