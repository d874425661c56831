r"""Eq 5 of Mutual Information DPO when the prior contains the policy, as most priors of section 4 do.

One prompt. A policy is drawn, and the rewards for which it solves Eq 5 with the prior at itself: every real reward up
to rounding belongs to some policy. What Eq 5 then promises is challenged by other policies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import policy_prior, policy_prior_optimum
from ..engine.claim import claim
from ..engine.kinds import Integers, Numbers, Policies, Rewards, few
from ..engine.relations import Relation, at_least, both, equal, forall, iff
from ..information import kl_divergence
from .formulas import differences

PROBLEM = r"J(\pi) = \mathbb{E}_\pi\!\left[r - \tfrac1\beta\log\tfrac{\pi}{\zeta_\pi}\right]"
SOLVES = r"\pi^* = \zeta_{\pi^*}\,e^{\beta r}/\hat Z"
PAIR = few(Policies("policy", "other", "base", high=30), K=(2, 3))
LENGTHS = few(Integers("length", axes=("K",), low=1, high=3), K=(2, 3))


def value(policy: Any, reward: Any, base: Any, power: Any, beta: Any, *, normalise: bool = False) -> Any:
    """Expected reward less the divergence from the prior that the policy itself makes; logarithms of both."""
    prior = policy_prior(base, policy[..., None, :], power=power[..., None, :], normalise=normalise)[..., 0, :]
    return (carrier_of(policy).exp(policy) * (reward - (policy - prior) / beta)).sum(-1)


def solved(policy: Any, base: Any, power: Any, beta: Any) -> Any:
    r"""A reward for which the policy solves Eq 5: :math:`\beta r = \log\pi - \log\zeta_\pi` up to a constant."""
    return (policy - policy_prior(base, policy[..., None, :], power=power[..., None, :])[..., 0, :]) / beta


def lead(policy: Any, other: Any, reward: Any, base: Any, power: Any, beta: Any, **how: bool) -> Any:
    a, b = (value(p, reward, base, power, beta, **how) for p in (policy, other))
    return a - b


@claim(
    "mi.eq-5.policy-dependent-prior", where="3.2 with 4", title="Eq 5 when the prior contains the policy",
    draws=(PAIR, LENGTHS, Numbers("beta")),
    statement=rf"\zeta_\pi(y) = b(y)\,\pi(y)^{{1 - 1/|y|}}: \quad {SOLVES} \implies \pi^* \text{{ maximises }} {PROBLEM}",
    reading="the prior of SimPO, b being the factor of labels, as it stands in the loss, without a normaliser; Eq 5 as an "
            "equation for the policy",
    note="Differentiating the prior adds s(y)/beta to the derivative, which is a constant only where s is.",
)
def simpo_prior(policy: Any, other: Any, base: Any, length: Any, beta: Any) -> Relation:
    power = 1 - 1 / length
    return at_least(lead(policy, other, solved(policy, base, power, beta), base, power, beta), 0, "lead of the solution")


@simpo_prior.corrected(
    rf"s < 1: \quad \pi^* \text{{ maximises }} {PROBLEM} \iff (1 - s(y))(1 + \log\pi^*(y)) - \log b(y) - \beta r(y) \text{{ is constant; it is "
    r"the only one, and solves Eq 5} \iff s \text{ is the same for all responses}",
    neighbours={"without s in the derivative": {"drop": True}, "solves Eq 5 always": {"always": True},
                "by a hundredth at least": {"margin": 1}})
def simpo_prior_right(policy: Any, other: Any, base: Any, length: Any, beta: Any, *, drop: bool = False,
                      always: bool = False, margin: int = 0) -> Relation:
    power = 1 - 1 / length
    reward = ((1 - power) * (policy + (0 if drop else 1)) - base) / beta
    eq_5 = differences(reward - solved(policy, base, power, beta))
    gap = lead(policy, other, reward, base, power, beta)
    same = forall(equal(differences(0 * power if always else power), 0, "powers of two responses"))
    return both(at_least(100 * gap, margin) if margin else at_least(gap, 0, "lead of the solution"),
                iff(equal(gap, 0), forall(equal(policy, other))),
                iff(forall(equal(eq_5, 0, "Eq 5")), same))


@claim(
    "mi.eq-5.policy-dependent-prior.constant-power", where="3.2 with 4", draws=(PAIR, Numbers("eta"), Numbers("beta")),
    title="Eq 5 as an equation, for one power of the policy",
    statement=rf"\zeta_\pi = b\,\pi^{{1-\eta}},\; \eta > 0: \quad {SOLVES} \iff \pi^* \propto (b\,e^{{\beta r}})^{{1/\eta}} \iff \pi^* "
              rf"\text{{ maximises }} {PROBLEM}",
    reading="the prior of entropy-controllable DPO, b the reference, without a normaliser; the maximiser is unique",
    neighbours={"exponent 1": {"plain": True}, "for the normalised prior": {"normalise": True},
                "by a hundredth at least": {"margin": 1}},
)
def constant_power(policy: Any, other: Any, base: Any, eta: Any, beta: Any, *, plain: bool = False,
                   normalise: bool = False, margin: int = 0) -> Relation:
    power = 1 - eta
    reward = solved(policy, base, power, beta)
    closed = policy_prior_optimum(reward[..., None, :], base, beta=beta, power=0 * power if plain else power)[..., 0, :]
    gap = lead(policy, other, reward, base, power, beta, normalise=normalise)
    return both(equal(closed, policy, "closed form"), at_least(100 * gap, margin) if margin else at_least(gap, 0, "lead"),
                iff(equal(gap, 0), forall(equal(policy, other))))


@claim(
    "mi.eq-5.policy-dependent-prior.frozen", where="3.2 with 4", draws=(PAIR, Numbers("eta"), Numbers("beta")),
    title="Eq 5 as a formula, with the prior at some policy",
    statement=rf"\zeta_\pi = b\,\pi^{{1-\eta}}: \quad \pi^+ = \zeta_\pi\,e^{{\beta r}}/\hat Z \text{{ maximises }} {PROBLEM} \text{{ for every }} \pi",
    reading="Eq 5 read as an explicit optimum: whatever policy the prior was computed from",
)
def frozen(policy: Any, other: Any, base: Any, eta: Any, beta: Any) -> Relation:
    power = 1 - eta
    reward = solved(policy, base, power, beta)
    return at_least(value(frozen_step(other, reward, base, power, beta), reward, base, power, beta),
                    value(policy, reward, base, power, beta), "objectives of the formula and of the solution")


def frozen_step(policy: Any, reward: Any, base: Any, power: Any, beta: Any) -> Any:
    """Eq 5 with the prior computed from a policy: log-probabilities."""
    c = carrier_of(policy)
    prior = policy_prior(base, policy[..., None, :], power=power[..., None, :])
    return c.log_softmax(prior[..., 0, :] + beta * reward)


@frozen.corrected(
    r"\log\tfrac{\pi^+(y)}{\pi^*(y)} = (1 - \eta)\log\tfrac{\pi(y)}{\pi^*(y)} + \text{const}: \text{ the formula moves } \pi \text{ towards the "
    r"maximiser } \pi^* \text{ for } 0 < \eta < 2 \text{, gives it at once} \iff \eta = 1 \text{ or } \pi = \pi^*",
    neighbours={"factor eta": {"swap": True}, "at once for every eta": {"always": True}, "factor 1% off": {"slip": True}})
def frozen_right(policy: Any, other: Any, base: Any, eta: Any, beta: Any, *, swap: bool = False, always: bool = False,
                 slip: bool = False) -> Relation:
    power = 1 - eta
    reward = solved(policy, base, power, beta)
    after = differences(frozen_step(other, reward, base, power, beta) - policy)
    before = differences(other - policy)
    factor = eta[..., None] if swap else power[..., None]
    one = forall(equal(before, 0)) if always else forall(equal(power[..., None] * before, 0))
    return both(forall(equal(101 * after / 100 if slip else after, factor * before, "log-margins against the maximiser")),
                iff(forall(equal(after, 0)), one))


@claim(
    "mi.eq-5.policy-dependent-prior.normalised", where="3.2 with 4", draws=(PAIR, Numbers("eta"), Numbers("beta")),
    title="Eq 5 when the prior is normalised",
    statement=rf"\zeta_\pi = b\,\pi^{{1-\eta}} / \textstyle\sum_y b\,\pi^{{1-\eta}}: \quad {SOLVES} \implies \pi^* \text{{ maximises }} {PROBLEM}",
    reading="the prior as a distribution, as the divergence of section 3 has it; its normaliser depends on the policy",
)
def normalised(policy: Any, other: Any, base: Any, eta: Any, beta: Any) -> Relation:
    power = 1 - eta
    reward = solved(policy, base, power, beta)
    return at_least(lead(policy, other, reward, base, power, beta, normalise=True), 0, "lead of the solution")


@normalised.corrected(
    r"J(\pi^*) - J(\pi) = \tfrac1\beta\left(\eta\,D_{KL}[\pi\,\|\,\pi^*] + \log\tfrac{N(\pi)}{N(\pi^*)}\right),\; N(\pi) = \sum_y b\,\pi^{1-\eta}:"
    r" \text{ a policy of a smaller normaliser may be better}",
    neighbours={"without eta": {"plain": True}, "divergence reversed": {"reverse": True}, "normalisers dropped": {"drop": True},
                "1% off": {"slip": True}})
def normalised_right(policy: Any, other: Any, base: Any, eta: Any, beta: Any, *, plain: bool = False,
                     reverse: bool = False, drop: bool = False, slip: bool = False) -> Relation:
    power, c = 1 - eta, carrier_of(policy)
    reward = solved(policy, base, power, beta)
    gap = lead(policy, other, reward, base, power, beta, normalise=True)
    far = kl_divergence(policy, other) if reverse else kl_divergence(other, policy)
    sums = [c.exp(base + power * p).sum(-1) for p in (other, policy)]
    ratio = 0 if drop else c.log(sums[0] / sums[1])
    total = (far * (1 if plain else eta[..., 0]) + ratio) / beta[..., 0]
    return equal(101 * gap / 100 if slip else gap, total, "lead of the solution")


@claim(
    "mi.eq-5.policy-dependent-prior.whole", where="3.2 with 4", draws=(Policies("policy", "base"), Rewards("gain"), Numbers("beta")),
    title="Eq 5 when the prior contains the whole policy",
    statement=rf"\zeta_\pi = b\,\pi: \quad {SOLVES} \implies \pi^* \text{{ maximises }} {PROBLEM}",
    reading="power 1, the limit of SimPO for long responses and of masks that are 0; every deterministic policy solves Eq 5",
)
def whole(policy: Any, base: Any, gain: Any, beta: Any) -> Relation:
    score = (gain + base) / beta
    mean = (carrier_of(policy).exp(policy) * score).sum(-1, keepdims=True)
    return forall(at_least(score, mean, "objectives of the deterministic policies and of a policy"))


@whole.corrected(
    rf"J(\pi) = \mathbb{{E}}_\pi[r + \tfrac1\beta\log b], \text{{ without any entropy: the greatest is }} \max_y\, r + \tfrac1\beta\log b,\; {PROBLEM}",
    neighbours={"by a hundredth at least": {"margin": 1}, "the best reward": {"of": "reward"}, "the best prior": {"of": "base"}})
def whole_right(policy: Any, base: Any, gain: Any, beta: Any, *, margin: int = 0, of: str = "both") -> Relation:
    score = (gain + base) / beta
    mean = value(policy, gain / beta, base, 0 * beta + 1, beta)
    rank = {"both": score, "reward": gain, "base": base}[of]
    best = np.asarray(rank >= rank.max(-1, keepdims=True)).astype(bool)
    gap = score - np.asarray(mean)[..., None]
    return forall(at_least(np.where(best, 100 * gap, 0 * gap + margin), margin, "greatest score less the objective"))
