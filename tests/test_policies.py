"""Policies: normalisation, temperature, tilting, mixtures and samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from didlab import ArgumentError, from_weights, log_probabilities, mix, probabilities, sample, temper, tilt
from didlab.exact import is_zero

logits = hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(-100, 100))


@given(logits)
def test_log_probabilities_agree_with_scipy_and_keep_the_digits_near_one(a: np.ndarray) -> None:
    np.testing.assert_allclose(log_probabilities(a), special.log_softmax(a), rtol=1e-13, atol=1e-13)
    assert probabilities(a).sum() == pytest.approx(1.0, abs=1e-14)
    assert (log_probabilities(a) <= 0).all()


def test_one_outcome_has_probability_one() -> None:
    assert log_probabilities([3.0]).tolist() == [0.0]
    assert probabilities([[3.0], [4.0]]).tolist() == [[1.0], [1.0]]


@given(logits, st.floats(0.05, 20))
def test_temperature_scales_logits(a: np.ndarray, tau: float) -> None:
    np.testing.assert_allclose(temper(a, tau), special.log_softmax(a / tau), rtol=1e-12, atol=1e-12)


def test_temperature_keeps_the_rounding_error_of_the_quotient() -> None:
    a, tau = np.array([0.0, 1.0, 9999.7]), 0.3
    with ctx.workprec(200):
        x = [arb(v) / arb(tau) for v in a]
        top = (sum((v.exp() for v in x), arb(0))).log()
        assert temper(a, tau)[0] == float((x[0] - top).mid())
    assert temper(a, np.array([[0.3], [2.0]])).shape == (2, 3)


@given(logits, st.floats(0.05, 20))
def test_tilt_by_the_log_ratio_reaches_the_other_policy(a: np.ndarray, beta: float) -> None:
    b = a[::-1]
    np.testing.assert_allclose(tilt(a, beta * (b - a), beta), log_probabilities(b), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("share", [0, 0.0, 0.3, 1, 1.0, Fraction(1, 3), np.float64(0.5)])
def test_mixture(share: float) -> None:
    a, b = np.array([0.0, 1.0, -1.0]), np.array([5.0, 0.0, 0.0])
    expected = (1 - float(share)) * special.softmax(a) + float(share) * special.softmax(b)
    np.testing.assert_allclose(np.exp(mix(a, b, share)), expected, rtol=1e-14)
    tensor = mix(torch.from_numpy(a), torch.from_numpy(b), float(share))
    np.testing.assert_allclose(tensor.exp().numpy(), expected, rtol=1e-14)


def test_mixture_keeps_rare_outcomes() -> None:
    a, b = np.array([0.0, -2000.0]), np.array([0.0, -1000.0])
    np.testing.assert_allclose(mix(a, b, 0.5)[1], -1000 - np.log(2))
    assert mix(a, b, 0.0)[1] == -2000.0


def test_exact_policies() -> None:
    p = from_weights([1, Fraction(2, 3), fmpq(1, 3)], exact=True)
    assert probabilities(p).tolist() == [fmpq(1, 2), fmpq(1, 3), fmpq(1, 6)]
    assert all(is_zero(x - y) for x, y in zip(temper(p, 1), p, strict=True))
    assert probabilities(mix(p, from_weights([1, 1, 1], exact=True), fmpq(1, 2))).tolist()[0] == fmpq(5, 12)


def test_weights_of_every_kind() -> None:
    for weights in ([1, 3], (1.0, 3.0), np.array([1, 3], dtype=np.uint8), np.float32([1, 3]), [Fraction(1), 3]):
        np.testing.assert_allclose(from_weights(weights), np.log([0.25, 0.75]), rtol=1e-15)
    assert from_weights(torch.tensor([1.0, 3.0])).dtype == torch.float32
    with pytest.raises(ArgumentError, match="integers or fractions when exact=True"):
        from_weights([0.5, 1.0], exact=True)


def test_samples_follow_the_policy() -> None:
    policy = np.array([[0.0, 1.0, 2.0, -1.0], [3.0, 0.0, 0.0, 0.0]])
    drawn = sample(policy, 20_000, rng=np.random.default_rng(0))
    assert drawn.shape == (2, 20_000)
    for row, p in zip(drawn, probabilities(policy), strict=True):
        assert stats.chisquare(np.bincount(row, minlength=4), 20_000 * p).pvalue > 1e-6
    again = sample(policy, 20_000, rng=np.random.default_rng(0))
    assert (again == drawn).all()
    assert sample(policy[0], 0, rng=np.random.default_rng(0)).shape == (0,)
    assert sample(torch.from_numpy(policy), 3, rng=np.random.default_rng(0)).shape == (2, 3)


def test_an_impossible_outcome_is_never_drawn() -> None:
    drawn = sample([0.0, -800.0, 0.0, -800.0], 5_000, rng=np.random.default_rng(1))
    assert set(drawn.tolist()) == {0, 2}
