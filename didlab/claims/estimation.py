r"""Appendix K: estimating entropies, the partition function and the DID; and the reward on the data of section 3.5."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution, did_entropy, log_partition
from ..engine.claim import claim
from ..engine.kinds import Integers, Numbers, Policies, Tempered
from ..engine.relations import Relation, at_least, both, equal, exists, forall, greater, iff, implies, negation
from ..information import entropy
from .formulas import differences, population_stationary, pulls

PAIR = (Policies("policy", "reference"),)


@claim(
    "did.app-k.entropy",
    where="Appendix K",
    title="The Monte-Carlo entropy estimate is unbiased",
    draws=(Policies("policy"),),
    statement=r"\mathbb{E}_{y \sim \pi}[-\log\pi(y)] = H(\pi) \text{ and } \mathrm{Var}[-\log\pi(y)] < \infty",
    reading="a finite outcome space, independent samples at temperature 1; the variance is then a finite sum, and convergence follows from the law of large numbers: what is checked is the expectation",
    note="The paper's four samples per prompt, averaged over prompts, estimate the conditional entropy, not the entropy of one mixture.",
    measurements=("entropy",),
    neighbours={"samples at another temperature": {"power": 2}, "sign dropped": {"sign": 1}, "3% off": {"slip": True}},
)
def entropy_estimate(policy: Any, *, power: int = 1, sign: int = -1, slip: bool = False) -> Relation:
    c = carrier_of(policy)
    weights = c.softmax(power * policy)
    estimate = sign * (weights * policy).sum(-1)
    return equal(estimate * 33 / 32 if slip else estimate, entropy(policy), "expected estimate")


@claim(
    "did.app-k.formula",
    where="Appendix K",
    title="The DID entropy as an expectation with the partition function",
    draws=PAIR,
    statement=r"H(q_{\pi/\pi_{ref}}) = -\mathbb{E}_{y \sim q}\left[\log\frac{\pi(y)}{\pi_{ref}(y)\,Z}\right]",
    measurements=("did_entropy", "log_partition"),
    neighbours={
        "normaliser dropped": {"drop": True},
        "expectation under the policy": {"under": "policy"},
        "ratio inverted": {"invert": True},
        "3% off": {"slip": True},
    },
)
def entropy_formula(
    policy: Any, reference: Any, *, drop: bool = False, under: str = "did", invert: bool = False, slip: bool = False
) -> Relation:
    c = carrier_of(policy)
    q = c.exp(did_distribution(policy, reference)) if under == "did" else c.exp(policy)
    ratio = reference - policy if invert else policy - reference
    expected = -(q * ratio).sum(-1) + (0 if drop else log_partition(policy, reference))
    return equal(expected * 33 / 32 if slip else expected, did_entropy(policy, reference), "DID entropy")


@claim(
    "did.app-k.partition",
    where="Appendix K",
    title="Averaging 1/ref over samples of the policy estimates Z without bias, with a known variance",
    draws=PAIR,
    statement=r"\mathbb{E}_{y \sim \pi}\left[\tfrac{1}{\pi_{ref}(y)}\right] = Z, \qquad \mathrm{Var}\left[\tfrac{1}{\pi_{ref}(y)}\right] = \sum_y \frac{\pi(y)}{\pi_{ref}(y)^2} - Z^2",
    reading="the estimator itself; whether its variance is high is the sub-entry",
    neighbours={
        "samples of the reference": {"swap": True},
        "variance without the mean": {"centred": False},
        "3% off": {"slip": True},
    },
)
def partition_estimate(
    policy: Any, reference: Any, *, swap: bool = False, centred: bool = True, slip: bool = False
) -> Relation:
    c = carrier_of(policy)
    p, value = c.exp(reference if swap else policy), c.exp(-reference)
    z = c.exp(policy - reference).sum(-1)
    mean = (p * value).sum(-1)
    spread = value - (p * value).sum(-1, keepdims=True)
    variance = (p * spread * spread).sum(-1)
    second = (c.exp(policy) * value * value).sum(-1) - (z * z if centred else 0)
    return both(
        equal(mean * 33 / 32 if slip else mean, z, "expected estimate"), equal(variance + 1, second + 1, "variance")
    )


@claim(
    "did.app-k.partition.variance",
    where="Appendix K",
    title="The estimate of Z has a variance above the square of Z",
    draws=PAIR,
    statement=r"\frac{\mathrm{Var}[1/\pi_{ref}(y)]}{Z^2} > 1, \quad y \sim \pi",
    reading="'high variance' as a relative standard deviation above 1 for one sample",
)
def partition_variance(policy: Any, reference: Any) -> Relation:
    c = carrier_of(policy)
    z = c.exp(policy - reference).sum(-1)
    second = (c.exp(policy - reference - reference)).sum(-1)
    return greater(second - z * z, z * z, "variance above Z^2")


@partition_variance.corrected(
    r"\frac{\mathrm{Var}[1/\pi_{ref}]}{Z^2} = \frac{\sum_y q(y)/\pi_{ref}(y)}{Z} - 1, \text{ which is 0 for a uniform reference and grows with the weight of the DID on outcomes rare under it}",
    neighbours={
        "policy instead of DID": {"policy_weights": True},
        "one dropped": {"drop": True},
        "3% off": {"slip": True},
    },
)
def partition_variance_formula(
    policy: Any, reference: Any, *, policy_weights: bool = False, drop: bool = False, slip: bool = False
) -> Relation:
    c = carrier_of(policy)
    z = c.exp(policy - reference).sum(-1)
    second = c.exp(policy - reference - reference).sum(-1)
    q = c.exp(policy if policy_weights else did_distribution(policy, reference))
    share = (q * c.exp(-reference)).sum(-1) / z
    return equal(
        second / (z * z) - (0 if not drop else 1), share * 33 / 32 if slip else share, "relative second moment"
    )


@claim(
    "did.app-k.trained",
    where="Appendix K",
    title="Training with r = log pi on pairs from the policy and the reference has the DID as its optimum",
    draws=PAIR,
    statement=r"y_w \sim \pi,\; y_l \sim \pi_{ref}: \quad \nabla_r\, \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = 0 \text{ at } r = \log q_{\pi/\pi_{ref}}",
    reading="the population of independent sampled pairs, trained to the optimum",
    measurements=("did_entropy",),
    neighbours={"roles exchanged": {"swap": True}, "optimum at the policy": {"plain": True}, "3% off": {"slip": True}},
)
def trained_did(
    policy: Any, reference: Any, *, swap: bool = False, plain: bool = False, slip: bool = False
) -> Relation:
    reward = policy if plain else did_distribution(policy, reference)
    chosen, rejected = (reference, policy) if swap else (policy, reference)
    return population_stationary(chosen, rejected, reward * 33 / 32 if slip else reward)


def greedy_pairs(policy: Any, reference: Any) -> Any:
    """The pairs of greedy decoding: the (first) mode of the policy against the (first) mode of the reference."""
    k = policy.shape[-1]
    best, other = (_first_mode(x) for x in (policy, reference))
    return best[..., :, None] * other[..., None, :] + np.zeros((k, k), dtype=int)


def _first_mode(x: Any) -> Any:
    top = (x >= x.max(-1, keepdims=True)).astype(int)
    return top * (np.cumsum(top, axis=-1) == 1)


@claim(
    "did.app-k.greedy",
    where="Appendix K",
    title="The same with greedy-decoded responses",
    draws=PAIR,
    statement=r"y_w = \arg\max\pi,\; y_l = \arg\max\pi_{ref}: \quad \nabla_r \log p(y_w \succ y_l \mid r) = 0 \text{ at } r = \log q_{\pi/\pi_{ref}}",
    reading="responses decoded greedily, as the procedure of Appendix K describes for its table; one prompt",
    symbolic=(),
)
def greedy_did(policy: Any, reference: Any) -> Relation:
    up, down = pulls(greedy_pairs(policy, reference), did_distribution(policy, reference))
    return equal(up, down, "pull up = pull down on each reward")


@greedy_did.corrected(
    r"\text{the greedy pair pulls } r(y_w) \text{ up at every } r \text{ if the modes differ, so there is no optimum; if they agree it carries no information. "
    r"It is stationary somewhere} \iff \arg\max\pi = \arg\max\pi_{ref}",
    neighbours={
        "stationary for equal policies only": {"equal_policies": True},
        "never stationary": {"never": True},
        "always": {"always": True},
    },
)
def greedy_has_no_optimum(
    policy: Any, reference: Any, *, equal_policies: bool = False, never: bool = False, always: bool = False
) -> Relation:
    up, down = pulls(greedy_pairs(policy, reference), did_distribution(policy, reference))
    same = forall(equal(_first_mode(policy), _first_mode(reference)))
    if equal_policies:
        same = forall(equal(policy, reference))
    if never or always:
        same = forall(equal(up, up if always else up + 1))
    return iff(forall(equal(up, down)), same)


SAMPLE = (Policies("policy", "reference"), Integers("sample", axes=(4,), low=0, high=5), Numbers("exponent"))


def slope(x: Any, y: Any) -> tuple[Any, Any]:
    """Numerator and denominator of the least-squares slope of y on x over the samples."""
    x, y = x - x.sum(-1, keepdims=True) / x.shape[-1], y - y.sum(-1, keepdims=True) / y.shape[-1]
    return (x * y).sum(-1), (x * x).sum(-1)


def picked(values: Any, sample: Any) -> Any:
    """The values at four sampled outcomes (indices taken modulo the number of outcomes)."""
    index = np.asarray(sample, dtype=object if np.asarray(sample).dtype == object else None)
    index = np.vectorize(int)(index) % values.shape[-1]
    return np.take_along_axis(values, index, -1)


@claim(
    "did.app-k.1",
    where="Appendix K.1",
    title="A policy trained to the DID has non-negative estimates of beta'",
    draws=SAMPLE,
    statement=r"\tilde\pi \propto \left(\tfrac{\pi^*}{\pi_{ref}}\right)^{\beta'},\; \beta' > 0 \implies \hat\beta' \ge 0 \text{ on any four samples}",
    reading="the stated direction; the converse, which the argument about outliers uses, is the sub-entry. Where the four samples have one ratio "
    "the slope is 0/0: its numerator is judged",
    symbolic=(),
    neighbours={
        "positive for every sample": {"strict": True},
        "at least 1": {"one": True},
        "for the inverse ratio": {"invert": True},
    },
)
def slope_not_negative(
    policy: Any, reference: Any, sample: Any, exponent: Any, *, strict: bool = False, one: bool = False,
    invert: bool = False,
) -> Relation:
    ratio = picked(policy - reference, sample)
    top, bottom = slope(-ratio if invert else ratio, exponent * ratio)
    if strict:
        return greater(top, 0)
    return at_least(top, bottom if one else 0, "numerator of the slope")


@claim(
    "did.app-k.1.converse",
    where="Appendix K.1",
    title="Non-negative estimates of beta' on every sample mean that the trained policy is a power of the DID",
    draws=(Policies("policy", "reference", "trained"),),
    statement=r"\hat\beta' \ge 0 \text{ on every pair of samples, some } \hat\beta' > 0 \implies \exists \beta' > 0:\; \tilde\pi \propto \left(\tfrac{\pi^*}{\pi_{ref}}\right)^{\beta'}",
    reading="a beta'-accuracy of 100%, over all possible samples, taken as evidence of convergence",
)
def accuracy_is_convergence(policy: Any, reference: Any, trained: Any) -> Relation:
    x, y = differences(policy - reference), differences(trained)
    accurate = both(forall(at_least(x * y, 0)), exists(greater(x * y, 0)))
    a, b = x[..., :, 0], y[..., :, 0]
    i, j = np.triu_indices(x.shape[-1], 1)
    return implies(
        accurate, forall(equal(a[..., i] * b[..., j], a[..., j] * b[..., i], "trained policy a power of the DID"))
    )


@accuracy_is_convergence.corrected(
    r"\hat\beta' > 0 \text{ on every pair of samples with different ratios} \iff \tilde\pi \text{ ranks those outcomes as } q_{\pi^*/\pi_{ref}} \text{ does: a statement about order, not about values}",
    neighbours={
        "ties of the trained policy allowed": {"weak": True},
        "first outcome only": {"first": True},
        "reversed": {"flip": True},
    },
)
def accuracy_is_order(
    policy: Any, reference: Any, trained: Any, *, weak: bool = False, first: bool = False, flip: bool = False
) -> Relation:
    x, y = differences(did_distribution(policy, reference)), differences(trained)
    ratio = differences(policy - reference)
    positive = forall(implies(negation(equal(ratio, 0)), greater(ratio * differences(trained), 0)))
    if first:
        x, y = x[..., :1, :], y[..., :1, :]
    y = -y if flip else y
    ranks = forall(implies(greater(x, 0), at_least(y, 0) if weak else greater(y, 0)))
    return iff(positive, ranks)


SYNTHETIC = (Tempered("target", "reference", "sharpness"), Integers("form", axes=(2,)))


@claim(
    "did.sec-3.5.log-ratio-unique",
    where="Section 3.5",
    title="On the synthetic data only the log-ratio reward is optimal",
    draws=SYNTHETIC,
    statement=r"\theta^* = \theta_{ref}/\tau,\; \theta_l = 2\theta_{ref} - \theta^*: \quad r = a\log\pi + b\log\pi_{ref} \text{ is optimal at } \pi^* \implies a = 1,\; b = -1",
    reading="rewards linear in the logarithms of the policy and the reference, a not 0, a reference that is not uniform and a temperature that is not 1",
    note="On this data target and rejected policy are powers of the reference, so a multiple of log pi alone recovers the target too.",
)
def only_optimal(target: Any, reference: Any, sharpness: Any, form: Any) -> Relation:
    a, b = form[..., 0:1], form[..., 1:2]
    ratio = differences(target - reference)
    optimal = both(
        negation(equal(a[..., 0], 0)),
        greater(sharpness[..., 0], 0),
        exists(negation(equal(ratio, 0))),
        forall(equal(differences(a * target + b * reference), ratio, "reward at the target")),
    )
    return implies(
        optimal, both(equal(a[..., 0], 1, "coefficient of log pi"), equal(b[..., 0], -1, "coefficient of log ref"))
    )


@only_optimal.corrected(
    r"r = a\log\pi + b\log\pi_{ref},\; \pi_{ref} \text{ not uniform: optimal at } \pi^* \iff a + b\tau = 1 - \tau; \text{ for instance } r = (1-\tau)\log\pi",
    neighbours={
        "tau on the wrong side": {"swap": True},
        "only a = 1, b = -1": {"only": True},
        "b not needed": {"loose": True},
    },
)
def optimal_line(
    target: Any, reference: Any, sharpness: Any, form: Any, *, swap: bool = False, only: bool = False,
    loose: bool = False,
) -> Relation:
    a, b = form[..., 0:1], form[..., 1:2]
    s = sharpness
    line = equal((a + b * s if swap else a * s + (0 if loose else b))[..., 0], (s - 1)[..., 0])
    if only:
        line = both(equal(a[..., 0], 1), equal(b[..., 0], -1))
    not_uniform = exists(negation(equal(differences(reference), 0)))
    optimal = forall(equal(differences(a * target + b * reference), differences(target - reference)))
    return implies(not_uniform, iff(optimal, line))
