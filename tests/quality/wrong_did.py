"""False statements about preferences, the DID, its power law and log-margins."""

from __future__ import annotations

import numpy as np

from didlab.carriers import carrier_of
from didlab.claims import appendix_f, definition
from didlab.claims.concentration import together
from didlab.claims.formulas import (
    differences,
    entropy_of_labels,
    eq_1,
    margin_gains,
    population_stationary,
    stationary,
)
from didlab.claims.orderings import every_threshold, same_order
from didlab.did import did_distribution, did_entropy
from didlab.engine.relations import at_least, both, either, equal, exists, forall, greater, iff, implies, negation
from didlab.information import entropy, kl_divergence
from didlab.preference import boltzmann, label_probability, pair_distribution, preference_matrix

from .wrong import wrong


def nats(like, n):
    """log n, of the kind of number and the number of axes of another array of pairs."""
    c = carrier_of(like)
    return c.log(c.exp(like[..., :1, :1] * 0) * n)


def near_one(beta):
    """From 3/4 to 4/3."""
    return both(at_least(4 * beta[..., 0], 3), at_least(4, 3 * beta[..., 0]))


def top(x):
    return at_least(x, x.max(-1, keepdims=True))


def bottom(x):
    return at_least(x.min(-1, keepdims=True), x)


# Section 2, Theorem 2.1


@wrong("did.sec-2.bradley-terry", "a Boltzmann probability is at most the exponential of the reward")
def _(reward):
    return forall(at_least(reward, boltzmann(reward)))


@wrong("did.sec-2.bradley-terry", "two preferences of at least 2/3 chain to one above 4/5: wrong at 4 : 2 : 1 alone")
def _(reward):
    p = preference_matrix(reward)
    first, second, chained = p[..., :, :, None], p[..., None, :, :], p[..., :, None, :]
    return forall(implies(both(at_least(3 * first, 2), at_least(3 * second, 2)), greater(5 * chained, 4)))


@wrong("did.sec-2.bradley-terry", "three preferences in a cycle sum to at most 199/100 for the 2 that is approached")
def _(reward):
    p = preference_matrix(reward)
    cycle = p[..., :, :, None] + p[..., None, :, :] + p.swapaxes(-1, -2)[..., :, None, :]
    return forall(at_least(199, 100 * cycle))


@wrong("did.thm-2.1", "covering all outcomes is enough where all labels are even")
def _(preferred, reward, comparisons):
    likely = forall(stationary(comparisons * preference_matrix(preferred), reward))
    even = forall(equal(differences(preferred), 0))
    return implies(both(even, likely), forall(equal(differences(reward), 0)))


@wrong("did.thm-2.1", "covering all outcomes is enough where no two outcomes are preferred alike")
def _(preferred, reward, comparisons):
    likely = forall(stationary(comparisons * preference_matrix(preferred), reward))
    gaps = differences(preferred)
    ties = np.asarray(gaps == 0).astype(bool).astype(int).sum(-1).sum(-1)
    return implies(both(equal(ties, preferred.shape[-1]), likely), forall(equal(differences(reward), gaps)))


@wrong("did.thm-2.1.decomposition", "a label is worth less than a bit: wrong where all compared pairs are even")
def _(preferred, comparisons):
    count = comparisons.sum(-1).sum(-1)
    worth = (comparisons * entropy_of_labels(preference_matrix(preferred))).sum(-1).sum(-1)
    return greater(count * carrier_of(preferred).log(count * 0 + 2), worth)


# The definition


@wrong("did.def-3.1", "the base probability of an event is at most 1/2")
def _(policy, reference, base):
    return implies(forall(at_least(1, definition.event(policy, reference, base))), at_least(1, 2 * base))


@wrong("did.app-d.2", "with any prior, a mode of the posterior is one of likelihood or prior: so for two outcomes")
def _(likelihood, prior):
    joint = carrier_of(likelihood).exp(likelihood + prior)
    return exists(both(either(top(likelihood), top(prior)), top(joint)))


@wrong("did.lemma-d.1", "a base probability of twice the least reference probability is possible")
def _(policy, reference):
    c = carrier_of(policy)
    return at_least(1 / c.exp(policy - reference).max(-1, keepdims=True), 2 * c.exp(reference).min(-1, keepdims=True))


@wrong("did.lemma-d.1.infinite", "a base probability of at most 1/2 is small enough")
def _(policy, reference, base):
    far = definition.log_likelihood_far_out(policy, reference, base)
    return implies(at_least(1, 2 * base), at_least(0, far))


@wrong("did.thm-3.2", "the DID of an update and that of its reverse have one entropy: so for two outcomes")
def _(policy, reference):
    return equal(did_entropy(policy, reference), did_entropy(reference, policy))


@wrong("did.thm-3.2", "the DID is the policy only if the policy is uniform")
def _(policy, reference):
    same = forall(equal(did_distribution(policy, reference), policy))
    return implies(same, forall(equal(policy, policy[..., :1])))


@wrong("did.thm-3.2.infinite", "no update has the reference itself as its DID")
def _(policy, reference):
    return negation(equal(policy, reference * reference))


