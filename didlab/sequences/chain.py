"""A Markov chain as a token model: learnable logits of the next token given the token before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance
from ..errors import ArgumentError
from .linear import indicator
from .markov import MarkovPolicy
from .model import checked_parameters
from .prefixes import tokens_of

__all__ = ["Chain", "chain_of"]


@dataclass(frozen=True, eq=False)
class Chain:
    r""":math:`\phi_t = e_{y_{t-1}}`: contexts share a row exactly where they end in the same token.

    Attributes:
        parameters: logits, shape (..., V + 1, V): of the token after each token, and last of the first token.

    Raises:
        ArgumentError: parameters that are not finite numbers, or not of that shape.

    >>> Chain(np.zeros((3, 2))).features([1, 0]).tolist()
    [[0, 0, 1], [0, 1, 0]]
    """

    parameters: Any

    def __post_init__(self) -> None:
        x = checked_parameters(self.parameters)
        object.__setattr__(self, "parameters", checked_parameters(x, x.shape[-1] + 1))

    def features(self, sequences: Any) -> Any:
        """Indicators of the token before, shape (..., L, V + 1)."""
        vocabulary = self.parameters.shape[-1]
        y = tokens_of(sequences, vocabulary)
        before = np.concatenate((np.full_like(y[..., :1], vocabulary), y[..., :-1]), axis=-1)
        return indicator(before, vocabulary + 1, self.parameters)

    def offsets(self, sequences: Any) -> Any:
        """None."""
        return 0


def chain_of(policy: MarkovPolicy) -> Chain:
    """The token model of a homogeneous Markov policy, whose parameters are its logits.

    Args:
        policy: given by the logits of one table, as `markov.markov_policy` builds it.

    Returns:
        the token model of the same distribution.

    Raises:
        ArgumentError: no Markov policy, or one with other potentials, or one table per step.

    >>> from didlab.sequences.markov import markov_policy
    >>> chain_of(markov_policy([0.0, 0.0], np.zeros((2, 2)), 3)).parameters.shape
    (3, 2)
    """
    instance("policy", policy, MarkovPolicy, "a MarkovPolicy", "Build it with markov_policy.")
    if not policy.conditional or policy.step.ndim != 2:
        raise ArgumentError("policy", "a chain with one table of logits", "other potentials, or one table per step")
    return Chain(np.concatenate((policy.step, policy.start[None])))
