r"""One-token responses (Theorem 1, Eqs 16-20) and the inner product at a differing token (section 4.2).

The vocabulary is numbered so that the chosen token comes first and the rejected one second. With the hidden state h and
the row s of probabilities, :math:`\langle g_w, g_l\rangle = \|h\|^2(\|s\|^2 - s_w - s_l)`, and the change of
:math:`\log\pi_w` is :math:`\|h\|^2(1 - s_w + s_l)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff, implies
from ..engine.tokens import Concentrated, Hidden, Rows, normalised
from ..sequences.linear import sequence_gradient, token_inner_products
from .token_models import dot, residual, squared

__all__: list[str] = []

ONE = "Both responses are one token; the hidden state is any vector with integer entries. "
LITERAL = (r"\text{the row is uniform on } M \text{ of the } V \text{ tokens} \implies "
           r"\langle g_w, g_l\rangle = -\tfrac1M\|h\|^2,\ \|g_w\|^2 = \|g_l\|^2 = \tfrac{M-1}{M}\|h\|^2")
INSIDE = r"y_w \text{ and } y_l \text{ are both among the } M \text{ tokens}"
NOT_ZERO = r"h \ne 0"


def inner(h: Any, a: Any, b: Any) -> Any:
    """Inner product of the gradients of two tokens at one hidden state, by their residuals."""
    return token_inner_products(h[..., None, :], a[..., None, :], h[..., None, :], b[..., None, :])[..., 0]


def products(row: Any, h: Any) -> tuple[Any, Any, Any]:
    """Inner products chosen with chosen, chosen with rejected, rejected with rejected."""
    w, l = residual(row, 0), residual(row, 1)  # noqa: E741
    return inner(h, w, w), inner(h, w, l), inner(h, l, l)


def changes(row: Any, h: Any) -> tuple[Any, Any]:
    """First-order changes of both log-likelihoods along the difference of the gradients."""
    ww, wl, ll = products(row, h)
    return ww - wl, wl - ll


def not_zero(h: Any) -> Relation:
    return greater(squared(h), 0, "the hidden state is not 0")


# ---------------------------------------------------------------------------------------------- Appendix B.1

@claim(
    "gip.app-b.1", where="App B.1, Eqs 16-20", title="Gradients, their inner product and norms for a uniform row",
    statement=r"s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies (18), (19),"
              r"\ \langle g_w, g_l\rangle = \tfrac{M-2}{M^2}\|h\|^2 - 2\cdot\tfrac1M\cdot\tfrac{M-1}{M}\|h\|^2"
              r" = -\tfrac1M\|h\|^2,\ \|g\|^2 = \tfrac{M-1}{M^2}\|h\|^2 + (1-\tfrac1M)^2\|h\|^2 = \tfrac{M-1}{M}\|h\|^2",
    draws=(Concentrated(first=2), Hidden("h")), symbolic=(),
    reading=ONE + "Both tokens are among the M, as the display before Eq 18 supposes; rows with zeros are taken as they "
            "are printed.",
    neighbours={"2% more": dict(scale=51), "inner product over V": dict(over="V"), "norm of one residual": dict(norm=0),
                "sign of the inner product": dict(sign=-1)},
)
def app_b_1(row: Any, m: Any, h: Any, *, scale: int = 50, over: str = "M", norm: int = 1, sign: int = 1):
    support = (np.asarray(row) != 0).astype(np.int64)
    token = np.arange(row.shape[-1])
    entries = [(token == t).astype(np.int64) - support / m for t in (0, 1)]
    gradients = [sequence_gradient(h[..., None, :], residual(row, t)[..., None, :]) for t in (0, 1)]
    ww, wl, ll = products(row, h)
    size = squared(h)
    count = m * 0 + row.shape[-1] if over == "V" else m
    steps = (count - 2) / count**2 * size - 2 * (1 / count) * ((count - 1) / count) * size
    length = (count - 1) / count**2 * size + norm * (1 - 1 / count) ** 2 * size
    return both(
        *(forall(equal(g, h[..., :, None] * e[..., None, :], f"the gradient of the {name} token"))
          for g, e, name in zip(gradients, entries, ("chosen", "rejected"), strict=True)),
        equal(wl, scale * sign * steps / 50, "the inner product, first line"),
        equal(wl, -scale * sign * size / count / 50, "the inner product"),
        equal(ww, scale * length / 50, "the chosen norm, first line"),
        equal(ll, scale * (count - 1) / count * size / 50, "the rejected norm"),
        equal(ww, scale * (count - 1) / count * size / 50, "the chosen norm"),
    )


@claim(
    "gip.app-b.1.negative", where="App B.1, after Eq 20", title="The inner product is negative",
    statement=r"s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies \langle g_w, g_l\rangle < 0",
    draws=(Concentrated(first=2), Hidden("h")), symbolic=(), reading=ONE,
    neighbours={"below a quarter of the square of h": dict(parts=4), "below half of it": dict(parts=2),
                "positive": dict(flip=True)},
)
def negative(row: Any, h: Any, *, parts: int = 0, flip: bool = False):
    wl = products(row, h)[1] * (-1 if flip else 1)
    return greater(0, parts * wl + squared(h) if parts else wl, "the inner product")


@negative.assuming(NOT_ZERO)
def _(h: Any):
    return not_zero(h)


@claim(
    "gip.app-b.1.large", where="App B.1, after Eq 20", title="In comparison, the norms are large",
    statement=r"s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies"
              r" \|g_w\|^2 = \|g_l\|^2 > |\langle g_w, g_l\rangle|",
    draws=(Concentrated(first=2), Hidden("h")), symbolic=(),
    reading=ONE + "Large in comparison: above the inner product's size, which is the least that the words can say.",
    note="At M = 2 the two gradients are opposite, and norm and inner product are of one size.",
    neighbours={"by more than 1": dict(more=1), "twice as large": dict(times=2), "three times": dict(times=3),
                "smaller": dict(flip=True)},
)
def large(row: Any, h: Any, *, more: int = 0, times: int = 1, flip: bool = False):
    ww, wl, ll = products(row, h)
    small = times * abs(wl) + more
    left, right = (small, ww) if flip else (ww, small)
    return both(equal(ww, ll, "the norms"), greater(left, right, "norm and inner product"))


@large.assuming(r"M \ge 3,\ h \ne 0", draws=(Concentrated(first=3), Hidden("h")))
def _(m: Any, h: Any):
    return both(not_zero(h), greater(m, 2, "M and 2"))


@claim(
    "gip.app-b.1.indices", where="App B.1, before Eq 18", title="Which tokens have probability 1/M does not matter",
    statement=r"s = \tfrac1M \text{ on any } M \text{ tokens} \implies \langle g_w, g_l\rangle = -\tfrac1M\|h\|^2,\ "
              r"\|g_w\|^2 = \|g_l\|^2 = \tfrac{M-1}{M}\|h\|^2",
    draws=(Concentrated(), Hidden("h")), symbolic=(),
    reading=ONE + "The sentence as it stands: the values are the same wherever the M tokens are.",
)
def indices(row: Any, m: Any, h: Any):
    return values_printed(row, m, h)


@indices.corrected(
    r"\text{With } a, b = 1 \text{ where } y_w, y_l \text{ are among the } M \text{ and 0 elsewhere: } "
    r"\langle g_w, g_l\rangle = \tfrac{1-a-b}{M}\|h\|^2,\ \|g_w\|^2 = (1 + \tfrac{1-2a}{M})\|h\|^2,\ "
    r"\|g_l\|^2 = (1 + \tfrac{1-2b}{M})\|h\|^2", symbolic=(),
    neighbours={"2% more": dict(scale=51), "as printed": dict(inside=True), "a and b swapped": dict(swap=True)})
def _(row: Any, m: Any, h: Any, *, scale: int = 50, inside: bool = False, swap: bool = False):
    a, b = ((np.asarray(row[..., t : t + 1]) != 0).astype(np.int64) for t in ((1, 0) if swap else (0, 1)))
    a, b = (0 * a + 1, 0 * b + 1) if inside else (a, b)
    ww, wl, ll = products(row, h)
    size = scale * squared(h) / 50
    return both(equal(wl, (1 - a - b) / m * size, "the inner product"),
                equal(ww, (1 + (1 - 2 * a) / m) * size, "the chosen norm"),
                equal(ll, (1 + (1 - 2 * b) / m) * size, "the rejected norm"))


# ---------------------------------------------------------------------------------------------- Theorem 1

def values_printed(row: Any, m: Any, h: Any, *, scale: int = 50, off: int = 1, sign: int = 1) -> Relation:
    ww, wl, ll = products(row, h)
    size = scale * squared(h) / 50
    return both(equal(wl, -sign * size / m, "the inner product"),
                equal(ww, (m - off) / m * size, "the chosen norm"),
                equal(ll, (m - off) / m * size, "the rejected norm"))


VALUES = {"2% more": dict(scale=51), "M - 2 for M - 1": dict(off=2), "positive inner product": dict(sign=-1)}

values = claim(
    "gip.thm-1.values", where="Thm 1", title="Inner product and norms of the gradients of one-token responses",
    statement=LITERAL, draws=(Concentrated(), Hidden("h")), symbolic=(), neighbours=VALUES,
    reading=ONE + "As printed: nothing says that the two tokens are among the M.",
)(values_printed)


@values.assuming(INSIDE, draws=(Concentrated(first=2), Hidden("h")))
def _(row: Any):
    return both(greater(row[..., :1], 0, "the chosen token is among the M"),
                greater(row[..., 1:2], 0, "the rejected token is among the M"))


@claim(
    "gip.thm-1.values.near", where="Thm 1", title="How far off the values are when the row is nearly uniform on M tokens",
    statement=r"\text{mass } 1-\delta \text{ uniform on } M \text{ tokens, } y_w, y_l \text{ among them} \implies"
              r" \langle g_w, g_l\rangle = -\tfrac1M\|h\|^2 + e,\ \|g_w\|^2 = \|g_l\|^2 = \tfrac{M-1}M\|h\|^2 + e,\ "
              r"\tfrac{\delta^2}{M}\|h\|^2 \le e \le \delta^2(1 + \tfrac1M)\|h\|^2",
    draws=(Concentrated(first=2, rest=True), Hidden("h")), symbolic=(),
    reading=ONE + "A softmax has no zeros; the rest of the mass lies on the other tokens in any way. Not in the paper: "
            "the sharp form. The error is of the second order in the mass outside.",
    neighbours={"without 1/M": dict(above=0), "half of it": dict(parts=2), "linear from below": dict(power=1),
                "no error": dict(power=None)},
)
def near(row: Any, m: Any, h: Any, outside: Any, *, above: int = 1, parts: int = 1, power: int | None = 2):
    ww, wl, ll = products(row, h)
    size = squared(h)
    e = wl + size / m
    mass = 0 * outside if power is None else outside**power
    return both(equal(ww, (m - 1) / m * size + e, "the chosen norm"), equal(ll, ww, "the norms"),
                at_least(e, mass / m * size, "the error and its lower bound"),
                at_least(outside**2 * (1 + above / m) * size / parts if power else mass, e, "its upper bound and the error"))


def directions_printed(row: Any, h: Any, *, halves: int = 0, flip: int = 1) -> Relation:
    w, l = changes(row, h)  # noqa: E741
    least = halves * squared(h) / 2
    return both(greater(flip * w, least, "first-order change of the chosen"),
                greater(-least, l, "first-order change of the rejected"))


MOVES = {"by half the square of h": dict(halves=1), "by the square of h": dict(halves=2), "the chosen falls": dict(flip=-1)}

directions = claim(
    "gip.thm-1.directions", where="Thm 1", title="The chosen rises and the rejected falls, for one-token responses",
    statement=r"\text{the row is uniform on } M \text{ of the } V \text{ tokens} \implies \log\pi_w \uparrow,\ \log\pi_l \downarrow",
    draws=(Concentrated(), Hidden("h")), symbolic=(), neighbours=MOVES,
    reading=ONE + "To first order, strictly; M = 1 is not excluded.",
    note="Where a token has probability 1 its log-likelihood cannot rise; that the row is uniform is not needed, see "
         "gip.thm-1.directions.any-row.",
)(directions_printed)


@directions.assuming(r"h \ne 0 \text{, and neither } y_w \text{ nor } y_l \text{ has probability 1}")
def _(row: Any, h: Any):
    return both(not_zero(h), greater(1, row[..., :1], "1 and the probability of the chosen"),
                greater(1, row[..., 1:2], "1 and the probability of the rejected"))


@claim(
    "gip.thm-1.directions.nonzero", where="Thm 1", title="The directions of Theorem 1 where the hidden state is not 0",
    statement=r"h \ne 0 \text{, the row uniform on } M \text{ of the } V \text{ tokens} \implies"
              r" \log\pi_w \uparrow,\ \log\pi_l \downarrow",
    draws=(Concentrated(), Hidden("h")), symbolic=(), neighbours=MOVES,
    reading=ONE + "To first order, strictly. Leaves M = 1 as the only exception.",
)
def directions_nonzero(row: Any, h: Any, *, halves: int = 0, flip: int = 1):
    return implies(not_zero(h), directions_printed(row, h, halves=halves, flip=flip))


@directions_nonzero.assuming(r"\text{neither } y_w \text{ nor } y_l \text{ has probability 1}")
def _(row: Any):
    return both(greater(1, row[..., :1], "1 and the probability of the chosen"),
                greater(1, row[..., 1:2], "1 and the probability of the rejected"))


@claim(
    "gip.thm-1.directions.any-row", where="Thm 1", title="The directions of Theorem 1 need no uniform row",
    statement=r"h \ne 0 \implies \log\pi_w \uparrow,\ \log\pi_l \downarrow \text{ at any softmax row}",
    draws=(Rows("row"), Hidden("h")), symbolic=(), neighbours=MOVES,
    reading=ONE + "To first order. Not in the paper: the sharp form.",
)
def directions_any(row: Any, h: Any, *, halves: int = 0, flip: int = 1):
    return implies(not_zero(h), directions_printed(row, h, halves=halves, flip=flip))


@claim(
    "gip.thm-1.directions.finite", where="section 4.1.1, before Thm 1", symbolic=(),
    title="Any number of DPO steps of any size raises the chosen and lowers the rejected, for one-token responses",
    statement=r"s' \propto (t s_w, s_l/t, s_3, \dots),\ t = e^{\lambda\|h\|^2} > 1 \implies s'_w > s_w,\ s'_l < s_l",
    draws=(Rows("row"), Numbers("part", below_one=True)),
    reading="Both responses are one token, h is not 0. Each step adds a positive multiple of h to the column of the chosen "
            "token and takes it from that of the rejected one, wherever the parameters are: the steps add up to one "
            "factor t = 1 / part.",
    neighbours={"a third token rises": dict(third=1), "a third token falls": dict(third=-1),
                "the chosen by the factor of its logit": dict(full=True), "the rejected rises": dict(flip=True)},
)
def directions_finite(row: Any, part: Any, *, third: int = 0, full: bool = False, flip: bool = False):
    token = np.arange(row.shape[-1])
    moved = normalised(np.where(token == 0, row / part, np.where(token == 1, row * part, row)))
    gain = moved - row
    rises = greater(moved[..., :1] * part, row[..., :1]) if full else greater(gain[..., :1], 0, "gain of the chosen")
    falls = greater((1 if flip else -1) * gain[..., 1:2], 0, "loss of the rejected")
    others = [at_least(third * gain[..., 2:].sum(-1, keepdims=True), 0)] if third else []
    return both(rises, falls, *others)


# ---------------------------------------------------------------------------------------------- section 4.2

TOKEN = ("The shared last layer; the hidden state before the differing token is that of both responses, since their prefixes "
         "are equal. Any softmax row. ")
MASS = r"s_w + s_l > \textstyle\sum_j s_j^2"


@claim(
    "gip.sec-4.2.differing-token", where="section 4.2", title="The inner product at the differing token is negative",
    statement=r"h \ne 0 \implies \langle\nabla\log\pi(y_w^m), \nabla\log\pi(y_l^m)\rangle < 0",
    draws=(Rows("row"), Hidden("h")), symbolic=(),
    reading=TOKEN + "The hidden state is not 0, which is less than what is printed.",
    note="Two unlikely tokens have gradients that agree: both take mass from the token that has it.",
    neighbours={"below 1/20 of the square of h": dict(parts=20), "below 1/2 of it": dict(parts=2),
                "positive": dict(flip=True)},
)
def differing(row: Any, h: Any, *, parts: int = 0, flip: bool = False):
    return implies(not_zero(h), negative(row, h, parts=parts, flip=flip))


@differing.assuming(rf"{MASS}\text{{: the two tokens together are likelier than that two draws from the row agree}}")
def _(row: Any):
    return greater(row[..., :1] + row[..., 1:2], squared(row), "mass of the two tokens")


@claim(
    "gip.sec-4.2.differing-token.exactly", where="section 4.2", title="Exactly when the inner product is negative",
    statement=rf"h \ne 0 \implies \left(\langle g_w, g_l\rangle < 0 \iff {MASS}\right)",
    draws=(Rows("row"), Hidden("h")), symbolic=(), reading=TOKEN + "Not in the paper: the assumption is the weakest.",
    neighbours={"mass above 1/2": dict(test="half"), "likelier than the largest probability": dict(test="largest"),
                "either above the sum of squares": dict(test="either"), "always": dict(test="always")},
)
def differing_exactly(row: Any, h: Any, *, test: str = "mass"):
    w, l, collide = row[..., :1], row[..., 1:2], squared(row)  # noqa: E741
    falls = greater(0, products(row, h)[1], "the inner product")
    tests = {"mass": greater(w + l, collide, "mass of the two tokens"), "half": greater(2 * (w + l), 1),
             "largest": greater(w + l, row.max(-1, keepdims=True)),
             "either": either(greater(w, collide), greater(l, collide)), "always": greater(1, 0)}
    return implies(not_zero(h), iff(falls, tests[test]))


@claim(
    "gip.sec-4.2.differing-token.mode", where="section 4.2",
    title="The inner product is negative where one of the tokens is the likeliest",
    statement=r"h \ne 0,\ \max(s_w, s_l) = \max_j s_j \implies \langle g_w, g_l\rangle < 0",
    draws=(Rows("row", sizes=(2, 3, 4)), Hidden("h")), symbolic=(),
    reading=TOKEN + "A simple case of the assumption, and the one that the paper's example is: the model knows the right "
            "answer.",
    neighbours={"one of them above the average": dict(test="average"), "below 1/4 of the square of h": dict(parts=4),
                "one of them not the least likely": dict(test="least")},
)
def differing_mode(row: Any, h: Any, *, test: str = "mode", parts: int = 0):
    k = row.shape[-1]
    best = (row[..., :1] + row[..., 1:2] + abs(row[..., :1] - row[..., 1:2])) / 2
    tests = {"mode": at_least(best, row.max(-1, keepdims=True), "the likelier of the two and the likeliest"),
             "average": greater(k * best, 1), "least": greater(best, row.min(-1, keepdims=True))}
    return implies(both(not_zero(h), tests[test]), negative(row, h, parts=parts))


@claim(
    "gip.sec-4.2.differing-token.value", where="section 4.2", title="The inner product of two tokens at one context",
    statement=r"\langle g_w, g_l\rangle = \|h\|^2\Big(\textstyle\sum_j s_j^2 - s_w - s_l\Big),\ "
              r"\|g_w\|^2 = \|h\|^2\Big(1 - 2 s_w + \textstyle\sum_j s_j^2\Big)",
    draws=(Rows("row"), Hidden("h", sizes=(1, 2))), reading=TOKEN + "Not in the paper: Eq 20 for any row.",
    neighbours={"2% more": dict(scale=51), "as for a uniform row": dict(uniform=True), "one mass only": dict(one=True)},
)
def differing_value(row: Any, h: Any, *, scale: int = 50, uniform: bool = False, one: bool = False):
    ww, wl, _ = products(row, h)
    w, l, size = row[..., :1], row[..., 1:2], scale * squared(h) / 50  # noqa: E741
    value = -w if uniform else dot(row, row) - w - (0 if one else l)
    return both(equal(wl, size * value, "the inner product"),
                equal(ww, size * (1 - 2 * w + dot(row, row)), "the chosen norm"))
