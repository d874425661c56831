r"""Section 5.2 of Mutual Information DPO: the loss minimised over the policy and the prior.

What the loss sees is :math:`h = \log\pi - \log\zeta` of each prompt, up to a constant: a change of the prior is undone
by the policy :math:`\hat\pi \propto \pi\,\hat\zeta/\zeta`. Policies are tables, as unrestricted as a policy can be; on
compact domains, as 5.2 has them, see `mi_box`. alpha = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.channels import Channels
from ..engine.claim import claim
from ..engine.comparisons import Preferences
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff
from ..objectives import mi_dpo

LOSS = r"J(\pi, \zeta) = J_{MI\text{-}DPO}(\pi, \zeta)"
SIZES = (1, 2)
DATA = Preferences(sizes=SIZES)
MOVED = r"\hat\pi(y|x) \propto \pi(y|x)\,\tfrac{\hat\zeta(y)}{\zeta(y)}"


def tables(*policies: str, priors: tuple[str, ...] = (), responses: tuple[int, ...] = (2, 3)) -> Channels:
    """Policies and priors with full support, without a distribution of prompts."""
    return Channels(*policies, priors=priors, prompts="", zeros=False, sizes=SIZES, responses=responses)


def loss(policy: Any, prior: Any, counts: Any) -> Any:
    c = carrier_of(policy)
    return mi_dpo.loss(c.log(policy), c.log(prior), counts)


def transported(policy: Any, prior: Any, other: Any, *, back: bool = False) -> Any:
    """The policy that does with another prior what a policy does with its own; priors with an axis for prompts."""
    w = policy * (prior / other if back else other / prior)
    return w / w.sum(-1, keepdims=True)


def shared(prior: Any) -> Any:
    """A prior on responses alone, with an axis for the prompts."""
    return prior[..., None, :]


def least(*values: Any) -> Any:
    found = np.asarray(values[0])
    for x in values[1:]:
        found = np.where(np.asarray(x < found).astype(bool), x, found)
    return found


@claim(
    "mi.sec-5.2.inequality", where="Eq 6 and after", title="The joint minimum is at most that with a fixed prior",
    draws=(DATA, tables("policy", "second", priors=("prior", "other"))),
    statement=rf"\min_{{\pi\in\Pi,\,\zeta\in\Xi}} J(\pi,\zeta) \le \min_{{\pi\in\Pi}} J(\pi,\hat\zeta) \text{{ for all }} \hat\zeta\in\Xi, \quad {LOSS}",
    reading="minima that exist (here finite sets of policies and priors), a fixed prior of the same set; with infima the "
            "same holds on any sets",
    neighbours={"strictly": {"strict": True}, "a fixed prior outside the set": {"outside": True},
                "the mean of the two priors": {"mean": True}},
)
def inequality(counts: Any, policy: Any, second: Any, prior: Any, other: Any, *, strict: bool = False,
               outside: bool = False, mean: bool = False) -> Relation:
    rows = [[loss(p, z, counts) for p in (policy, second)] for z in (prior, other)]
    joint = least(*rows[1]) if outside else least(*rows[0], *rows[1])
    fixed = least(*(loss(p, (prior + other) / 2, counts) for p in (policy, second))) if mean else least(*rows[0])
    return greater(fixed, joint) if strict else at_least(fixed, joint, "minimum with a fixed prior and joint minimum")


def better(counts: Any, policy: Any, prior: Any, other: Any) -> Relation:
    """Some value of the joint problem is below what the fixed prior gives for the policy that undoes the change."""
    return greater(loss(transported(policy, prior, other), other, counts), loss(policy, prior, counts),
                   "losses with the fixed and with the learned prior")


def undone(counts: Any, policy: Any, prior: Any, other: Any, *, back: bool = False, keep: bool = False,
           slip: bool = False) -> Relation:
    moved = policy if keep else transported(policy, prior, other, back=back)
    value = loss(policy, prior, counts)
    return equal(loss(moved, other, counts), 101 * value / 100 if slip else value, "losses")


UNDONE = {"policy not moved": {"keep": True}, "moved the other way": {"back": True}, "1% off": {"slip": True}}


@claim(
    "mi.sec-5.2.inequality.better.unrestricted", where="5.2", draws=(DATA, tables("policy", priors=("prior", "other"))),
    title="Over all policies, optimising the prior gives a lower loss than any fixed prior",
    statement=rf"\hat\zeta \ne \zeta^* \implies \text{{some }} (\pi,\zeta^*) \text{{ has }} J(\pi,\zeta^*) < J(\hat\pi,\hat\zeta) \text{{ for every }} \hat\pi, \quad {LOSS}",
    reading="better as strictly lower, another prior than the learned one, over all policies and priors of full support, which 5.2 restricts; "
            "the challenger is one policy under the fixed prior",
)
def joint_better(counts: Any, policy: Any, prior: Any, other: Any) -> Relation:
    return either(forall(equal(prior, other)), better(counts, policy, shared(prior), shared(other)))


@joint_better.corrected(
    rf"J(\hat\pi, \hat\zeta) = J(\pi, \zeta) \text{{ for }} {MOVED}: \quad \inf_{{\pi}} J(\pi,\hat\zeta) = \inf_{{\pi,\zeta}} J(\pi,\zeta) \text{{ for every }} \hat\zeta > 0",
    neighbours=UNDONE)
def joint_same(counts: Any, policy: Any, prior: Any, other: Any, **changed: bool) -> Relation:
    return undone(counts, policy, shared(prior), shared(other), **changed)


@claim(
    "mi.sec-5.2.inequality.dice.unrestricted", where="5.2, last sentence", draws=(DATA, tables("policy", "previous", priors=("prior",))),
    title="Over all policies, where DICE has not reached the optimal prior, the joint loss is lower",
    statement=rf"\hat\zeta = \pi^{{(t-1)}} \ne \zeta^* \implies \text{{some }} (\pi,\zeta) \text{{ has }} J(\pi,\zeta) < J(\hat\pi,\hat\zeta) \text{{ for every }} \hat\pi, \quad {LOSS}",
    reading="one iteration of DICE on the same data, the previous policy for the prior, over all policies and priors, which 5.2 restricts",
)
def dice(counts: Any, policy: Any, prior: Any, previous: Any) -> Relation:
    same = forall(equal(previous, shared(prior)))
    return either(same, better(counts, policy, shared(prior), previous))


@dice.corrected(
    rf"J(\hat\pi, \pi^{{(t-1)}}) = J(\pi, \zeta) \text{{ for }} {MOVED}: \text{{ each iteration of DICE has the joint infimum, whatever it started from}}",
    neighbours=UNDONE)
def dice_same(counts: Any, policy: Any, prior: Any, previous: Any, **changed: bool) -> Relation:
    return undone(counts, policy, shared(prior), previous, **changed)


MIRRORED = Channels("policy", "fixed", priors=("prior",), prompts="", zeros=False, sizes=(2,), responses=(2,))


def mirrored(policy: Any, prior: Any) -> tuple[Any, Any]:
    """The margins of one pair at each of two prompts, which prefer different responses; and the loss."""
    c = carrier_of(policy)
    h = c.log(policy) - c.log(prior)
    gaps = h[..., 0] - h[..., 1]
    margins = gaps * np.array([1, -1])
    return margins, -c.log_sigmoid(margins).sum(-1) / 2


@claim(
    "mi.sec-5.2.inequality.outside", where="5.2", draws=(MIRRORED,), title="The joint minimum against a fixed prior that sees the prompt",
    statement=rf"\min_{{\zeta(y)}} J(\pi,\zeta) \le J(\pi,\hat\zeta) \text{{ for all }} \hat\zeta(y|x), \quad {LOSS}",
    reading="all priors: the learned one is on responses alone as in Eq 4, the fixed ones of section 4 see the prompt; one "
            "policy, the most restricted set; one pair at each of two prompts, labelled in opposite ways",
    note="Of unrestricted policies it is an equality; see mi.sec-5.2.inequality.better.unrestricted.",
)
def outside(policy: Any, fixed: Any) -> Relation:
    margins, _ = mirrored(policy, 0 * policy + 1)  # of every prior on responses alone the two margins have this sum
    least_loss = -carrier_of(policy).log_sigmoid(margins.sum(-1, keepdims=True) / 2)[..., 0]
    return at_least(mirrored(policy, fixed)[1], least_loss, "loss with the fixed prior and least loss with a learned one")


@outside.corrected(
    rf"J(\pi,\zeta) \ge -\log\sigma(\text{{mean margin}}), \text{{ equal}} \iff \text{{the margins are, }} {LOSS}: \text{{ the mean margin of }} \pi \text{{ is the same for }}"
    r"\text{every } \zeta(y), \text{ while a } \hat\zeta(y|x) \text{ raises it at will}",
    neighbours={"for priors that see the prompt": {"sees": True}, "twice the mean": {"twice": True}, "by a hundredth": {"margin": 1}})
def outside_right(policy: Any, fixed: Any, prior: Any, *, sees: bool = False, twice: bool = False, margin: int = 0) -> Relation:
    c = carrier_of(policy)
    total = mirrored(policy, 0 * policy + 1)[0].sum(-1, keepdims=True)
    margins, value = mirrored(policy, fixed if sees else shared(prior))
    jensen = -c.log_sigmoid(total if twice else total / 2)[..., 0]
    gap = value - jensen
    return both(at_least(100 * gap if margin else gap, margin, "loss and its bound"),
                iff(equal(gap, 0), equal(margins[..., 0], margins[..., 1])),
                forall(equal(margins.sum(-1, keepdims=True), total, "sum of the margins")))
