r"""Quantities that several statements share, on arrays of any carrier.

Batch axes come first, outcomes last, as everywhere; pairs of outcomes are two last axes.
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..engine.relations import Relation, equal
from ..preference import pair_distribution, preference_matrix

__all__ = [
    "differences", "entropy_of_labels", "eq_1", "label_divergence", "margin_gains", "population_stationary", "pulls",
    "stationary",
]


def differences(x: Any) -> Any:
    r""":math:`x_i - x_j` for all pairs: the log-margins of a policy, or the log-ratios of an array of logarithms."""
    return x[..., :, None] - x[..., None, :]


def margin_gains(target: Any, reference: Any, rejected: Any) -> tuple[Any, Any]:
    r"""Log-margin of :math:`\pi_{ref}` over that of :math:`\pi_l`, and of :math:`\pi^*` over that of :math:`\pi_{ref}`, for all pairs."""
    return differences(reference - rejected), differences(target - reference)


def eq_1(target: Any, reference: Any, exponent: Any) -> Any:
    r"""Eq (1) up to its normaliser, as logarithms: :math:`\log\pi_{ref} + \beta(\log\pi_{ref} - \log\pi^*)`."""
    return reference + exponent * (reference - target)


def pulls(pairs: Any, reward: Any) -> tuple[Any, Any]:
    r"""Upward and downward pull of the likelihood :math:`\sum_{ij} P_{ij} \log\sigma(r_i - r_j)` on each reward.

    Its gradient is their difference, :math:`\sum_j P_{ij}\,\sigma(r_j-r_i) - \sum_j P_{ji}\,\sigma(r_i-r_j)`.
    """
    flow = pairs * preference_matrix(reward).swapaxes(-1, -2)
    return flow.sum(-1), flow.sum(-2)


def stationary(pairs: Any, reward: Any, label: str = "pull up = pull down on each reward") -> Relation:
    """The gradient of the likelihood of the pairs is 0; it is concave in the rewards, so this is its maximum."""
    return equal(*pulls(pairs, reward), label)


def population_stationary(chosen: Any, rejected: Any, reward: Any) -> Relation:
    """The same for independent pairs from a policy of chosen and a policy of rejected responses."""
    return stationary(pair_distribution(chosen, rejected), reward)


def label_divergence(x: Any, y: Any) -> Any:
    r"""KL of the Bernoulli laws :math:`\sigma(x)` and :math:`\sigma(y)`, elementwise."""
    c = carrier_of(x)
    p, rest = c.sigmoid(x), c.sigmoid(-x)
    return p * (c.log_sigmoid(x) - c.log_sigmoid(y)) + rest * (c.log_sigmoid(-x) - c.log_sigmoid(-y))


def entropy_of_labels(p: Any) -> Any:
    """Binary entropy of preference probabilities, elementwise."""
    c = carrier_of(p)
    return -(p * c.log(p) + (1 - p) * c.log(1 - p))
