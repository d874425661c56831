r"""Responses that differ at the last token (Corollary 2), in models where the tokens share parameters.

With :math:`D = \sum_{i<L}\langle\phi_i,\phi_L\rangle(r_i[w] - r_i[l])`, the pull of the common prefix on the logits of the
two last tokens w and l, :math:`\|g_w\|^2 - \|g_l\|^2 = 2D + 2\|\phi_L\|^2(s_l - s_w)`; the change of the chosen is
:math:`D + \|\phi_L\|^2(1 - s_w + s_l)` and that of the rejected :math:`D - \|\phi_L\|^2(1 + s_w - s_l)`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, equal
from ..engine.responses import Responses
from ..sequences.linear import indicator, residuals
from .token_models import (
    LAST_LAYER,
    LOGITS,
    PREFIXES,
    Products,
    at_position,
    features,
    residual_gap,
    token_products,
    total,
)

__all__: list[str] = []

LAST = "Both responses have L tokens and differ at the last one, L = 1 included. "
UNIFORM = r"\pi(\cdot|x, y^{<L}) \text{ uniform on } M \text{ tokens}"
AMONG = rf"{UNIFORM}\text{{, }} y_w^L, y_l^L \text{{ among them}}"
NORMS = rf"{UNIFORM} \implies \langle g_w, g_l\rangle \le \|g_w\|^2 = \|g_l\|^2"
MOVE = rf"{UNIFORM} \implies \log\pi_w \uparrow,\ \log\pi_l \downarrow"
PULL = r"D = \sum_{i<L}\langle\phi_i, \phi_L\rangle\,(r_i[y_w^L] - r_i[y_l^L])"
LENGTHS = (1, 2, 3)


def gram(model: str, **pair: Any) -> Products:
    """Inner products of the gradients of the two responses, with a last axis of length 1."""
    return Products(*(total(x) for x in token_products(model, **pair)))


def pull(model: str, chosen: Any, rejected: Any, rows_w: Any, hidden_w: Any = None, hidden_l: Any = None) -> Any:
    """The pull D of the prefix on the logits of the differing tokens."""
    f, _ = features(model, chosen, rejected, hidden_w, hidden_l)
    overlap = (f * f[..., -1:, :]).sum(-1)
    gap = residual_gap(residuals(rows_w, chosen), chosen, rejected)
    return (overlap * gap * (chosen == rejected)).sum(-1, keepdims=True)


def last(model: str, chosen: Any, rejected: Any, rows_w: Any, hidden_w: Any = None,
         hidden_l: Any = None) -> tuple[Any, Any, Any]:
    """The squared norm of the last features, and the probabilities of the two last tokens."""
    f, _ = features(model, chosen, rejected, hidden_w, hidden_l)
    w, l = (at_position((rows_w * indicator(y, rows_w.shape[-1])).sum(-1), chosen, rejected)  # noqa: E741
            for y in (chosen, rejected))
    return (f[..., -1, :] * f[..., -1, :]).sum(-1, keepdims=True), w, l


ANY = Responses("last", lengths=LENGTHS, hidden=True, concentrated="any")
ROWS = Responses("last", lengths=LENGTHS, concentrated="any")
BOTH = Responses("last", lengths=LENGTHS, hidden=True, concentrated="both")
INSIDE = Responses("last", lengths=LENGTHS, concentrated="both")


def norms_printed(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
                  model: str = "last layer", gap: int = 0, flip: bool = False, twice: int = 1) -> Relation:
    g = gram(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    small = twice * g.wl + gap
    left, right = (small, g.ww) if flip else (g.ww, small)
    return both(equal(g.ww, g.ll, "the squared norms"),
                at_least(left, right, "squared norm and inner product"))


def values(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
           model: str = "last layer", scale: int = 50, pulls: int = 1, swap: bool = False, masses: bool = True) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, hidden_w=hidden_w, hidden_l=hidden_l)
    g = gram(model, rows_l=rows_l, **pair)
    d, (size, w, l) = pulls * pull(model, **pair), last(model, **pair)  # noqa: E741
    w, l = (l, w) if swap else (w, l) if masses else (0 * w, 0 * l)  # noqa: E741
    return both(equal(g.ww - g.wl, scale * (d + size * (1 - w + l)) / 50, "chosen norm less inner product"),
                equal(g.wl - g.ll, scale * (d - size * (1 + w - l)) / 50, "inner product less rejected norm"),
                equal(g.ww - g.ll, scale * (d + size * (l - w)) / 25, "difference of the norms"))


VALUES = (rf"\text{{With }} {PULL}: \|g_w\|^2 - \langle g_w, g_l\rangle = D + \|\phi_L\|^2(1 - s_w + s_l),\ "
          r"\langle g_w, g_l\rangle - \|g_l\|^2 = D - \|\phi_L\|^2(1 + s_w - s_l) \text{, so that }"
          r" \|g_w\|^2 = \|g_l\|^2 \text{ exactly if } D = \|\phi_L\|^2(s_w - s_l)\text{: for two of the } M"
          r"\text{ tokens, exactly if } D = 0")
VALUE_NEIGHBOURS = {"2% more": dict(scale=51), "without the prefix": dict(pulls=0), "prefix counted twice": dict(pulls=2),
                    "masses swapped": dict(swap=True), "masses left out": dict(masses=False)}


norms = claim(
    "gip.cor-2.norms", where="Cor 2", title="Equal norms, and an inner product that is not above them",
    statement=NORMS.replace(UNIFORM, AMONG), draws=(BOTH,), symbolic=(),
    reading=LAST + LAST_LAYER + "The two last tokens are among the M, which is less than what is printed.",
    note="The gradients of the common prefix are equal in both responses, but they do not drop out of the norms: their "
         "products with the gradients of the last tokens differ.",
)(norms_printed)
norms.corrected(VALUES, draws=(ANY,), symbolic=(), neighbours=VALUE_NEIGHBOURS)(values)

def norms_prefixes(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, gap: int = 0, flip: bool = False,
                   twice: int = 1) -> Relation:
    return norms_printed(chosen, rejected, rows_w, rows_l, model="prefixes", gap=gap, flip=flip, twice=twice)


own = claim(
    "gip.cor-2.norms.own-logits", where="Cor 2", title="Equal norms when each prefix has its own logits",
    statement=NORMS.replace(UNIFORM, AMONG), draws=(INSIDE,), symbolic=(),
    reading=LAST + PREFIXES + "The two last tokens are among the M, as appendix B.1 supposes before Eq 18.",
    neighbours={"by 2 more": dict(gap=2), "twice the inner product": dict(twice=2), "three times": dict(twice=3),
                "the inner product is not below": dict(flip=True)},
)(norms_prefixes)

shared = claim(
    "gip.cor-2.norms.shared-logits", where="Cor 2", title="Equal norms when all positions share one row of logits",
    statement=NORMS.replace(UNIFORM, AMONG), draws=(INSIDE,), symbolic=(),
    reading=LAST + LOGITS + "The two last tokens are among the M, which is less than what is printed.",
)(partial(norms_printed, model="logits"))
shared.corrected(VALUES, draws=(ROWS,), symbolic=(), neighbours=VALUE_NEIGHBOURS)(partial(values, model="logits"))



@claim(
    "gip.app-b.1.last-token", where="App B.1, first display", title="Only the last token's gradients count",
    statement=r"y_w[1:L-1] = y_l[1:L-1] \implies \langle\nabla\log\pi_w, \nabla\log\pi_l\rangle ="
              r" \langle\nabla\log\pi(y_w^L|\cdot), \nabla\log\pi(y_l^L|\cdot)\rangle",
    draws=(Responses("last", lengths=LENGTHS),), symbolic=(),
    reading=LAST + PREFIXES + "The display says so for any length L, without loss of generality; the most favourable model.",
)
def last_only(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, prefix: int = 0, scale: int = 50):
    p = token_products("prefixes", chosen, rejected, rows_w, rows_l)
    own = ((residuals(rows_w, chosen) ** 2).sum(-1) * (chosen == rejected)).sum(-1, keepdims=True)
    return equal(total(p.wl), scale * (p.wl[..., -1:, -1] + prefix * own) / 50, "the inner product")


@last_only.corrected(
    r"\langle\nabla\log\pi_w, \nabla\log\pi_l\rangle = \sum_{i<L}\|\nabla\log\pi(y^i|\cdot)\|^2 +"
    r" \langle\nabla\log\pi(y_w^L|\cdot), \nabla\log\pi(y_l^L|\cdot)\rangle", symbolic=(),
    neighbours={"as printed": dict(prefix=0), "2% more": dict(scale=51), "prefix counted twice": dict(prefix=2),
                "prefix taken away": dict(prefix=-1)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, prefix: int = 1, scale: int = 50):
    return last_only(chosen, rejected, rows_w, rows_l, prefix=prefix, scale=scale)
