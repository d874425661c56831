r"""The exact optimum of hinge losses (SLiC, RRHF): which margins sit at the kink, then a closed form.

.. math:: F(\theta) = \sum_{ij} W_{ij} \max(0, c_{ij} - s(\theta_i - \theta_j)) + \lambda\sum_i p_i(-\log\pi_i)

At the optimum some margins are tied to their kink, :math:`s(\theta_i-\theta_j) = c_{ij}`, and tie outcomes into groups
whose shape is fixed. Beyond the ties F is smooth, and its gradient along the common shift of a group C vanishes iff
:math:`\pi(C) = \sum_{i\in C}(p_i - g_i/\lambda)`, g the slope of the hinges that are not tied: a closed form.
The ties are found by smoothing the hinge less and less, and proved: a tied pair's multiplier must lie in [0, 1] and the
subgradient they complete must be 0. Above 256 outcomes `sorted_hinges` does the same without :math:`K^2` work. Without
a likelihood (:math:`\lambda = 0`) the loss is a linear program.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..carriers import NUMPY
from .attained import Existence
from .newton import newton
from .optima import Optimum
from .population import PopulationLoss

__all__ = ["hinge_optimum"]

TOLERANCE, EXACT_UP_TO, SHARPEST = 1e-12, 256, 1 / 64


class _Problem(NamedTuple):
    w: np.ndarray  # weights of pairs, without the diagonal
    c: np.ndarray  # margins asked for
    s: float
    nll: float
    p: np.ndarray

    def margin(self, theta: np.ndarray) -> np.ndarray:
        """x = s(theta_i - theta_j) - c_ij: the hinge is max(0, -x)."""
        return self.s * (theta[:, None] - theta) - self.c

    def slope(self, m: np.ndarray) -> np.ndarray:
        """The gradient of sum W m (c - s(theta_i - theta_j)) for multipliers m of the pairs."""
        wm = self.w * m
        return self.s * (wm.sum(0) - wm.sum(1))


def hinge_optimum(loss: PopulationLoss, known: Existence) -> Optimum:
    """The minimum of a hinge loss, with its subgradient as proof (see the module).

    >>> from didlab import objectives
    >>> from didlab.solvers import optimum
    >>> found = optimum(objectives.get("slic", beta=1.0, lam=1.0), [0.0, 1.0], [1.0, 0.0])
    >>> found.converged, found.unique
    (True, True)
    """
    if len(loss.r) > EXACT_UP_TO:
        return _sorted(loss, known) or _many(loss, known)
    form = loss.objective.form
    w = loss.p[:, None] * loss.q if loss.weights is None else loss.weights.copy()
    np.fill_diagonal(w, 0.0)
    c = form.offset + form.reference * (loss.r[:, None] - loss.r)
    problem = _Problem(w, c, float(form.scale), float(form.nll), loss.p)
    theta, residual, steps = _smoothed(problem) if problem.nll else _program(problem)
    unique = known.unique if known.unique is not None else _is_only(problem, theta)
    here = loss.at(theta)
    size = float(np.linalg.norm(residual))
    return Optimum(
        here.v, here.value, size, steps, size <= TOLERANCE * max(1.0, abs(here.value)), known.attained, unique, None,
        known.reason,
    )


def _sorted(loss: PopulationLoss, known: Existence) -> Optimum | None:
    """Many outcomes in independent pairs, one margin for all of them and a likelihood: exact without K^2 work."""
    form = loss.objective.form
    if loss.weights is not None or form.reference or not form.nll:
        return None
    from .sorted_hinges import Hinges, solve

    hinges = Hinges(loss.p, loss.q, float(form.scale), float(form.offset), float(form.nll / form.weight))
    found = solve(hinges, np.log(loss.p))
    if found is None or found.ties < 0:
        return None
    here, size = loss.at(found.theta), float(form.weight * np.linalg.norm(found.residual))
    converged = size <= TOLERANCE * max(1.0, abs(here.value))
    return Optimum(
        here.v, here.value, size, found.steps, converged, known.attained, known.unique, None,
        f"{known.reason}; proved by the multipliers of {found.ties} ties",
    )


def _many(loss: PopulationLoss, known: Existence) -> Optimum:
    r"""The rest of many outcomes: :math:`\mu\log(1 + e^{-x/\mu})`, at most :math:`\mu\log 2` above the hinge.

    Without a likelihood the minimum is a linear program whose dual has an unknown for each of the :math:`K^2` pairs and
    whose minima need not be isolated; in a table of pairs, or where margins differ by pair, no sorted order shows the
    ties.

    The gradient norm is that of the smoothed loss, and `converged` stays False: the reason says how far the loss can be
    from its minimum.
    """
    form, mu, theta, steps = loss.objective.form, 1.0, loss.r, 0
    while True:
        soft = replace(
            form, link="logistic", weight=mu * form.weight, scale=form.scale / mu, reference=form.reference / mu,
            offset=form.offset / mu,
        )
        found = newton(replace(loss, objective=replace(loss.objective, form=soft)), theta)
        theta, steps = found.at.theta, steps + found.iterations
        if mu <= SHARPEST:
            break
        mu /= 4
    here, gap = loss.at(theta), mu * float(np.log(2))
    size = float(np.linalg.norm(found.at.gradient))
    reason = f"{known.reason}; more than {EXACT_UP_TO} outcomes: smoothed, the loss is within {gap:.1e} of its minimum"
    return Optimum(here.v, here.value, size, steps, False, known.attained, known.unique, None, reason)


def _smoothed(problem: _Problem) -> tuple[np.ndarray, np.ndarray, int]:
    """Newton on the hinge (y + sqrt(y^2 + 4 mu^2))/2 for shrinking mu; the first ties that prove themselves win."""
    theta, steps, best = np.log(problem.p), 0, None
    mu = 1.0
    while mu > 1e-11:
        theta, n = _newton(problem, theta, mu)
        steps += n
        if mu < 1e-2:
            for tolerance in (mu**0.5 / 10, 10 * mu):
                found = _exact(problem, theta, tolerance)
                if found is None:
                    continue
                if best is None or np.linalg.norm(found[1]) < np.linalg.norm(best[1]):
                    best = found
                if np.linalg.norm(best[1]) <= TOLERANCE:
                    return *best, steps
        mu *= 0.25
    return *(best if best is not None else (theta, np.full_like(theta, np.nan))), steps


def _newton(problem: _Problem, theta: np.ndarray, mu: float) -> tuple[np.ndarray, int]:
    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        y = -problem.margin(theta)
        root = np.sqrt(y * y + 4 * mu * mu)
        v = NUMPY.log_softmax(theta)
        pi = np.exp(v)
        value = (problem.w * (y + root)).sum() / 2 - problem.nll * (problem.p @ v)
        return value, problem.slope((1 + y / root) / 2) + problem.nll * (pi - problem.p), root, pi

    value, g, root, pi = evaluate(theta)
    for n in range(1, 50):
        bend = problem.s**2 * problem.w * 2 * mu * mu / root**3
        bend = bend + bend.T
        h = np.diag(bend.sum(1)) - bend + problem.nll * (np.diag(pi) - np.outer(pi, pi))
        step = -np.linalg.solve(h + np.abs(np.diag(h)).max() / len(pi), g)
        t = 1.0
        while True:
            trial = evaluate(theta + t * step)
            if trial[0] <= value + 1e-4 * t * (g @ step) or t < 1e-9:
                break
            t /= 2
        theta, (value, g, root, pi) = theta + t * step, trial
        if np.linalg.norm(g) < 1e-3 * mu * problem.nll or t < 1e-9:
            return theta, n
    return theta, 50


def _exact(problem: _Problem, theta: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray] | None:
    """The optimum if the margins within the tolerance are the tied ones, and its subgradient; None if they are not."""
    from scipy.sparse.csgraph import connected_components

    x = problem.margin(theta)
    tied = (np.abs(x) <= tolerance) & (problem.w > 0)
    active = (x < 0) & ~tied & (problem.w > 0)
    theta = _on_ties(problem, theta, tied)
    groups, group = connected_components(tied, directed=False)
    g = problem.slope(active.astype(float))
    mass = np.bincount(group, problem.p - g / problem.nll, groups)
    if not (mass > 0).all():
        return None
    inside = np.array([NUMPY.log_sum_exp(theta[group == k]) for k in range(groups)])
    theta = theta + (np.log(mass) - inside)[group]
    x = problem.margin(theta)
    if ((x < 0) != active)[~tied & (problem.w > 0)].any() or np.abs(x[tied]).max(initial=0.0) > 1e-12 * (
        1 + np.abs(problem.c).max()
    ):
        return None
    return theta, _subgradient(problem, tied, g + problem.nll * (NUMPY.softmax(theta) - problem.p))


def _on_ties(problem: _Problem, theta: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """The nearest logits whose tied margins are 0."""
    i, j = np.nonzero(tied)
    if not len(i):
        return theta
    rows = np.zeros((len(i), len(theta)))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), j] = problem.s, -problem.s
    for _ in range(2):
        theta = theta - np.linalg.lstsq(rows, problem.margin(theta)[i, j], rcond=None)[0]
    return theta


def _subgradient(problem: _Problem, tied: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The smallest of rest + slopes of the tied pairs, multipliers in [0, 1]."""
    from scipy.optimize import lsq_linear

    i, j = np.nonzero(tied)
    if not len(i):
        return rest
    columns = np.zeros((len(rest), len(i)))
    weight = problem.s * problem.w[i, j]
    columns[i, np.arange(len(i))], columns[j, np.arange(len(i))] = -weight, weight
    m = lsq_linear(columns, -rest, (0.0, 1.0), method="bvls", tol=1e-15, max_iter=10 * len(i) + 100).x
    return rest + columns @ m


