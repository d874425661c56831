r"""The finish: sequential quadratic programs on the support, which grow and shrink with it.

Over :math:`q \ge 0` the optimum of :math:`\varphi(q) = \sum_x p_x \log Z_x - \sum_y q_y` sums to 1 by itself, since
:math:`\sum_y q_y g_y = 1`. A step solves the quadratic model on the support and on the few responses that most violate
:math:`g_y \le 1`, dropping those that reach 0, and goes as far towards its solution as :math:`\varphi` rises. Responses
that are no longer held have probability exactly 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .bounds import At, look
from .kernel import Kernel

__all__ = ["ADDED", "finish"]

ADDED = 4  # responses that may enter in one step


def finish(kernel: Kernel, q: np.ndarray, *, aim: float, steps: int = 100) -> tuple[np.ndarray, At, list[At]]:
    r"""Raises the objective from a prior until the certified gap is below the aim, or no further digit is gained.

    Args:
        kernel: the problem at one beta.
        q: prior over the responses kept, zeros allowed, with all Z positive.
        aim: nats of :math:`\beta(F^* - F)`.
        steps: the most steps.

    Returns:
        the best prior, its bounds, and the bounds of every step.

    >>> from didlab.solvers.rate_distortion import problem
    >>> kernel = problem([[1.0, 0.0, 0.4], [0.0, 1.0, 0.4]]).at(2.0)
    >>> q, at, trace = finish(kernel, np.array([0.3, 0.6, 0.1]), aim=1e-13)
    >>> q.round(6), at.gap < 1e-13
    (array([0.5, 0.5, 0. ]), True)
    """
    held = np.flatnonzero(q > 0)
    q = q[held]
    trace: list[At] = []
    best, idle = None, 0
    for _ in range(steps):
        at = look(kernel, held, q)
        trace.append(at)
        if best is None or at.gap < best[2].gap:
            best, idle = (held, q, at), 0
        else:
            idle += 1
        if at.gap <= aim or (idle >= 3 and best[2].gap <= 64 * aim) or idle >= 20:
            break
        held, q = _step(kernel, held, q, at)
    assert best is not None
    held, q, at = best
    prior = np.zeros(kernel.table.shape[1])
    prior[held] = q / q.sum()
    return prior, at, trace


def _step(kernel: Kernel, held: np.ndarray, q: np.ndarray, at: At) -> tuple[np.ndarray, np.ndarray]:
    residual = abs(at.g[held] - 1).max()
    outside = at.g - 1
    outside[held] = -np.inf
    worst = outside.max()
    if worst > max(0.3 * residual, 0.0):
        first = np.argpartition(-outside, min(ADDED, len(outside) - 1))[:ADDED]
        first = first[outside[first] > 0.1 * worst]
        held, q = np.append(held, first), np.append(q, np.zeros(len(first)))
    p, columns = kernel.problem.weights, kernel.table[:, held]
    scaled = columns * (np.sqrt(p) / at.z)[:, None]
    target = _quadratic(scaled.T @ scaled, at.g[held] - 1, q)
    step = target - q
    t = _length(p, at.z, columns @ step, step.sum())
    q = target if t == 1.0 else q + t * step
    kept = q > 0
    return held[kept], q[kept]


def _quadratic(h: np.ndarray, slope: np.ndarray, q: np.ndarray) -> np.ndarray:
    """A point y >= 0 where the model, slope (y - q) - (y - q) H (y - q) / 2, is above its value 0 at q, stationary in
    the coordinates that are not 0: first all that would fall below 0 are dropped at once, and if that loses, one at a
    time on the way there, along which the model never falls."""
    ridge = 1e-14 * np.trace(h) / len(q)
    y = _all_at_once(h, slope, q, ridge)
    d = y - q
    return y if slope @ d > 0.5 * (d @ h @ d) else _one_by_one(h, slope, q, ridge)


def _all_at_once(h: np.ndarray, slope: np.ndarray, q: np.ndarray, ridge: float) -> np.ndarray:
    free = np.ones(len(q), dtype=bool)
    while free.any():
        aim = _stationary(h, slope, q, free, ridge)
        if (aim[free] > 0).all():
            return aim
        free &= aim > 0
    return np.zeros_like(q)


def _one_by_one(h: np.ndarray, slope: np.ndarray, q: np.ndarray, ridge: float) -> np.ndarray:
    free, y = np.ones(len(q), dtype=bool), q
    while free.any():
        aim = _stationary(h, slope, q, free, ridge)
        down = free & (aim <= 0)
        if not down.any():
            return aim
        if (y[down] <= 0).any():
            free &= ~down | (y > 0)
            continue
        ratio = y[down] / (y[down] - aim[down])
        y = np.maximum(y + ratio.min() * (aim - y), 0.0)
        y[np.flatnonzero(down)[ratio <= ratio.min()]] = 0.0
        free &= y > 0
    return y


def _stationary(h: np.ndarray, slope: np.ndarray, q: np.ndarray, free: np.ndarray, ridge: float) -> np.ndarray:
    """Where the model is stationary in the free coordinates, the others at 0."""
    if free.all():
        return q + _solve(h, slope, ridge)
    aim, at = np.zeros_like(q), np.flatnonzero(free)
    pull = slope + h @ np.where(free, 0.0, q)
    aim[at] = q[at] + _solve(h[at[:, None], at], pull[at], ridge)
    return aim


def _solve(h: np.ndarray, b: np.ndarray, ridge: float) -> np.ndarray:
    from scipy.linalg import lapack

    solve: Any = getattr(lapack, "dposv")  # noqa: B009 - scipy has no types
    while True:
        damped = h.copy()
        damped.flat[:: len(h) + 1] += ridge
        _, x, failed = solve(damped, b, lower=1)
        if not failed:
            return x
        ridge = max(100 * ridge, 1e-300)


def _length(p: np.ndarray, z: np.ndarray, change: np.ndarray, total: float) -> float:
    """How far to go: all the way unless the slope has turned down by more than half of what it was."""

    def slope(t: float) -> float:
        there = z + t * change
        return float((p * change / there).sum() - total) if there.min() > 0 else -np.inf

    first, t = slope(0.0), 1.0
    for _ in range(60):
        if slope(t) >= -0.5 * abs(first) - 1e-16:
            break
        t /= 2
    return t
