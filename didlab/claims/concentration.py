r"""The words of Claim 4.1 as relations: changed, ordered alike, sharper than the reference, about 0.

Shared by the statements on the entropy of the DID and on Appendix E. Policies are log-probabilities; ratios and
thresholds are compared on probabilities, where they stay rational.
"""

from __future__ import annotations

from typing import Any

from ..did import did_entropy
from ..engine.kinds import Ordered, Tailed
from ..engine.relations import Relation, at_least, both, either, equal, exists, forall, greater, implies, negation
from ..information import entropy
from ..policies import probabilities

__all__ = [
    "ENTROPIES", "FEW_MODES", "H_Q", "H_REF", "NEAR_ZERO", "REINFORCED", "SHARPENED", "SHARPER", "SMOOTHED", "SPREAD",
    "TEMPERED", "TWISTS", "UNEVEN", "about_zero", "changed", "few_modes", "gap", "higher", "lower", "mean",
    "sharper_than_reference", "together", "varies",
]

H_Q, H_REF = r"H(q_{\pi/\pi_{ref}})", r"H(\pi_{ref})"
TEMPERED = r"\pi \propto \pi_{ref}^{1/\tau}"
UNEVEN = r"\pi_{ref} \text{ not uniform}"
NEAR_ZERO = r"\left(\pi_{ref}(y) \le \epsilon \Rightarrow \pi(y) \le \epsilon,\; q(y) \le \epsilon\right)"
ENTROPIES = ("did_entropy", "entropy")
REINFORCED, SMOOTHED = Ordered("reference", "policy"), Ordered("policy", "reference")
SHARPENED = Ordered("reference", "policy", power=2)
SPREAD = Tailed(SMOOTHED, "reference")
SHARPER = (
    r"\frac{\pi(y)}{\pi_{ref}(y)^2} \text{ rises with } \pi_{ref}(y) \text{ and is not constant: the update is sharper "
    r"than the reference itself (for tempering, } \tau < \tfrac12 \text{)}"
)
FEW_MODES = (
    r"H\!\left(\tfrac{1}{\pi_{ref}}\right) \ge H(\pi_{ref}) \text{, with } \tfrac{1}{\pi_{ref}} \text{ normalised: "
    r"the reference does not have a few unlikely outcomes among many likely ones}"
)


def varies(x: Any, label: str = "") -> Relation:
    """Not the same at all outcomes."""
    return exists(negation(equal(x, x[..., :1], label)))


def changed(policy: Any, reference: Any) -> Relation:
    """The policy is not the reference."""
    return exists(negation(equal(probabilities(policy), probabilities(reference), "policy and reference")))


def together(x: Any, y: Any, *, against: bool = False) -> Relation:
    """y never falls (or, against, never rises) where x rises."""
    x_up = at_least(x[..., None, :], x[..., :, None])
    y_up = at_least(y[..., None, :], y[..., :, None]) if against else at_least(y[..., :, None], y[..., None, :])
    return forall(either(x_up, y_up))


def sharper_than_reference(policy: Any, reference: Any) -> Relation:
    """The policy over the square of the reference rises with the reference and is not constant."""
    r = probabilities(reference)
    k = probabilities(policy) / (r * r)
    return both(together(r, k), varies(k, "policy over reference squared"))


def few_modes(reference: Any) -> Relation:
    """The normalised inverse of the reference has at least the entropy of the reference."""
    return at_least(entropy(-reference), entropy(reference), "entropy of 1/reference and of the reference")


def about_zero(reference: Any, epsilon: Any, *others: Any) -> Relation:
    """Wherever the reference is at most epsilon, so are the others (all of them probabilities)."""
    rare = at_least(epsilon, reference, "epsilon and the reference")
    return forall(both(*(implies(rare, at_least(epsilon, x, "epsilon and the mass there")) for x in others)))


def mean(weights: Any, values: Any) -> Any:
    """Expectation under weights that sum to 1."""
    return (weights * values).sum(-1)


def gap(high: Any, low: Any, label: str, twist: str) -> Relation:
    """high > low; the twists are false statements near it, such as the same with a margin."""
    if twist == "flipped":
        high, low = low, high
    if twist == "margin":
        high, low = 100 * high, 100 * low + 1
    if twist == "share":
        high, low = 9 * high, 10 * low
    return greater(high, low, label)


def lower(policy: Any, reference: Any, twist: str = "") -> Relation:
    """The entropy of the DID is below that of the reference."""
    low = did_entropy(policy, reference)
    return gap(entropy(policy if twist == "policy" else reference), low, "entropies of the reference and of the DID", twist)


def higher(policy: Any, reference: Any, twist: str = "") -> Relation:
    """The entropy of the DID is above that of the reference."""
    low = entropy(policy if twist == "policy" else reference)
    return gap(did_entropy(policy, reference), low, "entropies of the DID and of the reference", twist)


TWISTS = {"by a hundredth of a nat": {"twist": "margin"}, "the other way": {"twist": "flipped"},
          "compared with the policy": {"twist": "policy"}, "by a ninth of it": {"twist": "share"}}
