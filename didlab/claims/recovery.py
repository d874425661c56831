r"""Which reward and which data recover the target: Theorems 3.3 and 3.4, section 3.4, footnote 4."""

from __future__ import annotations

from typing import Any

from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Graph, Integers, Numbers, Policies, PowerLaw, Rewards
from ..engine.relations import Relation, at_least, both, equal, exists, forall, greater, iff, implies, negation
from ..preference import label_probability, pair_distribution, preference_matrix
from .formulas import differences, population_stationary, stationary


@claim(
    "did.thm-3.3",
    where="Theorem 3.3, Appendix F.2",
    title="Under the power law, preferences are those of the DID",
    draws=(PowerLaw(),),
    statement=r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\beta} \implies p^*(y_w \succ y_l) = "
    r"\sigma\left(\beta \log q_{\pi^*/\pi_{ref}}(y_w) - \beta \log q_{\pi^*/\pi_{ref}}(y_l)\right)",
    reading="any real exponent; the two responses are different and drawn independently",
    neighbours={"beta dropped": {"drop": True}, "DID inverted": {"invert": True}, "3% off": {"slip": True}},
    measurements=("label_probability", "did_distribution"),
)
def preferences_encode(
    target: Any, reference: Any, rejected: Any, beta: Any, *, drop: bool = False, invert: bool = False,
    slip: bool = False,
) -> Relation:
    q = did_distribution(reference, target) if invert else did_distribution(target, reference)
    model = preference_matrix(q if drop else beta * q)
    return equal(label_probability(reference, rejected), model * 33 / 32 if slip else model, "preference")


@claim(
    "did.app-f.2",
    where="Appendix F.2",
    title="Labels follow the DID from the rejected policy to the reference, whatever the two policies",
    draws=(Policies("reference", "rejected"),),
    statement=r"p^*(y_1 \succ y_2) = \frac{\pi_{ref}(y_1)\,\pi_l(y_2)}{\pi_{ref}(y_1)\,\pi_l(y_2) + \pi_{ref}(y_2)\,\pi_l(y_1)} = "
    r"\sigma\left(\log q_{\pi_{ref}/\pi_l}(y_1) - \log q_{\pi_{ref}/\pi_l}(y_2)\right)",
    reading="the displayed steps before the power law is used; two different responses, drawn independently",
    neighbours={"roles exchanged": {"swap": True}, "the reference alone": {"alone": True}, "3% off": {"slip": True}},
    measurements=("did_distribution",),
)
def labels_follow(
    reference: Any, rejected: Any, *, swap: bool = False, alone: bool = False, slip: bool = False
) -> Relation:
    pairs = pair_distribution(reference, rejected)
    q = did_distribution(rejected, reference) if swap else did_distribution(reference, rejected)
    model = preference_matrix(reference if alone else q)
    return equal(pairs / (pairs + pairs.swapaxes(-1, -2)), model * 33 / 32 if slip else model, "preference")


@claim(
    "did.thm-3.4.sufficiency",
    where="Theorem 3.4",
    title="With the log-ratio reward the optimum is the target",
    draws=(PowerLaw(),),
    statement=r"\text{power law, } r = \beta \log\tfrac{\pi}{\pi_{ref}} + C \implies \nabla_r\, \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = 0 \text{ at } \pi = \pi^*",
    reading="the population loss over independent pairs y_w ~ ref, y_l ~ pi_l; it is strictly concave in r up to a constant (next entry), so the stationary point is the optimum",
    neighbours={
        "reward without beta": {"drop": True},
        "reward log pi": {"plain": True},
        "reward 3% off": {"slip": True},
    },
)
def log_ratio_recovers(
    target: Any, reference: Any, rejected: Any, beta: Any, *, drop: bool = False, plain: bool = False,
    slip: bool = False,
) -> Relation:
    ratio = target if plain else target - reference
    reward = ratio if drop else beta * ratio
    return population_stationary(reference, rejected, reward * 33 / 32 if slip else reward)


