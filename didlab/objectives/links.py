r"""The scalar functions of the margin x that losses are made of, with their first and second derivatives.

==========  ========================  =======================
logistic    :math:`-\log\sigma(x)`    DPO and most others
hinge       :math:`\max(0, -x)`       SLiC, RRHF
square      :math:`x^2`               IPO
none        0                         KTO, SPPO
==========  ========================  =======================
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..errors import ArgumentError

__all__ = ["LINKS", "link"]

LINKS = ("logistic", "hinge", "square", "none")


def link(name: str, x: Any, order: int = 0) -> Any:
    """The link function or one of its first two derivatives, elementwise.

    Args:
        name: one of `LINKS`.
        x: margins.
        order: 0 for the value, 1 for the slope, 2 for the curvature.

    Raises:
        ArgumentError: an unknown name.

    >>> import numpy as np
    >>> link("hinge", np.array([-2.0, 0.0, 1.0]), 1)
    array([-1.,  0.,  0.])
    """
    c = carrier_of(x)
    if name == "logistic":
        if order == 0:
            return -c.log_sigmoid(x)
        return -c.sigmoid(-x) if order == 1 else c.sigmoid(x) * c.sigmoid(-x)
    if name == "hinge":
        below = 1 * (x < 0)
        return (-x * below, 0 * x - below, 0 * x)[order]
    if name == "square":
        return (x * x, 2 * x, 2 + 0 * x)[order]
    if name == "none":
        return 0 * x
    raise ArgumentError("name", f"one of {', '.join(LINKS)}", repr(name))
