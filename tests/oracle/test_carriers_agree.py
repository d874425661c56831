"""One formula, every carrier: exact logarithms, balls, symbols and tensors say the same as float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

import didlab
from didlab.exact import Exponent, LogForm, is_zero, log, symbols, to_arb

FORMULAS: dict[str, Any] = {
    "log_probabilities": lambda a, b: didlab.log_probabilities(a),
    "probabilities": lambda a, b: didlab.probabilities(a),
    "entropy": lambda a, b: didlab.entropy(a),
    "kl_divergence": didlab.kl_divergence,
    "js_divergence": didlab.js_divergence,
    "mutual_information": lambda a, b: didlab.mutual_information(0 * a[:2], _stack(a, b)),
    "log_ratio": didlab.log_ratio,
    "did_distribution": didlab.did_distribution,
    "log_partition": didlab.log_partition,
    "did_entropy": didlab.did_entropy,
    "ideal_rejected": lambda a, b: didlab.ideal_rejected(a, b, 2),
    "tilt": lambda a, b: didlab.tilt(a, b, 1),
    "preference_matrix": lambda a, b: didlab.preference_matrix(a),
    "pair_distribution": didlab.pair_distribution,
    "label_probability": didlab.label_probability,
}
weights = st.lists(st.integers(1, 30), min_size=2, max_size=5)


def _stack(a: Any, b: Any) -> Any:
    return torch.stack([a, b]) if isinstance(a, torch.Tensor) else np.stack([a, b])


def _float(x: Any) -> np.ndarray:
    flat = np.asarray(x, dtype=object).reshape(-1)
    return np.array([float(to_arb(v).mid()) for v in flat]).reshape(np.shape(x))


def _balls(x: np.ndarray) -> np.ndarray:
    return np.array([arb(float(v)) for v in x], dtype=object)


@pytest.mark.parametrize("name", FORMULAS)
@given(data=st.data())
def test_exact_logarithms_balls_and_tensors_agree_with_floats(name: str, data: st.DataObject) -> None:
    w = data.draw(weights)
    v = data.draw(st.lists(st.integers(1, 30), min_size=len(w), max_size=len(w)))
    formula, a, b = FORMULAS[name], didlab.from_weights(w), didlab.from_weights(v)
    expected = np.asarray(formula(a, b))
    near = {"rtol": 1e-12, "atol": 1e-14}
    with ctx.workprec(200):
        exact = formula(didlab.from_weights(w, exact=True), didlab.from_weights(v, exact=True))
        np.testing.assert_allclose(_float(exact), expected, **near)
        np.testing.assert_allclose(_float(formula(_balls(a), _balls(b))), expected, **near)
    tensors = formula(torch.from_numpy(np.asarray(a)), torch.from_numpy(np.asarray(b)))
    np.testing.assert_allclose(tensors.numpy(), expected, **near)


def _policies(k: int, *names: str) -> list[np.ndarray]:
    """Policies whose weights are indeterminates: normalised, so that what is proved holds for all of them."""
    generators = iter(symbols(" ".join(f"{name}{i}" for name in names for i in range(k))))
    out = []
    for _ in names:
        logs = np.empty(k, dtype=object)
        logs[:] = [log(next(generators)) for _ in range(k)]
        out.append(didlab.log_probabilities(logs))
    return out


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_four_kl_identity_is_proved(k: int) -> None:
    """D(p|r) - D(p|q) - D(s|r) + D(s|q) = sum (p - s) (log q - log r), for all policies of k outcomes."""
    p, q, r, s = _policies(k, "p", "q", "r", "s")
    kl = didlab.kl_divergence
    four = kl(p, r) - kl(p, q) - kl(s, r) + kl(s, q)
    direct = ((didlab.probabilities(p) - didlab.probabilities(s)) * (q - r)).sum()
    assert isinstance(four, LogForm)
    assert is_zero(four - direct)
    assert not is_zero(four)
    assert not is_zero(four + direct)


@pytest.mark.parametrize("k", [2, 3])
def test_the_power_law_is_proved_for_a_whole_exponent(k: int) -> None:
    """The DID from the ideal rejected policy to the reference is the DID from reference to target, to the power 2."""
    target, reference = _policies(k, "t", "f")
    rejected = didlab.ideal_rejected(target, reference, 2)
    left = didlab.did_distribution(reference, rejected)
    right = didlab.log_probabilities(2 * didlab.did_distribution(target, reference))
    assert all(is_zero(x - y) for x, y in zip(left, right, strict=True))
    wrong = didlab.log_probabilities(3 * didlab.did_distribution(target, reference))
    assert not all(is_zero(x - y) for x, y in zip(left, wrong, strict=True))


def test_a_formal_exponent_runs_through_the_same_formula() -> None:
    r0, r1, u0, u1 = symbols("r0 r1 u0 u1")
    beta = Exponent({r0: u0, r1: u1})
    ratio = np.array([log(r0), log(r1)], dtype=object)
    tempered = didlab.log_probabilities(beta * ratio)
    assert is_zero(tempered[0] - (log(u0) - log(u0 + u1)))


@pytest.mark.parametrize("k", [2, 3])
def test_exact_js_is_half_the_kls_to_the_mixture(k: int) -> None:
    p, q = _policies(k, "p", "q")
    m = didlab.mix(p, q, fmpq(1, 2))
    assert is_zero(2 * didlab.js_divergence(p, q) - didlab.kl_divergence(p, m) - didlab.kl_divergence(q, m))


@pytest.mark.parametrize("name", ["entropy", "kl_divergence", "js_divergence", "log_partition", "mutual_information"])
def test_balls_enclose_the_exact_value(name: str) -> None:
    rng = np.random.default_rng(0)
    w, v = rng.integers(1, 50, (2, 4))
    exact = to_arb(FORMULAS[name](didlab.from_weights(w, exact=True), didlab.from_weights(v, exact=True)))
    total = [np.array([arb(int(n)).log() for n in x], dtype=object) for x in (w, v)]
    assert FORMULAS[name](*total).overlaps(exact)
