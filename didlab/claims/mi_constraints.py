r"""Section 5.1 of Mutual Information DPO: constraints, CPO and ORPO.

The framework's two phases turn any reward problem, constrained or not, into a Bradley-Terry likelihood of some reward
:math:`r(x, y)`: its values for the two orders of a pair, as probabilities, sum to 1. beta of the losses is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import objectives
from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Policies, Rewards, few
from ..engine.relations import Relation, both, equal, forall, greater, iff
from ..objectives import mi_dpo

ONE = (few(Policies("policy", high=9_999), K=(2, 3)),)
FORM = r"\max\; \mathbb{E}[r] - \tfrac1\beta I_g \text{ s.t. } g(\pi,\zeta) \le \epsilon"


def ordered(x: Any) -> tuple[Any, Any]:
    """Entries of the chosen and of the rejected response, for each ordered pair of different ones."""
    w, l = np.nonzero(1 - np.eye(x.shape[-1], dtype=int))  # noqa: E741
    return x[..., w], x[..., l]


def likelihood(name: str, policy: Any, *, swap: bool = False) -> Any:
    """The loss of CPO or ORPO for each ordered pair, as exp(-loss)."""
    w, l = ordered(policy)  # noqa: E741
    w, l = (l, w) if swap else (w, l)  # noqa: E741
    return carrier_of(policy).exp(-loss(name, w, l))


def loss(name: str, w: Any, l: Any) -> Any:  # noqa: E741
    weight = {"lam": 1} if name == "cpo" else {}
    return objectives.get(name, beta=1, **weight).value(w, l, w, l)


def one_likelihood(name: str, policy: Any) -> Relation:
    return forall(equal(likelihood(name, policy) + likelihood(name, policy, swap=True), 1, "the two orders of a pair"))


def recovered(name: str, policy: Any, *, weight: int = 1, prior: str = "own", percent: int = 100,
              slip: bool = False) -> Relation:
    """The loss as that of MI-DPO with a prior and a penalty, and its two orders."""
    c = carrier_of(policy)
    w, l = ordered(policy)  # noqa: E741
    rest = {"cpo": 0 * policy, "orpo": c.log(1 - c.exp(policy))}[name]
    rest = {"own": rest, "policy": policy / 2, "none": 0 * rest}[prior]
    own = mi_dpo.value(w, l, *ordered(rest))
    value = loss(name, w, l)
    total = likelihood(name, policy) + likelihood(name, policy, swap=True)
    return both(forall(equal(101 * value / 100 if slip else value, own - weight * w, "loss")),
                forall(greater(percent, 100 * total, "1 and the sum of the two orders")))


def neighbours(prior: str) -> dict[str, dict[str, Any]]:
    return {"no penalty": {"weight": 0}, "another prior": {"prior": prior}, "sum below 9/10": {"percent": 90}, "1% off": {"slip": True}}


@claim(
    "mi.sec-5.1.constraints", where="5.1", title="A constraint on the original problem recovers CPO", draws=ONE,
    statement=rf"\text{{some }} g \text{{ in }} {FORM} \text{{ leads, by the two phases of section 3.2, to }} \ell_{{CPO}}: \quad e^{{-\ell(w,l)}} + e^{{-\ell(l,w)}} = 1",
    reading="as printed, the constraint belongs to the problem of section 3.1; whatever the optimal policy then is, its reward "
            "goes into Eq 2, and the equation is what every loss derived so satisfies",
    note="A penalty added to the loss is another thing, and does recover CPO; so does a constraint on the loss itself, at a "
         "level that depends on the data.",
)
def cpo(policy: Any) -> Relation:
    return one_likelihood("cpo", policy)


@cpo.corrected(
    r"e^{-\ell_{CPO}(w,l)} + e^{-\ell_{CPO}(l,w)} < 1: \text{ no constraint leads there, but } \ell_{CPO} = \ell_{MI\text{-}DPO}(\pi, \zeta \text{ uniform}) - "
    r"\lambda\log\pi(y_w|x) \text{: the Lagrangian of the loss under a constraint on the likelihood}",
    neighbours=neighbours("policy"))
def cpo_right(policy: Any, **changed: Any) -> Relation:
    return recovered("cpo", policy, **changed)


@claim(
    "mi.sec-5.1.constraints.orpo", where="5.1", title="A constraint on the original problem recovers ORPO", draws=ONE,
    statement=rf"\text{{some }} g \text{{ in }} {FORM} \text{{ leads, by the two phases of section 3.2, to }} \ell_{{ORPO}}: \quad e^{{-\ell(w,l)}} + e^{{-\ell(l,w)}} = 1",
    reading="as for CPO",
)
def orpo(policy: Any) -> Relation:
    return one_likelihood("orpo", policy)


@orpo.corrected(
    r"e^{-\ell_{ORPO}(w,l)} + e^{-\ell_{ORPO}(l,w)} < 1: \text{ no constraint leads there, but } \ell_{ORPO} = \ell_{MI\text{-}DPO}(\pi, \zeta = 1 - \pi) - "
    r"\log\pi(y_w|x) \text{ with } \alpha = 1 \text{: a prior that contains the policy, and a penalty}",
    neighbours=neighbours("none"))
def orpo_right(policy: Any, **changed: Any) -> Relation:
    return recovered("orpo", policy, **changed)


@claim(
    "mi.sec-5.1.constraints.likelihood", where="ours", draws=(Rewards("reward"), Rewards("shift")),
    title="What every loss of the framework satisfies",
    statement=r"\ell(w,l) = -\log\sigma(r(y_w) - r(y_l)) \implies e^{-\ell(w,l)} + e^{-\ell(l,w)} = 1; \text{ a change of the reward keeps } \ell \iff \text{ it is constant}",
    reading="not in the paper: the test that CPO and ORPO fail",
    neighbours={"likelihood weighed by 99/100": {"slip": True}, "margin doubled on one side": {"double": True}, "a change of the third response keeps it": {"third": True}},
)
def every_loss(reward: Any, shift: Any, *, slip: bool = False, double: bool = False, third: bool = False) -> Relation:
    c = carrier_of(reward)
    w, l = ordered(reward)  # noqa: E741
    first, last = c.sigmoid(2 * (w - l) if double else w - l), c.sigmoid(l - w)
    moved = [a + b for a, b in zip(ordered(reward), ordered(shift), strict=True)]
    same = forall(equal(moved[0] - moved[1], w - l, "reward differences"))
    constant = forall(equal(shift[..., :2] if third else shift, shift[..., :1]))
    return both(forall(equal(99 * first / 100 + last if slip else first + last, 1, "the two orders of a pair")),
                iff(same, constant))
