r"""Appendix E: the identity behind Claim 4.1, and which of its terms dominate.

Write Z for the normaliser of the DID. The first difference of the identity is :math:`H(q) - \log Z` and the second is
:math:`\log Z - H(\pi_{ref})`; every statement of the appendix is about the signs of these two numbers.
"""

from __future__ import annotations

from typing import Any

from ..did import did_distribution, did_entropy, log_partition
from ..engine.claim import claim
from ..engine.kinds import Policies
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from ..information import entropy, kl_divergence
from ..policies import probabilities
from .concentration import (
    FEW_MODES,
    H_Q,
    H_REF,
    SMOOTHED,
    SPREAD,
    changed,
    few_modes,
    varies,
)

Q = r"q_{\pi/\pi_{ref}}"
FIRST = rf"D_{{KL}}[{Q} \,\|\, \pi] - D_{{KL}}[{Q} \,\|\, \pi_{{ref}}]"
SECOND = rf"D_{{KL}}[\pi_{{ref}} \,\|\, {Q}] - D_{{KL}}[\pi_{{ref}} \,\|\, \pi]"
STEP = rf"D_{{KL}}[\pi_{{ref}} \,\|\, {Q}] > D_{{KL}}[\pi_{{ref}} \,\|\, \pi]"
DOMINATES = rf"\left|{FIRST}\right| < \left|{SECOND}\right|"
FALLS = r"\tfrac{\pi}{\pi_{ref}} \text{ falls as } \pi_{ref} \text{ rises, } \pi \text{ rises with it}"
PAIR = (Policies("policy", "reference"),)
MEASURES = ("did_distribution", "did_entropy", "entropy", "kl_divergence", "log_partition")


def first(policy: Any, reference: Any) -> Any:
    """The first difference of the identity."""
    q = did_distribution(policy, reference)
    return kl_divergence(q, policy) - kl_divergence(q, reference)


def second(policy: Any, reference: Any) -> Any:
    """The second difference of the identity."""
    return kl_divergence(reference, did_distribution(policy, reference)) - kl_divergence(reference, policy)


def halves(policy: Any, reference: Any) -> tuple[Any, Any]:
    """Both differences by their closed forms, which did.app-e.identity.halves proves."""
    z = log_partition(policy, reference)
    return did_entropy(policy, reference) - z, z - entropy(reference)


