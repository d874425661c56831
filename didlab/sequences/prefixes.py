r"""Prefixes of sequences, numbered, and things frozen per prefix.

The prefix before token t, :math:`y_{<t}`, is one of :math:`V^t` (t from 0); all that are shorter come first:

.. math:: \mathrm{index}(y_{<t}) = \sum_{k<t} V^k + \sum_{i<t} y_i V^{t-1-i}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance, is_tensor, one_whole, whole
from ..errors import ArgumentError

__all__ = ["ByPrefix", "count_prefixes", "every_sequence", "prefix_indices"]

LARGEST = 1 << 26  # sequences and prefixes that are enumerated at once


def count_prefixes(vocabulary: int, length: int) -> int:
    r"""How many prefixes sequences of `length` tokens have before their last token, :math:`\sum_{t<L} V^t`.

    >>> count_prefixes(3, 3)
    13
    """
    return sum(int(vocabulary) ** t for t in range(int(length)))


def prefix_indices(sequences: Any, vocabulary: int) -> np.ndarray:
    """The number of the prefix before each token.

    Args:
        sequences: tokens from 0 to V - 1, shape (..., L).
        vocabulary: V.

    Returns:
        integers, shape (..., L), the first of which are 0.

    Raises:
        ArgumentError: tokens outside the vocabulary, or more prefixes than can be enumerated.

    >>> prefix_indices([[1, 0, 1], [0, 1, 1]], 2).tolist()
    [[0, 2, 5], [0, 1, 4]]
    """
    y = tokens_of(sequences, vocabulary)
    length = y.shape[-1]
    if count_prefixes(vocabulary, length) > LARGEST:
        raise ArgumentError("sequences", "short enough to enumerate their prefixes", f"{vocabulary}^{length} sequences")
    out = np.zeros(y.shape, dtype=np.int64)
    for t in range(1, length):
        out[..., t] = vocabulary * out[..., t - 1] + 1 + y[..., t - 1]
    return out


def every_sequence(vocabulary: int, length: int) -> np.ndarray:
    """All :math:`V^L` sequences, the last token fastest.

    Args:
        vocabulary: V.
        length: L.

    Returns:
        tokens, shape (V^L, L).

    Raises:
        ArgumentError: too many of them.

    >>> every_sequence(2, 2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    v, n = one_whole("vocabulary", vocabulary, 1), one_whole("length", length, 1)
    if v**n > LARGEST:
        raise ArgumentError("length", "short enough to enumerate", f"{v}^{n} sequences")
    return np.arange(v**n)[:, None] // v ** np.arange(n - 1, -1, -1) % v


def tokens_of(sequences: Any, vocabulary: int | None = None) -> np.ndarray:
    """The argument as an array of tokens with at least one axis, below the size of a vocabulary if that is given."""
    y = whole("sequences", sequences, 0, vocabulary)
    if not y.ndim or not y.shape[-1]:
        raise ArgumentError("sequences", "of shape (..., L) with L at least 1", f"shape {y.shape}")
    return y


@dataclass(frozen=True, eq=False)
class ByPrefix:
    """Frozen rows, one for each prefix: hidden states or offsets as arbitrary as there can be.

    Attributes:
        table: of any kind of number, shape (P, ...), row by `prefix_indices`.
        vocabulary: V.

    Raises:
        ArgumentError: not an array with rows, or a vocabulary below 1.

    >>> ByPrefix(np.arange(3.0)[:, None], 2)([[1, 0]]).tolist()
    [[[0.0], [2.0]]]
    """

    table: Any
    vocabulary: int

    def __post_init__(self) -> None:
        if not is_tensor(self.table):
            instance("table", self.table, np.ndarray, "an array with a row for each prefix")
        if not self.table.ndim or not len(self.table):
            raise ArgumentError("table", "an array with a row for each prefix", f"shape {tuple(self.table.shape)}")
        one_whole("vocabulary", self.vocabulary, 1)

    def __call__(self, sequences: Any) -> Any:
        """The rows of the prefixes before each token, shape (..., L, ...)."""
        index = prefix_indices(sequences, self.vocabulary)
        if int(index.max(initial=0)) >= len(self.table):
            raise ArgumentError("sequences", f"with prefixes among the {len(self.table)} rows", f"shape {index.shape}")
        return self.table[index]
