"""False statements about the entropy of the DID: Claim 4.1, Appendix E, temperatures, displacement, likelihoods."""

from __future__ import annotations

import numpy as np

from didlab.carriers import carrier_of
from didlab.claims.appendix_e import dominates, halves
from didlab.claims.concentration import about_zero, changed, higher, lower, varies
from didlab.claims.conditions import geometric_entropy
from didlab.claims.displacement import change
from didlab.did import did_distribution, did_entropy, log_partition
from didlab.engine.relations import at_least, both, either, equal, forall, greater, iff, implies, negation
from didlab.information import entropy, kl_divergence
from didlab.policies import log_probabilities, probabilities

from .wrong import wrong


def log_size(policy):
    """log K."""
    return entropy(0 * policy)


def squares(policy):
    """The collision probability."""
    p = probabilities(policy)
    return (p * p).sum(-1)


def both_vary(policy, reference):
    return both(changed(policy, reference), varies(probabilities(policy)))


# Appendix E


@wrong("did.app-e.identity", "the entropies differ by at most the larger difference")
def _(policy, reference):
    gap = abs(did_entropy(policy, reference) - entropy(reference))
    return either(*(at_least(abs(half), gap) for half in halves(policy, reference)))


@wrong("did.app-e.identity", "the last term larger by one part in a million million")
def _(policy, reference):
    q, n = did_distribution(policy, reference), 10**12
    first = kl_divergence(q, policy) - kl_divergence(q, reference) + kl_divergence(reference, q)
    return equal(n * (entropy(q) - entropy(reference) - first), -(n + 1) * kl_divergence(reference, policy))


@wrong("did.app-e.identity.halves", "log Z is at least the reference's entropy if the policy's is a hundredth less")
def _(policy, reference):
    near = at_least(100 * entropy(policy) + 1, 100 * entropy(reference))
    return implies(near, at_least(log_partition(policy, reference), entropy(reference)))


@wrong("did.app-e.dominance", "by a fiftieth")
def _(policy, reference):
    a, b = map(abs, halves(policy, reference))
    return implies(both_vary(policy, reference), at_least(50 * b, 51 * a))


@wrong("did.app-e.dominance.circular", "iff the DID has more entropy than the policy")
def _(policy, reference):
    more = greater(did_entropy(policy, reference), entropy(policy))
    return implies(changed(policy, reference), iff(dominates(policy, reference), more))


@wrong("did.app-e.dominance.general", "iff the DID has more entropy than the reference: so for smoothing")
def _(policy, reference):
    return iff(dominates(policy, reference), greater(did_entropy(policy, reference), entropy(reference)))


@wrong("did.app-e.smoothing-step", "by half as much again as the policy's divergence from the reference")
def _(policy, reference):
    step = kl_divergence(reference, did_distribution(policy, reference)) - kl_divergence(reference, policy)
    return at_least(2 * step, 3 * kl_divergence(policy, reference))


@wrong("did.app-e.smoothing-step.order", "the bound is attained only by a uniform reference")
def _(policy, reference):
    attained = equal(halves(policy, reference)[1], log_size(reference) - entropy(reference))
    return implies(attained, negation(varies(probabilities(reference))))


@wrong("did.app-e.smoothing-step.mixing", "a mixture takes a tenth of what the mode is above the uniform share")
def _(policy, reference):
    r, p = probabilities(reference), probabilities(policy)
    peak = r.max(-1)
    return at_least(10 * (peak - p.max(-1)), peak - r.sum(-1) / r.shape[-1])


@wrong("did.app-e.specificity", "by more than the entropy of the reference exceeds its collision entropy")
def _(policy, reference):
    reverse = -halves(policy, reference)[1]
    bound = entropy(reference) + carrier_of(reference).log(squares(reference))
    return implies(varies(probabilities(reference)), greater(reverse, bound))


@wrong("did.app-e.specificity.threshold", "the reverse from temperature 3/5 down")
def _(policy, reference, sharpness):
    low = at_least(3 * sharpness[..., 0], 5)
    return implies(both(varies(probabilities(reference)), low), greater(0, halves(policy, reference)[1]))


# Claim 4.1


@wrong("did.claim-4.1.reinforcing", "also where the DID is the reference: wrong there alone")
def _(policy, reference):
    return implies(varies(probabilities(reference)), lower(policy, reference))


@wrong("did.claim-4.1.reinforcing.tempering", "below temperature 1/4, to at most half the entropy")
def _(policy, reference, sharpness):
    cold = both(varies(probabilities(reference)), greater(sharpness[..., 0], 4))
    return implies(cold, at_least(entropy(reference), 2 * did_entropy(policy, reference)))


@wrong("did.claim-4.1.reinforcing.threshold", "from temperature 2/3 on, the DID gains what the policy loses")
def _(policy, reference, sharpness):
    h = entropy(reference)
    mild = both(varies(probabilities(reference)), at_least(3, 2 * sharpness[..., 0]))
    return implies(mild, at_least(did_entropy(policy, reference) - h, h - entropy(policy)))


@wrong("did.claim-4.1.smoothing", "also to the uniform policy: wrong there alone, and for a symmetric reference")
def _(policy, reference, epsilon):
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return implies(both(changed(policy, reference), about_zero(r, epsilon, p, q)), higher(policy, reference))


@wrong("did.claim-4.1.smoothing.mixing", "by a twentieth of what the reference lacks of the largest entropy")
def _(policy, reference, share):
    h = entropy(reference)
    partly = both(greater(1, share[..., 0]), varies(probabilities(reference)))
    return implies(partly, at_least(20 * (did_entropy(policy, reference) - h), log_size(reference) - h))


