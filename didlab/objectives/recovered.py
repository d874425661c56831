r"""The eight losses that the MI-DPO paper recovers, each with the prior of its section 4.

==============  =========================================  ==========================================
name            loss                                       hyper-parameters besides alpha
==============  =========================================  ==========================================
dpo, dice       DPO; DICE in one round                     none
centropy        entropy-controllable DPO                   eta
simpo           SimPO                                      gamma
rdpo            R-DPO with alpha beta nats per token       bonus, the beta of the prior
tdpo            TDPO, the first form                       none
tisdpo          TIS-DPO                                    weights of the tokens
sparsepo        SparsePO, with its log-sigmoid             reward_mask, divergence_mask
==============  =========================================  ==========================================

Ref: Tutunov et al. 2025, section 4 and Appendix B.

Convention: alpha is the beta of the losses' own papers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from . import get, priors, sparse_po, tdpo, tis_dpo
from .score import Score
from .token_objective import TokenObjective, on_tokens
from .token_pair import TokenPair

__all__ = ["Recovered", "names", "recovered"]


@dataclass(frozen=True)
class Recovered:
    """A loss and the prior that is said to recover it.

    Attributes:
        name: of the loss.
        hyper: names of the hyper-parameters besides alpha.
        own: from alpha and the hyper-parameters to the loss as its own paper defines it.
        prior: from the same to the log-prior of the responses of a pair.
    """

    name: str
    hyper: tuple[str, ...]
    own: Callable[..., TokenObjective]
    prior: Callable[..., Callable[[TokenPair], Score]]


def _reference(alpha: Any) -> Callable[[TokenPair], Score]:
    return priors.reference


def _sparse(alpha: Any, reward_mask: Any, divergence_mask: Any) -> TokenObjective:
    return sparse_po.objective(reward_mask=reward_mask, divergence_mask=divergence_mask, beta=alpha)


_ALL = {
    "dpo": Recovered("DPO", (), lambda alpha: on_tokens(get("dpo", beta=alpha)), _reference),
    "dice": Recovered("DICE", (), lambda alpha: on_tokens(get("dice", beta=alpha)), _reference),
    "centropy": Recovered(
        "Entropy-controllable DPO", ("eta",), lambda alpha, eta: on_tokens(get("h-dpo", beta=alpha, alpha=eta)),
        lambda alpha, eta: priors.entropy_controllable(eta=eta)),
    "simpo": Recovered(
        "SimPO", ("gamma",), lambda alpha, gamma: on_tokens(get("simpo", beta=alpha, gamma=gamma)),
        lambda alpha, gamma: priors.simpo(alpha=alpha, gamma=gamma)),
    "rdpo": Recovered(
        "R-DPO", ("bonus",), lambda alpha, bonus: on_tokens(get("r-dpo", beta=alpha, alpha=alpha * bonus)),
        lambda alpha, bonus: priors.r_dpo(beta=bonus)),
    "tdpo": Recovered("TDPO", (), lambda alpha: tdpo.objective(beta=alpha), lambda alpha: priors.tdpo()),
    "tisdpo": Recovered(
        "TIS-DPO", ("weights",), lambda alpha, weights: tis_dpo.objective(weights=weights, beta=alpha),
        lambda alpha, weights: priors.tis_dpo(weights=weights)),
    "sparsepo": Recovered(
        "SparsePO", ("reward_mask", "divergence_mask"), _sparse, lambda alpha, reward_mask, divergence_mask:
        priors.sparse_po(reward_mask=reward_mask, divergence_mask=divergence_mask)),
}


def names() -> tuple[str, ...]:
    """The names of the losses.

    >>> names()
    ('dpo', 'dice', 'centropy', 'simpo', 'rdpo', 'tdpo', 'tisdpo', 'sparsepo')
    """
    return tuple(_ALL)


def recovered(name: str) -> Recovered:
    """A loss and its prior, by name.

    Args:
        name: one of `names()`.

    Raises:
        ArgumentError: another name.

    >>> recovered("simpo").hyper
    ('gamma',)
    """
    if name not in _ALL:
        raise ArgumentError("name", f"one of {', '.join(_ALL)}", repr(name))
    return _ALL[name]
