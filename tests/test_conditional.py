"""Conditional policies: against plain fractions and mpmath, against the functions of logits, and at the edges."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from didlab import ArgumentError, entropy, kl_divergence, mutual_information, tilt
from didlab.conditional import (
    divergences,
    entropies,
    expected_reward,
    information,
    joint,
    log_partition,
    marginal,
    optimal_policy,
    optimal_value,
    policy_prior,
    policy_prior_optimum,
    regularised_objective,
    variational,
)
from didlab.engine.lifts import EXACT


@st.composite
def channels(draw: st.DrawFn, *, low: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of prompts, of a policy and of a prior, no row of them all 0."""
    x, k = draw(st.integers(1, 4)), draw(st.integers(2, 4))

    def row(n: int) -> list[int]:
        return draw(st.lists(st.integers(low, 9), min_size=n, max_size=n).filter(any))

    return np.array(row(x)), np.array([row(k) for _ in range(x)]), np.array(row(k))


def normal(row: Any) -> list[Fraction]:
    total = sum(map(int, row))
    return [Fraction(int(w), total) for w in row]


def plain_kl(p: list[Fraction], q: list[Fraction]) -> Any:
    if any(b == 0 < a for a, b in zip(p, q, strict=True)):
        return mp.inf
    pairs = [(mp.mpf(a.numerator) / a.denominator, a / b) for a, b in zip(p, q, strict=True) if a]
    return mp.fsum(v * (mp.log(r.numerator) - mp.log(r.denominator)) for v, r in pairs)


def plain_mean(rho: list[Fraction], values: list[Any]) -> Any:
    return mp.fsum(mp.mpf(r.numerator) / r.denominator * v for r, v in zip(rho, values, strict=True) if r)


