r"""Cal-DPO: a Bradley-Terry likelihood of log-ratios, with each log-ratio pulled to a calibrated value.

.. math::
    -\log\sigma(h_w - h_l) + \big(h_w - \tfrac{1}{2\beta}\big)^2 + \big(h_l + \tfrac{1}{2\beta}\big)^2,
    \quad h = \log\tfrac{\pi}{\pi_{ref}}

Ref: Xiao et al. 2024, Eqs 9 to 11.

Convention: `paper` has no beta inside the sigmoid; `scaled` has: sigma(beta h_w - beta h_l), with the pulls unchanged.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        beta: the log-ratios are pulled to plus and minus 1/(2 beta); above 0.
        convention: `paper` or `scaled`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    one_of("convention", convention, ("paper", "scaled"))
    scale = 1 if convention == "paper" else beta
    return Form("logistic", scale=scale, reference=scale, pull=1, target=1 / (2 * beta))


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    h_w, h_l = w - rw, l - rl
    scale = 1 if convention == "paper" else beta
    return -c.log_sigmoid(scale * (h_w - h_l)) + (h_w - 1 / (2 * beta)) ** 2 + (h_l + 1 / (2 * beta)) ** 2
