r"""DPO-Positive: DPO with a penalty inside the sigmoid when the chosen response loses probability.

.. math::
    -\log\sigma\Big(\beta\Big(\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)}
    - \log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)} - \lambda\max\big(0, \log\tfrac{\pi_{ref}(y_w)}{\pi(y_w)}\big)\Big)\Big)

Ref: Pal et al. 2024, Eq 3.

Convention: at the kink, where policy and reference agree, the slope of the penalty is 0.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, lam: Any = 5.0) -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature, above 0.
        lam: weight of the penalty, at least 0.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    not_negative("lam", lam)
    return Form("logistic", scale=beta, reference=beta, penalty=beta * lam)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, lam: Any) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    lost = (rw - w) * (w < rw)
    return -c.log_sigmoid(beta * ((w - rw) - (l - rl) - lam * lost))
