r"""Log-margin orderings and the power law: Theorem 3.5, section 3.3, Appendices F.4 and G.

Write x for the gain in log-margin from :math:`\pi_l` to :math:`\pi_{ref}` and y for the gain from :math:`\pi_{ref}` to
:math:`\pi^*`, over all ordered pairs of outcomes. The power law says x = beta y.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Numbers, Policies, PowerLaw, Threshold
from ..engine.relations import Relation, at_least, both, either, equal, exists, forall, greater, iff, implies
from ..preference import pair_distribution
from .formulas import differences, margin_gains

THREE = (Policies("target", "reference", "rejected"),)
ORDER = (
    r"\log\tfrac{\pi_{ref}(y_w)}{\pi_{ref}(y_l)} > \log\tfrac{\pi_l(y_w)}{\pi_l(y_l)} \iff "
    r"\log\tfrac{\pi^*(y_w)}{\pi^*(y_l)} > \log\tfrac{\pi_{ref}(y_w)}{\pi_{ref}(y_l)}"
)
LAW = r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\beta}"


def same_order(x: Any, y: Any, level: Any = 0, other: Any = None) -> Relation:
    """At every pair, x is above a level exactly when y is above one."""
    return forall(
        iff(
            greater(x, level, "gain of the reference"),
            greater(y, level if other is None else other, "gain of the target"),
        )
    )


def proportional(x: Any, y: Any) -> Relation:
    """x = beta y for some beta > 0: the same signs everywhere, and every cross product 0."""
    a, b = x[..., :, 0], y[..., :, 0]
    i, j = np.triu_indices(x.shape[-1], 1)
    return both(
        forall(both(iff(greater(x, 0), greater(y, 0)), iff(greater(0, x), greater(0, y)))),
        forall(equal(a[..., i] * b[..., j], a[..., j] * b[..., i], "x_i y_j = x_j y_i")),
    )


def every_threshold(x: Any, y: Any) -> Relation:
    """x > t exactly when y > t, for every t > 0: only t half-way between the positive parts can tell them apart."""
    t = (x + abs(x) + y + abs(y)) / 4
    return forall(implies(greater(t, 0), iff(greater(x, t), greater(y, t))))


def ranks_agree(x: Any, y: Any, *, weak: bool = False, first_only: bool = False, flip: bool = False) -> Relation:
    """Two distributions order the outcomes alike, ties included."""
    a, b = differences(x), differences(y)
    if first_only:
        a, b = a[..., :1, :], b[..., :1, :]
    b = -b if flip else b
    return forall(iff(at_least(a, 0) if weak else greater(a, 0), greater(b, 0)))


RANK_NEIGHBOURS = {
    "ranks reversed": {"flip": True},
    "weak on one side": {"weak": True},
    "compared with the first outcome only": {"first_only": True},
}


def ordering_is_ranking(target: Any, reference: Any, rejected: Any, **change: bool) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return iff(
        same_order(x, y),
        ranks_agree(did_distribution(reference, rejected), did_distribution(target, reference), **change),
    )


SAME_RANKS = (
    r"\text{the ordering holds for all pairs} \iff q_{\pi_{ref}/\pi_l} \text{ and } q_{\pi^*/\pi_{ref}} "
    r"\text{ rank the outcomes alike; the power law asks in addition that the gains be proportional}"
)


@claim(
    "did.thm-3.5.order-implies-power-law",
    where="Theorem 3.5, (1) to (2)",
    title="Ordered log-margins imply a power law",
    draws=THREE,
    statement=rf"\left(\forall y_w, y_l:\; {ORDER}\right) \implies \exists \beta > 0:\; {LAW}",
    reading="plain order (>) for all ordered pairs of outcomes; one exponent for all outcomes, as Theorem 3.3 needs",
    note="On a single pair the implication holds; see the sub-entry. From three outcomes on it fails.",
)
def order_implies_power_law(target: Any, reference: Any, rejected: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return implies(same_order(x, y), proportional(x, y))


order_implies_power_law.corrected(SAME_RANKS, neighbours=RANK_NEIGHBOURS)(ordering_is_ranking)


@claim(
    "did.thm-3.5.order-implies-power-law.single-pair",
    where="Theorem 3.5, (1) to (2)",
    title="On a single pair of outcomes, ordered log-margins imply a power law",
    draws=THREE,
    statement=rf"K = 2:\; \left(\forall y_w, y_l:\; {ORDER}\right) \iff \exists \beta > 0:\; {LAW}",
    reading="the set {y_w, y_l} taken as the whole outcome space, both orientations of the pair ordered",
    neighbours={
        "weak on one side": {"weak": True},
        "signs opposite": {"flip": True},
        "one orientation only": {"oriented": True},
    },
)
def single_pair(
    target: Any, reference: Any, rejected: Any, *, weak: bool = False, flip: bool = False, oriented: bool = False
) -> Relation:
    x, y = (differences(d[..., :2]) for d in (reference - rejected, target - reference))
    order = iff(at_least(x, 0) if weak else greater(x, 0), greater(-y if flip else y, 0))
    if oriented:
        a, b = x[..., 0, 1], y[..., 0, 1]
        order = iff(greater(a, 0), greater(b, 0))
    a, b = x[..., 0, 1], y[..., 0, 1]
    law = either(both(greater(a, 0), greater(b, 0)), both(greater(0, a), greater(0, b)), both(equal(a, 0), equal(b, 0)))
    return iff(forall(order), law)


@claim(
    "did.thm-3.5.power-law-implies-order",
    where="Theorem 3.5, (2) to (1)",
    title="A power law implies ordered log-margins",
    draws=(PowerLaw(),),
    statement=rf"\left(\exists \beta > 0:\; {LAW}\right) \implies \forall y_w, y_l:\; {ORDER}",
    reading="plain order (>) for all ordered pairs of outcomes",
    neighbours={
        "order reversed": {"flip": True},
        "weak on one side": {"weak": True},
        "a small threshold on one side": {"level": True},
        "1% threshold, scaled wrongly": {"scaled": True},
    },
)
def power_law_implies_order(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    flip: bool = False,
    weak: bool = False,
    level: bool = False,
    scaled: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    y = -y if flip else y
    if level or scaled:
        t = carrier_of(x).log(x[..., :1, :1] * 0 + 0 * beta[..., None] + _tenth(beta)[..., None])
        return forall(iff(greater(x, t if scaled else 0), greater(y, t)))
    return forall(iff(at_least(x, 0) if weak else greater(x, 0), greater(y, 0)))


def _tenth(beta: Any) -> Any:
    return beta / beta * 11 / 10


@claim(
    "did.thm-3.5.order-implies-power-law.threshold",
    where="Theorem 3.5, (1) to (2)",
    title="Log-margins ordered beyond a threshold imply a power law",
    draws=(*THREE, Threshold("threshold")),
    statement=r"\left(\forall y_w, y_l:\; x > T \iff y > T\right) \implies \exists \beta > 0:\; x = \beta y,"
    r"\quad x = \text{gain from } \pi_l \text{ to } \pi_{ref},\; y = \text{gain from } \pi_{ref} \text{ to } \pi^*",
    reading="'sufficiently larger' as larger by more than a threshold T in nats",
)
def order_implies_power_law_threshold(target: Any, reference: Any, rejected: Any, threshold: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return implies(same_order(x, y, threshold[..., None]), proportional(x, y))


@order_implies_power_law_threshold.corrected(
    r"\left(\forall T > 0\; \forall y_w, y_l:\; x > T \iff y > T\right) \iff \text{power law with } \beta = 1",
    draws=(PowerLaw(),),
    neighbours={
        "every exponent": {"any_beta": True},
        "one threshold is enough": {"single": True},
        "gains in ratio 33:32": {"slip": True},
    },
)
def every_threshold_means_one(
    target: Any, reference: Any, rejected: Any, *, any_beta: bool = False, single: bool = False, slip: bool = False
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    if single:
        t = carrier_of(x).log(_two(x))
        return iff(same_order(x, y, t), forall(equal(x, y)))
    law = proportional(x, y) if any_beta else forall(equal(x * 33 / 32 if slip else x, y))
    return iff(every_threshold(x, y), law)


def _two(x: Any) -> Any:
    c = carrier_of(x)
    return c.exp(x[..., :1, :1] - x[..., :1, :1]) * 2


@claim(
    "did.thm-3.5.power-law-implies-order.threshold",
    where="Theorem 3.5, (2) to (1)",
    title="A power law orders log-margins beyond a threshold",
    draws=(PowerLaw(), Threshold("threshold")),
    statement=r"\left(\exists \beta > 0:\; x = \beta y\right) \implies \forall y_w, y_l:\; x > T \iff y > T",
    reading="'sufficiently larger' as larger by more than the same threshold T in nats on both sides",
)
def power_law_implies_order_threshold(
    target: Any, reference: Any, rejected: Any, beta: Any, threshold: Any
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return same_order(x, y, threshold[..., None])


@power_law_implies_order_threshold.corrected(
    r"x = \beta y \implies \forall y_w, y_l:\; x > \beta T \iff y > T",
    neighbours={
        "threshold divided": {"power": -1},
        "threshold squared": {"power": 2},
        "same threshold": {"power": 0},
        "1% off": {"slip": True},
    },
)
def scaled_threshold(
    target: Any, reference: Any, rejected: Any, beta: Any, threshold: Any, *, power: int = 1, slip: bool = False
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    scale = {1: beta, -1: 1 / beta, 2: beta * beta, 0: beta / beta}[power]
    t = threshold * scale
    return same_order(x, y, (t * 101 / 100 if slip else t)[..., None], threshold[..., None])


@claim(
    "did.app-f.4.beta-one",
    where="Appendix F.4, Case 1",
    title="The exponent of the power law is 1",
    draws=(PowerLaw(),),
    statement=rf"\left(\forall y_w, y_l:\; {ORDER}\right) \text{{ and }} {LAW} \implies \beta = 1",
    reading="plain order; the exponent is taken to be determined, so the DID is not uniform",
)
def beta_is_one(target: Any, reference: Any, rejected: Any, beta: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return implies(both(same_order(x, y), exists(greater(y, 0))), equal(beta[..., 0], 1, "exponent"))


@beta_is_one.corrected(
    r"x = \beta y,\; y \ne 0:\quad \beta = 1 \iff \forall T > 0\; \forall y_w, y_l:\; (x > T \iff y > T)",
    neighbours={
        "plain order is enough": {"plain": True},
        "at most 1": {"weak": True},
        "gains swapped in scale": {"double": True},
    },
)
def one_iff_every_threshold(
    target: Any,
    reference: Any,
    rejected: Any,
    beta: Any,
    *,
    plain: bool = False,
    weak: bool = False,
    double: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    b = beta[..., 0]
    order = same_order(x, y) if plain else every_threshold(2 * x if double else x, y)
    return implies(exists(greater(y, 0)), iff(at_least(1, b) if weak else equal(b, 1), order))


@claim(
    "did.app-f.4.approx-step",
    where="Appendix F.4, Case 1",
    title="A preference divergence near 0 makes the ratios nearly proportional",
    draws=THREE,
    statement=r"\mathbb{E}_{y_w \sim \pi_{ref},\, y_l \sim \pi_l} D_{KL}\left[\sigma(x) \,\|\, \sigma(y)\right] \le \tfrac{1}{100} "
    r"\implies |x - y| \le 1 \text{ nat at every pair}",
    reading="'about 0' as at most 1/100 nat in expectation over the data, 'proportional' as within 1 nat",
    note="Saturated preferences carry no information about the size of a margin: the divergence tends to 0 while the "
    "log-ratios drift apart without bound, so no choice of the two constants makes it true.",
)
def approximate_step(target: Any, reference: Any, rejected: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    divergence = _label_divergence(x, y)
    mean = (pair_distribution(reference, rejected) * divergence).sum(-1).sum(-1)
    small = at_least(_hundredth(mean), mean, "expected divergence at most 1/100")
    return implies(small, forall(at_least(1, x - y, "x - y at most 1")))


def _hundredth(mean: Any) -> Any:
    from flint import fmpq

    return fmpq(1, 100) if np.asarray(mean).dtype == object else 0.01


def _label_divergence(x: Any, y: Any) -> Any:
    """KL of the Bernoulli laws sigma(x) and sigma(y), elementwise."""
    c = carrier_of(x)
    p, rest = c.sigmoid(x), c.sigmoid(-x)
    return p * (c.log_sigmoid(x) - c.log_sigmoid(y)) + rest * (c.log_sigmoid(-x) - c.log_sigmoid(-y))


@approximate_step.corrected(
    r"D_{KL}[\sigma(x) \,\|\, \sigma(y)] \ge 2 \min(\sigma'(x), \sigma'(y))^2 (x - y)^2: \text{ margins agree when the divergence is small "
    r"and the margins are bounded}",
    neighbours={"the larger slope": {"larger": True}, "constant 8": {"factor": 8}, "first power": {"first": True}},
)
def bounded_margins(
    target: Any, reference: Any, rejected: Any, *, larger: bool = False, factor: int = 2, first: bool = False
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    c = carrier_of(x)
    gap = (x - y) * (x - y) if not first else (x - y)
    slope_x, slope_y = c.sigmoid(x) * c.sigmoid(-x), c.sigmoid(y) * c.sigmoid(-y)
    divergence = _label_divergence(x, y)
    bounds = [
        at_least(divergence, factor * s * s * gap, "divergence against 2 s^2 (x-y)^2") for s in (slope_x, slope_y)
    ]
    return forall(both(*bounds) if larger else either(*bounds))


NUMBERS = (Numbers("first"), Numbers("second"), Threshold("threshold"))
LOG_STEP_NEIGHBOURS = {
    "factor squared": {"power": 2},
    "a and b swapped on one side": {"swap": True},
    "weak on one side": {"weak": True},
}


@claim(
    "did.app-f.4.log-step",
    where="Appendix F.4",
    title="A much larger log-ratio means a much larger ratio",
    draws=NUMBERS,
    statement=r"\log a - \log b > T \iff \tfrac{a}{b} > e^{T}",
    reading="'much larger' by difference for logarithms and by factor for ratios, the thresholds T and e^T corresponding",
    note="The verdict depends on the reading: with one and the same notion of 'much larger' on both lines the step is false; see the sub-entries.",
    neighbours=LOG_STEP_NEIGHBOURS,
)
def log_step(
    first: Any, second: Any, threshold: Any, *, power: int = 1, swap: bool = False, weak: bool = False
) -> Relation:
    c = carrier_of(first)
    ratio = second / first if swap else first / second
    factor = c.exp(threshold) if power == 1 else c.exp(threshold) * c.exp(threshold)
    return iff(
        greater(c.log(first) - c.log(second), threshold), at_least(ratio, factor) if weak else greater(ratio, factor)
    )


@claim(
    "did.app-f.4.log-step.difference",
    where="Appendix F.4",
    title="A log-ratio larger by T means a ratio larger by T",
    draws=NUMBERS,
    statement=r"\log a - \log b > T \iff a - b > T",
    reading="'much larger' as larger by more than T on both lines",
)
def log_step_difference(first: Any, second: Any, threshold: Any) -> Relation:
    c = carrier_of(first)
    return iff(
        greater(c.log(first) - c.log(second), threshold, "log a - log b > T"),
        greater(first - second, threshold, "a - b > T"),
    )


log_step_difference.corrected(log_step.printed.text, neighbours=LOG_STEP_NEIGHBOURS)(log_step.printed.check)


@claim(
    "did.app-f.4.log-step.ratio",
    where="Appendix F.4",
    title="A log-ratio larger by a factor means a ratio larger by that factor",
    draws=NUMBERS,
    statement=r"\log a > M \log b \iff a > M b",
    reading="'much larger' as larger by more than a factor M on both lines",
)
def log_step_ratio(first: Any, second: Any, threshold: Any) -> Relation:
    c = carrier_of(first)
    factor = c.exp(threshold)
    return iff(
        greater(c.log(first), factor * c.log(second), "log a > M log b"), greater(first, factor * second, "a > M b")
    )


log_step_ratio.corrected(log_step.printed.text, neighbours=LOG_STEP_NEIGHBOURS)(log_step.printed.check)


@claim(
    "did.sec-3.3.inductive-bias",
    where="Section 3.3",
    title="Methods that maximise the log-margin implicitly assume a power law",
    draws=THREE,
    statement=r"\left(\forall (y_w, y_l) \in \mathcal{D}:\; M_{\pi^*} > M_{\pi_{ref}} > M_{\pi_l}\right) \implies "
    rf"\exists \beta > 0:\; {LAW}, \quad M_\pi = \log\tfrac{{\pi(y_w)}}{{\pi(y_l)}}",
    reading="the data set prefers outcome i to outcome j for all i < j, and log-margins increase from the rejected to the reference to the target policy",
)
def inductive_bias(target: Any, reference: Any, rejected: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    i, j = np.triu_indices(x.shape[-1], 1)
    return implies(
        forall(
            both(
                greater(x[..., i, j], 0, "margin of the reference above that of the rejected policy"),
                greater(y[..., i, j], 0, "margin of the target above that of the reference"),
            )
        ),
        proportional(x, y),
    )


@inductive_bias.corrected(
    r"\left(\forall (y_w, y_l) \in \mathcal{D}:\; M_{\pi^*} > M_{\pi_{ref}} > M_{\pi_l}\right) \iff q_{\pi^*/\pi_{ref}}(y_w) > q_{\pi^*/\pi_{ref}}(y_l) "
    r"\text{ and } q_{\pi_{ref}/\pi_l}(y_w) > q_{\pi_{ref}/\pi_l}(y_l) \text{ on } \mathcal{D}: \text{ a common ranking, not a power law}",
    neighbours={
        "neighbouring outcomes only, weakly": {"weak": True},
        "the first DID alone": {"one": True},
        "order reversed": {"flip": True},
    },
)
def common_ranking(
    target: Any, reference: Any, rejected: Any, *, weak: bool = False, one: bool = False, flip: bool = False
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    i, j = np.triu_indices(x.shape[-1], 1)
    first, second = (
        differences(d)[..., i, j] for d in (did_distribution(reference, rejected), did_distribution(target, reference))
    )
    second = -second if flip else second
    compare = at_least if weak else greater
    ranked = compare(first, 0) if one else both(compare(first, 0), compare(second, 0))
    return iff(forall(both(greater(x[..., i, j], 0), greater(y[..., i, j], 0))), forall(ranked))


@claim(
    "did.app-g.order-implies-power-law",
    where="Appendix G, (1) to (2)",
    title="Scaled log-margin orderings imply a power law",
    draws=(*THREE, Numbers("alpha"), Numbers("beta")),
    statement=r"\exists \alpha, \beta > 0\; \forall y_w, y_l:\; (\alpha x > 0 \iff \beta y > 0) \implies \exists \gamma > 0:\; "
    r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\gamma}",
    reading="plain order; for a given pair of scales",
)
def scaled_order_implies_power_law(target: Any, reference: Any, rejected: Any, alpha: Any, beta: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return implies(same_order(alpha[..., None] * x, beta[..., None] * y), proportional(x, y))


@scaled_order_implies_power_law.corrected(
    r"\left(\forall T > 0\; \forall y_w, y_l:\; \alpha x > T \iff \beta y > T\right) \iff \alpha x = \beta y, "
    r"\text{ the power law with } \gamma = \beta/\alpha",
    draws=(PowerLaw(beta="gamma"), Numbers("alpha"), Numbers("beta")),
    neighbours={"scales exchanged": {"swap": True}, "plain order": {"plain": True}, "scales ignored": {"ignore": True}},
)
def every_scaled_threshold(
    target: Any,
    reference: Any,
    rejected: Any,
    gamma: Any,
    alpha: Any,
    beta: Any,
    *,
    swap: bool = False,
    plain: bool = False,
    ignore: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    a, b = (beta, alpha) if swap else (alpha, beta)
    left, right = alpha[..., None] * x, beta[..., None] * y
    law = forall(equal(x, y)) if ignore else forall(equal(a[..., None] * x, b[..., None] * y))
    return iff(same_order(left, right) if plain else every_threshold(left, right), law)


@claim(
    "did.app-g.power-law-implies-order",
    where="Appendix G, (2) to (1)",
    title="A power law makes suitably scaled log-margins equal",
    draws=(PowerLaw(beta="gamma"), Numbers("alpha")),
    statement=r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\gamma} \implies \alpha x = \beta y \text{ for } \beta = \alpha\gamma, "
    r"\text{ hence } \alpha x > T \iff \beta y > T \text{ for every } T",
    neighbours={"exponent inverted": {"invert": True}, "exponent dropped": {"drop": True}, "3% off": {"slip": True}},
)
def power_law_scales(
    target: Any,
    reference: Any,
    rejected: Any,
    gamma: Any,
    alpha: Any,
    *,
    invert: bool = False,
    drop: bool = False,
    slip: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    a = alpha[..., None]
    g = gamma[..., None]
    right = y if drop else y / g if invert else g * y
    return forall(equal(a * x, a * (right * 33 / 32 if slip else right), "scaled gains"))
