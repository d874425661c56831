r"""ORPO: the likelihood of the chosen response, and the Bradley-Terry likelihood of log-odds.

.. math::
    -\log\pi(y_w) - \beta\log\sigma\Big(\log\tfrac{\pi(y_w)}{1-\pi(y_w)}
    - \log\tfrac{\pi(y_l)}{1-\pi(y_l)}\Big)

Probabilities are per token: pi(y) is exp of the mean log-probability.

Ref: Hong et al. 2024, Eqs 3, 6 and 7.

Convention: the printed coefficient is lambda, TRL calls it beta:

==========  ==================================================================
paper       beta weighs the odds term (also TRL)
slope       beta multiplies the log-odds inside the sigmoid instead
likelihood  beta weighs the likelihood instead, and the odds term has weight 1
==========  ==================================================================
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form, log_odds
from .hyper import one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, convention: str = "paper") -> Form:
    """The coefficients of the common form.

    Args:
        beta: coefficient, above 0.
        convention: `paper`, `slope` or `likelihood`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'logistic'
    """
    positive("beta", beta)
    one_of("convention", convention, ("paper", "slope", "likelihood"))
    per_token: dict[str, Any] = {"per_token": True, "nll_per_token": True}
    if convention == "paper":
        return Form("logistic", odds=1, weight=beta, nll=1, **per_token)
    if convention == "slope":
        return Form("logistic", odds=beta, nll=1, **per_token)
    return Form("logistic", odds=1, nll=beta, **per_token)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    w, l = w / nw, l / nl  # noqa: E741
    margin = log_odds(w) - log_odds(l)
    if convention == "paper":
        return -w - beta * c.log_sigmoid(margin)
    if convention == "slope":
        return -w - c.log_sigmoid(beta * margin)
    return -beta * w - c.log_sigmoid(margin)
