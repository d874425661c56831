r"""Blahut and Arimoto's alternating optimisation, plain (the reference) and extrapolated, with bounds at every step.

A step puts the best policy for the prior, :math:`\pi(y|x) = q_y A_{xy}/Z_x`, and takes its marginal as the next prior:
:math:`q_y \leftarrow q_y g_y`. The objective never falls. Where an optimal response has :math:`g_y` near 1 off its
support, the steps shrink like 1/n: that is what the extrapolation and `newton` are for.

Ref: Blahut 1972; Arimoto 1972; Varadhan & Roland 2008 (squared extrapolation).
"""

from __future__ import annotations

import numpy as np

from .bounds import At, look
from .kernel import Kernel

__all__ = ["accelerated", "plain"]

LOWEST = -600.0  # of a logarithm of the prior: below that a response is gone


def plain(
    kernel: Kernel, q: np.ndarray, *, aim: float, steps: int, every: int = 1
) -> tuple[np.ndarray, At, list[At]]:
    r"""Alternating optimisation as published.

    Args:
        kernel: the problem at one beta.
        q: prior over the responses kept; what is 0 stays 0.
        aim: nats of certified gap at which to stop.
        steps: the most steps.
        every: bounds are computed at every so many steps.

    Returns:
        the last prior, its bounds, and the bounds along the way.

    >>> from didlab.solvers.rate_distortion import problem
    >>> kernel = problem([[1.0, 0.0, 0.4], [0.0, 1.0, 0.4]]).at(2.0)
    >>> q, at, trace = plain(kernel, np.ones(3) / 3, aim=1e-9, steps=2000)
    >>> q.round(6), len(trace) < 2000
    (array([0.5, 0.5, 0. ]), True)
    """
    p, table, everything = kernel.problem.weights, kernel.table, np.arange(kernel.table.shape[1])
    q, trace = q / q.sum(), [look(kernel, everything, q)]
    for n in range(1, steps + 1):
        q = q * ((p / (table @ q)) @ table)
        q /= q.sum()
        if n % every == 0 or n == steps:
            trace.append(look(kernel, everything, q))
            if trace[-1].gap <= aim:
                break
    return q, trace[-1], trace


def accelerated(kernel: Kernel, q: np.ndarray, *, aim: float, steps: int) -> tuple[np.ndarray, At, list[At]]:
    r"""Alternating optimisation with squared extrapolation of log q, kept only where the objective rises.

    Args:
        kernel: the problem at one beta.
        q: a prior over the responses kept; what is 0 stays 0.
        aim: nats of certified gap at which to stop.
        steps: the most cycles, of three plain steps each.

    Returns:
        the last prior, its bounds, and the bounds of every cycle.

    >>> from didlab.solvers.rate_distortion import problem
    >>> kernel = problem([[1.0, 0.0, 0.4], [0.0, 1.0, 0.4]]).at(2.0)
    >>> q, at, trace = accelerated(kernel, np.ones(3) / 3, aim=1e-9, steps=500)
    >>> q.round(6), at.gap < 1e-9
    (array([0.5, 0.5, 0. ]), True)
    """
    everything = np.arange(kernel.table.shape[1])
    with np.errstate(divide="ignore"):
        a = np.maximum(np.log(q / q.sum()), LOWEST)
    at = look(kernel, everything, np.exp(a))
    trace = [at]
    for _ in range(steps):
        if at.gap <= aim:
            break
        b = _next(a, at)
        c = _next(b, look(kernel, everything, np.exp(b)))
        first, bend = b - a, c - 2 * b + a
        size = np.sqrt(np.exp(c) @ first**2 / max(np.exp(c) @ bend**2, 1e-300))
        best, best_at = c, look(kernel, everything, np.exp(c))
        for length in (size, (1 + size) / 2):
            if length > 1:
                far = a + 2 * length * first + length**2 * bend
                far = np.maximum(far - far.max(), LOWEST)
                far = np.maximum(far - np.log(np.exp(far).sum()), LOWEST)
                far_at = look(kernel, everything, np.exp(far))
                if far_at.lower >= best_at.lower:
                    best, best_at = far, far_at
                    break
        a = _next(best, best_at)
        at = look(kernel, everything, np.exp(a))
        trace.append(at)
    q = np.where(a > LOWEST, np.exp(a), 0.0)
    return q / q.sum(), at, trace


def _next(a: np.ndarray, at: At) -> np.ndarray:
    """A plain step in the logarithm."""
    with np.errstate(divide="ignore"):
        b = np.maximum(a + np.log(at.g), LOWEST)
    return np.maximum(b - np.log(np.exp(b).sum()), LOWEST)