def dominates(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    """The second difference is larger in size than the first."""
    a, b = map(abs, halves(policy, reference))
    a, b = (b, a) if twist == "flipped" else (a, b)
    a, b = (100 * a + 1, 100 * b) if twist == "margin" else (10 * a, 9 * b) if twist == "share" else (a, b)
    return greater(b, a, "sizes of the second and of the first difference")


@claim("did.app-e.identity", where="Appendix E", title="The four-divergence identity for the entropy of the DID", draws=PAIR,
       statement=rf"{H_Q} - {H_REF} = {FIRST} + {SECOND}", measurements=MEASURES,
       neighbours={"sign of the second difference": {"sign": -1}, "first difference dropped": {"keep": 0},
                   "one divergence turned": {"turn": True}, "last term 2 % larger": {"last": (51, 50)}})
def app_e_identity(policy: Any, reference: Any, *, sign: int = 1, keep: int = 1, turn: bool = False,
                   last: tuple[int, int] = (1, 1)) -> Relation:
    q = did_distribution(policy, reference)
    d = kl_divergence(policy, reference) if turn else kl_divergence(reference, policy)
    gap = last[1] * (keep * first(policy, reference) + sign * kl_divergence(reference, q)) - sign * last[0] * d
    return equal(last[1] * (entropy(q) - entropy(reference)), gap, "difference of the entropies")


@claim("did.app-e.identity.halves", where="Appendix E", title="The two differences of the identity in closed form", draws=PAIR,
       statement=rf"{FIRST} = {H_Q} - \log Z, \quad {SECOND} = \log Z - {H_REF}, \quad "
                 r"Z = \sum_y \tfrac{\pi(y)}{\pi_{ref}(y)}", measurements=MEASURES,
       reading="our own statement: what the rest of the appendix comes down to",
       neighbours={"normaliser dropped": {"keep": 0}, "sign of the normaliser": {"keep": -1}, "entropies swapped": {"swap": True},
                   "normaliser 1/500 larger": {"factor": (501, 500)}})
def app_e_halves(policy: Any, reference: Any, *, keep: int = 1, swap: bool = False,
                 factor: tuple[int, int] = (1, 1)) -> Relation:
    n, z = factor[1], keep * factor[0] * log_partition(policy, reference)
    h, r = did_entropy(policy, reference), entropy(reference)
    h, r = (r, h) if swap else (h, r)
    return both(equal(n * first(policy, reference), n * h - z, "first difference"),
                equal(n * second(policy, reference), z - n * r, "second difference"))


TWISTS = {"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
          "by a ninth of it": {"twist": "share"}}


@claim("did.app-e.dominance", where="Appendix E", title="For smoothing, the last two terms dominate", draws=(SMOOTHED,),
       statement=rf"\pi \ne \pi_{{ref}},\; {FALLS} \text{{ and is not uniform}} \implies {DOMINATES}", neighbours=TWISTS,
       measurements=MEASURES,
       reading="dominate: larger in absolute value, as displayed; smoothing: mass moves away from the modes of the "
               "reference without reversing its order, short of the uniform policy",
       note="For smoothing the displayed inequality is the conclusion of the argument in other words: it holds exactly"
            " where the DID has the higher entropy (sub-entry). For arbitrary pairs, and for dominance by a factor of "
            "2, the conclusion changes; see the sub-entries.")
def app_e_dominance(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    return implies(both(changed(policy, reference), varies(probabilities(policy))), dominates(policy, reference, twist=twist))


@app_e_dominance.assuming(FEW_MODES, draws=(SPREAD,))
def _few(reference: Any) -> Relation:
    return few_modes(reference)


@claim("did.app-e.dominance.circular", where="Appendix E", draws=(SMOOTHED,), measurements=MEASURES,
       title="For smoothing, dominance is the same as the conclusion it is to prove",
       statement=rf"\pi \ne \pi_{{ref}},\; {FALLS} \implies \left({DOMINATES} \iff {H_Q} > {H_REF}\right)",
       reading="our own statement",
       neighbours={"conclusion weak": {"weak": True}, "log Z instead": {"partition": True}, "dominance flipped": {"twist": "flipped"}})
def app_e_circular(policy: Any, reference: Any, *, weak: bool = False, partition: bool = False, twist: str = "") -> Relation:
    q, r = did_entropy(policy, reference), entropy(reference)
    q = log_partition(policy, reference) if partition else q
    higher = at_least(q, r) if weak else greater(q, r, "entropies of the DID and of the reference")
    return implies(changed(policy, reference), iff(dominates(policy, reference, twist=twist), higher))


@claim("did.app-e.dominance.factor", where="Appendix E", draws=(SMOOTHED,), measurements=MEASURES,
       title="For smoothing, the last two terms are at least twice the first two",
       statement=rf"\pi \ne \pi_{{ref}},\; {FALLS} \text{{ and is not uniform}} \implies \left|{SECOND}\right| \ge "
                 rf"2 \left|{FIRST}\right|",
       reading="dominate: by a factor of 2")
def app_e_factor(policy: Any, reference: Any) -> Relation:
    a, b = map(abs, halves(policy, reference))
    return implies(both(changed(policy, reference), varies(probabilities(policy))), at_least(b, 2 * a, "sizes of the differences"))


@app_e_factor.corrected(
    rf"{FALLS} \implies \left(\left|{SECOND}\right| \ge 2 \left|{FIRST}\right| \iff 2 {H_Q} \ge \log Z + {H_REF}\right)",
    neighbours={"entropies twice": {"alone": True}, "the entropy of the policy": {"other": True}, "conclusion strict": {"strict": True}})
def _by_factor(policy: Any, reference: Any, *, alone: bool = False, other: bool = False, strict: bool = False) -> Relation:
    a, b = map(abs, halves(policy, reference))
    q, r, z = did_entropy(policy, reference), entropy(policy if other else reference), log_partition(policy, reference)
    bound = 2 * r if alone else z + r
    side = (greater if strict else at_least)(2 * q, bound, "entropies and log Z")
    return iff(at_least(b, 2 * a, "sizes of the differences"), side)


@claim("did.app-e.dominance.general", where="Appendix E", title="The last two terms dominate for every pair", draws=PAIR,
       statement=rf"{H_Q} \ne {H_REF},\; \pi_{{ref}} \text{{ not uniform}} \implies {DOMINATES}", measurements=MEASURES,
       reading="for any policy and reference but for ties of the two entropies, where the two sides are equal")
def app_e_dominance_general(policy: Any, reference: Any) -> Relation:
    tie = equal(did_entropy(policy, reference), entropy(reference), "entropies of the DID and of the reference")
    return implies(both(negation(tie), varies(probabilities(reference))), dominates(policy, reference))


BY_SIGN = rf"{DOMINATES} \iff \left({H_Q} - {H_REF}\right)\left(2 \log Z - {H_Q} - {H_REF}\right) > 0"
BY_SIGN_NEIGHBOURS = {"weak": {"weak": True}, "log Z once": {"times": 1}, "second factor alone": {"alone": True}}


@app_e_dominance_general.corrected(BY_SIGN, neighbours=BY_SIGN_NEIGHBOURS)
def _by_sign(policy: Any, reference: Any, *, weak: bool = False, times: int = 2, alone: bool = False) -> Relation:
    q, r, z = did_entropy(policy, reference), entropy(reference), times * log_partition(policy, reference)
    compare = at_least if weak else greater
    if alone:
        same = greater(z, q + r)
    else:
        same = either(both(compare(q, r, "entropies of the DID and of the reference"), compare(z, q + r, "2 log Z and their sum")),
                      both(compare(r, q), compare(q + r, z)))
    return iff(dominates(policy, reference), same)


@claim("did.app-e.dominance.close", where="Appendix E", title="The last two terms dominate for policies that are close", draws=PAIR,
       statement=rf"D_{{KL}}[\pi_{{ref}} \,\|\, \pi] \le \tfrac1{{100}},\; {H_Q} \ne {H_REF},\; \pi_{{ref}} \text{{ not uniform}} "
                 rf"\implies {DOMINATES}", measurements=MEASURES,
       reading="the reason given for it, that the policy and the reference do not diverge significantly: at most 1/100 nat",
       note="What has to be small is the divergence against the distance of the reference from the uniform policy.")
def app_e_dominance_close(policy: Any, reference: Any) -> Relation:
    close = at_least(1, 100 * kl_divergence(reference, policy), "1 and 100 times the divergence of the reference from the policy")
    tie = equal(did_entropy(policy, reference), entropy(reference), "entropies of the DID and of the reference")
    return implies(both(close, negation(tie), varies(probabilities(reference))), dominates(policy, reference))


app_e_dominance_close.corrected(BY_SIGN, neighbours=BY_SIGN_NEIGHBOURS)(_by_sign)