@given(channels())
def test_marginal_divergences_and_information_are_those_of_fractions(drawn: tuple[np.ndarray, ...]) -> None:
    prompts, policy, prior = drawn
    rho, table, q = normal(prompts), [normal(r) for r in policy], normal(prior)
    m = [sum((r * row[y] for r, row in zip(rho, table, strict=True)), Fraction(0)) for y in range(len(q))]
    np.testing.assert_allclose(marginal(prompts, policy), [float(v) for v in m], rtol=1e-14, atol=0)
    np.testing.assert_allclose(joint(prompts, policy).sum(), 1, rtol=1e-14)
    with mp.workdps(30):
        rows = [plain_kl(row, q) for row in table]
        np.testing.assert_allclose(divergences(policy, prior), [float(v) for v in rows], rtol=1e-12, atol=1e-15)
        g, i = plain_mean(rho, rows), plain_mean(rho, [plain_kl(row, m) for row in table])
        np.testing.assert_allclose(variational(prompts, policy, prior), float(g), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(information(prompts, policy), float(i), rtol=1e-12, atol=1e-15)
        assert mp.isinf(g) or abs(g - i - plain_kl(m, q)) < 1e-25


@given(channels(low=1))
def test_with_full_support_they_are_the_functions_of_logits(drawn: tuple[np.ndarray, ...]) -> None:
    prompts, policy, prior = drawn
    logits = [np.log(x) for x in drawn]
    np.testing.assert_allclose(information(prompts, policy), mutual_information(*logits[:2]), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(divergences(policy, prior), kl_divergence(logits[1], logits[2]), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(entropies(policy), entropy(logits[1]), rtol=1e-13)


@given(channels())
def test_exact_numbers_give_the_same(drawn: tuple[np.ndarray, ...]) -> None:
    prompts, policy, prior = drawn
    lifted = [EXACT.number(x) for x in drawn]
    exact = [information(*lifted[:2]), variational(*lifted), *entropies(lifted[1])]
    from didlab.exact import to_arb

    floats = [information(prompts, policy), variational(prompts, policy, prior), *entropies(policy)]
    np.testing.assert_allclose([float(to_arb(np.asarray(v)[()])) for v in exact], floats, rtol=1e-12, atol=1e-14)


@given(channels(), st.randoms(use_true_random=False))
def test_the_order_of_prompts_and_responses_does_not_matter(drawn: tuple[np.ndarray, ...], random: Any) -> None:
    prompts, policy, prior = drawn
    x, y = list(range(len(prompts))), list(range(len(prior)))
    random.shuffle(x)
    random.shuffle(y)
    turned = variational(prompts[x], policy[x][:, y], prior[y])
    np.testing.assert_allclose(turned, variational(prompts, policy, prior), rtol=1e-12, atol=1e-15)
    twice = np.r_[prompts, prompts], np.r_[policy, policy]
    np.testing.assert_allclose(information(*twice), information(prompts, policy), rtol=1e-12, atol=1e-15)


def test_information_has_its_extremes() -> None:
    assert information([1, 1, 1], np.eye(3)) == pytest.approx(np.log(3), rel=1e-15)
    assert information([1, 2, 3], [[1, 2]] * 3) == 0
    assert information([1, 0], [[1, 0], [0, 1]]) == 0
    assert variational([1, 0], [[1, 0], [0, 1]], [1, 0]) == 0
    assert variational([1, 1], [[1, 0], [0, 1]], [1, 0]) == np.inf
    assert variational([1, 1], [[1, 0], [0, 1]], [[1, 0], [0, 1]]) == 0


@pytest.mark.parametrize("seed", range(10))
def test_the_optimum_is_the_tilted_prior_and_nothing_beats_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prompts, prior, reward = rng.random(3), rng.random(4), rng.normal(size=(3, 4))
    beta = float(rng.choice([0.1, 1.0, 7.0]))
    best = optimal_policy(reward, prior, beta=beta)
    np.testing.assert_allclose(np.log(best), tilt(np.log(prior) + 0 * reward, reward, 1 / beta), rtol=1e-10, atol=1e-12)
    top = regularised_objective(prompts, best, reward, prior, beta=beta)
    np.testing.assert_allclose(top, optimal_value(prompts, reward, prior, beta=beta), rtol=1e-12)
    others = rng.dirichlet(np.ones(4), size=(200, 3))
    near = best * np.exp(1e-3 * rng.normal(size=(200, 3, 4)))
    for table in (others, near):
        values = regularised_objective(np.broadcast_to(prompts, (200, 3)), table, np.broadcast_to(reward, (200, 3, 4)),
                                       np.broadcast_to(prior, (200, 4)), beta=beta)
        assert (values < top).all()
    rho = prompts / prompts.sum()
    gap = top - regularised_objective(prompts, others[0], reward, prior, beta=beta)
    np.testing.assert_allclose(gap, (rho * divergences(others[0], best)).sum() / beta, rtol=1e-9)


def test_large_rewards_do_not_overflow_and_excluded_responses_stay_out() -> None:
    reward = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]])
    best = optimal_policy(reward, [0, 1, 1], beta=10.0)
    np.testing.assert_array_equal(best, [[0, 1, 0], [0, 0.5, 0.5]])
    assert log_partition(reward, [1, 1, 1], beta=10.0)[0] == pytest.approx(1e5 - np.log(3), rel=1e-15)
    assert regularised_objective([1, 1], [[1, 0, 0], [0, 1, 0]], reward, [0, 1, 1], beta=1.0) == -np.inf


@pytest.mark.parametrize("beta", [1e-100, 1e-14, 1e-5, 0.3, 4.0, 1e3])
def test_the_value_keeps_its_digits_where_beta_is_small(beta: float) -> None:
    reward, prior = np.array([[0.0, 1.0, 0.25], [3.0, -2.0, 0.0]]), np.array([[1, 1, 2], [1, 5, 2]])
    with mp.workdps(150):
        pairs = zip(reward, prior, strict=True)
        tilted = [[int(w) * mp.exp(beta * mp.mpf(r)) for r, w in zip(*row, strict=True)] for row in pairs]
        parts = [sum(row) / int(q.sum()) for row, q in zip(tilted, prior, strict=True)]
        expected = (mp.log(parts[0]) + 3 * mp.log(parts[1])) / 4 / mp.mpf(beta)
    # prior, beta times reward, exponential, sum and logarithm round once each, at most 3 terms
    assert optimal_value([1, 3], reward, prior, beta=beta) == pytest.approx(float(expected), rel=16 * 2.0**-52)


def test_the_entropy_of_a_certain_response_is_0_with_its_sign() -> None:
    assert not np.signbit(entropies([[0, 1], [1, 0]])).any()


