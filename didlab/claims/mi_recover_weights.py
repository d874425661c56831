r"""Reductions of MI-DPO to losses with a weight or mask for every token: TIS-DPO and SparsePO.

Ref: Tutunov et al. 2025, section 4 and Appendix B. Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..engine.relations import equal, forall
from ..engine.token_pairs import NotNegative, TokenPairs, TokenWeights
from ..objectives import get, priors, sparse_po
from ..objectives.recovered import recovered
from ..objectives.score import Score
from ..objectives.token_objective import on_tokens, under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import COMMON, Reduction, check_of, recovers

__all__: list[str] = []

PAIRS, APART = TokenPairs(longest=2), TokenPairs(different=True, longest=2)
ALPHA = NotNegative("alpha", positive=True)


# -------------------------------------------------------------------------------------------------------- TIS-DPO

def tis_sign(alpha: Any, weights: Any):
    """The divergence with the opposite sign."""
    def prior(pair: TokenPair) -> Score:
        ratios = pair.reference_likelihood(weights) - pair.log_likelihood(weights)
        return pair.log_likelihood() + ratios - pair.divergence(weights, of="policy")

    return prior


def tis_order(alpha: Any, weights: Any):
    """The divergence of the reference from the policy."""
    def prior(pair: TokenPair) -> Score:
        ratios = pair.reference_likelihood(weights) - pair.log_likelihood(weights)
        return pair.log_likelihood() + ratios + pair.divergence(weights)

    return prior


TIS = Reduction(
    "tisdpo", "TIS-DPO", r"J_{TIS\text{-}DPO}(\pi)",
    r"\zeta \propto \pi(y|x) \prod_i \Big(\tfrac{\pi_{ref}(y_i|x,y_{<i})}{\pi(y_i|x,y_{<i})}\Big)^{w(y_i;x)} \exp\Big(\sum_i w(y_i;x)\,KL(\pi\,\|\,\pi_{ref})_i\Big)",
    recovered("tisdpo"), (APART, ALPHA, TokenWeights("weights", longest=2)),
    {"divergence of the other sign": tis_sign, "divergence the other way round": tis_order},
    reading="One triple of two different responses, weights of their tokens that do not depend on the policy; divergences "
            "are of the distributions of the next token. ",
)
tis = recovers(TIS)
tis_value = recovers(TIS, "value")
tis_gradient = recovers(TIS, "gradient")
tis_fixed = recovers(TIS, "gradient-fixed-prior")


def direction_of_dpo(r: Reduction, form: str, pair: TokenPair, alpha: Any, **hyper: Any) -> Any:
    """Over sigma(-m): MI-DPO's gradient with the prior held fixed is that of DPO, or is it not (the false forms)."""
    mi = under_prior(r.of.prior(alpha=alpha, **hyper), alpha=alpha, fixed=form != "differentiated")
    dpo = on_tokens(get("dpo", beta=alpha * 101 / 100 if form == "near" else alpha))
    other = dpo if form in ("dpo", "near", "differentiated") else r.of.own(alpha=alpha, **hyper)
    if form == "per token":
        other = on_tokens(get("simpo", beta=alpha, gamma=0))
    return forall(equal(mi.direction(pair), other.direction(pair), "gradient over its factor"))


FALSE_FORMS = {
    "the direction of the loss itself": dict(form="own"), "the prior differentiated": dict(form="differentiated"),
    "the direction of SimPO": dict(form="per token"), "off by one per cent": dict(form="near"),
}


@tis_fixed.corrected(
    r"\text{The gradient with the prior held fixed is that of DPO with another factor: } \nabla J_{MI} / \sigma(-m_{TIS}) = \nabla J_{DPO} / \sigma(-m_{DPO}) \text{, whatever the weights}",
    neighbours=FALSE_FORMS,
)
def tis_is_dpo(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, weights: Any, *, form: str = "dpo"):
    return direction_of_dpo(TIS, form, token_pair(policy, reference, tokens, lengths), alpha, weights=weights)


