r"""The directions of Corollary 2, responses that differ at the last token."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, greater, iff, implies
from ..engine.responses import Responses
from .gip_tokens_norms import AMONG, ANY, BOTH, INSIDE, LAST, LENGTHS, MOVE, PULL, ROWS, UNIFORM, gram, last, pull
from .token_models import (
    LAST_LAYER,
    LOGITS,
    PREFIXES,
)

__all__: list[str] = []

def directions_printed(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None,
                       *, model: str = "last layer", more: int = 0, flip: int = 1) -> Relation:
    g = gram(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    least = (0 * g.ww + more) / 8
    return both(greater(flip * (g.ww - g.wl), least, "first-order change of the chosen"),
                greater(-least, g.wl - g.ll, "first-order change of the rejected"))


def small_pull(chosen: Any, rejected: Any, rows_w: Any, hidden_w: Any = None, hidden_l: Any = None, *,
               model: str = "last layer") -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, hidden_w=hidden_w, hidden_l=hidden_l)
    d, (size, w, l) = pull(model, **pair), last(model, **pair)  # noqa: E741
    return both(greater(d, -size * (1 - w + l), "the pull and its lower bound"),
                greater(size * (1 + w - l), d, "the upper bound and the pull"))


SMALL = (rf"\text{{The prefix pulls less than the last token: }} {PULL}, "
         r"-(1 - s_w + s_l)\|\phi_L\|^2 < D < (1 + s_w - s_l)\|\phi_L\|^2 \text{ (}|D| < \|\phi_L\|^2"
         r"\text{ for two of the } M \text{ tokens)}")
MOVES = {"by more than 1/8": dict(more=1), "by more than 3": dict(more=24), "the chosen falls": dict(flip=-1)}

def directions_nonzero(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any, hidden_l: Any, *,
                       more: int = 0, flip: int = 1) -> Relation:
    h = hidden_w[..., -1, :]
    return implies(greater((h * h).sum(-1, keepdims=True), 0, "the last hidden state is not 0"),
                   directions_printed(chosen, rejected, rows_w, rows_l, hidden_w, hidden_l, more=more, flip=flip))


directions = claim(
    "gip.cor-2.directions", where="Cor 2", title="The chosen rises and the rejected falls, if they differ at the end",
    statement=MOVE.replace(UNIFORM, rf"h_L \ne 0,\ {AMONG}"), draws=(BOTH,), symbolic=(), neighbours=MOVES,
    reading=LAST + LAST_LAYER + "To first order, strictly. The two last tokens are among the M and the last hidden state is "
                                "not 0, which is less than what is printed.",
    note="As in Theorem 1, the two conditions left out here are needed as well: gip.cor-2.directions.exactly has all of them.",
)(directions_nonzero)
directions.assuming(SMALL, draws=(Responses("last", lengths=LENGTHS, hidden=True, concentrated="both", turned=True),))(
    small_pull)


@claim(
    "gip.cor-2.directions.weak", where="Cor 2", title="Corollary 2 in the sense of (7): the chosen does not fall",
    statement=rf"{AMONG} \implies \langle g_w, g_l\rangle \le \|g_w\|^2,\ \langle g_w, g_l\rangle \le \|g_l\|^2",
    draws=(BOTH,), symbolic=(),
    reading=LAST + LAST_LAYER + "The two last tokens are among the M. Rising and falling with equality, as (7) has them.",
    neighbours={"by more than 1/8": dict(eighths=1), "by more than 3": dict(eighths=24), "the chosen falls": dict(flip=-1)},
)
def weakly(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any, hidden_l: Any, *, eighths: int = 0,
           flip: int = 1):
    g = gram("last layer", chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w,
             hidden_l=hidden_l)
    least = (0 * g.ww + eighths) / 8
    return both(at_least(flip * (g.ww - g.wl), least, "first-order change of the chosen"),
                at_least(-least, g.wl - g.ll, "first-order change of the rejected"))


@weakly.assuming(rf"{PULL},\ |D| \le \|\phi_L\|^2",
                 draws=(Responses("last", lengths=LENGTHS, hidden=True, concentrated="both", turned=True),))
def _(chosen: Any, rejected: Any, rows_w: Any, hidden_w: Any, hidden_l: Any):
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, hidden_w=hidden_w, hidden_l=hidden_l)
    return at_least(last("last layer", **pair)[0], abs(pull("last layer", **pair)), "the bound and the pull")


@claim(
    "gip.cor-2.directions.exactly", where="Cor 2", title="Exactly when both directions of Corollary 2 are right",
    statement=rf"{PULL}: \log\pi_w \uparrow,\ \log\pi_l \downarrow \iff"
              r" -(1 - s_w + s_l)\|\phi_L\|^2 < D < (1 + s_w - s_l)\|\phi_L\|^2",
    draws=(ANY,), symbolic=(), reading=LAST + LAST_LAYER + "Not in the paper: the assumption is the weakest.",
    neighbours={"for two of the M tokens": dict(masses=False), "no prefix counted": dict(pulls=0),
                "the lower bound only": dict(upper=False), "always": dict(test=False)},
)
def directions_exactly(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any, hidden_l: Any, *,
                       masses: bool = True, pulls: int = 1, upper: bool = True, test: bool = True):
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, hidden_w=hidden_w, hidden_l=hidden_l)
    d, (size, w, l) = pulls * pull("last layer", **pair), last("last layer", **pair)  # noqa: E741
    w, l = (w, l) if masses else (0 * w, 0 * l)  # noqa: E741
    inside = both(greater(d, -size * (1 - w + l)), *([greater(size * (1 + w - l), d)] if upper else []))
    return iff(directions_printed(rows_l=rows_l, **pair), inside if test else greater(size + 1, 0))


@claim(
    "gip.cor-2.directions.own-logits", where="Cor 2", title="The directions when each prefix has its own logits",
    statement=MOVE, draws=(ROWS,), symbolic=(), reading=LAST + PREFIXES + "To first order, strictly.",
    neighbours={"by more than 1/2": dict(halves=1), "by more than 1": dict(halves=2), "the chosen falls": dict(flip=-1)},
)
def directions_prefixes(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, halves: int = 0, flip: int = 1):
    g = gram("prefixes", chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    least = (0 * g.ww + halves) / 2
    return both(greater(flip * (g.ww - g.wl), least, "first-order change of the chosen"),
                greater(-least, g.wl - g.ll, "first-order change of the rejected"))


@directions_prefixes.assuming(r"\text{neither of the last tokens has probability 1}")
def _(chosen: Any, rejected: Any, rows_w: Any):
    _, w, l = last("prefixes", chosen, rejected, rows_w)  # noqa: E741
    return both(greater(1, w, "1 and the probability of the chosen"), greater(1, l, "1 and that of the rejected"))


one_row = claim(
    "gip.cor-2.directions.shared-logits", where="Cor 2", title="The directions when all positions share one row of logits",
    statement=MOVE.replace(UNIFORM, AMONG), draws=(INSIDE,), symbolic=(),
    reading=LAST + LOGITS + "To first order, strictly. The two last tokens are among the M, which is less than what is "
                            "printed.",
    note="A prefix that repeats the rejected token makes the chosen fall, whatever the model predicts at the end.",
    neighbours={"by more than 1/8": dict(more=1), "by more than 1": dict(more=8), "the chosen falls": dict(flip=-1)},
)(partial(directions_printed, model="logits"))
one_row.assuming(SMALL, draws=(Responses("last", lengths=(1, 2), concentrated="both"),))(partial(small_pull, model="logits"))
