r"""SPPO: the log-ratio of each response regressed to a constant.

.. math::
    \big(h_w - \tfrac{1}{2\beta}\big)^2 + \big(h_l + \tfrac{1}{2\beta}\big)^2,
    \quad h = \log\tfrac{\pi}{\pi_{ref}}

Ref: Wu et al. 2024, Eq 4.5, with the win probabilities 1 and 0 of a labelled pair (TRL's `sppo_hard`).

Convention: `trl` takes beta; `paper` takes the step size eta = 1/beta in its place: targets plus and minus eta/2.
"""

from __future__ import annotations

from typing import Any

from ..arguments import positive
from .form import Form
from .hyper import one_of

__all__ = ["form", "loss"]


def form(*, beta: Any = 1.0, convention: str = "trl") -> Form:
    """The coefficients of the common form.

    Args:
        beta: inverse of the step size (`trl`), or the step size itself (`paper`); above 0.
        convention: `trl` or `paper`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'none'
    """
    positive("beta", beta)
    one_of("convention", convention, ("trl", "paper"))
    return Form(pull=1, target=1 / (2 * beta) if convention == "trl" else beta / 2)


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    target = 1 / (2 * beta) if convention == "trl" else beta / 2
    return (w - rw - target) ** 2 + (l - rl + target) ** 2
