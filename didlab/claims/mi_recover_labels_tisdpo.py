r"""What a data set must be for TIS-DPO's prior to depend on the label of a response.

The prior of section 4 is written with cases, one for chosen and one for rejected responses. A response that is both
falls under the first case here; under the second the statements fail at the same data sets.

Ref: Tutunov et al. 2025, section 4. The properties are those of `didlab.objectives.labelled`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, both, equal, forall, iff, implies
from ..engine.token_pairs import NotNegative
from ..engine.triples import OneToken, Triples, TripleWeights
from ..objectives import labelled, priors, tis_dpo
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import token_pair
from .label_formulas import LOOPS, none, of, twice

__all__: list[str] = []

ALPHA = NotNegative("alpha", positive=True)
LATER = r"\text{no rejected response is chosen in another triple of the same prompt}"
TIS_DATA = (OneToken(), Triples(different=True), TripleWeights(), ALPHA)


def tis_margins(policy: Any, reference: Any, triples: Any, own: Any, prior: Any, alpha: Any) -> Relation:
    """TIS-DPO's margins with one set of weights, (..., M, 2), are those of MI-DPO under the prior with another."""
    shape = (*triples.shape, 1, policy.shape[-1])
    p, r = (np.broadcast_to(x[..., None, None, None, :], shape) for x in (policy, reference))
    pair = token_pair(p, r, triples[..., None], 1 + 0 * triples)
    a, w, v = alpha[..., None, :], own[..., None], prior[..., None]
    mi = under_prior(priors.tis_dpo(weights=v), alpha=a)
    return forall(equal(mi.margin(pair), tis_dpo.objective(weights=w, beta=a).margin(pair), "margins of the triples"))


def as_printed(triples: Any, weights: np.ndarray, k: int) -> np.ndarray:
    """The weights of the prior, (..., K): at chosen responses that of the first triple that chooses it, elsewhere that
    of the first triple that rejects it, 0 at a response of no triple."""
    first = triples[..., None] == np.arange(k)  # (..., M, 2, K)
    cases = np.take_along_axis(weights[..., None] + 0 * first, first.argmax(-3)[..., None, :, :], -3)[..., 0, :, :]
    seen = first.any(-3)
    return np.where(seen[..., 0, :], cases[..., 0, :], np.where(seen[..., 1, :], cases[..., 1, :], 0))


def label_alone(triples: Any, weights: Any) -> Relation:
    """A response has one weight in all triples that choose it, and one in all that reject it."""
    apart = 2 * triples + np.arange(2)
    return none(labelled.disagreements(apart, numbers(weights)), "places with another weight than of the same label")


def both_sides(chosen: Any, rejected: Any, triples: Any) -> Any:
    return np.stack([of(chosen, triples, 0), of(rejected, triples, 1)], -1)


@claim(
    "mi.recover.tisdpo.assumption", where="section 4", title="TIS-DPO: the stated exclusion makes the weights a function",
    statement=rf"\text{{If }} {LATER} \text{{, then the prior with }} w(y; x) = w^w \text{{ for chosen and }} w^l \text{{ for rejected responses gives }} J_{{TIS\text{{-}}DPO}} \text{{ on }} D",
    reading="Weights belong to the responses of each triple, as the loss takes them; the prior has those of the first "
            "triple with its case. Every triple has its margin. Responses of one token, one prompt.",
    draws=TIS_DATA, symbolic=(), neighbours={
        "without the exclusion": dict(excluded="nothing"), "no winner twice": dict(excluded="twice"),
        "reversed pairs excluded": dict(excluded="reversed"),
    },
)
def tis_exclusion(policy: Any, reference: Any, triples: Any, weights: Any, alpha: Any, *, excluded: str = "later"):
    k = policy.shape[-1]
    count = {"later": labelled.later_winners(triples, k), "nothing": 0 * triples[..., 0, 0], "twice": twice(triples),
             "reversed": labelled.reversed_pairs(triples, k)}[excluded]
    w = as_printed(triples, numbers(weights), k) + 0 * weights[..., :1, 0]
    return implies(none(count, "excluded triples"), tis_margins(
        policy, reference, triples, weights, both_sides(w, w, triples), alpha))


