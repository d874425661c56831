r"""Appendix E: the identity behind Claim 4.1, which of its terms dominate, and what the argument can tell apart.

Write Z for the normaliser of the DID. The first difference of the identity is :math:`H(q) - \log Z` and the second is
:math:`\log Z - H(\pi_{ref})`; every statement of the appendix is about the signs of these two numbers.
"""

from __future__ import annotations

from typing import Any

from ..did import did_distribution, did_entropy, log_partition
from ..engine.claim import claim
from ..engine.kinds import Mixed, Policies, Ranked, Tempered
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from ..information import entropy, kl_divergence
from ..policies import probabilities
from .concentration import (
    FEW_MODES,
    H_Q,
    H_REF,
    REINFORCED,
    SHARPENED,
    SHARPER,
    SMOOTHED,
    SPREAD,
    changed,
    few_modes,
    sharper_than_reference,
    varies,
)

Q = r"q_{\pi/\pi_{ref}}"
FIRST = rf"D_{{KL}}[{Q} \,\|\, \pi] - D_{{KL}}[{Q} \,\|\, \pi_{{ref}}]"
SECOND = rf"D_{{KL}}[\pi_{{ref}} \,\|\, {Q}] - D_{{KL}}[\pi_{{ref}} \,\|\, \pi]"
STEP = rf"D_{{KL}}[\pi_{{ref}} \,\|\, {Q}] > D_{{KL}}[\pi_{{ref}} \,\|\, \pi]"
DOMINATES = rf"\left|{FIRST}\right| < \left|{SECOND}\right|"
RISES = r"\tfrac{\pi}{\pi_{ref}} \text{ rises with } \pi_{ref}"
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


@app_e_dominance_general.corrected(
    rf"{DOMINATES} \iff \left({H_Q} - {H_REF}\right)\left(2 \log Z - {H_Q} - {H_REF}\right) > 0",
    neighbours={"weak": {"weak": True}, "log Z once": {"times": 1}, "second factor alone": {"alone": True}})
def _by_sign(policy: Any, reference: Any, *, weak: bool = False, times: int = 2, alone: bool = False) -> Relation:
    q, r, z = did_entropy(policy, reference), entropy(reference), times * log_partition(policy, reference)
    compare = at_least if weak else greater
    if alone:
        same = greater(z, q + r)
    else:
        same = either(both(compare(q, r, "entropies of the DID and of the reference"), compare(z, q + r, "2 log Z and their sum")),
                      both(compare(r, q), compare(q + r, z)))
    return iff(dominates(policy, reference), same)


@claim("did.app-e.smoothing-step", where="Appendix E", title="Smoothing moves the policy less from the reference "
                                                             "than the DID",
       draws=(Ranked("reference", "policy"),), measurements=MEASURES, statement=rf"H(\pi) > {H_REF} \implies {STEP}",
       reading="smoothing in its widest sense, a rise of the policy's entropy",
       note="Narrower readings (order of the likelihood ratio, mixing, temperature) are covered: they all raise the "
            "entropy.",
       neighbours={"hypothesis weak": {"weak": True}, "arguments swapped": {"turn": True}, "the other way": {"flip": True},
                   "by a hundredth of a nat": {"margin": 1}})
def app_e_smoothing_step(policy: Any, reference: Any, *, weak: bool = False, turn: bool = False, flip: bool = False,
                         margin: int = 0) -> Relation:
    q = did_distribution(policy, reference)
    far, near = ((kl_divergence(q, reference), kl_divergence(policy, reference)) if turn else
                 (kl_divergence(reference, q), kl_divergence(reference, policy)))
    far, near = (near, far) if flip else (far, near)
    far, near = (100 * far, 100 * near + margin) if margin else (far, near)
    h, r = entropy(policy), entropy(reference)
    rise = at_least(h, r) if weak else greater(h, r, "entropies of the policy and of the reference")
    return implies(rise, greater(far, near, "divergences of the reference from the DID and from the policy"))


@claim("did.app-e.smoothing-step.order", where="Appendix E", draws=(SMOOTHED,), measurements=MEASURES,
       title="The smoothing step, with the most it gives", statement=rf"{FALLS} \implies {SECOND} \ge \log K - "
                                                                     rf"{H_REF}, "
       r"\text{ with equality iff } \pi = \pi_{ref}",
       reading="smoothing: the likelihood ratio falls as the reference rises",
       neighbours={"never equal": {"never_equal": True}, "twice the bound": {"twice": True}, "the other way": {"flip": True}})
def app_e_step_order(policy: Any, reference: Any, *, never_equal: bool = False, twice: bool = False, flip: bool = False) -> Relation:
    b, bound = halves(policy, reference)[1], entropy(0 * reference) - entropy(reference)
    b, bound = (bound, b) if flip else (b, 2 * bound if twice else bound)
    above = greater(b, bound, "second difference and its bound")
    return above if never_equal else both(at_least(b, bound), iff(above, changed(policy, reference)))


