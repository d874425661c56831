r"""Appendix E, reinforcing: what follows for the DID where the policy falls below its reference.

The policy is below the reference exactly where the DID is below 1/Z, its mean under the reference: no more than that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Policies, Small
from ..engine.relations import Relation, at_least, both, exists, forall, greater, iff, implies
from ..policies import probabilities
from .concentration import (
    REINFORCED,
    SHARPENED,
    about_zero,
    changed,
    varies,
)

RISES = r"\tfrac{\pi}{\pi_{ref}} \text{ rises with } \pi_{ref}"


def _where_below(policy: Any, reference: Any) -> tuple[Any, Any, Any]:
    q = probabilities(did_distribution(policy, reference))
    return probabilities(policy), probabilities(reference), q


def below_its_mean(policy: Any, reference: Any, *, weak: bool = False, of: str = "reference", flip: bool = False) -> Relation:
    """The policy is below the reference exactly where the DID is below its mean under the reference, 1/Z."""
    p, r, q = _where_below(policy, reference)
    k = r.shape[-1]
    level = {"reference": (r * q).sum(-1, keepdims=True), "policy": (p * q).sum(-1, keepdims=True),
             "uniform": q.sum(-1, keepdims=True) / k}[of]
    level, q = (q, level) if flip else (level, q)
    below = at_least(level, q) if weak else greater(level, q, "1/Z and the DID")
    return forall(iff(greater(r, p, "reference and policy"), below))


THRESHOLD = r"\pi(y) < \pi_{ref}(y) \iff q(y) < \tfrac{1}{Z} = \mathbb{E}_{\pi_{ref}}[q]"
AROUND = {"threshold weak": {"weak": True}, "threshold 1/K": {"of": "uniform"}, "mean under the policy": {"of": "policy"},
          "the other way": {"flip": True}}


@claim("did.app-e.reinforcing-step", where="Appendix E", title="Where a reinforced policy is below its reference, "
                                                               "the DID is about 0",
       draws=(REINFORCED, Small()), measurements=("did_distribution",),
       statement=rf"\pi_{{ref}} \text{{ not uniform}},\; {RISES} \implies "
                 r"\left(\pi(y) < \pi_{ref}(y) \implies q(y) \le \epsilon\right)",
       reading="about 0: at most a given threshold of 1/10 or less; uniform references, which have no modes, are left "
               "out",
       note="Nothing small follows: the DID there may be as large as 1/Z, which is at least 1/K. The readings by order"
            " (below the DID of unlikely outcomes, as printed) and by the average (below 1/K) fail too; see the sub-"
            "entries.")
def app_e_reinforcing_step(policy: Any, reference: Any, epsilon: Any) -> Relation:
    p, r, q = _where_below(policy, reference)
    return implies(varies(r),
                   forall(implies(greater(r, p, "reference and policy"), at_least(epsilon, q, "epsilon and the DID"))))


app_e_reinforcing_step.corrected(THRESHOLD, draws=(Policies("policy", "reference"),), neighbours=AROUND)(below_its_mean)


@claim("did.app-e.reinforcing-step.condition", where="Appendix E", draws=(REINFORCED, Small()), measurements=("did_distribution",),
       title="Where a reinforced policy is below its reference, the DID is about 0, under condition 1",
       statement=rf"\exists y' : \pi_{{ref}}(y') \le \epsilon,\; {RISES},\; \left(\pi_{{ref}}(y) \le \epsilon "
                 rf"\Rightarrow \pi(y) \le \epsilon,\, q(y) \le "
                 rf"\epsilon\right) \implies \left(\pi(y) < \pi_{{ref}}(y) \implies q(y) \le \epsilon\right)",
       reading="with condition 1 as a hypothesis at the same threshold, and an outcome to which it applies")
def app_e_step_condition(policy: Any, reference: Any, epsilon: Any) -> Relation:
    p, r, q = _where_below(policy, reference)
    applies = exists(at_least(epsilon, r, "epsilon and the reference"))
    return implies(both(applies, about_zero(r, epsilon, p, q)),
                   forall(implies(greater(r, p, "reference and policy"), at_least(epsilon, q, "epsilon and the DID"))))


app_e_step_condition.corrected(THRESHOLD, draws=(Policies("policy", "reference"),), neighbours=AROUND)(below_its_mean)


@claim("did.app-e.reinforcing-step.average", where="Appendix E", draws=(REINFORCED,), measurements=("did_distribution",),
       title="Where a reinforced policy is below its reference, the DID is below average",
       statement=rf"{RISES} \implies \left(\pi(y) < \pi_{{ref}}(y) \implies q(y) < \tfrac1K\right)",
       reading="about 0 in its weakest sense: less than the uniform share")
def app_e_step_average(policy: Any, reference: Any) -> Relation:
    p, r, q = _where_below(policy, reference)
    share = q.sum(-1, keepdims=True) / r.shape[-1]
    return forall(implies(greater(r, p, "reference and policy"), greater(share, q, "1/K and the DID")))


@app_e_step_average.corrected(
    rf"{RISES} \implies \left(\pi(y) < \pi_{{ref}}(y) \iff q(y) < \tfrac1Z\right) \text{{ and }} Z \le K, \text{{ "
    rf"with equality iff }} "
    r"\pi = \pi_{ref} \text{ or } \pi_{ref} \text{ is uniform}",
    neighbours={"never equal": {"never_equal": True}, "at least K": {"flip": True}, "below 1/K": {"of": "uniform"}})
def _average(policy: Any, reference: Any, *, never_equal: bool = False, flip: bool = False, of: str = "reference") -> Relation:
    p, r, _ = _where_below(policy, reference)
    k, z = r.shape[-1], (p / r).sum(-1)
    z, k = (k, z) if flip else (z, k)
    above = greater(k, z, "K and Z")
    strict = both(changed(policy, reference), varies(r))
    size = above if never_equal else both(at_least(k, z), iff(above, strict))
    return both(size, below_its_mean(policy, reference, of=of))


@claim("did.app-e.reinforcing-step.order", where="Appendix E", draws=(REINFORCED, Small()), measurements=("did_distribution",),
       title="Where a reinforced policy is below its reference, the DID is below that of outcomes about 0",
       statement=rf"{RISES} \implies \left(\pi(\tilde y) < \pi_{{ref}}(\tilde y),\; \pi_{{ref}}(y') \le \epsilon < "
                 r"\pi_{ref}(\tilde y) \implies q(\tilde y) < q(y')\right)",
       reading="the displayed comparison of a falling outcome with one where the reference is about 0: at most a given "
               "threshold of 1/10 or less")
def app_e_step_order_of_did(policy: Any, reference: Any, epsilon: Any) -> Relation:
    p, r, q = _where_below(policy, reference)
    falls = both(greater(r[..., :, None], p[..., :, None], "reference and policy"), greater(r[..., :, None], epsilon[..., None]))
    rare = at_least(epsilon[..., None], r[..., None, :], "epsilon and the reference")
    return forall(implies(both(falls, rare), greater(q[..., None, :], q[..., :, None], "DID at the two outcomes")))


@app_e_step_order_of_did.corrected(
    rf"{RISES} \implies \left(\pi_{{ref}}(y') < \pi_{{ref}}(\tilde y) \implies q(\tilde y) \ge q(y')\right)", draws=(REINFORCED,),
    neighbours={"strict": {"strict": True}, "the other way": {"flip": True}, "equally likely ones too": {"weak": True}})
def _order(policy: Any, reference: Any, *, strict: bool = False, flip: bool = False, weak: bool = False) -> Relation:
    _, r, q = _where_below(policy, reference)
    a, b = q[..., :, None], q[..., None, :]
    a, b = (b, a) if flip else (a, b)
    likelier = (at_least if weak else greater)(r[..., :, None], r[..., None, :], "reference at the two outcomes")
    return forall(implies(likelier, (greater if strict else at_least)(a, b, "DID at the two outcomes")))


@claim("did.app-e.reinforcing-step.count", where="Appendix E", draws=(REINFORCED,), measurements=("did_distribution",),
       title="Reinforcing leaves fewer outcomes with a large DID than with a large reference",
       statement=rf"\pi \ne \pi_{{ref}},\; {RISES} \implies \left|\left\{{y : q(y) \ge \tfrac1K\right\}}\right| \le "
                 r"\left|\left\{y : \pi_{ref}(y) \ge \tfrac1K\right\}\right|",
       reading="sufficiently large: at least the uniform share; less: not more, which is less than what is printed")
def app_e_step_count(policy: Any, reference: Any) -> Relation:
    _, r, q = _where_below(policy, reference)
    large = [np.asarray(r.shape[-1] * x >= 1).astype(bool).astype(int).sum(-1) for x in (q, r)]
    return implies(changed(policy, reference), at_least(large[1], large[0], "outcomes of a large reference and of a large DID"))


@app_e_step_count.corrected(
    r"\tfrac{\pi}{\pi_{ref}^2} \text{ rises with } \pi_{ref} \implies \text{for every } k \text{ the } k \text{ least likely outcomes have no "
    r"more mass under } q \text{ than under } \pi_{ref}",
    draws=(SHARPENED,),
    neighbours={"always less": {"strict": True}, "the other way": {"flip": True}, "less by a hundredth": {"factor": (101, 100)}})
def _least_likely(policy: Any, reference: Any, *, strict: bool = False, flip: bool = False,
                  factor: tuple[int, int] = (1, 1)) -> Relation:
    _, r, q = _where_below(policy, reference)
    a, b = (np.cumsum(np.sort(x, -1), -1)[..., :-1] for x in (r, q))
    a, b = (b, a) if flip else (a, b)
    return forall((greater if strict else at_least)(factor[1] * a, factor[0] * b, "sums of the least probabilities"))
