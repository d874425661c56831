r"""What a data set must be for a prior to depend on the label of a response: SimPO's and TIS-DPO's.

Both priors of section 4 are written with cases, one for chosen and one for rejected responses. A response that is both
falls under the first case here; under the second the statements fail at the same data sets.

Ref: Tutunov et al. 2025, section 4. The properties are those of `didlab.objectives.labelled`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, both, equal, forall, iff, implies
from ..engine.token_pairs import NotNegative, OneToken, Triples
from ..objectives import get, labelled, mi_dpo, priors, tis_dpo
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import token_pair

__all__: list[str] = []

ALPHA = NotNegative("alpha", positive=True)
LENGTHS = Integers("lengths", axes=("K",), low=1, high=3)
DATA = (OneToken(), Triples(different=True), LENGTHS, ALPHA, NotNegative("gamma"))
STRICT = (OneToken(), Triples(different=True), LENGTHS, ALPHA, NotNegative("gamma", positive=True))
LOOPS = "A triple may compare a response with itself, as repeated samples do. "
EXCLUSION = r"\text{no } y_1, y_2, y_3 \text{, all different, have } (x, y_1, y_2) \in D \text{ and } (x, y_2, y_3) \in D"


def of(values: Any, triples: Any, side: int) -> Any:
    """The values at the chosen (0) or rejected (1) responses of the triples."""
    return np.take_along_axis(values, triples[..., side], -1)


def winners(triples: Any, k: int) -> np.ndarray:
    """Which responses are chosen in some triple, shape (..., K)."""
    return (triples[..., 0, None] == np.arange(k)).any(-2)


def simpo_margins(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, levels: Any) -> Relation:
    r"""SimPO's margins are those of MI-DPO with :math:`\zeta = \pi^{1-1/|y|} e^{\beta}`, beta gamma/alpha times the levels."""
    prior = (1 - 1 / lengths) * policy + gamma / alpha * levels
    mi = mi_dpo.margin(of(policy, triples, 0), of(policy, triples, 1), of(prior, triples, 0), of(prior, triples, 1),
                       alpha=alpha)
    form, score = get("simpo", beta=alpha, gamma=gamma).form, policy / lengths
    own = form.margin(of(score, triples, 0), of(score, triples, 1), 0, 0)
    return forall(equal(mi, own, "margins of the triples"))


def halves(triples: Any, gamma: Any, policy: Any) -> Any:
    """1/2 at the responses that are chosen somewhere and -1/2 elsewhere: the printed cases."""
    return (winners(triples, policy.shape[-1]) - (1 + 0 * gamma) / 2)


def twice(triples: Any) -> np.ndarray:
    """How many pairs of triples have one chosen response."""
    first = triples[..., 0]
    return (first[..., :, None] == first[..., None, :]).sum((-1, -2)) - first.shape[-1]


def none(count: Any, what: str) -> Relation:
    return equal(np.asarray(count)[..., None], 0, what)


# ---------------------------------------------------------------------------------------------------------- SimPO

@claim(
    "mi.recover.simpo.assumption", where="section 4", title="SimPO: the stated exclusion makes the prior a function",
    statement=rf"\text{{If }} {EXCLUSION} \text{{, then }} \zeta \propto [\pi(y|x)]^{{1-1/|y|}} e^{{\beta(y,x)}} \text{{ with }} \beta = \pm\tfrac{{\gamma}}{{2\alpha}} \text{{, plus for chosen and minus for rejected responses, gives }} J_{{SimPO}} \text{{ on }} D",
    reading="Every triple has its margin. Different: no two of the three are equal. One prompt.",
    draws=DATA, symbolic=(), neighbours={
        "without the exclusion": dict(excluded="nothing"), "no winner twice": dict(excluded="twice"),
        "margin off by two per cent": dict(factor=(51, 50)),
    },
)
def simpo_exclusion(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, *, excluded: str = "chains",
                    factor: Any = (1, 1)):
    k = policy.shape[-1]
    count = {"chains": labelled.chains(triples, k), "nothing": 0 * triples[..., 0, 0],
             "twice": twice(triples)}[excluded]
    levels = halves(triples, gamma, policy) * factor[0] / factor[1]
    return implies(none(count, "excluded triples"), simpo_margins(policy, triples, lengths, alpha, gamma, levels))


@simpo_exclusion.assuming(
    r"\text{no two responses are compared with both outcomes: with the exclusion, no response is then both chosen and rejected}")
def one_outcome(policy: Any, triples: Any):
    return none(labelled.reversed_pairs(triples, policy.shape[-1]), "pairs with both outcomes")