@claim(
    "did.thm-3.4.sufficiency.concave",
    where="Theorem 3.4",
    title="The population likelihood is strictly concave up to a constant",
    draws=(Policies("reference", "rejected"), Rewards("reward"), Integers("direction", axes=("K",))),
    statement=r"v^\top \nabla_r^2\, \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)]\, v \le 0, \text{ with equality only for constant } v",
    neighbours={"equality never": {"strict": True}, "equality only at 0": {"zero": True}, "convex": {"sign": -1}},
)
def strictly_concave(
    reference: Any, rejected: Any, reward: Any, direction: Any, *, strict: bool = False, zero: bool = False,
    sign: int = 1,
) -> Relation:
    pairs, m, v = pair_distribution(reference, rejected), preference_matrix(reward), differences(direction)
    curvature = -(pairs * m * m.swapaxes(-1, -2) * v * v).sum(-1).sum(-1) * sign
    constant = forall(equal(direction, 0)) if zero else forall(equal(v, 0))
    if strict:
        return greater(0, curvature)
    return both(at_least(0, curvature, "curvature"), iff(equal(curvature, 0), constant))


@claim(
    "did.thm-3.4.uniqueness",
    where="Theorem 3.4, Appendix F.3",
    title="Only the log-ratio reward recovers the target",
    draws=(PowerLaw(), Integers("form", axes=(3,))),
    statement=r"r = a \log\pi + b \log\pi_{ref} + c \log\pi^*,\; a \ne 0,\; \pi^* \ne \pi_{ref}: \quad \text{the optimum over } \pi \text{ is } \pi^* \implies "
    r"r = \beta \log\tfrac{\pi}{\pi_{ref}} + C",
    reading="one data set, as printed; rewards linear in the logarithms are enough to decide it",
    note="On one data set many rewards agree at the optimum. What is unique is a reward that must work for every target without knowing it.",
)
def only_log_ratio(target: Any, reference: Any, rejected: Any, beta: Any, form: Any) -> Relation:
    a, b, c = form[..., 0:1], form[..., 1:2], form[..., 2:3]
    at_target = (a + c) * target + b * reference
    recovers = both(
        negation(equal(a[..., 0], 0)),
        exists(negation(equal(differences(target - reference), 0))),
        forall(equal(differences(at_target), differences(reference - rejected), "reward at the target")),
    )
    is_log_ratio = both(
        equal(a[..., 0], beta[..., 0], "coefficient of log pi"),
        forall(equal(differences((b + beta) * reference + c * target), 0, "rest of the reward is constant")),
    )
    return implies(recovers, is_log_ratio)


@only_log_ratio.corrected(
    r"r = a \log\pi + b \log\pi_{ref} \text{ (not knowing } \pi^*\text{): it recovers two targets } g\,\pi_{ref} \text{ and } g^2\,\pi_{ref},\; g \text{ not constant} \iff "
    r"r = \beta \log\tfrac{\pi}{\pi_{ref}} + C",
    neighbours={"one target is enough": {"one": True}, "b is not needed": {"loose": True}, "sign of b": {"flip": True}},
)
def for_every_target(
    target: Any, reference: Any, rejected: Any, beta: Any, form: Any, *, one: bool = False, loose: bool = False,
    flip: bool = False,
) -> Relation:
    a, b = form[..., 0:1], form[..., 1:2]
    second = 2 * target - reference
    goals = [beta * (goal - reference) for goal in ((target,) if one else (target, second))]
    rewards = [a * goal + b * reference for goal in (target, second)]
    recovers = both(*(forall(equal(differences(r), differences(g))) for r, g in zip(rewards, goals, strict=False)))
    rest = (b - beta if flip else b + beta) * reference
    shape = (
        equal(a[..., 0], beta[..., 0])
        if loose
        else both(equal(a[..., 0], beta[..., 0]), forall(equal(differences(rest), 0)))
    )
    return implies(exists(negation(equal(differences(target - reference), 0))), iff(recovers, shape))


