"""Entropy, divergences and mutual information: identities, tensors, gradients, shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import didlab
from didlab import entropy, js_divergence, kl_divergence, mutual_information, probabilities

LOG2 = np.log(2.0)
logits = hnp.arrays(np.float64, st.integers(2, 8), elements=st.floats(-50, 50, allow_subnormal=False))


@st.composite
def two(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    a = draw(logits)
    return a, draw(hnp.arrays(np.float64, a.shape, elements=st.floats(-50, 50, allow_subnormal=False)))


@given(two())
def test_ranges_symmetry_and_invariance(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    assert 0 <= entropy(a) <= np.log(len(a)) * (1 + 1e-15)
    assert kl_divergence(a, b) >= 0
    js = js_divergence(a, b)
    assert 0 <= js <= LOG2 * (1 + 1e-15)
    assert js_divergence(b, a) == pytest.approx(js, rel=4e-15, abs=1e-300)
    shift = 64.0  # exact in float64 for what the strategy draws only up to rounding: compared with a tolerance
    assert kl_divergence(a + shift, b) == pytest.approx(kl_divergence(a, b), rel=1e-9, abs=1e-20)


@given(logits)
def test_equal_policies_are_at_distance_exactly_zero(a: np.ndarray) -> None:
    assert kl_divergence(a, a) == js_divergence(a, a) == 0.0
    assert mutual_information(np.zeros(3), np.stack([a, a, a])) == 0.0


@given(two())
def test_js_is_the_mutual_information_of_a_fair_choice(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert mutual_information([0.0, 0.0], np.stack(pair)) == pytest.approx(js_divergence(*pair), rel=1e-14, abs=1e-300)


@given(two())
def test_chain_rule_of_kl_on_independent_pairs(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    joint = (a[:, None] + b[None, :]).ravel()
    other = (b[:, None] + b[None, :]).ravel()
    # Adding the logits rounds them by half an ulp: the divergence moves by that times its derivatives.
    p, q = probabilities(joint), probabilities(other)
    rounding = np.spacing(max(np.abs(joint).max(), np.abs(other).max())) / 2
    moved = rounding * ((p * np.abs(didlab.log_ratio(joint, other))).sum() + np.abs(p - q).sum()) * 2
    assert kl_divergence(joint, other) == pytest.approx(kl_divergence(a, b), rel=1e-12, abs=moved + 1e-25)
    assert entropy(joint) == pytest.approx(entropy(a) + entropy(b), rel=1e-13)


def test_batches_equal_their_rows() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 1, 40)), rng.standard_normal((5, 40))
    for f in (kl_divergence, js_divergence):
        rows = np.array([[f(a[i, 0], b[j]) for j in range(5)] for i in range(3)])
        np.testing.assert_array_max_ulp(f(a, b), rows, 2)
    table, rho = rng.standard_normal((2, 3, 4, 6)), rng.standard_normal((3, 4))
    rows = np.array([[mutual_information(rho[j], table[i, j]) for j in range(3)] for i in range(2)])
    np.testing.assert_array_max_ulp(mutual_information(rho, table), rows, 2)
    assert mutual_information(rho, table[0, 0]).shape == (3,)


def test_blocks_of_rows_do_not_change_results() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 3000, 17))
    b[1500] = a[1500]
    whole = js_divergence(a, b)
    np.testing.assert_array_max_ulp(whole, np.array([js_divergence(x, y) for x, y in zip(a, b, strict=True)]), 8)
    assert whole[1500] == 0.0


# float32 tensors: what the inputs lose by being rounded to float32 does not count, what the formulas lose does.
FLOAT32_BOUND = 16  # units in the last place of float32, of 2^-110 where a result is smaller


def _pairs32(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        k = int(rng.integers(2, 65))
        a = rng.standard_normal(k) * 10 ** rng.uniform(-6, 1.5)
        near = a + rng.standard_normal(k) * 10 ** rng.uniform(-6, 0)
        b = (rng.standard_normal(k) * 10 ** rng.uniform(-6, 1.5), near, near + rng.uniform(-100, 100))[i % 3]
        out.append((a.astype(np.float32), b.astype(np.float32)))
    return out


FUNCTIONS32 = {
    "entropy": lambda a, b: entropy(a),
    "kl_divergence": kl_divergence,
    "js_divergence": js_divergence,
    "mutual_information": lambda a, b: mutual_information(
        a[:2] * 0, (torch if isinstance(a, torch.Tensor) else np).stack([a, b])
    ),
    "did_entropy": didlab.did_entropy,
    "log_partition": didlab.log_partition,
}


def units32(value: Any, truth: Any) -> float:
    scale = np.maximum(np.spacing(np.abs(truth).astype(np.float32)).astype(float), 2.0**-110 * 2**-23)
    return float((np.abs(np.asarray(value, dtype=float) - truth) / scale).max())


@pytest.mark.parametrize("name", FUNCTIONS32)
def test_float32_tensors_are_within_the_bound(name: str) -> None:
    f, worst = FUNCTIONS32[name], 0.0
    for a, b in _pairs32(0, 600):
        value = f(torch.from_numpy(a), torch.from_numpy(b))
        assert value.dtype == torch.float32
        truth = f(a.astype(np.float64), b.astype(np.float64))
        worst = max(worst, units32(value.numpy(), np.asarray(truth)))
    assert worst <= FLOAT32_BOUND, worst


def test_float64_tensors_agree_with_numpy() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 50, 12))
    b[:25] = a[:25] + 1e-9 * b[:25]
    for name, f in FUNCTIONS32.items():
        if name == "mutual_information":
            continue
        np.testing.assert_allclose(
            f(torch.from_numpy(a), torch.from_numpy(b)).numpy(), f(a, b), rtol=1e-13, err_msg=name
        )


HARD = {
    "equal": ([0.3, -1.0, 2.0], [0.3, -1.0, 2.0]),
    "equal up to a constant": ([0.3, -1.0, 2.0], [5.3, 4.0, 7.0]),
    "ties": ([1.0, 1.0, 0.0], [0.0, 1.0, 1.0]),
    "uniform": ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    "near": ([0.3, -1.0, 2.0], [0.3 + 1e-7, -1.0, 2.0]),
    "determined": ([80.0, 0.0, 1.0], [80.0, 1.0, 0.0]),
    "opposite": ([60.0, 0.0, 0.0], [0.0, 60.0, 0.0]),
    "extreme": ([1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]),
    "edge of a branch": ([0.0, 0.5], [0.0, 0.0]),
    "another edge": ([0.0, 2.0], [0.0, -2.0]),
}


def _closed_form(name: str, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients with respect to both logits, from the textbook, in float64."""
    p, q = torch.softmax(a, -1), torch.softmax(b, -1)
    lp, lq = torch.log_softmax(a, -1), torch.log_softmax(b, -1)
    zero = torch.zeros_like(a)
    if name == "entropy":
        return -p * (lp + (-p * lp).sum()), zero
    if name == "kl_divergence":
        kl = (p * (lp - lq)).sum()
        return p * (lp - lq - kl), q - p
    lm = torch.logsumexp(torch.stack([lp, lq]), 0) - LOG2
    da, db = lp - lm, lq - lm
    return p * (da - (p * da).sum()) / 2, q * (db - (q * db).sum()) / 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("name", ["entropy", "kl_divergence", "js_divergence"])
