"""False statements about the priors and losses of Mutual Information DPO."""

from __future__ import annotations

import numpy as np

from didlab.carriers import carrier_of
from didlab.claims import mi_alternation, mi_box, mi_joint, mi_rate
from didlab.claims.formulas import differences
from didlab.claims.mi_alignment import population, ranked
from didlab.claims.mi_appendix_a import dual_value, multiplier, point
from didlab.claims.mi_constraints import likelihood
from didlab.claims.mi_information import grouped
from didlab.claims.mi_interpretation import bayes, distance
from didlab.claims.mi_optima import margins
from didlab.claims.mi_recover_labels_simpo import best_levels, halves, simpo_margins
from didlab.claims.mi_recover_scales import with_one_beta
from didlab.claims.reductions import gradients
from didlab.conditional import (
    divergences,
    information,
    log_partition,
    marginal,
    optimal_policy,
    optimal_value,
    regularised_objective,
    variational,
)
from didlab.engine.relations import at_least, both, either, equal, forall, greater, iff, implies, negation
from didlab.objectives import labelled, mi_dpo, priors, tdpo
from didlab.objectives.token_objective import under_prior
from didlab.objectives.token_pair import token_pair

from .wrong import wrong


@wrong("mi.eq-4", "the prior nearest to the rows the other way round")
def _(prompts, policy, prior):
    best = marginal(prompts, policy)

    def cost(q):
        return (prompts * divergences(0 * policy + q[..., None, :], policy)).sum(-1)

    return at_least(cost(prior), cost(best))


@wrong("mi.lemma-1", "without information every prior is a minimiser")
def _(prompts, policy, prior):
    value, least = variational(prompts, policy, prior), information(prompts, policy)
    return iff(equal(value, least), either(equal(least, 0), forall(equal(prior, marginal(prompts, policy)))))


@wrong("mi.sec-3.1.prior-scope", "half of the information stays")
def _(prompts, policy, group):
    return at_least(
        2 * (information(prompts, policy) - information(*grouped(prompts, policy, group))), information(prompts, policy)
    )


@wrong("mi.eq-4.attained", "every other pair is worse by a thousandth")
def _(prompts, policy, reward, beta, other):
    lead = mi_rate.nested(prompts, policy, reward, beta) - mi_rate.nested(prompts, other, reward, beta)
    return at_least(1000 * lead, 1)


@wrong("mi.sec-3.1.rate-distortion.kkt", "the responses in use decide")
def _(prompts, policy, reward, beta):
    slope = mi_alternation.excess(prompts, policy, reward, beta)
    better = mi_rate.nested(prompts, mi_alternation.mixed_in(prompts, policy, reward, beta, slope), reward, beta)
    return at_least(mi_rate.nested(prompts, policy, reward, beta), better)


@wrong("mi.sec-3.1.rate-distortion.bound", "the mean excess for the largest")
def _(prompts, policy, other, reward, beta):
    slope = mi_alternation.excess(prompts, policy, reward, beta)
    edge = carrier_of(slope).log(slope.sum(-1) / slope.shape[-1]) / beta[..., 0]
    bound = optimal_value(prompts, reward, marginal(prompts, policy), beta=beta) + edge
    return at_least(bound, mi_rate.nested(prompts, other, reward, beta))


@wrong("mi.sec-3.1.rate-distortion.alternating", "the second divergence counts double")
def _(prompts, policy, reward, beta):
    new = mi_rate.step(prompts, policy, reward, beta)
    moved = divergences(marginal(prompts, new)[..., None, :], marginal(prompts, policy)[..., None, :])[..., 0]
    gain = mi_rate.nested(prompts, new, reward, beta) - mi_rate.nested(prompts, policy, reward, beta)
    return equal(gain * beta[..., 0], variational(prompts, policy, new) + 2 * moved)


@wrong("mi.sec-3.1.rate-distortion.every-rate", "the greatest objective is not below 0")
def _(prompts, reward, beta):
    best, _ = mi_rate.greedy(prompts, reward)
    return at_least(mi_rate.nested(prompts, mi_rate.step(prompts, best, reward, beta), reward, beta), 0)


@wrong("mi.eq-5.gap", "prompts weighed alike")
def _(prompts, policy, prior, reward, beta):
    loss = divergences(policy, optimal_policy(reward, prior, beta=beta)).sum(-1) / prompts.shape[-1] / beta[..., 0]
    value = regularised_objective(prompts, policy, reward, prior, beta=beta)
    return equal(value, optimal_value(prompts, reward, prior, beta=beta) - loss)


