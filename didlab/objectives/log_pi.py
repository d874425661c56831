r"""The Bradley-Terry likelihood of rewards that are log-probabilities, without a reference.

.. math:: -\log\sigma\big(\beta\log\pi(y_w) - \beta\log\pi(y_l)\big)

Its optimum over all policies is the preference distribution itself; for pairs of chosen ~ ref and rejected ~ the
ideal policy, it is the DID.

Ref: Won et al. 2025, Theorem 2.1 and section 3.5.
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
    return Form("logistic", scale=beta)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    return -c.log_sigmoid(beta * (w - l))
