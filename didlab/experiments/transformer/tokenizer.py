"""A tokenizer of whole words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ...errors import ArgumentError

__all__ = ["WordTokenizer"]

PAD, START, ASK, END = "<pad>", "<start>", "<ask>", "<end>"


class WordTokenizer:
    """Words to numbers and back.

    Args:
        words: the vocabulary; the marks of padding, start, question and end come before it.

    >>> t = WordTokenizer(["a", "b"])
    >>> t.encode(["b", "<end>"]), t.decode([5])
    ([5, 3], ['b'])
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = (PAD, START, ASK, END, *words)
        self._number = {w: i for i, w in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The numbers of some words.

        Raises:
            ArgumentError: a word that is not in the vocabulary.
        """
        try:
            return [self._number[w] for w in words]
        except KeyError as e:
            raise ArgumentError("words", "words of the vocabulary", str(e)) from None

    def decode(self, tokens: Iterable[int]) -> list[str]:
        """The words of some numbers."""
        return [self.words[t] for t in tokens]

    def padded(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        """Sequences as rows, padded on the right, where a causal model does not see it.

        >>> WordTokenizer(["a"]).padded([[1], [1, 2]]).tolist()
        [[1, 0], [1, 2]]
        """
        rows = np.zeros((len(sequences), max(len(s) for s in sequences)), np.int64)
        for row, s in zip(rows, sequences, strict=True):
            row[: len(s)] = s
        return rows