@wrong("mi.loss", "the prior of another prompt")
def _(prior, reward, beta):
    best = optimal_policy(reward, prior, beta=beta)
    return forall(equal(differences(reward), margins(best, prior[..., ::-1, :], 1 / beta)))


@wrong("mi.loss.alpha", "alike where the first two responses have one reward")
def _(reference, reward, beta):
    best, gap = optimal_policy(reward, reference, beta=1 / beta), differences(reward)
    alike = forall(equal(margins(best, reference, 1 / beta), gap))
    return implies(forall(equal(gap[..., :2, :2], 0)), alike)


@wrong("mi.app-a.lambda", "without the 1 in the exponent")
def _(prior, reward, beta, u):
    c = carrier_of(reward)
    lam = -log_partition(reward, c.exp(prior), beta=beta) / beta
    r = reward[..., 0, :]
    least = point(r, prior, beta, lam).sum(-1, keepdims=True) / beta - lam
    return at_least(dual_value(prior, reward, beta, u), least)


@wrong("mi.app-a.dual.derivative", "the dual lies a hundredth of the squared distance above its tangent")
def _(prior, reward, beta, u, v):
    lam, mu = multiplier(u, beta), multiplier(v, beta)
    mass = point(reward[..., 0, :], prior, beta, lam).sum(-1, keepdims=True)
    tangent = dual_value(prior, reward, beta, u) + (mass - 1) * (mu - lam)
    return at_least(100 * (dual_value(prior, reward, beta, v) - tangent), (mu - lam) * (mu - lam))


@wrong("mi.normaliser.factor", "iff the factors of the first and the last response agree")
def _(policy, prior, factor, alpha):
    before, after_ = (
        mi_dpo.margins(policy[..., None, :], z[..., None, :], alpha=alpha) for z in (prior, prior + factor)
    )
    return iff(forall(equal(before, after_)), equal(factor[..., 0], factor[..., -1]))


@wrong("mi.recover.tdpo.gradient-fixed-prior", "iff the sums of the divergences agree")
def _(policy, reference, tokens, lengths, alpha):
    pair = token_pair(policy, reference, tokens, lengths)
    held, full = gradients(under_prior(priors.tdpo(), alpha=alpha, fixed=True), tdpo.objective(beta=alpha), pair)
    total = pair.divergence().value
    return iff(forall(equal(held, full)), forall(equal(total[..., :1], total[..., 1:])))


@wrong("mi.recover.simpo.assumption.adjacent", "reversed pairs and repeated winners excluded")
def _(policy, triples, lengths, alpha, gamma):
    count = labelled.reversed_pairs(triples, policy.shape[-1])
    return implies(
        equal(count[..., None], 0),
        simpo_margins(policy, triples, lengths, alpha, gamma, halves(triples, gamma, policy)),
    )


@wrong("mi.lemma-1.interpretation.accuracy", "a bound that is a hundredth lower")
def _(prompts, policy):
    seen, unseen = bayes(prompts, policy)
    return at_least(100 * information(prompts, policy), 202 * (seen - unseen) ** 2)


@wrong("mi.lemma-1.interpretation.closer-distance", "51/100 for the 1/2 of Pinsker")
def _(prompts, policy, prior):
    far = distance(prompts, policy, prior)
    return at_least(100 * variational(prompts, policy, prior), 51 * far * far)


@wrong("mi.sec-5.1.constraints", "the two orders sum to less than 99/100")
def _(policy):
    return forall(greater(99, 100 * (likelihood("cpo", policy) + likelihood("cpo", policy, swap=True))))


@wrong("mi.sec-5.2.inequality.better", "the bounds count as outside: wrong at them alone")
def _(edge, wins, losses, prior):
    z, least = mi_box.odds(edge, prior), mi_box.joint(edge, wins, losses)
    value = mi_box.fixed(edge, z, wins, losses)
    far = either(at_least(z * wins * edge, losses), at_least(losses * edge, z * wins))
    return iff(greater(value, least), both(far, negation(mi_box.opposite(z, wins, losses, edge))))


