"""The three styles of a response: the label alone, a short suffix after it, and a long one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .corpus import LABELS

__all__ = ["STYLES", "Pair", "pair", "place"]

STYLES = ("single token", "short suffix", "long suffix")

_BEFORE = ("it", "has", "a")
# The first words are the paper's; with varied suffixes each word is drawn from its list.
_NOUN = (("sentiment", "tone", "mood", "feeling"),)
_LONG = (
    ("based", "resting", "built", "founded"),
    ("on",),
    ("my", "our", "her", "his"),
    ("judgement", "reading", "view", "taste"),
)


class Pair(NamedTuple):
    """The words of the chosen and of the rejected response."""

    chosen: tuple[str, ...]
    rejected: tuple[str, ...]


def place(style: str) -> int:
    """Where the responses of a style differ.

    >>> place("single token"), place("long suffix")
    (0, 3)
    """
    return 0 if style == STYLES[0] else len(_BEFORE)


def pair(style: str, label: int, rng: np.random.Generator, *, varied: bool = False, ended: bool = False) -> Pair:
    """The responses to a statement of this sentiment; both have the same suffix.

    Args:
        style: one of `STYLES`.
        label: 1 if the statement is positive.
        rng: draws the words of varied suffixes.
        varied: whether the words of the suffix vary from statement to statement.
        ended: whether a token ends the response, as training libraries append it.

    >>> " ".join(pair("long suffix", 1, np.random.default_rng(0)).chosen)
    'it has a positive sentiment based on my judgement .'
    >>> pair("single token", 0, np.random.default_rng(0))
    Pair(chosen=('negative',), rejected=('positive',))
    """
    end = ("<end>",) if ended else ()
    if style == STYLES[0]:
        return Pair((LABELS[label], *end), (LABELS[1 - label], *end))
    slots = _NOUN if style == STYLES[1] else (*_NOUN, *_LONG)
    suffix = tuple(s[int(rng.integers(len(s)))] if varied else s[0] for s in slots)
    after = (*suffix, ".", *end)
    return Pair((*_BEFORE, LABELS[label], *after), (*_BEFORE, LABELS[1 - label], *after))
