r"""R-DPO: DPO with a bonus for length, so that rewards do not pay for it.

.. math::
    -\log\sigma\Big(\beta\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)}
    - \beta\log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)} + \alpha|y_w| - \alpha|y_l|\Big)

A reward penalised by alpha per token has the optimum pi ~ ref exp((r - alpha |y|)/beta), so that
r = beta log(pi/ref) + alpha |y|: the sign above.

Ref: Park et al. 2024, Eq 9.

Convention: `paper` as above; `penalty` has the opposite sign of the length terms.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative, one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, alpha: Any = 0.05, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature, above 0.
        alpha: nats per token, at least 0.
        convention: `paper` or `penalty`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    not_negative("alpha", alpha)
    one_of("convention", convention, ("paper", "penalty"))
    return Form("logistic", scale=beta, reference=beta, length=alpha if convention == "paper" else -alpha)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, alpha: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    bonus = alpha if convention == "paper" else -alpha
    return -c.log_sigmoid(beta * (w - rw) - beta * (l - rl) + bonus * nw - bonus * nl)
