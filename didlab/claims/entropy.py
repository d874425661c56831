r"""Claim 4.1: what reinforcing and smoothing a policy do to the entropy of its DID.

For :math:`\pi \propto \pi_{ref}^s` the DID is :math:`\pi_{ref}^{s-1}`, so that a mild update has a DID near the uniform
one, whichever way it goes. In general the DID of a sharpening update is below the reference in entropy once the update
is sharper than the reference itself, and a smoothing one is above wherever the inverse of the reference is.
"""

from __future__ import annotations

from typing import Any

from ..did import did_distribution, did_entropy, log_partition
from ..engine.claim import claim
from ..engine.kinds import Mixed, Ordered, Ranked, Small, Tailed, Tempered
from ..engine.relations import Relation, at_least, both, exists, greater, iff, implies
from ..information import entropy, kl_divergence
from ..policies import probabilities
from .concentration import (
    ENTROPIES,
    FEW_MODES,
    H_Q,
    H_REF,
    NEAR_ZERO,
    REINFORCED,
    SHARPENED,
    SHARPER,
    SMOOTHED,
    TEMPERED,
    TWISTS,
    UNEVEN,
    about_zero,
    changed,
    few_modes,
    higher,
    lower,
    sharper_than_reference,
    varies,
)

# Reinforcing


@claim("did.claim-4.1.reinforcing", where="Claim 4.1", title="Reinforcing gives a DID of lower entropy than the "
                                                             "reference",
       draws=(REINFORCED, Small()), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi \ne \pi_{{ref}} \ne q,\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} \pi_{{ref}},\; "
                 rf"{NEAR_ZERO} "
                 rf"\implies {H_Q} < {H_REF}",
       reading="reinforcing: the likelihood ratio rises with the reference, so that mass moves to its modes; about 0: "
               "at most a given threshold of 1/10 or less; the bound on the divergence holds for every pair with full "
               "support; the boundary q = ref, where the two entropies are equal, is left out",
       note="The verdict is the same when reinforcing means a temperature below 1 or a fall of the entropy. A mild "
            "update has a DID near the uniform one, so that small divergences work against the claim. The assumption is "
            "strong: it says that the DID over the reference rises with the reference, the conclusion in the order of "
            "majorisation; for temperatures it is also necessary.")
