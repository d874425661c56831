r"""RRHF: a hinge at 0 of length-normalised log-probabilities, and a likelihood term.

.. math::
    \max\big(0, \tfrac{\log\pi(y_l)}{|y_l|} - \tfrac{\log\pi(y_w)}{|y_w|}\big)
    - \lambda\log\pi(y_w)

Ref: Yuan et al. 2023, Eqs 2 to 4, for two responses; there lambda is 1.

Convention: `paper` sums the likelihood over tokens; `token` averages it.
"""

from __future__ import annotations

from typing import Any

from .form import Form
from .hyper import not_negative, one_of

__all__ = ["form", "loss"]


def form(*, lam: Any = 1.0, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        lam: weight of the likelihood, at least 0.
        convention: `paper` or `token`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'hinge'
    """
    not_negative("lam", lam)
    one_of("convention", convention, ("paper", "token"))
    return Form("hinge", scale=1, nll=lam, per_token=True, nll_per_token=convention == "token")


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, lam: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    worse = l / nl - w / nw
    return worse * (worse > 0) - lam * (w if convention == "paper" else w / nw)
