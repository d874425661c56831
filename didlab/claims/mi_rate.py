r"""Section 3.1 of Mutual Information DPO: the information-penalised problem, rate-distortion, and the alternation.

Optimal policies are drawn with the rewards that make them so: :math:`e^{\beta r} = \pi(y|x)/m(y)` on the responses in
use, and :math:`\sum_x \rho(x)\,e^{\beta r}/Z(x) \le 1` on the others. Everything else challenges them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import (
    divergences,
    expected_reward,
    information,
    log_partition,
    marginal,
    optimal_policy,
    optimal_value,
    regularised_objective,
    variational,
)
from ..engine.channels import Channels, FixedPoints, Gains
from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff, implies

J = r"J(\pi) = \mathbb{E}[r] - \tfrac1\beta I(X;Y)"
OTHER = Channels("other", priors=("prior",), prompts="")
STEP = r"\zeta \leftarrow m_\pi, \quad \pi \leftarrow \zeta\,e^{\beta r}/Z"


def nested(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    """Expected reward less 1 / beta times mutual information."""
    return regularised_objective(prompts, policy, reward, marginal(prompts, policy), beta=beta)


def step(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    """One round of the alternation: the marginal becomes the prior, and the policy the best one for it."""
    return optimal_policy(reward, marginal(prompts, policy), beta=beta)


def excess(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    r""":math:`\sum_x \rho(x)\,e^{\beta r(x,y)}/Z(x)`, the slope of the best value by the prior."""
    c = carrier_of(reward)
    z = log_partition(reward, marginal(prompts, policy), beta=beta)[..., None]
    return (prompts[..., None] * c.exp(beta[..., None] * reward - z)).sum(-2)


@claim(
    "mi.eq-4.attained", where="Eq 4", title="The joint maximum is attained", draws=(FixedPoints(), OTHER),
    statement=r"\text{some } (\pi^*, m_{\pi^*}) \text{ has } \mathbb{E}_{\pi^*}[r] - \tfrac1\beta I_g(\pi^*, m_{\pi^*}) \ge \mathbb{E}_\pi[r] - "
              r"\tfrac1\beta I_g(\pi, \zeta) \text{ for all } \pi, \zeta",
    reading="rewards for which the maximiser is known, with supports that vanish",
    neighbours={"by a hundredth at least": {"margin": 1}, "at twice beta": {"twice": True}, "uniform prior": {"uniform": True}},
)
def attained(prompts: Any, policy: Any, reward: Any, beta: Any, other: Any, prior: Any, *, margin: int = 0,
             twice: bool = False, uniform: bool = False) -> Relation:
    beta = 2 * beta if twice else beta
    m = marginal(prompts, policy)
    best = regularised_objective(prompts, policy, reward, 0 * m + 1 if uniform else m, beta=beta)
    value = regularised_objective(prompts, other, reward, prior, beta=beta)
    return at_least(100 * (best - value), margin) if margin else at_least(best, value, "objectives")


@claim(
    "mi.sec-3.1.rate-distortion", where="3.1", draws=(FixedPoints(), OTHER),
    title="The penalised problem is rate-distortion",
    statement=rf"\pi^* \text{{ maximises }} {J} \implies \pi^* \text{{ maximises }} \mathbb{{E}}[r] \text{{ among }} I \le I_{{\pi^*}} "
              r"\text{, and minimises } I \text{ among } \mathbb{E}[r] \ge \mathbb{E}_{\pi^*}[r]",
    reading="distortion is minus the reward; each penalised optimum solves the two constrained problems at its own rate; "
            "mi.sec-3.1.rate-distortion.every-rate has the converse",
    neighbours={"by a hundredth at least": {"margin": 1}, "among twice the rate": {"twice": True},
                "among the reward less 1/10": {"tenth": True}},
)
def constrained(prompts: Any, policy: Any, reward: Any, other: Any, *, margin: int = 0, twice: bool = False,
                tenth: bool = False) -> Relation:
    a, b = expected_reward(prompts, policy, reward), expected_reward(prompts, other, reward)
    i, j = information(prompts, policy), information(prompts, other)
    above = greater(j, 2 * i if twice else i)
    less = at_least(100 * (a - b), margin) if margin else at_least(a, b, "expected rewards")
    low = greater(10 * a - 1, 10 * b) if tenth else greater(a, b)
    return both(either(above, less), either(low, at_least(j, i, "information")))


GREEDY = (Channels(prompts="prompts", zeros="prompts"), Channels("other", prompts=""), Gains())


def greedy(prompts: Any, reward: Any) -> tuple[Any, Any]:
    """A policy that always gives a best response, the same one to all prompts if there is such; and whether there is."""
    top = np.asarray(reward >= reward.max(-1, keepdims=True)).astype(bool)
    comes = np.asarray(prompts > 0).astype(bool)[..., None]
    common = np.all(np.logical_or(top, np.logical_not(comes)), axis=-2, keepdims=True)
    some = np.any(common, axis=-1, keepdims=True)
    pick = np.where(some, np.broadcast_to(common, top.shape), top)
    first = pick & (np.cumsum(pick, -1) == 1)
    return first + 0 * prompts[..., None], some.reshape(some.shape[:-2])


@claim(
    "mi.sec-3.1.rate-distortion.every-rate", where="3.1", draws=GREEDY,
    title="Every rate limit is some penalty",
    statement=rf"\text{{some policy of the greatest }} \mathbb{{E}}[r] \text{{ (the solution where the limit on }} I \text{{ is slack) maximises }} {J}",
    reading="equivalence in the other direction, at the limit log of the number of prompts; for the drawn beta, and by the "
            "corrected statement for no beta at all",
    note="Also for the least rate that such a policy needs: only an infinite beta gives it.",
)
def every_rate(prompts: Any, reward: Any, beta: Any) -> Relation:
    best, _ = greedy(prompts, reward)
    return at_least(nested(prompts, best, reward, beta), nested(prompts, step(prompts, best, reward, beta), reward, beta),
                    "objective before and after a round")


@every_rate.corrected(
    r"\text{for every finite } \beta: \text{ a policy of the greatest } \mathbb{E}[r] \text{ is optimal} \iff \text{one response is best at "
    r"all prompts that come}",
    neighbours={"never": {"never": True}, "if some response is best at two prompts": {"first": True},
                "by a hundredth at least": {"margin": 1}})
def every_rate_right(prompts: Any, other: Any, reward: Any, beta: Any, *, never: bool = False, first: bool = False,
                     margin: int = 0) -> Relation:
    best, common = greedy(prompts, reward)
    if first:
        _, common = greedy(prompts[..., :2], reward[..., :2, :])
    value = nested(prompts, best, reward, beta)
    one = equal(np.asarray(common).astype(int), 2 if never else 1, "one response is best everywhere")
    gain = nested(prompts, step(prompts, best, reward, beta), reward, beta) - value
    lead = value - nested(prompts, other, reward, beta)
    worse = greater(100 * gain, margin) if margin else greater(gain, 0, "gain of a round")
    return both(either(one, worse), implies(one, at_least(lead, 0, "lead over another policy")))


@claim(
    "mi.sec-3.1.rate-distortion.alternating", where="3.1 with 5.2", symbolic=(2,),
    draws=(Channels("policy", zeros=False), Gains()),
    title="The alternation never loses",
    statement=rf"{STEP}: \quad J(\pi') - J(\pi) = \tfrac1\beta\left(\sum_x \rho\,D_{{KL}}[\pi(\cdot|x)\,\|\,\pi'(\cdot|x)] + "
              r"D_{KL}[m_{\pi'}\,\|\,m_\pi]\right) \ge 0",
    reading="Blahut-Arimoto; J with the prior at the marginal; the gain is an identity",
    neighbours={"first divergence reversed": {"reverse": True}, "second dropped": {"drop": True}, "1% off": {"slip": True}},
)
def alternating(prompts: Any, policy: Any, reward: Any, beta: Any, *, reverse: bool = False, drop: bool = False,
                slip: bool = False) -> Relation:
    after = step(prompts, policy, reward, beta)
    a, b = (after, policy) if reverse else (policy, after)
    rows = variational(prompts, a, b)
    moved = divergences(marginal(prompts, after)[..., None, :], marginal(prompts, policy)[..., None, :])[..., 0]
    gain = nested(prompts, after, reward, beta) - nested(prompts, policy, reward, beta)
    total = (rows if drop else rows + moved) / beta[..., 0]
    return equal(101 * gain / 100 if slip else gain, total, "gain of a round")


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
