r"""Section 5.2 of Mutual Information DPO: what a lower joint loss says about the policy.

The data compare all pairs of responses and are labelled by the true reward, in units in which beta = 1, so that the
infimum of the loss is attained.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import expected_reward, marginal, optimal_policy, regularised_objective
from ..engine.channels import Channels, FixedPoints, Gains
from ..engine.claim import claim
from ..engine.comparisons import Preferences
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff
from ..preference import preference_matrix
from .formulas import differences
from .mi_joint import LOSS, SIZES, UNDONE, loss, shared, tables


def population(reward: Any) -> Any:
    """Every pair of responses to every prompt, labelled by the reward: the law of Eq 2."""
    return preference_matrix(reward) * (1 - np.eye(reward.shape[-1], dtype=int))


class TrueRewards(Gains):
    """Rewards log g that label the data."""

    def lift(self, raw: Any, to: Any) -> dict[str, Any]:
        return {self.reward: self.logs(raw, to)}


TRUTH = (Channels("policy", "second", priors=("prior", "other"), zeros="prompts", sizes=SIZES), TrueRewards(sizes=SIZES))


@claim(
    "mi.sec-5.2.alignment", where="5.2, first paragraph", draws=TRUTH, title="The policy of the joint minimum is better aligned",
    statement=rf"(\pi^*,\zeta^*) \text{{ minimises }} {LOSS} \implies \mathbb{{E}}_{{\pi^*}}[r] \ge \mathbb{{E}}_{{\hat\pi}}[r], \quad \hat\pi \text{{ the minimiser at a fixed }} \hat\zeta",
    reading="alignment as the expected reward that labels the data, all pairs compared, beta = 1; priors on responses alone, "
            "policies without bounds; of the jointly optimal pairs one is drawn, since all have the same loss",
)
def aligned(prompts: Any, prior: Any, other: Any, reward: Any) -> Relation:
    policy, fixed = (optimal_policy(reward, z, beta=1) for z in (other, prior))
    return at_least(expected_reward(prompts, policy, reward), expected_reward(prompts, fixed, reward), "expected rewards")


@aligned.corrected(
    r"(\pi,\zeta) \text{ is jointly optimal} \iff \pi(y|x) \propto \zeta(y)\,e^{r(x,y)}, \text{ with any } \zeta(y) > 0: \text{ the policy of each fixed prior is already "
    r"that of a joint minimum}",
    neighbours={"policy prior e^-r": {"sign": -1}, "of one prior alone": {"alone": True}, "by a hundredth at least": {"margin": 1}})
def any_prior(policy: Any, prior: Any, other: Any, reward: Any, *, sign: int = 1, alone: bool = False, margin: int = 0) -> Relation:
    c, n = carrier_of(policy), population(reward)
    best, again = (loss(optimal_policy(sign * reward, z, beta=1), z, n) for z in (prior, other))
    value = loss(policy, other, n)
    gap = differences(c.log(policy) - c.log(shared(other)) - reward)
    same = equal(best, again, "losses at the optimal policies of two priors")
    return both(iff(same, forall(equal(prior, other))) if alone else same,
                at_least(100 * (value - best), margin) if margin else at_least(value, best, "loss of a pair and of the optimum"),
                iff(equal(value, best), forall(equal(gap, 0))))


@claim(
    "mi.sec-5.2.alignment.prompt-prior", where="5.2 with 4", draws=TRUTH, title="The same with a prior for each prompt",
    statement=rf"(\pi^*,\zeta^*) \text{{ minimises }} {LOSS} \implies \mathbb{{E}}_{{\pi^*}}[r] \ge \mathbb{{E}}_{{\hat\pi}}[r], \quad \zeta = \zeta(y|x)",
    reading="the learned prior sees the prompt, as those of section 4 do; else as mi.sec-5.2.alignment",
)
def aligned_prompts(prompts: Any, policy: Any, prior: Any, reward: Any) -> Relation:
    fixed = optimal_policy(reward, prior, beta=1)
    return at_least(expected_reward(prompts, policy, reward), expected_reward(prompts, fixed, reward), "expected rewards")


@aligned_prompts.corrected(
    r"(\pi,\zeta) \text{ is jointly optimal} \iff \log\tfrac{\pi}{\zeta} - r \text{ is constant at each prompt: every policy is part of such a pair, with }"
    r"\zeta \propto \pi\,e^{-r}",
    neighbours={"prior pi e^r": {"sign": 1}, "only the policy ref e^r": {"only": True}, "by a hundredth at least": {"margin": 1}})
def any_policy(policy: Any, second: Any, prior: Any, other: Any, reward: Any, *, sign: int = -1, only: bool = False,
               margin: int = 0) -> Relation:
    c, n = carrier_of(policy), population(reward)
    w = policy * c.exp(sign * reward)
    own = w / w.sum(-1, keepdims=True)
    best, value = loss(policy, own, n), loss(second, other, n)
    gap = differences(c.log(second) - c.log(other)[..., None, :] - reward)
    optimal = equal(value, best)
    if only:
        optimal = forall(equal(policy, optimal_policy(reward, prior, beta=1)))
        return both(at_least(value, best), optimal)
    return both(at_least(100 * (value - best), margin) if margin else at_least(value, best, "loss of a pair and of the optimum"),
                iff(optimal, forall(equal(gap, 0))))


@claim(
    "mi.sec-5.2.alignment.order", where="5.2, first paragraph", draws=TRUTH, title="A lower joint loss is a higher reward",
    statement=rf"J(\pi,\zeta) < J(\pi',\zeta') \implies \mathbb{{E}}_\pi[r] \ge \mathbb{{E}}_{{\pi'}}[r], \quad {LOSS}",
    reading="alignment as the expected reward that labels the data; any two pairs of policy and prior",
)
def order(prompts: Any, policy: Any, second: Any, prior: Any, other: Any, reward: Any) -> Relation:
    n = population(reward)
    higher = at_least(loss(policy, prior, n), loss(second, other, n), "losses")
    return either(higher, at_least(expected_reward(prompts, policy, reward), expected_reward(prompts, second, reward), "expected rewards"))


@order.corrected(
    rf"\text{{with a prior for each prompt: for every }} \pi' \text{{ some }} \zeta' \propto \zeta\,\pi'/\pi \text{{ has }} J(\pi',\zeta') = J(\pi,\zeta), \quad {LOSS}: \text{{ the loss says nothing of the policy}}",
    neighbours=UNDONE)
def order_none(policy: Any, second: Any, prior: Any, reward: Any, *, back: bool = False, keep: bool = False,
               slip: bool = False) -> Relation:
    n, rows = population(reward), shared(prior) + 0 * policy
    ratio = policy / second if back else second / policy
    other = rows if keep else rows * ratio / (rows * ratio).sum(-1, keepdims=True)
    value = loss(policy, prior, n)
    return equal(loss(second, other, n), 101 * value / 100 if slip else value, "losses")


@claim(
    "mi.sec-5.2.alignment.accuracy", where="5.2, first paragraph", draws=(Preferences(sizes=SIZES), tables("policy", "second", priors=("prior", "other"))),
    title="A lower joint loss ranks more of the data right",
    statement=rf"J(\pi,\zeta) < J(\pi',\zeta') \implies \#\{{\pi(y_w|x) > \pi(y_l|x)\}} \ge \#\{{\pi'(y_w|x) > \pi'(y_l|x)\}}, \quad {LOSS}",
    reading="alignment as the share of the pairs whose chosen response is the likelier one",
)
def accuracy(counts: Any, policy: Any, second: Any, prior: Any, other: Any) -> Relation:
    higher = at_least(loss(policy, prior, counts), loss(second, other, counts), "losses")
    return either(higher, at_least(ranked(policy, counts), ranked(second, counts), "pairs ranked right"))


def ranked(policy: Any, counts: Any) -> Any:
    right = np.asarray(policy[..., :, None] > policy[..., None, :]).astype(int)
    return (counts * right).sum(-1).sum(-1).sum(-1)


@accuracy.corrected(
    r"N\,J(\pi,\zeta) \ge \log 2\;\#\left\{\tfrac{\pi(y_w|x)}{\zeta(y_w)} \le \tfrac{\pi(y_l|x)}{\zeta(y_l)}\right\}: \text{ the loss bounds the errors of the ratio, of which the policy is one part}",
    neighbours={"errors of the policy": {"of": "policy"}, "by the double": {"twice": True}, "log 3": {"three": True}})
def accuracy_ratio(counts: Any, policy: Any, prior: Any, *, of: str = "ratio", twice: bool = False,
                   three: bool = False) -> Relation:
    c = carrier_of(policy)
    ratio = policy if of == "policy" else policy / shared(prior)
    total = counts.sum(-1).sum(-1).sum(-1)
    errors = total - ranked(ratio, counts)
    coin = c.log(0 * policy[..., 0, :1] + (3 if three else 2)).sum(-1)
    return at_least(total * loss(policy, prior, counts), (2 if twice else 1) * errors * coin, "loss and errors")


@claim(
    "mi.sec-5.2.alternation.unrestricted", where="5.2", draws=TRUTH, title="Alternating over all policies and priors improves the minimum",
    statement=rf"\hat\pi = \arg\min_\pi J(\pi,\hat\zeta) \implies \text{{some }} \zeta \text{{ has }} J(\hat\pi,\zeta) < J(\hat\pi,\hat\zeta), \quad {LOSS}",
    reading="the step of the prior after one of the policy; over all policies and priors, while 5.2 restricts both (mi.sec-5.2.alternation); "
            "data labelled by the reward; the challenger is any other prior",
)
def alternation(prior: Any, other: Any, reward: Any) -> Relation:
    n, best = population(reward), optimal_policy(reward, prior, beta=1)
    return either(forall(equal(prior, other)), greater(loss(best, prior, n), loss(best, other, n), "losses before and after the step of the prior"))


@alternation.corrected(
    rf"J(\hat\pi,\hat\zeta) = \inf_{{\pi,\zeta}} J, \quad {LOSS}: \text{{ one step of the policy, from any prior, ends the alternation, at }} \hat\pi \propto "
    r"\hat\zeta\,e^r \text{: the policy of the prior that it started from}",
    neighbours={"by a hundredth at least": {"margin": 1}, "rewards reversed": {"sign": -1}, "at the other prior": {"swap": True}})
def one_step(second: Any, prior: Any, other: Any, reward: Any, *, margin: int = 0, sign: int = 1,
             swap: bool = False) -> Relation:
    n = population(reward)
    best = optimal_policy(sign * reward, prior, beta=1)
    value, rival = loss(best, other if swap else prior, n), loss(second, other, n)
    return both(at_least(100 * (rival - value), margin) if margin else at_least(rival, value, "losses of a pair and after the step"),
                at_least(loss(best, other, n), value, "after a step of the prior"))


@claim(
    "mi.sec-5.2.alignment.tied", where="ours", draws=(FixedPoints(used=True, sizes=SIZES), Channels("other", prompts="", zeros=False, sizes=SIZES)),
    title="Tied to the marginal, the prior leaves the rate-distortion policy",
    statement=r"\zeta = m_\pi: \quad \pi \text{ attains } \inf_{\pi,\zeta} J \iff \log\tfrac{\pi}{m_\pi} - r \text{ is constant at each prompt; it then "
              r"maximises } \mathbb{E}[r] - I(X;Y)",
    reading="not in the paper: the prior that section 3.1 finds optimal, in place of one that is free; rewards for which a policy "
            "with full support attains the infimum, beta = 1",
    neighbours={"by a hundredth at least": {"margin": 1}, "the prior at the mean of the rows": {"mean": True}, "twice the information": {"twice": True}},
)
def tied(prompts: Any, policy: Any, reward: Any, beta: Any, other: Any, *, margin: int = 0, mean: bool = False,
         twice: bool = False) -> Relation:
    unit, c = beta[..., None] * reward, carrier_of(policy)
    n = population(unit)
    own, m = marginal(1 + 0 * prompts if mean else prompts, policy), marginal(prompts, other)
    best, value = loss(policy, own, n), loss(other, m, n)
    gap = differences(c.log(other) - c.log(shared(m)) - unit)
    scale = beta / beta / 2 if twice else beta / beta
    lead = (regularised_objective(prompts, policy, unit, marginal(prompts, policy), beta=scale)
            - regularised_objective(prompts, other, unit, m, beta=scale))
    return both(at_least(value, best, "losses"), iff(equal(value, best), forall(equal(gap, 0))),
                at_least(100 * lead, margin) if margin else at_least(lead, 0, "lead in reward less information"))