@wrong("did.thm-3.2.infinite", "a finite Z is at least 2")
def _(policy, reference):
    finite = greater(reference, policy)
    return implies(finite, at_least((1 - policy) * reference, 2 * (1 - reference) * (reference - policy)))


# The power law, and what recovers the target


@wrong("did.thm-3.3", "between 3/4 and 4/3 the exponent does not matter")
def _(target, reference, rejected, beta):
    plain = preference_matrix(did_distribution(target, reference))
    return implies(near_one(beta), forall(equal(label_probability(reference, rejected), plain)))


@wrong("did.thm-3.3", "the exponent may be dropped only if it is 1: wrong for a uniform DID")
def _(target, reference, rejected, beta):
    plain = preference_matrix(did_distribution(target, reference))
    return iff(forall(equal(label_probability(reference, rejected), plain)), equal(beta[..., 0], 1))


@wrong("did.thm-3.4.sufficiency", "also for the reward clipped at 8 nats")
def _(target, reference, rejected, beta):
    r = beta * (target - reference)
    return population_stationary(reference, rejected, (abs(r + 8) - abs(r - 8)) / 2)


@wrong("did.thm-3.4.sufficiency.concave", "by at least a thousandth unless the direction is constant")
def _(reference, rejected, reward, direction):
    m, v = preference_matrix(reward), differences(direction)
    bend = (pair_distribution(reference, rejected) * m * m.swapaxes(-1, -2) * v * v).sum(-1).sum(-1)
    return implies(exists(negation(equal(v, 0))), at_least(1000 * bend, 1))


@wrong("did.thm-3.4.uniqueness", "one target is enough unless the DID rises with the reference")
def _(target, reference, beta, form):
    a, b = form[..., 0:1], form[..., 1:2]
    gain = differences(target - reference)
    one = forall(equal(differences(a * target + b * reference), beta[..., None] * gain))
    shape = both(equal(a[..., 0], beta[..., 0]), forall(equal(differences((b + beta) * reference), 0)))
    return implies(both(one, negation(together(reference, target - reference))), shape)


@wrong("did.footnote-4", "the entropy falls iff beta is below 1: wrong for a uniform preference")
def _(preferred, beta):
    learnt = carrier_of(preferred).log_softmax(preferred / beta)
    return iff(greater(entropy(preferred), entropy(learnt)), greater(1, beta[..., 0]))


@wrong("did.footnote-4", "the optimum, one part in a million million off")
def _(preferred, comparisons, beta):
    root = preferred / beta * (10**12 + 1) / 10**12
    return stationary(comparisons * preference_matrix(preferred), beta * root)


@wrong("did.sec-3.4.guarantee", "the loss at the optimum is at least a tenth of a nat")
def _(target, reference, rejected, beta):
    gain = differences(beta * (target - reference))
    loss = -(pair_distribution(reference, rejected) * carrier_of(gain).log_sigmoid(gain)).sum(-1).sum(-1)
    return at_least(10 * loss, 1)


@wrong("did.sec-3.4.guarantee.finite-sample", "exactly when each pair is labelled as expected: wrong for cycles")
def _(target, reference, beta, counts):
    reward = beta * (target - reference)
    flow = counts * preference_matrix(reward).swapaxes(-1, -2)
    return iff(forall(stationary(counts, reward)), forall(equal(flow, flow.swapaxes(-1, -2))))


@wrong("did.eq-1", "its normaliser is above 1: wrong where nothing changes")
def _(target, reference, beta):
    return greater(carrier_of(target).exp(eq_1(target, reference, beta)).sum(-1), 1)


@wrong("did.thm-l.1", "exactly if the rejected policy ranks the outcomes as Eq (1) does")
def _(target, reference, rejected, beta):
    ideal = eq_1(target, reference, beta)
    optimal = forall(population_stationary(reference, rejected, beta * (target - reference)))
    return iff(optimal, both(together(ideal, rejected), together(rejected, ideal)))


@wrong("did.thm-l.1.uniqueness", "for beta = 1 it is as far from the reference as the target is")
def _(target, reference, rejected, beta):
    optimal = forall(population_stationary(reference, rejected, beta * (target - reference)))
    alike = equal(kl_divergence(reference, rejected), kl_divergence(reference, target))
    return implies(both(optimal, equal(beta[..., 0], 1)), alike)


@wrong("did.sec-3.5.construction", "the two ratios have one normaliser")
def _(target, reference):
    c = carrier_of(target)
    rejected = c.log_softmax(2 * reference - target)
    return equal(c.exp(target - reference).sum(-1), c.exp(reference - rejected).sum(-1))


@wrong("did.sec-3.5.construction", "the entropy of the reference lies between the two others")
def _(target, reference):
    h = [entropy(x) for x in (carrier_of(target).log_softmax(2 * reference - target), reference, target)]
    return either(both(at_least(h[1], h[0]), at_least(h[2], h[1])), both(at_least(h[0], h[1]), at_least(h[1], h[2])))


# Appendix F


