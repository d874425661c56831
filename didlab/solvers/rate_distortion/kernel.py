r"""Rewards over prompts and responses, without what cannot matter, and what a prior is worth at one value of beta.

With :math:`A_{xy} = e^{\beta(r_{xy}-m_x)}`, :math:`m_x = \max_y r_{xy}` and :math:`Z = Aq` the objective
:math:`\max_\pi E[r] - I/\beta` becomes :math:`\max_q F(q)`,
:math:`F(q) = \sum_x p_x m_x + \tfrac1\beta \sum_x p_x \log Z_x`, concave on the simplex.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arguments import floats
from ...errors import ArgumentError
from .exponential import exponentials

__all__ = ["Kernel", "Problem", "problem"]


@dataclass(frozen=True)
class Problem:
    r"""Rewards over prompts that occur and responses that differ.

    Attributes:
        rewards: as given, shape (X, K).
        prompts: weights as given, shape (X,), not negative; probabilities are their shares.
        seen: indices of the prompts of positive weight.
        kept: the first of each set of equal columns of rewards.
        group: for each response, the place of its column in `kept`.
        weights: of the prompts that are seen, divided by their sum, each within two roundings.
    """

    rewards: np.ndarray
    prompts: np.ndarray
    seen: np.ndarray
    kept: np.ndarray
    group: np.ndarray
    weights: np.ndarray
    _top: np.ndarray
    _difference: np.ndarray
    _error: np.ndarray

    def at(self, beta: float) -> Kernel:
        """The table A at one value of beta."""
        return Kernel(self, beta, exponentials(beta, self._difference, self._error), self._top)

    def spread(self, q: np.ndarray) -> np.ndarray:
        """A prior over `kept` as one over all responses: equal responses share equally."""
        return (q / np.bincount(self.group))[self.group]

    def gather(self, prior: np.ndarray) -> np.ndarray:
        """A prior over all responses as one over `kept`."""
        return np.bincount(self.group, prior, minlength=len(self.kept))


@dataclass(frozen=True)
class Kernel:
    r"""A problem at one value of beta.

    Attributes:
        problem: what it belongs to.
        beta: the inverse price of a nat.
        table: :math:`A_{xy}`, shape (prompts seen, responses kept), each within `exponential.RELATIVE`.
        top: :math:`m_x`.
    """

    problem: Problem
    beta: float
    table: np.ndarray
    top: np.ndarray


def problem(rewards: Any, prompts: Any = None) -> Problem:
    r"""Checks rewards and weights, leaves out prompts of weight 0 and joins responses with equal rewards.

    Args:
        rewards: r(x, y), shape (X, K), K at least 2.
        prompts: weights that are not negative, shape (X,); uniform where None.

    Returns:
        the problem.

    Raises:
        ArgumentError: rewards that are not a finite table of two responses or more, or weights that are negative, all 0
            or not one for each prompt.

    >>> found = problem([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [1, 1])
    >>> found.kept, found.group
    (array([0, 1]), array([0, 1, 0]))
    """
    r = floats("rewards", rewards)
    if r.ndim != 2 or r.shape[1] < 2:
        raise ArgumentError("rewards", "of shape (prompts, responses) with 2 responses or more", f"shape {r.shape}")
    w = np.ones(len(r)) if prompts is None else floats("prompts", prompts)
    if w.shape != (len(r),):
        raise ArgumentError("prompts", f"of shape ({len(r)},)", f"shape {tuple(w.shape)}")
    seen = np.flatnonzero(w > 0)
    if (w < 0).any() or not len(seen):
        raise ArgumentError("prompts", "weights that are not negative and not all 0", str(w))
    if w.max() > 1e100 * w[seen].min():
        raise ArgumentError("prompts", "0 or at least 1e-100 of the largest", f"{w[seen].min():g}")
    rows = r[seen] + 0.0  # no negative zeros: columns are compared bit by bit
    top = rows.max(1)
    places: dict[bytes, int] = {}
    group = np.array([places.setdefault(column.tobytes(), len(places)) for column in rows.T])
    kept = np.unique(group, return_index=True)[1]
    rows = np.ascontiguousarray(rows[:, kept])
    d = rows - top[:, None]
    b = d - rows
    e = (rows - (d - b)) + (-top[:, None] - b)  # rows - top = d + e exactly
    w = w[seen]
    return Problem(r, np.asarray(prompts if prompts is not None else np.ones(len(r)), dtype=float), seen, kept, group,
                   w / math.fsum(w), top, d, e)
