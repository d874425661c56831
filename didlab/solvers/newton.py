r"""Newton's method for a population loss: closed-form Hessian, steps that never climb, and a last one for the digits.

The Hessian is singular along constants, so :math:`11^\top/K` is added. Where it is not positive definite (the loss
need not be convex) the signs of its eigenvalues are dropped. For many outcomes the step comes from conjugate
gradients, with products in the time of a gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import floats
from .population import At, PopulationLoss

__all__ = ["Minimum", "newton"]

DENSE_STEP_UP_TO = 512
TOLERANCE = 1e-12


class Minimum(NamedTuple):
    """Where Newton's method stopped."""

    at: At
    iterations: int
    converged: bool


def newton(loss: PopulationLoss, start: Any, *, max_iterations: int = 30) -> Minimum:
    r"""A stationary point of the loss: gradient norm at most :math:`10^{-12}\max(1, |F|)`.

    Args:
        loss: a smooth population loss.
        start: logits, shape (K,).
        max_iterations: the most Newton steps.

    Returns:
        the point, the number of steps, and whether the gradient is below the tolerance.

    >>> from didlab import objectives
    >>> found = newton(PopulationLoss(objectives.get("dpo"), [0.0, 0.0], [0.0, 1.0]), np.zeros(2))
    >>> found.converged, found.iterations < 10
    (True, True)
    """
    here, steps = loss.at(floats("start", start)), 0
    while steps < max_iterations:
        there = _better(here, _step(here))
        steps += 1
        if there is None:
            break
        size, before = np.linalg.norm(there.gradient), np.linalg.norm(here.gradient)
        done = before <= TOLERANCE * max(1.0, abs(here.value))
        if done and size >= before / 2:
            here = there if size < before else here
            break
        here = there
    return Minimum(here, steps, bool(np.linalg.norm(here.gradient) <= TOLERANCE * max(1.0, abs(here.value))))


def _step(here: At) -> np.ndarray:
    if len(here.pi) > DENSE_STEP_UP_TO:
        return -_conjugate_gradients(here)
    h = here.hessian(bend=here.form.has("odds") or here.form.has("gain_w"))
    scale = np.abs(np.diag(h)).max()
    values, vectors = np.linalg.eigh(h + scale / len(h))
    values = np.maximum(np.abs(values), 1e-15 * (np.abs(values).max() or 1.0))  # 0 where the loss is constant
    return -vectors @ ((vectors.T @ here.gradient) / values)


def _conjugate_gradients(here: At, max_iterations: int = 200) -> np.ndarray:
    """H^-1 g, preconditioned by the diagonal; stops early where the curvature is not positive."""
    g = here.gradient
    diagonal = np.abs(here.curvature[0])
    if not here.form.is_margin:
        diagonal = diagonal + max(-here.by_outcome.sum(), 0.0) * here.pi
    diagonal = diagonal + 1e-16 * diagonal.max()
    x, r = np.zeros_like(g), g.copy()
    y = r / diagonal
    y -= y.mean()
    p, rho = y, r @ y
    first = rho
    aim = min(0.01, np.sqrt(np.linalg.norm(g))) ** 2
    for _ in range(max_iterations):
        hp = here.hessian_product(p)
        bend = p @ hp
        if bend <= 0:
            return x if x.any() else y
        x = x + rho / bend * p
        r = r - rho / bend * hp
        y = r / diagonal
        y -= y.mean()
        rho, before = r @ y, rho
        if rho <= aim * aim * first:
            break
        p = y + rho / before * p
    return x


def _better(here: At, step: np.ndarray) -> At | None:
    """The farthest step that lowers the loss, or the gradient where the loss is flat to rounding.

    After the full step comes the one that suits a logistic link, log(1+R)/R for a change R of the margins (Bach 2010).
    """
    slope, size = here.gradient @ step, np.linalg.norm(here.gradient)
    reach = here.form.scale * np.ptp(step) if here.form.link == "logistic" else 0.0
    shorter = np.log1p(reach) / reach if reach > 1 else 0.5
    flat = 64 * np.finfo(float).eps * max(1.0, abs(here.value))
    for halvings in range(60):
        t = shorter * 0.5 ** (halvings - 1) if halvings else 1.0
        there = here.loss.at(here.theta + t * step)
        if there.value <= here.value + 1e-4 * t * slope and t * -slope > flat:
            return there
        if t * -slope <= flat and np.linalg.norm(there.gradient) <= size and there.value <= here.value + flat:
            return there
    return None
