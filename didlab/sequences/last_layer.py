"""A learnable last linear layer over frozen hidden states, which may be anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .model import checked_parameters

__all__ = ["LastLayer"]


@dataclass(frozen=True, eq=False)
class LastLayer:
    r"""The last layer of a language model, :math:`s_t = \mathrm{softmax}(h(y_{<t})^\top\Theta)`.

    Attributes:
        parameters: :math:`\Theta`, shape (..., D, V).
        hidden: sequences (..., L) to hidden states (..., L, D), such as `hidden.Recurrent` or `prefixes.ByPrefix`.

    Raises:
        ArgumentError: parameters that are not finite numbers.

    >>> import numpy as np
    >>> from didlab.sequences.prefixes import ByPrefix
    >>> LastLayer(np.zeros((1, 2)), ByPrefix(np.array([[1.0], [2.0], [3.0]]), 2)).features([1, 0]).tolist()
    [[1.0], [3.0]]

    Ref: "Common pitfalls of margin-based preference optimization", section 4.1.1.
    """

    parameters: Any
    hidden: Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", checked_parameters(self.parameters))

    def features(self, sequences: Any) -> Any:
        """The hidden states, shape (..., L, D)."""
        return self.hidden(sequences)

    def offsets(self, sequences: Any) -> Any:
        """None."""
        return 0
