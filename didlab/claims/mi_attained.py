r"""Section 5.2 of Mutual Information DPO: whether the joint minimum of the loss exists.

Policies and priors have full support and are otherwise unrestricted; alpha = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.comparisons import Preferences
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff
from ..objectives import mi_dpo
from .formulas import differences
from .mi_box import STEPS, odds, pair_loss, steps
from .mi_joint import DATA, LOSS, SIZES, loss, shared, tables

FOUR = (2, 3, 4)  # responses: of fewer than four a pair that is on no cycle has a response that is on none


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
    reading="the pair of Eq 6, full support; existence by what it needs, that no pair is improved by one and the same move of "
            "the log-ratios, and by what is enough, that the loss grows with the greatest margin of a compared pair",
    note="Where a pair is on no cycle its margin grows for ever: the infimum is approached by policies and priors that "
         "lose support, and nothing in the data says which.",
    neighbours={"the loss grows twice as fast as the margin": {"fast": True}, "no move of the log-ratios helps": {"any_move": True},
                "the loss is above that of no preference": {"coin": True}},
)
def unrestricted(counts: Any, policy: Any, prior: Any, *, fast: bool = False, any_move: bool = False,
                 coin: bool = False) -> Relation:
    value = loss(policy, prior, counts)
    if coin:
        return at_least(value, loss(0 * policy + shared(prior), prior, counts))
    move = np.broadcast_to(np.arange(policy.shape[-1]), policy.shape) if any_move else escape(counts, policy)
    return both(at_least(loss(policy * 2**move, prior, counts), value, "after and before the move"),
                grows(counts, policy, prior, value, times=2 if fast else 1))


def grows(counts: Any, policy: Any, prior: Any, value: Any, *, times: int = 1) -> Relation:
    """The losses of all pairs sum to no less than the greatest margin of a compared pair (that many times)."""
    c = carrier_of(policy)
    margins = abs(mi_dpo.margins(c.log(policy), c.log(prior))) * np.asarray(counts > 0).astype(int)
    largest = margins.reshape(*margins.shape[:-3], -1).max(-1)
    total = counts.sum(-1).sum(-1).sum(-1)
    return at_least(total * value, times * largest, "sum of the losses and greatest margin")


def escape(counts: Any, policy: Any) -> np.ndarray:
    """Integers by which the move of :func:`mi_dpo.escape` doubles the odds of a response."""
    return np.broadcast_to(mi_dpo.escape(counts), policy.shape)


@unrestricted.assuming(r"\text{every pair of the data lies on a cycle of preferences at its prompt}",
                       draws=(Preferences(cyclic=True, sizes=SIZES), tables("policy", priors=("prior",))))
def cyclic(counts: Any) -> Relation:
    return equal(mi_dpo.on_cycles(counts).astype(int), 1, "pairs on cycles")


@claim(
    "mi.sec-5.2.attained.exactly", where="ours",
    draws=(Preferences(sizes=SIZES, responses=FOUR), tables("policy", priors=("prior",), responses=FOUR)),
    title="Exactly when the joint minimum exists",
    statement=r"\min_{\pi,\zeta} J \text{ exists} \iff \text{every pair of the data lies on a cycle of preferences at its prompt}",
    reading="not in the paper. On a cycle the margins sum to 0, so that the losses of its pairs, each above minus its margin, "
            "sum to more than the greatest of them: only log-ratios of a bounded set compete. Else one move lowers the loss.",
    neighbours={"each pair is labelled both ways": {"mutual": True},
                "cycles over prompts": {"pooled": True}, "always": {"always": True}},
)
def exactly(counts: Any, policy: Any, prior: Any, *, mutual: bool = False, pooled: bool = False,
            always: bool = False) -> Relation:
    seen = np.asarray(counts > 0).astype(bool)
    on = mi_dpo.on_cycles(counts)
    if mutual:
        on = np.logical_not(seen) | seen.swapaxes(-1, -2)
    if pooled:
        on = np.logical_not(seen) | mi_dpo.on_cycles(counts.sum(-3, keepdims=True))
    holds = equal(on.astype(int), 0 if always else 1, "pairs on cycles")
    value = loss(policy, prior, counts)
    bounded = grows(counts, policy, prior, value)
    lower = greater(value, loss(policy * 2**escape(counts, policy), prior, counts), "before and after the move")
    every = forall(holds)
    return both(either(Relation("not", parts=(every,)), bounded), either(every, lower))


@claim(
    "mi.sec-5.2.attained.boundary", where="ours", title="On compact domains a pair that is never contradicted drives both to the boundary",
    draws=(Numbers("edge", below_one=True), steps("policy", "prior")), symbolic=(),
    statement=rf"|\log\tfrac{{\pi_w}}{{\pi_l}}| \le B,\; |\log\tfrac{{\zeta_w}}{{\zeta_l}}| \le B: \text{{ the only minimiser of }} {LOSS} \text{{ has }} "
              r"\log\tfrac{\pi_w}{\pi_l} = B,\; \log\tfrac{\zeta_w}{\zeta_l} = -B, \text{ and } J = \log(1 + e^{-2B})",
    reading="not in the paper: one prompt, two responses, one of them always chosen; the challengers are odds within the bounds, "
            "the bounds included. The constraint determines policy and prior, and the learned prior speaks against the data",
    neighbours={"the prior at B as well": {"same": True}, "the prior at 0": {"zero": True}, "value with B": {"single": True},
                "by a hundredth at least": {"margin": 1}},
)
def corner(edge: Any, policy: Any, prior: Any, *, same: bool = False, zero: bool = False, single: bool = False,
           margin: int = 0) -> Relation:
    best = pair_loss(1 / edge, 1 / edge if same else edge / edge if zero else edge)
    value, c = pair_loss(odds(edge, policy), odds(edge, prior)), carrier_of(edge)
    gap = value - best
    only = iff(equal(value, best), both(equal(policy, STEPS), equal(prior, 0)))
    return both(at_least(100 * gap, margin) if margin else both(at_least(value, best, "loss inside and at the corner"), only),
                equal(best, c.log(1 + edge * (1 if single else edge)), "loss at the corner"))
