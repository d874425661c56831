r"""What the reductions of the MI-DPO paper are made of: a loss, the prior said to recover it, and four claims of both.

Two losses are compared at one policy and one pair of responses, in three notions: by value, by the gradient with the
prior differentiated, and by the gradient with the prior held fixed. Values of :math:`-\log\sigma` are compared by
what is inside the sigmoid, which determines them; gradients are those by the logits of the next token at every prefix,
and where the two margins are equal their common factor :math:`-\sigma(-m)` is left out on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from ..engine.claim import Claim, claim
from ..engine.kinds import Kind
from ..engine.relations import Relation, both, equal, forall
from ..objectives.recovered import Recovered
from ..objectives.score import Score
from ..objectives.token_objective import PriorObjective, TokenObjective, under_prior
from ..objectives.token_pair import TokenPair, token_pair

__all__ = [
    "COMMON", "NOTIONS", "Reduction", "by_name", "changed", "check_of", "fraction", "gradients", "in_every_notion",
    "recovers", "same",
]

Prior = Callable[[TokenPair], Score]
Loss = TokenObjective | PriorObjective

NOTIONS = {
    "": "the two losses are equal at every policy, and so are their gradients",
    "value": "the two losses are equal",
    "gradient": "the gradients of the two losses are equal, the prior differentiated with the policy",
    "gradient-fixed-prior": "the gradients of the two losses are equal, the prior held fixed",
}
LABEL = {"": "margin", "value": "margin", "gradient": "gradient", "gradient-fixed-prior": "gradient, the prior fixed"}
COMMON = {
    "scale off by one per cent": dict(change="scale"), "prior tilted towards the policy": dict(change="tilt"),
    "inverse prior": dict(change="inverse"), "prior squared": dict(change="square"),
}


@dataclass(frozen=True)
class Reduction:
    """A loss and the prior that is said to recover it, with what a claim says of them.

    Attributes:
        id, name: of the claim and of the loss.
        loss, prior: both as printed, LaTeX.
        of: the loss and the prior as printed.
        draws: kinds of pairs and hyper-parameters.
        wrong: other priors by name, all false.
        moves: whether the prior contains the policy.
        reading: of the symbols.
        where: the place in the paper.
    """

    id: str
    name: str
    loss: str
    prior: str
    of: Recovered
    draws: tuple[Kind, ...]
    wrong: Mapping[str, Callable[..., Prior]] = field(default_factory=dict)
    moves: bool = True
    reading: str = ""
    where: str = "section 4, Appendix B"


def fraction(pair: TokenPair, top: int, bottom: int) -> Any:
    """A constant of the pair's own kind of number, for each response."""
    return (0 * pair.length + top) / bottom


def changed(prior: Prior, change: str) -> Prior:
    """The prior, or a wrong one next to it."""
    def other(pair: TokenPair) -> Score:
        match change:
            case "tilt":
                return prior(pair) + pair.log_likelihood().times(fraction(pair, 1, 50))
            case "inverse":
                return prior(pair).times(-1)
            case "square":
                return prior(pair).times(2)
            case _:
                return prior(pair)

    return other


def same(a: Loss, b: Loss, pair: TokenPair, label: str = "margin") -> Relation:
    """Both losses are the negative log-sigmoid of one margin."""
    return equal(a.margin(pair), b.margin(pair), label)


def gradients(a: Loss, b: Loss, pair: TokenPair) -> tuple[Any, Any]:
    """The gradients of two losses by all logits; without the factor that they share where their margins are equal."""
    (ma, da), (mb, db) = a.margin_and_direction(pair), b.margin_and_direction(pair)
    if ma.dtype == object:
        alike = np.asarray(np.frompyfunc(lambda x, y: bool(x == y), 2, 1)(ma, mb), dtype=bool)
        if alike.all() and getattr(b, "sigmoid", True):
            return -da, -db
    return a.slope(ma)[..., None] * da, b.slope(mb)[..., None] * db


def cosine(a: Any, b: Any) -> Any:
    """The squared cosine of two vectors with the sign of the cosine, and 1 where one of them is 0."""
    dot, norms = (a * b).sum(-1), (a * a).sum(-1) * (b * b).sum(-1)
    zero = np.asarray(norms == 0, dtype=bool)
    return np.where(zero, 1, dot * abs(dot) / np.where(zero, 1, norms))


def check_of(r: Reduction, notion: str) -> Callable[..., Relation]:
    """The check that the two losses of a reduction are equal in a notion, its hyper-parameters by name."""

    def check(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, change: str = "", **hyper: Any):
        pair = token_pair(policy, reference, tokens, lengths)
        own = r.of.own(alpha=alpha, **hyper)
        zeta = r.wrong.get(change, r.of.prior)
        scale = alpha * 101 / 100 if change == "scale" else alpha
        mi = under_prior(changed(zeta(alpha=alpha, **hyper), change), alpha=scale,
                         fixed=notion == "gradient-fixed-prior")
        if notion == "value":
            return same(mi, own, pair) if own.sigmoid else equal(mi.value(pair), own.value(pair), "loss")
        a, b = gradients(mi, own, pair)
        slopes = forall(equal(a, b, LABEL[notion] if notion else "gradient"))
        if notion == "gradient":
            return slopes
        if notion == "":
            return both(same(mi, own, pair), slopes) if own.sigmoid else both(
                equal(mi.value(pair), own.value(pair), "loss"), slopes)
        return both(slopes, equal(cosine(a, b), 1, "their squared cosine, signed")) if r.moves else slopes

    return by_name(check, "alpha", *r.of.hyper, change="")


def by_name(check: Callable[..., Relation], *hyper: str, **changes: str) -> Callable[..., Relation]:
    """A check of any keywords as one of a pair, of these hyper-parameters, and of changes with their defaults."""
    names = ("policy", "reference", "tokens", "lengths", *hyper)
    parameters = [Parameter(x, Parameter.KEYWORD_ONLY) for x in names]
    parameters += [Parameter(x, Parameter.KEYWORD_ONLY, default=value) for x, value in changes.items()]
    check.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return check


def recovers(r: Reduction, notion: str = "") -> Claim:
    """The claim that MI-DPO with the prior of a reduction is its loss, in one notion of equality (see `NOTIONS`)."""
    follows = "Losses that are equal at every policy have equal gradients: this follows where the values are equal."
    declare = claim(
        f"mi.recover.{r.id}" + (f".{notion}" if notion else ""), where=r.where,
        title=f"{r.name} as MI-DPO: " + (NOTIONS[notion] if notion else "one loss"),
        statement=rf"\text{{With }} {r.prior} \text{{, }} J_{{MI\text{{-}}DPO}}(\pi, \zeta) = {r.loss}\text{{: {NOTIONS[notion]}}}",
        draws=r.draws, symbolic=(), note=follows if notion == "gradient" else "",
        reading=f"{r.reading}Any policy and reference of tokens, any pair of responses, one prompt.".strip(),
        neighbours=COMMON | {name: dict(change=name) for name in r.wrong},
    )
    return declare(check_of(r, notion))


def in_every_notion(r: Reduction) -> tuple[Claim, Claim, Claim, Claim]:
    """The same in all of them, in the order of `NOTIONS`."""
    one, value, gradient, fixed = (recovers(r, notion) for notion in NOTIONS)
    return one, value, gradient, fixed
