"""Learnable logits shared within groups of contexts, over frozen offsets: from one row for all to one for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance, whole
from ..errors import ArgumentError
from .linear import indicator
from .model import checked_parameters
from .prefixes import tokens_of

__all__ = ["GroupedLogits", "PrefixNumbers", "positions"]


@dataclass(frozen=True, eq=False)
class GroupedLogits:
    r"""Contexts of one group share a row, :math:`s_t = \mathrm{softmax}(o(y_{<t}) + \theta_{g(y_{<t})})`.

    With the same offsets and :math:`\theta = 0`, every grouping is the same policy: only its gradients differ.

    Attributes:
        parameters: :math:`\theta`, a row for each group, shape (..., G, V).
        group: sequences (..., L) to numbers of groups (..., L), such as `positions` or `PrefixNumbers`.
        context: sequences (..., L) to offsets (..., L, V), such as `prefixes.ByPrefix` or `drawn.DrawnByPrefix`.

    Raises:
        ArgumentError: parameters that are not finite numbers, or no functions.

    >>> GroupedLogits(np.zeros((2, 3)), positions, lambda y: 0).features([1, 0]).tolist()
    [[1, 0], [0, 1]]

    Ref: "Common pitfalls of margin-based preference optimization", section 4.1.2 and appendix B.2.
    """

    parameters: Any
    group: Callable[[Any], Any]
    context: Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", checked_parameters(self.parameters))
        for name in ("group", "context"):
            instance(name, getattr(self, name), Callable, "a function of sequences")

    def features(self, sequences: Any) -> Any:
        """Indicators of the groups, shape (..., L, G)."""
        y = tokens_of(sequences, self.parameters.shape[-1])
        return indicator(self.group(y), self.parameters.shape[-2], self.parameters)

    def offsets(self, sequences: Any) -> Any:
        """The frozen logits of the contexts, shape (..., L, V)."""
        return self.context(sequences)


def positions(sequences: Any) -> np.ndarray:
    """A group for each position.

    Args:
        sequences: tokens, shape (..., L).

    Returns:
        the positions 0 to L - 1, of the same shape.

    Raises:
        ArgumentError: not sequences of tokens.

    >>> positions([[2, 0], [1, 1]]).tolist()
    [[0, 1], [0, 1]]
    """
    y = tokens_of(sequences)
    return np.broadcast_to(np.arange(y.shape[-1]), y.shape)


def _row(sequence: Any) -> list[int]:
    y = whole("sequences", sequence, 0)
    if y.ndim != 1:
        raise ArgumentError("sequences", "each of shape (L,)", f"shape {y.shape}")
    return y.tolist()


class PrefixNumbers:
    """A group for each prefix that occurs in some sequences; others have no row.

    Args:
        sequences: each of shape (L,), of any lengths.

    Raises:
        ArgumentError: not sequences of tokens.

    >>> number = PrefixNumbers([1, 0], [1, 1])
    >>> len(number), number([1, 1]).tolist()
    (2, [0, 1])
    """

    def __init__(self, *sequences: Any) -> None:
        every = (tuple(y[:t]) for y in (_row(x) for x in sequences) for t in range(len(y)))
        self.number = {prefix: n for n, prefix in enumerate(dict.fromkeys(every))}

    def __len__(self) -> int:
        return len(self.number)

    def __call__(self, sequences: Any) -> np.ndarray:
        """The numbers of the prefixes before each token, shape (..., L).

        Raises:
            ArgumentError: a prefix that is none of them.
        """
        y = np.asarray(sequences)
        out = np.empty(y.shape, dtype=np.int64)
        for index in np.ndindex(y.shape):
            before = tuple(y[index[:-1]][: index[-1]].tolist())
            if before not in self.number:
                raise ArgumentError("sequences", "with no other prefixes than those that have rows", f"{before}")
            out[index] = self.number[before]
        return out
