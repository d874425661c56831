r"""The plane of information and reward: where any policy lies, policies tilted from a fixed prior, and the frontier.

The frontier :math:`R(i) = \max\{E[r] : I(X;Y) \le i\}` is concave; by duality :math:`R(i) = \min_\beta F^*(\beta) +
i/\beta`, so each solved beta bounds it from above, and mixtures of the solved policies (whose information is at most
the mixture of theirs) from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arguments import log_weights, number, positive
from ...errors import ArgumentError

if TYPE_CHECKING:
    from .solve import Solution

__all__ = ["Place", "frontier", "place", "tilt_prior"]


class Place(NamedTuple):
    """Where a policy lies.

    Attributes:
        information: I(X;Y) in nats.
        reward: E[r].
    """

    information: float
    reward: float


def tilt_prior(rewards: Any, prior: Any, beta: Any) -> np.ndarray:
    r"""The KL-regularised policy of a fixed prior, :math:`\pi(y|x) \propto \zeta(y) e^{\beta r(x, y)}`.

    Args:
        rewards: r(x, y), shape (X, K).
        prior: :math:`\zeta`, not negative and not all 0, shape (K,) or (X, K).
        beta: the inverse price of a nat of divergence from the prior.

    Returns:
        probabilities, shape (X, K).

    Raises:
        ArgumentError: a prior that is negative, all 0 or of another shape.

    >>> tilt_prior([[np.log(2), 0.0]], [0.5, 0.5], 1.0).round(4)
    array([[0.6667, 0.3333]])
    """
    r, q = log_weights("rewards", rewards), log_weights("prior", prior)
    positive("beta", number("beta", beta))
    if r.ndim != 2 or q.shape not in ((r.shape[1],), r.shape):
        raise ArgumentError("prior", "of shape (K,) or (X, K) for rewards of shape (X, K)", f"shape {q.shape}")
    if (q < 0).any() or not (q > 0).any(-1).all():
        raise ArgumentError("prior", "weights that are not negative and not all 0", str(q))
    with np.errstate(divide="ignore"):
        logits = np.log(q) + beta * (r - np.where(q > 0, r, -np.inf).max(-1, keepdims=True))
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def place(rewards: Any, policy: Any, *, prompts: Any = None) -> Place:
    r"""Information and expected reward of a policy.

    Args:
        rewards: r(x, y), shape (X, K).
        policy: probabilities, rows that sum to 1, shape (X, K).
        prompts: weights of the prompts, shape (X,); uniform where None.

    Returns:
        nats, and units of the rewards.

    Raises:
        ArgumentError: shapes that differ, or rows that are no distributions.

    >>> place([[1.0, 0.0], [0.0, 1.0]], np.eye(2))
    Place(information=0.693147..., reward=1.0)
    """
    r, pi = log_weights("rewards", rewards), log_weights("policy", policy)
    if r.ndim != 2 or pi.shape != r.shape:
        raise ArgumentError("policy", f"of shape {r.shape}", f"shape {pi.shape}")
    if (pi < 0).any() or not np.allclose(pi.sum(1), 1.0, rtol=0, atol=1e-9):
        raise ArgumentError("policy", "rows of probabilities that sum to 1", str(pi))
    w = np.ones(len(r)) if prompts is None else log_weights("prompts", prompts)
    if w.shape != (len(r),) or (w < 0).any() or not w.any():
        raise ArgumentError("prompts", f"{len(r)} weights that are not negative and not all 0", str(w))
    p = w / w.sum()
    marginal = p @ pi
    ratio = np.divide(pi, marginal, out=np.ones_like(pi), where=pi > 0)
    # terms pi log(pi/m) - pi + m are never negative, so nothing cancels
    terms = np.where(pi > 0, pi * np.log(ratio) - pi + marginal, marginal)
    return Place(max(float(p @ terms.sum(1)), 0.0), float(p @ (pi * r).sum(1)))


def frontier(path: Sequence[Solution], information: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Bounds on the most reward that policies of a given information reach.

    Args:
        path: solutions of one problem at several beta.
        information: nats, not negative, shape (N,).

    Returns:
        lower and upper bounds, shape (N,) each: the upper ones from the proven bounds of the solutions; the lower ones
        are the rewards of mixtures of the solved policies, to rounding.

    Raises:
        ArgumentError: no solution, solutions of different problems, or negative information.

    >>> from .solve import rate_distortion_path
    >>> path = rate_distortion_path([[1.0, 0.0], [0.0, 1.0]], np.geomspace(0.1, 50, 100))
    >>> low, high = frontier(path, [0.0, 0.1, 0.7])
    >>> low.round(3), high.round(3)
    (array([0.5  , 0.719, 1.   ]), array([0.502, 0.719, 1.   ]))
    """
    if not len(path) or any(s.problem is not path[0].problem for s in path):
        raise ArgumentError("path", "solutions of one problem", f"{len(path)} solutions")
    i = np.asarray(number("information", np.asarray(information, dtype=float)))
    if (i < 0).any():
        raise ArgumentError("information", "not negative", str(i))
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