def _program(problem: _Problem) -> tuple[np.ndarray, np.ndarray, int]:
    """Without a likelihood: a linear program, its vertex put exactly on its ties."""
    from scipy.optimize import linprog

    i, j = np.nonzero(problem.w)
    found = linprog(
        np.concatenate([np.zeros(len(problem.p)), problem.w[i, j]]), A_ub=_rows(problem, i, j), b_ub=-problem.c[i, j],
        bounds=_bounds(problem, i), method="highs",
    )
    theta = found.x[: len(problem.p)]
    tied = _ties(problem, theta)
    theta = _on_ties(problem, theta, tied)
    active = (problem.margin(theta) < 0) & ~tied
    return theta, _subgradient(problem, tied, problem.slope(active.astype(float))), int(found.nit)


def _ties(problem: _Problem, theta: np.ndarray) -> np.ndarray:
    return (np.abs(problem.margin(theta)) <= 1e-7 * (1 + np.abs(problem.c).max())) & (problem.w > 0)


def _rows(problem: _Problem, i: np.ndarray, j: np.ndarray) -> Any:
    """The matrix of -s(theta_i - theta_j) - xi_ij."""
    from scipy.sparse import coo_matrix

    k, n = len(problem.p), len(i)
    s, at = np.full(n, problem.s), np.arange(n)
    values, columns = np.concatenate([-s, s, -np.ones(n)]), np.concatenate([i, j, k + at])
    return coo_matrix((values, (np.tile(at, 3), columns)), (n, k + n)).tocsr()


