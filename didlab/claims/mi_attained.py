r"""Section 5.2 of Mutual Information DPO: whether the joint minimum of the loss exists.

Policies and priors have full support and are otherwise unrestricted; alpha = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.channels import Preferences
from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater
from ..objectives import mi_dpo
from .formulas import differences
from .mi_joint import DATA, LOSS, SIZES, loss, shared, tables


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
    neighbours={"each pair is labelled both ways": {"mutual": True},
                "cycles over prompts": {"pooled": True}, "always": {"always": True}},
)
def exactly(counts: Any, policy: Any, prior: Any, *, mutual: bool = False, pooled: bool = False,
            always: bool = False) -> Relation:
    c, seen = carrier_of(policy), np.asarray(counts > 0).astype(bool)
    on = mi_dpo.on_cycles(counts)
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


@claim(
    "mi.sec-5.2.attained.boundary", where="ours", title="On compact domains a pair that is never contradicted drives both to the boundary",
    draws=(Numbers("edge", below_one=True), Numbers("policy", below_one=True), Numbers("prior", below_one=True)), symbolic=(),
    statement=rf"|\log\tfrac{{\pi_w}}{{\pi_l}}| \le B,\; |\log\tfrac{{\zeta_w}}{{\zeta_l}}| \le B: \text{{ the only minimiser of }} {LOSS} \text{{ has }} "
              r"\log\tfrac{\pi_w}{\pi_l} = B,\; \log\tfrac{\zeta_w}{\zeta_l} = -B, \text{ and } J = \log(1 + e^{-2B})",
    reading="not in the paper: one prompt, two responses, one of them always chosen. The constraint determines policy and prior, "
            "and the learned prior speaks against the data",
    neighbours={"the prior at B as well": {"same": True}, "the prior at 0": {"zero": True}, "value with B": {"single": True},
                "by a hundredth at least": {"margin": 1}},
)
def corner(edge: Any, policy: Any, prior: Any, *, same: bool = False, zero: bool = False, single: bool = False,
           margin: int = 0) -> Relation:
    best = pair_loss(1 / edge, 1 / edge if same else edge / edge if zero else edge)
    value, c = pair_loss(odds(edge, policy), odds(edge, prior)), carrier_of(edge)
    gap = value - best
    return both(at_least(100 * gap, margin) if margin else greater(gap, 0, "loss inside less loss at the corner"),
                equal(best, c.log(1 + edge * (1 if single else edge)), "loss at the corner"))


def odds(edge: Any, share: Any) -> Any:
    """Odds of the chosen response strictly between the bounds e and 1/e."""
    return edge + share * (1 / edge - edge)


def pair_loss(policy: Any, prior: Any) -> Any:
    """The loss of one pair from the odds of the chosen response under the policy and the prior."""
    c = carrier_of(policy)
    p, z = c.log(policy), c.log(prior)
    return mi_dpo.value(p, 0 * p, z, 0 * z)
