r"""Section 4 of Mutual Information DPO writes its priors with a "proportional to": what the normaliser does.

The prior of one prompt is :math:`f(y) = b(y)\,\pi(y)^{s(y)}` with small integer powers, so that everything is rational.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import policy_prior
from ..engine.claim import claim
from ..engine.kinds import Geometric, Integers, Numbers, Policies, Rewards, few
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff
from ..objectives import mi_dpo
from .formulas import differences

PAIR = (few(Policies("policy", "base", high=30), K=(2, 3)), few(Integers("power", axes=("K",), low=-1, high=2), K=(2, 3)))


def raw_prior(policy: Any, base: Any, power: Any, *, normalise: bool = False) -> Any:
    return policy_prior(base, policy[..., None, :], power=power[..., None, :], normalise=normalise)[..., 0, :]


def jacobian(policy: Any) -> Any:
    """Gradients of the log-probabilities by the logits, a row for each response."""
    p = carrier_of(policy).exp(policy)
    return np.eye(p.shape[-1], dtype=int) - p[..., None, :]


def prior_jacobian(policy: Any, power: Any, prior: Any | None = None) -> Any:
    """The same of the log-prior; with the prior given, as a distribution, of the normalised one."""
    rows = power[..., :, None] * jacobian(policy)
    if prior is None:
        return rows
    return rows - (carrier_of(policy).exp(prior)[..., :, None] * rows).sum(-2)[..., None, :]


def pairs(x: Any, *, rejected: bool = False) -> Any:
    """An entry for each ordered pair of different responses: its chosen, or its rejected one."""
    return x[..., _index(x.shape[-1])[int(rejected)]]


def pair_rows(x: Any, *, rejected: bool = False) -> Any:
    """The same of rows."""
    return x[..., _index(x.shape[-2])[int(rejected)], :]


def _index(k: int) -> tuple[np.ndarray, np.ndarray]:
    chosen, rejected = np.nonzero(1 - np.eye(k, dtype=int))
    return chosen, rejected


def margin(policy: Any, prior: Any, other: Any | None = None) -> Any:
    """The margin of every ordered pair; `other` is the prior of the rejected response where it has one of its own."""
    last = prior if other is None else other
    return mi_dpo.margin(pairs(policy), pairs(policy, rejected=True), pairs(prior), pairs(last, rejected=True))


def gradient(policy: Any, slope: Any, rows: Any | None) -> Any:
    own = jacobian(policy)
    if rows is None:
        return mi_dpo.gradient(slope, pair_rows(own), pair_rows(own, rejected=True))
    return mi_dpo.gradient(slope, pair_rows(own), pair_rows(own, rejected=True), chosen_prior=pair_rows(rows),
                           rejected_prior=pair_rows(rows, rejected=True))


def slopes(policy: Any, prior: Any) -> Any:
    return mi_dpo.slopes(pairs(policy), pairs(policy, rejected=True), pairs(prior), pairs(prior, rejected=True))


@claim(
    "mi.normaliser", where="section 4", title="The prior's normaliser matters neither in value nor in gradient", draws=PAIR,
    statement=r"f(y) = b(y)\,\pi(y|x)^{s(y)}, \; N = \sum_y f(y): \quad \ell(\pi, f) = \ell(\pi, f/N), \text{ and so are the gradients, with }"
              r"\text{the prior differentiated and with the prior held fixed}",
    reading="one normaliser for both responses to a prompt, as the prior of a prompt has; it may depend on the prompt and on "
            "the policy; alpha = 1",
    note="The entries below say where it matters: a prior of its own for each label, and the problem the loss comes from.",
    neighbours={"the chosen one's prior alone is normalised": {"one": True}, "both gradients are the same": {"mixed": True},
                "margin 1% off": {"slip": True}, "normaliser differentiated in the chosen one only": {"half": True}},
)
def normaliser(policy: Any, base: Any, power: Any, *, one: bool = False, mixed: bool = False, slip: bool = False,
               half: bool = False) -> Relation:
    raw, normal = raw_prior(policy, base, power), raw_prior(policy, base, power, normalise=True)
    left, right = margin(policy, raw), margin(policy, normal, raw if one else None)
    s, t = slopes(policy, raw), slopes(policy, normal)
    rows, normal_rows = prior_jacobian(policy, power), prior_jacobian(policy, power, normal)
    first, second = gradient(policy, s, rows), gradient(policy, t, normal_rows)
    if half:
        own = jacobian(policy)
        second = mi_dpo.gradient(t, pair_rows(own), pair_rows(own, rejected=True), chosen_prior=pair_rows(normal_rows),
                                 rejected_prior=pair_rows(rows, rejected=True))
    fixed = gradient(policy, t, None)
    return both(forall(equal(101 * left / 100 if slip else left, right, "margins")),
                forall(equal(first, fixed if mixed else second, "gradients, the prior differentiated")),
                forall(equal(gradient(policy, s, None), fixed, "gradients, the prior held fixed")))


@claim(
    "mi.normaliser.factor", where="section 4", draws=(Policies("policy", "prior", "factor", high=30), Numbers("alpha")),
    title="Which factors of the prior do not matter", symbolic=(2, 3),
    statement=r"\ell \text{ has the same margins under } \zeta \text{ and under } c\,\zeta \iff c(x, y) \text{ does not depend on the response } y",
    reading="not in the paper: the exact condition; the margin is its gap times alpha",
    neighbours={"never": {"never": True}, "iff the first two agree": {"two": True}, "always": {"always": True}},
)
def factor_matters(policy: Any, prior: Any, factor: Any, alpha: Any, *, never: bool = False, two: bool = False,
                   always: bool = False) -> Relation:
    before, after = (mi_dpo.margins(policy[..., None, :], z[..., None, :], alpha=alpha) for z in (prior, prior + factor))
    gap = differences(factor)[..., None, :, :]
    same = forall(equal(before, after, "margins"))
    if never:
        return iff(same, equal(alpha, 0))
    condition = forall(equal(gap[..., :2, :2] if two else gap, 0))
    return same if always else both(iff(same, condition), forall(equal(before - after, alpha[..., None, None] * gap)))


@claim(
    "mi.normaliser.label", where="section 4", draws=(PAIR[0], Rewards("bonus", "malus"), PAIR[1]),
    title="Priors of the two labels, each normalised",
    statement=r"\zeta_w = \tfrac{f_w}{N_w},\; \zeta_l = \tfrac{f_l}{N_l}: \quad \ell \text{ with } \zeta_w(y_w), \zeta_l(y_l) = \ell \text{ with } f_w(y_w), f_l(y_l)",
    reading="a prior that depends on the label (SimPO, TIS-DPO), taken as a distribution for chosen and one for rejected responses",
    note="With one prior for each prompt, in which each response has one label, there is one normaliser and none of this.",
)
def labels(policy: Any, base: Any, power: Any, bonus: Any, malus: Any) -> Relation:
    first, last = (raw_prior(policy, base + b, power) for b in (bonus, malus))
    c = carrier_of(first)
    return forall(equal(margin(policy, first, last), margin(policy, c.log_softmax(first), c.log_softmax(last)), "margins"))


@labels.corrected(
    r"\text{normalised margin} = \text{margin} + \alpha\log\tfrac{N_w}{N_l}; \text{ a factor } e^{\pm\gamma/2\alpha} \text{ for the label, }"
    r"\text{the target margin of SimPO, is gone: it is all in the normalisers}",
    neighbours={"- log": {"sign": -1}, "no shift": {"sign": 0}, "target kept": {"keep": True}, "normalised 1% off": {"slip": True}})
def labels_right(policy: Any, base: Any, power: Any, bonus: Any, malus: Any, *, sign: int = 1, keep: bool = False,
                 slip: bool = False) -> Relation:
    first, last = (raw_prior(policy, base + b, power) for b in (bonus, malus))
    c = carrier_of(first)
    shift = (c.log(c.exp(first).sum(-1, keepdims=True)) - c.log(c.exp(last).sum(-1, keepdims=True)))
    normal = margin(policy, c.log_softmax(first), c.log_softmax(last))
    gamma = bonus[..., :1]
    target = [c.log_softmax(raw_prior(policy, base, power) + x * gamma) for x in (1, -1)]
    plain = raw_prior(policy, base, power)
    bare = margin(policy, plain) - (2 * gamma if keep else 0)
    return both(forall(equal(101 * normal / 100 if slip else normal, margin(policy, first, last) + sign * shift, "margins")),
                forall(equal(margin(policy, *target), bare, "margins with a target, each label normalised")))


@claim(
    "mi.normaliser.objective", where="3.2 with 4",
    draws=(Policies("policy", "other", high=30), Rewards("base", "gain"), Integers("power", axes=(1,), low=-2, high=2)),
    title="The normaliser does not matter in the problem that the loss comes from",
    statement=r"\zeta = \tfrac{b\,\pi^s}{N_\pi}: \quad \mathbb{E}_\pi\!\left[r - \tfrac1\beta\log\tfrac{\pi}{\zeta}\right] \text{ orders two policies as }"
              r"\mathbb{E}_\pi\!\left[r - \tfrac1\beta\log\tfrac{\pi}{b\,\pi^s}\right] \text{ does}",
    reading="the regularised problem of section 3 with the prior of section 4; the divergence there needs a distribution",
    note="Eq 5 holds for the prior as it stands and not for the normalised one; see mi.eq-5.policy-dependent-prior.normalised.",
    neighbours={"by their entropies too": {"entropy": True}, "by a hundredth": {"margin": 1}, "strictly on one side": {"weak": True}},
)
def objective(policy: Any, other: Any, base: Any, power: Any, gain: Any, *, entropy: bool = False, margin: int = 0,
              weak: bool = False) -> Relation:
    c = carrier_of(policy)

    def value(p: Any, normalise: bool) -> Any:
        return (c.exp(p) * (gain - (0 if entropy and normalise else p) + raw_prior(p, base, power, normalise=normalise))).sum(-1)

    with_n, without = (value(policy, n) - value(other, n) for n in (True, False))
    first = at_least(100 * with_n, margin, "with the normaliser")
    return iff(first, greater(without, 0) if weak else at_least(without, 0, "without it"))


@objective.assuming(r"s = 0: \text{ the prior does not contain the policy}",
                    draws=(Policies("policy", "other", high=30), Rewards("base", "gain"), Integers("power", axes=(1,), low=0, high=0)))
def free(power: Any) -> Relation:
    return equal(power, 0, "power of the policy")


@claim(
    "mi.normaliser.exists", where="section 4", draws=(Geometric("policy", "reference"), Integers("eta", axes=(1,), low=1, high=3), Numbers("bound")),
    title="The prior that is proportional to a function exists",
    statement=r"\mathcal{Y} = \{0, 1, \dots\},\; \pi(n) = (1-a)\,a^n,\; \pi_{ref}(n) = (1-b)\,b^n: \quad \sum_n \pi_{ref}(n)\,\pi(n)^{1-\eta} < \infty",
    reading="responses of any length; the prior of entropy-controllable DPO with eta = 1, 2, 3; for each proposed bound a "
            "partial sum that exceeds it is computed",
)
def exists_prior(policy: Any, reference: Any, eta: Any, bound: Any) -> Relation:
    growth, first = terms(policy, reference, eta)
    return either(greater(1, growth, "terms shrink"), at_least(bound, partial_sum(growth, first, bound), "partial sum within the bound"))


def terms(policy: Any, reference: Any, eta: Any) -> tuple[Any, Any]:
    """Ratio of successive terms of the sum, and its first term."""
    k = np.asarray(eta)

    def power(x: Any) -> Any:
        return np.where(k == 1, 1 + 0 * x, np.where(k == 2, 1 / x, 1 / (x * x)))

    return reference * power(policy), (1 - reference) * power(1 - policy)


def partial_sum(growth: Any, first: Any, bound: Any) -> Any:
    """A lower bound of a partial sum where terms do not shrink (as many terms as it takes), else the whole sum."""
    shrinks = np.asarray(growth < 1).astype(bool)
    rest = np.where(shrinks, 1 - growth, 1 + 0 * growth)
    return np.where(shrinks, first / rest, bound + first)


@exists_prior.corrected(
    r"\text{the sum is finite} \iff b < a^{\eta - 1} \quad (\eta = 1, 2, 3), \text{ always for } \eta = 1; \text{ else no distribution is proportional to it}",
    neighbours={"also for equality": {"weak": True}, "always": {"always": True}, "for b < a": {"first_power": True}})
def exists_iff(policy: Any, reference: Any, eta: Any, bound: Any, *, weak: bool = False, always: bool = False,
               first_power: bool = False) -> Relation:
    growth, first = terms(policy, reference, eta)
    exceeds = greater(partial_sum(growth, first, bound), bound, "a partial sum exceeds the bound")
    base = np.where(np.asarray(eta) == 1, 1 + 0 * policy, np.where(np.asarray(eta) == 2, policy, policy * policy))
    base = policy if first_power else base
    finite = at_least(base, reference) if weak else greater(1 if always else base, reference, "b below a to the eta - 1")
    some = first * (1 + growth + growth * growth)
    return both(either(finite, exceeds),
                either(negated(finite), both(greater(1, growth), greater(first, some * (1 - growth)))))


def negated(relation: Relation) -> Relation:
    return Relation("not", parts=(relation,))
