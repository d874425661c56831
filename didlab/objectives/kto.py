r"""KTO: chosen responses as desirable, rejected ones as undesirable, each against a reference point.

.. math::
    \lambda_w\big(1 - \sigma(\beta h_w - \beta z)\big) + \lambda_l\big(1 - \sigma(\beta z
    - \beta h_l)\big),\quad h = \log\tfrac{\pi}{\pi_{ref}}

Ref: Ethayarajh et al. 2024, Eq 8.

Convention: `z`, the divergence from the reference that the paper estimates on a batch without a gradient, is given by
the caller, in nats (TRL too subtracts it before multiplying by beta).
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, lam_w: Any = 1.0, lam_l: Any = 1.0, z: Any = 0.0) -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature, above 0.
        lam_w, lam_l: weights of desirable and undesirable responses, at least 0.
        z: the reference point, at least 0.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'none'
    """
    positive("beta", beta)
    not_negative("lam_w", lam_w)
    not_negative("lam_l", lam_l)
    not_negative("z", z)
    return Form(gain_w=lam_w, gain_l=lam_l, steep=beta, origin=beta * z)


def loss(
    c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, lam_w: Any, lam_l: Any, z: Any,  # noqa: E741
) -> Any:
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    h_w, h_l = w - rw, l - rl
    return lam_w * c.sigmoid(beta * (z - h_w)) + lam_l * c.sigmoid(beta * (h_l - z))
