"""The prefix table: a row of learnable logits for each prefix, so that no two contexts share a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arguments import naming
from .linear import indicator
from .model import checked_parameters
from .prefixes import prefix_indices

__all__ = ["PrefixTable"]


@dataclass(frozen=True, eq=False)
class PrefixTable:
    r"""Every distribution over sequences of full support is one: :math:`\phi_t = e_{y_{<t}}`.

    Attributes:
        parameters: logits of the next token, shape (..., P, V), row by `prefixes.prefix_indices`.

    Raises:
        ArgumentError: parameters that are not finite numbers.

    >>> import numpy as np
    >>> PrefixTable(np.zeros((3, 2))).features([1, 0]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """

    parameters: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", checked_parameters(self.parameters))

    def features(self, sequences: Any) -> Any:
        """Indicators of the prefixes, shape (..., L, P)."""
        rows, vocabulary = self.parameters.shape[-2:]
        with naming(index="sequences"):
            return indicator(prefix_indices(sequences, vocabulary), rows, self.parameters)

    def offsets(self, sequences: Any) -> Any:
        """None."""
        return 0
