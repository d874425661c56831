"""The MI-DPO loss: against DPO, against automatic differentiation with and without the prior, and its minimum."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq

from didlab import ArgumentError, log_probabilities, objectives
from didlab.engine.lifts import EXACT
from didlab.objectives import mi_dpo
from didlab.solvers.attained import existence
from didlab.solvers.population import PopulationLoss


def four(seed: int = 0, n: int = 200) -> list[np.ndarray]:
    return [-0.01 - 3 * np.random.default_rng(seed + i).exponential(size=n) for i in range(4)]


@pytest.mark.parametrize("alpha", [0.1, 1.0, 3.0])
def test_with_a_reference_for_the_prior_it_is_dpo(alpha: float) -> None:
    w, l, zw, zl = four()  # noqa: E741
    dpo = objectives.get("dpo", beta=alpha)
    np.testing.assert_allclose(mi_dpo.value(w, l, zw, zl, alpha=alpha), dpo.value(w, l, zw, zl), rtol=1e-14)
    slope = mi_dpo.slopes(w, l, zw, zl, alpha=alpha)
    for sign, other in zip((1, -1), dpo.slopes(w, l, zw, zl), strict=True):
        np.testing.assert_allclose(sign * slope, other, rtol=1e-14)


def test_a_factor_that_both_responses_share_does_not_matter() -> None:
    w, l, zw, zl = four(5)  # noqa: E741
    shift = np.linspace(-5, 5, len(w))
    np.testing.assert_allclose(mi_dpo.margin(w, l, zw + shift, zl + shift), mi_dpo.margin(w, l, zw, zl), atol=1e-13)


@pytest.mark.parametrize("fixed", [True, False])
def test_both_gradients_are_those_of_automatic_differentiation(fixed: bool) -> None:
    rng = np.random.default_rng(7)
    theta = torch.tensor(rng.normal(size=5), requires_grad=True)
    power, base = torch.tensor(rng.uniform(0, 1, 5)), torch.tensor(rng.normal(size=5))
    w, l = np.array([0, 3, 2]), np.array([1, 0, 4])  # noqa: E741
    log_pi = torch.log_softmax(theta, -1)
    prior = base + power * (log_pi.detach() if fixed else log_pi)
    losses = mi_dpo.value(log_pi[w], log_pi[l], prior[w], prior[l], alpha=0.7)
    auto = np.stack([torch.autograd.grad(x, theta, retain_graph=True)[0].numpy() for x in losses])
    p = torch.softmax(theta.detach(), -1).numpy()
    own = np.eye(5) - p
    of_prior = power.numpy()[:, None] * own
    arrays = [x.detach().numpy() for x in (log_pi[w], log_pi[l], prior[w], prior[l])]
    slope = mi_dpo.slopes(*arrays, alpha=0.7)
    rows = {} if fixed else {"chosen_prior": of_prior[w], "rejected_prior": of_prior[l]}
    np.testing.assert_allclose(mi_dpo.gradient(slope, own[w], own[l], **rows), auto, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shared", [True, False])
def test_the_loss_of_a_data_set_and_its_gradient(shared: bool) -> None:
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, (3, 4, 4))
    theta = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    phi = torch.tensor(rng.normal(size=4 if shared else (3, 4)), requires_grad=True)
    log_pi, log_z = torch.log_softmax(theta, -1), torch.log_softmax(phi, -1)
    total: Any = 0
    for x, w, l in product(range(3), range(4), range(4)):  # noqa: E741
        z = log_z if shared else log_z[x]
        gap = 0.5 * (log_pi[x, w] - z[w] - log_pi[x, l] + z[l])
        total = total - counts[x, w, l] * torch.nn.functional.logsigmoid(gap)
    total = total / counts.sum()
    logits, prior = theta.detach().numpy(), phi.detach().numpy()
    assert mi_dpo.loss(logits, prior, counts, alpha=0.5) == pytest.approx(total.item(), rel=1e-13)
    by_policy, by_prior = torch.autograd.grad(total, (theta, phi))
    closed = mi_dpo.loss_gradient(logits, prior, counts, alpha=0.5)
    np.testing.assert_allclose(closed, by_policy.numpy(), atol=1e-14)
    np.testing.assert_allclose(-(closed.sum(0) if shared else closed), by_prior.numpy(), atol=1e-14)


def test_exact_numbers_stay_exact() -> None:
    policy, prior = EXACT.log_weights(np.array([[1, 3], [2, 5]])), EXACT.log_weights(np.array([1, 2]))
    counts = EXACT.number(np.array([[[0, 1], [2, 0]], [[0, 0], [1, 0]]]))
    value = mi_dpo.loss(policy, prior, counts)
    plain = mi_dpo.loss(np.log([[1, 3], [2, 5]]), np.log([1, 2]), [[[0, 1], [2, 0]], [[0, 0], [1, 0]]])
    from didlab.exact import LogForm, to_arb

    assert isinstance(value, LogForm)
    assert float(to_arb(value)) == pytest.approx(float(plain), rel=1e-14)
    gradient = mi_dpo.loss_gradient(policy, prior, counts)
    assert all(isinstance(g, fmpq) for g in gradient.flat)
    assert all(sum(row, fmpq(0)) == 0 for row in gradient)


def graphs(k: int) -> list[np.ndarray]:
    cells = [(i, j) for i in range(k) for j in range(k) if i != j]
    out = []
    for bits in product((0, 1), repeat=len(cells)):
        table = np.zeros((k, k), dtype=int)
        for (i, j), bit in zip(cells, bits, strict=True):
            table[i, j] = bit
        if table.any():
            out.append(table)
    return out


@pytest.mark.parametrize("k", [2, 3])
def test_cycles_and_escapes_of_all_small_data_sets(k: int) -> None:
    rng = np.random.default_rng(0)
    for table in graphs(k):
        step = np.linalg.matrix_power(table + np.eye(k, dtype=int), k) > 0
        on = (table == 0) | step.T
        np.testing.assert_array_equal(mi_dpo.on_cycles(table), on)
        move = mi_dpo.escape(table).astype(float)
        assert all(move[i] >= move[j] for i, j in zip(*np.nonzero(table), strict=True))
        for logits in rng.normal(scale=3, size=(5, 1, k)):
            before, after = (mi_dpo.loss(logits + t * move, np.zeros(k), table[None]) for t in (0, 1))
            assert after < before if not on.all() else after == pytest.approx(before, rel=1e-12)


def test_where_the_pairs_connect_the_minimum_exists_as_for_dpo() -> None:
    for table in graphs(3):
        connected = (np.linalg.matrix_power(table + table.T + np.eye(3, dtype=int), 3) > 0).all()
        if connected:
            found = existence(PopulationLoss(objectives.get("dpo"), weights=table))
            assert found.attained == mi_dpo.on_cycles(table).all()


def test_a_change_of_the_prior_is_undone_by_the_policy() -> None:
    rng = np.random.default_rng(4)
    policy, prior, other = log_probabilities(rng.normal(size=(2, 3))), rng.normal(size=3), rng.normal(size=3)
    counts = rng.integers(1, 4, (2, 3, 3))
    moved = policy - prior + other
    assert mi_dpo.loss(moved, other, counts) == pytest.approx(mi_dpo.loss(policy, prior, counts), rel=1e-13)


BAD = [
    (lambda: mi_dpo.value([0.0], [0.0], [-np.inf], [0.0]), "chosen_prior"),
    (lambda: mi_dpo.value([0.0], [0.0], [0.0], [0.0], alpha=0.0), "alpha"),
    (lambda: mi_dpo.value([0.0, 1.0], [0.0], [0.0], [0.0]), "rejected"),
    (lambda: mi_dpo.gradient([1.0], [[1.0]], [[1.0]], chosen_prior=[[1.0]]), "rejected_prior"),
    (lambda: mi_dpo.gradient([1.0, 2.0], [[1.0]], [[1.0]]), "chosen"),
    (lambda: mi_dpo.loss([[0.0, 0.0]], [0.0, 0.0], [[[0, 0], [0, 0]]]), "counts"),
    (lambda: mi_dpo.loss([[0.0, 0.0]], [0.0, 0.0], [[[0, -1], [2, 0]]]), "counts"),
    (lambda: mi_dpo.loss([[0.0, 0.0]], [0.0, 0.0], [[0, 1], [1, 0]]), "counts"),
    (lambda: mi_dpo.margins([[0.0, 0.0]], [0.0, 0.0, 0.0]), "prior"),
    (lambda: mi_dpo.on_cycles([[np.nan, 0], [0, 0]]), "counts"),
]


@pytest.mark.parametrize(("call", "name"), BAD)
def test_bad_arguments_are_named(call: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        call()
