"""Rows of tokens with their responses marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .corpus import Statement
from .styles import Pair
from .tokenizer import ASK, START, WordTokenizer

__all__ = ["Pairs", "Rows", "ask", "pairs", "plain"]


class Rows(NamedTuple):
    """Sequences as tensors.

    Attributes:
        tokens: shape (rows, length), padded on the right.
        marked: the same shape; 1.0 where a token is predicted and counted, at its own place.
    """

    tokens: Any
    marked: Any

    def at(self, index: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.tokens[index], self.marked[index])


class Pairs(NamedTuple):
    """Chosen and rejected responses to the same statements, and their lengths in tokens."""

    chosen: Rows
    rejected: Rows

    @property
    def lengths(self) -> tuple[Any, Any]:
        """Numbers of response tokens of each pair, chosen and rejected."""
        return self.chosen.marked.sum(1), self.rejected.marked.sum(1)

    def stacked(self) -> Rows:
        """The chosen responses, then the rejected ones; both have rows of one length."""
        import torch

        return Rows(*(torch.cat(both) for both in zip(self.chosen, self.rejected, strict=True)))

    def first(self, count: int) -> Pairs:
        """The first pairs."""
        return self.at(np.arange(count))

    def at(self, index: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.chosen.at(index), self.rejected.at(index))


def _rows(tokenizer: WordTokenizer, prompts: Sequence[Sequence[str]], responses: Sequence[Sequence[str]]) -> Rows:
    import torch

    tokens = tokenizer.padded([tokenizer.encode((*p, *r)) for p, r in zip(prompts, responses, strict=True)])
    marked = np.zeros(tokens.shape)
    for row, p, r in zip(marked, prompts, responses, strict=True):
        row[len(p) : len(p) + len(r)] = 1.0
    return Rows(torch.from_numpy(tokens), torch.from_numpy(marked))


def _prompt(statement: Statement) -> tuple[str, ...]:
    return (START, *statement.words, ASK)


def plain(tokenizer: WordTokenizer, texts: Sequence[tuple[str, ...]]) -> Rows:
    """Texts of which every token is predicted."""
    return _rows(tokenizer, [(START,)] * len(texts), texts)


def ask(tokenizer: WordTokenizer, asked: Sequence[Statement], responses: Sequence[Sequence[str]]) -> Rows:
    """Statements, the mark that asks for their sentiment, and the responses, of which every token is predicted."""
    return _rows(tokenizer, [_prompt(s) for s in asked], responses)


def pairs(tokenizer: WordTokenizer, asked: Sequence[Statement], responses: Sequence[Pair]) -> Pairs:
    """Pairs of responses to statements."""
    return Pairs(
        ask(tokenizer, asked, [r.chosen for r in responses]), ask(tokenizer, asked, [r.rejected for r in responses])
    )
