r"""What an event says of outcomes, and of sets of them: Appendix D.1 and the example of section 3.1."""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Integers, Policies, few
from ..engine.relations import Relation, equal, greater, iff, implies
from ..policies import probabilities


@claim(
    "did.app-d.1",
    where="Appendix D.1",
    title="Conditional independence is the factorisation of the joint probability",
    draws=(few(Policies("joint"), K=(4,)),),
    statement=r"P(X \mid Y = y, \pi_{ref}) = P(X \mid Y = y) \iff P(X, \pi_{ref} \mid Y = y) = P(X \mid Y = y)\, P(\pi_{ref} \mid Y = y)",
    reading="at one outcome y, with two models of positive probability; the four outcomes drawn are: X with the reference, X with the other "
    "model, and both without X",
    symbolic=(),
    neighbours={
        "probability of the other model": {"other": True},
        "the condition turned round": {"turn": True},
        "product 3% off": {"slip": True},
    },
)
def factorises(joint: Any, *, other: bool = False, turn: bool = False, slip: bool = False) -> Relation:
    p = carrier_of(joint).exp(joint)
    both_, event, model = p[..., 0], p[..., 0] + p[..., 1], p[..., 0] + p[..., 2]
    given = equal(both_ / event, event, "P(ref | X) and P(X)") if turn else equal(both_ / model, event, "P(X | ref) and P(X)")
    product = event * (1 - model if other else model)
    return iff(given, equal(both_, product * 33 / 32 if slip else product, "P(X, ref) and the product"))


SET = (Policies("policy", "reference"), Integers("inside", axes=("K",), low=0, high=1))


@claim(
    "did.sec-3.1.example",
    where="Section 3.1, after Definition 3.1",
    title="Where an update makes a set of outcomes likelier, the DID is a law of that set",
    draws=SET,
    statement=r"\pi(S) > \pi_{ref}(S) \implies q_{\pi/\pi_{ref}}(S) > \frac{|S|}{|\mathcal{Y}|}",
    reading="S the safe sentences; 'represents their distribution' in its weakest sense: more mass on S than the uniform prior has",
    note="What an update does to a set is a mean over the reference; the DID weighs all outcomes of the set alike.",
    symbolic=(),
)
def likelier_set(policy: Any, reference: Any, inside: Any) -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    return implies(
        greater((inside * p).sum(-1), (inside * r).sum(-1), "policy and reference on the set"),
        greater(r.shape[-1] * (inside * q).sum(-1), inside.sum(-1), "K times the DID of the set and its size"),
    )


@likelier_set.corrected(
    r"\pi(S) > \pi_{ref}(S) \iff \mathbb{E}_{\pi_{ref}}[q \mid S] > \mathbb{E}_{\pi_{ref}}[q]\text{: the DID is larger on } S \text{ on average over the reference}",
    symbolic=(),
    neighbours={
        "every outcome alike": {"of": "uniform"},
        "on average over the policy": {"of": "policy"},
        "the other way": {"flip": True},
        "threshold 1% higher": {"factor": (101, 100)},
    },
)
def likelier_on_average(
    policy: Any, reference: Any, inside: Any, *, of: str = "reference", flip: bool = False,
    factor: tuple[int, int] = (1, 1),
) -> Relation:
    p, r, q = (probabilities(x) for x in (policy, reference, did_distribution(policy, reference)))
    w = {"reference": r, "policy": p, "uniform": 0 * r + 1}[of]
    there, overall = (inside * w * q).sum(-1) * w.sum(-1), (inside * w).sum(-1) * (w * q).sum(-1)
    there, overall = (overall, there) if flip else (there, overall)
    return iff(
        greater((inside * p).sum(-1), (inside * r).sum(-1), "policy and reference on the set"),
        greater(factor[1] * there, factor[0] * overall, "mean of the DID on the set and overall"),
    )
