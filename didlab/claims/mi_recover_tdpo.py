r"""Reduction of MI-DPO to TDPO, in both published forms.

Ref: Tutunov et al. 2025, section 4 and Appendix B; Zeng et al. 2024. Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..engine.relations import either, equal, forall, iff
from ..engine.token_pairs import NotNegative, TokenPairs
from ..objectives import priors, tdpo
from ..objectives.recovered import Recovered, recovered
from ..objectives.score import Score
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import COMMON, Reduction, check_of, gradients, in_every_notion, recovers

__all__: list[str] = []

PAIRS, ALPHA = TokenPairs(agree=0.3), NotNegative("alpha", positive=True)
APART = TokenPairs(different=True, agree=0.3)


# ----------------------------------------------------------------------------------------------------------- TDPO

def other_order(alpha: Any):
    """The divergences of the policy from the reference."""
    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() - pair.divergence(of="policy")

    return prior


def other_sign(alpha: Any):
    """The divergences added."""
    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() + pair.divergence()

    return prior


TDPO = Reduction(
    "tdpo", "TDPO", r"J_{TDPO}(\pi)",
    r"\zeta \propto \pi_{ref}(y|x)\,\exp\Big(-\sum_t KL(\pi_{ref}(\cdot|x,y^{<t})\,\|\,\pi(\cdot|x,y^{<t}))\Big)",
    recovered("tdpo"), (PAIRS, ALPHA),
    {"divergence the other way round": other_order, "divergence of the other sign": other_sign},
    reading="The loss printed is the first of the two forms of TDPO. ",
)
tdpo_loss, tdpo_value, tdpo_gradient, tdpo_fixed = in_every_notion(TDPO)


@tdpo_fixed.corrected(
    r"\text{The gradients are equal exactly if } \pi = \pi_{ref} \text{ at every prefix at which exactly one of the two responses has a next token}",
    neighbours={
        "at every prefix of either": dict(where="all"), "for the chosen alone": dict(where="chosen"),
        "for the rejected alone": dict(where="rejected"), "for the token alone": dict(where="token"),
    },
)
def divergences_agree(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, *, where: str = "unshared"):
    pair = token_pair(policy, reference, tokens, lengths)
    mi = under_prior(priors.tdpo(), alpha=alpha, fixed=True)
    held, full = gradients(mi, tdpo.objective(beta=alpha), pair)
    gap = pair.divergence().rows
    own = pair.present * (1 - pair.shared[..., None, :])
    if where == "token":
        moved = own * (pair.log_likelihood().terms[0] - pair.reference_likelihood().terms[0])
        return iff(forall(equal(held, full, "gradient")), forall(equal(moved, 0, "log-ratio")))
    side = {"chosen": [1, 0], "rejected": [0, 1]}.get(where, [1, 1])
    keep = pair.present if where == "all" else own * [[side[0]], [side[1]]]
    return iff(forall(equal(held, full, "gradient, the prior fixed")),
               forall(equal(keep[..., None] * gap, 0, "policy less reference")))


SECOND = Reduction(
    "tdpo.second", "TDPO, second form", r"J_{TDPO_2}(\pi)", TDPO.prior,
    Recovered("TDPO, second form", ("weight",), lambda alpha, weight: tdpo.objective(
        beta=alpha, alpha=weight, form="tdpo2"), lambda alpha, weight: priors.tdpo()),
    (APART, ALPHA, NotNegative("weight")),
    reading="Two different responses. The second published form, which is not printed: weight of the divergences, and a stop-gradient at the "
            "chosen response. ", where="ours",
)
second_value = recovers(SECOND, "value")
second_gradient = recovers(SECOND, "gradient")
second_fixed = recovers(SECOND, "gradient-fixed-prior")
WEIGHTED = replace(SECOND, of=replace(SECOND.of, prior=lambda alpha, weight: priors.tdpo(weight=weight)))
WEIGHTED_PRIOR = r"\zeta \propto \pi_{ref}(y|x)\,\exp\Big(-\alpha_2\sum_t KL(\pi_{ref}\,\|\,\pi)_t\Big)"

second_value.corrected(
    rf"\text{{The losses are equal with }} {WEIGHTED_PRIOR}", neighbours=COMMON)(check_of(WEIGHTED, "value"))


@second_gradient.corrected(
    rf"\text{{The gradients are equal with }} {WEIGHTED_PRIOR} \text{{, held fixed at }} y_w \text{{ and differentiated at }} y_l",
    neighbours={
        "held fixed at the rejected": dict(held=(0, 1)), "held fixed at both": dict(held=(1, 1)),
        "held fixed at none": dict(held=(0, 0)), "weight off by two per cent": dict(factor=(51, 50)),
    },
)
def half_held(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, weight: Any, *,
              held: Any = (1, 0), factor: Any = (1, 1)):
    pair = token_pair(policy, reference, tokens, lengths)

    def prior(pair: TokenPair) -> Score:
        return priors.tdpo(weight=weight * factor[0] / factor[1])(pair).held(held)

    a, b = gradients(under_prior(prior, alpha=alpha), SECOND.of.own(alpha=alpha, weight=weight), pair)
    return forall(equal(a, b, "gradient"))


@second_fixed.corrected(
    rf"\text{{With }} {WEIGHTED_PRIOR} \text{{ held fixed, the gradients are equal exactly if }} \alpha_2 = 0 \text{{ or }} \pi = \pi_{{ref}} \text{{ at every prefix at which }} y_l \text{{ has a next token}}",
    neighbours={
        "prefixes of the chosen": dict(which=0), "whatever the weight": dict(weighted=False),
        "prefixes of the rejected alone": dict(alone=True),
    },
)
def rejected_agrees(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, weight: Any, *,
                    which: int = 1, weighted: bool = True, alone: bool = False):
    pair = token_pair(policy, reference, tokens, lengths)
    mi = under_prior(WEIGHTED.of.prior(alpha=alpha, weight=weight), alpha=alpha, fixed=True)
    held, full = gradients(mi, SECOND.of.own(alpha=alpha, weight=weight), pair)
    gap = pair.divergence().rows[..., which, :, :]
    if alone:
        gap = gap * (1 - pair.shared)[..., None]
    agree = forall(equal(gap, 0, "policy less reference"))
    return iff(forall(equal(held, full, "gradient, the prior fixed")),
               either(forall(equal(weight, 0, "weight")), agree) if weighted else agree)
