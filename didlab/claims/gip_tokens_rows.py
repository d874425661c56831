r"""The change at the differing position: Eqs 12 and 21, and what Theorem 3 is about at a single position.

Where each position has a row of logits of its own, a position's change depends on its own two rows only (gip.thm-3.model): the change of the
chosen token is :math:`\langle r_w, r_w - r_l\rangle`. At the differing position both responses have one row, tokens
numbered 0 (chosen) and 1 (rejected); after it both have the same token, numbered 0, and the rows s_w and s_l.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.relations import at_least, both, equal, greater
from ..engine.tokens import Preferring, Rows
from .token_models import POSITIONS, dot, residual, squared

__all__: list[str] = []

UNIT = "Changes per eta beta c(theta) = 1; the sign of the step is judged in gip.eq-5, its size in gip.thm-3.step. "
AT = POSITIONS + UNIT + "The differing position, j* and k* the tokens of chosen and rejected. "
AFTER = POSITIONS + UNIT + "A position after the differing one. "
PRINTED_13 = (r"(1 - s_w[j^*])(s_l[j^*] - s_w[j^*]) - \textstyle\sum_{j \ne j^*} s_w[j](s_l[j] - s_w[j])")
PAL = r"s_w[j^*] \ge s_l[j^*],\ s_w[j] \le s_l[j]\ (j \ne j^*)"
AVERAGE = r"s_l[j^*] - s_w[j^*] \le \mathbb{E}_{j \sim s_w}\left[s_l[j] - s_w[j]\right]"
SOFTMAX = (Rows("row"),)
PAIR = (Rows("s_w", "s_l"),)
PREFERRING = (Preferring("s_w", "s_l"),)


def at_change(row: Any, of: str = "chosen") -> Any:
    """First-order change of one of the two tokens at the differing position."""
    w, l = residual(row, 0), residual(row, 1)  # noqa: E741
    return dot(w if of == "chosen" else l, w - l)


def after_changes(s_w: Any, s_l: Any) -> tuple[Any, Any]:
    """First-order changes of the common token 0 in both responses, after the differing position."""
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    return dot(w, w - l), dot(l, w - l)


def printed_13(s_w: Any, s_l: Any, *, sign: int = -1, start: int = 1) -> Any:
    """The right side of Eq 13."""
    gain = s_l - s_w
    return (1 - s_w[..., :1]) * gain[..., :1] + sign * dot(s_w[..., start:], gain[..., start:])


@claim(
    "gip.eq-12", where="Eq 12", title="The change at the differing position",
    statement=r"\Delta\log\pi(y_w^m) \approx 1 + (s[j^*] - s[k^*]) \ge 0", draws=SOFTMAX, reading=AT + "The value as printed.",
    note="The two probabilities are interchanged; Eq 21 of the appendix has them the other way round.",
)
def eq_12(row: Any, *, w: int = 1, l: int = -1, scale: int = 50):  # noqa: E741
    value = scale * (1 + w * row[..., :1] + l * row[..., 1:2]) / 50
    return both(equal(at_change(row), value, "first-order change of the chosen token"),
                at_least(value, 0, "the printed value"))


@eq_12.corrected(
    r"\Delta\log\pi(y_w^m) \approx 1 - s[j^*] + s[k^*] > 0", symbolic=(),
    neighbours={"as printed": dict(w=1, l=-1), "2% more": dict(scale=51), "1": dict(w=0, l=0),
                "without the rejected": dict(l=0), "above 1/10": dict(tenths=1)})
def _(row: Any, *, w: int = -1, l: int = 1, scale: int = 50, tenths: int = 0):  # noqa: E741
    change = at_change(row)
    return both(equal(change, scale * (1 + w * row[..., :1] + l * row[..., 1:2]) / 50, "change of the chosen token"),
                greater(10 * change, tenths, "change of the chosen token"))


@claim(
    "gip.eq-12.sign", where="Thm 3, at Eq 12", title="The chosen token at the differing position rises",
    statement=r"\Delta\log\pi(y_w^m) \ge 0", draws=SOFTMAX, symbolic=(),
    reading=AT + "The sign, with equality allowed as printed.",
    neighbours={"at least 1/10": dict(tenths=1), "at least 1": dict(tenths=10), "the rejected too": dict(of="rejected")},
)
def eq_12_sign(row: Any, *, tenths: int = 0, of: str = "chosen"):
    return at_least(10 * at_change(row, of), tenths, "change of the chosen token")


@claim(
    "gip.eq-21", where="Eq 21", title="The derivation at the differing position, line by line",
    statement=r"\langle g_w, g_w - g_l\rangle = \sum_{j \ne j^*} s_j^2 + (1 - s_{j^*})^2 - \sum_{j \ne j^*, k^*} s_j^2"
              r" + s_{j^*}(1 - s_{j^*}) + s_{k^*}(1 - s_{k^*}) = 1 + (s_{k^*} - s_{j^*}) > 0",
    draws=SOFTMAX, symbolic=(), reading=AT + "Softmax rows, which have no zeros.",
    neighbours={"j* and k* interchanged": dict(swap=True), "2% more": dict(scale=51), "above 1/10": dict(tenths=1),
                "the last term left out": dict(last=0)},
)
def eq_21(row: Any, *, swap: bool = False, scale: int = 50, tenths: int = 0, last: int = 1):
    w, l = (row[..., t : t + 1] for t in ((1, 0) if swap else (0, 1)))  # noqa: E741
    others = squared(row[..., 2:])
    line = others + row[..., 1:2] ** 2 + (1 - row[..., :1]) ** 2 - others + w * (1 - w) + last * l * (1 - l)
    change = at_change(row)
    return both(equal(change, scale * line / 50, "the inner product and the line"),
                equal(change, scale * (1 + (l - w)) / 50, "the inner product and its value"),
                greater(10 * change, tenths, "the value"))


@claim(
    "gip.eq-21.reason", where="after Eq 21", title="Positive because probabilities lie in [0, 1]",
    statement=r"s \in [0, 1]^V \implies 1 + (s_{k^*} - s_{j^*}) > 0", draws=(Rows("row", low=0),), symbolic=(),
    reading=AT + "The reason as printed, on the closed simplex.",
    neighbours={"above 1/10": dict(tenths=1), "above 1": dict(tenths=10), "negative": dict(flip=True)},
)
def eq_21_reason(row: Any, *, tenths: int = 0, flip: bool = False):
    value = 10 * (1 + row[..., 1:2] - row[..., :1])
    return greater(*((tenths, value) if flip else (value, tenths)), "the value")


@eq_21_reason.assuming(r"s_{j^*} < 1")
def _(row: Any):
    return greater(1, row[..., :1], "1 and the probability of the chosen token")


@claim(
    "gip.eq-21.rejected", where="App B.2, after Eq 21", title="The rejected token at the differing position falls",
    statement=r"\langle g_l, g_w - g_l\rangle = -(1 + s_{j^*} - s_{k^*}) < 0", draws=SOFTMAX, symbolic=(),
    reading=AT, neighbours={"2% more": dict(scale=51), "interchanged": dict(swap=True), "below -1/10": dict(tenths=1)},
)
def eq_21_rejected(row: Any, *, scale: int = 50, swap: bool = False, tenths: int = 0):
    w, l = (row[..., t : t + 1] for t in ((1, 0) if swap else (0, 1)))  # noqa: E741
    change = at_change(row, "rejected")
    return both(equal(change, -scale * (1 + w - l) / 50, "change of the rejected token"),
                greater(-tenths, 10 * change, "change of the rejected token"))
