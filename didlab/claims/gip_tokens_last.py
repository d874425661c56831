r"""The directions of Corollary 2, responses that differ at the last token."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, forall, greater, iff, implies
from ..engine.responses import Responses
from .gip_tokens_norms import AMONG, ANY, BOTH, INSIDE, LAST, LENGTHS, MOVE, PULL, UNIFORM, gram, last, pull
from .token_models import (
    LAST_LAYER,
    LOGITS,
    PREFIXES,
    features,
)

__all__: list[str] = []

def directions_printed(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None,
                       *, model: str = "last layer", more: int = 0, flip: int = 1) -> Relation:
    g = gram(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    least = (0 * g.ww + more) / 8
    return both(greater(flip * (g.ww - g.wl), least, "first-order change of the chosen"),
                greater(-least, g.wl - g.ll, "first-order change of the rejected"))


def little_overlap(model: str, chosen: Any, rejected: Any, hidden_w: Any = None, hidden_l: Any = None) -> Relation:
    f, _ = features(model, chosen, rejected, hidden_w, hidden_l)
    overlap = abs((f * f[..., -1:, :]).sum(-1))
    own = overlap[..., -1:]
    return at_least(own, 2 * (overlap.sum(-1, keepdims=True) - own), "squared norm and twice the overlaps")


# an entry of a residual less another one is below 2 in size: overlaps of half of the squared norm pull less than it
OVERLAP = r"\sum_{i<L} |\langle h_i, h_L\rangle| \le \tfrac12\|h_L\|^2"
SOFTMAX = Responses("last", lengths=LENGTHS)
TURNED = Responses("last", lengths=LENGTHS, hidden=True, concentrated="both", turned="differing")
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
    note="The assumption is about the hidden states alone; gip.cor-2.directions.exactly has the weakest condition, on the "
         "pull of the prefix.",
)(directions_nonzero)
directions.assuming(rf"{OVERLAP}\text{{: the states of the prefix overlap little with the last one}}", draws=(TURNED,))(
    partial(little_overlap, "last layer"))


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


weakly.assuming(OVERLAP, draws=(TURNED,))(partial(little_overlap, "last layer"))


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
    statement=MOVE.replace(UNIFORM, r"\pi(\cdot|x, y^{<L}) \text{ any softmax row}"), draws=(SOFTMAX,), symbolic=(),
    reading=LAST + PREFIXES + "To first order, strictly. Every token has a probability; that the last row is uniform on M tokens is "
                              "not needed here.",
    neighbours={"by more than 1/2": dict(halves=1), "by more than 1": dict(halves=2), "the chosen falls": dict(flip=-1)},
)
def directions_prefixes(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, halves: int = 0, flip: int = 1):
    g = gram("prefixes", chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    least = (0 * g.ww + halves) / 2
    return both(greater(flip * (g.ww - g.wl), least, "first-order change of the chosen"),
                greater(-least, g.wl - g.ll, "first-order change of the rejected"))


one_row = claim(
    "gip.cor-2.directions.shared-logits", where="Cor 2", title="The directions when all positions share one row of logits",
    statement=MOVE.replace(UNIFORM, AMONG), draws=(INSIDE,), symbolic=(),
    reading=LAST + LOGITS + "To first order, strictly. The two last tokens are among the M, which is less than what is "
                            "printed.",
    note="A prefix that repeats the rejected token makes the chosen fall, whatever the model predicts at the end.",
    neighbours={"by more than 1/8": dict(more=1), "by more than 1": dict(more=8), "the chosen falls": dict(flip=-1)},
)(partial(directions_printed, model="logits"))


@one_row.assuming(r"\text{neither last token occurs in the prefix, and } s_i[y_w^L] + s_i[y_l^L] \le \tfrac1{L-1}"
                  r"\text{ at its positions}", draws=(Responses("last", lengths=(1, 2, 3), concentrated="both", vocabulary=(3, 4)),))
def _(chosen: Any, rejected: Any, rows_w: Any):
    differ = chosen != rejected
    ends = [(y * differ).sum(-1, keepdims=True) for y in (chosen, rejected)]
    count = chosen.shape[-1] - 1
    mass = sum((rows_w * (np.arange(rows_w.shape[-1]) == y[..., None])).sum(-1) for y in ends)
    other = ((chosen - ends[0]) * (chosen - ends[1])) ** 2 + differ  # 0 where a prefix token is one of the last two
    return both(forall(greater(other, 0, "the prefix tokens are others")),
                forall(at_least(1, np.where(differ, 0, count * mass), "mass of the last tokens in the prefix, times L - 1")))