@claim(
    "did.footnote-4",
    where="Footnote 4, section 3.5",
    title="What training with the log-ratio and with log pi converges to",
    draws=(Policies("preferred", "reference"), Graph("comparisons"), Numbers("beta")),
    statement=r"\text{labels by } p^*: \; \beta\log\tfrac{\pi}{\pi_{ref}} \text{ is optimal at } \pi \propto \pi_{ref}\, (p^*)^{1/\beta}, \; "
    r"\beta\log\pi \text{ at } \pi \propto (p^*)^{1/\beta}; \quad q_{\pi/\pi_{ref}} \propto (p^*)^{1/\beta}",
    reading="population loss over compared pairs labelled by p*",
    symbolic=(2, 3),
    neighbours={"exponent beta": {"power": True}, "reference dropped": {"drop": True}, "3% off": {"slip": True}},
)
def converges_to(
    preferred: Any, reference: Any, comparisons: Any, beta: Any, *, power: bool = False, drop: bool = False,
    slip: bool = False,
) -> Relation:
    pairs = comparisons * preference_matrix(preferred)
    root = beta * preferred if power else preferred / beta
    root = root * 33 / 32 if slip else root
    with_ratio = root if drop else reference + root
    return both(
        stationary(pairs, beta * (with_ratio - reference), "pulls with the log-ratio"),
        stationary(pairs, beta * root, "pulls with log pi"),
        equal(differences(with_ratio - reference), differences(preferred / beta), "log-margins of the DID"),
    )


@claim(
    "did.sec-3.4.guarantee",
    where="Section 3.4",
    title="Sampling chosen responses from the reference and rejected ones from Eq (1) recovers the target",
    draws=(PowerLaw(),),
    statement=r"y_w \sim \pi_{ref},\; y_l \sim \pi_l \text{ of Eq (1)} \implies \nabla_r\, \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = 0 \text{ at } r = \beta\log\tfrac{\pi^*}{\pi_{ref}}",
    reading="the population of pairs; a finite sample is judged by the sub-entry",
    neighbours={
        "chosen and rejected exchanged": {"swap": True},
        "rejected from the reference": {"same": True},
        "reward 3% off": {"slip": True},
    },
)
def sampling_recovers(
    target: Any, reference: Any, rejected: Any, beta: Any, *, swap: bool = False, same: bool = False, slip: bool = False
) -> Relation:
    chosen, other = (rejected, reference) if swap else (reference, reference if same else rejected)
    reward = beta * (target - reference)
    return population_stationary(chosen, other, reward * 33 / 32 if slip else reward)


@claim(
    "did.sec-3.4.guarantee.finite-sample",
    where="Section 3.4",
    title="A finite sample of such pairs recovers the target",
    draws=(PowerLaw(), Integers("counts", axes=("K", "K"), low=0, high=4)),
    statement=r"n_{ij} \text{ pairs } (y_w = i, y_l = j): \quad \nabla_r \sum_{ij} n_{ij} \log\sigma(r_i - r_j) = 0 \text{ at } r = \beta\log\tfrac{\pi^*}{\pi_{ref}}",
    reading="a guarantee for every data set that the sampling can produce",
    symbolic=(),
)
def finite_sample(target: Any, reference: Any, rejected: Any, beta: Any, counts: Any) -> Relation:
    return stationary(counts, beta * (target - reference))


@finite_sample.corrected(
    r"\text{it does so exactly when every outcome wins as often as expected: } \sum_j n_{ij} = \sum_j (n_{ij} + n_{ji})\,\sigma(r_i - r_j) \; \forall i",
    neighbours={
        "for the first outcome only": {"first": True},
        "wins and losses equal": {"even": True},
        "losses instead of wins": {"swap": True},
    },
)
def wins_as_expected(
    target: Any, reference: Any, rejected: Any, beta: Any, counts: Any, *, first: bool = False, even: bool = False,
    swap: bool = False,
) -> Relation:
    reward = beta * (target - reference)
    games = counts + counts.swapaxes(-1, -2)
    wins = counts.sum(-2) if swap else counts.sum(-1)
    expected = games.sum(-1) / 2 if even else (games * preference_matrix(reward)).sum(-1)
    gap = wins - expected
    return iff(forall(stationary(counts, reward)), forall(equal(gap[..., :1] if first else gap, 0)))
