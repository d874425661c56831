"""False statements about gradients and rows that are wrong at one point, on one border, or far out alone."""

from __future__ import annotations

import numpy as np

from didlab.claims import gip_formulas as gip
from didlab.claims.gip_dpo import dpo_gradient
from didlab.claims.gip_tokens_rows import after_changes, at_change
from didlab.claims.gip_tokens_single import products
from didlab.claims.token_models import dot, squared
from didlab.engine.relations import at_least, both, either, equal, greater, iff, implies, negation

from .wrong import wrong


@wrong("gip.eq-3", "at odds from 99 on and beta up to 1, less than a hundredth of the difference: wrong at both ends")
def _(chosen_gradient, rejected_gradient, odds, beta):
    apart = chosen_gradient - rejected_gradient
    size, whole = squared(dpo_gradient(chosen_gradient, rejected_gradient, odds, beta)), squared(apart)
    sure = both(at_least(odds, 99), at_least(1, beta), greater(whole, 0))
    return implies(sure, greater(whole, 10_000 * size))


@wrong("gip.eq-6.strict", "up to a cosine of 1/2 the margin gains 4/5 of the larger norm for the 3/4 that is attained")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    apart = either(at_least(0, b), at_least(a * c, 4 * b * b))
    return implies(apart, at_least(5 * (a - 2 * b + c), 4 * np.maximum(a, c)))


@wrong("gip.table-1.general", "with twice the weight on the chosen not both fall")
def _(chosen_gradient, rejected_gradient, d_w, d_l):
    up, down = gip.changes(*gip.gram(chosen_gradient, rejected_gradient), d_w, d_l)
    return implies(at_least(d_w, 2 * d_l), negation(both(greater(0, up), greater(0, down))))


@wrong("gip.eq-9.weakest", "the chosen rises if it is as long and weighs as much: wrong where nothing differs")
def _(chosen_gradient, rejected_gradient, d_w, d_l):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    enough = both(at_least(a, c), greater(a, 0), at_least(d_w, d_l), greater(d_l, 0))
    return implies(enough, greater(gip.changes(a, b, c, d_w, d_l)[0], 0))


@wrong("gip.abstract.inner-product", "at the smaller norm too: wrong there alone")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    up, down = gip.changes(a, b, c)
    return implies(negation(equal(a, c)), iff(greater(up * down, 0), at_least(b, np.minimum(a, c))))


@wrong("gip.ratio.cpo.helps", "what is added to the chosen weight leaves a falling rejected one falling")
def _(chosen_gradient, rejected_gradient, d_w, d_l, lam):
    g = gip.gram(chosen_gradient, rejected_gradient)
    return implies(greater(0, gip.changes(*g, d_w, d_l)[1]), greater(0, gip.changes(*g, d_w + lam, d_l)[1]))


@wrong("gip.thm-1.directions.any-row", "at most 99/100 of the squared state for the whole that is approached")
def _(row, h):
    return at_least(99 * squared(h), 100 * products(row, h)[1])


@wrong("gip.sec-4.2.differing-token.value", "0 for no row that gives both tokens a probability: wrong at 1 : 2 : 4")
def _(row, h):
    possible = both(greater(row[..., :1], 0), greater(row[..., 1:2], 0), greater(squared(h), 0))
    return implies(possible, negation(equal(products(row, h)[1], 0)))


@wrong("gip.sec-4.2.differing-token.exactly", "above minus a half: wrong where the two share all the mass")
def _(row, h):
    return implies(greater(squared(h), 0), greater(2 * products(row, h)[1], -squared(h)))


@wrong("gip.eq-12.sign", "at most 199/100 for the 2 that is approached")
def _(row):
    return at_least(199, 100 * at_change(row))


@wrong("gip.eq-22", "no common token gains more than 19/10")
def _(s_w, s_l):
    return at_least(19, 10 * after_changes(s_w, s_l)[0])


@wrong("gip.cor-2.norms.own-logits", "a token adds at most 199/100 to the squared norm for the 2 that is approached")
def _(chosen, rows_w):
    p = np.take_along_axis(rows_w, np.asarray(chosen)[..., None], -1)[..., 0]
    return at_least(199 * (0 * p + 1), 100 * (1 - 2 * p + dot(rows_w, rows_w)[..., 0]))