def test_gradients_are_finite_and_equal_the_closed_form(name: str, case: str, dtype: torch.dtype) -> None:
    a, b = (torch.tensor(x, dtype=dtype, requires_grad=True) for x in HARD[case])
    FUNCTIONS32[name](a, b).backward()
    expected = _closed_form(name, a.detach().double(), b.detach().double())
    for x, truth in zip((a, b), expected, strict=True):
        grad = torch.zeros_like(x) if x.grad is None else x.grad
        assert bool(torch.isfinite(grad).all()), (case, grad)
        eps = torch.finfo(dtype).eps
        torch.testing.assert_close(grad.double(), truth, rtol=64 * eps, atol=8 * eps)


@pytest.mark.parametrize("case", HARD)
def test_gradients_of_mutual_information(case: str) -> None:
    rows = torch.tensor(HARD[case], dtype=torch.float64, requires_grad=True)
    rho = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    mutual_information(rho, rows).backward()
    expected = torch.stack(_closed_form("js_divergence", rows.detach()[0], rows.detach()[1]))
    assert rows.grad is not None and rho.grad is not None
    torch.testing.assert_close(rows.grad, expected, rtol=1e-12, atol=1e-14)
    assert bool(torch.isfinite(rho.grad).all())


def test_second_derivatives_exist_at_equal_policies() -> None:
    a = torch.zeros(3, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda x: kl_divergence(x, a), a)
    p = torch.softmax(a, -1)
    torch.testing.assert_close(hessian, torch.diag(p) - torch.outer(p, p), rtol=1e-12, atol=1e-14)


def test_known_values() -> None:
    assert float(entropy(np.zeros(10_000))) == np.log(10_000)
    p, q = probabilities([0.0, 1.0, 2.0]), probabilities([2.0, 1.0, 0.0])
    assert float(kl_divergence(np.log(p), np.log(q))) == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-14)
    assert float(js_divergence([0.0, 800.0], [800.0, 0.0])) == LOG2
