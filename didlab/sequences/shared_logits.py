"""Shared learnable logits over frozen offsets by context: every step at one token moves all tokens alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance
from .model import checked_parameters
from .prefixes import tokens_of

__all__ = ["SharedLogits"]


@dataclass(frozen=True, eq=False)
class SharedLogits:
    r"""One row of logits for all contexts, :math:`s_t = \mathrm{softmax}(o(y_{<t}) + \theta)`.

    The offsets make the rows of different contexts arbitrary; the gradients of two tokens have the inner product of
    their residuals, wherever they stand.

    Attributes:
        parameters: :math:`\theta`, shape (..., 1, V).
        context: sequences (..., L) to offsets (..., L, V), such as `prefixes.ByPrefix`.

    Raises:
        ArgumentError: parameters that are not one row of finite numbers, or no function.

    >>> from didlab.sequences.prefixes import ByPrefix
    >>> SharedLogits(np.zeros((1, 2)), ByPrefix(np.zeros((3, 2)), 2)).features([1, 0]).tolist()
    [[1], [1]]

    Ref: "Common pitfalls of margin-based preference optimization", section 4.1.2.
    """

    parameters: Any
    context: Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", checked_parameters(self.parameters, 1))
        instance("context", self.context, Callable, "a function of sequences")

    def features(self, sequences: Any) -> Any:
        """Ones, shape (..., L, 1)."""
        y = tokens_of(sequences, self.parameters.shape[-1])
        one = np.ones((*y.shape, 1), dtype=np.int64)
        return self.parameters.new_tensor(one) if hasattr(self.parameters, "new_tensor") else one

    def offsets(self, sequences: Any) -> Any:
        """The frozen logits of the contexts, shape (..., L, V)."""
        return self.context(sequences)
