r"""What a data set must be for SimPO's prior to depend on the label of a response.

The prior of section 4 is written with cases, one for chosen and one for rejected responses. A response that is both
falls under the first case here; under the second the statements fail at the same data sets.

Ref: Tutunov et al. 2025, section 4. The properties are those of `didlab.objectives.labelled`.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, equal, forall, iff, implies
from ..engine.token_pairs import NotNegative
from ..engine.triples import OneToken, Triples
from ..objectives import get, labelled, mi_dpo
from .label_formulas import LOOPS, none, of, twice, winners

__all__: list[str] = []

ALPHA = NotNegative("alpha", positive=True)
LENGTHS = Integers("lengths", axes=("K",), low=1, high=3)
DATA = (OneToken(), Triples(different=True), LENGTHS, ALPHA, NotNegative("gamma"))
STRICT = (OneToken(), Triples(different=True), LENGTHS, ALPHA, NotNegative("gamma", positive=True))
EXCLUSION = r"\text{no } y_1, y_2, y_3 \text{, all different, have } (x, y_1, y_2) \in D \text{ and } (x, y_2, y_3) \in D"


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


@claim(
    "mi.recover.simpo.assumption", where="section 4", title="SimPO: the stated exclusion makes the prior a function",
    statement=rf"\text{{If }} {EXCLUSION} \text{{, then }} \zeta \propto [\pi(y|x)]^{{1-1/|y|}} e^{{\beta(y,x)}} \text{{ with }} \beta = \pm\tfrac{{\gamma}}{{2\alpha}} \text{{, plus for chosen and minus for rejected responses, gives }} J_{{SimPO}} \text{{ on }} D",
    reading="Every triple has its margin. Different: no two of the three are equal. One prompt.",
    note="The sentence before the exclusion says that labels follow an absolute criterion, which rules out both outcomes "
         "for one pair; the formal statement, which is to say the same, does not.",
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