@claim(
    "mi.recover.simpo.assumption.adjacent", where="section 4", title="SimPO: the exclusion read with y_3 = y_1 allowed",
    statement=r"\text{If no } y_1 \ne y_2 \ne y_3 \text{ have } (x, y_1, y_2) \in D \text{ and } (x, y_2, y_3) \in D \text{, then the prior with } \beta = \pm\tfrac{\gamma}{2\alpha} \text{ gives } J_{SimPO} \text{ on } D",
    reading="Different: y_2 differs from the two others, which may be equal, so that reversed pairs are excluded too.",
    draws=DATA, symbolic=(), neighbours={
        "reversed pairs excluded alone": dict(excluded="reversed"), "chains excluded alone": dict(excluded="chains"),
        "margin off by two per cent": dict(factor=(51, 50)),
    },
)
def simpo_adjacent(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, *, excluded: str = "both",
                   factor: Any = (1, 1)):
    k = policy.shape[-1]
    chains, pairs = labelled.chains(triples, k), labelled.reversed_pairs(triples, k)
    count = {"both": chains + pairs, "chains": chains, "reversed": pairs}[excluded]
    levels = halves(triples, gamma, policy) * factor[0] / factor[1]
    return implies(none(count, "excluded triples"), simpo_margins(policy, triples, lengths, alpha, gamma, levels))


@claim(
    "mi.recover.simpo.assumption.loops", where="section 4", title="SimPO: the exclusion and a response compared with itself",
    statement=simpo_adjacent.printed.text, reading=LOOPS + "Different: y_2 differs from the two others, which may be equal.",
    draws=(OneToken(), Triples(), *DATA[2:]), symbolic=(), neighbours=simpo_adjacent.printed.neighbours,
)
def simpo_loops(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, *, excluded: str = "both",
                factor: Any = (1, 1)):
    return simpo_adjacent(policy, triples, lengths, alpha, gamma, excluded=excluded, factor=factor)


@simpo_loops.assuming(r"\text{no response is compared with itself}")
def not_itself(policy: Any, triples: Any):
    return none(labelled.self_comparisons(triples, policy.shape[-1]), "responses compared with themselves")


@claim(
    "mi.recover.simpo.assumption.necessary", where="section 4", title="SimPO: without the exclusion there is no prior",
    statement=rf"\text{{If some function }} \beta(y, x) \text{{ gives }} J_{{SimPO}} \text{{ on }} D \text{{ with }} \zeta \propto [\pi(y|x)]^{{1-1/|y|}} e^{{\beta(y,x)}} \text{{, then }} {EXCLUSION}",
    reading="Any function of the response, not only the printed one; the target margin is above 0. Searched among all "
            "functions with values a multiple of gamma/alpha, which suffice.",
    draws=STRICT, symbolic=(),
)
def simpo_needs(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any):
    k = policy.shape[-1]
    best = best_levels(triples, k)
    return implies(simpo_margins(policy, triples, lengths, alpha, gamma, best),
                   none(labelled.chains(triples, k), "excluded triples"))


@simpo_needs.corrected(
    draws=(OneToken(), Triples(), *STRICT[2:]), text=r"\text{Some function } \beta(y, x) \text{ gives } J_{SimPO} \text{ on } D \text{ exactly if every closed walk along the triples has as many steps from chosen to rejected as back: then } \beta = \tfrac{\gamma}{\alpha} \text{ times a level that falls by 1 from chosen to rejected}",
    neighbours={
        "exactly if no response has both labels": dict(form="labels"), "exactly if there is no chain": dict(form="chains"),
        "exactly if no pair is reversed": dict(form="reversed"), "always": dict(form="always"),
    },
)
def simpo_levels(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, *, form: str = "levels"):
    k = policy.shape[-1]
    count = {"levels": labelled.unbalanced, "labels": labelled.both_labels, "chains": labelled.chains,
             "reversed": labelled.reversed_pairs, "always": lambda t, k: 0 * t[..., 0, 0]}[form](triples, k)
    return iff(simpo_margins(policy, triples, lengths, alpha, gamma, best_levels(triples, k)),
               none(count, "responses on unbalanced walks"))


def best_levels(triples: Any, k: int) -> np.ndarray:
    """Of all functions from K responses to 0..K-1, the first that falls by 1 along the most triples, shape (..., K)."""
    every = np.array(list(product(range(k), repeat=k)))
    falls = every[:, triples[..., 0]] - every[:, triples[..., 1]] == 1
    return every[falls.sum(-1).argmax(0)]


@claim(
    "mi.recover.simpo.assumption.necessary.printed-form", where="section 4",
    title="SimPO: without the exclusion the printed prior is none",
    statement=rf"\text{{If the prior with }} \beta = \pm\tfrac{{\gamma}}{{2\alpha}} \text{{, plus for chosen and minus for rejected responses, gives }} J_{{SimPO}} \text{{ on }} D \text{{, then }} {EXCLUSION}",
    reading="The printed cases; the target margin is above 0.", draws=STRICT, symbolic=(), neighbours={
        "no winner twice": dict(form="twice"), "one triple": dict(form="one"),
        "no two triples share a response": dict(form="apart"),
    },
)
def simpo_printed_needs(policy: Any, triples: Any, lengths: Any, alpha: Any, gamma: Any, *, form: str = "chains"):
    k = policy.shape[-1]
    count = {"chains": labelled.chains(triples, k), "twice": twice(triples),
             "one": 0 * triples[..., 0, 0] + triples.shape[-2] - 1,
             "apart": twice(triples) + twice(triples[..., ::-1])}[form]
    return implies(simpo_margins(policy, triples, lengths, alpha, gamma, halves(triples, gamma, policy)),
                   none(count, "excluded triples"))


