r"""Section 3.1 of Mutual Information DPO: where the alternation of policy and prior stands still, and how far that is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import log_partition, marginal, optimal_policy, optimal_value
from ..engine.channels import Channels, FixedPoints, Gains
from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, forall, greater, iff, implies
from .mi_rate import OTHER, J, nested


def excess(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    r""":math:`\sum_x \rho(x)\,e^{\beta r(x,y)}/Z(x)`, the slope of the best value by the prior."""
    c = carrier_of(reward)
    z = log_partition(reward, marginal(prompts, policy), beta=beta)[..., None]
    return (prompts[..., None] * c.exp(beta[..., None] * reward - z)).sum(-2)


@claim(
    "mi.sec-3.1.rate-distortion.fixed-point", where="3.1 with 5.2", draws=(FixedPoints(beyond=True), OTHER),
    title="Where the alternation stands still is the maximum",
    statement=rf"\pi = m_\pi\,e^{{\beta r}}/Z \implies \pi \text{{ maximises }} {J}",
    reading="a fixed point of the alternation between policy and prior",
    note="mi.sec-3.1.rate-distortion.kkt says exactly which fixed points are optimal.",
    neighbours={"by a hundredth at least": {"margin": 1}, "at beta 10% off": {"near": True}, "at twice beta": {"twice": True}},
)
def fixed_point(prompts: Any, policy: Any, reward: Any, beta: Any, other: Any, *, margin: int = 0, near: bool = False,
                twice: bool = False) -> Relation:
    beta = 2 * beta if twice else beta * 11 / 10 if near else beta
    lead = nested(prompts, policy, reward, beta) - nested(prompts, other, reward, beta)
    return at_least(100 * lead, margin) if margin else at_least(lead, 0, "lead over another policy")


@fixed_point.assuming(r"\text{every response is in use: } m_\pi(y) > 0", draws=(FixedPoints(used=True), OTHER))
def in_use(prompts: Any, policy: Any) -> Relation:
    return forall(greater(marginal(prompts, policy), 0, "marginal"))


@claim(
    "mi.sec-3.1.rate-distortion.kkt", where="ours",
    draws=(FixedPoints(beyond=True, sizes=(1, 2)), Channels("other", prompts="", zeros=False, sizes=(1, 2))),
    title="Which fixed points are optimal",
    statement=rf"\pi = m_\pi\,e^{{\beta r}}/Z \text{{ maximises }} {J} \iff \sum_x \rho(x)\,\frac{{e^{{\beta r(x,y)}}}}{{Z(x)}} \le 1 \text{{ for every }} y",
    reading="not in the paper; where the sum exceeds 1 a policy that mixes the response in is computed, and beats it",
    neighbours={"at most 2": {"percent": 200}, "below 1": {"strict": True}, "at most 1.02": {"percent": 102}},
)
def kkt(prompts: Any, policy: Any, reward: Any, beta: Any, other: Any, *, percent: int = 100,
        strict: bool = False) -> Relation:
    slope = excess(prompts, policy, reward, beta)
    value = nested(prompts, policy, reward, beta)
    better = nested(prompts, mixed_in(prompts, policy, reward, beta, slope), reward, beta)
    scaled = 100 * slope
    holds = forall(greater(percent, scaled) if strict else at_least(percent, scaled, "slope by the prior"))
    return both(iff(holds, at_least(value, better, "before and after mixing in")),
                implies(holds, at_least(value, nested(prompts, other, reward, beta), "lead")))


def mixed_in(prompts: Any, policy: Any, reward: Any, beta: Any, slope: Any) -> Any:
    r"""The best policy for the prior with a little of the last response, where that response is worth it.

    With :math:`d = e^{\beta r}/Z - 1` at it the value grows by :math:`\sum \rho\log(1 + td) \ge t\sum\rho d - t^2\sum\rho d^2`
    for :math:`|td| \le 1/2`, which is above 0 at the t that is taken.
    """
    c = carrier_of(reward)
    m = marginal(prompts, policy)
    z = log_partition(reward, m, beta=beta)
    d = c.exp(beta * reward[..., -1] - z) - 1
    gain = slope[..., -1:] - 1
    far = (prompts * d * d).sum(-1, keepdims=True) + abs(d).max(-1, keepdims=True) + 1
    t = np.where(np.asarray(gain > 0).astype(bool), gain / (gain + 2 * far), 0 * gain)
    last = np.arange(m.shape[-1]) == m.shape[-1] - 1
    return optimal_policy(reward, (1 - t) * m + t * last.astype(int), beta=beta)


@claim(
    "mi.sec-3.1.rate-distortion.bound", where="ours", draws=(Channels("policy", "other", zeros="prompts"), Gains()),
    title="How far the alternation is from the maximum",
    statement=rf"\max J \le \tfrac1\beta\left(\sum_x \rho(x)\log Z(x) + \log\max_y \sum_x \rho(x)\,\frac{{e^{{\beta r(x,y)}}}}{{Z(x)}}\right), \quad {J}",
    reading="not in the paper: the upper bound that certifies a policy, from the marginal of any policy",
    neighbours={"without the logarithm": {"drop": True}, "by a hundredth at least": {"margin": 1}, "the least response": {"least": True}},
)
def upper(prompts: Any, policy: Any, other: Any, reward: Any, beta: Any, *, drop: bool = False, margin: int = 0,
          least: bool = False) -> Relation:
    slope = excess(prompts, policy, reward, beta)
    c = carrier_of(slope)
    edge = c.log(slope.min(-1) if least else slope.max(-1)) / beta[..., 0]
    bound = optimal_value(prompts, reward, marginal(prompts, policy), beta=beta) + (0 if drop else edge)
    gap = bound - nested(prompts, other, reward, beta)
    return at_least(100 * gap, margin) if margin else at_least(gap, 0, "bound less the objective of another policy")


@claim(
    "mi.sec-3.1.rate-distortion.concave", where="ours", draws=(Channels("policy", "other", sizes=(1, 2)), Gains(sizes=(1, 2))),
    title="The penalised objective is concave",
    statement=rf"J\!\left(\tfrac{{\pi+\pi'}}{{2}}\right) \ge \tfrac12 J(\pi) + \tfrac12 J(\pi'), \quad {J}",
    reading="not in the paper: so that a policy that no direction improves is the maximum",
    neighbours={"by a hundredth at least": {"margin": 1}, "strictly": {"strict": True}, "convex": {"flip": True}},
)
def concave(prompts: Any, policy: Any, other: Any, reward: Any, beta: Any, *, margin: int = 0, strict: bool = False,
            flip: bool = False) -> Relation:
    middle = nested(prompts, (policy + other) / 2, reward, beta)
    ends = (nested(prompts, policy, reward, beta) + nested(prompts, other, reward, beta)) / 2
    gap = ends - middle if flip else middle - ends
    return greater(gap, 0) if strict else at_least(100 * gap if margin else gap, margin, "middle less ends")
