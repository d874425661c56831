r"""Steps of the proofs in Appendix F: powers and their logarithms, Boltzmann laws, what a small divergence tells."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Numbers, Policies, PowerLaw, Threshold
from ..engine.relations import Relation, at_least, both, either, equal, exists, forall, greater, iff, implies
from ..preference import boltzmann, pair_distribution
from .formulas import differences, label_divergence, margin_gains
from .orderings import LAW, ORDER, THREE, every_threshold, same_order


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
    target: Any, reference: Any, rejected: Any, beta: Any, *, drop: bool = False, invert: bool = False,
    slip: bool = False, large: bool = False,
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
    "did.app-f.3.boltzmann.divergence",
    where="Appendix F.3",
    title="The displayed divergence of powers of DIDs is 0 for the target alone",
    draws=(PowerLaw(), Policies("policy")),
    statement=r"D_{KL}\left[q_{\pi^*/\pi_{ref}}^{\beta} \,\|\, q_{\pi/\pi_{ref}}^{\beta}\right] \ge 0, \text{ with } = 0 \iff \pi = \pi^*",
    reading="the powers as they stand: the sum of q*^beta log(q*^beta / q^beta), whose least value the proof takes to be 0",
    note="For exponents other than 1 the powers do not sum to 1, and the sum falls below 0 next to the target.",
)
def divergence_of_powers(target: Any, reference: Any, beta: Any, policy: Any) -> Relation:
    goal, power = (beta * did_distribution(p, reference) for p in (target, policy))
    divergence = (carrier_of(target).exp(goal) * (goal - power)).sum(-1)
    return _least_at_the_target(divergence, policy, target)


def _least_at_the_target(divergence: Any, policy: Any, target: Any, *, never: bool = False) -> Relation:
    above = greater(divergence, 0, "divergence")
    at_target = forall(equal(policy, target, "policy and target"))
    return above if never else both(at_least(divergence, 0, "divergence"), iff(equal(divergence, 0), at_target))


@divergence_of_powers.corrected(
    r"D_{KL}\left[\tfrac{1}{N^*} q_{\pi^*/\pi_{ref}}^{\beta} \,\|\, \tfrac1N q_{\pi/\pi_{ref}}^{\beta}\right] \ge 0, "
    r"\text{ with } = 0 \iff \pi = \pi^*, \text{ where } N^*, N \text{ make the powers sum to 1}",
    neighbours={
        "never 0": {"never": True},
        "the second power as it stands": {"raw": True},
        "the target's share of the sum left out": {"half": True},
    },
)
def divergence_of_laws(
    target: Any, reference: Any, beta: Any, policy: Any, *, never: bool = False, raw: bool = False, half: bool = False
) -> Relation:
    goal, power = (beta * did_distribution(p, reference) for p in (target, policy))
    goal = goal if half else boltzmann(goal)
    power = power if raw else boltzmann(power)
    divergence = (carrier_of(target).exp(goal) * (goal - power)).sum(-1)
    return _least_at_the_target(divergence, policy, target, never=never)


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
    target: Any, reference: Any, rejected: Any, beta: Any, *, plain: bool = False, weak: bool = False,
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
    divergence = label_divergence(x, y)
    mean = (pair_distribution(reference, rejected) * divergence).sum(-1).sum(-1)
    small = at_least(_hundredth(mean), mean, "expected divergence at most 1/100")
    return implies(small, forall(at_least(1, x - y, "x - y at most 1")))


def _hundredth(mean: Any) -> Any:
    from flint import fmpq

    return fmpq(1, 100) if np.asarray(mean).dtype == object else 0.01


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
    divergence = label_divergence(x, y)
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
