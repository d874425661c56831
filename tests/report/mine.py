"""A user's file of claims: one that holds, one that is refuted, one that needs an assumption."""

from didlab import did_entropy, entropy, kl_divergence
from didlab.engine.claim import claim
from didlab.engine.kinds import Policies
from didlab.engine.relations import at_least, equal, greater, negation

TWO = (Policies("p", "q"),)


@claim("mine.gibbs", where="folklore", title="A divergence is not negative", draws=TWO,
       statement=r"D_{\mathrm{KL}}[p \,\|\, q] \ge 0", neighbours={"turned round": {"sign": -1}})
def gibbs(p, q, *, sign=1):
    return at_least(sign * kl_divergence(p, q), 0)


@claim("mine.symmetric", where="nowhere", title="A divergence is symmetric", draws=TWO,
       statement=r"D_{\mathrm{KL}}[p \,\|\, q] = D_{\mathrm{KL}}[q \,\|\, p]",
       reading="for every $p$ and $q$", note="`kl_divergence` takes the policy first.")
def symmetric(p, q):
    return equal(kl_divergence(p, q), kl_divergence(q, p), r"D[p \| q] = D[q \| p]")


@symmetric.corrected(r"D_{\mathrm{KL}}[p \,\|\, q] + D_{\mathrm{KL}}[q \,\|\, p] \ge 0 \text{ for every $p$ and $q$}")
def both_ways(p, q):
    return at_least(kl_divergence(p, q) + kl_divergence(q, p), 0)


@claim("mine.strict", where="folklore", title="A divergence is positive", draws=TWO,
       statement=r"D_{\mathrm{KL}}[p \,\|\, q] > 0")
def strict(p, q):
    return greater(kl_divergence(p, q), 0)


@strict.assuming("the two policies differ")
def differ(p, q):
    return negation(equal(p, q))


@claim("mine.did", where="the definition", title="The DID of equal policies is uniform", draws=(Policies("p"),),
       statement=r"H(q_{p/p}) = \log K")
def uniform(p):
    return equal(did_entropy(p, p), entropy(0 * p))
