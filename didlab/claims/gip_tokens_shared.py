r"""What tokens that both responses share do to the inner product of their gradients (section 4)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, equal, greater, implies
from ..engine.responses import Responses
from ..engine.tokens import Concentrated, Preferring, Rows
from ..sequences.linear import residuals
from .gip_tokens_rows import after_changes, at_change
from .gip_tokens_suffix import shorter
from .token_models import (
    LAST_LAYER,
    LOGITS,
    POSITIONS,
    PREFIXES,
    Products,
    dot,
    token_products,
    total,
    where,
)

__all__: list[str] = []

ONE_MORE = "Two responses that differ at one token, compared without and with one more common token at the end. "
GROWS = (r"\langle\nabla\log\pi_w, \nabla\log\pi_l\rangle \text{ with one more common token} >"
         r"\langle\nabla\log\pi_w, \nabla\log\pi_l\rangle \text{ without it}")
STAYS = GROWS.replace(">", r"\ge")


def growth(model: str, **pair: Any) -> Any:
    """What the last token adds to the inner product of the two gradients."""
    p = token_products(model, **pair)
    return total(p.wl) - total(shorter(p).wl)


def grows(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
          model: str = "last layer", hundredths: int = 0, flip: int = 1, weak: bool = False) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    gain = flip * growth(model, **pair)
    compare = at_least if weak else greater
    return compare(gain, (0 * gain + hundredths) / 100, "what the token adds")


ADDED = (r"\text{The common token } y^L \text{ adds } \langle\phi_w^L, \phi_l^L\rangle\langle r_w^L, r_l^L\rangle + \sum_{i<L}"
         r"\big(\langle\phi_w^L, \phi_l^i\rangle\langle r_w^L, r_l^i\rangle + \langle\phi_w^i, \phi_l^L\rangle\langle r_w^i, r_l^L\rangle"
         r"\big) \text{, where } \langle r_w^L, r_l^L\rangle > 0\text{: no less than its first term, where the sum of the crossed ones is not "
         r"negative}")


def added(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
          model: str, scale: int = 50, crossed: int = 1, own: int = 1, more: int = 0,
          slack: int = 0) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    p = token_products(model, **pair).wl
    others = (p[..., -1, :-1] + p[..., :-1, -1]).sum(-1, keepdims=True)
    value, gain = own * p[..., -1:, -1] + crossed * others, growth(model, **pair)
    w, l = residuals(rows_w, chosen)[..., -1, :], residuals(rows_l, rejected)[..., -1, :]  # noqa: E741
    return both(equal(gain, scale * value / 50, "what the token adds"),
                implies(at_least(10 * others, -slack, "the crossed products"), at_least(gain, p[..., -1:, -1], "growth and its bound")),
                greater(dot(w, l), (0 * w[..., :1] + more) / 20, "product of its residuals"))


SUM = {"2% more": dict(scale=51), "its own products only": dict(crossed=0), "the crossed ones only": dict(own=0),
       "product of residuals above 1/20": dict(more=1), "crossed products above -1/10": dict(slack=1)}

def grows_in_last_layer(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any, hidden_l: Any) -> Relation:
    return implies(greater(dot(hidden_w, hidden_l)[..., -1, :], 0, "inner product of the added token's hidden states"),
                   grows(chosen, rejected, rows_w, rows_l, hidden_w, hidden_l, weak=True))


main = claim(
    "gip.sec-4.shared-tokens", where="section 4", title="The inner product grows as the responses share more tokens",
    statement=GROWS, draws=(Responses(),), symbolic=(), reading=ONE_MORE + POSITIONS,
    note="Other models decide otherwise: gip.sec-4.shared-tokens.last-layer, .shared-logits and .own-logits.",
    neighbours={"by 1/100": dict(hundredths=1), "by 1/10": dict(hundredths=10), "shrinks": dict(flip=-1),
                "one row of logits for all positions": dict(model="logits")},
)(partial(grows, model="positions"))
layer = claim(
    "gip.sec-4.shared-tokens.last-layer", where="section 4",
    title="The inner product grows as the responses share more tokens: the shared last layer",
    statement=rf"\langle\phi_w^L, \phi_l^L\rangle > 0 \implies {STAYS}", draws=(Responses(hidden=True),), symbolic=(),
    reading=ONE_MORE + LAST_LAYER + "Only where the added token's own inner product is positive, and with equality, which is "
                                    "less than what is printed.",
)(grows_in_last_layer)
layer.corrected(ADDED + r"\text{, as they are where } h_w^L \perp h_l^i,\ h_l^L \perp h_w^i\ (i < L)", symbolic=(), neighbours=SUM,
                draws=(Responses(hidden=True, turned="last"),))(partial(added, model="last layer"))
one_row = claim(
    "gip.sec-4.shared-tokens.shared-logits", where="section 4",
    title="The inner product grows as the responses share more tokens: one row of logits for all positions",
    statement=STAYS, draws=(Responses(),), symbolic=(),
    reading=ONE_MORE + LOGITS + "With equality, which is less than what is printed.",
)(partial(grows, model="logits", weak=True))
one_row.corrected(ADDED, symbolic=(), neighbours=SUM)(partial(added, model="logits"))


@claim(
    "gip.sec-4.shared-tokens.own-logits", where="section 4",
    title="The inner product grows as the responses share more tokens: a row of logits for each prefix",
    statement=GROWS, draws=(Responses(),), symbolic=(), reading=ONE_MORE + PREFIXES,
)
def own_logits(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    return grows(chosen, rejected, rows_w, rows_l, model="prefixes")


@own_logits.corrected(
    r"\langle\nabla\log\pi_w, \nabla\log\pi_l\rangle = \sum_{i<m}\|r^i\|^2 + \textstyle\sum_j s_m[j]^2 - s_m[j^*] - s_m[k^*]"
    r"\text{: common tokens before the differing one count, those after it do not}", symbolic=(),
    neighbours={"those after it too": dict(later=1), "2% more": dict(scale=51), "those before it not": dict(before=0),
                "without the differing one": dict(at=0)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, later: int = 0, before: int = 1, at: int = 1, scale: int = 50):
    pair = (chosen, rejected)
    p = token_products("prefixes", chosen, rejected, rows_w, rows_l)
    norms = (residuals(rows_w, chosen) ** 2).sum(-1)
    here = (chosen != rejected)[..., None] * rows_w
    both_masses = sum(((y[..., None] == range(rows_w.shape[-1])) * here).sum(-1) for y in pair)
    value = before * where("before", norms, *pair) + later * where("after", norms, *pair) + at * (
        (here * rows_w).sum(-1) - both_masses)
    return equal(total(p.wl), scale * value.sum(-1, keepdims=True) / 50, "inner product")


def with_common_tokens(row: Any, n: Any, *, longest: int = 9) -> Products:
    """Inner products of two responses that differ at the first token and have n more in common, one row at every position."""
    chosen = np.zeros((*row.shape[:-1], longest + 1), dtype=np.int64)
    rejected = chosen + (np.arange(longest + 1) == 0)
    rows = row[..., None, :] + 0 * chosen[..., None]
    there = (np.arange(longest + 1) <= np.asarray(n)).astype(np.int64)
    there = there[..., :, None] * there[..., None, :]
    return Products(*(total(x * there) for x in token_products("positions", chosen, rejected, rows, rows)))


@claim(
    "gip.sec-4.token-vs-sentence", where="section 4", symbolic=(),
    title="The responses' inner product can be large and positive while that of the differing tokens is negative",
    statement=r"\text{every row uniform on } M \ge 2 \text{ tokens, } n \ge 2 \text{ common tokens} \implies"
              r" \langle g_w^m, g_l^m\rangle = -\tfrac1M < 0 < \tfrac{n(M-1)-1}{M} = \langle\nabla\log\pi_w, \nabla\log\pi_l\rangle",
    draws=(Concentrated(first=2), Integers("n", axes=(1,), low=2, high=9)),
    reading=POSITIONS + "That it can be, shown on a family: the inner product grows with n without bound, the token's stays.",
    neighbours={"one common token less": dict(less=1), "sentence above (n-1)/2": dict(half=True), "token positive": dict(flip=-1),
                "2% more": dict(scale=51)},
)
def token_and_sentence(row: Any, m: Any, n: Any, *, less: int = 0, half: bool = False, flip: int = 1, scale: int = 50):
    token, whole = (with_common_tokens(row, k).wl for k in (0 * n, n - less))
    return both(equal(token, -1 / m, "product of the differing tokens"), greater(0, flip * token, "product of the differing tokens"),
                equal(whole, scale * ((n - less) * (m - 1) - 1) / m / 50, "product of the responses"),
                greater(whole, (n - 1) / 2 if half else 0, "product of the responses"))


@claim(
    "gip.sec-4.token-vs-sentence.changes", where="section 4", symbolic=(),
    title="The response's change can have another sign than its tokens' changes",
    statement=r"s_m[j^*] - s_m[k^*] \le \tfrac12 \text{ and one suffix token that meets the assumption of Pal et al.} \implies"
              r" \Delta\log\pi_w > 0 \ge \Delta\log\pi(y_w^{m+1})",
    draws=(Rows("row"), Preferring("s_w", "s_l")),
    reading=POSITIONS + "That it can have, shown for all responses of this kind, to first order.",
    neighbours={"for differences up to 4/5": dict(tenths=8), "the token strictly": dict(strict=True),
                "by 1/2": dict(more=1)},
)
def changes_differ(row: Any, s_w: Any, s_l: Any, *, tenths: int = 5, strict: bool = False, more: int = 0):
    at, later = at_change(row), after_changes(s_w, s_l)[0]
    falls = greater(0, later) if strict else at_least(0, later, "change of the suffix token")
    return implies(at_least(tenths, 10 * (row[..., :1] - row[..., 1:2]), "difference of the probabilities"),
                   both(greater(2 * (at + later), more, "twice the change of the response"), falls))