def test_batches_with_a_beta_of_their_own() -> None:
    rng = np.random.default_rng(0)
    prompts, policy, prior = rng.random((5, 2)), rng.random((5, 2, 3)), rng.random((5, 3))
    reward, beta = rng.normal(size=(5, 2, 3)), np.linspace(0.5, 4, 5)[:, None]
    together = regularised_objective(prompts, policy, reward, prior, beta=beta)
    arrays = (prompts, policy, reward, prior)
    single = [regularised_objective(*(x[i] for x in arrays), beta=beta[i, 0]) for i in range(5)]
    np.testing.assert_allclose(together, single, rtol=1e-14)
    best = optimal_policy(reward, prior, beta=beta)
    for i in range(5):
        np.testing.assert_allclose(best[i], optimal_policy(reward[i], prior[i], beta=float(beta[i, 0])), rtol=1e-13)


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.3, 0.6])
def test_the_optimum_under_a_prior_that_contains_the_policy(power: float) -> None:
    rng = np.random.default_rng(3)
    base, reward, beta = rng.normal(size=4), rng.normal(size=(2, 4)), 0.7
    best = policy_prior_optimum(reward, base, beta=beta, power=power)

    def value(logits: Any) -> Any:
        p = np.exp(logits)
        return (p * (reward - (logits - policy_prior(base, logits, power=power)) / beta)).sum(-1)

    again = policy_prior(base, best, power=power) + beta * reward
    np.testing.assert_allclose(again - best, (again - best)[:, :1] + 0 * best, atol=1e-9)
    for _ in range(100):
        other = best + rng.normal(scale=rng.choice([0.01, 1.0]), size=best.shape)
        other = other - np.log(np.exp(other).sum(-1, keepdims=True))
        assert (value(other) < value(best)).all()
    normalised = policy_prior(base, best, power=power, normalise=True)
    np.testing.assert_allclose(np.exp(normalised).sum(-1), 1, rtol=1e-13)


def test_expected_reward_of_exact_numbers_is_exact() -> None:
    arrays = [EXACT.number(np.array(x)) for x in ([1, 2], [[1, 1], [0, 3]], [[1, 0], [5, 7]])]
    value = expected_reward(*arrays)
    assert value == fmpq(29, 6)


BAD = [
    (lambda: marginal([1, -1], [[1, 1], [1, 1]]), "prompts"),
    (lambda: marginal([0, 0], [[1, 1], [1, 1]]), "prompts"),
    (lambda: marginal([1, np.nan], [[1, 1], [1, 1]]), "prompts"),
    (lambda: marginal([1, 1], [[1, 1]]), "policies"),
    (lambda: marginal([1], [[0, 0]]), "policies"),
    (lambda: marginal([1], [1, 1]), "policies"),
    (lambda: divergences([[1, 1]], [1, 1, 1]), "prior"),
    (lambda: divergences([[1, 1]], [[1, 1], [1, 1]]), "prior"),
    (lambda: regularised_objective([1], [[1, 1]], [[0, 0]], [1, 1], beta=0.0), "beta"),
    (lambda: regularised_objective([1], [[1, 1]], [[0, 0, 0]], [1, 1], beta=1.0), "reward"),
    (lambda: optimal_policy([[0.0, np.inf]], [1, 1], beta=1.0), "reward"),
    (lambda: optimal_policy([[0.0, 0.0]], [1, 1], beta=-1.0), "beta"),
    (lambda: joint(np.ones((2, 1)), np.ones((3, 1, 2))), "policies"),
    (lambda: expected_reward([1], np.ones((2, 1, 2)), np.ones((3, 1, 2))), "reward"),
    (lambda: variational(np.ones((2, 1)), np.ones((3, 1, 2)), [1, 1]), "policies"),
    (lambda: regularised_objective([1], np.ones((3, 1, 2)), [[0, 0]], [1, 1], beta=np.ones((2, 1))), "beta"),
    (lambda: optimal_value([1], [[0, 1], [2, 3]], [1, 1], beta=1.0), "reward"),
    (lambda: optimal_value([1, 1, 1], [[0, 1], [2, 3]], [1, 1], beta=1.0), "reward"),
    (lambda: optimal_value([1], [0, 1], [1, 1], beta=1.0), "reward"),
    (lambda: policy_prior([0.0, 0.0], [[0.0, 0.0]], power=np.nan), "power"),
    (lambda: policy_prior([0.0, 0.0], [[0.0, 0.0]], power=np.ones(3)), "power"),
    (lambda: policy_prior_optimum([[0.0, 0.0]], [0.0, 0.0], beta=1.0, power=1.0), "1 - power"),
]


@pytest.mark.parametrize(("call", "name"), BAD)
def test_bad_arguments_are_named(call: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        call()


def test_tensors_are_refused_by_name() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match="prompts"):
        marginal(torch.ones(1), [[1, 1]])
