r"""The plane of information and reward: where any policy lies, and the frontier.

The frontier :math:`R(i) = \max\{E[r] : I(X;Y) \le i\}` is concave; by duality :math:`R(i) = \min_\beta F^*(\beta) +
i/\beta`, so each solved beta bounds it from above, and mixtures of the solved policies (whose information is at most
the mixture of theirs) from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...arguments import log_weights, naming, number, rectangular, several
from ...conditional import expected_reward, information
from ...errors import ArgumentError
from .solve import Solution

__all__ = ["Place", "frontier", "place"]


class Place(NamedTuple):
    """Where a policy lies.

    Attributes:
        information: I(X;Y) in nats.
        reward: E[r].
    """

    information: float
    reward: float


def place(rewards: Any, policy: Any, *, prompts: Any = None) -> Place:
    r"""Information and expected reward of a policy.

    Args:
        rewards: r(x, y), shape (X, K).
        policy: weights of the responses to each prompt, shape (X, K).
        prompts: weights of the prompts, shape (X,); uniform where None.

    Returns:
        nats, and units of the rewards.

    Raises:
        ArgumentError: not weights, or shapes that do not fit.

    >>> place([[1.0, 0.0], [0.0, 1.0]], np.eye(2))
    Place(information=0.693147..., reward=1.0)
    """
    r = log_weights("rewards", rewards)
    w = np.ones(r.shape[0]) if prompts is None else prompts
    with naming(policies="policy", reward="rewards"):
        return Place(float(information(w, policy)), float(expected_reward(w, policy, r)))


def frontier(path: Sequence[Solution], rates: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Bounds on the most reward that policies of a given information reach.

    Args:
        path: solutions of one problem at several beta.
        rates: information in nats, not negative, shape (N,).

    Returns:
        lower and upper bounds, shape (N,) each: the upper ones from the proven bounds of the solutions; the lower ones
        are the rewards of mixtures of the solved policies, to rounding.

    Raises:
        ArgumentError: no solution, solutions of different problems, or a negative rate.

    >>> from didlab.solvers.rate_distortion import rate_distortion_path
    >>> path = rate_distortion_path([[1.0, 0.0], [0.0, 1.0]], np.geomspace(0.1, 50, 100))
    >>> low, high = frontier(path, [0.0, 0.1, 0.7])
    >>> low.round(2), high.round(2)
    (array([0.5 , 0.72, 1.  ]), array([0.51, 0.72, 1.  ]))
    """
    path = several("path", path, Solution, "solutions of one problem")
    if not path or any(s.problem is not path[0].problem for s in path):
        raise ArgumentError("path", "solutions of one problem", f"{len(path)} solutions")
    i = np.asarray(number("rates", rectangular("rates", rates)))
    if (i < 0).any():
        raise ArgumentError("rates", "not negative", str(i))
    p = path[0].problem
    best = float(p.weights @ p.rewards[p.seen].max(1))
    high = np.min([s.upper + i / s.beta for s in path], axis=0)
    points = [place(p.rewards, s.policy(), prompts=p.prompts) for s in path]
    points.append(Place(0.0, float((p.weights @ p.rewards[p.seen]).max())))
    return _hull(points, i), np.minimum(high, best + 4e-16 * abs(p.rewards).max())


def _hull(points: list[Place], at: np.ndarray) -> np.ndarray:
    """The upper concave hull, flat to the right of its last point."""
    hull: list[Place] = []
    for point in sorted(points):
        if hull and point.reward <= hull[-1].reward:
            continue
        while len(hull) > 1 and _turn(hull[-2], hull[-1], point) >= 0:
            hull.pop()
        hull.append(point)
    return np.interp(at, [h.information for h in hull], [h.reward for h in hull])


def _turn(a: Place, b: Place, c: Place) -> float:
    return (b.information - a.information) * (c.reward - a.reward) - (b.reward - a.reward) * (
        c.information - a.information
    )
