r"""Claim 4.1: what reinforcing and smoothing a policy do to the entropy of its DID, and whether the converse holds.

For :math:`\pi \propto \pi_{ref}^s` the DID is :math:`\pi_{ref}^{s-1}`, so that a mild update has a DID near the uniform
one, whichever way it goes. In general the DID of a sharpening update is below the reference in entropy once the update
is sharper than the reference itself, and a smoothing one is above wherever the inverse of the reference is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..did import did_distribution, did_entropy, log_partition
from ..engine.claim import claim
from ..engine.kinds import Geometric, Mixed, Ordered, Policies, Ranked, Small, Tailed, Tempered
from ..engine.relations import Relation, at_least, both, equal, exists, forall, greater, iff, implies, negation
from ..information import entropy, kl_divergence
from ..policies import log_probabilities, probabilities
from .concentration import (
    FEW_MODES, SHARPER, about_zero, changed, few_modes, mean, sharper_than_reference, together, varies,
)

H_Q, H_REF = r"H(q_{\pi/\pi_{ref}})", r"H(\pi_{ref})"
TEMPERED = r"\pi \propto \pi_{ref}^{1/\tau}"
UNEVEN = r"\pi_{ref} \text{ not uniform}"
NEAR_ZERO = r"\left(\pi_{ref}(y) \le \epsilon \Rightarrow \pi(y) \le \epsilon,\; q(y) \le \epsilon\right)"
ENTROPIES = ("did_entropy", "entropy")
REINFORCED, SMOOTHED = Ordered("reference", "policy"), Ordered("policy", "reference")
SHARPENED = Ordered("reference", "policy", power=2)
SPREAD = Tailed(SMOOTHED, "reference")


# Section 3.5: temperature


@claim("did.sec-3.5.temperature", where="section 3.5", title="Temperatures below 1 reinforce, above 1 smooth",
       draws=(Tempered(),), measurements=("entropy",),
       statement=rf"{UNEVEN} \implies \left(H(\pi) < {H_REF} \iff \tau < 1\right) \text{{ and }} "
                 rf"\left(H(\pi) > {H_REF} \iff \tau > 1\right), \quad {TEMPERED}",
       reading="reinforcing and smoothing read as a fall and a rise of the entropy; a uniform reference, which no temperature "
               "changes, is left out",
       note="Also true of the stronger readings: majorisation, and the order of the likelihood ratio. With a uniform "
            "reference allowed the strict reading needs the exception; see the sub-entries.",
       neighbours={"threshold weak": {"weak": True}, "threshold at 3/2": {"at": (3, 2)}, "sides swapped": {"swap": True},
                   "uniform references too": {"always": True}})
def temperature(policy: Any, reference: Any, sharpness: Any, *, weak: bool = False, at: tuple[int, int] = (1, 1),
                swap: bool = False, always: bool = False) -> Relation:
    s, n = sharpness[..., 0] * at[1], at[0]
    before, after = entropy(reference), entropy(policy)
    before, after = (after, before) if swap else (before, after)
    sides = both(iff(greater(before, after, "entropies of reference and policy"), at_least(s, n) if weak else greater(s, n)),
                 iff(greater(after, before), greater(n, s)))
    return sides if always else implies(varies(probabilities(reference)), sides)


@claim("did.sec-3.5.temperature.majorisation", where="section 3.5", title="Sharper policies majorise flatter ones",
       draws=(Tempered(),), measurements=("probabilities",),
       statement=rf"\tau \le 1 \implies \pi \succ \pi_{{ref}}, \quad \tau \ge 1 \implies \pi_{{ref}} \succ \pi, \quad {TEMPERED}",
       reading="reinforcing and smoothing read as majorisation: every sum of the k least probabilities falls, or rises",
       neighbours={"sides swapped": {"swap": True}, "one side for all": {"one": True}, "a hundredth more": {"factor": (101, 100)}})
def temperature_majorisation(policy: Any, reference: Any, sharpness: Any, *, swap: bool = False, one: bool = False,
                             factor: tuple[int, int] = (1, 1)) -> Relation:
    s = sharpness[..., 0]
    a, b = (np.cumsum(np.sort(probabilities(x), -1), -1) for x in (reference, policy))
    a, b = (b, a) if swap else (a, b)
    a, b = a * factor[1], b * factor[0]
    down = forall(at_least(a, b, "sums of the least probabilities"))
    return down if one else both(implies(at_least(s, 1), down), implies(at_least(1, s), forall(at_least(b, a))))


@claim("did.sec-3.5.temperature.likelihood-ratio", where="section 3.5", draws=(Tempered(),), measurements=("log_ratio",),
       title="The likelihood ratio rises with the reference below temperature 1 and falls above",
       statement=rf"\tau \le 1 \implies \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} \pi_{{ref}}, \quad "
                 rf"\tau \ge 1 \implies \text{{it falls}}, \quad {TEMPERED}",
       reading="the reading of Figure 4: mass moves to, or away from, the modes of the reference",
       neighbours={"sides swapped": {"swap": True}, "rises always": {"always": True},
                   "squared reference": {"square": True}})
def temperature_ratio(policy: Any, reference: Any, sharpness: Any, *, swap: bool = False, always: bool = False,
                      square: bool = False) -> Relation:
    s, r, p = sharpness[..., 0], probabilities(reference), probabilities(policy)
    ratio = p / (r * r) if square else p / r
    rises, falls = together(r, ratio, against=swap), together(r, ratio, against=not swap)
    return rises if always else both(implies(at_least(s, 1), rises), implies(at_least(1, s), falls))


@claim("did.sec-3.5.temperature.strict", where="section 3.5", draws=(Tempered(),), measurements=("entropy",),
       title="Every temperature other than 1 changes the entropy",
       statement=rf"\left(H(\pi) < {H_REF} \iff \tau < 1\right) \text{{ and }} \left(H(\pi) > {H_REF} \iff \tau > 1\right), "
                 rf"\quad {TEMPERED}",
       reading="strict, for every reference",
       neighbours={"threshold weak": {"weak": True}, "threshold at 3/2": {"at": (3, 2)}, "sides swapped": {"swap": True}})
def temperature_strict(policy: Any, reference: Any, sharpness: Any, *, weak: bool = False, at: tuple[int, int] = (1, 1),
                       swap: bool = False) -> Relation:
    return temperature(policy, reference, sharpness, weak=weak, at=at, swap=swap, always=True)


@temperature_strict.assuming(UNEVEN)
def _reference_varies(reference: Any) -> Relation:
    return varies(probabilities(reference))


# Claim 4.1: reinforcing


def _gap(high: Any, low: Any, label: str, twist: str) -> Relation:
    """high > low; the twists are false statements near it, such as the same with a margin."""
    if twist == "flipped":
        high, low = low, high
    if twist == "margin":
        high, low = 100 * high, 100 * low + 1
    if twist == "share":
        high, low = 9 * high, 10 * low
    return greater(high, low, label)


def _lower(policy: Any, reference: Any, twist: str = "") -> Relation:
    """The entropy of the DID is below that of the reference."""
    low = did_entropy(policy, reference)
    return _gap(entropy(policy if twist == "policy" else reference), low, "entropies of the reference and of the DID", twist)


def _higher(policy: Any, reference: Any, twist: str = "") -> Relation:
    """The entropy of the DID is above that of the reference."""
    low = entropy(policy if twist == "policy" else reference)
    return _gap(did_entropy(policy, reference), low, "entropies of the DID and of the reference", twist)


TWISTS = {"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
          "compared with the policy": {"twist": "policy"}, "by a ninth of it": {"twist": "share"}}


@claim("did.claim-4.1.reinforcing", where="Claim 4.1", title="Reinforcing gives a DID of lower entropy than the reference",
       draws=(REINFORCED, Small()), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi \ne \pi_{{ref}} \ne q,\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} \pi_{{ref}},\; {NEAR_ZERO} "
                 rf"\implies {H_Q} < {H_REF}",
       reading="reinforcing: the likelihood ratio rises with the reference, so that mass moves to its modes; about 0: at most "
               "a given threshold of 1/10 or less; the bound on the divergence holds for every pair with full support; the "
               "boundary q = ref, where the two entropies are equal, is left out",
       note="The verdict is the same when reinforcing means a temperature below 1 or a fall of the entropy. A mild update has "
            "a DID near the uniform one, so that small divergences work against the claim.")
def reinforcing(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    did = did_distribution(policy, reference)
    p, r, q = (probabilities(x) for x in (policy, reference, did))
    return implies(both(changed(policy, reference), changed(did, reference), about_zero(r, epsilon, p, q)),
                   _lower(policy, reference, twist))


@reinforcing.assuming(SHARPER, draws=(SHARPENED, Small()))
def _sharper(policy: Any, reference: Any) -> Relation:
    return sharper_than_reference(policy, reference)


@claim("did.claim-4.1.reinforcing.rare", where="Claim 4.1", draws=(REINFORCED, Small(high=20)), neighbours=TWISTS,
       title="Reinforcing lowers the entropy where condition 1 applies to some outcome", measurements=ENTROPIES,
       statement=rf"\exists y: \pi_{{ref}}(y) \le \epsilon,\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} \pi_{{ref}},\; "
                 rf"{NEAR_ZERO} \implies {H_Q} < {H_REF}",
       reading="as the main entry, with an outcome that the reference finds unlikely, so that condition 1 says something")
def reinforcing_rare(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    rare = exists(at_least(epsilon, r, "epsilon and the reference"))
    return implies(both(rare, about_zero(r, epsilon, p, q)), _lower(policy, reference, twist))


reinforcing_rare.assuming(SHARPER, draws=(SHARPENED, Small(high=20)))(_sharper)


@claim("did.claim-4.1.reinforcing.tempering", where="Claim 4.1 with section 3.5", measurements=ENTROPIES,
       title="A temperature below 1 gives a DID of lower entropy than the reference", draws=(Tempered(side="sharper"),),
       statement=rf"\tau < 1,\; {UNEVEN} \implies {H_Q} < {H_REF}, \quad {TEMPERED}", neighbours=TWISTS,
       reading="reinforcing: a temperature below 1, as the paper reinforces in section 3.5")
def reinforcing_tempering(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    return implies(varies(probabilities(reference)), _lower(policy, reference, twist))


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
                   _lower(policy, reference, twist))


reinforcing_entropy.assuming(SHARPER, draws=(SHARPENED,))(_sharper)


@claim("did.claim-4.1.reinforcing.mild", where="Claim 4.1", draws=(Ordered("residue", "reference"),), measurements=ENTROPIES,
       title="A reinforcement no sharper than the reference raises the entropy instead",
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}},\; \tfrac{{\pi_{{ref}}^2}}{{\pi}} \text{{ rise with }} \pi_{{ref}} \implies "
                 rf"{H_Q} \ge {H_REF}, \text{{ with equality iff }} \pi \propto \pi_{{ref}}^2",
       reading="our own statement, the opposite of the claim: it covers every reinforcement close to its reference",
       neighbours={"never equal": {"never_equal": True}, "below": {"flip": True}, "by a hundredth of a nat": {"margin": 1}})
def reinforcing_mild(residue: Any, reference: Any, *, never_equal: bool = False, flip: bool = False,
                     margin: int = 0) -> Relation:
    q, r = did_entropy(reference + (reference - residue), reference), entropy(reference)
    q, r = (r, q) if flip else (q, r)
    q, r = (100 * q, 100 * r + margin) if margin else (q, r)
    above = greater(q, r, "entropies of the DID and of the reference")
    return above if never_equal else both(at_least(q, r), iff(above, varies(probabilities(residue))))


# Claim 4.1: smoothing


@claim("did.claim-4.1.smoothing", where="Claim 4.1", title="Smoothing gives a DID of higher entropy than the reference",
       draws=(SMOOTHED, Small()), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi \ne \pi_{{ref}},\; \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ rises, }} \pi "
                 rf"\text{{ rises with }} \pi_{{ref}} \text{{ and is not uniform, }} {NEAR_ZERO} \implies {H_Q} > {H_REF}",
       reading="smoothing: mass moves away from the modes of the reference without reversing its order, short of the uniform "
               "policy; about 0: at most a given threshold of 1/10 or less",
       note="The verdict is the same for temperatures above 1 and for mixtures with the uniform policy, under the same "
            "assumption. It is sharp: as the policy approaches the uniform one, its DID approaches 1/reference. With a "
            "smoothing defined by entropy alone the conclusion changes; see the sub-entry.")
def smoothing(policy: Any, reference: Any, epsilon: Any, *, twist: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return implies(both(changed(policy, reference), varies(p), about_zero(r, epsilon, p, q)),
                   _higher(policy, reference, twist))


@smoothing.assuming(FEW_MODES, draws=(SPREAD, Small()))
def _few(reference: Any) -> Relation:
    return few_modes(reference)


@claim("did.claim-4.1.smoothing.tempering", where="Claim 4.1 with section 3.5", measurements=ENTROPIES,
       title="A temperature above 1 gives a DID of higher entropy than the reference", draws=(Tempered(side="flatter"),),
       statement=rf"\tau > 1,\; {UNEVEN} \implies {H_Q} > {H_REF}, \quad {TEMPERED}", neighbours=TWISTS,
       reading="smoothing: a finite temperature above 1, as the paper smooths in section 3.5")
def smoothing_tempering(policy: Any, reference: Any, sharpness: Any, *, twist: str = "") -> Relation:
    finite = greater(sharpness[..., 0], 0, "sharpness and 0")
    return implies(both(finite, varies(probabilities(reference))), _higher(policy, reference, twist))


smoothing_tempering.assuming(FEW_MODES, draws=(Tailed(Tempered(side="flatter"), "reference"),))(_few)


@claim("did.claim-4.1.smoothing.mixing", where="Claim 4.1", title="Mixing with the uniform policy gives a DID of higher entropy",
       draws=(Mixed(),), neighbours=TWISTS, measurements=ENTROPIES,
       statement=rf"\pi = (1-\lambda)\,\pi_{{ref}} + \tfrac{{\lambda}}{{K}},\; 0 < \lambda < 1,\; {UNEVEN} \implies {H_Q} > {H_REF}",
       reading="smoothing: a mixture with the uniform policy, short of the uniform policy itself")
def smoothing_mixing(policy: Any, reference: Any, share: Any, *, twist: str = "") -> Relation:
    partly = greater(1, share[..., 0], "1 and the share of the uniform policy")
    return implies(both(partly, varies(probabilities(reference))), _higher(policy, reference, twist))


smoothing_mixing.assuming(FEW_MODES, draws=(Tailed(Mixed(), "reference"),))(_few)


@claim("did.claim-4.1.smoothing.bound", where="Claim 4.1", draws=(SMOOTHED,), measurements=ENTROPIES,
       title="The lowest DID entropy that smoothing can reach is that of the inverse reference",
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ rises, }} \pi \text{{ rises with it}} "
                 rf"\implies {H_Q} \ge H\!\left(\tfrac1{{\pi_{{ref}}}}\right), \text{{ with equality iff }} \pi \text{{ is uniform}}",
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
    return implies(both(rise, varies(probabilities(policy))), _higher(policy, reference))


@smoothing_entropy.corrected(
    r"\log Z \ge H(\pi) + D_{KL}[\pi \,\|\, \pi_{ref}], \; Z = \sum_y \tfrac{\pi(y)}{\pi_{ref}(y)}, \text{ with equality iff } "
    r"\pi_{ref} \text{ is uniform; so } H(\pi) > H(\pi_{ref}) \implies \log Z > H(\pi_{ref})",
    neighbours={"never equal": {"never_equal": True}, "divergence the other way": {"turn": True}, "the DID's entropy": {"did": True}})
def _partition_bound(policy: Any, reference: Any, *, never_equal: bool = False, turn: bool = False, did: bool = False) -> Relation:
    high = did_entropy(policy, reference) if did else log_partition(policy, reference)
    kl = kl_divergence(reference, policy) if turn else kl_divergence(policy, reference)
    above = greater(high, entropy(policy) + kl, "log Z and the bound")
    if never_equal:
        return above
    return both(at_least(high, entropy(policy) + kl), iff(above, varies(probabilities(reference))))


# Section 4.1: the converse

CHANGES = {"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
           "by a ninth of it": {"twist": "share"}}


def _fall(policy: Any, reference: Any) -> Relation:
    return greater(entropy(reference), entropy(policy), "entropies of the reference and of the policy")


@claim("did.claim-4.1.converse", where="section 4.1, after Claim 4.1", draws=(Policies("policy", "reference"),),
       title="A DID of low entropy reinforces, one of high entropy smooths", measurements=ENTROPIES,
       statement=rf"\pi \ne \pi_{{ref}} \implies \left({H_Q} < {H_REF} \implies H(\pi) < {H_REF}\right) \text{{ and }} "
                 rf"\left({H_Q} > {H_REF} \implies H(\pi) > {H_REF}\right)",
       reading="reinforcing and smoothing in their widest sense, a fall and a rise of the policy's entropy",
       note="Every narrower reading of the two words makes the conclusion stronger, so the verdict does not depend on it.")
def converse(policy: Any, reference: Any) -> Relation:
    rise = greater(entropy(policy), entropy(reference), "entropies of the policy and of the reference")
    return implies(changed(policy, reference), both(implies(_lower(policy, reference), _fall(policy, reference)),
                                                    implies(_higher(policy, reference), rise)))


def covariance(policy: Any, reference: Any, values: Any) -> tuple[Any, Any]:
    """Covariance under the reference of the DID with the values, and the mean of the DID under the reference."""
    r, q = probabilities(reference), probabilities(did_distribution(policy, reference))
    return mean(r * q, values) - mean(r, q) * mean(r, values), mean(r, q)


@converse.corrected(
    r"H(\pi) < H(\pi_{ref}) \iff \mathrm{Cov}_{\pi_{ref}}\!\left(q, \log \pi_{ref}\right) > "
    r"-\mathbb{E}_{\pi_{ref}}[q]\, D_{KL}[\pi \,\|\, \pi_{ref}]"
    r"\text{: it matters which outcomes } q \text{ favours, not how many}",
    neighbours={"divergence dropped": {"kl": 0}, "divergence the other way": {"turn": True}, "sign flipped": {"kl": -1},
                "entropy of the DID": {"by_entropy": True}})
def _by_covariance(policy: Any, reference: Any, *, kl: int = 1, turn: bool = False, by_entropy: bool = False) -> Relation:
    c, m = covariance(policy, reference, log_probabilities(reference))
    d = kl_divergence(reference, policy) if turn else kl_divergence(policy, reference)
    side = _lower(policy, reference) if by_entropy else greater(c, -kl * (m * d), "covariance and its bound")
    return iff(_fall(policy, reference), side)


@claim("did.claim-4.1.converse.low", where="section 4.1, after Claim 4.1", title="A DID of low entropy reinforces",
       draws=(Policies("policy", "reference"),), neighbours=CHANGES,
       statement=rf"{H_Q} < {H_REF} \implies H(\pi) < {H_REF}", reading="reinforcing: a fall of the policy's entropy",
       measurements=ENTROPIES)
def converse_low(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    change = _gap(entropy(reference), entropy(policy), "entropies of the reference and of the policy", twist)
    return implies(_lower(policy, reference), change)


@converse_low.assuming(r"\mathrm{Cov}_{\pi_{ref}}\!\left(q, \log \pi_{ref}\right) \ge 0 \text{: the DID does not favour what "
                       r"the reference finds unlikely}", draws=(SHARPENED,))
def _favours_likely(policy: Any, reference: Any) -> Relation:
    return at_least(covariance(policy, reference, log_probabilities(reference))[0], 0, "covariance and 0")


@claim("did.claim-4.1.converse.high", where="section 4.1, after Claim 4.1", title="A DID of high entropy smooths",
       draws=(Policies("policy", "reference"),), neighbours=CHANGES,
       statement=rf"{H_Q} > {H_REF},\; \pi \ne \pi_{{ref}} \implies H(\pi) > {H_REF}",
       reading="smoothing: a rise of the policy's entropy", measurements=ENTROPIES)
def converse_high(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    change = _gap(entropy(policy), entropy(reference), "entropies of the policy and of the reference", twist)
    return implies(both(_higher(policy, reference), changed(policy, reference)), change)


@converse_high.assuming(r"\mathrm{Cov}_{\pi_{ref}}\!\left(q, \log \pi\right) \le 0 \text{: the DID does not favour what the "
                        r"policy finds likely}", draws=(SPREAD,))
def _favours_unlikely(policy: Any, reference: Any) -> Relation:
    return at_least(0, covariance(policy, reference, log_probabilities(policy))[0], "0 and the covariance")


@claim("did.claim-4.1.converse.tempering", where="section 4.1 with section 3.5", measurements=ENTROPIES,
       title="Among temperatures, a DID of low entropy reinforces and one of high entropy smooths", draws=(Tempered(),),
       statement=rf"{UNEVEN} \implies \left({H_Q} < {H_REF} \implies \tau < 1\right) \text{{ and }} "
                 rf"\left({H_Q} > {H_REF},\; \tau \ne 1 \implies \tau > 1\right), \quad {TEMPERED}",
       reading="updates that change the temperature, as in section 3.5")
def converse_tempering(policy: Any, reference: Any, sharpness: Any) -> Relation:
    s = sharpness[..., 0]
    return implies(varies(probabilities(reference)), both(
        implies(_lower(policy, reference), greater(s, 1, "sharpness and 1")),
        implies(both(_higher(policy, reference), negation(equal(s, 1))), greater(1, s, "1 and sharpness"))))


@converse_tempering.corrected(
    rf"{UNEVEN},\; \tau \le 1 \implies \left({H_Q} > {H_REF} \iff \tau > \tfrac12\right): "
    r"\text{ a DID of high entropy is learnt by reinforcing as well}", draws=(Tempered(side="sharper"),),
    neighbours={"threshold at 1": {"at": (1, 1)}, "threshold weak": {"weak": True}, "threshold at 2/5": {"at": (5, 2)}})
def _tempered_high(policy: Any, reference: Any, sharpness: Any, *, at: tuple[int, int] = (2, 1), weak: bool = False) -> Relation:
    s, n = sharpness[..., 0] * at[1], at[0]
    side = at_least(n, s) if weak else greater(n, s, "the threshold and the sharpness")
    return implies(varies(probabilities(reference)), iff(_higher(policy, reference), side))


# Appendix E: the two conditions


@claim("did.claim-4.1.assumptions", where="Appendix E, conditions 1 and 2", draws=(SMOOTHED, Small()),
       title="Smoothed policies meet condition 1: about 0 where the reference is", measurements=("did_distribution",),
       statement=rf"\tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ falls as }} \pi_{{ref}} \text{{ rises}} \implies \forall y: {NEAR_ZERO}",
       reading="about 0: at most a threshold of 1/10 or less and below 1/K; condition 2 holds for every pair (sub-entry), so that "
               "the two can hold together exactly where condition 1 can",
       note="For smoothing the condition is empty: it can hold only if the reference is nowhere about 0. For reinforcing it can "
            "hold; see the sub-entries.")
def assumptions(policy: Any, reference: Any, epsilon: Any) -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return about_zero(r, epsilon, p, q)


@assumptions.corrected(
    rf"\forall y: {NEAR_ZERO} \iff \forall y: \pi_{{ref}}(y) > \epsilon \text{{: for smoothing, condition 1 holds only where it "
    r"says nothing}",
    neighbours={"threshold weak": {"weak": True}, "condition on the policy alone": {"alone": True}, "policy above it": {"of": "policy"}})
def _only_empty(policy: Any, reference: Any, epsilon: Any, *, weak: bool = False, alone: bool = False, of: str = "") -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    x = p if of else r
    clear = at_least(x, epsilon) if weak else greater(x, epsilon, "probabilities and epsilon")
    return iff(about_zero(r, epsilon, *((p,) if alone else (p, q))), forall(clear))


@claim("did.claim-4.1.assumptions.reinforcing", where="Appendix E, condition 1", draws=(REINFORCED, Small()),
       title="Reinforced policies meet condition 1, by mass", measurements=("did_distribution",),
       statement=r"\pi \ne \pi_{ref},\; \tfrac{\pi}{\pi_{ref}} \text{ rises with } \pi_{ref} \implies q(Y^-) \le \pi_{ref}(Y^-),\; "
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


assumptions_reinforcing.assuming(SHARPER, draws=(SHARPENED, Small()))(_sharper)


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
       statement=r"\pi(n) = (1-b)\,b^n,\; \pi_{ref}(n) = (1-a)\,a^n,\; b > a \implies \sum_n \tfrac{\pi(n)}{\pi_{ref}(n)} < \infty",
       reading="geometric policies on 0, 1, 2, ...; the sum is a geometric series in b/a",
       note="The sum is finite only if the policy falls faster than the reference, so that no smoothing has a DID there; where "
            "it is finite, the threshold of the finite case returns: the entropy is lower iff b < a squared.")
def assumptions_infinite(reference: Any, policy: Any) -> Relation:
    return implies(greater(policy, reference, "b and a"), greater(1, policy / reference, "1 and the ratio of the series"))


@assumptions_infinite.corrected(
    r"\sum_{n<N} \tfrac{\pi(n)}{\pi_{ref}(n)} \ge N \tfrac{1-b}{1-a} \text{ for all } N \text{ iff } b \ge a; \text{ the sum is "
    r"finite iff } b < a",
    neighbours={"threshold weak": {"weak": True}, "threshold at the square": {"square": True}, "roles swapped": {"swap": True}})
def _series(reference: Any, policy: Any, *, weak: bool = False, square: bool = False, swap: bool = False) -> Relation:
    a, b = (policy, reference) if swap else (reference, policy)
    ratio = b / a
    grows = both(*(at_least(sum((ratio**k for k in range(n)), 0 * ratio), n) for n in (2, 8)))
    bound = a * a if square else a
    finite = at_least(bound, policy if not swap else reference) if weak else greater(bound, b, "the bound and b")
    if swap:
        finite = greater(reference, policy, "a and b")
    return both(iff(greater(1, ratio, "1 and the ratio of the series"), finite), iff(grows, negation(finite)))


def geometric_entropy(a: Any) -> Any:
    r"""Entropy of :math:`(1-a) a^n` on 0, 1, 2, ...: :math:`-\log(1-a) - \frac{a}{1-a}\log a`."""
    from ..carriers import carrier_of

    log = carrier_of(a).log
    return -log(1 - a) - log(a) * (a / (1 - a))


@claim("did.claim-4.1.assumptions.infinite-entropy", where="Claim 4.1", draws=(Geometric("reference", "did"),), symbolic=(),
       title="On infinitely many outcomes every policy with a DID reinforces, with the same threshold", measurements=ENTROPIES,
       statement=rf"\pi(n) = (1-b)\,b^n,\; \pi_{{ref}}(n) = (1-a)\,a^n,\; b < a \implies H(\pi) < {H_REF} \text{{ and }} "
                 rf"\left({H_Q} < {H_REF} \iff b < a^2\right)",
       reading="our own statement, for geometric policies on 0, 1, 2, ...: the DID is geometric in b/a",
       neighbours={"threshold weak": {"weak": True}, "threshold at a": {"power": 1}, "threshold at the cube": {"power": 3}})
def infinite_entropy(reference: Any, did: Any, *, weak: bool = False, power: int = 2) -> Relation:
    a, b = reference, reference * did
    low = at_least(a**power, b) if weak else greater(a**power, b, "the threshold and b")
    h = geometric_entropy(reference)
    return both(greater(h, geometric_entropy(b), "entropies of the reference and of the policy"),
                iff(greater(h, geometric_entropy(did), "entropies of the reference and of the DID"), low))
