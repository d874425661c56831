r"""TIS-DPO: DPO with a weight for every token, and the weighted sequential divergence it derives from.

.. math::
    u = \sum_i w^w_i\,\beta\log\tfrac{\pi(y_{w,i})}{\pi_{ref}(y_{w,i})}
      - \sum_j w^l_j\,\beta\log\tfrac{\pi(y_{l,j})}{\pi_{ref}(y_{l,j})}, \qquad
    \eta = \beta D(y_w, w^w) - \beta D(y_l, w^l)

.. math::
    \ell = -\log\sigma(u - \eta), \qquad
    D(y, w) = \sum_i w_i\,D_{KL}\big(\pi(\cdot|y_{<i})\,\|\,\pi_{ref}(\cdot|y_{<i})\big)

Ref: Liu et al. 2024 (TIS-DPO), the loss and its sequential divergence.

Convention: the weights are given, whatever they were estimated from, and constants of the gradient.
"""

from __future__ import annotations

from typing import Any

from ..arguments import number, positive
from .score import Score
from .token_objective import TokenObjective
from .token_pair import TokenPair

__all__ = ["objective"]


def objective(*, weights: Any, beta: Any = 0.1) -> TokenObjective:
    """The loss with its hyper-parameters.

    Args:
        weights: of the tokens of the chosen and the rejected response, shape (..., 2, L), or a number.
        beta: inverse temperature of the reward, above 0.

    Returns:
        a `TokenObjective`.

    Raises:
        ArgumentError: weights that are not finite, or beta not above 0.

    >>> objective(weights=1.0).name
    'tis-dpo'
    """
    positive("beta", beta)
    number("weights", weights)

    def score(pair: TokenPair) -> Score:
        reward = pair.log_likelihood(weights) - pair.reference_likelihood(weights)
        return (reward - pair.divergence(weights, of="policy")).times(beta)

    return TokenObjective("tis-dpo", score)
