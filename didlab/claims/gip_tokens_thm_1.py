r"""Theorem 1: values and directions for one-token responses, and how much of its assumption they need."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies
from ..engine.tokens import Concentrated, Hidden, Rows, normalised
from .gip_tokens_single import INSIDE, LITERAL, ONE, changes, not_zero, products, values_printed
from .token_models import squared

__all__: list[str] = []

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


@claim(
    "gip.thm-1.values.softmax", where="Thm 1", title="The values of Theorem 1 for softmax rows that are nearly uniform on M",
    statement=r"\text{mass } 1-\delta \text{ uniform on } M \text{ tokens} \implies |\langle g_w, g_l\rangle + \tfrac1M\|h\|^2|,\ "
              r"|\|g_w\|^2 - \tfrac{M-1}M\|h\|^2|,\ |\|g_l\|^2 - \tfrac{M-1}M\|h\|^2| \le 2\delta\|h\|^2",
    draws=(Concentrated(rest=True), Hidden("h")), symbolic=(),
    reading=ONE + "Concentrated: up to a mass delta on the other tokens, so that every token has a probability. As printed, "
                  "nothing says that the two tokens are among the M.",
    neighbours={"a tenth of the bound": dict(tenths=1), "a quarter of it": dict(tenths=2), "no error": dict(tenths=0)},
)
def values_softmax(row: Any, m: Any, h: Any, outside: Any, *, tenths: int = 10):
    ww, wl, ll = products(row, h)
    size = squared(h)
    bound = 2 * tenths * outside * size / 10
    return both(at_least(bound, abs(wl + size / m), "bound and error of the inner product"),
                *(at_least(bound, abs(x - (m - 1) / m * size), f"bound and error of the {name} norm")
                  for x, name in ((ww, "chosen"), (ll, "rejected"))))


@values_softmax.assuming(INSIDE, draws=(Concentrated(first=2, rest=True), Hidden("h")))
def _(row: Any, m: Any, outside: Any):
    each = (1 - outside) / m
    return both(*(equal(row[..., t : t + 1], each, f"probability of the {name} token and of each of the M")
                  for t, name in ((0, "chosen"), (1, "rejected"))))


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
    "gip.thm-1.directions.exactly", where="Thm 1", title="Exactly when both directions of Theorem 1 are right",
    statement=r"\log\pi_w \uparrow,\ \log\pi_l \downarrow \iff h \ne 0,\ s_w < 1,\ s_l < 1 \text{, at any row}",
    draws=(Rows("row", low=0), Hidden("h")), symbolic=(),
    reading=ONE + "To first order; rows of the closed simplex. Not in the paper: the assumption is the weakest.",
    neighbours={"whatever the rejected's probability": dict(rejected=False), "whatever the chosen's": dict(chosen=False),
                "whatever the hidden state": dict(state=False)},
)
def directions_exactly(row: Any, h: Any, *, chosen: bool = True, rejected: bool = True, state: bool = True):
    parts = [greater(squared(h) + (not state), 0, "the hidden state is not 0"),
             greater(1 + (not chosen), row[..., :1], "1 and the probability of the chosen"),
             greater(1 + (not rejected), row[..., 1:2], "1 and the probability of the rejected")]
    return iff(directions_printed(row, h), both(*parts))


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
