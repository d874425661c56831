r"""Remark 4, sentence by sentence."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, forall, greater, iff, implies
from ..engine.responses import Responses, after
from ..engine.tokens import Preferring, Rows
from ..sequences.linear import indicator, residuals, sequence_gradient
from .gip_tokens_rows import AFTER, AT, at_change
from .token_models import (
    LAST_LAYER,
    LOGITS,
    POSITIONS,
    Products,
    at_position,
    dot,
    features,
    residual,
    residual_gap,
    squared,
    token_changes,
    token_products,
    total,
)

__all__: list[str] = []

SENTENCE_2 = (r"\text{at every position } i: \Delta\log\pi(y_w^i) \ge 0 \iff \langle g_w^i, g_l^i\rangle \le \|g_w^i\|^2,\ "
              r"\Delta\log\pi(y_l^i) \le 0 \iff \langle g_w^i, g_l^i\rangle \le \|g_l^i\|^2,\ g^i = \nabla\log\pi(y^i)")
PAL = r"s_w[j^*] \ge s_l[j^*],\ s_w[j] \le s_l[j]\ (j \ne j^*)"
PAIR, PREFERRING = (Rows("s_w", "s_l"),), (Preferring("s_w", "s_l"),)


def diagonal(x: Any) -> Any:
    """The products of the tokens at equal positions, (L)."""
    return x.diagonal(axis1=-2, axis2=-1)


def per_token(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
              model: str = "positions", hundredths: int = 100, strict: bool = False, other: bool = False) -> Relation:
    p = token_products(model, chosen, rejected, rows_w, rows_l, hidden_w, hidden_l)
    norms, inner = (p.ll, p.ww) if other else (p.ww, p.ll), hundredths * diagonal(p.wl) / 100
    w, l = token_changes(p)  # noqa: E741
    low = [greater(diagonal(x), inner) if strict else at_least(diagonal(x), inner, "squared norm and inner product") for x in norms]
    return both(forall(iff(at_least(w, 0, "first-order change of the chosen"), low[0])),
                forall(iff(at_least(0, l, "first-order change of the rejected"), low[1])))


main = claim(
    "gip.remark-4", where="Remark 4, first sentence", title="A condition on each token's gradients gives the directions too",
    statement=SENTENCE_2, draws=(Responses(),), symbolic=(),
    reading=POSITIONS + "Condition (7), both halves, for the gradients of each token.",
    neighbours={"the norms interchanged": dict(other=True), "1% more of the product": dict(hundredths=101), "twice the product": dict(hundredths=200),
                "strictly below": dict(strict=True), "one row of logits for all positions": dict(model="logits")},
)(per_token)

SHARED = {"shared-logits": ("logits", LOGITS, (Responses(),)), "last-layer": ("last layer", LAST_LAYER, (Responses(hidden=True),))}
MOVES = (r"v = \phi_w^i G,\ G = \textstyle\sum_{t \ge m}\phi_w^t \otimes r_w^t - \phi_l^t \otimes r_l^t \text{, the move of the logits at } y_w^i:\ "
         r"\Delta\log\pi(y_w^i) \ge 0 \iff v[y_w^i] \ge \mathbb{E}_{j \sim s_w^i} v[j] \text{, and with } \phi_l^i G,\ s_l^i \text{ for the "
         r"rejected } \Delta\log\pi(y_l^i) \le 0 \iff v[y_l^i] \le \mathbb{E}_{j \sim s_l^i} v[j]\text{: a token rises with the lead of its logit, to "
         r"which every token from the differing one on adds, and the common prefix nothing}")


def logits_moved(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
                 model: str, first: str = "differing", plain: bool = False, ahead: int = 0) -> Relation:
    """The direction of each token by how far its logit gets ahead of the others, in one step of the parameters."""
    f_w, f_l = features(model, chosen, rejected, hidden_w, hidden_l)
    p = token_products(model, chosen, rejected, rows_w, rows_l, hidden_w, hidden_l)
    late = after(chosen, rejected)
    counted = {"differing": late | (chosen != rejected), "later": late, "only": chosen != rejected}[first][..., None].astype(np.int64)
    step = sequence_gradient(f_w * counted, residuals(rows_w, chosen)) - sequence_gradient(f_l * counted, residuals(rows_l, rejected))
    v = rows_w.shape[-1]
    leads = []
    for f, rows, y in ((f_w, rows_w, chosen), (f_l, rows_l, rejected)):
        move = f @ step
        mean = move.sum(-1) / v if plain else (rows * move).sum(-1)
        leads.append(100 * ((move * indicator(y, v)).sum(-1) - mean) - ahead)
    w, l = token_changes(p)  # noqa: E741
    return both(forall(iff(at_least(w, 0, "first-order change of the chosen"), at_least(leads[0], 0, "lead of the chosen token's logit"))),
                forall(iff(at_least(0, l, "first-order change of the rejected"), at_least(0, leads[1], "lead of the rejected token's logit"))))


def in_shared_model(reading: str) -> Any:
    """The per-token condition in a model whose positions share parameters."""
    model, text, draws = SHARED[reading]
    made = claim(f"gip.remark-4.{reading}", where="Remark 4, first sentence", symbolic=(), draws=draws, statement=SENTENCE_2,
                 title="The condition on each token's gradients, where positions share parameters", reading=text)(
        partial(per_token, model=model))
    made.corrected(MOVES, symbolic=(), neighbours={
        "from the token after on": dict(first="later"), "the differing token alone": dict(first="only"),
        "the plain average of the logits": dict(plain=True), "ahead by 1/100": dict(ahead=1)})(
        partial(logits_moved, model=model))
    return made


logits, layer = (in_shared_model(r) for r in SHARED)


@claim(
    "gip.remark-4.decrease", where="Remark 4, second sentence", title="The decrease of (12)",
    statement=r"(12) < 0", draws=(Rows("row"),), symbolic=(), reading=AT + "As the words are; the same sentence ends with: will increase.",
)
def decrease(row: Any):
    return greater(0, at_change(row), "Eq 12 as derived in Eq 21")


@decrease.corrected(r"(12) > 0 \text{, and below } 2", symbolic=(),
                    neighbours={"above 1/10": dict(low=1), "below 1": dict(high=10), "below 19/10": dict(high=19)})
def _(row: Any, *, low: int = 0, high: int = 20):
    change = 10 * at_change(row)
    return both(greater(change, low, "ten times Eq 12"), greater(high, change, "its upper bound"))


@claim(
    "gip.remark-4.correlated", where="Remark 4, third sentence",
    title="Gradients of the same token have a cosine above one half at any contexts",
    statement=r"y_w^i = y_l^i \implies \cos(g_w^i, g_l^i) > \tfrac12 \text{ at any two contexts}", draws=PAIR, symbolic=(),
    reading=AFTER + "The paper says: highly correlated; what is true of every pair of contexts is one half, and no more, as the "
            "neighbours show. Similar contexts are not needed.",
    neighbours={"above 3/5": dict(over=3, under=5), "above 53/100": dict(over=53, under=100),
                "different tokens": dict(token=1), "above 9/10": dict(over=9, under=10)},
)
def correlated(s_w: Any, s_l: Any, *, over: int = 1, under: int = 2, token: int = 0):
    w, l = residual(s_w, 0), residual(s_l, token)  # noqa: E741
    inner = dot(w, l)
    return both(greater(inner, 0, "the inner product"),
                greater(under**2 * inner * inner, over**2 * squared(w) * squared(l), "squares of product and of half the norms"))


@claim(
    "gip.remark-4.bounded", where="Remark 4, last sentence", title="The assumption bounds the inner product from below",
    statement=rf"{PAL} \implies \langle g_w^i, g_l^i\rangle \ge \|g_w^i\|^2", draws=PREFERRING, symbolic=(),
    reading=AFTER + "By what makes (13) negative: the squared norm of the chosen token's gradient.",
    neighbours={"strictly": dict(strict=True), "by that of the rejected": dict(of="rejected"), "by their mean": dict(of="mean"),
                "by 11/10 of it": dict(tenths=11)},
)
def bounded(s_w: Any, s_l: Any, *, strict: bool = False, of: str = "chosen", tenths: int = 10):
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    bound = {"chosen": squared(w), "rejected": squared(l), "mean": (squared(w) + squared(l)) / 2}[of] * tenths / 10
    return greater(dot(w, l), bound) if strict else at_least(dot(w, l), bound, "inner product and its bound")


@claim(
    "gip.remark-4.bounded.case-2", where="Remark 4, last sentence", title="The assumption puts each suffix token in Case 2",
    statement=rf"{PAL} \implies \|g_w^i\|^2 \le \langle g_w^i, g_l^i\rangle \le \|g_l^i\|^2", draws=PREFERRING, symbolic=(),
    reading=AFTER + "Not in the paper: Table 1 for single tokens, both bounds.",
    neighbours={"strictly": dict(strict=True), "interchanged": dict(swap=True), "above by 9/10 of the norm": dict(tenths=9)},
)
def case_2(s_w: Any, s_l: Any, *, strict: bool = False, swap: bool = False, tenths: int = 10):
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    low, high = (squared(l), squared(w)) if swap else (squared(w), squared(l))
    compare = greater if strict else at_least
    return both(compare(dot(w, l), low, "product and chosen norm"), compare(tenths * high / 10, dot(w, l), "rejected norm and product"))


@claim(
    "gip.remark-4.bounded.any-context", where="Remark 4, last sentence", title="A lower bound that needs no assumption",
    statement=r"y_w^i = y_l^i \implies \langle g_w^i, g_l^i\rangle > (1 - s_w[j^*])(1 - s_l[j^*]) > 0", draws=PAIR, symbolic=(),
    reading=AFTER + "Not in the paper: the inner product of a common token's gradients is bounded below at any two contexts.",
    neighbours={"11/10 of it": dict(tenths=11), "3/2 of it": dict(tenths=15), "above 1/20": dict(twentieths=1)},
)
def any_context(s_w: Any, s_l: Any, *, tenths: int = 10, twentieths: int = 0):
    bound = (1 - s_w[..., :1]) * (1 - s_l[..., :1])
    return both(greater(dot(residual(s_w, 0), residual(s_l, 0)), tenths * bound / 10, "inner product and bound"),
                greater(20 * bound, twentieths, "the bound"))


@claim(
    "gip.remark-4.bounded.sentence", where="Remark 4, last sentence", title="The same for the gradients of whole responses",
    statement=r"\text{assumption of Pal et al.} \implies \langle\nabla\log\pi_w, \nabla\log\pi_l\rangle \ge \|\nabla\log\pi_w\|^2",
    draws=(Responses(prefers=True),), symbolic=(), reading=POSITIONS + "Chosen and rejected gradients as those of the responses.",
)
def sentence(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    p = sums(token_products("positions", chosen, rejected, rows_w, rows_l))
    return at_least(p.wl, p.ww, "inner product and squared norm")


def sums(p: Products) -> Products:
    return Products(*(total(x) for x in p))


@sentence.corrected(
    r"\langle\nabla\log\pi_w, \nabla\log\pi_l\rangle \ge \|\nabla\log\pi_w\|^2 - (1 - s_m[j^*] + s_m[k^*]) \text{, with equality where }"
    r" s_w = s_l \text{ at all later positions}", symbolic=(),
    neighbours={"as printed": dict(at=0), "strictly": dict(strict=True), "less by 1": dict(one=True),
                "norm of the rejected": dict(other=True)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, at: int = 1, strict: bool = False, one: bool = False,
      other: bool = False):
    p = sums(token_products("positions", chosen, rejected, rows_w, rows_l))
    lost = 1 + (0 if one else 1) * at_position(residual_gap(-rows_w, chosen, rejected), chosen, rejected)
    bound = (p.ll if other else p.ww) - at * lost
    if strict:
        return greater(p.wl, bound)
    same = (rows_w - rows_l) ** 2
    return both(at_least(p.wl, bound, "inner product and bound"),
                implies(at_least(0, total(same), "the contexts predict alike"), at_least(bound, p.wl, "bound and inner product")))
