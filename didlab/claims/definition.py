r"""What the DID is: Definition 3.1, Lemma D.1, Theorem 3.2 and Appendix D.

An event X enters through its likelihood P(X | y). Conditional independence and the Bayesian update say that
:math:`P(X \mid y) = c\,\pi(y)/\pi_{ref}(y)` for some base probability c = P(X | ref).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import Geometric, Numbers, Policies
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff, implies, negation

PAIR = Policies("policy", "reference")
BASE = Numbers("base", below_one=True)


def normalised(x: Any) -> Any:
    """Positive numbers divided by their sum over the outcomes."""
    return x / x.sum(-1, keepdims=True)


def event(policy: Any, reference: Any, base: Any) -> Any:
    r""":math:`P(X \mid y) = c\,\pi(y)/\pi_{ref}(y)`."""
    return base * carrier_of(policy).exp(policy - reference)


@claim(
    "did.def-3.1",
    where="Definition 3.1",
    title="The definition determines the DID",
    draws=(PAIR, Policies("prior", "other_prior"), BASE, Numbers("other_base", below_one=True)),
    statement=r"\text{any two models of } (X, Y) \text{ that satisfy conditional independence and the Bayesian update have the same } P(Y \mid X)",
    reading="as printed in the definition, which names no prior P(Y); the two models may differ in the prior and in the base probability of X",
    neighbours={
        "base probability matters": {"base_power": 1},
        "a ratio of densities, 1% off": {"slip": True},
        "the ratio inverted on one side": {"invert": True},
    },
)
def definition_determines(
    policy: Any, reference: Any, prior: Any, other_prior: Any, base: Any, other_base: Any, *, base_power: int = 0,
    slip: bool = False, invert: bool = False,
) -> Relation:
    c = carrier_of(policy)
    first = event(policy, reference, base) * c.exp(prior)
    second = event(*((reference, policy) if invert else (policy, reference)), other_base) * c.exp(other_prior)
    if base_power:
        return equal(first, second, "P(X, Y)")
    return equal(normalised(first) * 101 / 100 if slip else normalised(first), normalised(second), "P(Y | X)")


@definition_determines.assuming(
    r"\text{the prior } P(Y) \text{ is uniform, as Appendix D takes it to be}",
    own_setting=True,
    draws=(PAIR, Policies("prior", "other_prior", high=1), BASE, Numbers("other_base", below_one=True)),
)
def uniform_prior(prior: Any, other_prior: Any) -> Relation:
    return both(*(forall(equal(p, p[..., :1], "uniform prior")) for p in (prior, other_prior)))


@claim(
    "did.app-d.2",
    where="Appendix D.2",
    title="P(Y | X) is proportional to P(X | Y)",
    draws=(Policies("likelihood", "prior"), BASE),
    statement=r"P(Y = y) = \tfrac{1}{|\mathcal{Y}|} \implies P(Y = y \mid X) = \frac{P(X \mid Y = y)}{\sum_{y'} P(X \mid Y = y')}",
    reading="uniform prior, as the section says",
    neighbours={"any prior": {"uniform": False}, "likelihood squared": {"power": 2}, "3% off": {"slip": True}},
)
def posterior_is_likelihood(
    likelihood: Any, prior: Any, base: Any, *, uniform: bool = True, power: int = 1, slip: bool = False
) -> Relation:
    c = carrier_of(likelihood)
    given = base * c.exp(likelihood)
    p = 0 * given + base / base / given.shape[-1] if uniform else c.exp(prior)
    joint = given * p if power == 1 else given * given * p
    posterior = normalised(joint)
    return equal(posterior * 33 / 32 if slip else posterior, normalised(given), "P(Y | X)")


@claim(
    "did.lemma-d.1",
    where="Lemma D.1",
    title="The event X exists",
    draws=(PAIR, BASE),
    statement=r"\exists X:\; P(X \mid y, \pi_{ref}) = P(X \mid y),\quad \pi(y) = P(y \mid \pi_{ref}, X),\quad 0 \le P(X \mid y) \le 1",
    reading="a finite outcome space; the event is built with base probability c below 1/max ratio, jointly with a uniform P(Y) and a second model that makes it so",
    note="On an infinite space the ratio may be unbounded; see the sub-entry.",
    symbolic=(),
    neighbours={
        "base probability above the bound": {"above": True},
        "the ratio inverted": {"invert": True},
        "posterior 3% off": {"slip": True},
        "P(X | y) at most 98/100": {"edge": True},
    },
)
def event_exists(
    policy: Any, reference: Any, base: Any, *, above: bool = False, invert: bool = False, slip: bool = False,
    edge: bool = False,
) -> Relation:
    c = carrier_of(policy)
    ratio = c.exp(policy - reference)
    bound = 1 / ratio.max(-1, keepdims=True)
    chosen = bound / base if above else bound * base
    likelihood = chosen / ratio if invert else chosen * ratio
    ref, k = c.exp(reference), policy.shape[-1]
    weight = base / (ref.max(-1, keepdims=True) * k)
    rest = 1 / (k * base) * base - weight * ref
    joint = likelihood * ref
    posterior = normalised(joint)
    total = joint.sum(-1, keepdims=True)
    return both(
        at_least(likelihood, 0, "P(X | y)"),
        at_least(1, likelihood * 100 / 98 if edge else likelihood, "P(X | y) at most 1"),
        at_least(rest, 0, "the other model's share of a uniform P(Y)"),
        equal(posterior * 33 / 32 if slip else posterior, c.exp(policy), "Bayesian update"),
        equal(total, chosen * (0 * total + 1), "P(X | ref)"),
    )


GEOMETRIC = (Geometric("policy", "reference"), Numbers("base", below_one=True))


def log_likelihood_far_out(policy: Any, reference: Any, base: Any) -> Any:
    r"""log P(X | n) at an n where it exceeds 0 if the ratio grows: :math:`g^n \ge 1 + n(g-1) > 1/c`, g = a/b (Bernoulli)."""
    c = carrier_of(policy)
    growth = policy / reference
    n = np.where(growth > 1, 1 / base / np.where(growth > 1, growth - 1, growth), 0 * growth)
    return c.log(base) + _ceiling(n) * c.log(growth)


def _ceiling(x: Any) -> Any:
    if x.dtype != object:
        return np.floor(x) + 1
    from flint import fmpq

    return np.frompyfunc(lambda v: fmpq(v.floor() + 1), 1, 1)(x)


@claim(
    "did.lemma-d.1.infinite",
    where="Lemma D.1",
    title="The event X exists on an infinite outcome space",
    draws=GEOMETRIC,
    statement=r"\mathcal{Y} = \{0, 1, 2, \dots\},\; \pi(n) \propto a^n,\; \pi_{ref}(n) \propto b^n: \quad \text{some } c > 0 \text{ has } "
    r"P(X \mid n) = c\,(a/b)^n \le 1 \;\forall n",
    reading="token sequences of any length; for each proposed base probability c an outcome n is computed at which P(X | n) exceeds 1, so no c works",
)
def event_exists_infinite(policy: Any, reference: Any, base: Any) -> Relation:
    return at_least(0, log_likelihood_far_out(policy, reference, base), "log P(X | n) at most 0")


@event_exists_infinite.corrected(
    r"\text{an event } X \text{ exists} \iff \sup_n \pi(n)/\pi_{ref}(n) < \infty \iff a \le b",
    neighbours={"only if a < b": {"strict": True}, "for a > b": {"flip": True}, "always": {"always": True}},
)
def event_iff_bounded(
    policy: Any, reference: Any, base: Any, *, strict: bool = False, flip: bool = False, always: bool = False
) -> Relation:
    bounded = (
        greater(reference, policy) if strict else at_least(policy, reference) if flip else at_least(reference, policy)
    )
    if always:
        bounded = at_least(reference, 0)
    return iff(at_least(0, log_likelihood_far_out(policy, reference, base), "log P(X | n) at most 0"), bounded)


@claim(
    "did.thm-3.2",
    where="Theorem 3.2, Appendix D.3",
    title="The DID is the normalised likelihood ratio",
    draws=(PAIR, BASE),
    statement=r"P(Y = y \mid X) = \frac{\pi(y)/\pi_{ref}(y)}{Z} = q_{\pi/\pi_{ref}}(y), \quad Z = \sum_{y'} \frac{\pi(y')}{\pi_{ref}(y')}",
    reading="a finite outcome space with the uniform prior of Appendix D",
    note="On an infinite space Z may diverge; see the sub-entry.",
    measurements=("did_distribution",),
    neighbours={
        "ratio squared": {"power": 2},
        "ratio inverted": {"invert": True},
        "normaliser dropped": {"normal": False},
        "3% off": {"slip": True},
    },
)
def did_is_ratio(
    policy: Any, reference: Any, base: Any, *, power: int = 1, invert: bool = False, normal: bool = True,
    slip: bool = False,
) -> Relation:
    c = carrier_of(policy)
    q = c.exp(did_distribution(reference, policy) if invert else did_distribution(policy, reference))
    likelihood = event(policy, reference, base)
    likelihood = likelihood if power == 1 else likelihood * likelihood
    posterior = normalised(likelihood) if normal else c.exp(policy - reference)
    return equal(posterior * 33 / 32 if slip else posterior, q, "P(Y | X)")


SERIES = (Geometric("policy", "reference"), Numbers("bound"))


def partial_sum(policy: Any, reference: Any, bound: Any) -> Any:
    r"""A lower bound of the first n terms of :math:`Z = r_0 \sum_n g^n`: :math:`r_0 n` if g >= 1 (n chosen beyond the bound), Z itself if g < 1."""
    growth, first = policy / reference, (1 - policy) / (1 - reference)
    total = first / np.where(growth < 1, 1 - growth, growth)
    return np.where(growth < 1, total, first * _ceiling(bound / first))


@claim(
    "did.thm-3.2.infinite",
    where="Theorem 3.2",
    title="The DID exists on an infinite outcome space",
    draws=SERIES,
    statement=r"\mathcal{Y} = \{0, 1, 2, \dots\},\; \pi(n) \propto a^n,\; \pi_{ref}(n) \propto b^n: \quad Z = \sum_n \pi(n)/\pi_{ref}(n) < \infty",
    reading="token sequences of any length; for each proposed bound a partial sum that exceeds it is computed, so no bound works",
)
def did_exists_infinite(policy: Any, reference: Any, bound: Any) -> Relation:
    growth = policy / reference
    finite = greater(1, growth, "ratio shrinks")
    within = at_least(bound, partial_sum(policy, reference, bound), "partial sum of Z within the bound")
    return either(finite, within)


@did_exists_infinite.corrected(
    r"Z < \infty \iff a < b; \text{ then } q_{\pi/\pi_{ref}}(n) = (1 - a/b)\,(a/b)^n. \text{ The update } \pi = \pi_{ref} \text{ has no DID}",
    neighbours={"also for a = b": {"weak": True}, "for a > b": {"flip": True}, "always": {"always": True}},
)
def did_iff_summable(
    policy: Any, reference: Any, bound: Any, *, weak: bool = False, flip: bool = False, always: bool = False
) -> Relation:
    growth = policy / reference
    exceeds = greater(partial_sum(policy, reference, bound), bound, "a partial sum exceeds the bound")
    summable = at_least(1, growth) if weak else greater(growth, 1) if flip else greater(1, growth)
    if always:
        summable = greater(growth, 0)
    terms = [(1 - policy) * policy**n / ((1 - reference) * reference**n) for n in range(6)]
    rest = 1 - growth  # Z = terms[0] / rest where the series converges, by its partial sums
    within = both(*(greater(terms[0], rest * sum(terms[:n]), "partial sum below Z") for n in range(1, 7)))
    law = both(*(equal(x, terms[0] * growth**n, "q(n) = (1 - a/b) (a/b)^n") for n, x in enumerate(terms)))
    return both(implies(negation(summable), exceeds), implies(summable, both(greater(rest, 0), within, law)))
