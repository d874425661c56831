r"""Appendix A of Mutual Information DPO, line by line: the Lagrangian, its stationary point, the dual.

One prompt. The policy is any positive array, since the Lagrangian carries the constraint; the multiplier is drawn
through :math:`u = e^{\beta\lambda - 1} > 0`, so that every exponential of the section is exact. That a function is
concave with the displayed derivative is checked as what it means: the tangent lies above the function everywhere.
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..conditional import log_partition, optimal_policy
from ..engine.channels import Gains
from ..engine.claim import claim
from ..engine.kinds import Numbers, Policies, Rewards
from ..engine.relations import Relation, at_least, both, equal, forall, iff

ONE = Gains(sizes=(1,))
LAGRANGIAN = r"L(\pi,\lambda) = \sum_y \pi\left[r + \tfrac1\beta\log\zeta\right] + \tfrac1\beta H(\pi) + \lambda\left(\sum_y \pi - 1\right)"
POINT = r"\pi = \zeta\,e^{\beta r - 1}\,e^{\beta\lambda}"
SETTING = (Policies("prior"), ONE, Numbers("u"))


def multiplier(u: Any, beta: Any) -> Any:
    r""":math:`\lambda` from :math:`u = e^{\beta\lambda - 1}`."""
    return (1 + carrier_of(u).log(u)) / beta


def lagrangian(policy: Any, reward: Any, prior: Any, beta: Any, lam: Any) -> Any:
    r"""The displayed Lagrangian of positive numbers that need not sum to 1; the prior as logarithms, shape (..., K)."""
    p, c = policy, carrier_of(policy, reward)
    inner = (p * (reward + prior / beta - c.log(p) / beta)).sum(-1, keepdims=True)
    return inner + lam * (p.sum(-1, keepdims=True) - 1)


def slope(policy: Any, reward: Any, prior: Any, beta: Any, lam: Any) -> Any:
    """The displayed derivative of the Lagrangian by each entry of the policy."""
    return reward + prior / beta - carrier_of(policy, reward).log(policy) / beta - 1 / beta + lam


def point(reward: Any, prior: Any, beta: Any, lam: Any) -> Any:
    """The displayed stationary point."""
    c = carrier_of(reward, prior)
    return c.exp(prior + (beta * reward - 1 + beta * lam))


@claim(
    "mi.app-a.stationarity.objective", where="App A", title="The objective of one prompt, expanded",
    draws=(Policies("policy", "prior"), ONE), symbolic=(2, 3),
    statement=r"\mathbb{E}_{y\sim\pi}\!\left[r - \tfrac1\beta\log\pi + \tfrac1\beta\log\zeta\right] = "
              r"\sum_y \pi\left[r + \tfrac1\beta\log\zeta\right] + \tfrac1\beta H(\pi)",
    reading="the second display",
    neighbours={"entropy subtracted": {"sign": -1}, "entropy without 1 / beta": {"plain": True}, "1% off": {"slip": True}},
)
def expanded(policy: Any, prior: Any, reward: Any, beta: Any, *, sign: int = 1, plain: bool = False,
             slip: bool = False) -> Relation:
    from ..information import entropy

    r, c = reward[..., 0, :], carrier_of(policy)
    p = c.exp(policy)
    left = (p * (r - policy / beta + prior / beta)).sum(-1)
    spread = sign * entropy(policy) / (1 if plain else beta[..., 0])
    return equal(101 * left / 100 if slip else left, (p * (r + prior / beta)).sum(-1) + spread, "objective at a prompt")


@claim(
    "mi.app-a.stationarity", where="App A", title="The derivative of the Lagrangian and its zero",
    draws=(*SETTING, Rewards("weight", "measure")),
    statement=rf"{LAGRANGIAN}, \quad \tfrac{{\partial L}}{{\partial\pi(y|x)}} = r + \tfrac1\beta\log\zeta - \tfrac1\beta\log\pi "
              rf"- \tfrac1\beta + \lambda, \quad \text{{which is 0}} \iff {POINT}",
    reading="the derivative as the tangent of a concave function: at any other positive array L lies below it",
    neighbours={"- 1 / beta dropped": {"drop": True}, "sign of lambda": {"flip": True}, "exponent r / beta": {"inverse": True},
                "tangent at a hundredth above": {"margin": 1}, "two fifths of the slope": {"part": 2}},
)
def stationarity(prior: Any, reward: Any, beta: Any, u: Any, weight: Any, measure: Any, *, drop: bool = False, flip: bool = False,
                 inverse: bool = False, margin: int = 0, part: int = 5) -> Relation:
    r, lam, c = reward[..., 0, :], multiplier(u, beta), carrier_of(reward)
    other = point(r, prior, beta, lam) * c.exp(weight - measure)  # any positive array, and often next to the point
    best = point(r / beta / beta if inverse else r, prior, beta, -lam if flip else lam)
    value, there = (lagrangian(p, r, prior, beta, lam) for p in (other, best))
    by = slope(other, r, prior, beta, lam) + (1 / beta if drop else 0)
    tangent = value + part * (by * (best - other)).sum(-1, keepdims=True) / 5
    at_point = slope(best, r, prior, beta, lam) + (1 / beta if drop else 0)
    return both(at_least(100 * (tangent - there), margin) if margin else at_least(tangent, there, "tangent and L"),
                equal(at_point, 0, "derivative at the displayed point"),
                iff(forall(equal(by, 0)), forall(equal(other, best))))


def chain(prior: Any, reward: Any, beta: Any, u: Any, *, weigh: bool, sign: int = 1, slip: bool = False) -> Relation:
    """The display of the dual: the Lagrangian at its stationary point, term by term, and what it comes to."""
    r, lam, c = reward[..., 0, :], multiplier(u, beta), carrier_of(reward)
    zeta = c.exp(prior)
    best = point(r, prior, beta, lam)
    bare = best if weigh else best / zeta  # without the prior, as the middle term is printed
    log_best = beta * r + prior - 1 + lam * beta
    terms = (best * (r + prior / beta)).sum(-1, keepdims=True) - (bare * log_best).sum(-1, keepdims=True) / beta
    terms = terms + sign * lam * (best.sum(-1, keepdims=True) - 1)
    value = best.sum(-1, keepdims=True) / beta - lam
    return both(equal(lagrangian(best, r, prior, beta, lam), 101 * value / 100 if slip else value, "dual"),
                equal(terms, value, "the terms of the display"))


@claim(
    "mi.app-a.dual", where="App A", title="The dual function, as displayed", draws=SETTING,
    statement=r"q(\lambda) = \sum_y \zeta e^{\beta r - 1}e^{\beta\lambda}\left[r + \tfrac1\beta\log\zeta\right] - \tfrac1\beta\sum_y "
              r"e^{\beta r - 1}e^{\beta\lambda}\left(\beta r + \log\zeta - 1 + \lambda\beta\right) + \lambda\left(\sum_y \zeta e^{\beta r - 1}"
              r"e^{\beta\lambda} - 1\right) = \tfrac1\beta\sum_y \zeta e^{\beta r - 1}e^{\beta\lambda} - \lambda",
    reading="both displayed expressions, each against the Lagrangian at its stationary point",
    note="The middle sum lacks the factor zeta; the last expression, and all that follows from it, is right.",
)
def dual(prior: Any, reward: Any, beta: Any, u: Any) -> Relation:
    return chain(prior, reward, beta, u, weigh=False)


@dual.corrected(
    r"q(\lambda) = \sum_y \pi\left[r + \tfrac1\beta\log\zeta\right] - \tfrac1\beta\sum_y \pi\left(\beta r + \log\zeta - 1 + \lambda\beta\right)"
    r" + \lambda\left(\sum_y \pi - 1\right) = \tfrac1\beta\sum_y \pi - \lambda, \quad \pi = \zeta\,e^{\beta r - 1}e^{\beta\lambda}"
    r"\text{: the factor } \zeta \text{ in every sum}",
    neighbours={"without it": {"weigh": False}, "sign of the constraint": {"sign": -1}, "1% off": {"slip": True}})
def dual_right(prior: Any, reward: Any, beta: Any, u: Any, *, weigh: bool = True, sign: int = 1,
               slip: bool = False) -> Relation:
    return chain(prior, reward, beta, u, weigh=weigh, sign=sign, slip=slip)


def dual_value(prior: Any, reward: Any, beta: Any, u: Any) -> Any:
    r"""The simplified dual, :math:`\tfrac1\beta\sum_y \zeta e^{\beta r - 1} e^{\beta\lambda} - \lambda`."""
    lam = multiplier(u, beta)
    return point(reward[..., 0, :], prior, beta, lam).sum(-1, keepdims=True) / beta - lam


@claim(
    "mi.app-a.dual.bound", where="App A", title="The dual bounds the objective", draws=(*SETTING, Policies("policy")),
    statement=r"q(\lambda) \ge \mathbb{E}_{y\sim\pi}\!\left[r - \tfrac1\beta\log\tfrac{\pi}{\zeta}\right] \text{ for every } \lambda \text{ and } "
              r"\pi, \text{ equal} \iff \pi \text{ is the stationary point of } \lambda",
    reading="what a dual is for: weak duality, not spelled out in the paper",
    neighbours={"by a hundredth at least": {"margin": 1}, "never equal": {"strict": True},
                "without 1 / beta": {"plain": True}},
)
def bound(prior: Any, reward: Any, beta: Any, u: Any, policy: Any, *, margin: int = 0, strict: bool = False,
          plain: bool = False) -> Relation:
    r, lam, c = reward[..., 0, :], multiplier(u, beta), carrier_of(reward)
    q = dual_value(prior, reward, beta, u) * (beta if plain else 1)
    p = c.exp(policy)
    value = lagrangian(p, r, prior, beta, 0 * lam)
    best = point(r, prior, beta, lam)
    # at the stationary point of the multiplier that normalises it, the bound is met
    touch = optimal_policy(reward, c.exp(prior), beta=beta)[..., 0, :]
    z = best.sum(-1, keepdims=True)
    tight = dual_value(prior, reward, beta, u / z)
    return both(at_least(100 * (q - value), margin) if margin else at_least(q, value, "dual and objective"),
                equal(tight, lagrangian(touch, r, prior, beta, 0 * lam) + (1 if strict else 0), "at the optimum"),
                iff(equal(q, value), forall(equal(p, best))))


@claim(
    "mi.app-a.dual.derivative", where="App A", title="The derivative of the dual", draws=(*SETTING, Numbers("v")),
    statement=r"\tfrac{dq}{d\lambda} = \tfrac1\beta\sum_y \zeta\,e^{\beta r - 1}\beta\,e^{\beta\lambda} - 1",
    reading="as the tangent of a convex function of lambda: q lies above it everywhere, and touches it only there",
    neighbours={"factor beta dropped": {"drop": True}, "without - 1": {"rest": True}, "by a hundredth at least": {"margin": 1}},
)
def derivative(prior: Any, reward: Any, beta: Any, u: Any, v: Any, *, drop: bool = False, rest: bool = False,
               margin: int = 0) -> Relation:
    lam, mu = multiplier(u, beta), multiplier(v, beta)
    mass = point(reward[..., 0, :], prior, beta, lam).sum(-1, keepdims=True)
    by = (mass / beta if drop else mass) - (0 if rest else 1)
    tangent = dual_value(prior, reward, beta, u) + by * (mu - lam)
    value = dual_value(prior, reward, beta, v)
    return both(at_least(100 * (value - tangent), margin) if margin else at_least(value, tangent, "dual and tangent"),
                iff(equal(value, tangent), equal(u, v)))


def best_multiplier(prior: Any, reward: Any, beta: Any, *, sign: int = -1) -> Any:
    r"""The displayed :math:`\lambda^* = -\tfrac1\beta\log\sum_y \zeta\,e^{\beta r - 1}`."""
    c = carrier_of(reward)
    z = log_partition(reward, c.exp(prior), beta=beta)
    return sign * (z - 1) / beta


@claim(
    "mi.app-a.lambda", where="App A", title="The multiplier that minimises the dual", draws=(*SETTING,),
    statement=r"\lambda^* = -\tfrac1\beta\log\left(\sum_y \zeta\,e^{\beta r - 1}\right) \text{ minimises } q, \quad "
              r"q(\lambda^*) = \tfrac1\beta\log\hat Z",
    reading="the zero of the derivative, the least value of q, and the value of the primal: strong duality",
    neighbours={"sign": {"sign": 1}, "value 1% off": {"slip": True}, "by a hundredth at least": {"margin": 1}},
)
def best_lambda(prior: Any, reward: Any, beta: Any, u: Any, *, sign: int = -1, slip: bool = False,
                margin: int = 0) -> Relation:
    r, lam, c = reward[..., 0, :], best_multiplier(prior, reward, beta, sign=sign), carrier_of(reward)
    mass = point(r, prior, beta, lam).sum(-1, keepdims=True)
    least, value = mass / beta - lam, dual_value(prior, reward, beta, u)
    z = log_partition(reward, c.exp(prior), beta=beta) / beta
    return both(equal(mass, 1, "derivative of q is 0"), equal(least, 101 * z / 100 if slip else z, "least value"),
                at_least(100 * (value - least), margin) if margin else at_least(value, least, "dual"))


@claim(
    "mi.app-a.lambda.policy", where="App A", title="The policy of the best multiplier", symbolic=(2, 3, 4),
    draws=(Policies("prior"), ONE),
    statement=r"\pi^* = \zeta\,e^{\beta r - 1}e^{\beta\lambda^*} = \frac{\zeta\,e^{\beta r - 1}}{\sum_y \zeta\,e^{\beta r - 1}} = "
              r"\frac{\zeta\,e^{\beta r}}{\hat Z}",
    reading="the last display, and Eq 5",
    neighbours={"exponent r / beta": {"inverse": True}, "prior dropped": {"drop": True}, "3% off": {"slip": True}},
)
def best_policy(prior: Any, reward: Any, beta: Any, *, inverse: bool = False, drop: bool = False,
                slip: bool = False) -> Relation:
    r, lam, c = reward[..., 0, :], best_multiplier(prior, reward, beta), carrier_of(reward)
    p = point(r, prior, beta, lam)
    eq_5 = optimal_policy(reward, c.exp(0 * prior if drop else prior), beta=1 / beta if inverse else beta)[..., 0, :]
    return equal(33 * p / 32 if slip else p, eq_5, "policy")
