r"""What a longer common suffix does to the chosen response (Theorem 3, last sentence; section 4.1.2).

A response of L tokens is compared with the same response without its last token, which is common to both responses.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, equal, forall, greater, implies
from ..engine.responses import Responses, after
from .token_models import (
    LAST_LAYER,
    LOGITS,
    POSITIONS,
    PREFIXES,
    Products,
    at_position,
    residual_gap,
    squared,
    token_changes,
    token_products,
)

__all__: list[str] = []

SUFFIX = "Responses that differ at one token, compared without and with one more common token at the end; the same factor " \
         "eta beta c(theta) in front of both steps, as at the reference policy. To first order. "
LONGER = r"\Delta\log\pi_w \text{ with the suffix } y^{m+1}, \dots, y^L < \Delta\log\pi_w \text{ without } y^L"
NO_MORE = LONGER.replace("<", r"\le")
PAL = r"\text{assumption of Pal et al.} \implies "
PREFERS = (Responses(prefers=True),)


def shorter(p: Products) -> Products:
    """The inner products without the last token of both responses."""
    return Products(*(x[..., :-1, :-1] for x in p))


def change_of_sum(p: Products) -> tuple[Any, Any]:
    """First-order changes of the log-likelihoods of both responses, with a last axis of length 1."""
    w, l = token_changes(p)  # noqa: E741
    return w.sum(-1, keepdims=True), l.sum(-1, keepdims=True)


def gains(model: str, **pair: Any) -> tuple[Any, Any]:
    """Changes of the chosen response with and without its last token."""
    p = token_products(model, **pair)
    return change_of_sum(p)[0], change_of_sum(shorter(p))[0]


def falls_more(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
               model: str = "positions", hundredths: int = 0, flip: int = 1, weak: bool = False) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    long, short = gains(model, **pair)
    fall, least = flip * (short - long), (0 * long + hundredths) / 100
    compare = at_least if weak else greater
    return compare(fall, least, "the fall by one more token")


main = claim(
    "gip.thm-3.suffix", where="Thm 3, last sentence", title="The longer the common suffix, the more the chosen falls",
    statement=PAL + LONGER, draws=PREFERS, symbolic=(), reading=SUFFIX + POSITIONS + "More: strictly.",
    neighbours={"by 1/100": dict(hundredths=1), "by 1/2": dict(hundredths=50), "less": dict(flip=-1)},
)(falls_more)


@main.assuming(r"s_w \ne s_l \text{ at the token that is added}")
def _(rows_w: Any, rows_l: Any):
    return greater(squared((rows_w - rows_l)[..., -1, :]), 0, "the contexts predict the added token differently")


@claim(
    "gip.thm-3.suffix.weak", where="Thm 3, last sentence", title="A longer suffix does not make the chosen fall less",
    statement=PAL + NO_MORE, draws=PREFERS, symbolic=(),
    reading=SUFFIX + POSITIONS + "More: with equality.",
    neighbours={"strictly": dict(strict=True), "by 1/100": dict(hundredths=1), "less": dict(flip=-1)},
)
def weakly(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, strict: bool = False, hundredths: int = 0,
           flip: int = 1):
    return falls_more(chosen, rejected, rows_w, rows_l, hundredths=hundredths, flip=flip, weak=not strict)


@claim(
    "gip.thm-3.suffix.falls", where="section 4.1.2, Thm 3", title="The chosen response falls as a whole",
    statement=PAL + r"\Delta\log\pi_w < 0", draws=PREFERS, symbolic=(),
    reading=SUFFIX + POSITIONS + "That it falls, which 'decreases more' and 'will likely both decrease' say, for any suffix.",
    note="The differing token gains 1 - s[j*] + s[k*], and a suffix token can take no more than half of a unit.",
)
def chosen_falls(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    p = token_products("positions", chosen, rejected, rows_w, rows_l)
    return greater(0, change_of_sum(p)[0], "change of the chosen response")


@chosen_falls.corrected(
    r"\text{assumption of Pal et al.} \implies 1 - s[j^*] + s[k^*] - \tfrac{L-m}{2} < \Delta\log\pi_w \le 1 - s[j^*] + s[k^*]",
    symbolic=(),
    neighbours={"lower bound with a third": dict(parts=3), "upper bound strict": dict(strict=True),
                "j* and k* interchanged": dict(sign=-1), "upper bound 1": dict(sign=0)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, parts: int = 2, strict: bool = False, sign: int = 1):
    p = token_products("positions", chosen, rejected, rows_w, rows_l)
    change = change_of_sum(p)[0]
    at = 1 + sign * at_position(residual_gap(-rows_w, chosen, rejected), chosen, rejected)
    length = after(chosen, rejected).astype(np.int64).sum(-1, keepdims=True)
    upper = greater(at, change) if strict else at_least(at, change, "upper bound and change")
    return both(greater(change, at - (0 * at + length) / parts, "change and lower bound"), upper)


@claim(
    "gip.thm-3.rejected", where="section 4.1.2", title="The rejected response falls, and by more than the chosen",
    statement=PAL + r"\Delta\log\pi_l < 0,\ \Delta\log\pi_l < \Delta\log\pi_w", draws=PREFERS, symbolic=(),
    reading=SUFFIX + POSITIONS + "The other half of: will likely both decrease.",
    neighbours={"by 1/10": dict(tenths=1), "by 1": dict(tenths=10), "the chosen falls too": dict(of="chosen"),
                "by twice as much as the chosen moves": dict(twice=True)},
)
def rejected_falls(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, tenths: int = 0, of: str = "rejected",
                   twice: bool = False):
    w, l = change_of_sum(token_products("positions", chosen, rejected, rows_w, rows_l))  # noqa: E741
    fall = w if of == "chosen" else l + 2 * abs(w) if twice else l
    return both(greater(-tenths, 10 * fall, "ten times the change of the rejected"), greater(w, l, "chosen and rejected change"))


# ---------------------------------------------------------------------------------------------- other models

@claim(
    "gip.thm-3.suffix.own-logits", where="Thm 3, last sentence", title="A longer suffix when each prefix has its own logits",
    statement=PAL + NO_MORE, draws=PREFERS, symbolic=(), reading=SUFFIX + PREFIXES + "With equality.",
)
def own_logits(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    return falls_more(chosen, rejected, rows_w, rows_l, model="prefixes", weak=True)


@own_logits.corrected(
    r"\Delta\log\pi_w \text{ with } y^L = \Delta\log\pi_w \text{ without } y^L + \|r_w^L\|^2"
    r"\text{: the longer the suffix, the more the chosen rises}", draws=(Responses(),), symbolic=(),
    neighbours={"falls by it": dict(sign=-1), "2% more": dict(scale=51), "rejected context": dict(other=True),
                "at least 1/20": dict(twentieths=1)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, sign: int = 1, scale: int = 50, other: bool = False,
      twentieths: int = 0):
    long, short = gains("prefixes", chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    row = (rows_l if other else rows_w)[..., -1, :]
    unit = np.asarray(chosen)[..., -1:] == np.arange(row.shape[-1])
    size = squared(np.where(unit, row - 1, row))
    return both(equal(long - short, sign * scale * size / 50, "what one more token adds"),
                greater(20 * size, twentieths, "what it adds"))


ADDED = (r"\Delta\log\pi_w \text{ with } y^L - \Delta\log\pi_w \text{ without } y^L = "
         r"\langle g_w^L, g_w^L - g_l^L\rangle + X,\ X = \langle g_w^L, g_w^{<L} - g_l^{<L}\rangle + \langle g_w^{<L}, g_w^L - "
         r"g_l^L\rangle\text{: under the assumption of Pal et al. the chosen falls no less with } y^L \text{ where } X \le 0")
ADDED_LAYER = ADDED.replace("where }", r"where } h_w^L = h_l^L,")
NOT_ADDED = {"2% more": dict(scale=51), "the new token only": dict(second=0), "the others only": dict(first=0),
             "X up to 1/10": dict(slack=1)}


def added(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
          model: str, scale: int = 50, first: int = 1, second: int = 1, slack: int = 0) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    long, short = gains(model, **pair)
    p = token_products(model, **pair)
    own = p.ww[..., -1:, -1] - p.wl[..., -1:, -1]
    one, two = ((x[..., -1, :-1] + x[..., :-1, -1]).sum(-1, keepdims=True) for x in (p.ww, p.wl))
    crossed = one - two
    same = [] if hidden_w is None else [forall(equal(hidden_w[..., -1, :], hidden_l[..., -1, :], "the last hidden states"))]
    return both(equal(long - short, scale * (first * own + second * crossed) / 50, "what one more token adds"),
                implies(both(at_least(slack, 10 * crossed, "the crossed products"), *same),
                        at_least(short, long, "changes without and with it")))


logits = claim(
    "gip.thm-3.suffix.shared-logits", where="Thm 3, last sentence",
    title="A longer suffix when all positions share one row of logits", statement=PAL + NO_MORE, draws=PREFERS, symbolic=(),
    reading=SUFFIX + LOGITS + "With equality.",
)(partial(falls_more, model="logits", weak=True))
logits.corrected(ADDED, symbolic=(), neighbours=NOT_ADDED)(partial(added, model="logits"))
layer = claim(
    "gip.thm-3.suffix.last-layer", where="Thm 3, last sentence", title="A longer suffix when positions share the last layer",
    statement=PAL + NO_MORE, draws=(Responses(hidden=True, prefers=True),), symbolic=(),
    reading=SUFFIX + LAST_LAYER + "With equality.",
)(partial(falls_more, model="last layer", weak=True))
layer.corrected(ADDED_LAYER, draws=(Responses(hidden=True, prefers=True, turned="last"),), symbolic=(), neighbours=NOT_ADDED)(
    partial(added, model="last layer"))