def reinforcing(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    did = did_distribution(policy, reference)
    p, r, q = (probabilities(x) for x in (policy, reference, did))
    return implies(both(changed(policy, reference), changed(did, reference), about_zero(r, epsilon, p, q)),
                   lower(policy, reference, twist))


@reinforcing.assuming(SHARPER, draws=(SHARPENED, Small()))
def _sharper(policy: Any, reference: Any) -> Relation:
    return sharper_than_reference(policy, reference)


@claim("did.claim-4.1.reinforcing.rare", where="Claim 4.1", draws=(REINFORCED, Small(high=60)), neighbours=TWISTS,
       title="Reinforcing lowers the entropy where condition 1 applies to some outcome", measurements=ENTROPIES,
       statement=rf"\exists y: \pi_{{ref}}(y) \le \epsilon,\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} "
                 rf"\pi_{{ref}},\; "
                 rf"{NEAR_ZERO} \implies {H_Q} < {H_REF}",
       reading="as the main entry, with an outcome that the reference finds unlikely, so that condition 1 says "
               "something")
def reinforcing_rare(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    rare = exists(at_least(epsilon, r, "epsilon and the reference"))
    return implies(both(rare, about_zero(r, epsilon, p, q)), lower(policy, reference, twist))


reinforcing_rare.assuming(SHARPER, draws=(Ordered("reference", "policy", power=2, peaked=True), Small(high=60)))(_sharper)


@claim("did.claim-4.1.reinforcing.tempering", where="Claim 4.1 with section 3.5", measurements=ENTROPIES,
       title="A temperature below 1 gives a DID of lower entropy than the reference", draws=(Tempered(side="sharper"),),
       statement=rf"\tau < 1,\; {UNEVEN} \implies {H_Q} < {H_REF}, \quad {TEMPERED}", neighbours=TWISTS,
       reading="reinforcing: a temperature below 1, as the paper reinforces in section 3.5")
def reinforcing_tempering(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    return implies(varies(probabilities(reference)), lower(policy, reference, twist))


@reinforcing_tempering.assuming(r"\tau < \tfrac12", draws=(Tempered(side="sharper", beyond=2),))
def _below_half(sharpness: Any) -> Relation:
    return greater(sharpness[..., 0], 2, "sharpness and 2")


@claim("did.claim-4.1.reinforcing.threshold", where="Claim 4.1 with section 3.5", measurements=ENTROPIES,
       title="The exact temperature at which reinforcing lowers the entropy of the DID", draws=(Tempered(side="sharper"),),
       statement=rf"\tau < 1,\; {UNEVEN} \implies \left({H_Q} < {H_REF} \iff \tau < \tfrac12\right) \text{{ and }} "
                 rf"\left({H_Q} > {H_REF} \iff \tau > \tfrac12\right), \quad {TEMPERED}",
       reading="our own statement: the DID is the reference raised to the power 1/tau - 1",
       neighbours={"threshold weak": {"weak": True}, "threshold at 3/5": {"at": (5, 3)}, "threshold at 1/3": {"at": (3, 1)},
                   "sides swapped": {"swap": True}})
def reinforcing_threshold(policy: Any, reference: Any, sharpness: Any, *, weak: bool = False, at: tuple[int, int] = (2, 1),
                          swap: bool = False) -> Relation:
    s, n = sharpness[..., 0] * at[1], at[0]
    q, r = did_entropy(policy, reference), entropy(reference)
    q, r = (r, q) if swap else (q, r)
    return implies(varies(probabilities(reference)), both(
        iff(greater(r, q, "entropies of the reference and of the DID"), at_least(s, n) if weak else greater(s, n)),
        iff(greater(q, r), greater(n, s))))


@claim("did.claim-4.1.reinforcing.entropy", where="Claim 4.1", measurements=ENTROPIES,
       title="A fall of the policy's entropy goes with a DID of lower entropy", draws=(Ranked("policy", "reference"),),
       statement=rf"H(\pi) < {H_REF} \implies {H_Q} < {H_REF}", neighbours=TWISTS,
       reading="reinforcing: the entropy of the policy falls, wherever the mass goes")
def reinforcing_entropy(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    return implies(greater(entropy(reference), entropy(policy), "entropies of the reference and of the policy"),
                   lower(policy, reference, twist))


reinforcing_entropy.assuming(SHARPER, draws=(SHARPENED,))(_sharper)


@claim("did.claim-4.1.reinforcing.mild", where="Claim 4.1", draws=(Ordered("residue", "reference"),), measurements=ENTROPIES,
       title="A reinforcement no sharper than the reference raises the entropy instead",
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}},\; \tfrac{{\pi_{{ref}}^2}}{{\pi}} \text{{ rise with }} \pi_{{ref}} "
                 rf"\implies "
                 rf"{H_Q} \ge {H_REF}, \text{{ with equality iff }} \pi \propto \pi_{{ref}}^2",
       reading="our own statement, the opposite of the claim: it covers every reinforcement close enough to a reference without ties",
       neighbours={"never equal": {"never_equal": True}, "below": {"flip": True}, "by a hundredth of a nat": {"margin": 1}})
def reinforcing_mild(residue: Any, reference: Any, *, never_equal: bool = False, flip: bool = False,
                     margin: int = 0) -> Relation:
    q, r = did_entropy(reference + (reference - residue), reference), entropy(reference)
    q, r = (r, q) if flip else (q, r)
    q, r = (100 * q, 100 * r + margin) if margin else (q, r)
    above = greater(q, r, "entropies of the DID and of the reference")
    return above if never_equal else both(at_least(q, r), iff(above, varies(probabilities(residue))))


# Smoothing


@claim("did.claim-4.1.smoothing", where="Claim 4.1", title="Smoothing gives a DID of higher entropy than the reference",
       draws=(SMOOTHED, Small()), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi \ne \pi_{{ref}},\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ "
                 rf"rises, }} \pi "
                 rf"\text{{ rises with }} \pi_{{ref}} \text{{ and is not uniform, }} {NEAR_ZERO} \implies {H_Q} > "
                 rf"{H_REF}",
       reading="smoothing: mass moves away from the modes of the reference without reversing its order, short of the "
               "uniform policy; about 0: at most a given threshold of 1/10 or less",
       note="The verdict is the same for temperatures above 1 and for mixtures with the uniform policy, under the same"
            " assumption. It is sharp: as the policy approaches the uniform one, its DID approaches 1/reference. With "
            "a smoothing defined by entropy alone the conclusion changes; see the sub-entry.")
def smoothing(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return implies(both(changed(policy, reference), varies(p), about_zero(r, epsilon, p, q)),
                   higher(policy, reference, twist))


# Condition 1 holds for smoothing only where the reference is nowhere about 0: most of what is drawn must be so.
@smoothing.assuming(FEW_MODES, draws=(Tailed(Ordered("policy", "reference", high=99), "reference"), Small()))
def _few(reference: Any) -> Relation:
    return few_modes(reference)


@claim("did.claim-4.1.smoothing.tempering", where="Claim 4.1 with section 3.5", measurements=ENTROPIES,
       title="A temperature above 1 gives a DID of higher entropy than the reference", draws=(Tempered(side="flatter"),),
       statement=rf"\tau > 1,\; {UNEVEN} \implies {H_Q} > {H_REF}, \quad {TEMPERED}", neighbours=TWISTS,
       reading="smoothing: a finite temperature above 1, as the paper smooths in section 3.5")
def smoothing_tempering(policy: Any, reference: Any, sharpness: Any, *, twist: str = "") -> Relation:
    finite = greater(sharpness[..., 0], 0, "sharpness and 0")
    return implies(both(finite, varies(probabilities(reference))), higher(policy, reference, twist))


smoothing_tempering.assuming(FEW_MODES, draws=(Tailed(Tempered(side="flatter"), "reference"),))(_few)


@claim("did.claim-4.1.smoothing.mixing", where="Claim 4.1", title="Mixing with the uniform policy gives a DID of "
                                                                  "higher entropy",
       draws=(Mixed(),), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi = (1-\lambda)\,\pi_{{ref}} + \tfrac{{\lambda}}{{K}},\; 0 < \lambda < 1,\; {UNEVEN} \implies "
                 rf"{H_Q} > {H_REF}",
       reading="smoothing: a mixture with the uniform policy, short of the uniform policy itself")
def smoothing_mixing(policy: Any, reference: Any, share: Any, *, twist: str = "") -> Relation:
    partly = greater(1, share[..., 0], "1 and the share of the uniform policy")
    return implies(both(partly, varies(probabilities(reference))), higher(policy, reference, twist))


smoothing_mixing.assuming(FEW_MODES, draws=(Tailed(Mixed(), "reference"),))(_few)


@claim("did.claim-4.1.smoothing.bound", where="Claim 4.1", draws=(SMOOTHED,), measurements=ENTROPIES,
       title="The lowest DID entropy that smoothing can reach is that of the inverse reference",
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ rises, }} \pi \text{{ "
                 rf"rises with it}} "
                 rf"\implies {H_Q} \ge H\!\left(\tfrac1{{\pi_{{ref}}}}\right), \text{{ with equality iff }} \pi "
                 rf"\text{{ is uniform}}",
       reading="our own statement: why the assumption on the reference is the right one",
       neighbours={"never equal": {"never_equal": True}, "the reference itself": {"direct": True}, "below": {"flip": True}})
def smoothing_bound(policy: Any, reference: Any, *, never_equal: bool = False, direct: bool = False,
                    flip: bool = False) -> Relation:
    q, low = did_entropy(policy, reference), entropy(reference if direct else -reference)
    q, low = (low, q) if flip else (q, low)
    above = greater(q, low, "entropies of the DID and of 1/reference")
    return above if never_equal else both(at_least(q, low), iff(above, varies(probabilities(policy))))


@claim("did.claim-4.1.smoothing.entropy", where="Claim 4.1", draws=(Ranked("reference", "policy"),), measurements=ENTROPIES,
       title="A rise of the policy's entropy goes with a DID of higher entropy",
       statement=rf"H(\pi) > {H_REF},\; \pi \text{{ not uniform}} \implies {H_Q} > {H_REF}",
       reading="smoothing: the entropy of the policy rises, wherever the mass goes, short of the uniform policy",
       note="What does rise is the logarithm of the normaliser of the DID, not its entropy.")
def smoothing_entropy(policy: Any, reference: Any) -> Relation:
    rise = greater(entropy(policy), entropy(reference), "entropies of the policy and of the reference")
    return implies(both(rise, varies(probabilities(policy))), higher(policy, reference))


@smoothing_entropy.corrected(
    r"\log Z \ge H(\pi) + D_{KL}[\pi \,\|\, \pi_{ref}], \; Z = \sum_y \tfrac{\pi(y)}{\pi_{ref}(y)}, "
    r"\text{ with equality iff } "
    r"\pi_{ref} \text{ is uniform; so } H(\pi) > H(\pi_{ref}) \implies \log Z > H(\pi_{ref})",
    neighbours={"never equal": {"never_equal": True}, "divergence the other way": {"turn": True}, "the DID's entropy": {"did": True}})
def _partition_bound(policy: Any, reference: Any, *, never_equal: bool = False, turn: bool = False, did: bool = False) -> Relation:
    high = did_entropy(policy, reference) if did else log_partition(policy, reference)
    kl = kl_divergence(reference, policy) if turn else kl_divergence(policy, reference)
    above = greater(high, entropy(policy) + kl, "log Z and the bound")
    if never_equal:
        return above
    return both(at_least(high, entropy(policy) + kl), iff(above, varies(probabilities(reference))))
