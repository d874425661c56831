r"""The converse of Claim 4.1 (section 4.1): what the entropy of the DID says about the update.

The entropy of the policy falls or rises with which outcomes the DID favours, not with how many it favours.
"""

from __future__ import annotations

from typing import Any

from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Policies, Tempered
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from ..information import entropy, kl_divergence
from ..policies import log_probabilities, probabilities
from .concentration import (
    ENTROPIES,
    H_Q,
    H_REF,
    SHARPENED,
    SPREAD,
    TEMPERED,
    UNEVEN,
    gap,
    higher,
    lower,
    mean,
    varies,
)

CHANGES = {"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
           "by a ninth of it": {"twist": "share"}}


@claim("did.claim-4.1.converse", where="section 4.1, after Claim 4.1", draws=(Policies("policy", "reference"),),
       title="A DID of low entropy reinforces, one of high entropy smooths", measurements=ENTROPIES,
       statement=rf"\left({H_Q} < {H_REF} \implies H(\pi) \le {H_REF}\right) \text{{ and }} "
                 rf"\left({H_Q} > {H_REF} \implies H(\pi) \ge {H_REF}\right)",
       reading="reinforcing and smoothing in their widest sense, that the policy's entropy does not rise and does not "
               "fall",
       note="Every narrower reading of the two words makes the conclusion stronger, so the verdict does not depend on "
            "it.")
def converse(policy: Any, reference: Any) -> Relation:
    p, r = entropy(policy), entropy(reference)
    return both(implies(lower(policy, reference), at_least(r, p, "entropies of the reference and of the policy")),
                implies(higher(policy, reference), at_least(p, r, "entropies of the policy and of the reference")))


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
    side = lower(policy, reference) if by_entropy else greater(c, -kl * (m * d), "covariance and its bound")
    return iff(greater(entropy(reference), entropy(policy), "entropies of the reference and of the policy"), side)


@claim("did.claim-4.1.converse.low", where="section 4.1, after Claim 4.1", title="A DID of low entropy reinforces",
       draws=(Policies("policy", "reference"),), neighbours=CHANGES,
       statement=rf"{H_Q} < {H_REF} \implies H(\pi) \le {H_REF}", reading="reinforcing: the policy's entropy does not rise",
       note="Under the assumption the entropy falls for every DID that is not uniform: the hypothesis adds nothing to "
            "it.",
       measurements=ENTROPIES)
def converse_low(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    h, low, label = entropy(reference), entropy(policy), "entropies of the reference and of the policy"
    return implies(lower(policy, reference), gap(h, low, label, twist) if twist else at_least(h, low, label))


@converse_low.assuming(r"\mathrm{Cov}_{\pi_{ref}}\!\left(q, \log \pi_{ref}\right) \ge 0 \text{: the DID does not favour what "
                       r"the reference finds unlikely}", draws=(SHARPENED,))
def _favours_likely(policy: Any, reference: Any) -> Relation:
    return at_least(covariance(policy, reference, log_probabilities(reference))[0], 0, "covariance and 0")


@claim("did.claim-4.1.converse.high", where="section 4.1, after Claim 4.1", title="A DID of high entropy smooths",
       draws=(Policies("policy", "reference"),), neighbours=CHANGES,
       statement=rf"{H_Q} > {H_REF} \implies H(\pi) \ge {H_REF}",
       reading="smoothing: the policy's entropy does not fall",
       note="Under the assumption the entropy rises for every DID that is not uniform: the hypothesis adds nothing to "
            "it.", measurements=ENTROPIES)
def converse_high(policy: Any, reference: Any, *, twist: str = "") -> Relation:
    h, low, label = entropy(policy), entropy(reference), "entropies of the policy and of the reference"
    return implies(higher(policy, reference), gap(h, low, label, twist) if twist else at_least(h, low, label))


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
        implies(lower(policy, reference), greater(s, 1, "sharpness and 1")),
        implies(both(higher(policy, reference), negation(equal(s, 1))), greater(1, s, "1 and sharpness"))))


@converse_tempering.corrected(
    rf"{UNEVEN},\; \tau \le 1 \implies \left({H_Q} > {H_REF} \iff \tau > \tfrac12\right): "
    r"\text{ a DID of high entropy is learnt by reinforcing as well}", draws=(Tempered(side="sharper"),),
    neighbours={"threshold at 1": {"at": (1, 1)}, "threshold weak": {"weak": True}, "threshold at 2/5": {"at": (5, 2)}})
def _tempered_high(policy: Any, reference: Any, sharpness: Any, *, at: tuple[int, int] = (2, 1), weak: bool = False) -> Relation:
    s, n = sharpness[..., 0] * at[1], at[0]
    side = at_least(n, s) if weak else greater(n, s, "the threshold and the sharpness")
    return implies(varies(probabilities(reference)), iff(higher(policy, reference), side))
