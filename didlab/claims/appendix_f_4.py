r"""Appendix F.4, Case 1: from orderings at every pair to divergences over the data, step by step (x and y as in `orderings`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Policies, PowerLaw, Threshold
from ..engine.relations import Relation, at_least, both, equal, forall, greater, iff, implies
from ..preference import pair_distribution
from .formulas import differences, label_divergence, margin_gains
from .orderings import THREE, every_threshold, same_order

TWO = (Policies("reference", "rejected"),)


def _ordered_pairs(reference: Any, rejected: Any) -> tuple[Any, Any]:
    """Weights and divergences from certainty of the pairs that prefer i to j for i < j."""
    margins = differences(reference - rejected)
    i, j = np.triu_indices(margins.shape[-1], 1)
    return pair_distribution(reference, rejected)[..., i, j], -carrier_of(margins).log_sigmoid(margins[..., i, j])


@claim(
    "did.app-f.4.saturation",
    where="Appendix F.4, Case 1",
    title="An expected divergence about 0 puts every preference of the data near 1",
    draws=TWO,
    statement=r"p^* = 1 \text{ on } \mathcal{D}:\quad \mathbb{E}_{\mathcal{D}}\, D_{KL}[p^* \,\|\, \sigma(x)] \le \tfrac1{100} "
    r"\implies \sigma(x) \ge \tfrac12 \text{ at every pair of } \mathcal{D}",
    reading="the data prefer outcome i to outcome j for all i < j, as often as such pairs are drawn; 'about 0' as at most 1/100 nat and "
    "'about 1' as at least 1/2, the least that could be meant",
    note="A pair that is rarely drawn does not show in the expectation. Pairs drawn independently from two policies with full support come in both "
    "orders, so that the display cannot hold at every pair of the data of Theorem 3.3; the reading keeps one order of each.",
    symbolic=(),
)
def saturated(reference: Any, rejected: Any) -> Relation:
    share, loss = _ordered_pairs(reference, rejected)
    small = at_least(share.sum(-1), 100 * (share * loss).sum(-1), "a hundredth against the expected divergence, times 100")
    i, j = np.triu_indices(reference.shape[-1], 1)
    return implies(small, forall(at_least(differences(reference - rejected)[..., i, j], 0, "margin of the reference over the rejected policy")))


@saturated.corrected(
    r"D_{KL}[p^* \,\|\, \sigma(x)] \le \tfrac{1}{P(y_w, y_l)}\, \mathbb{E}_{\mathcal{D}}\, D_{KL}[p^* \,\|\, \sigma(x)] \text{ at every pair, "
    r"with equality iff it is the only one}",
    symbolic=(),
    neighbours={
        "whatever the weight of the pair": {"alone": True},
        "never equal": {"strict": True},
        "with 1% to spare": {"factor": (101, 100)},
    },
)
def rare_pairs_hide(
    reference: Any, rejected: Any, *, alone: bool = False, strict: bool = False, factor: tuple[int, int] = (1, 1)
) -> Relation:
    share, loss = _ordered_pairs(reference, rejected)
    total, mean = share.sum(-1, keepdims=True), (share * loss).sum(-1, keepdims=True)
    weight = total if alone else share
    left, right = factor[1] * mean, factor[0] * (weight * loss)
    if strict:
        return forall(greater(left, right, "expected divergence and one pair's part"))
    more = forall(greater(left, right))
    several = np.asarray(share * 0 + share.shape[-1])
    return both(forall(at_least(left, right, "expected divergence and one pair's part")), iff(more, forall(greater(several, 1))))


@claim(
    "did.app-f.4.equivalence-step",
    where="Appendix F.4, Case 1",
    title="Equivalent orderings make the two laws of preference nearly equal",
    draws=(*THREE, Threshold("threshold")),
    statement=r"\left(\forall y_w, y_l:\; x > T \iff y > T\right) \implies "
    r"\mathbb{E}_{y_w \sim \pi_{ref},\, y_l \sim \pi_l} D_{KL}\left[\sigma(x) \,\|\, \sigma(y)\right] \le \tfrac{1}{100}",
    reading="'we must have': the ordering, at a threshold of T nats, implies an expected divergence of at most 1/100 nat",
    note="Two orderings are equivalent where neither holds, too; that says nothing of the laws of preference.",
)
def equivalence_step(target: Any, reference: Any, rejected: Any, threshold: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    mean = _mean_divergence(reference, rejected, x, y)
    return implies(same_order(x, y, threshold[..., None]), at_least(1, 100 * mean, "1 and 100 times the expected divergence"))


def _mean_divergence(reference: Any, rejected: Any, x: Any, y: Any) -> Any:
    return (pair_distribution(reference, rejected) * label_divergence(x, y)).sum(-1).sum(-1)


@equivalence_step.corrected(
    r"\mathbb{E}\, D_{KL}\left[\sigma(x) \,\|\, \sigma(y)\right] = 0 \iff \forall T > 0\; \forall y_w, y_l:\; (x > T \iff y > T)",
    draws=(PowerLaw(),),
    neighbours={
        "plain order is enough": {"plain": True},
        "the threshold log 2 is enough": {"single": True},
        "gains in ratio 33:32": {"slip": True},
    },
)
def zero_iff_every_threshold(
    target: Any, reference: Any, rejected: Any, *, plain: bool = False, single: bool = False, slip: bool = False
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    c = carrier_of(x)
    order = every_threshold(x * 33 / 32 if slip else x, y)
    if plain or single:
        order = same_order(x, y, c.log(c.exp(x[..., :1, :1] * 0) * (2 if single else 1)))
    return iff(equal(_mean_divergence(reference, rejected, x, y), 0, "expected divergence"), order)
