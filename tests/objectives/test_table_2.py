"""Table 2: slopes against differences of the values, amended rows against the losses of the objectives' own papers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import fmpq

from didlab.errors import ArgumentError
from didlab.objectives.table_2 import ROWS, Constants, amended, own, row

RNG = np.random.default_rng(5)
N = 400
HYPER = ("beta", "alpha", "gamma", "delta", "lam", "lam_w", "lam_l", "z")
K = Constants(
    **{name: np.exp(RNG.uniform(-2, 1, N)) for name in HYPER},
    ref_chosen=-RNG.uniform(0.5, 6, N), ref_rejected=-RNG.uniform(0.5, 6, N),
    chosen_length=RNG.integers(1, 9, N).astype(float), rejected_length=RNG.integers(1, 9, N).astype(float),
)
W, X = -RNG.uniform(0.5, 6, N), -RNG.uniform(0.5, 6, N)


def own_value(name, w, x):
    return own(name, K).value(w, x, K.ref_chosen, K.ref_rejected, chosen_length=K.chosen_length,
                              rejected_length=K.rejected_length)


@pytest.mark.parametrize("make", [row, amended])
@pytest.mark.parametrize("name", ROWS)
def test_coefficients_are_minus_the_slopes_of_the_value(name, make):
    r, h = make(name, K), 1e-5
    d_w, d_l = r.coefficients(W, X)
    by_w = (r.value(W + h, X) - r.value(W - h, X)) / (2 * h)
    by_x = (r.value(W, X + h) - r.value(W, X - h)) / (2 * h)
    # away from kinks: third derivatives are below 1e3 and values below 1e3, so h^2 * 1e3 / 6 + 1e-13 / h at most
    smooth = np.abs(r.margin(W, X)) > 0
    for top in {"rrhf": [0.0], "slic": [K.delta]}.get(name, []):
        smooth &= np.abs(r.margin(W, X) - top) > 1e-3
    smooth &= np.abs(W - K.ref_chosen) > 1e-3
    assert smooth.mean() > 0.9
    assert np.abs(d_w + by_w)[smooth].max() < 1e-6
    assert np.abs(d_l - by_x)[smooth].max() < 1e-6


@pytest.mark.parametrize("name", ROWS)
def test_amended_rows_are_the_own_losses_up_to_a_constant(name):
    w2, x2 = W - 0.3, X - 1.1
    gap = amended(name, K).value(W, X) - own_value(name, W, X)
    assert np.abs(gap - (amended(name, K).value(w2, x2) - own_value(name, w2, x2))).max() < 1e-11  # values below 1e3


@pytest.mark.parametrize("name", ROWS)
def test_amended_rows_push_as_the_own_slopes_do(name):
    slopes = own(name, K).slopes(W, X, K.ref_chosen, K.ref_rejected, chosen_length=K.chosen_length,
                                 rejected_length=K.rejected_length)
    d_w, d_l = amended(name, K).coefficients(W, X)
    np.testing.assert_allclose((d_w, d_l), (-slopes[0], slopes[1]), rtol=1e-12, atol=1e-13)


def test_given_sigmoids_replace_those_of_the_log_probabilities():
    margin = row("dpo", K).margin(W, X) - K.shift
    given = replace(K, sigmoid_w=1 / (1 + np.exp(margin)))
    for taken, free in zip(row("dpo", given).coefficients(W, X), row("dpo", K).coefficients(W, X), strict=True):
        np.testing.assert_allclose(taken, free, rtol=1e-12)
    inside = K.beta * (W - K.ref_chosen - K.z), K.beta * (K.ref_rejected + K.z - X)
    given = replace(K, sigmoid_w=1 / (1 + np.exp(-inside[0])), sigmoid_l=1 / (1 + np.exp(-inside[1])))
    for taken, free in zip(amended("kto", given).coefficients(W, X), amended("kto", K).coefficients(W, X), strict=True):
        np.testing.assert_allclose(taken, free, rtol=1e-11, atol=1e-14)  # 1 - s loses the digits of s near 1


def test_rational_numbers_stay_rational():
    def numbers(*x):
        return np.array([fmpq(*v) for v in x], dtype=object)

    k = Constants(
        beta=numbers((1, 2), (3, 1)), delta=numbers((1, 3), (1, 1)), lam=numbers((1, 7), (0, 1)),
        ref_chosen=numbers((-1, 1), (-2, 1)), ref_rejected=numbers((-1, 2), (-3, 1)),
        sigmoid_w=numbers((1, 3), (1, 2)),
    )
    w, x = numbers((-1, 1), (-5, 2)), numbers((-2, 1), (-3, 2))
    for name in ("dpo", "ipo", "slic", "rrhf", "cpo", "dpo-positive", "sppo"):
        assert all(isinstance(d, fmpq) for part in row(name, k).coefficients(w, x) for d in part), name
    assert list(row("slic", k).value(w, x)) == [fmpq(1, 7), fmpq(2)]


@pytest.mark.parametrize(("name", "value"), [
    ("beta", 0), ("beta", -1.0), ("lam", -1), ("chosen_length", 0), ("gamma", float("nan")),
])
def test_bad_constants_are_refused(name, value):
    with pytest.raises(ArgumentError, match=name):
        Constants(**{name: value})


@pytest.mark.parametrize("make", [row, amended, own])
def test_unknown_rows_are_refused(make):
    with pytest.raises(ArgumentError, match="one of dpo"):
        make("orpo", Constants())
