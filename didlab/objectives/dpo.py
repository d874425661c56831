r"""DPO: the Bradley-Terry likelihood of rewards that are log-ratios.

.. math::
    -\log\sigma\Big(\beta\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)}
    - \beta\log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)}\Big)

Ref: Rafailov et al. 2023, Eq 7; Won et al. 2025, Theorem 3.4.

Convention: log-probabilities are summed over tokens, as in TRL's `sigmoid`.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0) -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature of the reward, above 0.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    return Form("logistic", scale=beta, reference=beta)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    return -c.log_sigmoid(beta * ((w - rw) - (l - rl)))
