r"""Orderings of log-margins as relations: Theorem 3.5, section 3.3, Appendices F.4 and G.

Write x for the gain in log-margin from :math:`\pi_l` to :math:`\pi_{ref}` and y for the gain from :math:`\pi_{ref}` to
:math:`\pi^*`, over all ordered pairs of outcomes. The power law says x = beta y.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.kinds import Policies
from ..engine.relations import Relation, both, equal, forall, greater, iff, implies

__all__ = ["LAW", "ORDER", "THREE", "every_threshold", "proportional", "same_order"]

THREE = (Policies("target", "reference", "rejected"),)
ORDER = (
    r"\log\tfrac{\pi_{ref}(y_w)}{\pi_{ref}(y_l)} > \log\tfrac{\pi_l(y_w)}{\pi_l(y_l)} \iff "
    r"\log\tfrac{\pi^*(y_w)}{\pi^*(y_l)} > \log\tfrac{\pi_{ref}(y_w)}{\pi_{ref}(y_l)}"
)
LAW = r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\beta}"


def same_order(x: Any, y: Any, level: Any = 0, other: Any = None) -> Relation:
    """At every pair, x is above a level exactly when y is above one."""
    return forall(
        iff(
            greater(x, level, "gain of the reference"),
            greater(y, level if other is None else other, "gain of the target"),
        )
    )


def proportional(x: Any, y: Any) -> Relation:
    """x = beta y for some beta > 0: the same signs everywhere, and every cross product 0."""
    a, b = x[..., :, 0], y[..., :, 0]
    i, j = np.triu_indices(x.shape[-1], 1)
    return both(
        forall(both(iff(greater(x, 0), greater(y, 0)), iff(greater(0, x), greater(0, y)))),
        forall(equal(a[..., i] * b[..., j], a[..., j] * b[..., i], "x_i y_j = x_j y_i")),
    )


def every_threshold(x: Any, y: Any) -> Relation:
    """x > t exactly when y > t, for every t > 0: only t half-way between the positive parts can tell them apart."""
    t = (x + abs(x) + y + abs(y)) / 4
    return forall(implies(greater(t, 0), iff(greater(x, t), greater(y, t))))