@wrong("did.claim-4.1.smoothing.bound", "by as much as the policy lacks of the largest entropy")
def _(policy, reference):
    low = entropy(-reference) + log_size(policy) - entropy(policy)
    return at_least(did_entropy(policy, reference), low)


@wrong("did.claim-4.1.smoothing.entropy", "Z is at least the number of outcomes: so for two outcomes")
def _(policy, reference):
    return at_least(log_partition(policy, reference), log_size(reference))


@wrong("did.claim-4.1.converse", "the entropy falls iff the collision probability rises: so for two outcomes")
def _(policy, reference):
    return iff(greater(entropy(reference), entropy(policy)), greater(squares(policy), squares(reference)))


@wrong("did.claim-4.1.converse.low", "to less than that of the DID: wrong for a uniform reference")
def _(policy, reference):
    return implies(lower(policy, reference), greater(did_entropy(policy, reference), entropy(policy)))


@wrong("did.claim-4.1.converse.tempering", "down to temperature 1/2 a quarter of the entropy stays")
def _(policy, reference, sharpness):
    return implies(at_least(2, sharpness[..., 0]), at_least(4 * entropy(policy), entropy(reference)))


@wrong("did.claim-4.1.assumptions.bounded", "by more than the entropy of the reference: wrong for a uniform policy")
def _(policy, reference):
    bound = -log_probabilities(policy).min(-1) - entropy(reference)
    return greater(bound, kl_divergence(reference, policy))


@wrong("did.claim-4.1.assumptions.bounded", "no divergence is above 5 nats")
def _(policy, reference):
    return at_least(5, kl_divergence(reference, policy))


@wrong("did.claim-4.1.smoothing.bound", "a smoothed policy never gains more than 5 nats at an outcome")
def _(policy, reference):
    return forall(at_least(5, log_probabilities(policy) - log_probabilities(reference)))


@wrong("did.claim-4.1.assumptions.reinforcing", "the policy's mass there is at most the square of the reference's")
def _(policy, reference, epsilon):
    p, r = probabilities(policy), probabilities(reference)
    rare = np.asarray(r <= epsilon).astype(bool)
    p, r = (np.where(rare, x, 0 * x).sum(-1) for x in (p, r))
    return at_least(r * r, p)


@wrong("did.claim-4.1.assumptions.infinite-entropy", "a lower entropy of the DID halves that of the policy")
def _(reference, did):
    fall = at_least(geometric_entropy(reference), 2 * geometric_entropy(reference * did))
    return implies(greater(reference, did), fall)


@wrong("did.claim-4.1.assumptions.infinite", "the threshold a hundredth higher")
def _(reference, policy):
    return iff(greater(1, policy / reference), greater(101 * reference, 100 * policy))


# Temperatures


@wrong("did.sec-3.5.temperature", "above temperature 7 the DID has more entropy than the reference")
def _(policy, reference, sharpness):
    s = sharpness[..., 0]
    hot = both(greater(s, 0), greater(1, 7 * s), varies(probabilities(reference)))
    return implies(hot, higher(policy, reference))


@wrong("did.sec-3.5.temperature.likelihood-ratio", "below 1, what is above average rises: so for two outcomes")
def _(policy, reference, sharpness):
    p, r = probabilities(policy), probabilities(reference)
    share = r.sum(-1, keepdims=True) / r.shape[-1]
    return implies(greater(sharpness[..., 0], 1), forall(implies(greater(r, share), greater(p, r))))


# Displacement and likelihoods


@wrong("did.sec-4.2.displacement", "by 103/50 of the largest squared change for the 2 of Pinsker")
def _(target, reference):
    far = abs(probabilities(target) - probabilities(reference)).max(-1)
    return at_least(50 * kl_divergence(reference, target), 103 * far * far)


@wrong("did.sec-4.2.displacement.average", "by as much as the DID has more entropy")
def _(reference, did):
    target = log_probabilities(reference + did)
    return at_least(-change(target, reference, reference), entropy(did) - entropy(reference))


@wrong("did.sec-4.2.displacement.pointwise", "at least as many likelihoods fall as rise")
def _(reference, did):
    r, p = probabilities(reference), probabilities(log_probabilities(reference + did))
    falls, rises = (np.asarray(x, bool).astype(int).sum(-1) for x in (p < r, p > r))
    return implies(greater(entropy(did), entropy(reference)), at_least(falls, rises))


@wrong("did.sec-4.2.displacement-at-mode", "and what is below average rises: so for two outcomes")
def _(target, reference):
    p, r = probabilities(target), probabilities(reference)
    share = r.sum(-1, keepdims=True) / r.shape[-1]
    return forall(implies(greater(share, r), at_least(p, r)))


@wrong("did.likelihood.chosen", "for beta = 1, also the divergence of the rejected policy from the reference")
def _(target, reference, rejected, beta):
    c = change(target, reference, reference)
    return implies(equal(beta[..., 0], 1), equal(c, -kl_divergence(rejected, reference)))


@wrong("did.likelihood.rejected", "one part in a million million off")
def _(target, reference, rejected, beta):
    c, d = change(target, reference, rejected), kl_divergence(reference, target)
    both_ways = kl_divergence(reference, rejected) + kl_divergence(rejected, reference)
    return equal(beta[..., 0] * (c + d) * 10**12, -both_ways * (10**12 + 1))


@wrong("did.likelihood.rejected.sign", "by at least 1 + 2 beta times the chosen")
def _(target, reference, rejected, beta):
    chosen, fall = change(target, reference, reference), change(target, reference, rejected)
    return at_least((1 + 2 * beta[..., 0]) * chosen, fall)
