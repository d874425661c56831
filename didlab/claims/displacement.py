r"""Likelihood displacement (section 4.2): what the entropy of the DID says about falling likelihoods.

With :math:`q` the DID from the reference to the target, :math:`\pi^*(y) < \pi_{ref}(y)` exactly where
:math:`q(y) < \mathbb{E}_{\pi_{ref}}[q]`; on average over chosen responses the likelihood falls for every update.
"""

from __future__ import annotations

from typing import Any

from ..did import did_entropy
from ..engine.claim import claim
from ..engine.kinds import Ordered, Policies, Ranked, Tailed
from ..engine.relations import (
    Relation,
    at_least,
    both,
    either,
    equal,
    exists,
    forall,
    greater,
    iff,
    implies,
    negation,
)
from ..information import entropy, kl_divergence
from ..policies import log_probabilities, probabilities
from .concentration import changed, mean, varies
from .reinforcing_step import below_its_mean

Q = r"q_{\pi^*/\pi_{ref}}"
HIGH = rf"H({Q}) > H(\pi_{{ref}})"
CHOSEN = r"\mathbb{E}_{y_w \sim \pi_{ref}}\!\left[\log \pi^*(y_w) - \log \pi_{ref}(y_w)\right]"
FALLS = r"\pi^*(y) < \pi_{ref}(y)"
PAIR = (Policies("target", "reference"),)


def change(target: Any, reference: Any, under: Any) -> Any:
    """Expected change of the log-likelihood from the reference to the target, over responses from a policy."""
    return mean(probabilities(under), log_probabilities(target) - log_probabilities(reference))


def high(target: Any, reference: Any) -> Relation:
    """The DID has more entropy than the reference."""
    return greater(did_entropy(target, reference), entropy(reference), "entropies of the DID and of the reference")


# Section 4.2


@claim("did.sec-4.2.displacement", where="section 4.2", title="Likelihood displacement is the mark of a DID of high "
                                                              "entropy",
       draws=PAIR, measurements=("did_entropy", "entropy", "log_ratio"),
       statement=rf"\pi^* \ne \pi_{{ref}},\; \pi_{{ref}} \text{{ not uniform}},\; H({Q}) \ne H(\pi_{{ref}}) \implies \left({CHOSEN} < 0 \iff {HIGH}\right)",
       reading="displacement: a fall of the log-likelihood expected over chosen responses, which section 3 draws from "
               "the reference; ties of the two entropies are left out",
       note="The average falls for every update, whatever the entropy of its DID. Outcome by outcome, the entropy does"
            " not decide either; see the sub-entries and did.sec-4.2.displacement-at-mode.")
def displacement(target: Any, reference: Any) -> Relation:
    falls = greater(0, change(target, reference, reference), "0 and the expected change")
    tie = equal(did_entropy(target, reference), entropy(reference), "entropies of the DID and of the reference")
    return implies(both(changed(target, reference), varies(probabilities(reference)), negation(tie)), iff(falls, high(target, reference)))


@displacement.corrected(
    rf"{CHOSEN} < 0 \iff \pi^* \ne \pi_{{ref}} \text{{, and it is never above 0: }} {CHOSEN} = "
    rf"-D_{{KL}}[\pi_{{ref}} \,\|\, \pi^*]",
    neighbours={"below 0 always": {"always": True}, "over the target's responses": {"of": "target"}, "above 0": {"flip": True},
                "divergence the other way": {"turn": True}})
def _always(target: Any, reference: Any, *, always: bool = False, of: str = "reference", flip: bool = False,
            turn: bool = False) -> Relation:
    c = change(target, reference, target if of == "target" else reference)
    d = kl_divergence(target, reference) if turn else kl_divergence(reference, target)
    falls = greater(c, 0) if flip else greater(0, c, "0 and the expected change")
    return falls if always else both(iff(falls, changed(target, reference)), equal(c, -d, "expected change"))


@claim("did.sec-4.2.displacement.average", where="section 4.2", draws=(Ranked("reference", "did"),),
       title="Learning a DID of high entropy lowers the expected likelihood of the chosen responses",
       statement=rf"\pi^* \ne \pi_{{ref}},\; {HIGH} \implies {CHOSEN} < 0", measurements=("did_entropy", "entropy", "log_ratio"),
       reading="the implication alone",
       note="It holds because every update lowers this average; the hypothesis on the entropy is not needed.",
       neighbours={"pi* = ref too": {"always": True}, "by a hundredth of a nat": {"margin": 1}, "rises": {"flip": True}})
def displacement_average(reference: Any, did: Any, *, always: bool = False, margin: int = 0, flip: bool = False) -> Relation:
    target = log_probabilities(reference + did)
    c = change(target, reference, reference)
    falls = greater(-margin, (-100 if flip else 100) * c, "0 and the expected change")
    more = greater(entropy(did), entropy(reference), "entropies of the DID and of the reference")
    return implies(more if always else both(more, changed(target, reference)), falls)


@claim("did.sec-4.2.displacement.low", where="section 4.2", title="Learning a DID of low entropy displaces no "
                                                                  "likelihood",
       draws=(Ranked("did", "reference"),), measurements=("did_entropy", "entropy", "log_ratio"),
       statement=rf"H({Q}) < H(\pi_{{ref}}),\; \pi_{{ref}} \text{{ not uniform}} \implies {CHOSEN} \ge 0",
       reading="the other half of being the mark of high entropy: reinforcing updates do not displace")
