"""The carriers: error-free transformations, kernels at the edges of their branches, blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

import didlab
from didlab.carriers import NUMPY, by_rows, carrier_of, two_diff, two_prod, two_sum

number = st.floats(-1e100, 1e100, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(number, number)
def test_transformations_are_error_free(a: float, b: float) -> None:
    for (high, low), exact in (
        (two_sum(a, b), Fraction(a) + Fraction(b)),
        (two_diff(a, b), Fraction(a) - Fraction(b)),
        (two_prod(a, b), Fraction(a) * Fraction(b)),
    ):
        assert Fraction(high) + Fraction(low) == exact


def test_the_carrier_follows_the_arrays() -> None:
    tensor, objects = torch.zeros(2), np.array([arb(0)], dtype=object)
    assert carrier_of(np.zeros(2)) is NUMPY
    assert carrier_of(np.zeros(2), tensor) is carrier_of(tensor) is not NUMPY
    assert carrier_of(objects) is carrier_of(objects, np.zeros(1))
    assert carrier_of(objects).exact
    assert not carrier_of(tensor).exact


def _edges() -> np.ndarray:
    """Log-ratios at, and next to, every point where a kernel changes its formula, and far beyond."""
    points = [0.0, 1e-300, 1e-160, 1e-17, 1e-9, 1e-4, 0.1, 0.15, 0.5, 1.0, 2.0, 8.0, 30.0, 36.8, 600.0]
    around = [np.nextafter(x, t) for x in points for t in (-np.inf, np.inf)]
    return np.array(sorted({s * x for x in (*points, *around) for s in (-1.0, 1.0)}))


@pytest.mark.parametrize("kernel", ["kl_terms", "js_terms"])
def test_kernels_next_to_the_edges_of_their_branches(kernel: str) -> None:
    """p fixed and q = p e^-d: the float kernel is within 16 ulp of the direct expression in balls."""
    d = _edges()
    q = np.where(d >= 0, 0.25 * np.exp(-np.maximum(d, 0)), 0.25)
    p = np.where(d >= 0, 0.25, 0.25 * np.exp(np.minimum(d, 0)))
    value = getattr(NUMPY, kernel)(p, q, d.copy())
    with ctx.workprec(3000):
        for i, x in enumerate(d):
            one = arb(0.25)
            bp, bq = (one, one * arb(-x).exp()) if x >= 0 else (one * arb(x).exp(), one)
            log_ratio = arb(x)
            if kernel == "kl_terms":
                truth = bp * ((-log_ratio).exp() - 1 + log_ratio)
            else:
                truth = (bp * (2 * bp / (bp + bq)).log() + bq * (2 * bq / (bp + bq)).log()) / 2
            reference = float(truth.mid())
            assert abs(value[i] - reference) <= 16 * np.spacing(abs(reference)), (x, value[i], reference)
            assert value[i] >= 0


@pytest.mark.parametrize("kernel", ["kl_terms", "js_terms"])
def test_tensor_kernels_have_finite_gradients_at_the_edges(kernel: str) -> None:
    d = torch.tensor(_edges(), requires_grad=True)
    terms = getattr(carrier_of(d), kernel)(torch.full_like(d, 0.5), torch.full_like(d, 0.5), d)
    terms.sum().backward()
    assert d.grad is not None
    assert bool(torch.isfinite(d.grad).all())


def test_blocks_of_rows() -> None:
    seen: list[int] = []

    def total(x: Any, y: Any) -> Any:
        seen.append(len(x))
        return (x + y).sum(-1)

    x = np.ones((3, 700, 32))
    assert (by_rows(total, x, np.arange(32.0)) == 32 + 496).all()
    assert len(seen) > 1
    assert sum(seen) == 2100
    assert by_rows(lambda x: x.sum(-1), np.ones(3)) == 3.0


def test_inputs_are_never_changed() -> None:
    from didlab import did, information

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 6, 9)) * 20
    keep = a.copy(), b.copy()
    for f in (information.kl_divergence, information.js_divergence, did.log_ratio, did.log_partition, did.did_entropy):
        f(a, b)
    information.entropy(a)
    information.mutual_information(a[:, 0], a)
    for x, y in zip((a, b), keep, strict=True):
        np.testing.assert_array_equal(x, y)


def test_tensors_keep_their_dtype_and_their_gradient() -> None:
    from didlab import js_divergence

    a = torch.zeros(2, 3, requires_grad=True)
    value = js_divergence(a, torch.ones(3))
    assert value.dtype == torch.float32
    assert value.requires_grad


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "columns first": np.asfortranarray,
    "every other number": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    "rows of one table": lambda x: np.repeat(x, 2, 0)[::2],
}
MEASURES: dict[str, Callable[[Any, Any], Any]] = {
    "log_probabilities": lambda a, b: didlab.log_probabilities(a),
    "probabilities": lambda a, b: didlab.probabilities(a),
    "entropy": lambda a, b: didlab.entropy(a),
    **{
        name: getattr(didlab, name)
        for name in (
            "kl_divergence", "js_divergence", "log_ratio", "log_partition", "did_distribution", "did_entropy", "tilt",
            "pair_distribution", "label_probability",
        )
    },
    "temper": lambda a, b: didlab.temper(a, 0.3),
    "mix": lambda a, b: didlab.mix(a, b, 0.3),
    "ideal_rejected": lambda a, b: didlab.ideal_rejected(a, b, 0.3),
    "mutual_information": lambda a, b: didlab.mutual_information(a[:, 0], b),
    "power_law": lambda a, b: np.array(didlab.power_law(a, b, a - 2 * b)),
    "sample": lambda a, b: didlab.sample(a, 50, rng=np.random.default_rng(0)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MEASURES)
def test_the_layout_of_arrays_in_memory_changes_nothing(name: str, layout: str) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 4, 3))
    turned = [LAYOUTS[layout](x) for x in (a, b)]
    for x in turned:
        x.setflags(write=False)
    np.testing.assert_allclose(MEASURES[name](*turned), MEASURES[name](a, b), rtol=1e-14)
