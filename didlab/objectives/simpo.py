r"""SimPO: the Bradley-Terry likelihood of length-normalised log-probabilities, with a target margin.

.. math::
    -\log\sigma\Big(\tfrac{\beta}{|y_w|}\log\pi(y_w) - \tfrac{\beta}{|y_l|}\log\pi(y_l)
    - \gamma\Big)

Ref: Meng et al. 2024, Eq 6.

Convention: `paper` subtracts gamma (TRL's `simpo_gamma` too); `ratio` subtracts beta gamma, the
`gamma_beta_ratio` of the authors' code.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import not_negative, one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 2.0, gamma: Any = 0.5, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse temperature, above 0.
        gamma: target margin, at least 0.
        convention: `paper` or `ratio`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    not_negative("gamma", gamma)
    one_of("convention", convention, ("paper", "ratio"))
    return Form("logistic", scale=beta, offset=gamma if convention == "paper" else beta * gamma, per_token=True)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, gamma: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    margin = gamma if convention == "paper" else beta * gamma
    return -c.log_sigmoid(beta / nw * w - beta / nl * l - margin)
