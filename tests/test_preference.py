"""Bradley-Terry preferences and pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from didlab import (
    boltzmann,
    bradley_terry,
    from_weights,
    label_probability,
    pair_distribution,
    preference_matrix,
    probabilities,
    sample_pairs,
)

rewards = hnp.arrays(np.float64, st.integers(2, 6), elements=st.floats(-700, 700))


@given(rewards)
def test_preferences_are_the_logistic_function_of_differences(r: np.ndarray) -> None:
    m = preference_matrix(r)
    np.testing.assert_allclose(m, special.expit(r[:, None] - r[None, :]), rtol=1e-14, atol=1e-307)
    np.testing.assert_allclose(m + m.T, 1.0, rtol=1e-15)
    np.testing.assert_array_equal(bradley_terry(r, r[::-1]), np.diag(m[:, ::-1]))
    np.testing.assert_array_equal(bradley_terry(r, r[:1]), m[:, 0])


@given(rewards)
def test_boltzmann_is_the_softmax(r: np.ndarray) -> None:
    np.testing.assert_allclose(boltzmann(r), special.log_softmax(r), rtol=1e-13, atol=1e-13)


@given(rewards)
def test_the_label_follows_from_the_pairs(r: np.ndarray) -> None:
    p, q = r / 50, r[::-1] / 70
    pairs = pair_distribution(p, q)
    assert pairs.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(label_probability(p, q), pairs / (pairs + pairs.T), rtol=1e-12)


def test_exact_pairs_and_labels() -> None:
    p, q = from_weights([1, 2], exact=True), from_weights([3, 1], exact=True)
    pairs = pair_distribution(p, q)
    assert sum(pairs.flat) == 1
    assert (label_probability(p, q) == pairs / (pairs + pairs.T)).all()


def test_gradients_at_ties() -> None:
    r = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    preference_matrix(r)[0, 1].backward()
    assert r.grad is not None
    assert r.grad.tolist() == [0.25, -0.25]


def test_pairs_are_drawn_independently() -> None:
    p, q = np.array([0.0, 1.0, -1.0]), np.array([2.0, 0.0, 0.0])
    w, l = sample_pairs(p, q, 30_000, rng=np.random.default_rng(0))  # noqa: E741
    counts = np.zeros((3, 3))
    np.add.at(counts, (w, l), 1)
    expected = 30_000 * np.outer(probabilities(p), probabilities(q))
    assert stats.chisquare(counts.ravel(), expected.ravel()).pvalue > 1e-6