def _bounds(problem: _Problem, i: np.ndarray, size: float | None = None) -> list[tuple[float | None, float | None]]:
    down = None if size is None else -size
    return [(0.0, 0.0)] + [(down, size)] * (len(problem.p) - 1) + [(0.0, None)] * len(i)


def _is_only(problem: _Problem, theta: np.ndarray) -> bool | None:
    """Whether F rises along every direction d: a random <n, d> is at most 0 over |d| <= 1 and F'(d) <= 0.

    None where the linear program is too badly scaled to be solved.
    """
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    tied = _ties(problem, theta)
    active = (problem.margin(theta) < 0) & ~tied
    i, j = np.nonzero(tied)
    scale = problem.w[problem.w > 0].min()
    slope = np.concatenate([problem.slope(active.astype(float)), problem.w[i, j]]) / scale
    local = problem._replace(c=np.zeros_like(problem.c))
    rows = vstack([_rows(local, i, j), slope[None]]).tocsr()
    direction = np.random.default_rng(0).normal(size=len(theta))
    for sign in (1.0, -1.0):
        cost = np.concatenate([sign * direction, np.zeros(len(i))])
        found = linprog(cost, A_ub=rows, b_ub=np.zeros(len(i) + 1), bounds=_bounds(problem, i, 1.0), method="highs")
        if found.x is None:
            return None
        if np.abs(found.x[: len(theta)]).max() > 1e-3:
            return False
    return True
