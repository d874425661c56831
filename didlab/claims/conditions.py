r"""The two conditions of Appendix E behind Claim 4.1: what they say formally, and whether they can hold together.

On finitely many outcomes condition 2 holds for every pair, and condition 1 holds for smoothing only where it is empty.
On infinitely many, a smoothed policy has no DID at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Geometric, Policies, Small
from ..engine.relations import Relation, at_least, both, forall, greater, iff, implies, negation
from ..information import kl_divergence
from ..policies import log_probabilities, probabilities
from .concentration import (
    ENTROPIES,
    H_Q,
    H_REF,
    NEAR_ZERO,
    REINFORCED,
    SHARPENED,
    SHARPER,
    SMOOTHED,
    about_zero,
    changed,
    sharper_than_reference,
)


@claim("did.claim-4.1.assumptions", where="Appendix E, conditions 1 and 2", draws=(SMOOTHED, Small()),
       title="Smoothed policies meet condition 1: about 0 where the reference is", measurements=("did_distribution",),
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ rises}} \implies \forall "
                 rf"y: {NEAR_ZERO}",
       reading="about 0: at most a threshold of 1/10 or less and below 1/K; condition 2 holds for every pair (sub-"
               "entry), so that the two can hold together exactly where condition 1 can",
       note="For smoothing the condition is empty: it can hold only if the reference is nowhere about 0. For "
            "reinforcing it can hold; see the sub-entries.")
def assumptions(policy: Any, reference: Any, epsilon: Any) -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return about_zero(r, epsilon, p, q)


@assumptions.corrected(
    rf"\forall y: {NEAR_ZERO} \iff \forall y: \pi_{{ref}}(y) > \epsilon \text{{: for smoothing, condition 1 holds "
    rf"only where it "
    r"says nothing}",
    neighbours={"threshold weak": {"weak": True}, "condition on the policy alone": {"alone": True}, "policy above it": {"of": "policy"}})
def _only_empty(policy: Any, reference: Any, epsilon: Any, *, weak: bool = False, alone: bool = False, of: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    x = p if of else r
    clear = at_least(x, epsilon) if weak else greater(x, epsilon, "probabilities and epsilon")
    return iff(about_zero(r, epsilon, *((p,) if alone else (p, q))), forall(clear))


@claim("did.claim-4.1.assumptions.reinforcing", where="Appendix E, condition 1", draws=(REINFORCED, Small()),
       title="Reinforced policies meet condition 1, by mass", measurements=("did_distribution",),
       statement=r"\pi \ne \pi_{ref},\; "
                 r"\tfrac{\pi}{\pi_{ref}} \text{ rises with } \pi_{ref} \implies q(Y^-) \le \pi_{ref}(Y^-),\; "
                 r"\pi(Y^-) \le \pi_{ref}(Y^-), \quad Y^- = \{y : \pi_{ref}(y) \le \epsilon\}",
       reading="about 0 on the unlikely outcomes: no more mass there than the reference has",
       neighbours={"the DID below the policy": {"turn": True}, "half the mass": {"half": True}, "more mass": {"flip": True}})
def assumptions_reinforcing(policy: Any, reference: Any, epsilon: Any, *, turn: bool = False, half: bool = False,
                            flip: bool = False) -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    rare = np.asarray(r <= epsilon).astype(bool)
    p, r, q = (np.where(rare, x, 0 * x).sum(-1) for x in (p, r, q))
    bound = p if turn else r
    bound, q = (q, bound) if flip else (bound, q)
    return implies(changed(policy, reference), both(
        at_least(bound, 2 * q if half else q, "mass on the unlikely outcomes"), at_least(r, p)))


assumptions_reinforcing.assuming(SHARPER, draws=(SHARPENED, Small()))(sharper_than_reference)


@claim("did.claim-4.1.assumptions.bounded", where="Appendix E, condition 2", draws=(Policies("policy", "reference"),),
       title="Condition 2 holds for every pair of policies", measurements=("kl_divergence",),
       statement=r"D_{KL}[\pi_{ref} \,\|\, \pi] < c, \quad c = \log \tfrac{1}{\min_y \pi(y)}",
       reading="bounded: below some constant c, as printed; such a c exists for every pair with full support",
       neighbours={"divergence the other way": {"turn": True}, "half the bound": {"half": True}, "the reference's": {"other": True}})
def assumptions_bounded(policy: Any, reference: Any, *, turn: bool = False, half: bool = False, other: bool = False) -> Relation:
    d = np.asarray(kl_divergence(policy, reference) if turn else kl_divergence(reference, policy))[..., None]
    bound = -log_probabilities(reference if other else policy)
    return negation(forall(at_least(2 * d if half else d, bound, "divergence and log(1/policy)")))


@claim("did.claim-4.1.assumptions.infinite", where="Appendix E, condition 1", draws=(Geometric("reference", "policy"),),
       title="On infinitely many outcomes a smoothed policy has a DID", measurements=("log_partition",), symbolic=(),
       statement=r"\pi(n) = (1-b)\,b^n,\; \pi_{ref}(n) = (1-a)\,a^n,\; b > a \implies \sum_n "
                 r"\tfrac{\pi(n)}{\pi_{ref}(n)} < \infty",
       reading="geometric policies on 0, 1, 2, ...; the sum is a geometric series in b/a",
       note="The sum is finite only if the policy falls faster than the reference, so that no smoothing has a DID "
            "there; where it is finite, the threshold of the finite case returns: the entropy is lower iff b < a "
            "squared.")
def assumptions_infinite(reference: Any, policy: Any) -> Relation:
    return implies(greater(policy, reference, "b and a"), greater(1, policy / reference, "1 and the ratio of the "
                                                                                         "series"))


@assumptions_infinite.corrected(
    r"\sum_{n<N} \tfrac{\pi(n)}{\pi_{ref}(n)} \ge N \tfrac{1-b}{1-a} \text{ for all } N \text{ iff } b \ge a; "
    r"\text{ the sum is "
    r"finite iff } b < a",
    neighbours={"threshold weak": {"weak": True}, "threshold at the square": {"square": True}, "roles swapped": {"swap": True}})
def _series(reference: Any, policy: Any, *, weak: bool = False, square: bool = False, swap: bool = False) -> Relation:
    ratio = reference / policy if swap else policy / reference
    bound = reference * reference if square else reference
    grows = both(*(at_least(sum((ratio**k for k in range(n)), 0 * ratio), n) for n in (2, 8)))
    finite = at_least(bound, policy) if weak else greater(bound, policy, "the bound and b")
    return both(iff(greater(1, ratio, "1 and the ratio of the series"), finite), iff(grows, negation(finite)))


def geometric_entropy(a: Any) -> Any:
    r"""Entropy of :math:`(1-a) a^n` on 0, 1, 2, ...: :math:`-\log(1-a) - \frac{a}{1-a}\log a`."""
    log = carrier_of(a).log
    return -log(1 - a) - log(a) * (a / (1 - a))


@claim("did.claim-4.1.assumptions.infinite-entropy", where="Claim 4.1", draws=(Geometric("reference", "did"),), symbolic=(),
       title="On infinitely many outcomes every policy with a DID reinforces, with the same threshold", measurements=ENTROPIES,
       statement=rf"\pi(n) = (1-b)\,b^n,\; \pi_{{ref}}(n) = (1-a)\,a^n,\; b < a \implies H(\pi) < {H_REF} \text{{ "
                 rf"and }} "
                 rf"\left({H_Q} < {H_REF} \iff b < a^2\right)",
       reading="our own statement, for geometric policies on 0, 1, 2, ...: the DID is geometric in b/a",
       neighbours={"threshold weak": {"weak": True}, "threshold at a": {"power": 1}, "threshold at the cube": {"power": 3}})
def infinite_entropy(reference: Any, did: Any, *, weak: bool = False, power: int = 2) -> Relation:
    a, b = reference, reference * did
    low = at_least(a**power, b) if weak else greater(a**power, b, "the threshold and b")
    h = geometric_entropy(reference)
    return both(greater(h, geometric_entropy(b), "entropies of the reference and of the policy"),
                iff(greater(h, geometric_entropy(did), "entropies of the reference and of the DID"), low))
