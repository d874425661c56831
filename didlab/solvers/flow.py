r"""The path of gradient flow, :math:`\dot\theta = -\nabla F(\theta)`, from a policy towards the optimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import floats, instance, naming, one_positive
from ..errors import ArgumentError
from .population import PopulationLoss

__all__ = ["gradient_flow"]

LEAST = 100 * float(np.finfo(float).eps)  # what the integrator would take instead, with a warning


def gradient_flow(loss: PopulationLoss, start: Any, times: Any, *, tolerance: float = 1e-8) -> np.ndarray:
    r"""Solves :math:`\dot\theta = -\nabla F(\theta)` in the logits, by an implicit method that knows the Hessian.

    Args:
        loss: a smooth population loss.
        start: logits at time 0, shape (K,).
        times: increasing times from 0, shape (T,).
        tolerance: error that a step may make in a logit: this share of it, or a hundredth of this in nats if more.

    Returns:
        logits at the times, shape (T, K).

    Raises:
        ArgumentError: not a population loss, or one with kinks, times that are not increasing from 0, or a tolerance
            below 2.3e-14.

    >>> from didlab import objectives
    >>> loss = PopulationLoss(objectives.get("log-pi"), np.log([0.5, 0.5]), np.log([0.2, 0.8]))
    >>> path = gradient_flow(loss, [0.0, 0.0], [0.0, 1.0, 1000.0])
    >>> np.exp(path[-1] - path[-1, 1]).round(4)
    array([4., 1.])
    """
    from scipy.integrate import solve_ivp

    instance("loss", loss, PopulationLoss, "a PopulationLoss")
    times = floats("times", times)
    if times.ndim != 1 or len(times) < 2 or times[0] < 0 or not (np.diff(times) > 0).all():
        raise ArgumentError("times", "at least two increasing numbers from 0", str(times.tolist()))
    if not loss.objective.form.is_smooth:
        raise ArgumentError("loss", "smooth", f"{loss.objective.name}, which has kinks", "Use `optimum`.")
    with naming(logits="start"):
        start = loss.at(start).theta
    if not one_positive("tolerance", tolerance) >= LEAST:
        raise ArgumentError("tolerance", f"at least {LEAST:.1e}, which rounding allows", str(tolerance))
    solved = solve_ivp(
        lambda _, theta: -loss.gradient(theta), (0.0, times[-1]), start, method="Radau", t_eval=times,
        jac=lambda _, theta: -loss.hessian(theta), rtol=tolerance, atol=tolerance / 100,
    )
    if not solved.success:
        raise ArgumentError("times", "short enough to integrate", solved.message)
    return solved.y.T
