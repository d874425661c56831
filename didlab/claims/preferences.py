r"""Preferences that encode a distribution: section 2, Theorem 2.1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Graph, Numbers, Pair, Policies, Rewards
from ..engine.relations import Relation, both, equal, forall, greater, iff
from ..information import kl_divergence
from ..preference import boltzmann, preference_matrix
from .formulas import differences, entropy_of_labels, label_divergence, stationary


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
    "did.thm-2.1.two-rewards",
    where="Appendix F.1, first sentence of the proof",
    title="The divergence of the preferences of two rewards is least only if they differ by a constant",
    draws=(Rewards("first", "second"), Pair("first")),
    statement=r"D_{KL}[p(y_w \succ y_l \mid f_1) \,\|\, p(y_w \succ y_l \mid f_2)] = 0 \iff \exists C\; \forall y \in \mathcal{Y}:\; f_1(y) = f_2(y) + C",
    reading="at the pair that the divergence names; its least value is 0, at f_1 = f_2",
    note="In expectation over a data set the sentence is Theorem 2.1 again, with the same assumption on its pairs.",
    symbolic=(),
)
def two_rewards(first: Any, second: Any, chosen: Any, rejected_index: Any) -> Relation:
    x, y = (_at_pair(r, chosen, rejected_index) for r in (first, second))
    alike = forall(equal(differences(first), differences(second), "differences of the rewards"))
    return iff(equal(label_divergence(x, y), 0, "divergence of the preferences"), alike)


def _at_pair(reward: Any, chosen: Any, rejected: Any) -> Any:
    """The margin of a reward at a pair."""
    w, l = (np.take_along_axis(reward, np.asarray(i)[..., None], -1) for i in (chosen, rejected))  # noqa: E741
    return w - l


@two_rewards.corrected(
    r"D_{KL}[p(y_w \succ y_l \mid f_1) \,\|\, p(y_w \succ y_l \mid f_2)] = 0 \iff f_1(y_w) - f_1(y_l) = f_2(y_w) - f_2(y_l)"
    r"\text{: a pair fixes one difference}",
    symbolic=(),
    neighbours={
        "the same order of the pair is enough": {"order": True},
        "roles swapped in one reward": {"swap": True},
        "margins in ratio 51 : 50": {"slip": True},
    },
)
def one_difference(
    first: Any, second: Any, chosen: Any, rejected_index: Any, *, order: bool = False, swap: bool = False,
    slip: bool = False,
) -> Relation:
    x, y = (_at_pair(r, chosen, rejected_index) for r in (first, second))
    same = equal(x * 51 / 50 if slip else x, -y if swap else y, "margins of the rewards")
    if order:
        same = both(iff(greater(x, 0), greater(y, 0)), iff(greater(0, x), greater(0, y)))
    return iff(equal(label_divergence(x, y), 0, "divergence of the preferences"), same)