# ------------------------------------------------------------------------------------------------------- SparsePO

def masks_swapped(alpha: Any, reward_mask: Any, divergence_mask: Any):
    """The two masks exchanged."""
    return priors.sparse_po(reward_mask=divergence_mask, divergence_mask=reward_mask)


def mask_inside(alpha: Any, reward_mask: Any, divergence_mask: Any):
    """The policy whole instead of to the power 1 - mask."""
    def prior(pair: TokenPair) -> Score:
        return pair.log_likelihood() + pair.reference_likelihood(reward_mask) - pair.divergence(divergence_mask)

    return prior


def without_sigmoid(alpha: Any, reward_mask: Any, divergence_mask: Any):
    """The loss as printed."""
    return sparse_po.objective(reward_mask=reward_mask, divergence_mask=divergence_mask, beta=alpha, convention="linear")


MASKS = TokenWeights("reward_mask", "divergence_mask", of_tokens=True, longest=2)
SPARSE = Reduction(
    "sparsepo", "SparsePO", r"J_{sparsePO}(\pi) = -(u_{\mu_1} - \Delta_{\mu_2})",
    r"\zeta \propto \exp\Big(\sum_t \log \tfrac{[\pi(y^t|x,y^{<t})]^{1-\mu_1(y^t)}}{\pi_{ref}(y^t|x,y^{<t})^{-\mu_1(y^t)}} - \sum_t \mu_2(y^t)\,KL(\pi_{ref}\,\|\,\pi)_t\Big)",
    replace(recovered("sparsepo"), own=without_sigmoid), (PAIRS, ALPHA, MASKS),
    {"masks exchanged": masks_swapped, "policy not masked": mask_inside},
    reading="The loss as printed, without a log-sigmoid; the dots of the prior are the tokens. Masks are given. ",
)
PUBLISHED = replace(
    SPARSE, id="sparsepo.published", loss=r"-\log\sigma(u_{\mu_1} - \Delta_{\mu_2})",
    of=recovered("sparsepo"),
    reading="The loss with the log-sigmoid of its own paper; the dots of the prior are the tokens. Masks are given. ",
)
sparse = recovers(SPARSE)
sparse_value = recovers(SPARSE, "value")
sparse_gradient = recovers(SPARSE, "gradient")
sparse_fixed = recovers(SPARSE, "gradient-fixed-prior")
published = recovers(PUBLISHED)
published_fixed = recovers(PUBLISHED, "gradient-fixed-prior")
RESTORED = r"\text{With the log-sigmoid that is missing, } J_{sparsePO}(\pi) = -\log\sigma(u_{\mu_1} - \Delta_{\mu_2})\text{: }"
FALSE = COMMON | {"masks exchanged": dict(change="masks exchanged"), "policy not masked": dict(change="policy not masked")}

sparse.corrected(RESTORED + r"\text{the losses and their gradients are equal}", neighbours=FALSE)(check_of(PUBLISHED, ""))
sparse_value.corrected(RESTORED + r"\text{the losses are equal}", neighbours=FALSE)(check_of(PUBLISHED, "value"))
sparse_gradient.corrected(
    RESTORED + r"\text{the gradients are equal}", neighbours=FALSE)(check_of(PUBLISHED, "gradient"))

DPO_AGAIN = (r"\text{The gradient with the prior held fixed is that of DPO with another factor: }"
             r" \nabla J_{MI} / \sigma(-m) = \nabla J_{DPO} / \sigma(-m_{DPO}) \text{, whatever the masks}")


def sparse_is_dpo(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, reward_mask: Any,
                  divergence_mask: Any, *, form: str = "dpo"):
    return direction_of_dpo(SPARSE, form, token_pair(policy, reference, tokens, lengths), alpha,
                            reward_mask=reward_mask, divergence_mask=divergence_mask)


sparse_fixed.corrected(DPO_AGAIN, neighbours=FALSE_FORMS)(sparse_is_dpo)
published_fixed.corrected(DPO_AGAIN, neighbours=FALSE_FORMS)(sparse_is_dpo)
