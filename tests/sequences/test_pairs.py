"""Pair builders: the difference is where it is asked to be."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didlab.errors import DidlabError
from didlab.sequences import pairs

TOKENS = st.lists(st.integers(0, 2), max_size=7)


def plain_distance(a, b):
    """Levenshtein's recursion, as printed."""
    if not a or not b:
        return len(a) + len(b)
    return min(plain_distance(a[1:], b) + 1, plain_distance(a, b[1:]) + 1,
               plain_distance(a[1:], b[1:]) + (a[0] != b[0]))


@settings(max_examples=60, derandomize=True)
@given(st.lists(st.integers(0, 2), max_size=5), st.lists(st.integers(0, 2), max_size=5))
def test_edit_distance_is_the_recursion(a, b):
    assert pairs.edit_distance(a, b) == plain_distance(a, b)


@settings(max_examples=200, derandomize=True)
@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_common_ends(head, tail, a, b):
    x, y = head + a + tail, head + b + tail
    p, s = pairs.common_prefix(x, y), pairs.common_suffix(x, y)
    assert p >= len(head) and s >= len(tail) and x[:p] == y[:p] and x[len(x) - s :] == y[len(y) - s :]
    assert p == min(len(x), len(y)) or x[p] != y[p]
    assert pairs.edit_distance(x, y) == pairs.edit_distance(a, b)  # common ends do not count


@pytest.mark.parametrize(("length", "position"), [(1, 1), (4, 4), (4, 1), (9, 3), (40, 2)])
def test_one_edit(length, position):
    p = pairs.one_edit_pairs(5, length, position, 50, rng=np.random.default_rng(0))
    differ = p.chosen != p.rejected
    assert differ[:, position - 1].all() and differ.sum() == 50
    for w, l in zip(*p, strict=True):  # noqa: E741
        assert pairs.edit_distance(w, l) == 1
        assert (pairs.common_prefix(w, l), pairs.common_suffix(w, l)) == (position - 1, length - position)
    assert (pairs.single_token_pairs(2, 9, rng=np.random.default_rng(1)).chosen.shape) == (9, 1)


@pytest.mark.parametrize("vocabulary", [2, 3, 8])
def test_random_pairs_have_the_difference_asked_for(vocabulary):
    rng = np.random.default_rng(vocabulary)
    for prefix, suffix, distance, longer in product((0, 3), (0, 5), (1, 2, 4), (-1, 0, 1)):
        for untouched in (0, 2) if distance > 1 else (0,):
            p = pairs.random_pairs(vocabulary, 3, prefix=prefix, suffix=suffix, distance=distance, longer=longer,
                                   untouched=untouched, rng=rng)
            assert p.chosen.shape[1] - p.rejected.shape[1] == longer
            for w, l in zip(*p, strict=True):  # noqa: E741
                found = (pairs.common_prefix(w, l), pairs.common_suffix(w, l), pairs.edit_distance(w, l))
                assert found == (prefix, suffix, distance)


def test_impossible_pairs_are_refused():
    rng = np.random.default_rng(0)
    assert pairs.random_pairs(3, 0, prefix=1, suffix=1, distance=2, rng=rng).chosen.shape == (0, 4)
    for call, name in [
        (lambda: pairs.random_pairs(3, 1, prefix=0, suffix=0, distance=1, untouched=2, rng=rng), "distance"),
        (lambda: pairs.random_pairs(3, 1, prefix=0, suffix=0, distance=1, longer=2, rng=rng), "longer"),
        (lambda: pairs.random_pairs(1, 1, prefix=0, suffix=0, distance=1, rng=rng), "vocabulary"),
        (lambda: pairs.one_edit_pairs(3, 4, 5, 1, rng=rng), "position"),
        (lambda: pairs.one_edit_pairs(1, 4, 1, 1, rng=rng), "vocabulary"),
        (lambda: pairs.single_token_pairs(2, 1, rng=3), "rng"),
        (lambda: pairs.edit_distance([[1]], [1]), "first"),
    ]:
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()
