r"""Eq 5 and the loss of Mutual Information DPO: the optimum under a prior that is free of the policy."""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..conditional import divergences, log_partition, optimal_policy, optimal_value, regularised_objective
from ..engine.channels import Channels, Gains
from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, either, equal, forall, iff
from .formulas import differences
from .mi_optima import REFERENCE, ForBeta, beats, margins

PRIOR = r"J(\pi) = \mathbb{E}_{x,\,y\sim\pi}\!\left[r - \tfrac1\beta\log\tfrac{\pi(y|x)}{\zeta(y)}\right]"
FIXED = Channels("policy", priors=("prior",))


def eq_5_check(prompts: Any, policy: Any, prior: Any, reward: Any, beta: Any, *, scale: str = "beta",
               margin: int = 0, everywhere: bool = False) -> Relation:
    best = optimal_policy(reward, prior, beta={"beta": beta, "inverse": 1 / beta, "near": beta * 101 / 100}[scale])
    return beats(prompts, best, policy, reward, prior, beta, margin=margin, everywhere=everywhere)


EQ_5 = rf"\pi^*(y|x) = \tfrac{{1}}{{\hat Z(x)}}\,\zeta(y)\,e^{{\beta r(x,y)}} \text{{ maximises }} {PRIOR}"
NEAR = {"exponent r / beta": {"scale": "inverse"}, "exponent 1% off": {"scale": "near"},
        "by a hundredth at least": {"margin": 1}, "the only one everywhere": {"everywhere": True}}


@claim(
    "mi.eq-5", where="Eq 5", title="Optimal policy under a fixed prior", draws=(FIXED, Gains()), statement=EQ_5,
    reading="a prior on responses alone, free of the policy; it may exclude responses, and prompts may never come, at "
            "which any row is as good; mi.eq-5.gap has the value",
    neighbours=NEAR,
)
def eq_5(prompts: Any, policy: Any, prior: Any, reward: Any, beta: Any, **changed: Any) -> Relation:
    return eq_5_check(prompts, policy, prior, reward, beta, **changed)


@claim(
    "mi.eq-5.prompt-prior", where="3.2 with 4", title="The same for priors that see the prompt",
    draws=(Channels("policy", "prior"), Gains()), statement=EQ_5.replace(r"\zeta(y)", r"\zeta(y|x)"),
    reading="a prior for each prompt, as the references of section 4 are, free of the policy", neighbours=NEAR,
)
def eq_5_prompts(prompts: Any, policy: Any, prior: Any, reward: Any, beta: Any, **changed: Any) -> Relation:
    return eq_5_check(prompts, policy, prior, reward, beta, **changed)


@claim(
    "mi.eq-5.gap", where="Eq 5", title="What another policy loses",
    draws=(Channels("policy", priors=("prior",), zeros=False), Gains()), symbolic=(2,),
    statement=r"J(\pi) = \tfrac1\beta\sum_x \rho(x)\left(\log\hat Z(x) - D_{KL}[\pi(\cdot|x)\,\|\,\pi^*(\cdot|x)]\right)",
    reading="not in the paper: why Eq 5 is the only optimum",
    neighbours={"divergence reversed": {"reverse": True}, "divergence halved": {"half": True},
                "value 1% off": {"slip": True}},
)
def eq_5_gap(prompts: Any, policy: Any, prior: Any, reward: Any, beta: Any, *, reverse: bool = False,
             half: bool = False, slip: bool = False) -> Relation:
    best = optimal_policy(reward, prior, beta=beta)
    a, b = (best, policy) if reverse else (policy, best)
    loss = (prompts * divergences(a, b)).sum(-1) / beta[..., 0] / (2 if half else 1)
    value = regularised_objective(prompts, policy, reward, prior, beta=beta)
    top = optimal_value(prompts, reward, prior, beta=beta)
    return equal(value, (101 * top / 100 if slip else top) - loss, "objective")


