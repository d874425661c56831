"""The differential information distribution: identities, exactness, gradients, indices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from didlab import (
    ArgumentError,
    did_distribution,
    did_entropy,
    entropy,
    from_weights,
    ideal_rejected,
    log_margin,
    log_partition,
    log_probabilities,
    log_ratio,
    power_law,
)

element = st.floats(-30, 30, allow_subnormal=False)


@st.composite
def two(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    k = draw(st.integers(2, 8))
    return draw(hnp.arrays(np.float64, k, elements=element)), draw(hnp.arrays(np.float64, k, elements=element))


@given(two())
def test_log_ratio_is_antisymmetric_and_the_did_follows_from_it(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    r = log_ratio(a, b)
    np.testing.assert_allclose(log_ratio(b, a), -r, rtol=1e-14, atol=0)
    np.testing.assert_allclose(did_distribution(a, b), r - log_partition(a, b), rtol=1e-12, atol=1e-12)
    assert did_entropy(a, b) == pytest.approx(entropy(did_distribution(a, b)), rel=1e-12, abs=1e-300)
    assert log_partition(a, b) >= 0


@given(two(), st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_the_ideal_rejected_policy_obeys_the_power_law(pair: tuple[np.ndarray, np.ndarray], beta: float) -> None:
    target, reference = pair
    rejected = ideal_rejected(target, reference, beta)
    np.testing.assert_allclose(
        did_distribution(reference, rejected),
        log_probabilities(beta * did_distribution(target, reference)),
        rtol=1e-12,
        atol=1e-11,
    )
    if np.ptp(target - reference) > 1e-3:
        law = power_law(target, reference, rejected)
        assert law.exponent == pytest.approx(beta, rel=1e-9)
        assert law.deviation < 1e-10


def test_log_ratio_is_exactly_zero_where_it_must_be() -> None:
    a = np.array([0.125, -0.75, 2.0, 5.0])
    assert (log_ratio(a, a) == 0).all()
    assert (log_ratio(a + 4.0, a) == 0).all()  # the sum is exact
    swapped = a[[1, 0, 2, 3]]
    r = log_ratio(a, swapped)
    assert (r[2:] == 0).all()  # the normalisers are the same real number
    assert r[0] == -r[1] != 0


def test_exponent_of_equal_policies_is_nan_and_the_deviation_is_not() -> None:
    law = power_law([0.0, 1.0], [3.0, 4.0], [0.0, 2.0])
    assert np.isnan(law.exponent)
    assert law.deviation == 0.5


def test_a_power_law_that_no_float_can_hold_is_infinite() -> None:
    assert power_law([0, 1e-300], [0, 0], [0, 1e100]) == (-np.inf, 0)
    assert power_law([0, 1e-300], [0, 0], [0, -1e100]) == (np.inf, 0)


def test_power_law_on_tensors_and_batches() -> None:
    rng = np.random.default_rng(0)
    a, b, r = rng.standard_normal((3, 4, 7))
    law, tensors = power_law(a, b, r), power_law(*(torch.from_numpy(x) for x in (a, b, r)))
    assert law.exponent.shape == law.deviation.shape == (4,)
    np.testing.assert_allclose(tensors.exponent.numpy(), law.exponent, rtol=1e-12)
    np.testing.assert_allclose(tensors.deviation.numpy(), law.deviation, rtol=1e-12)


def test_log_margin_indices() -> None:
    policy = np.arange(12.0).reshape(4, 3) ** 2
    assert log_margin(policy[0], 2, 0) == 4.0
    np.testing.assert_array_equal(log_margin(policy, 2, 0), policy[:, 2] - policy[:, 0])
    w = np.array([0, 1, 2, 0])
    expected = policy[np.arange(4), w] - policy[:, 1]
    np.testing.assert_array_equal(log_margin(policy, w, 1), expected)
    np.testing.assert_array_equal(log_margin(torch.from_numpy(policy), torch.tensor(w), 1).numpy(), expected)
    np.testing.assert_array_equal(log_margin(policy[0], np.array([[0, 1], [2, 2]]), 1), [[-1, 0], [3, 3]])
    assert log_margin(policy, np.zeros((5, 4), int), 1).shape == (5, 4)
    assert log_margin(policy, np.zeros((5, 1), int), 1).shape == (5, 4)
    exact = from_weights([1, 2, 4], exact=True)
    assert str(log_margin(exact, 2, 1)) == "log 4 + (-1) log 2"
    with pytest.raises(ArgumentError, match="`rejected` must be an integer from 0 to 2"):
        log_margin(policy[0], 0, 3)


@pytest.mark.parametrize("equal", [True, False])
def test_gradients_of_log_ratio_and_partition(equal: bool) -> None:
    a = torch.tensor([0.5, -1.0, 3.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([0.5, -1.0, 3.0] if equal else [2.0, 0.0, -1.0], dtype=torch.float64, requires_grad=True)
    p, q = torch.softmax(a, -1).detach(), torch.softmax(b, -1).detach()
    log_ratio(a, b)[1].backward()
    one = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(a.grad, one - p, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(b.grad, q - one, rtol=1e-12, atol=1e-14)
    a.grad = None
    log_partition(a, b).backward()
    did = torch.softmax((a - b).detach(), -1)
    torch.testing.assert_close(a.grad, did - p, rtol=1e-12, atol=1e-14)


def test_a_hyper_parameter_with_batch_axes() -> None:
    a, b = np.array([0.0, 1.0, 2.0]), np.array([0.0, -1.0, 0.5])
    betas = np.array([0.5, 1.0, 3.0])
    together = ideal_rejected(a, b, betas[:, None])
    np.testing.assert_array_equal(together, np.stack([ideal_rejected(a, b, beta) for beta in betas]))
