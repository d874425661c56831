r"""Entropy-controllable DPO (H-DPO): the entropy of the policy is rewarded apart from its cross-entropy.

.. math::
    -\log\sigma\big(\beta(\alpha\log\pi(y_w) - \log\pi_{ref}(y_w)) - \beta(\alpha\log\pi(y_l) - \log\pi_{ref}(y_l))\big)

Below 1, alpha sharpens the optimum :math:`\pi \propto (\pi_{ref}\,e^{r/\beta})^{1/\alpha}`.

Ref: Omura et al. 2024, section 3.

Convention: `alpha` is the eta (lambda in its appendix) of Tutunov et al. 2025, whose alpha is `beta` here.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, alpha: Any = 0.9) -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature of the reward, above 0.
        alpha: weight of the entropy, at least 0; 1 is DPO.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    not_negative("alpha", alpha)
    return Form("logistic", scale=beta * alpha, reference=beta)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, alpha: Any) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier."""
    return -c.log_sigmoid(beta * (alpha * w - rw) - beta * (alpha * l - rl))
