r"""TDPO: DPO plus the difference of the sequential divergences of the two responses, in both published forms.

.. math::
    u = \beta\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)} - \beta\log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)}, \qquad
    D(y) = \sum_t D_{KL}\big(\pi_{ref}(\cdot|y_{<t})\,\|\,\pi(\cdot|y_{<t})\big)

.. math::
    \text{TDPO}_1 = -\log\sigma\big(u - \beta\,(D(y_l) - D(y_w))\big), \qquad
    \text{TDPO}_2 = -\log\sigma\big(u - \alpha\beta\,(D(y_l) - \mathrm{sg}\,D(y_w))\big)

Ref: Zeng et al. 2024, Eqs 15 to 18.

Convention: `form` is `tdpo1` or `tdpo2`; sg, the stop-gradient, is in the second form only: it changes no value.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .hyper import not_negative, one_of
from .score import Score
from .token_objective import TokenObjective
from .token_pair import TokenPair

__all__ = ["objective"]


def objective(*, beta: Any = 0.1, alpha: Any = 0.5, form: str = "tdpo1") -> TokenObjective:
    """The loss with its hyper-parameters.

    Args:
        beta: inverse temperature of the reward, above 0.
        alpha: weight of the divergences in the second form, at least 0; the first form has none.
        form: `tdpo1` or `tdpo2`.

    Returns:
        a `TokenObjective`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> objective(form="tdpo2").name
    'tdpo2'
    """
    positive("beta", beta)
    not_negative("alpha", alpha)
    one_of("form", form, ("tdpo1", "tdpo2"))

    def score(pair: TokenPair) -> Score:
        reward = (pair.log_likelihood() - pair.reference_likelihood()).times(beta)
        apart = pair.divergence(of="reference").times(beta)
        return reward + (apart if form == "tdpo1" else apart.held((1, 0)).times(alpha))

    return TokenObjective(form, score)
