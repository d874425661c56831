r"""Section 3.1 of Mutual Information DPO: the information-penalised problem, rate-distortion, and the alternation.

Optimal policies are drawn with the rewards that make them so: :math:`e^{\beta r} = \pi(y|x)/m(y)` on the responses in
use, and :math:`\sum_x \rho(x)\,e^{\beta r}/Z(x) \le 1` on the others. Everything else challenges them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..conditional import (
    divergences,
    expected_reward,
    information,
    marginal,
    optimal_policy,
    regularised_objective,
    variational,
)
from ..engine.channels import Channels, FixedPoints, Gains
from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, either, equal, greater, implies

J = r"J(\pi) = \mathbb{E}[r] - \tfrac1\beta I(X;Y)"
OTHER = Channels("other", priors=("prior",), prompts="")
STEP = r"\zeta \leftarrow m_\pi, \quad \pi \leftarrow \zeta\,e^{\beta r}/Z"


def nested(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    """Expected reward less 1 / beta times mutual information."""
    return regularised_objective(prompts, policy, reward, marginal(prompts, policy), beta=beta)


def step(prompts: Any, policy: Any, reward: Any, beta: Any) -> Any:
    """One round of the alternation: the marginal becomes the prior, and the policy the best one for it."""
    return optimal_policy(reward, marginal(prompts, policy), beta=beta)


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
    "mi.sec-3.1.rate-distortion.penalty", where="3.1", draws=(FixedPoints(), OTHER),
    title="Every penalised optimum solves the rate-distortion problem at its own rate",
    statement=rf"\pi^* \text{{ maximises }} {J} \implies \pi^* \text{{ maximises }} \mathbb{{E}}[r] \text{{ among }} I \le I_{{\pi^*}} "
              r"\text{, and minimises } I \text{ among } \mathbb{E}[r] \ge \mathbb{E}_{\pi^*}[r]",
    reading="distortion is minus the reward; one direction of the equivalence, both constrained problems; "
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


SLACK, BINDS = (Integers("slack", axes=(1,), low=0, high=x) for x in (1, 0))
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
    "mi.sec-3.1.rate-distortion", where="3.1", draws=(FixedPoints(), OTHER, SLACK),
    title="The penalised problem is rate-distortion",
    statement=rf"\pi^* \text{{ maximises }} {J} \text{{ for some finite }} \beta \iff \pi^* \text{{ maximises }} \mathbb{{E}}[r] \text{{ among }} I \le R \text{{ for some }} R",
    reading="distortion is minus the reward; both directions: a penalised optimum at its own rate, and a solution at a limit that "
            "it uses up, or at a limit so large that it is slack, at the drawn beta; .every-rate has every beta",
    neighbours={"by a hundredth at least": {"margin": 1}, "among twice the rate": {"twice": True},
                "among the reward less 1/10": {"tenth": True}},
)
def equivalent(prompts: Any, policy: Any, reward: Any, beta: Any, other: Any, slack: Any, *, margin: int = 0,
               twice: bool = False, tenth: bool = False) -> Relation:
    value = nested(prompts, solution(prompts, policy, reward, slack), reward, beta)
    return both(constrained(prompts, policy, reward, other, margin=margin, twice=twice, tenth=tenth),
                at_least(value, nested(prompts, other, reward, beta), "objectives of the solution and of another policy"))


def solution(prompts: Any, policy: Any, reward: Any, slack: Any) -> Any:
    """A policy of the greatest reward within a rate limit: the given one, or a greedy one where the limit is slack."""
    return np.where(np.asarray(slack == 1).astype(bool)[..., None], greedy(prompts, reward)[0], policy)


@equivalent.assuming(r"\text{the limit is below the least rate of a policy of the greatest } \mathbb{E}[r]\text{, or one response is best at all prompts that come}",
                     draws=(FixedPoints(), OTHER, BINDS))
def binds(prompts: Any, policy: Any, reward: Any, slack: Any) -> Relation:
    top, common = greedy(prompts, reward)
    found = solution(prompts, policy, reward, slack)
    less = greater(expected_reward(prompts, top, reward), expected_reward(prompts, found, reward), "greatest reward and that within the limit")
    return either(less, equal(np.asarray(common).astype(int), 1, "one response is best everywhere"))


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
