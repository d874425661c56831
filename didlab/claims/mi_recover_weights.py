r"""Reductions of MI-DPO to losses with a weight or mask for every token: TIS-DPO and SparsePO.

Ref: Tutunov et al. 2025, section 4 and Appendix B. Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..engine.relations import Relation, equal, forall, iff
from ..engine.token_pairs import NotNegative, TokenPairs, TokenWeights
from ..objectives import priors, sparse_po
from ..objectives.recovered import recovered
from ..objectives.score import Score
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import COMMON, Reduction, check_of, gradients, in_every_notion, recovers

__all__: list[str] = []

PAIRS, APART = TokenPairs(longest=2), TokenPairs(different=True, longest=2)
AGREE = TokenPairs(different=True, longest=2, agree=0.3)
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
tis, tis_value, tis_gradient, tis_fixed = in_every_notion(TIS)


def net(x: Any, pair: TokenPair) -> Any:
    """What the chosen response has at a prefix less what the rejected one has there, (..., 2, L, V).

    A prefix of both has one row of logits, where the chosen response keeps it.
    """
    common = pair.shared[..., None]
    return np.stack([x[..., 0, :, :] - common * x[..., 1, :, :], (1 - common) * x[..., 1, :, :]], -3)


def jumps(weights: Any, pair: TokenPair) -> Any:
    """Weight less 1 at the token of a response and 0 at the others, chosen less rejected, at every prefix."""
    here = (pair.tokens[..., None] == np.arange(pair.policy.shape[-1])) * pair.present[..., None]
    return net((weights - 1)[..., None] * here, pair)


def slopes_agree(left: Any, right: Any, pair: TokenPair, form: str) -> Relation:
    """One condition for every token at every prefix, or at some of them (the false forms)."""
    common = pair.shared[..., None, :, None]
    keep = {"shared": common, "apart": 1 - common}.get(form, 1 + 0 * common)
    right = right * 101 / 100 if form == "near" else right
    return forall(equal(keep * left, keep * right, "both sides at every token"))


def all_one(weights: Any, pair: TokenPair) -> Relation:
    """All weights of tokens are 1."""
    return forall(equal((weights - 1) * pair.present, 0, "weights less 1"))


FALSE_FORMS = {
    "at common prefixes alone": dict(form="shared"), "at prefixes of one response alone": dict(form="apart"),
    "one side off by one per cent": dict(form="near"), "exactly if all weights are 1": dict(form="one"),
    "never": dict(form="never"),
}
COUNTED = (r"\text{with } n^w, n^l = 1 \text{ for a response that has a next token there, and } n, "
           r"{0} = 0 \text{ for one that has none, }")


def exactly_if(r: Reduction, pair: TokenPair, form: str, condition: Relation, first: Any, alpha: Any, **hyper: Any) -> Relation:
    """The gradients, the prior held fixed, are those of the loss exactly under the condition."""
    held, full = gradients(under_prior(r.of.prior(alpha=alpha, **hyper), alpha=alpha, fixed=True),
                           r.of.own(alpha=alpha, **hyper), pair)
    condition = {"one": all_one(first, pair), "never": equal(0 * alpha, 1)}.get(form, condition)
    return iff(forall(equal(held, full, "gradient, the prior fixed")), condition)


@tis_fixed.corrected(
    r"\text{The gradients are equal exactly if at every prefix, } " + COUNTED.replace("{0}", "w")
    + r"(w^w - w^l)\,\pi(v)\Big(1 + \log\frac{\pi(v)}{\pi_{ref}(v)} - KL(\pi\,\|\,\pi_{ref})\Big) - (n^w - n^l)\,\pi(v)"
      r" = (w^w - n^w)[v = y_w] - (w^l - n^l)[v = y_l] \text{ for every token } v",
    draws=(AGREE, *TIS.draws[1:]), neighbours=FALSE_FORMS,
)
def tis_rows(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, weights: Any, *, form: str = ""):
    pair = token_pair(policy, reference, tokens, lengths)
    here, p = pair.present[..., None], pair.probabilities
    excess = pair.log_policy - pair.log_reference - pair.reverse[..., None] + 1
    right = net(weights[..., None] * here * p * excess, pair) - net(here * p, pair)
    condition = slopes_agree(jumps(weights, pair), right, pair, form)
    return exactly_if(TIS, pair, form, condition, weights, alpha, weights=weights)


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
sparse, sparse_value, sparse_gradient, sparse_fixed = in_every_notion(SPARSE)
published = recovers(PUBLISHED)
published_fixed = recovers(PUBLISHED, "gradient-fixed-prior")
RESTORED = r"\text{With the log-sigmoid that is missing, } J_{sparsePO}(\pi) = -\log\sigma(u_{\mu_1} - \Delta_{\mu_2})\text{: }"
FALSE = COMMON | {"masks exchanged": dict(change="masks exchanged"), "policy not masked": dict(change="policy not masked")}

sparse.corrected(RESTORED + r"\text{the losses and their gradients are equal}", neighbours=FALSE)(check_of(PUBLISHED, ""))
sparse_value.corrected(RESTORED + r"\text{the losses are equal}", neighbours=FALSE)(check_of(PUBLISHED, "value"))
sparse_gradient.corrected(
    RESTORED + r"\text{the gradients are equal}", neighbours=FALSE)(check_of(PUBLISHED, "gradient"))

ROWS = (r"\text{the gradients are equal exactly if at every prefix, } " + COUNTED.replace("{0}", r"\mu")
        + r"(\mu_1^w - \mu_1^l - n^w + n^l)\,\pi(v) - (\mu_2^w - \mu_2^l)(\pi(v) - \pi_{ref}(v))"
          r" = (\mu_1^w - n^w)[v = y_w] - (\mu_1^l - n^l)[v = y_l] \text{ for every token } v")


def sparse_rows(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, reward_mask: Any,
                divergence_mask: Any, *, form: str = ""):
    pair = token_pair(policy, reference, tokens, lengths)
    here, p = pair.present[..., None], pair.probabilities
    gap = pair.forward_slope
    right = net((reward_mask[..., None] - 1) * here * p - divergence_mask[..., None] * here * gap, pair)
    condition = slopes_agree(jumps(reward_mask, pair), right, pair, form)
    return exactly_if(PUBLISHED, pair, form, condition, reward_mask, alpha,
                      reward_mask=reward_mask, divergence_mask=divergence_mask)


MASKED = {name.replace("weights", "reward masks"): change for name, change in FALSE_FORMS.items()}
NEAR = (TokenPairs(longest=2, agree=0.3), ALPHA, MASKS)
sparse_fixed.corrected(RESTORED + ROWS, draws=NEAR, neighbours=MASKED)(sparse_rows)
published_fixed.corrected(ROWS.replace("the grad", "The grad"), draws=NEAR, neighbours=MASKED)(sparse_rows)
