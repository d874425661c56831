"""Preference pairs of token sequences whose difference is where it is asked to be.

What is common to two sequences is measured on the whole of them: the longest common prefix, the longest common suffix,
and the edit distance of Levenshtein.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import one_whole, whole
from ..errors import ArgumentError
from ..policies import generator

__all__ = [
    "Pairs", "common_prefix", "common_suffix", "edit_distance", "last_token_pairs", "one_edit_pairs", "random_pairs",
    "single_token_pairs",
]

KEPT, REPLACED, DROPPED, ADDED = range(4)  # what becomes of a token of the chosen response in the rejected one
ATTEMPTS = 500  # for one pair


class Pairs(NamedTuple):
    """Chosen sequences, shape (n, Lw), and rejected ones, shape (n, Ll)."""

    chosen: np.ndarray
    rejected: np.ndarray


def common_prefix(first: Any, second: Any) -> int:
    """The length of the longest common prefix of two sequences.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 3])
    2
    """
    a, b = _sequence("first", first), _sequence("second", second)
    n = min(len(a), len(b))
    return int(np.concatenate((a[:n] == b[:n], [False])).argmin())


def common_suffix(first: Any, second: Any) -> int:
    """The length of the longest common suffix of two sequences.

    >>> common_suffix([1, 2, 3], [1, 2, 4, 3])
    1
    """
    return common_prefix(_sequence("first", first)[::-1], _sequence("second", second)[::-1])


def edit_distance(first: Any, second: Any) -> int:
    """The fewest substitutions, insertions and deletions of a token that turn one sequence into the other.

    >>> edit_distance([1, 2, 3], [1, 2, 4, 3]), edit_distance([1, 2, 3], [2, 3, 1])
    (1, 2)

    Ref: Levenshtein 1966.
    """
    a, b = _sequence("first", first), _sequence("second", second)
    row = np.arange(len(b) + 1)
    ahead = np.arange(len(b) + 1)
    for i, token in enumerate(a):
        best = np.concatenate(([i + 1], np.minimum(row[:-1] + (b != token), row[1:] + 1)))
        row = np.minimum.accumulate(best - ahead) + ahead  # insertions, from left to right
    return int(row[-1])


def single_token_pairs(vocabulary: int, size: int, *, rng: np.random.Generator) -> Pairs:
    """Responses of one token, which differ.

    Args:
        vocabulary: V, at least 2.
        size: number of pairs.
        rng: a numpy generator.

    Returns:
        tokens, shapes (size, 1).

    >>> single_token_pairs(2, 5, rng=np.random.default_rng(0)).chosen.shape
    (5, 1)

    Ref: "Common pitfalls of margin-based preference optimization", data setup 1.
    """
    return one_edit_pairs(vocabulary, 1, 1, size, rng=rng)


def last_token_pairs(vocabulary: int, length: int, size: int, *, rng: np.random.Generator) -> Pairs:
    """Responses of equal length that differ at their last token only.

    Args:
        vocabulary: V, at least 2.
        length: L.
        size: number of pairs.
        rng: a numpy generator.

    Returns:
        tokens, shapes (size, L).

    >>> p = last_token_pairs(3, 4, 5, rng=np.random.default_rng(0))
    >>> int((p.chosen != p.rejected).sum()), bool((p.chosen != p.rejected)[:, -1].all())
    (5, True)

    Ref: "Common pitfalls of margin-based preference optimization", data setup 2.
    """
    return one_edit_pairs(vocabulary, length, length, size, rng=rng)


def one_edit_pairs(vocabulary: int, length: int, position: int, size: int, *, rng: np.random.Generator) -> Pairs:
    """Responses of equal length that differ at one position m: a suffix of length - m tokens is common to both.

    Args:
        vocabulary: V, at least 2.
        length: L.
        position: m, from 1 to L.
        size: number of pairs.
        rng: a numpy generator.

    Returns:
        tokens, shapes (size, L).

    Raises:
        ArgumentError: fewer than two tokens, or a position outside the response.

    >>> p = one_edit_pairs(3, 4, 2, 5, rng=np.random.default_rng(0))
    >>> (p.chosen != p.rejected).sum(0).tolist()
    [0, 5, 0, 0]

    Ref: "Common pitfalls of margin-based preference optimization", data setup 3.
    """
    v, n = one_whole("vocabulary", vocabulary, 2), one_whole("length", length, 1)
    m, count = one_whole("position", position, 1, n + 1), one_whole("size", size, 0)
    chosen = generator("rng", rng).integers(0, v, (count, n))
    rejected = chosen.copy()
    rejected[:, m - 1] = (chosen[:, m - 1] + rng.integers(1, v, count)) % v
    return Pairs(chosen, rejected)


def random_pairs(
    vocabulary: int,
    size: int,
    *,
    prefix: int,
    suffix: int,
    distance: int,
    longer: int = 0,
    untouched: int = 0,
    rng: np.random.Generator,
) -> Pairs:
    """Random pairs with the given longest common prefix, longest common suffix and edit distance, all exact.

    Args:
        vocabulary: V, at least 2.
        size: number of pairs.
        prefix, suffix: lengths of what is common at both ends.
        distance: edit distance, at least 1.
        longer: how many tokens more the chosen response has; negative where the rejected is longer.
        untouched: tokens between the ends that the edits pass over.
        rng: a numpy generator.

    Returns:
        chosen (size, Lw) and rejected (size, Ll), each pair checked by computing the three.

    Raises:
        ArgumentError: no such pair was found: there is none, or hardly one.

    >>> p = random_pairs(5, 1, prefix=2, suffix=3, distance=2, rng=np.random.default_rng(0))
    >>> [f(p.chosen[0], p.rejected[0]) for f in (common_prefix, common_suffix, edit_distance)]
    [2, 3, 2]
    """
    v, count = one_whole("vocabulary", vocabulary, 2), one_whole("size", size, 0)
    ends = one_whole("prefix", prefix, 0), one_whole("suffix", suffix, 0)
    d, between = one_whole("distance", distance, 1), one_whole("untouched", untouched, 0)
    more = one_whole("longer", longer, -d, d + 1)
    generator("rng", rng)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    tried = 0
    while len(found) < count and tried < ATTEMPTS:
        pair = _edited(v, ends, d, more, between, rng)
        good = (common_prefix(*pair), common_suffix(*pair), edit_distance(*pair)) == (*ends, d)
        found += [pair] if good else []
        tried = 0 if good else tried + 1
    if len(found) < count:
        asked = f"prefix {ends[0]}, suffix {ends[1]}, {more} tokens longer, {between} untouched, {v} tokens"
        raise ArgumentError("distance", f"one that some pair has ({asked})", str(d))
    lengths = (len(x) for x in _edited(v, ends, d, more, between, rng))
    sides = zip(*found, strict=True) if found else ((), ())
    return Pairs(*(np.array(x, dtype=np.int64).reshape(count, n) for x, n in zip(sides, lengths, strict=True)))


def _edited(
    v: int, ends: tuple[int, int], d: int, more: int, between: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two sequences with common ends and `d` columns between them that differ; nothing is promised beyond that."""
    n = d + between
    kinds = np.where(np.arange(d) < abs(more), DROPPED if more > 0 else ADDED, REPLACED)
    edits = np.full(n, KEPT)
    edits[[0, *(rng.permutation(np.arange(1, n - 1))[: d - 2]), n - 1][:d]] = rng.permutation(kinds)
    a = rng.integers(0, v, n)
    b = np.where(edits == KEPT, a, (a + rng.integers(1, v, n)) % v)
    head, tail = rng.integers(0, v, ends[0]), rng.integers(0, v, ends[1])
    return np.concatenate((head, a[edits != ADDED], tail)), np.concatenate((head, b[edits != DROPPED], tail))


def _sequence(name: str, x: Any) -> np.ndarray:
    y = whole(name, np.asarray(x, dtype=np.int64) if np.size(x) == 0 else x, 0)
    if y.ndim != 1:
        raise ArgumentError(name, "one sequence of tokens", f"shape {y.shape}")
    return y