@wrong("did.app-f.3.boltzmann", "between 3/4 and 4/3 the powers sum to 1 within a tenth")
def _(target, reference, beta):
    size = carrier_of(target).exp(beta * did_distribution(target, reference)).sum(-1)
    return implies(near_one(beta), both(at_least(11, 10 * size), at_least(10 * size, 9)))


@wrong("did.app-f.3.boltzmann", "above exponent 1 the powers sum to more than those of the uniform law: wrong for it")
def _(target, reference, beta):
    c = carrier_of(target)
    size, even = (c.exp(beta * did_distribution(p, q)).sum(-1) for p, q in ((target, reference), (target, target)))
    return implies(greater(beta[..., 0], 1), greater(size, even))


@wrong("did.app-f.4.beta-one", "the thresholds log 2 and log 3 are enough")
def _(target, reference, rejected, beta):
    x, y = margin_gains(target, reference, rejected)
    order = both(*(same_order(x, y, nats(x, n)) for n in (2, 3)))
    return implies(both(exists(greater(y, 0)), order), equal(beta[..., 0], 1))


@wrong("did.app-f.4.approx-step", "51/100 of the smaller slope for 1/2")
def _(target, reference, rejected):
    x, y = margin_gains(target, reference, rejected)
    c = carrier_of(x)
    divergence, square = appendix_f.label_divergence(x, y), (x - y) * (x - y)
    slopes = [c.sigmoid(m) * c.sigmoid(-m) for m in (x, y)]
    return forall(either(*(at_least(100 * divergence, 51 * s * square) for s in slopes)))


@wrong("did.app-f.4.log-step", "linearised: the ratio exceeds 1 + T")
def _(first, second, threshold):
    factor = carrier_of(first).exp(threshold)
    return iff(greater(first, factor * second), greater(first - second, threshold * second))


@wrong("did.app-f.0", "powers of exponents from 1 on spread at least c times: so for numbers from 1 on")
def _(a, b, c):
    k = carrier_of(a)
    powers = [k.exp(c * k.log(x)) for x in (a, b)]
    return implies(both(greater(a, b), at_least(c, 1)), at_least(powers[0] - powers[1], c * (a - b)))


# Orderings of log-margins


@wrong("did.thm-3.5.order-implies-power-law", "iff the two DIDs have the same ends: so for three outcomes")
def _(target, reference, rejected):
    x, y = margin_gains(target, reference, rejected)
    a, b = reference - rejected, target - reference
    return iff(same_order(x, y), both(forall(iff(top(a), top(b))), forall(iff(bottom(a), bottom(b)))))


@wrong("did.thm-3.5.order-implies-power-law.single-pair", "with an exponent of at most 10")
def _(target, reference, rejected):
    x, y = (d[..., 0] - d[..., 1] for d in (reference - rejected, target - reference))
    return implies(both(greater(x, 0), greater(y, 0)), at_least(10 * y, x))


@wrong("did.thm-3.5.power-law-implies-order", "the reference gains at most five times what the target gains")
def _(target, reference, rejected):
    x, y = margin_gains(target, reference, rejected)
    return forall(at_least(5 * abs(y), abs(x)))


@wrong("did.app-g.power-law-implies-order", "a scale of 5 makes the gain of the reference the larger one")
def _(target, reference, rejected, alpha):
    x, y = margin_gains(target, reference, rejected)
    return implies(at_least(alpha, 5), forall(at_least(alpha[..., None] * abs(x), abs(y))))


@wrong("did.thm-3.5.order-implies-power-law.threshold", "the thresholds from log 2 on are enough")
def _(target, reference, rejected):
    x, y = margin_gains(target, reference, rejected)
    least = nats(x, 2)
    above = [g + least + abs(g - least) for g in (x, y)]
    return iff(forall(equal(*above)), forall(equal(x, y)))


@wrong("did.thm-3.5.power-law-implies-order.threshold", "the threshold of the reference is scaled by beta or 1")
def _(target, reference, rejected, beta, threshold):
    x, y = margin_gains(target, reference, rejected)
    scale = (beta + 1 + abs(beta - 1)) / 2
    return same_order(x, y, (threshold * scale)[..., None], threshold[..., None])


@wrong("did.sec-3.3.inductive-bias", "iff both DIDs favour the first outcome and avoid the last: so for three outcomes")
def _(target, reference, rejected):
    k = target.shape[-1]
    gains = margin_gains(target, reference, rejected)
    rising = both(*(greater(g[..., i, j], 0) for g in gains for j in range(k) for i in range(j)))
    ratios = reference - rejected, target - reference
    ends = [both(forall(greater(d[..., :1], d[..., 1:])), forall(greater(d[..., :-1], d[..., -1:]))) for d in ratios]
    return iff(rising, both(*ends))


@wrong("did.app-g.order-implies-power-law", "the scaled gains of the first two outcomes decide")
def _(target, reference, rejected, alpha, beta):
    x, y = margin_gains(target, reference, rejected)
    left, right = alpha[..., None] * x, beta[..., None] * y
    return iff(every_threshold(left, right), equal(left[..., 0, 1], right[..., 0, 1]))
