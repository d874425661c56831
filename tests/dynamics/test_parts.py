"""The parts of the simulator: exponentials and logarithms, draws, problems, JS, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numba import njit

from didlab.did import did_distribution
from didlab.dynamics import Protocol, dpo_pg, normalised, pair_problem, simulate, synthetic_problem, train_plainly
from didlab.dynamics.batch_gradient import batch_gradient
from didlab.dynamics.draws import alias_table, draw_cells, stream_key
from didlab.dynamics.lanes import exp_below, load, log_positive, store
from didlab.dynamics.projected import dpo_pg_direction
from didlab.errors import ArgumentError
from didlab.information import js_divergence
from didlab.objectives import get
from didlab.policies import log_probabilities
from didlab.solvers import PopulationLoss


@njit
def _exp(x, out):
    for i in range(x.shape[0]):
        store(out, i, exp_below(load(x, i)))


@njit
def _log(x, out):
    for i in range(x.shape[0]):
        store(out, i, log_positive(load(x, i)))


def test_exponentials_and_logarithms_are_within_two_ulp():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        (-rng.random(40000) * 700, -rng.random(40000), [0.0, -1e-300, 1.0, 700.0, -5e-17, -700.0, 1e-9, 2.0])
    )
    out = np.empty((len(x) // 8, 8))
    _exp(x.reshape(-1, 8), out)
    assert (np.abs(out.ravel() - np.exp(x)) <= 2 * np.spacing(np.exp(x))).all()
    y = np.concatenate((np.exp(x), 1 + rng.normal(size=8000) * 1e-7, [5e-324 * 2**60] * 8))
    out = np.empty((len(y) // 8, 8))
    _log(y.reshape(-1, 8), out)
    assert (np.abs(out.ravel() - np.log(y)) <= 2 * np.spacing(np.abs(np.log(y)))).all()
    low = np.full((1, 8), -1e5)
    _exp(low, out[:1])
    assert (np.abs(out[0] - np.exp(-700.0)) <= 2 * np.spacing(np.exp(-700.0))).all()  # the lowest exponent


def test_the_alias_table_holds_its_distribution():
    # Each cell holds its own share and what others lend it; keep is rounded to 2^-40.
    w = np.random.default_rng(1).gamma(0.3, size=1024)
    table = alias_table(w)
    keep, other = (table & np.uint64(2**40 - 1)) / 2.0**40, table >> np.uint64(40)
    share = keep / 1024
    np.add.at(share, other, (1 - keep) / 1024)
    assert np.abs(share - w / w.sum()).max() <= 1024 * 2.0**-50


def test_draws_have_the_frequencies_of_the_table_and_do_not_depend_on_their_order():
    table, key = alias_table([1.0, 2.0, 0.0, 5.0]), stream_key(3)
    drawn = np.concatenate([draw_cells(table, key, s, 1000) for s in range(200)])
    frequency = np.bincount(drawn, minlength=4) / len(drawn)
    expected = np.array([1, 2, 0, 5]) / 8
    # six standard deviations of a binomial share: a false alarm once in 5e8
    assert (np.abs(frequency - expected) <= 6 * np.sqrt(expected * (1 - expected) / len(drawn))).all()
    assert np.array_equal(drawn[7000:8000], draw_cells(table, key, 7, 1000))


def test_recorded_js_is_the_core_measure():
    q, c = [synthetic_problem(t, 2) for t in (0.25, 8.0)], [get("log-pi"), get("slic", lam=10.0), get("orpo")]
    goals = np.stack([did_distribution(p.goal, p.reference) for p in q])[:, None]
    for engine in ("numba", "torch"):
        run = simulate(q, c, protocol=Protocol(steps=200, every=100), goals=goals, engine=engine)
        exact = js_divergence(run.logits, np.broadcast_to(goals, run.logits.shape))
        # x = (p - q)/(p + q) carries a few ulp: the relative error of x^2 is about 1e-15 / sqrt(JS)
        assert (np.abs(run.js[..., -1] / exact - 1) <= 1e-14 / np.sqrt(exact)).all()


def test_the_synthetic_problem_is_the_printed_one():
    q = synthetic_problem(4.0, 42, generator="torch")
    rejected = log_probabilities(2 * q.reference - q.goal)
    assert np.abs(q.cells.sum(1) - np.exp(q.reference)).max() <= 1e-15
    assert np.abs(np.log(q.cells.sum(0)) - rejected).max() <= 1e-13
    assert np.abs(np.diff(4 * q.goal - q.reference)).max() <= 1e-14 * 10


def test_a_fixed_data_set_keeps_its_pairs():
    q = synthetic_problem(4.0, 1, pairs=100)
    assert np.count_nonzero(q.cells) <= 100
    assert set(draw_cells(q.table(), q.key, 0, 5000)) <= set(np.flatnonzero(q.cells.ravel()))


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": -1},
        {"batch": 0},
        {"every": 0},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"clip": -1.0},
        {"start": "here"},
        {"dtype": "float16"},
    ],
)
def test_bad_protocols_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        Protocol(**bad)


def test_bad_input_is_refused():
    q, c = synthetic_problem(4.0, 1), get("dpo")
    for call in (
        lambda: synthetic_problem(0.0, 1),
        lambda: synthetic_problem(4.0, -1),
        lambda: synthetic_problem(4.0, 1, size=1),
        lambda: synthetic_problem(4.0, 1, pairs=0),
        lambda: synthetic_problem(4.0, 1, generator="mt"),
        lambda: pair_problem([0.0], [0.0], [0.0], [0.0], seed=1),
        lambda: pair_problem([0.0, np.nan], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], seed=1),
        lambda: simulate([], [c]),
        lambda: simulate([q], []),
        lambda: simulate([q, synthetic_problem(4.0, 1, size=3)], [c]),
        lambda: simulate([q], [c], engine="jax"),
        lambda: simulate([q], [c], workers=0),
        lambda: simulate([q], [c], callback=print, callback_every=0),
        lambda: simulate([q], [len], engine="numba"),
        lambda: simulate([q], ["dpo"]),
        lambda: simulate([q], [lambda w: w]),
        lambda: simulate([q], [lambda w, m, rw, rm: (m - w).mean()]),
        lambda: simulate([q], [lambda w, m, rw, rm: (m - w).detach()]),
        lambda: simulate([q], [lambda w, m, rw, rm: 1.0]),
        lambda: train_plainly(q, lambda w, m, rw, rm: (m - w).sum()),
        lambda: PopulationLoss("dpo", [0.0, 1.0], [1.0, 0.0]),
        lambda: simulate([q], [c], goals=np.zeros(5)),
        lambda: simulate([q], [c], goals=[[1], [1, 2]]),
        lambda: normalised("dpo"),
        lambda: alias_table("a"),
        lambda: simulate([q], [c], engine="numba", protocol=Protocol(dtype="float32")),
        lambda: alias_table([0.0, 0.0]),
        lambda: alias_table([1.0, -1.0]),
    ):
        with pytest.raises(ArgumentError):
            call()


def test_rules_are_finite_where_a_gradient_vanishes():
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    batch_gradient(dpo_pg(), theta, torch.zeros(3), torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2]))
    assert theta.grad.numpy() == pytest.approx([-2 / 3, 1 / 3, 1 / 3])  # every response rejected: nothing to project
    theta = torch.tensor([0.0, 800.0], dtype=torch.float64, requires_grad=True)
    batch_gradient(normalised(), theta, torch.zeros(2), torch.tensor([1]), torch.tensor([1]))
    assert theta.grad.tolist() == [0.0, 0.0]


def test_one_step_of_dpo_pg_is_the_projected_direction():
    # One step of RMSprop from rest moves by rate * d / (0.1 |d| + 1e-8); invert it for d below the clipping norm.
    q, protocol = synthetic_problem(4.0, 6), Protocol(steps=1)
    moved = simulate([q], [dpo_pg()], protocol=protocol).logits[0, 0] - q.reference
    p, cells = np.exp(q.reference), draw_cells(q.table(), q.key, 0, protocol.batch)
    of_w = p - np.bincount(cells // q.size, minlength=q.size) / protocol.batch
    of_l = p - np.bincount(cells % q.size, minlength=q.size) / protocol.batch
    d = dpo_pg_direction(of_w, of_l)
    assert np.abs(moved + protocol.rate * d / (np.sqrt(0.01 * d * d) + 1e-8)).max() <= 1e-12
