r"""The priors of section 4 of the MI-DPO paper, as log-priors of the responses of a pair, up to a constant.

=====================  =================================================================================
DPO, DICE              :math:`\pi_{ref}(y)`; :math:`\pi^{(t-1)}(y)`, the reference of the pair in round t
cEntropy               :math:`\pi_{ref}(y)\,\pi(y)^{1-\eta}`
SimPO                  :math:`\pi(y)^{1-1/|y|}\,e^{\pm\gamma/2\alpha}`, plus for the chosen response
R-DPO                  :math:`\pi_{ref}(y)\,/\,e^{\beta|y|}`
TDPO                   :math:`\pi_{ref}(y)\,e^{-\sum_t D(\pi_{ref}\|\pi)_t}`
TIS-DPO                :math:`\pi(y)\prod_i(\pi_{ref}(y_i)/\pi(y_i))^{w_i}\,e^{\sum_i w_i D(\pi\|\pi_{ref})_i}`
SparsePO               :math:`\prod_t\pi(y_t)^{1-\mu_{1,t}}\,\pi_{ref}(y_t)^{\mu_{1,t}}\,
                       e^{-\sum_t\mu_{2,t} D(\pi_{ref}\|\pi)_t}`
=====================  =================================================================================

All but the first and R-DPO's contain the policy; SimPO's and TIS-DPO's depend on which response was chosen. Each
function returns the prior of its hyper-parameters, a function from pairs to `Score`.

Ref: Tutunov et al. 2025, section 4 and Appendix B.

Convention: the dot inside the powers of SparsePO's prior is read as the token :math:`y_t`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import number, positive
from .hyper import not_negative
from .score import Score
from .token_pair import TokenPair

__all__ = ["entropy_controllable", "r_dpo", "reference", "simpo", "sparse_po", "tdpo", "tis_dpo"]

Prior = Callable[[TokenPair], Score]


def reference(pair: TokenPair) -> Score:
    """The prior of DPO, and of DICE where the reference of the pair is the policy of the round before.

    >>> import numpy as np
    >>> from didlab.objectives.token_pair import token_pair
    >>> reference(token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), [[0], [1]], [1, 1])).value.round(6)
    array([-0.693147, -0.693147])
    """
    return pair.reference_likelihood()


def entropy_controllable(*, eta: Any) -> Prior:
    """The prior of entropy-controllable DPO.

    Args:
        eta: weight of the entropy, at least 0; the prior is the reference at 1.

    Raises:
        ArgumentError: eta not a number from 0.

    >>> entropy_controllable(eta=1.0).__name__
    'prior'
    """
    not_negative("eta", eta)

    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() + pair.log_likelihood().times(1 - eta)

    return prior


def simpo(*, alpha: Any, gamma: Any) -> Prior:
    """The prior of SimPO, which depends on the label of a response.

    Args:
        alpha: scale of MI-DPO's reward, above 0.
        gamma: target margin in nats, at least 0.

    Raises:
        ArgumentError: a hyper-parameter outside its domain.

    >>> simpo(alpha=2.0, gamma=1.0).__name__
    'prior'
    """
    positive("alpha", alpha)
    not_negative("gamma", gamma)

    def prior(pair: TokenPair) -> Score:
        bonus = gamma / (2 * alpha) * pair.label + 0 * pair.length
        return pair.log_likelihood().times(1 - 1 / pair.length) + Score((bonus[..., None],))

    return prior


def r_dpo(*, beta: Any) -> Prior:
    """The prior of R-DPO.

    Args:
        beta: nats per token, at least 0; the loss has alpha beta per token.

    Raises:
        ArgumentError: beta not a number from 0.

    >>> r_dpo(beta=0.1).__name__
    'prior'
    """
    not_negative("beta", beta)

    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() - Score(((beta * pair.length)[..., None],))

    return prior


def tdpo(*, weight: Any = 1) -> Prior:
    """The prior of TDPO, printed with weight 1.

    Args:
        weight: of the sequential divergence, at least 0.

    Raises:
        ArgumentError: weight not a number from 0.

    >>> tdpo().__name__
    'prior'
    """
    not_negative("weight", weight)

    def prior(pair: TokenPair) -> Score:
        return pair.reference_likelihood() - pair.divergence(of="reference").times(weight)

    return prior


def tis_dpo(*, weights: Any) -> Prior:
    """The prior of TIS-DPO.

    Args:
        weights: of the tokens of both responses, shape (..., 2, L), or a number.

    Raises:
        ArgumentError: weights that are not finite.

    >>> tis_dpo(weights=1.0).__name__
    'prior'
    """
    number("weights", weights)

    def prior(pair: TokenPair) -> Score:
        ratios = pair.reference_likelihood(weights) - pair.log_likelihood(weights)
        return pair.log_likelihood() + ratios + pair.divergence(weights, of="policy")

    return prior


def sparse_po(*, reward_mask: Any, divergence_mask: Any) -> Prior:
    """The prior of SparsePO.

    Args:
        reward_mask, divergence_mask: of the tokens of both responses, shape (..., 2, L), or numbers.

    Raises:
        ArgumentError: masks that are not finite.

    >>> sparse_po(reward_mask=1.0, divergence_mask=1.0).__name__
    'prior'
    """
    number("reward_mask", reward_mask)
    number("divergence_mask", divergence_mask)

    def prior(pair: TokenPair) -> Score:
        likelihoods = pair.log_likelihood(1 - reward_mask) + pair.reference_likelihood(reward_mask)
        return likelihoods - pair.divergence(divergence_mask, of="reference")

    return prior
