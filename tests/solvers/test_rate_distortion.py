"""Rate-distortion: proven bounds against balls, every route to the optimum, degenerate rewards, the frontier."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from didlab.conditional import expected_reward, information, optimal_policy, optimal_value
from didlab.errors import DidlabError
from didlab.solvers.rate_distortion import (
    certify,
    frontier,
    place,
    problem,
    rate_distortion,
    rate_distortion_path,
)
from didlab.solvers.rate_distortion import exponential as proven
from didlab.solvers.rate_distortion.blahut_arimoto import accelerated, plain
from didlab.solvers.rate_distortion.bounds import look
from didlab.solvers.rate_distortion.interior import interior
from didlab.solvers.rate_distortion.newton import finish
from didlab.solvers.rate_distortion.tables import KINDS, reward_table

GAP = 1e-12


def hard_tables():
    rng = np.random.default_rng(1)
    x, y = np.linspace(0, 1, 24)[:, None], np.linspace(0, 1, 60)[None]
    yield "smooth, nearly singular", -10 * (x - y) ** 2, None
    yield "kinks", -10 * abs(x - y), None
    yield "ties everywhere", rng.integers(0, 2, (20, 40)).astype(float), None
    yield "all equal", np.zeros((3, 4)), None
    yield "identity", np.eye(9), None
    yield "ties but for 1e-13", np.eye(9) + 1e-13 * rng.normal(size=(9, 9)), None
    yield "tiny weights", rng.normal(size=(8, 12)), 10.0 ** rng.uniform(-60, 0, 8)
    yield "zero weights", rng.normal(size=(8, 12)), np.where(np.arange(8) % 2, 0.0, 1.0 + np.arange(8))
    yield "one prompt", rng.normal(size=(1, 5)), None
    yield "two responses", rng.normal(size=(12, 2)), None
    yield "rank one", rng.normal(size=(12, 1)) * rng.normal(size=(1, 30)), None
    yield "heavy tails", rng.standard_cauchy((12, 20)), None
    yield "huge", 1e50 * rng.normal(size=(4, 5)), None
    yield "offsets", rng.normal(size=(6, 9)) + 1e8 * rng.normal(size=(6, 1)), None
    yield "nearly equal columns", np.repeat(rng.normal(size=(8, 8)), 3, 1) - np.tile([0, 1e-15, 1e-9], 8), None


def test_the_exponential_is_within_its_proven_error():
    rng = np.random.default_rng(0)
    r = np.concatenate([rng.normal(size=2000) * 10.0 ** rng.uniform(-9, 2.5, 2000), [0.0, 1e-300, -1e-300, -1e90]])
    p = problem(np.stack([r, np.zeros_like(r)]))
    worst = 0.0
    for beta in (0.1, 1.0, 3.7, 50.0):
        table = p.at(beta).table
        with ctx.workprec(200):
            for row, top, values in zip(p.rewards[:, p.kept], p.rewards.max(1), table, strict=True):
                for x, value in zip(row.tolist(), values.tolist(), strict=True):
                    exact = (arb(beta) * (arb(x) - arb(float(top)))).exp()
                    if value == 0:
                        assert exact < proven.TINY
                    else:
                        worst = max(worst, float((abs(arb(value) - exact) / exact).upper()))
    assert 0 < worst <= proven.RELATIVE


def test_the_two_parts_of_log_2():
    with ctx.workprec(200):
        assert abs(arb(proven.C1) + arb(proven.C2) - arb(2).log()) < 2.0**-86
    assert (proven.C1 * 2**32).is_integer()


def balls_of(kernel, support, q):
    """Value, upper bound and gap of `look`, in balls."""
    p = kernel.problem
    rows, weights = p.rewards[p.seen], p.prompts[p.seen]
    total = sum((arb(float(w)) for w in weights), arb(0))
    top = [arb(float(row.max())) for row in rows]
    table = [
        [(arb(kernel.beta) * (arb(float(x)) - t)).exp() for x in row[p.kept]] for row, t in zip(rows, top, strict=True)
    ]
    mass = sum((arb(float(x)) for x in q), arb(0))
    z = [sum((row[j] * arb(float(x)) for j, x in zip(support, q, strict=True)), arb(0)) / mass for row in table]
    share = [arb(float(w)) / total for w in weights]
    g = [sum((s * row[y] / a for s, row, a in zip(share, table, z, strict=True)), arb(0)) for y in range(len(table[0]))]
    largest = g[0]
    for x in g[1:]:
        largest = largest.max(x)
    value = sum((s * (t + a.log() / kernel.beta) for s, t, a in zip(share, top, z, strict=True)), arb(0))
    return value, value + largest.log() / kernel.beta, largest.log()


@settings(max_examples=60)
@given(
    st.integers(1, 6), st.integers(2, 7), st.integers(0, 10**6), st.floats(-2, 2), st.floats(-3, 4),
    st.sampled_from(["normal", "integers", "wide"]),
)
def test_the_bounds_contain_the_balls_at_any_prior(prompts, responses, seed, log_beta, log_scale, kind):
    rng = np.random.default_rng(seed)
    r = rng.normal(size=(prompts, responses))
    r = np.round(r) if kind == "integers" else r * (10.0**log_scale if kind == "wide" else 1.0)
    kernel = problem(r, rng.exponential(size=prompts)).at(10.0**log_beta)
    support = np.arange(kernel.table.shape[1])
    q = rng.exponential(size=len(support))  # not normalised
    at = look(kernel, support, q)
    with ctx.workprec(120):
        value, upper, gap = balls_of(kernel, support, q)
        assert at.lower <= value and upper <= at.upper and gap <= at.gap
        assert at.gap - gap < 1e-13 * (1 + gap)
    assert at.upper - at.lower < at.gap / kernel.beta * 1.01 + 1e-12 * (1 + abs(at.lower) + 1 / kernel.beta)


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_is_certified_everywhere(kind):
    betas = np.geomspace(0.1, 50, 40)
    path = rate_distortion_path(reward_table(kind, 32, 96, seed=0), betas)
    assert max(s.gap for s in path) <= GAP and max(s.upper - s.lower for s in path) <= GAP
    for solution, ball in zip(path[::8], certify(path[::8]), strict=True):
        assert ball.gap.upper() <= GAP
        assert solution.lower <= ball.value.lower() and ball.upper.upper() <= solution.upper
        assert solution.bounds[:, 0].max() <= solution.upper and solution.bounds[:, 1].min() >= solution.lower


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_the_large_paths_are_certified(kind, seed):
    path = rate_distortion_path(reward_table(kind, 64, 256, seed=seed), np.geomspace(0.1, 50, 200))
    assert max(s.gap for s in path) <= GAP and max(s.upper - s.lower for s in path) <= GAP
    assert max(float(b.gap.upper()) for b in certify(path)) <= GAP


@pytest.mark.parametrize(("name", "rewards", "prompts"), list(hard_tables()), ids=[n for n, _, _ in hard_tables()])
def test_degenerate_tables(name, rewards, prompts):
    betas = np.geomspace(1e-3, 1e4, 15)
    path = rate_distortion_path(rewards, betas, prompts=prompts)
    alone = [rate_distortion(rewards, beta, prompts=prompts) for beta in betas[::5]]
    assert max(s.gap for s in (*path, *alone)) <= GAP
    for s, ball in zip(path[::5], certify(path[::5]), strict=True):
        assert s.lower <= ball.value.lower() and ball.upper.upper() <= s.upper
        weights = np.ones(len(rewards)) if prompts is None else prompts
        if np.abs(rewards).max() < 1e3:  # the policy attains what is promised
            policy = s.policy()
            gain = expected_reward(weights, policy, rewards) - information(weights, policy) / s.beta
            assert gain >= s.lower - 1e-12 * (1 + 1 / s.beta) * (1 + abs(s.lower))


def test_equal_responses_share_and_others_vanish():
    found = rate_distortion([[1.0, 0.0, 1.0, 0.3], [0.0, 1.0, 0.0, 0.3]], 5.0)
    assert found.prior == pytest.approx([0.25, 0.5, 0.25, 0.0], abs=1e-12)
    assert found.prior[3] == 0 and found.support.tolist() == [0, 1, 2]
    assert found.policy()[:, 3].tolist() == [0.0, 0.0]


def test_prompts_of_weight_0_do_not_count():
    r = np.random.default_rng(3).normal(size=(5, 6))
    some = rate_distortion(r, 2.0, prompts=[1.0, 0.0, 2.0, 0.0, 3.0])
    fewer = rate_distortion(r[[0, 2, 4]], 2.0, prompts=[1.0, 2.0, 3.0])
    assert some.lower <= fewer.upper and fewer.lower <= some.upper
    assert some.policy().shape == (5, 6)


def test_the_order_of_betas_does_not_matter_to_the_optimum():
    r = np.random.default_rng(4).normal(size=(6, 9))
    up = rate_distortion_path(r, [0.5, 2.0, 8.0])
    down = rate_distortion_path(r, [8.0, 2.0, 0.5])
    assert [s.beta for s in down] == [8.0, 2.0, 0.5]
    for a, b in zip(up, reversed(down), strict=True):
        assert a.lower == b.lower and (a.prior == b.prior).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beta", [0.3, 3.0, 30.0])
def test_every_route_finds_the_same_optimum(kind, beta):
    kernel = problem(reward_table(kind, 16, 40, seed=1)).at(beta)
    k = kernel.table.shape[1]
    uniform = np.full(k, 1 / k)
    routes = {
        "newton": finish(kernel, uniform, aim=1e-13),
        "interior": interior(kernel, aim=1e-10),
        "accelerated": accelerated(kernel, uniform, aim=1e-10, steps=300),
        "plain": plain(kernel, uniform, aim=1e-10, steps=300),
    }
    highest = min(at.upper for _, at, _ in routes.values())
    for _, at, trace in routes.values():
        assert at.lower <= highest
        assert all(t.lower <= highest and t.upper >= routes["newton"][1].lower for t in trace)
    assert routes["newton"][1].gap <= GAP and routes["interior"][1].gap <= 1e-6
    _, at, _ = finish(kernel, np.where(routes["interior"][0] > 1e-7, routes["interior"][0], 0), aim=1e-13)
    assert at.gap <= GAP
    lower = [t.lower for t in routes["plain"][2]]
    assert np.diff(lower).min() >= -1e-12  # the objective never falls
    assert routes["accelerated"][1].gap <= max(routes["plain"][1].gap, 1e-10)


def test_what_backs_newton_up_is_reached(monkeypatch):
    from didlab.solvers.rate_distortion import solve

    calls = []

    def late(kernel, q, *, aim, steps=100):
        calls.append(q)
        return finish(kernel, q, aim=aim, steps=steps if len(calls) == allowed else 1)

    def useless(kernel, *, aim):
        return np.ones(kernel.table.shape[1]), *interior(kernel, aim=aim, steps=0)[1:]

    monkeypatch.setattr(solve, "finish", late)
    r = reward_table("random", 16, 40, seed=0)
    for allowed, route in ((2, "interior"), (3, "accelerated")):
        calls.clear()
        found = rate_distortion(r, 3.0)
        assert found.route == route and found.gap <= GAP and len(calls) == allowed
        monkeypatch.setattr(solve, "interior", useless)


def test_plain_blahut_arimoto_is_slow_where_a_response_vanishes_by_little():
    kernel = problem([[1.0, 0.0, 0.5 - 1e-4], [0.0, 1.0, 0.5 - 1e-4]]).at(0.01)
    assert plain(kernel, np.ones(3) / 3, aim=GAP, steps=5000, every=1000)[1].gap > 1e-9
    assert finish(kernel, np.ones(3) / 3, aim=1e-13)[1].gap < GAP


def test_no_fixed_prior_does_better():
    rng = np.random.default_rng(5)
    r, w = rng.normal(size=(6, 8)), rng.exponential(size=6)
    for beta in (0.5, 2.0, 10.0):
        best = rate_distortion(r, beta, prompts=w)
        for _ in range(50):
            prior = rng.dirichlet(np.full(8, 0.3)) + 1e-12
            assert optimal_value(w, r, prior, beta=beta) <= best.upper
            policy = optimal_policy(r, prior, beta=beta)
            gain = expected_reward(w, policy, r) - information(w, policy) / beta
            assert gain <= best.upper + 1e-14
        assert optimal_value(w, r, best.prior, beta=beta) == pytest.approx(best.lower, abs=1e-12)


def test_the_frontier_holds_every_policy_down():
    rng = np.random.default_rng(6)
    r, w = rng.normal(size=(5, 7)), rng.exponential(size=5)
    path = rate_distortion_path(r, np.geomspace(0.05, 100, 150), prompts=w)
    at = np.array([place(r, rng.dirichlet(np.full(7, 0.2), size=5), prompts=w) for _ in range(300)])
    assert (at[:, 1] <= frontier(path, at[:, 0])[1]).all()
    low, high = frontier(path, np.linspace(0, 1.5, 40))
    assert (high - low).max() < 0.02 and (low <= high).all() and (np.diff(low) >= 0).all()
    assert np.diff(low, 2).max() < 1e-12
    best = place(r, np.eye(7)[r.argmax(1)], prompts=w)
    assert high[-1] == pytest.approx(best.reward)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([[1.0], [2.0]], 1.0), "rewards"),  # one response
        (([1.0, 2.0], 1.0), "rewards"),
        (([[1.0, np.nan]], 1.0), "rewards"),
        (([[1.0, -np.inf]], 1.0), "rewards"),
        (([[1.0, 2.0]], 0.0), "beta"),
        (([[1.0, 2.0]], -1.0), "beta"),
        (([[1.0, 2.0]], np.inf), "beta"),
        (([[1.0, 2.0]], "1"), "beta"),
    ],
)
def test_bad_input_is_named(arguments, name):
    with pytest.raises(DidlabError, match=f"`{name}`"):
        rate_distortion(*arguments)


@pytest.mark.parametrize("prompts", [[0.0, 0.0], [1.0, -1.0], [1.0], [1.0, np.nan], [1.0, 1e-200]])
def test_bad_weights_are_named(prompts):
    with pytest.raises(DidlabError, match="`prompts`"):
        rate_distortion(np.eye(2), 1.0, prompts=prompts)


def test_other_bad_input_is_named():
    for betas in ([], [[1.0]], ["a"], [1.0, -1.0]):
        with pytest.raises(DidlabError, match="`betas`"):
            rate_distortion_path(np.eye(2), betas)
    for gap in (0.0, np.ones(2)):
        with pytest.raises(DidlabError, match="`gap`"):
            rate_distortion(np.eye(2), 1.0, gap=gap)
    with pytest.raises(DidlabError, match="`path`"):
        frontier([], [0.1])
    for rates in ([-0.1], ["a"], [[0.1], [0.1, 0.2]]):
        with pytest.raises(DidlabError, match="`rates`"):
            frontier([rate_distortion(np.eye(2), 1.0)], rates)
    with pytest.raises(DidlabError, match="`precision`"):
        certify([rate_distortion(np.eye(2), 1.0)], precision=10)
    with pytest.raises(DidlabError, match="`kind`"):
        reward_table("other", 4, 8, seed=0)


def test_an_exponential_cone_solver_agrees():
    cp = pytest.importorskip("cvxpy")
    r, beta = reward_table("random", 6, 10, seed=2), 2.0
    q = cp.Variable(10, nonneg=True)
    value = cp.sum(cp.log(np.exp(beta * r) @ q)) / 6 / beta
    best = cp.Problem(cp.Maximize(value), [cp.sum(q) == 1]).solve(solver=cp.CLARABEL)
    found = rate_distortion(r, beta)
    assert found.lower - 1e-7 <= best <= found.upper + 1e-7
