"""What the entries on Mutual Information DPO rest on: the kinds they draw from, and their findings in plain numbers."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from didlab.claims.mi_alternation import excess, mixed_in
from didlab.claims.mi_box import after, both_ways, clipped, fixed, joint
from didlab.claims.mi_normaliser import jacobian, prior_jacobian, raw_prior
from didlab.claims.mi_rate import greedy, nested, step
from didlab.conditional import information, marginal, optimal_policy, regularised_objective
from didlab.engine.channels import Channels, FixedPoints, Gains
from didlab.engine.comparisons import Preferences
from didlab.engine.instances import draw, lifted, shapes
from didlab.engine.kinds import Policies, few
from didlab.engine.lifts import EXACT, FLOAT
from didlab.objectives import mi_dpo

KINDS = {
    "channels": Channels("policy", "other", priors=("prior",)),
    "full support": Channels("policy", priors=("prior",), zeros=False),
    "gains": Gains(),
    "fixed points": FixedPoints(beyond=True),
    "optimal": FixedPoints(),
    "preferences": Preferences(),
    "cyclic": Preferences(cyclic=True),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("plain", [False, True])
def test_drawn_instances_are_of_their_kind_and_lift(name: str, plain: bool) -> None:
    kind = KINDS[name]
    for shape in shapes((kind,)):
        batch = draw((kind,), np.random.default_rng(0), 300, shape, plain=plain)
        assert len(batch) > 100
        assert np.broadcast_to(kind.valid(batch.raw), (len(batch),)).all()
        floats, exact = (lifted((kind,), batch.take(np.arange(20)).raw, to) for to in (FLOAT, EXACT))
        for key, value in floats.items():
            assert np.shape(value) == np.shape(exact[key])
            assert np.isfinite(value).all()
        for f in kind.fields:
            assert batch.raw[f.name].min() >= f.low
            assert batch.raw[f.name].max() <= f.high


def test_channels_reach_every_hard_class() -> None:
    kind = KINDS["channels"]
    labels = draw((kind,), np.random.default_rng(1), 2000, {"X": 2, "K": 3}).labels
    hard = {"deterministic", "equal rows", "duplicated responses", "zeros", "unused response", "prior is the marginal"}
    assert hard <= set(labels)


def test_fewer_sizes_leave_the_kind_itself_alone() -> None:
    kind = Policies("policy")
    assert few(kind, K=(2,)).sizes == {"K": (2,)}
    assert kind.sizes == {"K": (2, 3, 4, 5, 6)}


def test_fixed_points_are_fixed_and_the_optimal_ones_optimal() -> None:
    rng = np.random.default_rng(2)
    for name in ("fixed points", "optimal"):
        for shape in ({"X": 2, "K": 3}, {"X": 3, "K": 2}):
            batch = draw((KINDS[name],), rng, 200, shape)
            got = lifted((KINDS[name],), batch.raw, FLOAT)
            rho, policy, reward, beta = (got[k] for k in ("prompts", "policy", "reward", "beta"))
            np.testing.assert_allclose(step(rho, policy, reward, beta), policy, atol=1e-9)
            slope = excess(rho, policy, reward, beta)
            used = marginal(rho, policy) > 0
            np.testing.assert_allclose(slope[used], 1, rtol=1e-9)
            if name == "optimal":
                assert slope.max() < 1 + 1e-9
                continue
            above = slope.max(-1) > 1 + 1e-6
            assert above.any()
            better = nested(rho, mixed_in(rho, policy, reward, beta, slope), reward, beta)
            assert (better > nested(rho, policy, reward, beta))[above].all()


def test_cyclic_preferences_lie_on_cycles_and_others_need_not() -> None:
    rng = np.random.default_rng(3)
    for name, always in (("cyclic", True), ("preferences", False)):
        counts = draw((KINDS[name],), rng, 400, {"X": 2, "K": 3}).raw["counts"]
        assert mi_dpo.on_cycles(counts).all((-1, -2, -3)).all() == always


def blahut_arimoto(rho: list[Any], reward: Any, beta: Any, rounds: int = 400) -> tuple[Any, Any]:
    """The value and the policy after many rounds, in mpmath."""
    k = len(reward[0])
    m, rows = [mp.mpf(1) / k] * k, []
    for _ in range(rounds):
        rows = []
        for r in reward:
            w = [q * mp.exp(beta * v) for q, v in zip(m, r, strict=True)]
            rows.append([x / mp.fsum(w) for x in w])
        m = [mp.fsum(p * row[y] for p, row in zip(rho, rows, strict=True)) for y in range(k)]
    gain = mp.fsum(p * row[y] * r[y] for p, row, r in zip(rho, rows, reward, strict=True) for y in range(k))
    rate = mp.fsum(p * row[y] * mp.log(row[y] / m[y]) for p, row in zip(rho, rows, strict=True) for y in range(k))
    return gain - rate / beta, rows


@pytest.mark.parametrize("seed", range(5))
def test_the_upper_bound_closes_on_what_the_alternation_reaches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rho, reward = rng.dirichlet(np.ones(3)), rng.normal(size=(3, 3))
    with mp.workdps(30):
        value, rows = blahut_arimoto([mp.mpf(x) for x in rho], [[mp.mpf(x) for x in r] for r in reward], mp.mpf(2))
    policy = np.array([[float(x) for x in row] for row in rows])
    beta = np.array([2.0])
    assert float(value) == pytest.approx(nested(rho, policy, reward, beta), rel=1e-10)
    slope = excess(rho, policy, reward, beta)
    bound = nested(rho, policy, reward, beta) + np.log(slope.max()) / 2
    assert -1e-12 < bound - float(value) < 1e-3
    others = rng.dirichlet(np.ones(3), size=(300, 3))
    values = [nested(rho, p, reward, beta) for p in others]
    assert max(values) < bound + 1e-12


def test_the_printed_optimum_after_eq_3_is_beaten() -> None:
    """Two responses, a uniform reference, r = (0, log 2), beta = 2: 1 : sqrt 2 is printed, 1 : 4 is the optimum."""
    reward, beta = [0, mp.log(2)], mp.mpf(2)

    def value(odds: Any) -> Any:
        p = [1 / (1 + odds), odds / (1 + odds)]
        return mp.fsum(a * (r - mp.log(2 * a) / beta) for a, r in zip(p, reward, strict=True))

    assert value(mp.mpf(4)) > value(mp.sqrt(2)) > value(mp.mpf(1))
    best = optimal_policy([[0.0, float(np.log(2))]], [1, 1], beta=2.0)
    np.testing.assert_allclose(best, [[0.2, 0.8]], rtol=1e-14)


def test_a_prior_that_sees_the_prompt_costs_nothing() -> None:
    policy = np.array([[1, 1], [0, 1]])
    assert information([1, 1], policy) > 0.2
    assert regularised_objective([1, 1], policy, np.zeros((2, 2)), policy, beta=1.0) == 0


def test_greedy_is_the_same_response_wherever_one_is_best_for_all() -> None:
    reward = np.array([[1.0, 2.0, 2.0], [3.0, 0.0, 3.0]])
    policy, common = greedy(np.array([0.5, 0.5]), reward)
    np.testing.assert_array_equal(policy, [[0, 0, 1], [0, 0, 1]])
    assert common
    policy, common = greedy(np.array([0.5, 0.5]), np.array([[1.0, 2.0], [2.0, 1.0]]))
    np.testing.assert_array_equal(policy, [[0, 1], [1, 0]])
    assert not common


def test_jacobians_of_a_prior_against_differences() -> None:
    rng = np.random.default_rng(5)
    theta, base, power = rng.normal(size=3), rng.normal(size=3), np.array([0.5, -1.0, 2.0])

    def log_pi(x: Any) -> Any:
        return x - np.log(np.exp(x).sum())

    def at(x: Any, normalise: bool) -> Any:
        return raw_prior(log_pi(x), base, power, normalise=normalise)

    h = 1e-6
    for normalise in (False, True):
        rows = prior_jacobian(log_pi(theta), power, at(theta, True) if normalise else None)
        for i, e in enumerate(np.eye(3)):
            column = (at(theta + h * e, normalise) - at(theta - h * e, normalise)) / (2 * h)
            np.testing.assert_allclose(rows[:, i], column, atol=1e-8)
    np.testing.assert_allclose(jacobian(log_pi(theta)).sum(-1), 0, atol=1e-15)


def test_one_step_of_the_policy_reaches_the_joint_infimum() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(6)
    reward = rng.normal(size=(1, 3))
    counts = 1 / (1 + np.exp(-(reward[:, :, None] - reward[:, None, :]))) * (1 - np.eye(3))
    prior = rng.normal(size=3)
    best = np.log(optimal_policy(reward, np.exp(prior), beta=1.0))
    joint = minimize(lambda x: mi_dpo.loss(x[None, :3], x[3:], counts), rng.normal(size=6), method="BFGS")
    assert -1e-7 < mi_dpo.loss(best, prior, counts) - joint.fun < 1e-15
    np.testing.assert_allclose(mi_dpo.loss_gradient(best, prior, counts), 0, atol=1e-14)


@pytest.mark.parametrize(("wins", "losses"), [(1, 0), (1, 1), (3, 2), (1, 5), (9, 1)])
@pytest.mark.parametrize("edge", [0.1, 0.5, 0.9])
def test_clipped_odds_are_the_least_on_a_grid_of_the_box(wins: int, losses: int, edge: float) -> None:
    grid = np.exp(np.linspace(np.log(edge), -np.log(edge), 201))
    n, m = np.array(wins), np.array(losses)
    policy, prior = np.meshgrid(grid, grid, indexing="ij")
    values = both_ways(policy, prior, n, m)
    np.testing.assert_array_less(fixed(edge, grid, n, m) - 1e-14, values.min(0))
    np.testing.assert_allclose(fixed(edge, grid, n, m), values.min(0), atol=1e-3)
    np.testing.assert_allclose(joint(np.array([edge]), n, m)[0], values.min(), atol=1e-3)
    np.testing.assert_allclose(both_ways(grid, after(grid, n, m, edge), n, m), values.min(1), atol=1e-3)
    assert (clipped(grid, n, m, edge) >= edge).all()


def test_a_fixed_prior_may_cost_on_compact_domains() -> None:
    """One pair, log-odds within log 2, never contradicted: jointly log 5/4, with a uniform prior log 3/2."""
    edge, one, none = np.array([0.5]), np.array(1), np.array(0)
    assert joint(edge, one, none)[0] == pytest.approx(np.log(5 / 4), rel=1e-14)
    assert fixed(edge, np.ones(1), one, none)[0] == pytest.approx(np.log(3 / 2), rel=1e-14)
