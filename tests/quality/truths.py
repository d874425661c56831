"""True statements, from which the mutants of test_mutants.py are made mechanically."""

from __future__ import annotations

from didlab.carriers import carrier_of
from didlab.did import did_distribution, did_entropy
from didlab.engine.kinds import Comonotone, Numbers, Policies, PowerLaw, Rewards, Tempered
from didlab.engine.relations import at_least, both, either, equal, exists, forall, greater, iff, implies  # noqa: F401
from didlab.information import entropy, js_divergence, kl_divergence
from didlab.policies import mix
from didlab.preference import label_probability, pair_distribution, preference_matrix

TWO = (Policies("p", "q"),)
THREE = (Policies("p", "q", "r"),)


def outer(x):
    return x[..., :, None] - x[..., None, :]


def gibbs(p, q):
    return both(at_least(kl_divergence(p, q), 0), iff(equal(kl_divergence(p, q), 0), forall(equal(p, q))))


def four_kl(p, q):
    d = did_distribution(p, q)
    return equal(
        entropy(d) - entropy(q), kl_divergence(d, p) - kl_divergence(d, q) + kl_divergence(q, d) - kl_divergence(q, p)
    )


def jensen_shannon(p, q):
    m = mix(p, q, 0 * p[..., :1] + _half(p))
    return equal(js_divergence(p, q), (kl_divergence(p, m) + kl_divergence(q, m)) / 2)


def _half(p):
    c = carrier_of(p)
    return c.exp(p[..., :1] - p[..., :1]) / 2


def js_from_entropy(p, q):
    m = mix(p, q, _half(p))
    return equal(js_divergence(p, q), entropy(m) - (entropy(p) + entropy(q)) / 2)


def js_at_most_kl(p, q):
    return at_least((kl_divergence(p, q) + kl_divergence(q, p)) / 4, js_divergence(p, q))


def cross_entropy(p, q):
    c = carrier_of(p)
    return equal(-(c.exp(p) * q).sum(-1), entropy(p) + kl_divergence(p, q))


def did_inverse(p, q):
    d = did_distribution(p, q)
    return equal(outer(d + q), outer(p))


def did_chain(p, q, r):
    return equal(outer(did_distribution(p, r)), outer(did_distribution(p, q)) + outer(did_distribution(q, r)))


def labels(p, q):
    pairs = pair_distribution(p, q)
    total = pairs + pairs.swapaxes(-1, -2)
    return equal(label_probability(p, q) * total, pairs)


def odds(reward):
    c = carrier_of(reward)
    m = preference_matrix(reward)
    return equal(m, c.exp(outer(reward)) * (1 - m))


def complement(reward):
    m = preference_matrix(reward)
    return equal(m + m.swapaxes(-1, -2), 1 + 0 * m)


def power_law(target, reference, rejected, beta):
    return equal(outer(reference - rejected), outer(beta * (target - reference)))


def tilt_and_back(target, reference, rejected, beta):
    return equal(outer(rejected), outer(reference + beta * reference - beta * target))


def pinsker(p, q):
    c = carrier_of(p)
    distance = abs(c.exp(p) - c.exp(q)).sum(-1)
    return at_least(2 * kl_divergence(p, q), distance * distance)


def chi_square(p, q):
    c = carrier_of(p)
    return at_least((c.exp(p) * c.exp(p - q)).sum(-1) - 1, kl_divergence(p, q))


def sharper_lower(policy, reference, sharpness):
    return implies(greater(sharpness[..., 0], 1), at_least(entropy(reference), entropy(policy)))


def did_of_a_much_sharper(policy, reference, sharpness):
    return implies(
        greater(6 * sharpness[..., 0], 12), at_least(entropy(reference), did_entropy(policy, reference))
    )


def did_of_a_mildly_sharper(policy, reference, sharpness):
    return implies(
        both(at_least(sharpness[..., 0], 1), at_least(12, 6 * sharpness[..., 0])),
        at_least(did_entropy(policy, reference), entropy(reference)),
    )


def product_sharpens(reference, other):
    c = carrier_of(reference)
    return at_least(entropy(reference), entropy(c.log_softmax(reference + other)))


def stronger_wins(reward):
    m = preference_matrix(reward)
    return iff(greater(outer(reward), 0), greater(m + m, 1))


def log_bound(a):
    c = carrier_of(a)
    return both(at_least(a - 1, c.log(a)), at_least(c.log(a), 1 - 1 / a))


TRUTHS = [
    (gibbs, TWO),
    (four_kl, TWO),
    (jensen_shannon, TWO),
    (js_from_entropy, TWO),
    (js_at_most_kl, TWO),
    (cross_entropy, TWO),
    (did_inverse, TWO),
    (did_chain, THREE),
    (labels, TWO),
    (odds, (Rewards("reward"),)),
    (complement, (Rewards("reward"),)),
    (power_law, (PowerLaw(),)),
    (tilt_and_back, (PowerLaw(),)),
    (pinsker, TWO),
    (chi_square, TWO),
    (sharper_lower, (Tempered(),)),
    (did_of_a_much_sharper, (Tempered(),)),
    (did_of_a_mildly_sharper, (Tempered(),)),
    (product_sharpens, (Comonotone(),)),
    (stronger_wins, (Rewards("reward"),)),
    (log_bound, (Numbers("a"),)),
]
