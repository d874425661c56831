r"""IPO: the log-ratio margin regressed to a constant.

.. math::
    \Big(\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)} - \log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)}
    - \tfrac{1}{2\beta}\Big)^2

Ref: Azar et al. 2023, Eq 17 (the paper's tau is beta).

Convention: `paper` sums log-probabilities over tokens; `trl` averages them, as TRL's `ipo` does.
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
        beta: regularisation, above 0.
        convention: `paper` or `trl`.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> form().link
    'square'
    """
    positive("beta", beta)
    one_of("convention", convention, ("paper", "trl"))
    return Form("square", scale=1, reference=1, offset=1 / (2 * beta), per_token=convention == "trl")


def loss(c: Any, w: Any, l: Any, rw: Any, rl: Any, nw: Any, nl: Any, *, beta: Any, convention: str) -> Any:  # noqa: E741
    """The loss as printed; `c` is the carrier, nw and nl are the lengths."""
    h_w, h_l = (w - rw, l - rl) if convention == "paper" else ((w - rw) / nw, (l - rl) / nl)
    return (h_w - h_l - 1 / (2 * beta)) ** 2