@claim(
    "mi.loss", where="3.2, A.1", title="The MI-DPO loss is the Bradley-Terry likelihood of its optimum",
    draws=(Channels("policy", "prior", zeros="prompts"), Gains()), symbolic=(2, 3),
    statement=r"\pi^* \propto \zeta\,e^{\beta r} \implies r(x,y) = \tfrac1\beta\log\tfrac{\pi^*(y|x)}{\zeta(y)} + \tfrac1\beta\log\hat Z(x),"
              r"\quad r(x,y_w) - r(x,y_l) = \alpha\log\tfrac{\pi^*(y_w|x)}{\zeta(y_w)} - \alpha\log\tfrac{\pi^*(y_l|x)}{\zeta(y_l)},\;"
              r"\alpha = \tfrac1\beta",
    reading="the log-odds of the display, on which the sigmoid and its logarithm act; any prior free of the policy",
    neighbours={"alpha = beta": {"alpha": "beta"}, "policy and prior swapped": {"swap": True}, "1% off": {"alpha": "near"},
                "normaliser dropped": {"drop": True}},
)
def loss(prior: Any, reward: Any, beta: Any, *, alpha: str = "inverse", swap: bool = False,
         drop: bool = False) -> Relation:
    b, c, best = beta[..., None], carrier_of(reward), optimal_policy(reward, prior, beta=beta)
    ratio, z = c.log(best) - c.log(prior), log_partition(reward, prior, beta=beta)[..., None]
    pair = (prior, best) if swap else (best, prior)
    model = margins(*pair, {"inverse": 1 / beta, "beta": beta, "near": 1 / beta * 101 / 100}[alpha])
    return both(forall(equal(reward, (ratio if drop else ratio + z) / b, "reward")),
                forall(equal(differences(reward), model, "log-odds")))


@claim(
    "mi.loss.alpha", where="Eq 1 with 3.2", title="Eq 1 and the MI-DPO loss scale rewards alike",
    draws=(REFERENCE, ForBeta()), symbolic=(),
    statement=r"\zeta = \pi_{ref},\; \pi^* \propto \pi_{ref}\,e^{r/\beta} \implies J_{MI\text{-}DPO} \text{ has at } \pi^* \text{ the log-odds } r(x,y_w) - r(x,y_l) \text{ that Eq 1 has}",
    reading="section 2 derives Eq 1 from its closed form, section 3 the loss with alpha = 1 / beta from that of Eq 5; both from a "
            "divergence weighed by 1 / beta, for the same reward and the same reference",
    note="With the corrected reward of mi.eq-3.reward.of-the-optimum both are 1 / beta.",
)
def same_alpha(reference: Any, reward: Any, beta: Any) -> Relation:
    best = optimal_policy(reward, reference, beta=1 / beta)
    return forall(equal(margins(best, reference, 1 / beta), differences(reward), "log-odds"))


@same_alpha.corrected(
    r"\text{Eq 1 has them with } \alpha = \beta, \text{ and } J_{MI\text{-}DPO} \text{ with } \alpha = \tfrac1\beta \text{ as well} \iff \beta = 1 \text{ or no } r(x,\cdot) "
    r"\text{ depends on the response}",
    neighbours={"iff beta = 1": {"constant": False}, "for beta up to 1": {"up": True}, "alpha of Eq 1 1% off": {"slip": True}})
def same_alpha_iff(reference: Any, reward: Any, beta: Any, *, constant: bool = True, up: bool = False, slip: bool = False) -> Relation:
    best, gap = optimal_policy(reward, reference, beta=1 / beta), differences(reward)
    first, last = (margins(best, reference, a) for a in (beta * 101 / 100 if slip else beta, 1 / beta))
    one = at_least(1, beta[..., 0]) if up else equal(beta[..., 0], 1, "beta")
    return both(forall(equal(first, gap, "log-odds of Eq 1")),
                iff(forall(equal(last, gap, "log-odds of the MI-DPO loss")), either(one, forall(equal(gap, 0))) if constant else one))
