"""False statements about one step of a loss, about the table of losses and the ratios of their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from didlab.claims import gip_formulas as gip
from didlab.claims.gip_cases import conditions, rows
from didlab.claims.gip_conditions import condition, reached
from didlab.claims.gip_dpo import dpo_gradient
from didlab.claims.gip_general import five_point, quadratic
from didlab.claims.gip_ratio_regularised import hinge_weights
from didlab.claims.gip_sppo import inclusions
from didlab.claims.gip_sppo import weights as sppo_weights
from didlab.claims.gip_table_2 import apart, own_apart
from didlab.engine.relations import at_least, both, equal, greater, iff, implies, negation
from didlab.objectives.table_2 import Constants, row

from .wrong import wrong


@wrong("gip.eq-3", "beta counts up to 1 only")
def _(chosen_gradient, rejected_gradient, odds, beta):
    w, x = chosen_gradient, rejected_gradient
    return equal(dpo_gradient(w, x, odds, beta), -np.minimum(beta, 1 + 0 * beta) / (1 + odds) * (w - x))


@wrong("gip.eq-6", "the margin gains at least half of the chosen squared norm")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    return at_least(2 * (a - 2 * b + c), a)


@wrong("gip.eq-7", "the rejected one falls strictly: wrong at ties")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    return iff(at_least(c, b), greater(0, gip.changes(a, b, c)[1]))


@wrong("gip.case-3", "the first of the three cases is possible where nothing moves")
def _(chosen_gradient, rejected_gradient):
    d_w, d_l = gip.changes(*gip.gram(chosen_gradient, rejected_gradient))
    first = both(at_least(d_w, 0), at_least(0, d_l))
    return implies(first, greater(d_w, d_l))


@wrong("gip.table-1", "the second condition is strict at its lower end")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    return iff(rows(*gip.changes(a, b, c))[1], both(greater(b, a), at_least(c, b)))


@wrong("gip.table-1.exclusive", "the third condition excludes the first")
def _(chosen_gradient, rejected_gradient):
    one, _, three = conditions(*gip.gram(chosen_gradient, rejected_gradient))
    return negation(both(one, three))


@wrong("gip.sec-3.2.coefficients", "the regulariser taken at the rejected log-likelihood")
def _(m, h_w, h_l, penalty, log_w, log_l, chosen_gradient):
    def loss(w):
        return -(quadratic(m, quadratic(h_w, w) - quadratic(h_l, log_l)) + quadratic(penalty, w))

    outer = quadratic(m, quadratic(h_w, log_w) - quadratic(h_l, log_l), 1)
    d_w = outer * quadratic(h_w, log_w, 1) + quadratic(penalty, log_l, 1)
    return equal(five_point(lambda e: loss(log_w + e)) * chosen_gradient, -d_w * chosen_gradient)


@wrong("gip.sec-3.2.trade-off.events", "the rejected one falls wherever it does under DPO")
def _(chosen_gradient, rejected_gradient, d_w, d_l):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    return implies(
        both(greater(d_l, 0), greater(d_w, d_l), at_least(c, b)), at_least(0, gip.changes(a, b, c, d_w, d_l)[1])
    )


@wrong("gip.sec-3.3.both-fall", "where both fall, the rejected one falls by a fiftieth more")
def _(chosen_gradient, rejected_gradient):
    up, down = gip.changes(*gip.gram(chosen_gradient, rejected_gradient))
    return implies(both(greater(0, up), greater(0, down)), greater(51 * up, 50 * down))


@wrong("gip.abstract.inner-product.general", "above the larger of the weighted norms")
def _(chosen_gradient, rejected_gradient, d_w, d_l):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    up, down = gip.changes(a, b, c, d_w, d_l)
    return iff(greater(up * down, 0), greater(b, np.maximum(d_w / d_l * a, d_l / d_w * c)))


@wrong("gip.abstract.inner-product.cosine", "a squared cosine that is a hundredth too large")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    d_w, d_l = gip.changes(a, b, c)
    short, long = np.minimum(a, c), np.maximum(a, c)
    return iff(greater(d_w * d_l, 0), both(greater(b, 0), greater(100 * b * b * long, 101 * a * c * short)))


@wrong(
    "gip.eq-9.own-losses",
    "where the weight divided by is 0 as well",
    "beta",
    "delta",
    "lam_w",
    "lam_l",
    "lam",
    "ref_chosen",
    "ref_rejected",
    "chosen_length",
    "rejected_length",
    "sigmoid_w",
    "sigmoid_l",
)
def _(which, chosen_gradient, rejected_gradient, chosen, rejected, *, k):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    d_w, d_l = reached(which, k, chosen, rejected, True)
    up, _ = gip.changes(a, b, c, d_w, d_l)
    return implies(at_least(d_l, 0), iff(at_least(d_w / gip.safe(d_l) * a, b), at_least(up, 0)))


@wrong("gip.eq-10", "Eq 10 with the chosen norm")
def _(chosen_gradient, rejected_gradient, lam_w, lam_l):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    _, down = gip.changes(a, b, c, lam_w, lam_l)
    return condition(a, b, lam_l, lam_w, -down)


@wrong(
    "gip.table-2.simpo",
    "the margin counts per token of the chosen response",
    "beta",
    "gamma",
    "chosen_length",
    "rejected_length",
)
def _(chosen, rejected, other_chosen, other_rejected, *, k):
    policies = chosen, rejected, other_chosen, other_rejected
    per_token = replace(k, gamma=k.gamma / k.chosen_length)
    return equal(apart(row("simpo", per_token), *policies), own_apart("simpo", k, *policies))


@wrong(
    "gip.table-2.rdpo",
    "the row is its own loss where c_ref = 0",
    "beta",
    "alpha",
    "chosen_length",
    "rejected_length",
    "ref_chosen",
    "ref_rejected",
)
def _(chosen, rejected, *, k):
    policies = chosen, rejected, chosen - 1, rejected
    return implies(equal(k.shift, 0), equal(apart(row("r-dpo", k), *policies), own_apart("r-dpo", k, *policies)))


@wrong(
    "gip.ratio.kto",
    "the bell of the chosen response for both",
    "beta",
    "lam_w",
    "lam_l",
    "z",
    "ref_chosen",
    "ref_rejected",
)
def _(chosen, rejected, *, k):
    d_w, d_l = gip.own_coefficients("kto", k, chosen, rejected)
    return implies(equal(chosen - k.ref_chosen, k.ref_rejected - rejected), equal(d_w * k.lam_l, d_l * k.lam_w))


@wrong("gip.ratio.simpo", "a token more on each side", "beta", "gamma", "chosen_length", "rejected_length", "sigmoid_w")
def _(chosen, rejected, *, k):
    d_w, d_l = row("simpo", k).coefficients(chosen, rejected)
    return equal(d_w * (k.chosen_length + 1), d_l * (k.rejected_length + 1))


@wrong("gip.ratio.ipo", "at the target too", "beta", "chosen_length", "rejected_length", "ref_chosen", "ref_rejected")
def _(chosen, rejected, *, k):
    d_w, d_l = gip.own_coefficients("ipo", k, chosen, rejected, convention="trl")
    return equal(d_w / gip.safe(d_l), k.rejected_length / k.chosen_length)


@wrong("gip.ratio.cpo.hinges", "RRHF from equality on", "lam", "delta", "chosen_length", "rejected_length")
def _(which, chosen, rejected, *, k):
    d_w, d_l = hinge_weights(which, k, chosen, rejected)
    enough = at_least(1 / k.chosen_length + k.lam, 1 / k.rejected_length)
    return implies(both(equal(which, 1), greater(d_l, 0), enough), greater(d_w, d_l))


@wrong("gip.ratio.cpo.can-help", "a ratio a hundredth above the needed one will do too")
def _(chosen_gradient, rejected_gradient):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    r = np.maximum(1 + 0 * a, b / gip.safe(a)) * 101 / 100
    return both(at_least(r * a, b), at_least(c, r * b))


@wrong("gip.ratio.sppo.easier", "from a hundredth above the norm")
def _(chosen_gradient, rejected_gradient, beta, chosen, rejected):
    return inclusions(chosen_gradient, rejected_gradient, beta, chosen, rejected, percent=101)


@wrong("gip.ratio.sppo.limit", "the ratio exceeds 101/100")
def _(beta, chosen, rejected):
    d_w, d_l = sppo_weights(beta, chosen, rejected)
    return greater(100 * d_w, 101 * d_l)


@wrong("gip.ratio.sppo.reference", "where d_l is below 0 as well")
def _(beta, chosen, rejected, ref_chosen, ref_rejected):
    k = Constants(beta=beta, ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    d_w, d_l = gip.own_coefficients("sppo", k, chosen, rejected)
    below = greater(0, chosen - ref_chosen + rejected - ref_rejected)
    return implies(negation(equal(d_l, 0)), iff(greater(d_w / gip.safe(d_l), 1), below))


@wrong(
    "gip.sec-3.3.regularisation.dpop",
    "1 + lambda for 1 + lambda / beta",
    "beta",
    "lam",
    "ref_chosen",
    "ref_rejected",
    "sigmoid_w",
)
def _(chosen, rejected, *, k):
    d_w, d_l = row("dpo-positive", k).coefficients(chosen, rejected)
    return implies(greater(k.ref_chosen, chosen), equal(d_w, d_l * (1 + k.lam)))


@wrong("gip.app-a.1.loser", "from 1/alpha on")
def _(chosen_gradient, rejected_gradient, beta, chosen, rejected):
    a, b, c = gip.gram(chosen_gradient, rejected_gradient)
    d_w, d_l = sppo_weights(beta, chosen, rejected)
    return implies(at_least(d_l * c, d_w * b), greater(0, gip.changes(a, b, c, d_w, d_l)[1]))