@tis_exclusion.assuming(
    r"\text{the weights of a response are the same in all triples in which it has the same label}")
def by_label(triples: Any, weights: Any):
    return label_alone(triples, weights)


@claim(
    "mi.recover.tisdpo.assumption.loops", where="section 4", title="TIS-DPO: the exclusion and a response compared with itself",
    statement=tis_exclusion.printed.text, reading=LOOPS + tis_exclusion.reading, draws=(OneToken(), Triples(), *TIS_DATA[2:]),
    symbolic=(), neighbours=tis_exclusion.printed.neighbours,
)
def tis_loops(policy: Any, reference: Any, triples: Any, weights: Any, alpha: Any, *, excluded: str = "later"):
    return tis_exclusion(policy, reference, triples, weights, alpha, excluded=excluded)


@tis_loops.assuming(
    r"\text{no response is compared with itself, and the weights of a response are the same in all triples in which it has the same label}")
def no_loop(policy: Any, triples: Any, weights: Any):
    return both(none(labelled.self_comparisons(triples, policy.shape[-1]), "responses compared with themselves"),
                label_alone(triples, weights))


@claim(
    "mi.recover.tisdpo.assumption.necessary", where="ours", title="TIS-DPO: without the exclusion there is no prior",
    statement=rf"\text{{If some function }} w(y; x) \text{{ is }} w^w \text{{ at the chosen and }} w^l \text{{ at the rejected response of every triple, then }} {LATER}",
    reading="The weights belong to the responses of each triple. Searched among all functions with the values drawn.",
    note="That the exclusion is necessary is printed for SimPO; for TIS-DPO it is only assumed again.",
    draws=TIS_DATA, symbolic=(),
)
def tis_needs(policy: Any, reference: Any, triples: Any, weights: Any, alpha: Any):
    exists, _ = best_weights(policy, triples, weights)
    return implies(exists, none(labelled.later_winners(triples, policy.shape[-1]), "excluded triples"))


@tis_needs.corrected(
    draws=(OneToken(), Triples(), *TIS_DATA[2:]), text=r"\text{Such a function exists exactly if the weights of a response are the same wherever it occurs, chosen or rejected; the prior with it gives } J_{TIS\text{-}DPO} \text{ on } D",
    neighbours={
        "exactly under the exclusion": dict(form="later"), "wherever it is chosen": dict(form="chosen"),
        "wherever it is rejected": dict(form="rejected"), "always": dict(form="always"),
    },
)
def tis_weights(policy: Any, reference: Any, triples: Any, weights: Any, alpha: Any, *, form: str = "agree"):
    exists, w = best_weights(policy, triples, weights)
    one = np.asarray([[1, 0]]) if form == "chosen" else np.asarray([[0, 1]])
    apart = triples * one + (1 - one) * (policy.shape[-1] + np.arange(triples.shape[-2])[:, None])
    count = {"agree": labelled.disagreements(triples, numbers(weights)), "always": 0 * triples[..., 0, 0],
             "later": labelled.later_winners(triples, policy.shape[-1]),
             "chosen": labelled.disagreements(apart, numbers(weights)),
             "rejected": labelled.disagreements(apart, numbers(weights))}[form]
    agree = none(count, "places with another weight")
    margins = tis_margins(policy, reference, triples, weights, both_sides(w, w, triples), alpha)
    return both(iff(exists, agree), implies(agree, margins))


def numbers(weights: Any) -> np.ndarray:
    """Drawn weights, which are whole, as integers."""
    return np.asarray(weights, dtype=np.float64).astype(np.int64)


def best_weights(policy: Any, triples: Any, weights: Any) -> tuple[Relation, Any]:
    """Of all functions from K responses to 0, 1, 2, the first with the weights of most places, and whether all have."""
    given, k = numbers(weights), policy.shape[-1]
    every = np.array(list(product(range(3), repeat=k)))
    wrong = (every[:, triples] != given).sum((-1, -2))
    best = every[wrong.argmin(0)] + 0 * weights[..., :1, 0]
    return none(wrong.min(0), "places with another weight than the function"), best
