"""False statements about DPO-Projected Gradient and about the estimates of Appendix K."""

from __future__ import annotations

import numpy as np

from didlab.carriers import carrier_of
from didlab.claims.estimation import greedy_pairs, picked, slope
from didlab.claims.formulas import differences, pulls
from didlab.claims.projected import guarantee
from didlab.claims.projected_formulas import at, dot, not_zero, variance
from didlab.claims.projected_reinforcement import first_change, modes, uneven
from didlab.did import did_distribution
from didlab.dynamics.projected import dpo_pg_direction
from didlab.engine.models import cubic
from didlab.engine.relations import at_least, both, either, equal, exists, forall, greater, iff, implies, negation
from didlab.information import entropy
from didlab.policies import probabilities

from .wrong import wrong


@wrong("did.def-h.1", "the direction vanishes only where the two gradients are equal")
def _(chosen_gradient, rejected_gradient):
    w, x = chosen_gradient, rejected_gradient
    stays = forall(equal(dpo_pg_direction(w, x), 0))
    return implies(not_zero(chosen=w, rejected=x), iff(stays, forall(equal(w, x))))


@wrong("did.thm-h.4.softmax-pair", "by 77/100 of the squared gradient for the 3/4 that is approached")
def _(chosen_gradient, rejected_gradient):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return at_least(100 * dot(v, chosen_gradient), 77 * dot(chosen_gradient, chosen_gradient))


@wrong("did.thm-h.4.exactly", "iff the gradients are independent or point apart: wrong where the rejected one is 0")
def _(chosen_gradient, rejected_gradient):
    w, x = chosen_gradient, rejected_gradient
    i, j = np.triu_indices(w.shape[-1], 1)
    area = w[..., i] * x[..., j] - w[..., j] * x[..., i]
    apart = either(greater(0, dot(w, x)), greater(dot(area, area), 0))
    return iff(greater(dot(dpo_pg_direction(w, x), w), 0), apart)


@wrong("did.thm-h.5.softmax", "the loss of the rejected rises: wrong where the step is 0")
def _(probability, chosen_gradient, rejected_gradient):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    slope_ = -dot(v, rejected_gradient)
    return either(greater(slope_, 0), both(equal(slope_, 0), greater(variance(probability, v), 0)))


@wrong("did.cor-h.5.1.softmax", "the margin gains at least a fiftieth of what DPO gives it")
def _(chosen_gradient, rejected_gradient):
    apart = chosen_gradient - rejected_gradient
    return at_least(50 * dot(dpo_pg_direction(chosen_gradient, rejected_gradient), apart), dot(apart, apart))


@wrong("did.app-h.adaptive.state", "the guarantee is kept if the optimiser's scales differ by a fifth at most")
def _(chosen_gradient, rejected_gradient, preconditioner):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    close = at_least(6 * preconditioner.min(-1), 5 * preconditioner.max(-1))
    kept = guarantee(preconditioner * v, chosen_gradient, rejected_gradient)
    return implies(both(greater(dot(v, v), 0), close), kept)


@wrong("did.lemma-h.3", "a fiftieth of the direction is a short enough step")
def _(slope, bend, cube, kink, direction):
    value = cubic(direction / (direction * 0 + 50), slope, bend, cube, kink)
    return implies(greater(0, dot(slope, direction)), greater(0, value))


@wrong("did.app-h.reinforcement.entropy", "only if the chosen response is a mode: so for two outcomes")
def _(probability, chosen_gradient, rejected_gradient, chosen):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    fall = dot(first_change(probability, v), carrier_of(probability).log(probability))
    return implies(both(uneven(probability), greater(fall, 0)), equal(at(modes(probability), chosen), 1))


@wrong("did.app-h.reinforcement", "no likelihood falls more than that of the rejected: so for two outcomes")
def _(chosen_gradient, rejected_gradient, rejected):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return forall(at_least(at(v, rejected), v))


@wrong("did.app-k.entropy", "the variance is at most 9/10 of the square of the largest entropy")
def _(policy):
    p, h = probabilities(policy), entropy(0 * policy)
    mean = (p * policy).sum(-1, keepdims=True)
    return at_least(9 * h * h, 10 * (p * (policy - mean) * (policy - mean)).sum(-1))


@wrong("did.app-k.partition", "the relative variance is at most the number of outcomes less 1")
def _(policy, reference):
    c = carrier_of(policy)
    z, second = c.exp(policy - reference).sum(-1), c.exp(policy - reference - reference).sum(-1)
    return at_least(policy.shape[-1] * z * z, second)


@wrong("did.app-k.trained", "its entropy lies between those of the policy and of the inverse reference")
def _(policy, reference):
    h = [entropy(x) for x in (policy, did_distribution(policy, reference), -reference)]
    return either(both(at_least(h[1], h[0]), at_least(h[2], h[1])), both(at_least(h[0], h[1]), at_least(h[1], h[2])))


@wrong("did.app-k.greedy", "iff the policy and the reference share a mode: wrong at ties")
def _(policy, reference):
    shared = exists(both(*(at_least(x, x.max(-1, keepdims=True)) for x in (policy, reference))))
    return iff(forall(equal(*pulls(greedy_pairs(policy, reference), did_distribution(policy, reference)))), shared)


@wrong("did.app-k.1", "positive unless the four samples are one outcome: wrong at ties of the ratio")
def _(policy, reference, sample, exponent):
    ratio = picked(policy - reference, sample)
    outcome = picked(np.broadcast_to(np.arange(policy.shape[-1]), policy.shape), sample)
    several = exists(negation(equal(outcome, outcome[..., :1])))
    return implies(several, greater(slope(ratio, exponent * ratio)[0], 0))


@wrong("did.app-k.1.converse", "order and range make it a power: so for two outcomes")
def _(policy, reference, trained):
    x, y = differences(policy - reference), differences(trained)
    alike = forall(iff(greater(x, 0), greater(y, 0)))
    reach = equal(*(d.max(-1).max(-1) for d in (x, y)))
    return implies(both(alike, reach), forall(equal(x, y)))


@wrong("did.sec-3.5.log-ratio-unique", "for whole coefficients only a = 1, b = -1 unless tau or 1/tau is whole")
def _(target, reference, sharpness, form):
    a, b, s = form[..., 0], form[..., 1], sharpness[..., 0]
    whole = either(equal(s, 0), *(either(equal(s, k), equal(s * k, 1)) for k in range(1, 15)))
    optimal = forall(equal(differences(form[..., 0:1] * target + form[..., 1:2] * reference),
                           differences(target - reference)))
    varied = exists(negation(equal(differences(reference), 0)))
    return implies(both(varied, negation(whole), optimal), both(equal(a, 1), equal(b, -1)))
