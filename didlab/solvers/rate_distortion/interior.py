r"""An interior-point method for the dual, :math:`\max_v \sum_x p_x \log v_x` where :math:`A^\top v \le 1`.

It needs no start and does not slow down where the prior is not unique, since every step is a linear system of the size
of the prompts, :math:`\mathrm{diag}(p/v^2) + A\,\mathrm{diag}(q/s)\,A^\top` with :math:`s = 1 - A^\top v`. The
multipliers of the constraints are the prior. Predictor and corrector as Mehrotra's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .bounds import At, look
from .kernel import Kernel

__all__ = ["interior"]


def interior(kernel: Kernel, *, aim: float, steps: int = 60) -> tuple[np.ndarray, At, list[At]]:
    r"""The prior by a primal-dual path, until the certified gap is below the aim or stops falling.

    Args:
        kernel: the problem at one beta.
        aim: nats of certified gap.
        steps: the most steps.

    Returns:
        the best prior (all of it positive), its bounds, and the bounds of every step.

    >>> from didlab.solvers.rate_distortion import problem
    >>> kernel = problem([[1.0, 0.0, 0.4], [0.0, 1.0, 0.4]]).at(2.0)
    >>> q, at, trace = interior(kernel, aim=1e-9)
    >>> q.round(6), at.gap < 1e-9
    (array([0.5, 0.5, 0. ]), True)
    """
    from scipy.linalg import lapack

    solve: Any = getattr(lapack, "dposv")  # noqa: B009 - scipy has no types
    p, a = kernel.problem.weights, kernel.table
    q = np.full(a.shape[1], 1 / a.shape[1])
    everything = np.arange(len(q))
    at = look(kernel, everything, q)
    v = 0.9 * p / at.z / at.g.max()
    s = 1 - v @ a
    trace, best, idle = [at], (q, at), 0
    for _ in range(steps):
        primal, dual, mu = p / v - a @ q, 1 - v @ a - s, (q @ s) / len(q)
        system = (a * (q / s)) @ a.T
        system.flat[:: len(p) + 1] += p / v**2

        def direction(centre: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
            _, dv, failed = solve(system, primal - a @ ((centre - q * dual) / s), lower=1)  # noqa: B023
            if failed:
                return None
            ds = dual - dv @ a  # noqa: B023
            return dv, ds, (centre - q * ds) / s  # noqa: B023

        step = direction(-q * s)
        if step is None:
            break
        dv, ds, dq = step
        t = min(1.0, _reach(q, dq), _reach(s, ds), _reach(v, dv))
        after = (q + t * dq) @ (s + t * ds) / len(q)
        step = direction((after / mu) ** 3 * mu - q * s - t * ds * dq)
        if step is None:
            break
        dv, ds, dq = step
        t = min(1.0, max(0.99, 1 - mu) * min(_reach(q, dq), _reach(s, ds), _reach(v, dv)))
        q, s, v = q + t * dq, s + t * ds, v + t * dv
        at = look(kernel, everything, q)
        trace.append(at)
        if at.gap < 0.9 * best[1].gap:
            best, idle = (q / q.sum(), at), 0
        else:
            idle += 1
        if at.gap <= aim or idle >= 8 or not (s.min() > 0 and q.min() > 0):
            break
    return best[0], best[1], trace


def _reach(x: np.ndarray, change: np.ndarray) -> float:
    """The largest step that keeps x from falling below 0."""
    down = change < 0
    return float((-x[down] / change[down]).min()) if down.any() else np.inf
