r"""Section 2 of Mutual Information DPO: Eqs 2 and 3, and the closed forms printed after Eq 3.

Rewards are drawn as :math:`r = \tfrac1\beta \log g`, any real numbers up to rounding, so that :math:`e^{\beta r} = g`.
Every policy of an instance challenges the printed optimum.
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..conditional import log_partition, optimal_policy, regularised_objective
from ..engine.channels import Channels, Gains
from ..engine.claim import claim
from ..engine.kinds import Numbers, Rewards
from ..engine.relations import Relation, at_least, both, either, equal, forall, iff
from ..objectives import mi_dpo
from ..preference import preference_matrix
from .formulas import differences

TWICE = r"J(\pi) = \mathbb{E}_{x,\,y\sim\pi}\!\left[r - \tfrac1\beta\log\tfrac{\pi(y|x)}{\pi_{ref}(y|x)}\right]"
REFERENCE = Channels("policy", "reference", zeros="prompts")


@claim(
    "mi.eq-2", where="Eq 2", title="Bradley-Terry preferences", draws=(Rewards("reward"), Numbers("shift")),
    statement=r"\Pr(y_w \succ y_l|x) = \frac{e^{r(x,y_w)}}{e^{r(x,y_w)} + e^{r(x,y_l)}} = \sigma(r(x,y_w) - r(x,y_l)),"
              r"\quad \Pr(y_w \succ y_l) + \Pr(y_l \succ y_w) = 1, \quad r + c(x) \text{ gives the same}",
    reading="as a definition: that it is a probability, which reward differences determine",
    neighbours={"rewards halved": {"scale": 2}, "arguments swapped": {"swap": True}, "3% off": {"slip": True}},
)
def bradley_terry(reward: Any, shift: Any, *, scale: int = 1, swap: bool = False, slip: bool = False) -> Relation:
    c = carrier_of(reward)
    e, moved = c.exp(reward), c.exp(reward + c.log(shift))
    printed, again = (x[..., :, None] / (x[..., :, None] + x[..., None, :]) for x in (e, moved))
    model = preference_matrix((-reward if swap else reward) / scale)
    return both(equal(printed * 33 / 32 if slip else printed, model, "sigmoid of the difference"),
                equal(printed + printed.swapaxes(-1, -2), 1, "the two orders"), equal(printed, again, "shifted rewards"))


def beats(prompts: Any, best: Any, policy: Any, reward: Any, prior: Any, beta: Any, *, margin: int = 0,
          everywhere: bool = False) -> Relation:
    """One policy is at least as good as another, and better unless they agree at the prompts that come."""
    top, other = (regularised_objective(prompts, p, reward, prior, beta=beta) for p in (best, policy))
    gap = (1 if everywhere else prompts[..., None]) * (best - policy)
    first = at_least(100 * (top - other), margin) if margin else at_least(top, other, "objectives")
    return both(first, iff(equal(top, other), forall(equal(gap, 0))))


@claim(
    "mi.eq-3.optimum", where="after Eq 3", title="The closed-form optimum printed after Eq 3",
    draws=(REFERENCE, Gains()),
    statement=rf"\pi^*(y|x) = \tfrac{{1}}{{Z(x)}} \pi_{{ref}}(y|x)\, e^{{r(x,y)/\beta}} \text{{ maximises }} {TWICE}",
    reading="any beta above 0; references with full support",
    note="Eq 3 weighs the divergence by 1/beta, the printed optimum belongs to a divergence weighed by beta.",
)
def eq_3(prompts: Any, policy: Any, reference: Any, reward: Any, beta: Any) -> Relation:
    return beats(prompts, optimal_policy(reward, reference, beta=1 / beta), policy, reward, reference, beta)


@eq_3.corrected(
    r"\pi^*(y|x) \propto \pi_{ref}(y|x)\, e^{\beta r(x,y)}, \text{ the only one where } \rho(x) > 0; \text{ the printed "
    r"policy is the same} \iff \beta = 1 \text{ or no } r(x,\cdot) \text{ depends on the response}",
    neighbours={"exponent 1% off": {"near": True}, "by a hundredth at least": {"margin": 1},
                "the only one everywhere": {"everywhere": True}, "the same only for beta = 1": {"one": True}})
def eq_3_right(prompts: Any, policy: Any, reference: Any, reward: Any, beta: Any, *, near: bool = False,
               margin: int = 0, everywhere: bool = False, one: bool = False) -> Relation:
    best = optimal_policy(reward, reference, beta=beta * 101 / 100 if near else beta)
    gap = differences(reward)
    same = forall(equal(beta[..., None, None] * gap, gap / beta[..., None, None], "exponents of the two policies"))
    condition = equal(beta[..., 0], 1, "beta")
    return both(beats(prompts, best, policy, reward, reference, beta, margin=margin, everywhere=everywhere),
                iff(same, condition if one else either(condition, forall(equal(gap, 0)))))


class ForBeta(Gains):
    r"""Rewards :math:`r = \beta \log g`, so that :math:`e^{r/\beta} = g` is exact."""

    def lift(self, raw: Any, to: Any) -> dict[str, Any]:
        out = super().lift(raw, to)
        b = out[self.beta][..., None]
        return {**out, self.reward: out[self.reward] * b * b}


@claim(
    "mi.eq-3.reward", where="after Eq 3", title="The reward in terms of the printed closed form",
    draws=(REFERENCE, ForBeta()), symbolic=(2, 3),
    statement=r"\pi^* = \tfrac{1}{Z(x)}\pi_{ref}\,e^{r/\beta} \implies r = \beta\log\tfrac{\pi^*}{\pi_{ref}} + \beta\log Z(x)"
              r"\text{, and in Eq 2 } Z(x) \text{ vanishes: Eq 1 with } \alpha = \beta",
    reading="algebra from the closed form displayed just before, with its own normaliser; mi.eq-3.optimum judges whether it is the "
            "optimum of Eq 3, and mi.eq-3.reward.of-the-optimum puts the optimum in its place",
    neighbours={"1 / beta": {"inverse": True}, "no normaliser": {"drop": True}, "1% off": {"slip": True},
                "alpha = 1 / beta": {"alpha": "inverse"}},
)
def inversion(reference: Any, reward: Any, beta: Any, *, inverse: bool = False, drop: bool = False, slip: bool = False,
              alpha: str = "beta") -> Relation:
    best, b, c = optimal_policy(reward, reference, beta=1 / beta), beta[..., None], carrier_of(reward)
    z = log_partition(reward, reference, beta=1 / beta)[..., None]
    scale, ratio = 1 / b if inverse else b, c.log(best) - c.log(reference)
    reward = 101 * reward / 100 if slip else reward
    model = margins(best, reference, 1 / beta if alpha == "inverse" else beta)
    return both(forall(equal(reward, scale * (ratio if drop else ratio + z), "reward")),
                forall(equal(differences(reward), model, "margin of Eq 1")))


@claim(
    "mi.eq-3.reward.of-the-optimum", where="after Eq 3", title="The reward in terms of the optimum of Eq 3",
    draws=(REFERENCE, Gains()),
    statement=rf"\pi^* \text{{ maximises }} {TWICE} \implies r(x,y) = \beta \log\tfrac{{\pi^*(y|x)}}{{\pi_{{ref}}(y|x)}} "
              r"+ \beta\log Z(x),\; Z(x) = \sum_y \pi_{ref}(y|x)\,e^{r(x,y)/\beta}",
    reading="pi* is the optimum of Eq 3 as it is, which mi.eq-3.optimum finds, not the closed form displayed for it",
)
def eq_3_reward(reference: Any, reward: Any, beta: Any) -> Relation:
    best, b = optimal_policy(reward, reference, beta=beta), beta[..., None]
    c = carrier_of(reward)
    z = log_partition(reward, reference, beta=1 / beta)[..., None]
    return equal(reward, b * (c.log(best) - c.log(reference)) + b * z, "reward")


@eq_3_reward.corrected(
    r"r(x,y) = \tfrac1\beta \log\tfrac{\pi^*(y|x)}{\pi_{ref}(y|x)} + \tfrac1\beta\log Z(x),\quad "
    r"Z(x) = \sum_y \pi_{ref}(y|x)\,e^{\beta r(x,y)}",
    neighbours={"beta for 1 / beta": {"inverse": False}, "the printed normaliser": {"normaliser": "printed"},
                "no normaliser": {"normaliser": "none"}, "1% off": {"slip": True}})
def eq_3_reward_right(reference: Any, reward: Any, beta: Any, *, inverse: bool = True, normaliser: str = "right",
                      slip: bool = False) -> Relation:
    best, b, c = optimal_policy(reward, reference, beta=beta), beta[..., None], carrier_of(reward)
    scale = 1 / b if inverse else b
    z = log_partition(reward, reference, beta=1 / beta if normaliser == "printed" else beta)[..., None]
    z = 0 * z if normaliser == "none" else z
    ratio = c.log(best) - c.log(reference)
    return equal(101 * reward / 100 if slip else reward, scale * (ratio + z), "reward")


def margins(policy: Any, prior: Any, alpha: Any) -> Any:
    """The margin of MI-DPO for every two responses to each prompt, from probabilities."""
    c = carrier_of(policy)
    return mi_dpo.margins(c.log(policy), c.log(prior), alpha=alpha)