# -------------------------------------------------------------------------------------------------------- TIS-DPO

LATER = r"\text{no rejected response is chosen in another triple of the same prompt}"
BY_LABEL = Integers("chosen_weights", "rejected_weights", axes=("K",), low=0, high=3)
WEIGHTS = Integers("weights", axes=("M", 2), low=0, high=2)
TIS_DATA = (OneToken(), Triples(different=True), BY_LABEL, ALPHA)


def tis_margins(policy: Any, reference: Any, triples: Any, own: Any, prior: Any, alpha: Any) -> Relation:
    """TIS-DPO's margins with one set of weights, (..., M, 2), are those of MI-DPO under the prior with another."""
    shape = (*triples.shape, 1, policy.shape[-1])
    rows = (np.broadcast_to(x[..., None, None, None, :], shape) for x in (policy, reference))
    pair = token_pair(*rows, triples[..., None], 1 + 0 * triples)
    a, w, v = alpha[..., None, :], own[..., None], prior[..., None]
    mi = under_prior(priors.tis_dpo(weights=v), alpha=a)
    return forall(equal(mi.margin(pair), tis_dpo.objective(weights=w, beta=a).margin(pair), "margins of the triples"))


def as_printed(triples: Any, chosen_weights: Any, rejected_weights: Any) -> Any:
    """The weights of the prior: those of chosen responses if a response is chosen somewhere, or else of rejected ones."""
    return np.where(winners(triples, chosen_weights.shape[-1]), chosen_weights, rejected_weights)


def both_sides(chosen: Any, rejected: Any, triples: Any) -> Any:
    return np.stack([of(chosen, triples, 0), of(rejected, triples, 1)], -1)


@claim(
    "mi.recover.tisdpo.assumption", where="section 4", title="TIS-DPO: the stated exclusion makes the weights a function",
    statement=rf"\text{{If }} {LATER} \text{{, then the prior with }} w(y; x) = w^w \text{{ for chosen and }} w^l \text{{ for rejected responses gives }} J_{{TIS\text{{-}}DPO}} \text{{ on }} D",
    reading="The weights of a response depend on it and on its label. Every triple has its margin. Responses of one "
            "token, one prompt.",
    draws=TIS_DATA, symbolic=(), neighbours={
        "without the exclusion": dict(excluded="nothing"), "no winner twice": dict(excluded="twice"),
        "reversed pairs excluded": dict(excluded="reversed"),
    },
)
def tis_exclusion(policy: Any, reference: Any, triples: Any, chosen_weights: Any, rejected_weights: Any, alpha: Any, *,
                  excluded: str = "later"):
    k = policy.shape[-1]
    count = {"later": labelled.later_winners(triples, k), "nothing": 0 * triples[..., 0, 0], "twice": twice(triples),
             "reversed": labelled.reversed_pairs(triples, k)}[excluded]
    w = as_printed(triples, chosen_weights, rejected_weights)
    return implies(none(count, "excluded triples"), tis_margins(
        policy, reference, triples, both_sides(chosen_weights, rejected_weights, triples), both_sides(w, w, triples), alpha))


@claim(
    "mi.recover.tisdpo.assumption.loops", where="section 4", title="TIS-DPO: the exclusion and a response compared with itself",
    statement=tis_exclusion.printed.text, reading=LOOPS + tis_exclusion.reading, draws=(OneToken(), Triples(), *TIS_DATA[2:]),
    symbolic=(), neighbours=tis_exclusion.printed.neighbours,
)
def tis_loops(policy: Any, reference: Any, triples: Any, chosen_weights: Any, rejected_weights: Any, alpha: Any, *,
              excluded: str = "later"):
    return tis_exclusion(policy, reference, triples, chosen_weights, rejected_weights, alpha, excluded=excluded)


@tis_loops.assuming(r"\text{no response is compared with itself}")
def no_loop(policy: Any, triples: Any):
    return none(labelled.self_comparisons(triples, policy.shape[-1]), "responses compared with themselves")


@claim(
    "mi.recover.tisdpo.assumption.necessary", where="section 4", title="TIS-DPO: without the exclusion there is no prior",
    statement=rf"\text{{If some function }} w(y; x) \text{{ is }} w^w \text{{ at the chosen and }} w^l \text{{ at the rejected response of every triple, then }} {LATER}",
    reading="The weights belong to the responses of each triple. Searched among all functions with the values drawn.",
    draws=(OneToken(), Triples(different=True), WEIGHTS, ALPHA), symbolic=(),
)
def tis_needs(policy: Any, reference: Any, triples: Any, weights: Any, alpha: Any):
    exists, _ = best_weights(policy, triples, weights)
    return implies(exists, none(labelled.later_winners(triples, policy.shape[-1]), "excluded triples"))


@tis_needs.corrected(
    draws=(OneToken(), Triples(), WEIGHTS, ALPHA), text=r"\text{Such a function exists exactly if the weights of a response are the same wherever it occurs, chosen or rejected; the prior with it gives } J_{TIS\text{-}DPO} \text{ on } D",
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
