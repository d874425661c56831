r"""Theorem 1: values and directions for one-token responses, and how much of its assumption they need."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies
from ..engine.tokens import Concentrated, Hidden, Rows, normalised
from .gip_tokens_single import INSIDE, ONE, changes, not_zero, products
from .token_models import squared

__all__: list[str] = []

@claim(
    "gip.thm-1.values", where="Thm 1", title="Inner product and norms of the gradients of one-token responses",
    statement=r"\text{mass } 1-\delta \text{ uniform on } M \text{ tokens} \implies |\langle g_w, g_l\rangle + \tfrac1M\|h\|^2|,\ "
              r"|\|g_w\|^2 - \tfrac{M-1}M\|h\|^2|,\ |\|g_l\|^2 - \tfrac{M-1}M\|h\|^2| \le 2\delta\|h\|^2",
    draws=(Concentrated(rest=True), Hidden("h")), symbolic=(),
    reading=ONE + "Concentrated: up to a mass delta on the other tokens, since a softmax gives every token a probability. As the "
                  "theorem is printed; that the two tokens are among the M stands in appendix B.1, before Eq 18.",
    note="Without a rest of mass: gip.app-b.1. The sharp form of the error: gip.thm-1.values.near.",
    neighbours={"a tenth of the bound": dict(tenths=1), "a fifth of it": dict(tenths=2), "no error": dict(tenths=0)},
)
def values(row: Any, m: Any, h: Any, outside: Any, *, tenths: int = 10):
    ww, wl, ll = products(row, h)
    size = squared(h)
    bound = 2 * tenths * outside * size / 10
    return both(at_least(bound, abs(wl + size / m), "bound and error of the inner product"),
                *(at_least(bound, abs(x - (m - 1) / m * size), f"bound and error of the {name} norm")
                  for x, name in ((ww, "chosen"), (ll, "rejected"))))


@values.assuming(INSIDE, draws=(Concentrated(first=2, rest=True), Hidden("h")))
def _(row: Any, m: Any, outside: Any):
    each = (1 - outside) / m
    return both(*(equal(row[..., t : t + 1], each, f"probability of the {name} token and of each of the M")
                  for t, name in ((0, "chosen"), (1, "rejected"))))


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
    statement=r"\text{mass } 1-\delta \text{ uniform on } M \text{ of the } V \text{ tokens} \implies \log\pi_w \uparrow,\ \log\pi_l \downarrow",
    draws=(Concentrated(rest=True), Hidden("h")), symbolic=(), neighbours=MOVES,
    reading=ONE + "To first order, strictly; the rest of the mass lies on the other tokens, so that every token has a probability.",
    note="Neither the uniform part nor where the two tokens are matters: gip.thm-1.directions.any-row.",
)(directions_printed)
directions.assuming(r"h \ne 0")(not_zero)


@claim(
    "gip.thm-1.directions.exactly", where="Thm 1", title="Exactly when both directions of Theorem 1 are right",
    statement=r"s_w, s_l > 0 \implies \left(\log\pi_w \uparrow,\ \log\pi_l \downarrow \iff h \ne 0\right)",
    draws=(Rows("row", low=0), Hidden("h")), symbolic=(),
    reading=ONE + "To first order; both tokens have a log-likelihood, others may have probability 0. Not in the paper: the assumption "
                  "is the weakest.",
    neighbours={"where the rejected has none": dict(rejected=False), "where the chosen has none": dict(chosen=False),
                "whatever the hidden state": dict(state=False)},
)
def directions_exactly(row: Any, h: Any, *, chosen: bool = True, rejected: bool = True, state: bool = True):
    has = both(greater(row[..., :1] + (not chosen), 0, "probability of the chosen"),
               greater(row[..., 1:2] + (not rejected), 0, "probability of the rejected"))
    return implies(has, iff(directions_printed(row, h), greater(squared(h) + (not state), 0, "the hidden state is not 0")))


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
