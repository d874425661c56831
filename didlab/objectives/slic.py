r"""SLiC: a hinge of the log-margin, and a likelihood term.

.. math:: \max\big(0, \delta - \log\pi(y_w) + \log\pi(y_l)\big) - \lambda\log\pi(y_w)

Ref: Zhao et al. 2023 (SLiC-HF), Eq 3, with the chosen response as the regularising target.

Convention: which symbol of the printed grids plays which part is a choice:

========  ==================================================================
margin    beta is the margin delta, lam the weight of the likelihood (Meng et al. 2024, Table 3)
swapped   lam is the margin, beta the weight of the likelihood
slope     max(0, 1 - beta (log pi(y_w) - log pi(y_l))) - lam log pi(y_w)
trl       TRL's `hinge`: max(0, 1 - beta (log-ratio margin)); lam is not used
========  ==================================================================
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative, one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, lam: Any = 1.0, convention: str = "margin") -> Form:
    """The coefficients of the common form.

    Args:
        beta, lam: margin and weights as the convention says, at least 0 (above 0 where beta is a slope).
        convention: `margin`, `swapped`, `slope` or `trl`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'hinge'
    """
    not_negative("beta", beta)
    not_negative("lam", lam)
    one_of("convention", convention, ("margin", "swapped", "slope", "trl"))
    if convention == "margin":
        return Form("hinge", scale=1, offset=beta, nll=lam)
    if convention == "swapped":
        return Form("hinge", scale=1, offset=lam, nll=beta)
    positive("beta", beta)
    if convention == "slope":
        return Form("hinge", scale=beta, offset=1, nll=lam)
    return Form("hinge", scale=beta, reference=beta, offset=1)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, lam: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    def hinge(x: Any) -> Any:
        return x * (x > 0)

    if convention == "margin":
        return hinge(beta - w + l) - lam * w
    if convention == "swapped":
        return hinge(lam - w + l) - beta * w
    if convention == "slope":
        return hinge(1 - beta * (w - l)) - lam * w
    return hinge(1 - beta * ((w - rw) - (l - rl)))