def displacement_low(reference: Any, did: Any) -> Relation:
    c = change(log_probabilities(reference + did), reference, reference)
    less = greater(entropy(reference), entropy(did), "entropies of the reference and of the DID")
    return implies(both(less, varies(probabilities(reference))), at_least(c, 0, "expected change and 0"))


@displacement_low.corrected(
    rf"{CHOSEN} < 0 \iff {Q} \text{{ is not uniform}}",
    neighbours={"always": {"always": True}, "rises": {"flip": True}, "iff the DID differs from the reference": {"other": True}})
def _not_uniform(reference: Any, did: Any, *, always: bool = False, flip: bool = False, other: bool = False) -> Relation:
    c = change(log_probabilities(reference + did), reference, reference)
    falls = greater(c, 0) if flip else greater(0, c, "0 and the expected change")
    return falls if always else iff(falls, changed(did, reference if other else 0 * did))


@claim("did.sec-4.2.displacement.pointwise", where="section 4.2", draws=(Ranked("reference", "did"),),
       title="Learning a DID of high entropy lowers the likelihood of every response", measurements=("did_entropy", "log_ratio"),
       statement=rf"\pi^* \ne \pi_{{ref}},\; {HIGH} \implies \forall y: {FALLS}",
       reading="the display of the section, at every response that can be chosen")
def displacement_pointwise(reference: Any, did: Any) -> Relation:
    target = log_probabilities(reference + did)
    more = greater(entropy(did), entropy(reference), "entropies of the DID and of the reference")
    return implies(both(more, changed(target, reference)),
                   forall(greater(probabilities(reference), probabilities(target), "reference and target")))


@displacement_pointwise.corrected(
    r"\pi^* \ne \pi_{ref} \iff \text{some likelihoods fall and some rise: } "
    r"\exists y, y': \pi^*(y) < \pi_{ref}(y),\; \pi^*(y') > \pi_{ref}(y')",
    neighbours={"always": {"always": True}, "all fall or all rise": {"alike": True}, "the peaks fall": {"peaks": True}})
def _some(reference: Any, did: Any, *, always: bool = False, alike: bool = False, peaks: bool = False) -> Relation:
    target = log_probabilities(reference + did)
    p, r = probabilities(target), probabilities(reference)
    falls, rises = greater(r, p, "reference and target"), greater(p, r, "target and reference")
    some = either(forall(falls), forall(rises)) if alike else both(exists(falls), exists(rises))
    if peaks:
        some = both(some, forall(implies(peak(r), falls)))
    return some if always else iff(changed(target, reference), some)


@claim("did.sec-4.2.displacement-at-mode", where="section 4.2", draws=PAIR, measurements=("did_entropy", "log_ratio"),
       title="Learning a DID of high entropy lowers the likelihood at the reference's peaks",
       statement=rf"\pi^* \ne \pi_{{ref}},\; \pi_{{ref}} \text{{ not uniform}},\; {HIGH} \implies {FALLS} \text{{ "
                 rf"at every mode of }} "
                 r"\pi_{ref}",
       reading="peaks: the outcomes of the highest probability under the reference",
       note="Under the assumption the peaks fall whatever the entropy of the DID. What decides is the DID at the peak "
            "against its mean under the reference, whatever its entropy; see the sub-entry.",
       neighbours={"by a hundredth": {"margin": 1}, "at the least likely outcomes": {"least": True}, "rises there": {"flip": True}})
def displacement_at_mode(target: Any, reference: Any, *, margin: int = 0, least: bool = False, flip: bool = False) -> Relation:
    r, p = probabilities(reference), probabilities(target)
    drop = greater((-100 if flip else 100) * (r - p), margin, "fall of the probability")
    return implies(both(high(target, reference), changed(target, reference), varies(r)),
                   forall(implies(peak(r, least=least), drop)))


def peak(r: Any, *, least: bool = False) -> Relation:
    """The outcomes of the highest (or the least) probability."""
    return at_least(r.min(-1, keepdims=True), r) if least else at_least(r, r.max(-1, keepdims=True))


@displacement_at_mode.assuming(
    r"\pi_{ref}(y) \ge \pi_{ref}(y') \implies q(y) \le q(y') "
    r"\text{: the update takes from the likely and gives to the unlikely, "
    r"it smooths}", draws=(Tailed(Ordered("target", "reference"), "reference"),))
def _smooths(target: Any, reference: Any) -> Relation:
    r, ratio = probabilities(reference), probabilities(target) / probabilities(reference)
    return forall(implies(at_least(r[..., :, None], r[..., None, :], "reference at two outcomes"),
                          at_least(ratio[..., None, :], ratio[..., :, None], "ratio at two outcomes")))


@claim("did.sec-4.2.displacement-at-mode.threshold", where="section 4.2", draws=PAIR, measurements=("did_distribution", "log_ratio"),
       title="Where likelihoods fall, exactly",
       statement=rf"{FALLS} \iff {Q}(y) < \mathbb{{E}}_{{\pi_{{ref}}}}\!\left[{Q}\right]",
       reading="our own statement, at every outcome",
       neighbours={"weak": {"weak": True}, "threshold 1/K": {"of": "uniform"}, "mean under the target": {"of": "policy"},
                   "the other way": {"flip": True}})
def displacement_threshold(target: Any, reference: Any, *, weak: bool = False, of: str = "reference", flip: bool = False) -> Relation:
    return below_its_mean(target, reference, weak=weak, of=of, flip=flip)
