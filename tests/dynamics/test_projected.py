"""The DPO-PG direction is the projection onto a half-space, for every kind of number."""

import numpy as np
import pytest
import torch
from flint import fmpq
from scipy.optimize import minimize

from didlab.dynamics.projected import dpo_pg_direction
from didlab.errors import ArgumentError

RNG = np.random.default_rng(0)


def conditions(g_w, g_l, metric=1.0, tolerance=1e-12):
    """Karush, Kuhn and Tucker: feasible, moved along -g_l in the metric, and only as far as needed."""
    v = dpo_pg_direction(g_w, g_l, preconditioner=None if np.ndim(metric) == 0 else metric)
    scale = 1 + np.abs(g_w).max(-1) ** 2 + np.abs(g_l).max(-1) ** 2
    inner = (metric * v * g_l).sum(-1)
    moved = g_w - v
    share = (moved * g_l).sum(-1) / np.where((g_l == 0).all(-1), 1, (g_l * g_l).sum(-1))
    assert (inner <= tolerance * scale).all()
    assert (share >= -tolerance).all()
    np.testing.assert_allclose(moved, share[..., None] * g_l, atol=tolerance * scale.max())
    assert (np.abs(share * inner) <= tolerance * scale * (1 + share)).all()
    return v


@pytest.mark.parametrize("d", [1, 2, 3, 50])
def test_projection(d):
    g_w, g_l = RNG.normal(size=(2, 200, d))
    g_l[:20], g_l[20:40], g_w[40:60], g_l[60:80] = 0, 2 * g_w[20:40], 0, -g_w[60:80]
    conditions(g_w, g_l)
    conditions(g_w, g_l, metric=RNG.uniform(0.1, 9, (200, d)))


def test_no_point_of_the_half_space_is_nearer():
    for _ in range(20):
        g_w, g_l = RNG.normal(size=(2, 4))
        outside = {"type": "ineq", "fun": lambda u, g_l=g_l: -u @ g_l, "jac": lambda u, g_l=g_l: -g_l}
        found = minimize(
            lambda u, g_w=g_w: ((u - g_w) ** 2).sum(),
            g_w,
            jac=lambda u, g_w=g_w: 2 * (u - g_w),
            method="SLSQP",
            constraints=outside,
        )
        np.testing.assert_allclose(dpo_pg_direction(g_w, g_l), found.x, atol=1e-6)


def test_every_carrier_gives_the_same():
    g_w, g_l = RNG.integers(-9, 10, (2, 100, 3))
    expected = dpo_pg_direction(g_w, g_l)
    exact = dpo_pg_direction(*(np.array([[fmpq(int(v)) for v in row] for row in g], dtype=object) for g in (g_w, g_l)))
    np.testing.assert_allclose(expected, [[float(int(v.p) / int(v.q)) for v in row] for row in exact], atol=1e-14)
    tensors = dpo_pg_direction(torch.tensor(g_w, dtype=torch.float64), torch.tensor(g_l, dtype=torch.float64))
    np.testing.assert_allclose(expected, tensors.numpy(), atol=1e-14)


def test_whole_numbers_stay_exact():
    v = dpo_pg_direction(np.array([1, 2], dtype=object), np.array([3, 0], dtype=object))
    assert v.tolist() == [0, 2]
    assert dpo_pg_direction(np.array([1, 2], dtype=object), np.array([1, 2], dtype=object) * 10**40).tolist() == [0, 0]


def test_exact_zero_rejected_gradient_leaves_the_chosen_gradient():
    v = dpo_pg_direction(np.array([fmpq(1), fmpq(2)], dtype=object), np.array([fmpq(0), fmpq(0)], dtype=object))
    assert v.tolist() == [1, 2]


@pytest.mark.parametrize("size", [1e-200, 1e-5, 1e5, 1e90])
def test_the_size_of_the_rejected_gradient_does_not_matter(size):
    g_w, g_l = np.array([3.0, 1.0]), np.array([1.0, 1.0])
    np.testing.assert_allclose(dpo_pg_direction(g_w, g_l * size), [1.0, -1.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([1.0], [1.0, 2.0]), "rejected_gradient"),
        (([np.nan], [1.0]), "chosen_gradient"),
        (([], []), "chosen_gradient"),
        ((1.0, [1.0]), "chosen_gradient"),
        ((["a"], [1.0]), "chosen_gradient"),
        (([1.0], [np.inf]), "rejected_gradient"),
        (([[1.0], [1.0, 2.0]], [1.0]), "chosen_gradient"),
        (([1.0], [1e200]), "rejected_gradient"),
        (([None], [1.0]), "chosen_gradient"),
        (([True], [1.0]), "chosen_gradient"),
        (([1j], [1.0]), "chosen_gradient"),
        (([1.0], np.array([{}], dtype=object)), "rejected_gradient"),
        (([1.0], torch.tensor([1])), "rejected_gradient"),
        (([1.0], np.ma.masked_array([1.0])), "rejected_gradient"),
        (({}, [1.0]), "chosen_gradient"),
        ((np.ones((2, 1)), np.ones((3, 1))), "rejected_gradient"),
        (([1.0], torch.ones(1)), "rejected_gradient"),
    ],
)
def test_bad_input_names_the_argument(arguments, name):
    with pytest.raises(ArgumentError, match=name):
        dpo_pg_direction(*arguments)


@pytest.mark.parametrize("preconditioner", [[0.0, 1.0], [-1.0, 1.0], [1.0]])
def test_a_preconditioner_is_positive(preconditioner):
    with pytest.raises(ArgumentError, match="preconditioner"):
        dpo_pg_direction([1.0, 2.0], [1.0, 0.0], preconditioner=preconditioner)