@wrong("mi.sec-5.2.inequality.outside", "also above the loss of the mean margin by a thousandth")
def _(policy, prior):
    c = carrier_of(policy)
    gaps, value = mi_joint.mirrored(policy, mi_joint.shared(prior))
    return at_least(1000 * (value + c.log_sigmoid(gaps.sum(-1, keepdims=True) / 2)[..., 0]), 1)


@wrong("mi.sec-5.2.attained.exactly", "exactly if each compared response is chosen somewhere and rejected somewhere")
def _(counts, policy):
    seen = np.asarray(counts > 0).astype(bool)
    all_sides = (seen.any(-1) == seen.any(-2)).astype(int)
    stays = np.asarray(mi_dpo.on_cycles(counts)).astype(int)
    return implies(forall(equal(all_sides, 1)), forall(equal(stays, 1)))


@wrong("mi.sec-5.2.alignment.tied", "no other policy attains it")
def _(prompts, policy, reward, beta, other):
    unit = beta[..., None] * reward
    n = population(unit)
    best, value = (mi_joint.loss(p, marginal(prompts, p), n) for p in (policy, other))
    return implies(equal(value, best), forall(equal(policy, other)))


@wrong("mi.recover.simpo.assumption.necessary", "exactly if no response is better than itself by a chain of triples")
def _(policy, triples, lengths, alpha, gamma):
    k = policy.shape[-1]
    step = np.zeros((*triples.shape[:-2], k, k), dtype=np.int64)
    for m in range(triples.shape[-2]):
        w, l = (triples[..., m, side, None] == np.arange(k) for side in (0, 1))  # noqa: E741
        step = step + w[..., :, None] * l[..., None, :]
    reach = step
    for _ in range(k):
        reach = reach + reach @ step
    loops = np.diagonal(reach, axis1=-1, axis2=-2).sum(-1)
    exists_ = simpo_margins(policy, triples, lengths, alpha, gamma, best_levels(triples, k))
    return iff(exists_, equal(loops[..., None], 0))


@wrong("mi.recover.rdpo.one-beta", "for lengths that differ by one token too")
def _(policy, reference, tokens, lengths, alpha, coefficient):
    alike = with_one_beta(token_pair(policy, reference, tokens, lengths), alpha, coefficient)
    return implies(forall(at_least(1, abs(lengths[..., :1] - lengths[..., 1:]))), alike)


@wrong("mi.sec-5.2.attained.boundary", "one of the two at its bound is enough")
def _(edge, policy, prior):
    value = mi_box.pair_loss(mi_box.odds(edge, policy), mi_box.odds(edge, prior))
    corner = either(equal(policy, mi_box.STEPS), equal(prior, 0))
    return implies(corner, at_least(mi_box.pair_loss(1 / edge, edge), value))


@wrong("mi.sec-3.1.rate-distortion.concave", "strictly, unless the policies agree at the prompts that come")
def _(prompts, policy, other, reward, beta):
    middle, *ends = (mi_rate.nested(prompts, p, reward, beta) for p in ((policy + other) / 2, policy, other))
    return implies(equal(2 * middle, sum(ends)), forall(equal(prompts[..., None] * (policy - other), 0)))


@wrong("mi.sec-3.1.rate-distortion.penalty", "the solution is the only one")
def _(prompts, policy, reward, beta, other):
    best, value = (mi_rate.nested(prompts, p, reward, beta) for p in (policy, other))
    return implies(equal(best, value), forall(equal(prompts[..., None] * (policy - other), 0)))


@wrong(
    "mi.eq-3.optimum",
    "the two policies are the same where the rewards of the prompts that come do not depend on the response",
)
def _(prompts, reference, reward, beta):
    gap = differences(reward)
    same = forall(equal(beta[..., None, None] * gap, gap / beta[..., None, None]))
    flat = forall(equal(prompts[..., None, None] * gap, 0))
    return iff(same, either(equal(beta[..., 0], 1), flat))


@wrong("mi.sec-5.2.alignment.accuracy", "the loss bounds the errors with a hundredth to spare")
def _(counts, policy, prior):
    c = carrier_of(policy)
    total = counts.sum(-1).sum(-1).sum(-1)
    errors = total - ranked(policy / mi_joint.shared(prior), counts)
    coin = c.log(0 * policy[..., 0, :1] + 2).sum(-1)
    return at_least(100 * total * mi_joint.loss(policy, prior, counts), 101 * errors * coin)
