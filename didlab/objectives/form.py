r"""The common form of the losses: a link of a margin of scores, plus one term for each response.

.. math:: \ell = \omega f\big(a(y_w) - b(y_l) - c\big) + g(y_w) + k(y_l)

with, for a response of log-probability v and reference log-probability r (both divided by the length if `per_token`)

.. math::
    b = s\,v + o\,\log\tfrac{e^v}{1-e^v} - t\,r + \alpha n, \qquad a = b - p\max(0, r - v)

    g = -\lambda v + \kappa (v - r - m)^2 + G_w\,\sigma(z - e(v - r)), \qquad
    k = \kappa (v - r + m)^2 + G_l\,\sigma(e(v - r) - z).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

from ..carriers import Floats, carrier_of
from .links import LINKS, link

__all__ = ["Form", "log_odds"]


def log_odds(v: Any, order: int = 0) -> Any:
    r""":math:`\log\frac{e^v}{1-e^v}` of a log-probability v < 0, or a derivative: 1/(1-p), p/(1-p)^2.

    A probability that rounded to 1 counts as the largest whose odds are finite.

    >>> import numpy as np
    >>> log_odds(np.log(0.5))
    np.float64(0.0)
    """
    c = carrier_of(v)
    if not isinstance(c, Floats):
        p = c.exp(v)
        return v - c.log(1 - p) if order == 0 else (1 / (1 - p) if order == 1 else p / (1 - p) ** 2)
    v = c.minimum(v, 0 * v - float(c.xp.finfo(v.dtype).tiny) ** 0.5)
    rest = -c.expm1(v)
    if order == 0:
        near = v > -0.6931471805599453
        return v - c.where(near, c.log(c.where(near, rest, 0 * v + 0.5)), c.log1p(-c.exp(c.where(near, 0 * v - 1, v))))
    return 1 / rest if order == 1 else c.exp(v) / rest / rest


@dataclass(frozen=True)
class Form:
    """The coefficients of the common form, named as in the formulas above.

    Constants are integers, so that a form with exact coefficients has exact slopes.

    Attributes:
        link, weight: f, one of `links.LINKS`, and omega.
        scale, odds, reference, offset: s, o, t, c of the scores.
        penalty: p, the weight of a chosen response that lost probability.
        nll: weight of the negative log-likelihood of the chosen response.
        pull, target: kappa and m.
        gain_w, gain_l, steep, origin: G_w, G_l, e and z.
        length: alpha, the bonus per token.
        per_token: scores (and pulls) use log-probabilities per token.
        nll_per_token: the negative log-likelihood is per token.

    >>> Form("logistic", scale=2.0).is_margin
    True
    """

    link: str = "none"
    scale: Any = 0
    odds: Any = 0
    reference: Any = 0
    offset: Any = 0
    penalty: Any = 0
    nll: Any = 0
    pull: Any = 0
    target: Any = 0
    gain_w: Any = 0
    gain_l: Any = 0
    steep: Any = 0
    origin: Any = 0
    weight: Any = 1
    length: Any = 0
    per_token: bool = False
    nll_per_token: bool = False

    @cached_property
    def is_margin(self) -> bool:
        """Whether the loss depends on a pair only through u_w - u_l, with u linear in log-probability."""
        return self._absent("odds", "penalty", "nll", "pull", "gain_w", "gain_l")

    @cached_property
    def is_smooth(self) -> bool:
        """Whether the loss is twice differentiable."""
        return self.link != "hinge" and self._absent("penalty")

    @cached_property
    def uses_reference(self) -> bool:
        """Whether the loss depends on the reference at all."""
        return not self._absent("reference", "penalty", "pull", "gain_w", "gain_l")

    def _absent(self, *names: str) -> bool:
        return not any(bool((x != 0).any()) if hasattr(x, "any") else x != 0 for x in (getattr(self, n) for n in names))

    def has(self, name: str) -> bool:
        """Whether a coefficient is not zero."""
        return not self._absent(name)

    def rejected_score(self, v: Any, r: Any, n: Any = 1, order: int = 0) -> Any:
        """b and its derivatives with respect to the (per-token) log-probability."""
        if order == 0:
            b = self.scale * v
            if self.has("reference"):
                b = b - self.reference * r
            if self.has("length"):
                b = b + self.length * n
        else:
            b = 0 * v + (self.scale if order == 1 else 0)
        return b + self.odds * log_odds(v, order) if self.has("odds") else b

    def chosen_score(self, v: Any, r: Any, n: Any = 1, order: int = 0) -> Any:
        """a and its derivatives with respect to the (per-token) log-probability."""
        a = self.rejected_score(v, r, n, order)
        if self.has("penalty") and order < 2:
            lost = 1 * (v < r)
            a = a - self.penalty * (r - v) * lost if order == 0 else a + self.penalty * lost
        return a

    def chosen_term(self, v: Any, r: Any, order: int = 0) -> Any:
        """g without the likelihood term, and its derivatives."""
        return self._term(v, r, order, 1)

    def rejected_term(self, v: Any, r: Any, order: int = 0) -> Any:
        """k and its derivatives."""
        return self._term(v, r, order, -1)

    def _term(self, v: Any, r: Any, order: int, sign: int) -> Any:
        h, total = v - r, 0 * v
        if self.has("pull"):
            far = h - sign * self.target
            total = total + self.pull * (far * far, 2 * far, 2 + 0 * far)[order]
        gain = self.gain_w if sign > 0 else self.gain_l
        if self.has("gain_w") or self.has("gain_l"):
            c = carrier_of(h)
            e = -sign * self.steep
            y = sign * self.origin + e * h
            s, rest = c.sigmoid(y), c.sigmoid(-y)
            total = total + gain * (s, e * s * rest, e * e * s * rest * (rest - s))[order]
        return total

    def margin(self, w: Any, l: Any, rw: Any, rl: Any, nw: Any = 1, nl: Any = 1) -> Any:  # noqa: E741
        """x = a - b - c of per-token (or plain) log-probabilities."""
        return self.chosen_score(w, rw, nw) - self.rejected_score(l, rl, nl) - self.offset

    def slopes(self, w: Any, l: Any, rw: Any, rl: Any, nw: Any = 1, nl: Any = 1) -> tuple[Any, Any]:  # noqa: E741
        """d_w = f'(x) a' + g' and d_l = -f'(x) b' + k'."""
        zero = 0 * w + 0 * l
        cw, cl = (nw, nl) if self.per_token else (1, 1)
        w, l, rw, rl = w / cw, l / cl, rw / cw, rl / cl  # noqa: E741
        d_w, d_l = self.chosen_term(w, rw, 1), self.rejected_term(l, rl, 1)
        if self.link != "none":
            slope = self.weight * link(self.link, self.margin(w, l, rw, rl, nw, nl), 1)
            d_w = d_w + slope * self.chosen_score(w, rw, nw, 1)
            d_l = d_l - slope * self.rejected_score(l, rl, nl, 1)
        likelihood = self.nll / nw if self.nll_per_token else self.nll
        return zero + d_w / cw - likelihood, zero + d_l / cl

    def row(self) -> tuple[float, ...]:
        """The coefficients as numbers, the link first by its place in `LINKS`: the argument of `scalars.slopes`.

        >>> Form("hinge", scale=1.0).row()[:3]
        (1.0, 1.0, 0.0)
        """
        values = astuple(self)
        return (float(LINKS.index(self.link)), *(float(x) for x in values[1:-3]))
