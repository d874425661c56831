r"""Which scale the reductions of MI-DPO to DPO and R-DPO need: one alpha in both losses, one beta in two places.

Ref: Tutunov et al. 2025, section 4 and Appendix B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, either, equal, forall, iff
from ..engine.token_pairs import NotNegative, TokenPairs
from ..objectives import priors
from ..objectives.recovered import recovered
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import fraction, same

__all__: list[str] = []

PAIRS, ALPHA = TokenPairs(), NotNegative("alpha", positive=True)
DPO, RDPO = recovered("dpo"), recovered("rdpo")


@claim(
    "mi.recover.dpo.appendix", where="Appendix B", title="DPO as MI-DPO with alpha = 1",
    statement=r"\text{With } \alpha = 1 \text{ and } \zeta = \pi_{ref} \text{, } J_{MI\text{-}DPO}(\pi, \zeta) = J_{DPO}(\pi) \text{ of Eq 1}",
    reading="One alpha stands in both losses, so that it is 1 in both. Any policy and reference of tokens, any pair of "
            "responses.",
    note="The choice of alpha does not matter: mi.recover.dpo has the same at every alpha.",
    draws=(PAIRS,), symbolic=(), neighbours={
        "DPO off by one per cent": dict(own=(101, 100)), "DPO with alpha = 2": dict(own=(2, 1)),
        "prior tilted by length": dict(tilt=(1, 1)), "prior nearly the reference": dict(tilt=(1, 50)),
    },
)
def dpo_appendix(policy: Any, reference: Any, tokens: Any, lengths: Any, *, own: Any = (1, 1), tilt: Any = (0, 1)):
    pair = token_pair(policy, reference, tokens, lengths)
    scale = fraction(pair, *own)[..., :1]
    mi = under_prior(priors.r_dpo(beta=fraction(pair, *tilt)[..., :1]), alpha=fraction(pair, 1, 1)[..., :1])
    return same(mi, DPO.own(alpha=scale), pair)


@claim(
    "mi.recover.dpo.appendix.two-scales", where="Appendix B", title="DPO of any alpha as MI-DPO with alpha = 1",
    statement=r"\text{With } \alpha = 1 \text{ in } J_{MI\text{-}DPO} \text{ and } \zeta = \pi_{ref} \text{, } J_{MI\text{-}DPO}(\pi, \zeta) = J_{DPO}(\pi) \text{ of Eq 1 with any } \alpha",
    reading="Alpha is set to 1 in MI-DPO alone, and DPO's own is any number above 0, as in Eq 1. Any policy and reference "
            "of tokens, any pair of responses.",
    draws=(PAIRS, ALPHA), symbolic=(),
)
def two_scales(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any):
    pair = token_pair(policy, reference, tokens, lengths)
    return same(under_prior(priors.reference, alpha=0 * alpha + 1), DPO.own(alpha=alpha), pair)


@two_scales.corrected(
    r"\text{For } a > 0 \text{, MI-DPO with } \alpha = a \text{ and } \zeta = \pi_{ref} \text{ equals DPO with } \alpha \text{ exactly if } a = \alpha \text{ or } \frac{\pi(y_w|x)}{\pi_{ref}(y_w|x)} = \frac{\pi(y_l|x)}{\pi_{ref}(y_l|x)}",
    draws=(PAIRS, ALPHA, NotNegative("scale", positive=True)),
    neighbours={
        "only if a is alpha": dict(form="scale"), "only if the ratios are equal": dict(form="ratios"),
        "if the policies are equal at both": dict(form="policies"),
    },
)
def scale_of_dpo(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, scale: Any, *, form: str = "both"):
    pair = token_pair(policy, reference, tokens, lengths)
    one = forall(same(under_prior(priors.reference, alpha=scale), DPO.own(alpha=alpha), pair))
    v, r = pair.log_likelihood().value, pair.reference_likelihood().value
    ratio = forall(equal(v[..., :1] - r[..., :1], v[..., 1:] - r[..., 1:], "log-ratios"))
    scales = forall(equal(scale, alpha, "scale"))
    second = {"scale": scales, "ratios": ratio, "policies": either(scales, forall(equal(v, r))),
              "both": either(scales, ratio)}[form]
    return iff(one, second)


@claim(
    "mi.recover.rdpo.one-beta", where="section 4", title="R-DPO as MI-DPO with one beta, that of the length and of alpha",
    statement=r"\text{With } \alpha = \frac{1}{\beta} \text{ and } \zeta \propto \pi_{ref}(y|x)\,/\,e^{\beta|y|} \text{, } J_{MI\text{-}DPO}(\pi, \zeta) = J_{R\text{-}DPO}(\pi) \text{ for any } \tilde\alpha",
    reading="The beta of the prior is the one that alpha is 1 over, and R-DPO's coefficient is any number from 0. Any "
            "policy and reference of tokens, any pair of responses.",
    note="mi.recover.rdpo takes the two for two numbers, as Appendix B needs for its coefficient alpha times beta.",
    draws=(PAIRS, ALPHA, NotNegative("coefficient")), symbolic=(),
)
def one_beta(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, coefficient: Any):
    return with_one_beta(token_pair(policy, reference, tokens, lengths), alpha, coefficient)


def with_one_beta(pair: TokenPair, alpha: Any, coefficient: Any) -> Relation:
    """The loss of a coefficient, and MI-DPO whose prior has beta = 1 / alpha per token."""
    own = RDPO.own(alpha=alpha, bonus=coefficient / alpha)
    return forall(same(under_prior(priors.r_dpo(beta=1 / alpha), alpha=alpha), own, pair))


@one_beta.corrected(
    r"\text{The losses are equal exactly if } \tilde\alpha = 1 \text{ or } |y_w| = |y_l|",
    neighbours={
        "only if the coefficient is 1": dict(form="coefficient"), "only if the lengths are equal": dict(form="lengths"),
        "if the coefficient is alpha": dict(form="alpha"), "if the rejected is not longer": dict(form="longer"),
    },
)
def coefficient_one(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, coefficient: Any, *,
                    form: str = "either"):
    pair = token_pair(policy, reference, tokens, lengths)
    longer = np.maximum(lengths[..., 1] - lengths[..., 0], 0) if form == "longer" else lengths[..., 0] - lengths[..., 1]
    one = forall(equal(coefficient, alpha if form == "alpha" else 1, "coefficient"))
    alike = forall(equal(longer[..., None], 0, "lengths"))
    return iff(with_one_beta(pair, alpha, coefficient),
               {"coefficient": one, "lengths": alike}.get(form) or either(one, alike))
