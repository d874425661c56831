r"""CPO: the Bradley-Terry likelihood of log-probabilities, and a likelihood term.

.. math:: -\log\sigma\big(\beta\log\pi(y_w) - \beta\log\pi(y_l)\big) - \lambda\log\pi(y_w)

Ref: Xu et al. 2024, Eqs 3 to 5; there lambda is 1.

Convention: `paper` sums the likelihood over tokens; `trl` averages it (its `cpo_alpha` is lambda).
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative, one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, lam: Any = 1.0, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature, above 0.
        lam: weight of the likelihood, at least 0.
        convention: `paper` or `trl`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    not_negative("lam", lam)
    one_of("convention", convention, ("paper", "trl"))
    return Form("logistic", scale=beta, nll=lam, nll_per_token=convention == "trl")


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, lam: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    return -c.log_sigmoid(beta * (w - l)) - lam * (w if convention == "paper" else w / nw)
