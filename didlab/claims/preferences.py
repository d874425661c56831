r"""Preferences that encode a distribution: section 2, Theorems 2.1, 3.3, 3.4 and L.1, Eq (1), footnote 4, Appendix F."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Graph, Integers, NearPowerLaw, Numbers, Policies, PowerLaw, Rewards
from ..engine.relations import Relation, at_least, both, either, equal, exists, forall, greater, iff, implies, negation
from ..information import kl_divergence
from ..preference import boltzmann, label_probability, pair_distribution, preference_matrix
from .formulas import differences, entropy_of_labels, eq_1, population_stationary, stationary


@claim(
    "did.sec-2.bradley-terry",
    where="Section 2",
    title="A preference is the sigmoid of a reward difference; a constant does not matter",
    draws=(Rewards("reward"), Numbers("shift")),
    statement=r"p \propto e^{r}:\quad \frac{p(y_w)}{p(y_w)+p(y_l)} = \sigma(r(y_w) - r(y_l)), \qquad P(y \mid r + c) = P(y \mid r)",
    neighbours={"rewards halved": {"scale": 2}, "arguments swapped": {"swap": True}, "3% off": {"slip": True}},
)
def bradley_terry_law(reward: Any, shift: Any, *, scale: int = 1, swap: bool = False, slip: bool = False) -> Relation:
    c = carrier_of(reward)
    p = c.softmax(reward)
    ratio = p[..., :, None] / (p[..., :, None] + p[..., None, :])
    r = reward if scale == 1 else reward + reward
    preference = preference_matrix(-r if swap else r)
    moved = c.exp(boltzmann(reward + c.log(shift)))
    return both(equal(ratio * 33 / 32 if slip else ratio, preference, "preference"), equal(moved, p, "Boltzmann law"))


DATA = (Policies("preferred"), Rewards("reward"), Graph("comparisons"))


def _expected_divergence(preferred: Any, reward: Any, comparisons: Any) -> Any:
    c = carrier_of(preferred, reward)
    label, gap, model = preference_matrix(preferred), differences(preferred), differences(reward)
    terms = label * (c.log_sigmoid(gap) - c.log_sigmoid(model))
    return (comparisons * terms).sum(-1).sum(-1)


@claim(
    "did.thm-2.1",
    where="Theorem 2.1, Appendix F.1",
    title="Preference likelihood, pairwise KL and distribution matching have the same optimum",
    draws=DATA,
    statement=r"r \text{ maximises } \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] \iff "
    r"\mathbb{E}_{\mathcal{D}} D_{KL}[p^*(y_w \succ y_l) \,\|\, p(y_w \succ y_l \mid r)] = 0 \iff D_{KL}[p^* \,\|\, P(\cdot \mid r)] = 0",
    reading="the data set is a set of compared pairs that covers every outcome, labelled by p*; the likelihood is concave, so its maximum is where its gradient is 0",
    note="Pairs sampled from two policies with full support compare every two outcomes in the long run, so data sampled as in section 3.4 meet the "
    "assumption. The share given for it counts ordinary instances, which compare all pairs, and says no more than that.",
    neighbours={
        "equal, not equal up to a constant": {"constant": False},
        "the target squared": {"power": 2},
        "pairs with the first outcome ignored": {"drop": True},
    },
)
def same_optimum(
    preferred: Any, reward: Any, comparisons: Any, *, constant: bool = True, power: int = 1, drop: bool = False
) -> Relation:
    if drop:
        mask = np.ones(comparisons.shape[-2:], dtype=int)
        mask[0, :] = mask[:, 0] = 0
        comparisons = comparisons * mask
    pairs = comparisons * preference_matrix(preferred)
    likely = forall(stationary(pairs, reward))
    divergence = equal(_expected_divergence(preferred, reward, comparisons), 0, "expected pairwise KL")
    goal = preferred if power == 1 else preferred + preferred
    match = (
        equal(kl_divergence(goal, reward), 0, "KL of the distributions") if constant else forall(equal(goal, reward))
    )
    return both(iff(likely, divergence), iff(divergence, match))


@same_optimum.assuming(
    r"\text{the compared pairs form a connected graph on } \mathcal{Y} \text{ (covering } \mathcal{Y} \text{ is not enough)}"
)
def connected(comparisons: Any) -> Relation:
    k = comparisons.shape[-1]
    step = comparisons + np.eye(k, dtype=int)
    reach = step
    for _ in range(k - 2):
        reach = (reach[..., :, :, None] * step[..., None, :, :]).sum(-2)
    return forall(greater(reach, 0, "a path between every two outcomes"))


@claim(
    "did.thm-2.1.decomposition",
    where="Appendix F.1",
    title="Preference cross-entropy is pairwise KL plus label entropy",
    draws=DATA,
    statement=r"-\mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = \mathbb{E}_{\mathcal{D}} D_{KL}[p^* \,\|\, p(\cdot \mid r)] + \mathbb{E}_{\mathcal{D}} H(p^*)",
    reading="labels drawn from p*",
    symbolic=(2, 3),
    neighbours={
        "label entropy dropped": {"entropy": 0},
        "divergence reversed": {"reverse": True},
        "label entropy 3% too large": {"slip": True},
    },
)
def cross_entropy(
    preferred: Any, reward: Any, comparisons: Any, *, entropy: int = 1, reverse: bool = False, slip: bool = False
) -> Relation:
    c = carrier_of(preferred, reward)
    label = preference_matrix(preferred)
    loss = -(comparisons * label * c.log_sigmoid(differences(reward))).sum(-1).sum(-1)
    a, b = (reward, preferred) if reverse else (preferred, reward)
    divergence = _expected_divergence(a, b, comparisons)
    label_entropy = (comparisons * entropy_of_labels(label)).sum(-1).sum(-1) / 2
    return equal(loss, divergence + entropy * (label_entropy * 33 / 32 if slip else label_entropy), "cross-entropy")


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
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    drop: bool = False,
    invert: bool = False,
    slip: bool = False,
) -> Relation:
    q = did_distribution(reference, target) if invert else did_distribution(target, reference)
    model = preference_matrix(q if drop else beta * q)
    return equal(label_probability(reference, rejected), model * 33 / 32 if slip else model, "preference")


@claim(
    "did.eq-1",
    where="Eq (1)",
    title="The ideal policy for rejected responses",
    draws=(PowerLaw(),),
    statement=r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\beta} \iff \pi_l \propto \pi_{ref} \left(\frac{\pi_{ref}}{\pi^*}\right)^{\beta}",
    neighbours={
        "ratio inverted": {"invert": True},
        "exponent doubled": {"double": True},
        "reference dropped": {"drop": True},
        "3% off": {"slip": True},
    },
    measurements=("ideal_rejected",),
)
def ideal_policy(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    invert: bool = False,
    double: bool = False,
    drop: bool = False,
    slip: bool = False,
) -> Relation:
    a, b = (reference, target) if invert else (target, reference)
    ideal = eq_1(a, b, beta + beta if double else beta) - (reference if drop else 0 * reference)
    margins = differences(rejected)
    law = differences(beta * (target - reference))
    return both(
        equal(margins * 33 / 32 if slip else margins, differences(ideal), "log-margins of pi_l and Eq (1)"),
        equal(differences(reference - rejected), law, "log-margins of the two DIDs"),
    )


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
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    drop: bool = False,
    plain: bool = False,
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
    reference: Any,
    rejected: Any,
    reward: Any,
    direction: Any,
    *,
    strict: bool = False,
    zero: bool = False,
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
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    form: Any,
    *,
    one: bool = False,
    loose: bool = False,
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
    "did.app-f.3.boltzmann",
    where="Appendix F.3",
    title="The Boltzmann law of the log-ratio reward is the DID to the power beta",
    draws=(PowerLaw(),),
    statement=r"r = \beta \log\tfrac{\pi^*}{\pi_{ref}}: \quad P(Y = y \mid r) = q_{\pi^*/\pi_{ref}}(y)^{\beta}",
    reading="equality as printed, used inside a KL divergence as if the power were a distribution",
)
def boltzmann_is_power(target: Any, reference: Any, rejected: Any, beta: Any) -> Relation:
    c = carrier_of(target)
    return equal(
        c.exp(boltzmann(beta * (target - reference))),
        c.exp(beta * did_distribution(target, reference)),
        "P(y | r) = q(y)^beta",
    )


@boltzmann_is_power.corrected(
    r"P(Y = y \mid r) = \frac{q_{\pi^*/\pi_{ref}}(y)^{\beta}}{\sum_{y'} q_{\pi^*/\pi_{ref}}(y')^{\beta}}, \text{ equal to } q^\beta \text{ for } K \ge 2 \text{ only if } \beta = 1",
    neighbours={
        "beta dropped": {"drop": True},
        "DID inverted": {"invert": True},
        "1% off": {"slip": True},
        "the powers sum to 1 from exponent 4 on, too": {"large": True},
    },
)
def boltzmann_normalised(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    drop: bool = False,
    invert: bool = False,
    slip: bool = False,
    large: bool = False,
) -> Relation:
    q = did_distribution(reference, target) if invert else did_distribution(target, reference)
    power = q if drop else beta * q
    law = boltzmann(power * 101 / 100 if slip else power)
    c = carrier_of(target)
    size = c.exp(beta * did_distribution(target, reference)).sum(-1)
    one = equal(beta[..., 0], 1, "exponent")
    one = either(one, at_least(beta[..., 0], 4)) if large else one
    return both(
        equal(differences(boltzmann(beta * (target - reference))), differences(law), "log-margins of P(y | r)"),
        iff(equal(size, 1, "sum of the powers of the DID"), one),
    )


@claim(
    "did.app-f.0",
    where="Appendix F",
    title="Scaled logarithms order like powers",
    draws=(Numbers("a"), Numbers("b"), Numbers("c")),
    statement=r"a, b, c > 0: \quad c \log a > c \log b \iff a^c > b^c",
    neighbours={
        "weak on one side": {"weak": True},
        "order reversed": {"flip": True},
        "exponent on one side": {"half": True},
        "b 3% larger": {"slip": True},
    },
)
def powers_order(
    a: Any, b: Any, c: Any, *, weak: bool = False, flip: bool = False, half: bool = False, slip: bool = False
) -> Relation:
    k = carrier_of(a)
    log_a, log_b = k.log(a), k.log(b * 33 / 32 if slip else b)
    gap = c * log_a - (log_b if half else c * log_b)
    ratio = k.exp(-gap if flip else gap)  # a^c / b^c: exactly 1 where they are equal, whatever c
    return iff(greater(c * k.log(a), c * k.log(b)), at_least(ratio, 1) if weak else greater(ratio, 1))


@claim(
    "did.thm-l.1",
    where="Theorem L.1",
    title="DPO's optimum is the target exactly when rejected responses follow Eq (1)",
    draws=(NearPowerLaw(),),
    statement=r"\arg\max_\pi \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = \pi^*,\; r = \beta\log\tfrac{\pi}{\pi_{ref}} \iff "
    r"\pi_l \propto \pi_{ref}\left(\tfrac{\pi_{ref}}{\pi^*}\right)^{\beta}",
    reading="population loss over independent pairs; the maximum is where the gradient is 0, by strict concavity",
    neighbours={
        "exponent squared": {"power": 2},
        "reward without beta": {"drop": True},
        "reference inverted": {"invert": True},
        "reward 1% off": {"slip": True},
    },
)
def optimum_iff_eq_1(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    power: int = 1,
    drop: bool = False,
    invert: bool = False,
    slip: bool = False,
) -> Relation:
    ratio = target - reference
    reward = ratio if drop else beta * ratio
    exponent = beta if power == 1 else beta * beta
    ideal = eq_1(reference - ratio if invert else target, reference, exponent)
    optimal = forall(population_stationary(reference, rejected, reward * 101 / 100 if slip else reward))
    return iff(optimal, forall(equal(differences(rejected), differences(ideal), "log-margins of pi_l and Eq (1)")))


@claim(
    "did.thm-l.1.uniqueness",
    where="Appendix L, last sentence",
    title="The rejected distribution is uniquely determined",
    draws=(NearPowerLaw(),),
    statement=r"\text{given } \pi_{ref}, \pi^*, \beta: \quad \arg\max_\pi \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = \pi^* \implies "
    r"\pi_l \propto \pi_{ref}\left(\tfrac{\pi_{ref}}{\pi^*}\right)^{\beta}",
    reading="chosen and rejected responses drawn independently; dependent pairs are outside this reading",
    neighbours={
        "exponent dropped": {"drop": True},
        "ratio inverted": {"invert": True},
        "margins 3% off": {"slip": True},
    },
)
def rejected_is_unique(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    drop: bool = False,
    invert: bool = False,
    slip: bool = False,
) -> Relation:
    ratio = target - reference
    exponent = beta / beta if drop else beta
    ideal = differences(eq_1(reference - ratio if invert else target, reference, exponent))
    optimal = forall(population_stationary(reference, rejected, beta * ratio))
    return implies(
        optimal, forall(equal(differences(rejected), ideal * 33 / 32 if slip else ideal, "log-margins of pi_l"))
    )


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
    preferred: Any,
    reference: Any,
    comparisons: Any,
    beta: Any,
    *,
    power: bool = False,
    drop: bool = False,
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
    "did.sec-3.5.construction",
    where="Section 3.5",
    title="theta_l = 2 theta_ref - theta* makes the two DIDs equal",
    draws=(Policies("target", "reference"),),
    statement=r"\theta_l = 2\theta_{ref} - \theta^* \implies q_{\pi_{ref}/\pi_l} = q_{\pi^*/\pi_{ref}}",
    neighbours={"coefficient 3": {"coefficient": 3}, "arguments swapped": {"swap": True}, "3% off": {"slip": True}},
)
def construction(
    target: Any, reference: Any, *, coefficient: int = 2, swap: bool = False, slip: bool = False
) -> Relation:
    c = carrier_of(target)
    rejected = coefficient * reference - target
    q = c.exp(did_distribution(target, reference))
    other = did_distribution(rejected, reference) if swap else did_distribution(reference, rejected)
    return equal(c.exp(other), q * 33 / 32 if slip else q, "DID")


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
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    counts: Any,
    *,
    first: bool = False,
    even: bool = False,
    swap: bool = False,
) -> Relation:
    reward = beta * (target - reference)
    games = counts + counts.swapaxes(-1, -2)
    wins = counts.sum(-2) if swap else counts.sum(-1)
    expected = games.sum(-1) / 2 if even else (games * preference_matrix(reward)).sum(-1)
    gap = wins - expected
    return iff(forall(stationary(counts, reward)), forall(equal(gap[..., :1] if first else gap, 0)))
