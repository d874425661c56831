r"""Reductions of MI-DPO to losses of whole log-probabilities: DPO, DICE, entropy-controllable DPO, SimPO, R-DPO.

Ref: Tutunov et al. 2025, section 4 and Appendix B. Gradients are by the logits of the next token at every prefix.
"""

from __future__ import annotations

from typing import Any

from ..engine.relations import equal, forall, iff
from ..engine.token_pairs import NotNegative, TokenPairs
from ..objectives import priors
from ..objectives.recovered import recovered
from ..objectives.score import Score
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from .reductions import Reduction, gradients, in_every_notion

__all__: list[str] = []

PAIRS, APART, ALPHA = TokenPairs(), TokenPairs(different=True), NotNegative("alpha", positive=True)


# -------------------------------------------------------------------------------------------------------- DPO, DICE

DPO = Reduction(
    "dpo", "DPO", r"J_{DPO}(\pi)", r"\zeta = \pi_{ref}",
    recovered("dpo"), (PAIRS, ALPHA),
    {"prior tilted by length": lambda alpha: priors.r_dpo(beta=alpha * 0 + 1)}, moves=False,
)
dpo, dpo_value, dpo_gradient, dpo_fixed = in_every_notion(DPO)

DICE = Reduction(
    "dice", "DICE", r"J_{DICE}(\pi)", r"\zeta = \pi^{(t-1)}",
    recovered("dice"), (PAIRS, ALPHA),
    {"prior tilted by length": lambda alpha: priors.r_dpo(beta=alpha * 0 + 1)}, moves=False,
    reading="Round t on given pairs; the policy of the round before is any policy, the current one included. ",
)
dice, dice_value, dice_gradient, dice_fixed = in_every_notion(DICE)


# ---------------------------------------------------------------------------------------- Entropy-controllable DPO

def against(alpha: Any, eta: Any):
    """The power of the policy with the opposite sign."""
    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() - pair.log_likelihood().times(1 - eta)

    return prior


def whole_power(alpha: Any, eta: Any):
    """The policy to the power eta instead of 1 - eta."""
    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() + pair.log_likelihood().times(eta)

    return prior


CENTROPY = Reduction(
    "centropy", "Entropy-controllable DPO", r"J_{cEntropy}(\pi)", r"\zeta \propto \pi_{ref}(y|x)\,[\pi(y|x)]^{1-\eta}",
    recovered("centropy"), (PAIRS, ALPHA, NotNegative("eta")),
    {"power of the other sign": against, "power eta": whole_power},
    reading="Any eta from 0, written lambda in the appendix. ",
)
centropy, centropy_value, centropy_gradient, centropy_fixed = in_every_notion(CENTROPY)


@centropy_fixed.corrected(
    r"\text{The gradient of the loss is } \eta \text{ times that of } J_{MI\text{-}DPO} \text{ with the prior held fixed}",
    neighbours={
        "one minus eta": dict(form="rest"), "one over eta": dict(form="inverse"), "no factor": dict(form="one"),
        "off by one per cent": dict(form="near"),
    },
)
def entropy_factor(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, eta: Any, *, form: str = "eta"):
    pair = token_pair(policy, reference, tokens, lengths)
    own = CENTROPY.of.own(alpha=alpha, eta=eta)
    mi = under_prior(CENTROPY.of.prior(alpha=alpha, eta=eta), alpha=alpha, fixed=True)
    held, full = gradients(mi, own, pair)
    times = {"eta": eta, "rest": 1 - eta, "one": 1 + 0 * eta, "near": eta * 101 / 100, "inverse": eta}[form][..., None]
    return forall(equal(held, times * full) if form == "inverse" else equal(full, times * held))


# ---------------------------------------------------------------------------------------------------------- SimPO

def whole_margin(alpha: Any, gamma: Any):
    """The whole target margin for each response."""
    return priors.simpo(alpha=alpha, gamma=2 * gamma)


def margin_without_alpha(alpha: Any, gamma: Any):
    """gamma / 2 instead of gamma / 2 alpha."""
    return priors.simpo(alpha=alpha, gamma=gamma * alpha)


def per_token(alpha: Any, gamma: Any):
    """The power 1 / |y| instead of 1 - 1 / |y|."""
    def prior(pair: TokenPair) -> Score:
        shift = priors.simpo(alpha=alpha, gamma=gamma)(pair) - pair.log_likelihood().times(1 - 1 / pair.length)
        return shift + pair.log_likelihood().times(1 / pair.length)

    return prior


SIMPO = Reduction(
    "simpo", "SimPO", r"J_{SimPO}(\pi)",
    r"\zeta \propto [\pi(y|x)]^{1-1/|y|} e^{\beta(y,x)},\ \beta(y_w,x) = \tfrac{\gamma}{2\alpha} = -\beta(y_l,x)",
    recovered("simpo"), (APART, ALPHA, NotNegative("gamma")),
    {"the whole margin twice": whole_margin, "margin without alpha": margin_without_alpha,
     "power of the other kind": per_token},
    reading="One triple of two different responses; on data sets, see the claims about the assumption. ",
)
simpo, simpo_value, simpo_gradient, simpo_fixed = in_every_notion(SIMPO)


@simpo_fixed.corrected(
    r"\text{For two different responses the gradients are equal exactly if both have one token}",
    neighbours={
        "equal lengths": dict(condition="equal"), "chosen of one token": dict(condition="chosen"),
        "rejected of one token": dict(condition="rejected"), "never": dict(condition="never"),
    },
)
def one_token_each(policy: Any, reference: Any, tokens: Any, lengths: Any, alpha: Any, gamma: Any, *,
                   condition: str = "both"):
    pair = token_pair(policy, reference, tokens, lengths)
    own = SIMPO.of.own(alpha=alpha, gamma=gamma)
    mi = under_prior(SIMPO.of.prior(alpha=alpha, gamma=gamma), alpha=alpha, fixed=True)
    held, full = gradients(mi, own, pair)
    n = lengths - 1
    excess = {"both": n.sum(-1), "equal": n[..., 0] - n[..., 1], "chosen": n[..., 0], "rejected": n[..., 1],
              "never": 1 + 0 * n[..., 0]}[condition]
    return iff(forall(equal(held, full, "gradient, the prior fixed")), forall(equal(excess[..., None], 0, "lengths")))


# ---------------------------------------------------------------------------------------------------------- R-DPO

def other_way(alpha: Any, bonus: Any):
    """The length factor on the other side of the fraction."""
    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() + Score(((bonus * pair.length)[..., None],))

    return prior


def not_divided(alpha: Any, bonus: Any):
    """The coefficient of the loss itself in the prior: alpha-tilde for beta."""
    return priors.r_dpo(beta=alpha * bonus)


def nearly(alpha: Any, bonus: Any):
    """A coefficient off by two per cent."""
    return priors.r_dpo(beta=bonus * 51 / 50)


RDPO = Reduction(
    "rdpo", "R-DPO", r"J_{R\text{-}DPO}(\pi)", r"\zeta \propto \pi_{ref}(y|x)\,/\,e^{\beta|y|}",
    recovered("rdpo"), (PAIRS, ALPHA, NotNegative("bonus")),
    {"length factor above": other_way, "coefficient not divided by alpha": not_divided, "coefficient nearly": nearly},
    moves=False,
    reading="The loss has alpha times beta per token, as Appendix B says; its sign is that of Park et al., Eq 9. ",
)
rdpo, rdpo_value, rdpo_gradient, rdpo_fixed = in_every_notion(RDPO)
