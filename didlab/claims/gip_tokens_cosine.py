r"""The cosine of the gradients and the common suffix (section 4.2, Figure 4a)."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, equal, greater, implies
from ..engine.responses import Responses
from ..engine.tokens import Concentrated
from .gip_tokens_shared import ONE_MORE, with_common_tokens
from .gip_tokens_suffix import shorter
from .token_models import (
    LAST_LAYER,
    LOGITS,
    POSITIONS,
    Products,
    at_position,
    features,
    token_products,
    total,
)

__all__: list[str] = []

def signed_square(p: Products) -> Any:
    """The cosine times its absolute value, of the gradients of the two responses."""
    ww, wl, ll = (total(x) for x in p)
    return wl * abs(wl) / (ww * ll)


@claim(
    "gip.sec-4.2.cosine-suffix", where="section 4.2, Fig 4a", title="The cosine of the gradients grows with the common suffix",
    statement=r"\cos(\nabla\log\pi_w, \nabla\log\pi_l) \text{ with one more common token} > \text{ without it}",
    draws=(Responses(lengths=(2, 3)),), symbolic=(),
    reading=ONE_MORE + POSITIONS + "The single token, which is to have the lowest cosine, is the case of no suffix.",
    note="The inner product always grows there; the cosine can fall, because a token that the two contexts predict differently "
         "has a cosine near 1/2.",
    neighbours={"by 1/1000 of the squares": dict(parts=1000), "by 1/20": dict(parts=20), "falls": dict(flip=-1)},
)
def cosine_grows(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, parts: int = 0, flip: int = 1):
    p = token_products("positions", chosen, rejected, rows_w, rows_l)
    long, short = signed_square(p), signed_square(shorter(p))
    gain = flip * (long - short)
    return greater(parts * gain, 1) if parts else greater(gain, 0, "signed squares of the cosines, gain")


@cosine_grows.assuming(
    r"\cos(r_w^L, r_l^L) > \tfrac12\left(\sqrt{p/q} + \sqrt{q/p}\right)\cos(g_w, g_l),\ p = \frac{\|r_w^L\|^2}{\|g_w\|^2},\ "
    r"q = \frac{\|r_l^L\|^2}{\|g_l\|^2} \text{: the added token's gradients are at a smaller angle than those of the responses, by so much "
    r"that its unequal shares in their norms do not matter}")
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    p = token_products("positions", chosen, rejected, rows_w, rows_l)
    ww, wl, ll = (total(x) for x in shorter(p))
    w, c, l = (x[..., -1:, -1] for x in p)  # noqa: E741
    return greater(2 * c * ww * ll, wl * (w * ll + l * ww), "shares of the token, times the norms")


@claim(
    "gip.sec-4.2.cosine-suffix.only-if", where="section 4.2, Fig 4a", symbolic=(),
    title="The cosine grows only by a token whose own cosine is larger",
    statement=r"\langle g_w, g_l\rangle > 0 \text{ and } \cos(g_w, g_l) \text{ grows} \implies \cos(r_w^L, r_l^L) > \cos(g_w, g_l)",
    draws=(Responses(lengths=(2, 3)),), reading=ONE_MORE + POSITIONS + "Not in the paper: a necessary condition, by Cauchy-Schwarz; written "
    "as: not both, or the token's cosine is the larger one.",
    neighbours={"the converse": dict(converse=True), "a square that is 11/10 of it": dict(tenths=11), "the other way": dict(flip=True)},
)
def larger_cosine(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, converse: bool = False, tenths: int = 10,
                  flip: bool = False):
    p = token_products("positions", chosen, rejected, rows_w, rows_l)
    ww, wl, ll = (total(x) for x in shorter(p))
    w, c, l = (x[..., -1:, -1] for x in p)  # noqa: E741
    grows = greater(signed_square(p), signed_square(shorter(p)), "signed squares of the cosines, with and without the token")
    own, whole = 10 * c * c * ww * ll, tenths * wl * wl * w * l
    larger = greater(*((whole, own) if flip else (own, whole)), label="squared cosines of the token and of the responses")
    given, then = (larger, grows) if converse else (grows, larger)
    return both(implies(both(greater(wl, 0, "inner product without the token"), given), then))


ALIKE = Responses(lengths=(2, 3, 4), alike=True)


@claim(
    "gip.sec-4.2.cosine-suffix.alike", where="section 4.2, Fig 4a", title="The cosine grows where both contexts predict alike",
    statement=r"s_w = s_l \text{ at every position} \implies \cos(\nabla\log\pi_w, \nabla\log\pi_l) \text{ grows with each common token}",
    draws=(ALIKE,), symbolic=(), reading=ONE_MORE + POSITIONS + "Not in the paper: the simplest case, in which it always does.",
    neighbours={"by 1/1000 of the squares": dict(parts=1000), "by 1/20": dict(parts=20), "falls": dict(flip=-1)},
)
def cosine_alike(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, parts: int = 0, flip: int = 1):
    return cosine_grows(chosen, rejected, rows_w, rows_l, parts=parts, flip=flip)


@claim(
    "gip.sec-4.2.cosine-suffix.uniform", where="section 4.2, Fig 4a", symbolic=(),
    title="The cosine with n common tokens, all rows uniform",
    statement=r"\cos = \frac{n(M-1) - 1}{(n+1)(M-1)} \text{, which grows with } n \text{ from } -\tfrac{1}{M-1} \text{ to } 1",
    draws=(Concentrated(first=2), Integers("n", axes=(1,), low=1, high=9)),
    reading=POSITIONS + "Every row uniform on the same M tokens. Not in the paper.",
    neighbours={"2% more": dict(scale=51), "over n": dict(plus=0), "by more than 1/50": dict(fiftieths=1),
                "by more than 1/(n+1)": dict(share=True)},
)
def cosine_uniform(row: Any, m: Any, n: Any, *, scale: int = 50, plus: int = 1, fiftieths: int = 0, share: bool = False):
    pairs = [with_common_tokens(row, k) for k in (n - 1, n)]
    cosines = [p.wl / p.ww for p in pairs]  # both responses have one squared norm
    least = 1 / (n + 1) if share else (0 * n + fiftieths) / 50
    return both(equal(pairs[1].ww, pairs[1].ll, "the squared norms"), equal(cosines[1], scale * (n * (m - 1) - 1) / ((n + plus) * (m - 1)) / 50, "the cosine"),
                greater(cosines[1] - cosines[0], least, "its growth"))


# ---------------------------------------------------------------------------------------------- other models

DISTANCE = (r"\|\nabla\log\pi_w - \nabla\log\pi_l\|^2 = 2\|\phi_m\|^2 \text{ with any common tokens, so that }"
            r" \langle\nabla\log\pi_w, \nabla\log\pi_l\rangle = \tfrac12(\|\nabla\log\pi_w\|^2 + \|\nabla\log\pi_l\|^2)"
            r" - \|\phi_m\|^2")
MODELS = {"shared-logits": ("logits", LOGITS, Responses(lengths=(2, 3, 4), alike=True), "one row of logits for all positions"),
          "last-layer": ("last layer", LAST_LAYER, Responses(lengths=(2, 3, 4), alike=True, hidden=True), "the shared last layer")}


def sums(p: Products) -> Products:
    """Inner products of the responses' gradients."""
    return Products(*(total(x) for x in p))


