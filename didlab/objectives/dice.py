r"""DICE: DPO against the policy of the round before, on pairs ranked by that policy's own implicit reward.

.. math::
    -\log\sigma\Big(\beta\log\tfrac{\pi(y_w)}{\pi^{(t-1)}(y_w)} - \beta\log\tfrac{\pi(y_l)}{\pi^{(t-1)}(y_l)}\Big)

The log-probabilities of the reference are those of :math:`\pi^{(t-1)}`, which training in round t leaves alone.

Ref: Chen et al. 2024 (DICE).

Convention: the loss of one round on given pairs; how the round's pairs are made is no part of it.
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
    """The loss as printed; rw and rl are log-probabilities under the policy of the round before."""
    return -c.log_sigmoid(beta * (w - rw) - beta * (l - rl))
