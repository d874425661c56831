r"""Section 5.2 of Mutual Information DPO: the loss minimised over the policy and the prior.

What the loss sees is :math:`h = \log\pi - \log\zeta` of each prompt, up to a constant: a change of the prior is undone
by the policy :math:`\hat\pi \propto \pi\,\hat\zeta/\zeta`. Policies are tables, as unrestricted as a policy can be;
alpha = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.channels import Channels, Preferences
from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater
from ..objectives import mi_dpo
from .formulas import differences

LOSS = r"J(\pi, \zeta) = J_{MI\text{-}DPO}(\pi, \zeta)"
SIZES = (1, 2)
DATA = Preferences(sizes=SIZES)
MOVED = r"\hat\pi(y|x) \propto \pi(y|x)\,\tfrac{\hat\zeta(y)}{\zeta(y)}"


def tables(*policies: str, priors: tuple[str, ...] = ()) -> Channels:
    """Policies and priors with full support, without a distribution of prompts."""
    return Channels(*policies, priors=priors, prompts="", zeros=False, sizes=SIZES)


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
    "mi.sec-5.2.inequality.better", where="5.2", draws=(DATA, tables("policy", priors=("prior", "other"))),
    title="Optimising the prior gives a lower loss than any fixed prior",
    statement=rf"\hat\zeta \ne \zeta^* \implies \text{{some }} (\pi,\zeta^*) \text{{ has }} J(\pi,\zeta^*) < J(\hat\pi,\hat\zeta) \text{{ for every }} \hat\pi, \quad {LOSS}",
    reading="better as strictly lower, another prior than the learned one, policies unrestricted; the challenger is one policy under the fixed prior",
)
def joint_better(counts: Any, policy: Any, prior: Any, other: Any) -> Relation:
    return either(forall(equal(prior, other)), better(counts, policy, shared(prior), shared(other)))


@joint_better.corrected(
    rf"J(\hat\pi, \hat\zeta) = J(\pi, \zeta) \text{{ for }} {MOVED}: \quad \inf_{{\pi}} J(\pi,\hat\zeta) = \inf_{{\pi,\zeta}} J(\pi,\zeta) \text{{ for every }} \hat\zeta > 0",
    neighbours=UNDONE)
def joint_same(counts: Any, policy: Any, prior: Any, other: Any, **changed: bool) -> Relation:
    return undone(counts, policy, shared(prior), shared(other), **changed)


@claim(
    "mi.sec-5.2.inequality.dice", where="5.2, last sentence", draws=(DATA, tables("policy", "previous", priors=("prior",))),
    title="Where DICE has not reached the optimal prior, the joint loss is lower",
    statement=rf"\hat\zeta = \pi^{{(t-1)}} \ne \zeta^* \implies \text{{some }} (\pi,\zeta) \text{{ has }} J(\pi,\zeta) < J(\hat\pi,\hat\zeta) \text{{ for every }} \hat\pi, \quad {LOSS}",
    reading="one iteration of DICE on the same data, the previous policy for the prior, policies unrestricted",
)
def dice(counts: Any, policy: Any, prior: Any, previous: Any) -> Relation:
    same = forall(equal(previous, shared(prior)))
    return either(same, better(counts, policy, shared(prior), previous))


@dice.corrected(
    rf"J(\hat\pi, \pi^{{(t-1)}}) = J(\pi, \zeta) \text{{ for }} {MOVED}: \text{{ each iteration of DICE has the joint infimum, whatever it started from}}",
    neighbours=UNDONE)
def dice_same(counts: Any, policy: Any, prior: Any, previous: Any, **changed: bool) -> Relation:
    return undone(counts, policy, shared(prior), previous, **changed)


@claim(
    "mi.sec-5.2.attained", where="5.2", title="The joint minimum exists", draws=(DATA, tables("policy", "second", priors=("prior", "other"))),
    statement=r"|J(\pi,\zeta) - J(\pi',\zeta')| \le \max_{(x,w,l)\in D} \left|\log\tfrac{\pi_w\zeta_l}{\zeta_w\pi_l} - \log\tfrac{\pi'_w\zeta'_l}{\zeta'_w\pi'_l}\right|:"
              r"\; J \text{ is continuous, so that it has a minimum on compact sets of logits}",
    reading="compact domains as the paper asks for, in the log-probabilities, where they exclude probabilities of 0",
    neighbours={"half of it": {"factor": 2}, "three quarters": {"factor": (4, 3)}, "of the mean change": {"mean": True},
                "in probabilities": {"linear": True}},
)
def attained(counts: Any, policy: Any, second: Any, prior: Any, other: Any, *, factor: Any = 1, mean: bool = False,
             linear: bool = False) -> Relation:
    c = carrier_of(policy)
    top, bottom = factor if isinstance(factor, tuple) else (factor, 1)
    a, b = (mi_dpo.margins(c.log(p), c.log(z)) for p, z in ((policy, prior), (second, other)))
    if linear:
        a, b = differences(policy - shared(prior)), differences(second - shared(other))
    seen = np.where(np.asarray(counts > 0).astype(bool), 1 + 0 * counts, 0 * counts)
    change = abs(a - b) * seen
    flat = change.reshape(*change.shape[:-3], -1)
    bound = flat.sum(-1) / seen.sum(-1).sum(-1).sum(-1) if mean else flat.max(-1)
    gap = abs(loss(policy, prior, counts) - loss(second, other, counts))
    return at_least(bound * bottom, top * gap, "change of the margins and of the loss")


@claim(
    "mi.sec-5.2.attained.unrestricted", where="Eq 6", title="The joint minimum exists over all policies and priors",
    draws=(DATA, tables("policy", priors=("prior",))),
    statement=rf"\text{{some }} (\pi^*,\zeta^*) \text{{ has }} J(\pi^*,\zeta^*) \le J(\pi,\zeta) \text{{ for all }} \pi, \zeta, \quad {LOSS}",
    reading="the pair of Eq 6, full support; for each proposed pair a move of the log-ratios is computed that must not help",
    note="Where a pair is on no cycle its margin grows for ever: the infimum is approached by policies and priors that "
         "lose support, and nothing in the data says which.",
    neighbours={"lower still by doubling the log-ratios": {"double": True}, "no move of them helps": {"any_move": True},
                "the loss is above that of no preference": {"coin": True}},
)
def unrestricted(counts: Any, policy: Any, prior: Any, *, double: bool = False, any_move: bool = False,
                 coin: bool = False) -> Relation:
    value = loss(policy, prior, counts)
    if coin:
        return at_least(value, loss(0 * policy + shared(prior), prior, counts))
    if double:
        return at_least(loss(policy * policy / shared(prior), prior, counts), value)
    move = escape(counts, policy) if not any_move else np.broadcast_to(np.arange(policy.shape[-1]), policy.shape)
    return at_least(loss(policy * 2**move, prior, counts), value, "after and before the move")


def escape(counts: Any, policy: Any) -> np.ndarray:
    """Integers by which the move of :func:`mi_dpo.escape` doubles the odds of a response."""
    return np.broadcast_to(mi_dpo.escape(counts), policy.shape)


@unrestricted.assuming(r"\text{every pair of the data lies on a cycle of preferences at its prompt}",
                       draws=(Preferences(cyclic=True, sizes=SIZES), tables("policy", priors=("prior",))))
def cyclic(counts: Any) -> Relation:
    return equal(mi_dpo.on_cycles(counts).astype(int), 1, "pairs on cycles")


@claim(
    "mi.sec-5.2.attained.exactly", where="ours", draws=(DATA, tables("policy", priors=("prior",))),
    title="Exactly when the joint minimum exists",
    statement=r"\min_{\pi,\zeta} J \text{ exists} \iff \text{every pair of the data lies on a cycle of preferences at its prompt}",
    reading="not in the paper. On a cycle of at most K responses the margins sum to 0, so that N J is at least 1/(K-1) of the "
            "greatest margin of a pair: only log-ratios of a bounded set compete. Else one move lowers every loss.",
    neighbours={"each compared response wins": {"wins": True}, "each pair is labelled both ways": {"mutual": True},
                "cycles over prompts": {"pooled": True}, "always": {"always": True}},
)
def exactly(counts: Any, policy: Any, prior: Any, *, wins: bool = False, mutual: bool = False, pooled: bool = False,
            always: bool = False) -> Relation:
    c, seen = carrier_of(policy), np.asarray(counts > 0).astype(bool)
    on = mi_dpo.on_cycles(counts)
    if wins:
        on = np.broadcast_to(np.logical_or(np.any(seen, -1), np.logical_not(np.any(seen, -2)))[..., None], seen.shape)
    if mutual:
        on = np.logical_not(seen) | seen.swapaxes(-1, -2)
    if pooled:
        on = np.logical_not(seen) | mi_dpo.on_cycles(counts.sum(-3, keepdims=True))
    holds = equal(on.astype(int), 0 if always else 1, "pairs on cycles")
    value = loss(policy, prior, counts)
    margins = abs(mi_dpo.margins(c.log(policy), c.log(prior))) * seen.astype(int)
    largest = margins.reshape(*margins.shape[:-3], -1).max(-1)
    total = counts.sum(-1).sum(-1).sum(-1)
    bounded = at_least((policy.shape[-1] - 1) * total * value, largest, "loss and greatest margin")
    lower = greater(value, loss(policy * 2**escape(counts, policy), prior, counts), "before and after the move")
    every = forall(holds)
    return both(either(Relation("not", parts=(every,)), bounded), either(every, lower))
