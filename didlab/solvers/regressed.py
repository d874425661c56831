r"""The best policy of the regressions alone (SPPO, and Cal-DPO without its sigmoid), in closed form but for one number.

Minimise :math:`\sum_i s_i (v_i - m_i)^2` over :math:`\sum_i e^{v_i} = 1`, with s = p + q and m the average of
the two regressed values. With the multiplier :math:`\mu` of the constraint,
:math:`v_i = m_i - \omega\big(m_i + \log\tfrac{\mu}{2 s_i}\big)`, omega the Wright function, omega + log omega = x,
and :math:`\mu` the root of one increasing function.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import wrightomega

from .population import PopulationLoss

__all__ = ["regressed"]


def regressed(loss: PopulationLoss) -> np.ndarray:
    """The log-probabilities that the regressions of a loss ask for, shape (K,); a start where the loss has more terms.

    >>> from didlab import objectives
    >>> loss = PopulationLoss(objectives.get("sppo"), [0.0, 0.0], [0.0, 0.0])
    >>> np.exp(regressed(loss)).round(9)
    array([0.5, 0.5])
    """
    s = loss.p + loss.q
    s = np.where(s > 0, s, s[s > 0].min())  # what never occurs is asked to stay at its reference
    m = loss.r + loss.objective.form.target * (loss.p - loss.q) / s

    def at(log_mu: float) -> np.ndarray:
        return m - wrightomega(m + log_mu - np.log(2 * s))

    def excess(log_mu: float) -> float:
        return float(np.logaddexp.reduce(at(log_mu)))

    if np.logaddexp.reduce(m) <= 0:
        return m - np.logaddexp.reduce(m)
    low, high = -1.0, 1.0
    while excess(low) < 0:
        low *= 2
    while excess(high) > 0:
        high *= 2
    return at(float(brentq(excess, low, high, xtol=1e-14)))  # type: ignore[arg-type]
