"""False statements about the token models of the pitfalls paper."""

from __future__ import annotations

import numpy as np

from didlab.claims.gip_tokens_edit import actual_change
from didlab.claims.gip_tokens_identical import product
from didlab.claims.gip_tokens_last import directions_printed as both_directions
from didlab.claims.gip_tokens_last import last, pull
from didlab.claims.gip_tokens_remark import logits_moved
from didlab.claims.gip_tokens_rows import after_changes, at_change
from didlab.claims.gip_tokens_single import products
from didlab.claims.gip_tokens_suffix import change_of_sum
from didlab.claims.gip_tokens_thm_1 import directions_printed
from didlab.claims.token_models import (
    at_position,
    dot,
    residual,
    residual_gap,
    squared,
    token_products,
)
from didlab.engine.relations import at_least, both, equal, forall, greater, iff, implies, negation
from didlab.engine.responses import after

from .wrong import wrong


@wrong("gip.thm-1.values.near", "the upper bound less a hundredth")
def _(row, m, h, outside):
    size = squared(h)
    return at_least(99 * outside**2 * (1 + 1 / m) * size, 100 * (products(row, h)[1] + size / m))


@wrong("gip.thm-1.directions.exactly", "exactly if the first entry of the state is not 0")
def _(row, h):
    has = both(greater(row[..., :1], 0), greater(row[..., 1:2], 0))
    return implies(has, iff(directions_printed(row, h), negation(equal(h[..., :1], 0))))


@wrong("gip.sec-4.2.differing-token.exactly", "the mass of the two tokens less a hundredth")
def _(row, h):
    light = greater(99 * (row[..., :1] + row[..., 1:2]), 100 * squared(row))
    return implies(greater(squared(h), 0), iff(greater(0, products(row, h)[1]), light))


@wrong("gip.sec-4.2.identical-tokens.exactly", "orthogonal states suffice")
def _(s_w, s_l, h, other_h):
    states = both(at_least(dot(h, other_h), 0), greater(squared(h), 0), greater(squared(other_h), 0))
    return implies(states, greater(product(s_w, s_l, h, other_h), 0))


@wrong("gip.eq-13.value", "the average over the rejected context")
def _(s_w, s_l):
    gain = s_l - s_w
    value = (1 - s_w[..., :1]) * gain[..., :1] - dot(s_l[..., 1:], gain[..., 1:])
    return equal(after_changes(s_w, s_l)[0], value)


@wrong("gip.eq-22.one-direction.exactly", "not above the smaller norm: wrong for equal rows alone")
def _(s_w, s_l):
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    change_w, change_l = after_changes(s_w, s_l)
    low = both(at_least(squared(w), dot(w, l)), at_least(squared(l), dot(w, l)))
    return iff(both(greater(change_w, 0), greater(0, change_l)), low)


@wrong("gip.eq-12", "above 1/100")
def _(row):
    return greater(100 * at_change(row), 1)


@wrong("gip.remark-4.correlated", "a cosine above 505/1000")
def _(s_w, s_l):
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    return greater(1000**2 * dot(w, l) * dot(w, l), 505**2 * squared(w) * squared(l))


@wrong("gip.remark-4.bounded.any-context", "a bound that is a hundredth larger")
def _(s_w, s_l):
    bound = (1 - s_w[..., :1]) * (1 - s_l[..., :1])
    return greater(100 * dot(residual(s_w, 0), residual(s_l, 0)), 101 * bound)


@wrong("gip.remark-4.last-layer", "the chosen context for the rejected token too")
def _(chosen, rejected, rows_w, hidden_w, hidden_l):
    return logits_moved(chosen, rejected, rows_w, rows_w, hidden_w, hidden_l, model="last layer", ahead=1)


@wrong("gip.thm-3.suffix.falls", "a suffix token takes at most 49/100")
def _(chosen, rejected, rows_w, rows_l):
    change = change_of_sum(token_products("positions", chosen, rejected, rows_w, rows_l))[0]
    at = 1 + at_position(residual_gap(-rows_w, chosen, rejected), chosen, rejected)
    length = after(chosen, rejected).astype(np.int64).sum(-1, keepdims=True)
    return greater(change, at - 49 * (0 * at + length) / 100)


@wrong("gip.sec-4.token-vs-sentence.changes", "for differences up to 13/25")
def _(row, s_w, s_l):
    return implies(
        at_least(13, 25 * (row[..., :1] - row[..., 1:2])), greater(at_change(row) + after_changes(s_w, s_l)[0], 0)
    )


@wrong("gip.cor-2.directions.exactly", "the bounds on the pull closed: wrong at them alone")
def _(chosen, rejected, rows_w, rows_l, hidden_w, hidden_l):
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, hidden_w=hidden_w, hidden_l=hidden_l)
    d, (size, w, l) = pull("last layer", **pair), last("last layer", **pair)  # noqa: E741
    return iff(
        both_directions(rows_l=rows_l, **pair), both(at_least(d, -size * (1 - w + l)), at_least(size * (1 + w - l), d))
    )


@wrong("gip.thm-3.model.exact", "the remainder with a hundredth to spare")
def _(s_w, s_l, step):
    move = step * (s_l - s_w)
    gap = dot(residual(s_w, 0), move) - actual_change(s_w, move, 0)
    spread = move.max(-1, keepdims=True) - move.min(-1, keepdims=True)
    return at_least(99 * spread * spread, 800 * gap)


@wrong("gip.app-b.2.pal.only-if", "the token's own gain decides")
def _(s_w, s_l):
    return iff(at_least(0, after_changes(s_w, s_l)[0]), at_least(s_w[..., :1], s_l[..., :1]))


@wrong("gip.cor-2.directions.shared-logits", "a mass of 3/2 of the bound in the prefix")
def _(chosen, rejected, rows_w, rows_l):
    differ = chosen != rejected
    ends = [(y * differ).sum(-1, keepdims=True) for y in (chosen, rejected)]
    mass = sum((rows_w * (np.arange(rows_w.shape[-1]) == y[..., None])).sum(-1) for y in ends)
    bounded = forall(at_least(3, np.where(differ, 0, 2 * (chosen.shape[-1] - 1) * mass)))
    others = forall(greater(((chosen - ends[0]) * (chosen - ends[1])) ** 2 + differ, 0))
    return implies(both(others, bounded), both_directions(chosen, rejected, rows_w, rows_l, model="logits"))
