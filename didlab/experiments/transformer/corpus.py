"""Statements with a sentiment, from a small grammar, and plain text in which the words of the responses occur too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["LABELS", "Statement", "plain_texts", "statements", "words"]

LABELS = ("negative", "positive")

_ADJECTIVES = (
    ("awful", "sad", "bitter", "dull", "cruel", "cold"),
    ("lovely", "happy", "sweet", "bright", "kind", "warm"),
)
_FEELINGS = (("hate", "dread", "regret"), ("love", "enjoy", "adore"))
_NOUNS = (
    "film", "song", "book", "dinner", "garden", "train", "neighbour", "teacher", "holiday", "match", "coffee", "letter",
    "house", "street", "phone", "story",
)  # fmt: skip
_TIMES = ("day", "night", "week", "morning", "summer", "evening")

# A: an adjective of the statement's sentiment, F: a feeling of it, n: a thing, t: a time.
_STATEMENTS = (
    "the n was A and A",
    "i F this A n",
    "the n looks A but the n feels A",
    "such a A t and a A n",
    "we F the n , it is so A",
    "A t , A n , i F it",
)
# l: a label; the words of the responses in other sentences, and in another order.
_REMARKS = (
    "my judgement of the n has a l tone",
    "it is a l n based on its story",
    "the t has l sides",
    "on my t a l feeling is based on it",
    "a l view of the n has no sentiment",
    "her taste and his reading rest on our judgement",
    "their mood was founded on a l sentiment",
    "a tone built on l reading has its view",
)
_SIGNS = (".", ":", ",")
_RESPONSE_WORDS = ("resting", "built", "founded", "opinion")


class Statement(NamedTuple):
    """Words, and the sentiment (1: positive) that the grammar gave them."""

    words: tuple[str, ...]
    label: int


def statements(rng: np.random.Generator, count: int, *, agreement: float) -> list[Statement]:
    """Random statements; both sentiments are equally likely.

    Args:
        rng: where they come from.
        count: how many.
        agreement: the chance that a word of sentiment is of the statement's own; what is left makes statements that
            are hard to tell, as real ones are.

    >>> found = statements(np.random.default_rng(0), 200, agreement=1.0)
    >>> all((set(s.words) & set(_ADJECTIVES[1 - s.label])) == set() for s in found)
    True
    """
    found = []
    for _ in range(count):
        label = int(rng.integers(2))
        found.append(Statement(_fill(rng, _STATEMENTS[rng.integers(len(_STATEMENTS))], label, agreement), label))
    return found


def plain_texts(rng: np.random.Generator, count: int, *, agreement: float) -> list[tuple[str, ...]]:
    """Text to learn the language from: a statement, then a remark that mentions its sentiment.

    >>> len(plain_texts(np.random.default_rng(0), 3, agreement=0.9))
    3
    """
    found = []
    for words_of, label in statements(rng, count, agreement=agreement):
        remark = _fill(rng, _REMARKS[rng.integers(len(_REMARKS))], label, agreement)
        found.append((*words_of, ".", *remark, "."))
    return found


def words() -> tuple[str, ...]:
    """Every word of the corpus, in an order that does not change.

    >>> "positive" in words()
    True
    """
    literal = {w for text in (*_STATEMENTS, *_REMARKS) for w in text.split() if w not in ("A", "F", "n", "t", "l")}
    listed = (*_ADJECTIVES[0], *_ADJECTIVES[1], *_FEELINGS[0], *_FEELINGS[1], *_NOUNS, *_TIMES)
    return tuple(sorted({*literal, *listed, *LABELS, *_SIGNS, *_RESPONSE_WORDS}))


def _fill(rng: np.random.Generator, template: str, label: int, agreement: float) -> tuple[str, ...]:
    """A template with every slot filled."""
    out = []
    for slot in template.split():
        own = label if slot not in ("A", "F") or rng.random() < agreement else 1 - label
        bag = {"A": _ADJECTIVES[own], "F": _FEELINGS[own], "n": _NOUNS, "t": _TIMES, "l": (LABELS[own],)}.get(slot)
        out.append(slot if bag is None else bag[int(rng.integers(len(bag)))])
    return tuple(out)
