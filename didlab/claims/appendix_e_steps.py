r"""Appendix E: the smoothing step, what it gives, and whether the argument can tell smoothing from reinforcing."""

from __future__ import annotations

from typing import Any

from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Mixed, Ranked, Tempered
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from ..information import entropy, kl_divergence
from ..policies import probabilities
from .appendix_e import DOMINATES, FALLS, MEASURES, SECOND, STEP, TWISTS, Q, dominates, halves
from .concentration import (
    H_REF,
    REINFORCED,
    SHARPENED,
    SHARPER,
    SMOOTHED,
    changed,
    sharper_than_reference,
    varies,
)

RISES = r"\tfrac{\pi}{\pi_{ref}} \text{ rises with } \pi_{ref}"


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
       neighbours=TWISTS)
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
