r"""SparsePO: TDPO with a mask for the rewards and one for the divergences of the tokens.

.. math::
    u = \beta\sum_t m_u(y_w^t)\log\tfrac{\pi(y_w^t)}{\pi_{ref}(y_w^t)}
      - \beta\sum_t m_u(y_l^t)\log\tfrac{\pi(y_l^t)}{\pi_{ref}(y_l^t)}, \qquad
    \delta = \beta D_m(y_l) - \beta D_m(y_w)

.. math::
    \ell = -\log\sigma(u - \delta), \qquad
    D_m(y) = \sum_t m_d(y^t)\,D_{KL}\big(\pi_{ref}(\cdot|y^{<t})\,\|\,\pi(\cdot|y^{<t})\big)

Ref: Christopoulou et al. 2024 (SparsePO), section 2.

Convention: `paper` as above; `linear` is :math:`-(u - \delta)`, the loss as Tutunov et al. 2025 print it, without the
log-sigmoid. The masks are given and constants of the gradient.
"""

from __future__ import annotations

from typing import Any

from ..arguments import number, positive
from .hyper import one_of
from .score import Score
from .token_objective import TokenObjective
from .token_pair import TokenPair

__all__ = ["objective"]


def objective(
    *, reward_mask: Any, divergence_mask: Any, beta: Any = 0.1, convention: str = "paper"
) -> TokenObjective:
    """The loss with its hyper-parameters.

    Args:
        reward_mask, divergence_mask: of the tokens of both responses, shape (..., 2, L), or numbers.
        beta: inverse temperature of the reward, above 0.
        convention: `paper` or `linear`.

    Returns:
        a `TokenObjective`.

    Raises:
        ArgumentError: masks that are not finite, or another hyper-parameter outside its domain.

    >>> objective(reward_mask=1.0, divergence_mask=0.0).name
    'sparse-po'
    """
    positive("beta", beta)
    number("reward_mask", reward_mask)
    number("divergence_mask", divergence_mask)
    one_of("convention", convention, ("paper", "linear"))

    def score(pair: TokenPair) -> Score:
        reward = pair.log_likelihood(reward_mask) - pair.reference_likelihood(reward_mask)
        return (reward + pair.divergence(divergence_mask, of="reference")).times(beta)

    return TokenObjective("sparse-po", score, sigmoid=convention == "paper")
