r"""Reductions of MI-DPO to losses with a weight or mask for every token: TIS-DPO and SparsePO.

Ref: Tutunov et al. 2025, section 4 and Appendix B. Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..engine.relations import Relation, equal, forall
from ..engine.token_pairs import NotNegative, TokenPairs, TokenWeights
from ..objectives import priors, sparse_po
from ..objectives.recovered import recovered
from ..objectives.score import Score
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import COMMON, Reduction, check_of, in_every_notion, recovers

__all__: list[str] = []

APART = TokenPairs(different=True, longest=2)
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
    return np.stack([x[..., 0, :, :] - common * x[..., 1, :, :], (common - 1) * x[..., 1, :, :]], -3)


def jumps(weights: Any, pair: TokenPair) -> Any:
    """Weight less 1 at the token of a response and 0 at the others, chosen less rejected, at every prefix."""
    here = (pair.tokens[..., None] == np.arange(pair.policy.shape[-1])) * pair.present[..., None]
    return net((weights - 1)[..., None] * here, pair)


FALSE_FORMS = {
    "at common prefixes alone": dict(form="shared"), "at prefixes of one response alone": dict(form="apart"),
    "one side off by one per cent": dict(form="near"), "as if all weights were 1": dict(form="one"),
    "no difference": dict(form="none"),
}
COUNTED = r"with } n^w, n^l = 1 \text{ for a response that has a next token there and } n, {0} = 0 \text{ for one that has none"


def differ_by(r: Reduction, pair: TokenPair, form: str, left: Any, right: Any, alpha: Any, **hyper: Any) -> Relation:
    """What the gradient of the margin loses where the prior is held fixed: alpha times left less right, at every token.

    Equal gradients are then equal sides; that both vanish together says little, since they hardly ever do.
    """
    held = under_prior(r.of.prior(alpha=alpha, **hyper), alpha=alpha, fixed=True).direction(pair)
    common = pair.shared[..., None, :, None]
    keep = {"shared": common, "apart": 1 - common, "none": 0 * common}.get(form, 1 + 0 * common)
    gap = keep * (left - (right * 101 / 100 if form == "near" else right))
    gap = alpha[..., None] * gap.reshape(*gap.shape[:-3], 1, -1)
    return forall(equal(r.of.own(alpha=alpha, **hyper).direction(pair) - held, gap, "what the gradient of the margin loses"))


LOSES = r"\text{With the prior held fixed the gradient of the margin loses, at every prefix and token } v, \alpha \text{ times }"


@tis_fixed.corrected(
    LOSES + r"(w^w - n^w)[v = y_w] - (w^l - n^l)[v = y_l] + (n^w - n^l)\,\pi(v)"
            r" - (w^w - w^l)\,\pi(v)\Big(1 + \log\frac{\pi(v)}{\pi_{ref}(v)} - KL(\pi\,\|\,\pi_{ref})\Big) \text{, "
    + COUNTED.replace("{0}", "w") + r": equal exactly where all of it is 0}",
    draws=(AGREE, *TIS.draws[1:]), neighbours=FALSE_FORMS,
)
def tis_rows(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, weights: Any, *, form: str = ""):
    pair = token_pair(policy, reference, tokens, lengths)
    here, p = pair.present[..., None], pair.probabilities
    excess = pair.log_policy - pair.log_reference - pair.reverse[..., None] + 1
    w = 1 + 0 * weights if form == "one" else weights
    right = net(w[..., None] * here * p * excess, pair) - net(here * p, pair)
    return differ_by(TIS, pair, form, jumps(w, pair), right, alpha, weights=weights)


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
    replace(recovered("sparsepo"), own=without_sigmoid), (APART, ALPHA, MASKS),
    {"masks exchanged": masks_swapped, "policy not masked": mask_inside},
    reading="Two different responses. The loss as printed, without a log-sigmoid; the dots of the prior are the tokens. Masks are given. ",
)
PUBLISHED = replace(
    SPARSE, id="sparsepo.published", loss=r"-\log\sigma(u_{\mu_1} - \Delta_{\mu_2})",
    of=recovered("sparsepo"),
    reading="Two different responses. The loss with the log-sigmoid of its own paper; the dots of the prior are the tokens. Masks are given. ",
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

ROWS = (LOSES + r"(\mu_1^w - n^w)[v = y_w] - (\mu_1^l - n^l)[v = y_l] - (\mu_1^w - \mu_1^l - n^w + n^l)\,\pi(v)"
        r" + (\mu_2^w - \mu_2^l)(\pi(v) - \pi_{ref}(v)) \text{, " + COUNTED.replace("{0}", r"\mu")
        + r": equal exactly where all of it is 0}")


def sparse_rows(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, reward_mask: Any,
                divergence_mask: Any, *, form: str = ""):
    pair = token_pair(policy, reference, tokens, lengths)
    here, p = pair.present[..., None], pair.probabilities
    mask = 1 + 0 * reward_mask if form == "one" else reward_mask
    right = net((mask[..., None] - 1) * here * p - divergence_mask[..., None] * here * pair.forward_slope, pair)
    return differ_by(PUBLISHED, pair, form, jumps(mask, pair), right, alpha, reward_mask=reward_mask,
                     divergence_mask=divergence_mask)


MASKED = {name.replace("weights", "reward masks"): change for name, change in FALSE_FORMS.items()}
NEAR = (AGREE, ALPHA, MASKS)
sparse_fixed.corrected(RESTORED + ROWS, draws=NEAR, neighbours=MASKED)(sparse_rows)
published_fixed.corrected(ROWS, draws=NEAR, neighbours=MASKED)(sparse_rows)
