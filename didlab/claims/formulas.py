r"""Quantities that several statements share, on arrays of any carrier.

Batch axes come first, outcomes last, as everywhere; pairs of outcomes are two last axes.
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..preference import pair_distribution, preference_matrix

__all__ = ["differences", "margin_gains", "population_gradient", "preference_gradient", "total"]


def total(x: Any) -> Any:
    """Sum over the outcomes, kept as an axis of length 1."""
    return x.sum(-1, keepdims=True)


def differences(x: Any) -> Any:
    r""":math:`x_i - x_j` for all pairs: the log-margins of a policy, or the log-ratios of an array of logarithms."""
    return x[..., :, None] - x[..., None, :]


def margin_gains(target: Any, reference: Any, rejected: Any) -> tuple[Any, Any]:
    r"""Log-margin of :math:`\pi_{ref}` over that of :math:`\pi_l`, and of :math:`\pi^*` over that of :math:`\pi_{ref}`, for all pairs."""
    return differences(reference - rejected), differences(target - reference)


def preference_gradient(pairs: Any, reward: Any) -> Any:
    r"""Gradient in the rewards of :math:`\sum_{ij} P_{ij} \log\sigma(r_i - r_j)`: :math:`\sum_j P_{ij}\sigma(r_j-r_i) - P_{ji}\sigma(r_i-r_j)`."""
    m = preference_matrix(reward)
    flow = pairs * m.swapaxes(-1, -2)
    return (flow - flow.swapaxes(-1, -2)).sum(-1)


def population_gradient(chosen: Any, rejected: Any, reward: Any) -> Any:
    """The same for pairs drawn from a policy of chosen and a policy of rejected responses."""
    return preference_gradient(pair_distribution(chosen, rejected), reward)


def entropy_of_labels(p: Any) -> Any:
    """Binary entropy of preference probabilities, elementwise."""
    c = carrier_of(p)
    return -(p * c.log(p) + (1 - p) * c.log(1 - p))
