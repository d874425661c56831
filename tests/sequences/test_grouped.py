"""Logits shared within groups of contexts, and rows drawn for each prefix, against the models that they generalise."""

from __future__ import annotations

import numpy as np
import pytest

from didlab.errors import ArgumentError
from didlab.sequences import (
    ByPrefix,
    Chain,
    DrawnByPrefix,
    GroupedLogits,
    PrefixNumbers,
    PrefixTable,
    SharedLogits,
    every_sequence,
    gradient,
    log_probability,
    pair_gram,
    positions,
)  # fmt: skip
from didlab.sequences.prefixes import count_prefixes, prefix_indices

V, L = 3, 4
P = count_prefixes(V, L)
RNG = np.random.default_rng(5)
Y = RNG.integers(0, V, (40, L))
TABLE = RNG.normal(size=(P, V))


def no_offsets(y):
    return 0


def test_the_smallest_sets_of_sequences():
    assert every_sequence(1, 65).tolist() == [[0] * 65]
    assert every_sequence(3, 2).tolist() == [[a, b] for a in range(3) for b in range(3)]
    assert ByPrefix(TABLE, V)(np.zeros((0, L), dtype=int)).shape == (0, L, *TABLE.shape[1:])


def test_one_group_for_each_prefix_is_a_prefix_table() -> None:
    mine = GroupedLogits(TABLE, lambda y: prefix_indices(y, V), no_offsets)
    np.testing.assert_array_equal(gradient(mine, Y), gradient(PrefixTable(TABLE), Y))


def test_one_group_for_all_is_shared_logits() -> None:
    theta, context = RNG.normal(size=(1, V)), ByPrefix(TABLE, V)
    mine = GroupedLogits(theta, lambda y: 0 * np.asarray(y), context)
    np.testing.assert_array_equal(gradient(mine, Y), gradient(SharedLogits(theta, context), Y))


def test_a_group_for_each_token_before_is_a_chain() -> None:
    theta = RNG.normal(size=(V + 1, V))
    mine = GroupedLogits(theta, lambda y: np.concatenate((np.full_like(y[..., :1], V), y[..., :-1]), -1), no_offsets)
    np.testing.assert_array_equal(gradient(mine, Y), gradient(Chain(theta), Y))


def test_the_prefixes_of_a_pair_are_enough_for_its_gradients() -> None:
    """Rows without a gradient leave every inner product as it was, but for the order in which zeros are added."""
    for w, l in zip(Y[:20], Y[20:], strict=True):  # noqa: E741
        number = PrefixNumbers(w, l)
        few = GroupedLogits(np.zeros((len(number), V)), number, ByPrefix(TABLE, V))
        np.testing.assert_allclose(pair_gram(few, w, l), pair_gram(PrefixTable(TABLE), w, l), rtol=0, atol=1e-14)
        assert len(number) == len({tuple(y[:t]) for y in (w.tolist(), l.tolist()) for t in range(L)})


def test_every_grouping_of_the_same_rows_is_the_same_policy() -> None:
    context = DrawnByPrefix(V, V, 7, 2.0)
    number = PrefixNumbers(*every_sequence(V, L))
    models = (
        SharedLogits(np.zeros((1, V)), context),
        GroupedLogits(np.zeros((L, V)), positions, context),
        GroupedLogits(np.zeros((len(number), V)), number, context),
    )
    first, *others = (log_probability(m, Y) for m in models)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_rows_are_drawn_by_prefix_and_by_nothing_else() -> None:
    rows = DrawnByPrefix(V, 5, 1, 0.5)
    table = {}
    for y, drawn in zip(Y.tolist(), rows(Y), strict=True):
        for t in range(L):
            np.testing.assert_array_equal(drawn[t], table.setdefault(tuple(y[:t]), drawn[t]))
    values = np.array(list(table.values()))
    assert len(np.unique(values[:, 0])) == len(table)  # prefixes of zeros, of any length, among them
    np.testing.assert_array_equal(DrawnByPrefix(V, 5, 1, 1.0)(Y), 2 * rows(Y))
    assert not (DrawnByPrefix(V, 5, 2, 0.5)(Y) == rows(Y)).any()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: DrawnByPrefix(0, 3), "vocabulary"), (lambda: DrawnByPrefix(3, 0), "width"),
        (lambda: DrawnByPrefix(3, 3, -1), "seed"), (lambda: DrawnByPrefix(3, 3)([3]), "sequences"),
        (lambda: PrefixNumbers([0, 1])([1, 1]), "sequences"),
        (lambda: GroupedLogits(np.zeros((1, 3)), positions, no_offsets).features([0, 1]), "index"),
        (lambda: GroupedLogits(np.zeros(3), positions, no_offsets), "parameters"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(wrong, said) -> None:
    with pytest.raises(ArgumentError, match=said):
        wrong()
