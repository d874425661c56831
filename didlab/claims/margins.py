r"""Log-margin orderings and the power law: Theorem 3.5 and section 3.3 (x and y as in `orderings`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import PowerLaw, Threshold
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff, implies
from .formulas import differences, margin_gains
from .orderings import LAW, ORDER, THREE, every_threshold, proportional, same_order


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
    target: Any, reference: Any, rejected: Any, beta: Any, *, flip: bool = False, weak: bool = False,
    level: bool = False, scaled: bool = False,
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
