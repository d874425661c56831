r"""Section 5.2 of Mutual Information DPO: which of the special cases of section 4 have a prior that is fixed.

Fixed means that the prior adds nothing to the gradient: differentiated or held fixed, the loss moves the policy alike.
Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, both, either, equal, forall, iff, negation
from ..engine.token_pairs import NotNegative, TokenPairs, TokenWeights
from ..objectives import priors
from ..objectives.token_objective import PriorObjective
from ..objectives.token_pair import TokenPair, token_pair

DRAWS = (TokenPairs(different=True, longest=2, vocabulary=(2,), agree=0.3), NotNegative("eta", "bonus"), TokenWeights("weights", longest=2),
         TokenWeights("reward_mask", "divergence_mask", of_tokens=True, longest=2))


def still(pair: TokenPair) -> Callable[[Any], Relation]:
    """Of a prior: the margin has the same gradient with it differentiated and with it held fixed, as any prior is alike."""
    held = PriorObjective(priors.reference, alpha=1, fixed=True).direction(pair)

    def check(prior: Any) -> Relation:
        moving = PriorObjective(prior, alpha=1).direction(pair)
        return forall(equal(moving, held, "gradients with the prior differentiated and held fixed"))

    return check


def agree_where_they_part(pair: TokenPair) -> Relation:
    """The policy is the reference at every prefix at which exactly one of the responses has a next token."""
    common, there = np.asarray(pair.shared), np.asarray(pair.present)
    one = there - common[..., None, :] * there[..., ::-1, :]
    return forall(equal(one[..., None] * pair.forward_slope, 0, "policy less reference"))


def some(parts: list[Relation], k: int) -> Relation:
    """At least k of them."""
    if k == 0:
        return equal(0, 0)
    return either(*(both(*x) for x in combinations(parts, k)))


@claim(
    "mi.sec-5.2.fixed-priors", where="5.2", draws=DRAWS, symbolic=(), title="Most special cases but DICE use a fixed prior",
    statement=r"\text{Of DPO, entropy-controllable DPO, SimPO, R-DPO, TDPO, TIS-DPO, SparsePO more than half have } "
              r"\nabla_\theta \log\tfrac{\zeta(y_w)}{\zeta(y_l)} = 0",
    reading="typically as in most of the seven, and fixed as what does not move with the policy: with the prior differentiated the "
            "loss has the gradient that it has with the prior held fixed; two different responses of up to two tokens",
)
def fixed_priors(policy: Any, reference: Any, tokens: Any, lengths: Any, eta: Any, bonus: Any, weights: Any,
                 reward_mask: Any, divergence_mask: Any) -> Relation:
    pair = token_pair(policy, reference, tokens, lengths)
    seven = (priors.reference, priors.entropy_controllable(eta=eta), priors.simpo(alpha=1, gamma=bonus), priors.r_dpo(beta=bonus),
             priors.tdpo(), priors.tis_dpo(weights=weights), priors.sparse_po(reward_mask=reward_mask, divergence_mask=divergence_mask))
    fixed = [*map(still(pair), seven)]
    first, last = fixed[:3], fixed[3:]  # halves, since four of the seven are some of one and the rest of the other
    return either(*(both(some(first, k), some(last, 4 - k)) for k in range(4)))


@fixed_priors.corrected(
    r"\text{two of the seven always, DPO and R-DPO; entropy-controllable DPO} \iff \eta = 1, \text{ SimPO} \iff |y_w| = |y_l| = 1, "
    r"\text{ TDPO} \iff \pi = \pi_{ref} \text{ at every prefix at which exactly one of the responses has a next token, as TIS-DPO and "
    r"SparsePO with all weights 1; TIS-DPO with all weights 0 never}",
    neighbours={"SimPO for equal lengths": {"equal_lengths": True}, "TDPO where policy and reference agree throughout": {"throughout": True},
                "entropy-controllable DPO never": {"never": True}})
def fixed_exactly(policy: Any, reference: Any, tokens: Any, lengths: Any, eta: Any, bonus: Any, *, equal_lengths: bool = False,
                  throughout: bool = False, never: bool = False) -> Relation:
    pair = token_pair(policy, reference, tokens, lengths)
    fixed = still(pair)
    short = forall(equal(lengths, lengths[..., :1] if equal_lengths else 1, "lengths"))
    agree = forall(equal(policy, reference)) if throughout else agree_where_they_part(pair)
    one = equal(eta, -1 if never else 1, "eta")
    return both(fixed(priors.reference), fixed(priors.r_dpo(beta=bonus)),
                iff(fixed(priors.entropy_controllable(eta=eta)), forall(one)),
                iff(fixed(priors.simpo(alpha=1, gamma=bonus)), short),
                iff(fixed(priors.tdpo()), agree), iff(fixed(priors.tis_dpo(weights=1)), agree),
                iff(fixed(priors.sparse_po(reward_mask=1, divergence_mask=1)), agree),
                negation(fixed(priors.tis_dpo(weights=0))))
