"""The learnable prior: what a joint optimum determines, where descent ends, and what a tied prior attains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from didlab.conditional import optimal_policy
from didlab.errors import DidlabError
from didlab.experiments.mi_formulations import population
from didlab.objectives.mi_dpo import loss, loss_gradient
from didlab.policies import log_probabilities
from didlab.solvers.learnable_prior import Pair, alternate, best_ratio, limit_of_descent, minimise_in_box
from didlab.solvers.rate_distortion import rate_distortion
from didlab.solvers.tied_prior import minimise_tied, tied_prior

ALPHA = 0.5


def slowest(r):
    """The least curvature of the loss at its minimum, by the policy's logits of one prompt, constants aside."""
    gap = r[:, :, None] - r[:, None, :]
    bend = ALPHA**2 / (2 + 2 * np.cosh(gap)) * (1 - np.eye(r.shape[1])) / population(r).sum()
    return min(np.linalg.eigvalsh(np.diag(b.sum(1)) - b)[1] for b in bend)


def table(seed, prompts=4, responses=3):
    return np.random.default_rng(seed).normal(size=(prompts, responses))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 5), st.floats(0.1, 3))
def test_the_best_ratio_is_the_reward(seed, prompts, responses, alpha):
    r = table(seed, prompts, responses)
    h = best_ratio(population(r), alpha=alpha)
    assert np.abs(alpha * h - (r - r.mean(1, keepdims=True))).max() <= 1e-9
    assert np.abs(loss_gradient(h, np.zeros(responses), population(r), alpha=alpha)).max() <= 1e-13


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_a_joint_optimum_fixes_the_ratio_and_nothing_else(seed):
    """Every prior is part of a joint optimum: the least loss over policies is the same for all of them."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, size=(3, 4, 4)).astype(float)  # every two responses beat one another
    h = best_ratio(counts, alpha=ALPHA)
    least = loss(h, np.zeros(4), counts, alpha=ALPHA)
    for _ in range(3):
        prior = rng.dirichlet(np.ones(4)) + 1e-9
        policy = optimal_policy(h, prior, beta=1.0)
        assert loss(np.log(policy), np.log(prior), counts, alpha=ALPHA) == pytest.approx(least, abs=1e-12)
        assert least <= loss(rng.normal(size=(3, 4)), rng.normal(size=4), counts, alpha=ALPHA) + 1e-12


def test_responses_that_never_met_keep_the_least_norm():
    counts = np.zeros((1, 4, 4))
    counts[0, 0, 1], counts[0, 1, 0], counts[0, 2, 3], counts[0, 3, 2] = 3, 1, 1, 3
    h = best_ratio(counts, alpha=1.0)
    assert h[0] == pytest.approx(np.log(3) / 2 * np.array([1, -1, -1, 1]), abs=1e-9)


def test_a_pair_on_no_cycle_has_no_minimum_but_a_box_has():
    counts = [[[0.0, 2.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]]
    with pytest.raises(DidlabError, match="cycle"):
        best_ratio(counts)
    for prior in (None, [0.0, 0.0]):
        values = [minimise_in_box(counts, bound=b, prior=prior).loss for b in (1.0, 5.0, 20.0)]
        assert values[0] > values[1] > values[2]  # falls forever towards that of the second prompt
        assert values[-1] == pytest.approx(np.log(2) / 2, abs=1e-6)


def test_in_a_box_the_joint_optimum_can_be_strictly_better():
    counts = [[[0.0, 2.0], [0.0, 0.0]]]
    fixed = minimise_in_box(counts, bound=2.0, prior=[0.0, 0.0])
    both = minimise_in_box(counts, bound=2.0)
    assert fixed.loss == pytest.approx(np.log1p(np.exp(-4)), abs=1e-12)
    assert both.loss == pytest.approx(np.log1p(np.exp(-8)), abs=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.booleans())
def test_the_gap_in_a_box_holds_every_point_up(seed, fixed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.7, size=(2, 3, 3)).astype(float)
    counts[0, 0, 1] += 1
    prior = rng.normal(size=3) if fixed else None
    found = minimise_in_box(counts, bound=2.0, alpha=ALPHA, prior=prior)
    assert 0 <= found.gap <= 1e-6
    for _ in range(30):
        other = rng.uniform(-2, 2, size=3) if prior is None else prior
        assert found.loss - found.gap <= loss(rng.uniform(-2, 2, size=(2, 3)), other, counts, alpha=ALPHA)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.2, 3))
def test_gradient_flow_ends_where_its_start_says(seed, rho):
    rng = np.random.default_rng(seed)
    r = table(seed, 3, 3)
    counts, start = population(r), Pair(rng.normal(size=r.shape), rng.normal(size=3))

    def velocity(_, theta):
        g = loss_gradient(theta[:9].reshape(3, 3), theta[9:], counts, alpha=ALPHA)
        return np.append(-g.ravel(), rho * g.sum(0))

    first = np.append(start.policy.ravel(), start.prior)
    path = solve_ivp(velocity, (0, 40 / slowest(r)), first, method="LSODA", rtol=1e-10, atol=1e-12)
    end = limit_of_descent(best_ratio(counts, alpha=ALPHA), start, ratio_of_rates=rho)
    # what is left of the slowest mode is exp(-40); the integrator's error stays
    assert np.abs(path.y[:, -1] - np.append(end.policy.ravel(), end.prior)).max() <= 1e-6
    kept = rho * start.policy.sum(0) + start.prior
    assert np.abs(rho * end.policy.sum(0) + end.prior - kept).max() <= 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_steps_in_turn_never_climb_and_end_at_the_best_ratio(seed):
    rng = np.random.default_rng(seed)
    r = table(seed)
    start = Pair(rng.normal(size=r.shape), rng.normal(size=3))
    steps = int(20 / (8.0 * slowest(r)))
    way = alternate(population(r), start, alpha=ALPHA, rate=8.0, steps=steps, ratio_of_rates=0.5)
    assert np.diff(way.loss).max() <= 1e-15
    h = way.policy[-1] - way.prior[-1]
    off = np.abs(h - h.mean(1, keepdims=True) - best_ratio(population(r), alpha=ALPHA))
    assert off.max() <= 1e-5  # exp(-20) of the slowest mode, whose size at the start is below 1e3


def test_two_starts_end_at_two_policies_of_equal_loss():
    r = table(0)
    ends = [
        alternate(population(r), Pair(rng.normal(size=r.shape), rng.normal(size=3)), alpha=ALPHA, rate=8.0, steps=500)
        for rng in map(np.random.default_rng, (1, 2))
    ]
    assert ends[0].loss[-1] == pytest.approx(ends[1].loss[-1], abs=1e-12)
    apart = np.exp(log_probabilities(ends[0].policy[-1])) - np.exp(log_probabilities(ends[1].policy[-1]))
    assert np.abs(apart).max() > 0.05


@pytest.mark.parametrize("seed", range(6))
def test_a_tied_prior_attains_the_minimum_exactly_where_rate_distortion_is_positive(seed):
    seen = set()
    for beta in (1.0, 4.0, 12.0):
        r = table(seed, 6, 3)
        counts = population(r)
        h = best_ratio(counts, alpha=1 / beta)
        least = loss(h, np.zeros(3), counts, alpha=1 / beta)
        found, best = minimise_tied(counts, np.ones(6), alpha=1 / beta, starts=4), rate_distortion(r, beta)
        whole = len(best.support) == 3
        assert (found.loss - least <= 1e-12) == whole
        if whole:
            assert np.abs(np.exp(found.pair.prior) - best.prior).max() <= 1e-4
        seen.add(whole)
    assert seen == ({True} if seed == 5 else {True, False})  # both sides are compared


def test_the_gradient_of_the_tied_loss():
    """Against differences, through the line search's own end: the gradient vanishes there."""
    counts, p = population(table(3)), np.array([0.1, 0.2, 0.3, 0.4])
    found = minimise_tied(counts, p, alpha=ALPHA, starts=2)
    here = found.pair.policy
    for direction in np.random.default_rng(0).normal(size=(5, *here.shape)):
        values = [loss(*tied_prior(here + t * direction, p), counts, alpha=ALPHA) for t in (-1e-3, 0.0, 1e-3)]
        assert min(values[0], values[2]) >= values[1] - 1e-12
    marginal = np.log(p @ np.exp(log_probabilities(here)))
    assert found.pair.prior == pytest.approx(marginal, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "name"),
    [([[0.0, 1.0]], "counts"), ([[[0.0, -1.0], [0.0, 0.0]]], "counts"), ([[[1.0, 0.0], [0.0, 1.0]]], "counts")],
)
def test_bad_counts_are_named(counts, name):
    for call in (best_ratio, lambda n: minimise_in_box(n, bound=1.0), lambda n: minimise_tied(n, [1.0])):
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call(counts)


def test_other_bad_input_is_named():
    good = [[[0.0, 1.0], [1.0, 0.0]]]
    start = Pair(np.zeros((1, 2)), np.zeros(2))
    cases = {
        "alpha": lambda: best_ratio(good, alpha=0.0),
        "bound": lambda: minimise_in_box(good, bound=-1.0),
        "prior": lambda: minimise_in_box(good, bound=1.0, prior=[0.0]),
        "prompts": lambda: minimise_tied(good, [0.0]),
        "starts": lambda: minimise_tied(good, [1.0], starts=0),
        "rate": lambda: alternate(good, start, alpha=1.0, rate=0.0, steps=1),
        "ratio_of_rates": lambda: limit_of_descent([[1.0, -1.0]], start, ratio_of_rates=0.0),
        "start": lambda: limit_of_descent([[1.0, -1.0, 0.0]], start),
    }
    for name, call in cases.items():
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()