@claim("did.app-e.smoothing-step.mixing", where="Appendix E", draws=(Mixed(),), measurements=MEASURES,
       title="The smoothing step for mixtures with the uniform policy",
       statement=rf"\pi = (1-\lambda)\,\pi_{{ref}} + \tfrac{{\lambda}}{{K}},\; \pi_{{ref}} \text{{ not uniform}} "
                 rf"\implies {STEP}",
       reading="smoothing: a mixture with the uniform policy",
       neighbours={"uniform references too": {"always": True}, "by a hundredth of a nat": {"margin": 1}, "the other way": {"flip": True}})
def app_e_step_mixing(policy: Any, reference: Any, *, always: bool = False, margin: int = 0, flip: bool = False) -> Relation:
    b = halves(policy, reference)[1]
    step = greater(100 * (-b if flip else b), margin, "second difference and 0")
    return step if always else implies(varies(probabilities(reference)), step)


@claim("did.app-e.specificity", where="Appendix E", title="The smoothing step fails for reinforcing", draws=(REINFORCED,),
       statement=rf"\pi \ne \pi_{{ref}} \text{{ not uniform}},\; {RISES} \implies D_{{KL}}[\pi_{{ref}} \,\|\, {Q}] < "
                 rf"D_{{KL}}[\pi_{{ref}} \,\|\, \pi]",
       reading="the argument separates the two cases: the inequality it draws from smoothing does not follow from "
               "reinforcing",
       note="A mild reinforcement meets both displayed inequalities of the smoothing argument and gets its conclusion;"
            " see the sub-entries. The verdict is the same for temperatures below 1.",
       measurements=MEASURES,
       neighbours={"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
                   "by a ninth of it": {"twist": "share"}})
def app_e_specificity(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    q = did_distribution(policy, reference)
    near, far = kl_divergence(reference, q), kl_divergence(reference, policy)
    near, far = (far, near) if twist == "flipped" else (near, far)
    near, far = (100 * near + 1, 100 * far) if twist == "margin" else (10 * near, 9 * far) if twist == "share" else (near, far)
    return implies(both(changed(policy, reference), varies(probabilities(reference))),
                   greater(far, near, "divergences of the reference from the policy and from the DID"))


@app_e_specificity.assuming(SHARPER, draws=(SHARPENED,))
def _sharper(policy: Any, reference: Any) -> Relation:
    return sharper_than_reference(policy, reference)


@claim("did.app-e.specificity.premises", where="Appendix E", draws=(REINFORCED,), measurements=MEASURES,
       title="No reinforcement meets both displayed inequalities of the smoothing argument",
       statement=rf"\pi \ne \pi_{{ref}} \text{{ not uniform}},\; {RISES} \implies \text{{not both }} {DOMINATES} "
                 rf"\text{{ and }} {STEP}",
       reading="the two premises of the smoothing argument taken together",
       neighbours={"not the first": {"twist": "first"}, "both": {"twist": "both"}, "first without the step": {"twist": "apart"},
                   "no step, by a hundredth of a nat": {"twist": "margin"}})
def app_e_premises(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    large, b = dominates(policy, reference), halves(policy, reference)[1]
    step = greater(100 * b, -1 if twist == "margin" else 0, "second difference and 0")
    meets = {"first": large, "apart": both(large, negation(step)), "margin": step}.get(twist, both(large, step))
    return implies(both(changed(policy, reference), varies(probabilities(reference))),
                   meets if twist == "both" else negation(meets))


app_e_premises.assuming(SHARPER, draws=(SHARPENED,))(_sharper)


@claim("did.app-e.specificity.threshold", where="Appendix E with section 3.5", draws=(Tempered(),), measurements=MEASURES,
       title="From which temperature on the smoothing step fails",
       statement=rf"\pi \propto \pi_{{ref}}^{{1/\tau}},\; \pi_{{ref}} \text{{ not uniform}}: \quad \tau \ge 1 "
                 rf"\implies {STEP}, "
                 rf"\quad \tau \le \tfrac12 \implies \text{{its reverse}}; \quad \tau = \tfrac12 \implies \log Z = "
                 r"-\log \sum_y \pi_{ref}(y)^2",
       reading="our own statement: log Z falls with the sharpness, from log K at tau = 1 to the collision entropy at "
               "1/2",
       neighbours={"reverse from 1 on": {"at": (1, 1)}, "reverse from 3/4 on": {"at": (4, 3)}, "sides swapped": {"swap": True}})
def app_e_specificity_threshold(policy: Any, reference: Any, sharpness: Any, *, at: tuple[int, int] = (2, 1),
                                swap: bool = False) -> Relation:
    s, b, r = sharpness[..., 0], halves(policy, reference)[1], probabilities(reference)
    b = -b if swap else b
    z = (probabilities(policy) / r).sum(-1)
    return implies(varies(r), both(
        implies(at_least(1, s), greater(b, 0, "second difference and 0")),
        implies(at_least(at[1] * s, at[0]), greater(0, b)),
        implies(equal(s, 2), equal(z * (r * r).sum(-1), 1, "Z and the collision probability"))))

