"""Plausible false statements about entropy, divergences and preferences: a search that misses one is not to be trusted.

Some fail almost everywhere, some only on a set of measure zero (equal policies, uniform policies) or only at ties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import Claim, claim
from ..engine.kinds import Comonotone, Kind, Numbers, Policies, Rewards, Tempered
from ..engine.relations import Relation, at_least, equal, forall, greater, iff, implies
from ..information import entropy, js_divergence, kl_divergence
from ..policies import mix
from ..preference import preference_matrix
from .formulas import differences

TWO = Policies("p", "q")
THREE = Policies("p", "q", "r")


def canary(name: str, title: str, statement: str, *draws: Kind) -> Callable[[Callable[..., Relation]], Claim]:
    """Declare a false statement of folklore."""
    return claim(f"canary.{name}", where="no paper", title=title, statement=statement, draws=draws)


@canary("kl-symmetric", "KL is symmetric", r"D(p\|q) = D(q\|p)", TWO)
def kl_symmetric(p: Any, q: Any) -> Relation:
    return equal(kl_divergence(p, q), kl_divergence(q, p))


@canary("kl-triangle", "KL satisfies the triangle inequality", r"D(p\|r) \le D(p\|q) + D(q\|r)", THREE)
def kl_triangle(p: Any, q: Any, r: Any) -> Relation:
    return at_least(kl_divergence(p, q) + kl_divergence(q, r), kl_divergence(p, r))


@canary("kl-positive", "KL is positive (fails only for equal policies)", r"D(p\|q) > 0", TWO)
def kl_positive(p: Any, q: Any) -> Relation:
    return greater(kl_divergence(p, q), 0)


@canary("js-triangle", "JS itself is a metric", r"JS(p, r) \le JS(p, q) + JS(q, r)", THREE)
def js_triangle(p: Any, q: Any, r: Any) -> Relation:
    return at_least(js_divergence(p, q) + js_divergence(q, r), js_divergence(p, r))


@canary("js-half", "JS is at most half of log 2 (fails only for nearly disjoint policies)",
        r"JS(p, q) \le \tfrac12 \log 2", TWO)
def js_half(p: Any, q: Any) -> Relation:
    c = carrier_of(p)
    two = c.exp(p[..., 0] - p[..., 0]) * 2
    return at_least(c.log(two) / 2, js_divergence(p, q))


@canary("entropy-below-log-k", "Entropy is below log K (fails only for the uniform policy)",
        r"H(p) < \log K", Policies("p"))
def entropy_below_log_k(p: Any) -> Relation:
    c = carrier_of(p)
    return greater(c.log(c.exp(p - p).sum(-1)), entropy(p))


@canary("strictly-concave", "Mixing raises entropy strictly (fails only for equal policies)",
        r"H((1-\lambda)p + \lambda q) > (1-\lambda)H(p) + \lambda H(q)", TWO, Numbers("share", below_one=True))
def strictly_concave(p: Any, q: Any, share: Any) -> Relation:
    part = share[..., 0]
    return greater(entropy(mix(p, q, share)), (1 - part) * entropy(p) + part * entropy(q))


@canary("temper-strict", "Flattening raises entropy strictly (fails only for the uniform policy)",
        r"\tau > 1 \implies H(\pi_\tau) > H(\pi)", Tempered("policy", "reference", "sharpness", side="flatter"))
def temper_strict(policy: Any, reference: Any) -> Relation:
    return greater(entropy(policy), entropy(reference))


@canary("entropy-and-mode", "A larger entropy means a smaller mode", r"H(p) > H(q) \implies \max p < \max q", TWO)
def entropy_and_mode(p: Any, q: Any) -> Relation:
    return implies(greater(entropy(p), entropy(q)), greater(q.max(-1), p.max(-1)))


@canary("entropy-order", "Policies that rank outcomes alike are ordered in entropy as their modes",
        r"\max p \ge \max q \implies H(p) \le H(q)", Comonotone("p", "q"))
def entropy_order(p: Any, q: Any) -> Relation:
    return implies(at_least(p.max(-1), q.max(-1)), at_least(entropy(q), entropy(p)))


@canary("did-mode", "The DID has its mode where the policy has it",
        r"p(i) > p(j)\; \forall j \implies q_{p/q}(i) \ge q_{p/q}(j)", TWO)
def did_mode(p: Any, q: Any) -> Relation:
    d = did_distribution(p, q)
    return forall(implies(greater(differences(p), 0), at_least(differences(d), 0)))


@canary("preference-never-even", "No two outcomes are equally preferred (fails only at ties)",
        r"i \ne j \implies \sigma(r_i - r_j) \ne \tfrac12", Rewards("reward"))
def never_even(reward: Any) -> Relation:
    m = preference_matrix(reward)[..., 0, 1:] * 2 - 1
    return forall(greater(m * m, 0))


@canary("best-wins", "The best outcome beats every other (fails only at ties)",
        r"r_0 \ge r_j\; \forall j \implies \sigma(r_0 - r_j) > \tfrac12", Rewards("reward"))
def best_wins(reward: Any) -> Relation:
    gap = reward[..., :1] - reward[..., 1:]
    m = preference_matrix(reward)[..., 0, 1:]
    return implies(forall(at_least(gap, 0)), forall(greater(2 * m, 1)))


@canary("margins-add", "Preferences add along a chain",
        r"r_i \ge r_j \ge r_k \implies p_{ik} - \tfrac12 \ge (p_{ij} - \tfrac12) + (p_{jk} - \tfrac12)", Rewards("reward"))
def margins_add(reward: Any) -> Relation:
    m = preference_matrix(reward)
    i, j, k = 0, -1, -2
    ordered = forall(at_least(reward[..., i : i + 1], reward[..., j:])) if reward.shape[-1] > 2 else greater(0, 1)
    chain = at_least(m[..., i, k] + 1 - m[..., i, j] - m[..., j, k], 1 - m[..., 0, 0])
    return implies(ordered, implies(at_least(reward[..., j], reward[..., k]), chain))


@canary("pinsker-too-strong", "Pinsker's inequality with a constant 10% too large",
        r"D(p\|q) \ge 2.2\, TV(p, q)^2", TWO)
def pinsker_too_strong(p: Any, q: Any) -> Relation:
    c = carrier_of(p)
    distance = abs(c.exp(p) - c.exp(q)).sum(-1) / 2
    return at_least(kl_divergence(p, q), distance * distance * 22 / 10)


@canary("kl-orders-entropy", "KL from the uniform policy decides which of two policies is closer in both directions",
        r"D(p\|u) > D(q\|u) \iff D(u\|p) > D(u\|q)", TWO)
def kl_orders(p: Any, q: Any) -> Relation:
    u = p - p
    return iff(greater(kl_divergence(p, u), kl_divergence(q, u)), greater(kl_divergence(u, p), kl_divergence(u, q)))


def canaries() -> list[Claim]:
    """All of them."""
    return [x for x in globals().values() if isinstance(x, Claim)]
