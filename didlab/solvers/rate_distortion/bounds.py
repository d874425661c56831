r"""Bounds on the optimum from any prior, rounding included: a certificate at every step of every algorithm.

For any prior q and any positive v, with A as in `kernel` and F* the optimum,

.. math:: \sum_x p_x \log Z_x - \log \sum_y q_y \le \beta(F^* - \textstyle\sum_x p_x m_x) \le
          \sum_x p_x \log\frac{p_x}{v_x} + \log\max_y (A^\top v)_y .

The right side is Jensen's inequality for :math:`\sum_x p_x \log(Z^*_x v_x/p_x)`. At :math:`v_x = p_x/Z_x` the two
differ by :math:`\log\max_y g_y`, :math:`g_y = \sum_x p_x A_{xy}/Z_x`: 0 at the optimum, and only there (Csiszar 1974).

Rounding. All terms of Z and g are positive, so with :math:`u = 2^{-53}`, entries of A within a relative `RELATIVE` and
any order of summation, with or without fused operations, Z is within `RELATIVE` + :math:`\gamma_S` (S the size of the
support) and g within `RELATIVE` + :math:`\gamma_X`. What was flushed to 0 in A is below 1e-299 a term, against Z of at
least 1e-250 (else there is no bound). Products and sums of probabilities and logarithms add a few u, for which 8 u or
16 u of the sizes are set aside; sums that could cancel are correctly rounded (`math.fsum`). Logarithms are checked by
the proven exponential, so no library is trusted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .exponential import RELATIVE, powers
from .kernel import Kernel

__all__ = ["At", "look", "resolution"]

U = 2.0**-53
SMALLEST = 1e-250


class At(NamedTuple):
    r"""What a prior is worth.

    Attributes:
        z: :math:`Z_x`.
        g: the gradient :math:`g_y` of every response kept, in units where the optimum has at most 1.
        lower: a lower bound on the objective that the prior attains, in units of the rewards.
        upper: an upper bound on the optimum.
        gap: an upper bound on :math:`\beta(F^* - F(q))`, in nats.
    """

    z: np.ndarray
    g: np.ndarray
    lower: float
    upper: float
    gap: float


def look(kernel: Kernel, support: np.ndarray, q: np.ndarray) -> At:
    r"""Bounds from a prior q, which need not be normalised, on a support.

    >>> import numpy as np
    >>> from didlab.solvers.rate_distortion import problem
    >>> at = look(problem([[1.0, 0.0], [0.0, 1.0]]).at(1.0), np.array([0, 1]), np.array([0.5, 0.5]))
    >>> at.lower < 1 - math.log(2) + math.log1p(math.exp(-1)) < at.upper, at.gap < 1e-14
    (True, True)
    """
    p, columns = kernel.problem.weights, kernel.table[:, support]
    z = columns @ q
    if not z.min() >= SMALLEST:
        return At(z, np.full(kernel.table.shape[1], np.inf), -math.inf, math.inf, math.inf)
    g = (p / z) @ kernel.table
    total, largest = math.fsum(q), float(g.max())
    logs, error = _logs(np.append(z, (total, largest)))
    log_total, log_largest = float(logs[-2]), float(logs[-1])
    on_z, on_g = _gamma(len(support)) + RELATIVE, _gamma(len(p)) + RELATIVE
    gap = log_total + log_largest + float(error[-2] + error[-1]) + on_z + on_g
    gap = max(gap + 16 * U * (1 + abs(log_total) + abs(log_largest)), 0.0) * (1 + 4 * U)
    terms, tops = p * logs[:-2], p * kernel.top
    inner = math.fsum(terms) - log_total
    value = math.fsum(tops) + inner / kernel.beta
    nats = float(p @ error[:-2] + error[-2]) + on_z + 8 * U * (math.fsum(abs(terms)) + abs(log_total) + 1)
    slack = (nats / kernel.beta + 8 * U * (math.fsum(abs(tops)) + abs(value))) * (1 + 1e-6)
    return At(z, g, value - slack, value + slack + gap / kernel.beta * (1 + 4 * U), gap)


def _gamma(n: int) -> float:
    """Higham's bound n u / (1 - n u) on n roundings, itself rounded up."""
    return n * U / (1 - n * U) * (1 + 4 * U) + 2 * U


def _logs(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms, and a bound on the error of each: z / exp(log z) computed with the proven exponential."""
    y = np.log(z)
    off = abs(z / powers(y) - 1)
    return y, np.where(off < 1e-3, 1.001 * off + RELATIVE + 4 * U, np.inf)


def resolution(kernel: Kernel) -> float:
    """The gap that rounding alone can leave, for a support as large as any optimum needs."""
    prompts, responses = kernel.table.shape
    return _gamma(min(prompts, responses)) + _gamma(prompts) + 4 * RELATIVE + 40 * U