def does_not_fall(model: str, chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None,
                  hidden_l: Any = None) -> Relation:
    p = token_products(model, chosen, rejected, rows_w, rows_l, hidden_w, hidden_l)
    long, short = sums(p), sums(shorter(p))
    norms, old = long.ww * long.ll, short.ww * short.ll
    return implies(both(greater(norms, 0, "the norms"), greater(old, 0, "the norms without the token")),
                   at_least(long.wl * abs(long.wl) * old, short.wl * abs(short.wl) * norms,
                            "signed squares of the cosines with and without the token, times all norms"))


def distance(model: str, chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None,
             *, scale: int = 50, of: str = "both", at: int = 1) -> Relation:
    g = sums(token_products(model, chosen, rejected, rows_w, rows_l, hidden_w, hidden_l))
    f, _ = features(model, chosen, rejected, hidden_w, hidden_l)
    size = at_position((f * f).sum(-1), chosen, rejected)
    mean = {"both": (g.ww + g.ll) / 2, "chosen": g.ww, "rejected": g.ll}[of]
    return both(equal(g.ww - 2 * g.wl + g.ll, 2 * size, "squared distance of the gradients"),
                equal(g.wl, scale * (mean - at * size) / 50, "inner product"))


def in_shared_model(reading: str) -> Any:
    """The cosine and the suffix in a model whose positions share parameters."""
    model, text, kind, short = MODELS[reading]
    made = claim(
        f"gip.sec-4.2.cosine-suffix.{reading}", where="section 4.2, Fig 4a", symbolic=(), draws=(kind,),
        title=f"The cosine of the gradients grows with the common suffix: {short}",
        statement=r"\text{both contexts alike, no gradient } 0 \implies \cos(\nabla\log\pi_w, \nabla\log\pi_l) \text{ does not fall with one more "
                  r"common token}",
        reading=ONE_MORE + text + "Both contexts have the same rows and hidden states, and the cosine may stay, which is less "
                                  "than what is printed.",
    )(partial(does_not_fall, model))
    made.corrected(DISTANCE, symbolic=(), neighbours={
        "2% more": dict(scale=51), "the chosen norm for the mean": dict(of="chosen"), "the rejected one": dict(of="rejected"),
        "half of the distance": dict(at=2)})(partial(distance, model))
    return made


logits, layer = (in_shared_model(r) for r in MODELS)
