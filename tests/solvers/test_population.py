"""Population losses: derivatives, and the fast sums against all pairs."""

import numpy as np
import pytest

from didlab import objectives
from didlab.solvers import PopulationLoss
from didlab.solvers.chebyshev import Points, sums


def setting(k, width, seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=k)
    return reference, 2 * reference - reference / 4, width * rng.normal(size=k)


@pytest.mark.parametrize("name", objectives.names())
def test_the_value_is_the_mean_over_pairs(name):
    objective = objectives.get(name)
    reference, rejected, theta = setting(7, 1.0)
    v, r, p, q = (x - np.logaddexp.reduce(x) for x in (theta, reference, reference, rejected))
    i, j = np.divmod(np.arange(49), 7)
    expected = (np.exp(p[i] + q[j]) * objective.value(v[i], v[j], r[i], r[j])).sum()
    assert PopulationLoss(objective, reference, rejected).value(theta) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", objectives.names())
def test_gradient_and_hessian_are_derivatives(name):
    reference, rejected, theta = setting(6, 1.0)
    table = np.random.default_rng(1).integers(0, 4, (6, 6))
    h = 1e-5
    for loss in (
        PopulationLoss(objectives.get(name), reference, rejected),
        PopulationLoss(objectives.get(name), weights=table, reference=reference),
    ):
        shifts = [(theta + h * e, theta - h * e) for e in np.eye(6)]
        # central differences: h^2 of a third derivative, and eps/h of rounding
        gradient = np.array([(loss.value(a) - loss.value(b)) / (2 * h) for a, b in shifts])
        hessian = np.array([(loss.gradient(a) - loss.gradient(b)) / (2 * h) for a, b in shifts])
        np.testing.assert_allclose(loss.gradient(theta), gradient, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(loss.hessian(theta), hessian, rtol=1e-8, atol=1e-8)
        z = np.cos(np.arange(6))
        np.testing.assert_allclose(loss.at(theta).hessian_product(z), loss.hessian(theta) @ z, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", objectives.names())
@pytest.mark.parametrize("width", [0.0, 1.0, 30.0, 1000.0])
def test_fast_sums_agree_with_all_pairs(name, width):
    if name == "orpo" and width > 100:
        pytest.skip("log-odds of a probability that rounds to 1")
    reference, rejected, theta = setting(1000, width)
    z = np.cos(np.arange(1000.0))
    dense, fast = (PopulationLoss(objectives.get(name), reference, rejected, dense=d).at(theta) for d in (True, False))
    assert fast.value == pytest.approx(dense.value, rel=1e-12)
    for a, b in ((fast.gradient, dense.gradient), (fast.hessian_product(z), dense.hessian_product(z))):
        assert np.abs(a - b).max() <= 1e-12 * np.abs(b).max()


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("offset", [0.0, 0.3, -7.75, 60.5])
@pytest.mark.parametrize("width", [1e-3, 3.0, 100.0, 1e6])
def test_chebyshev_sums(order, sign, offset, width):
    rng = np.random.default_rng(0)
    x, y, w = width * rng.normal(size=300), width * rng.normal(size=200), rng.random(200)
    margin = sign * (x[:, None] - y) - offset
    e = np.exp(-abs(margin))
    link = (
        np.maximum(-margin, 0) + np.log1p(e), -np.where(margin >= 0, e, 1) / (1 + e), e / (1 + e) ** 2,
    )[order]
    got = sums(order, Points(x), Points(y), w, offset, sign)
    scale = max(w.sum(), (link @ w).max())  # of the weights, for derivatives, which are at most 1
    np.testing.assert_allclose(got, link @ w, rtol=1e-13, atol=2e-15 * scale)


def test_ties_and_repeated_logits():
    theta = np.repeat([0.0, 0.5, 1.0], 200)
    for name in ("dpo", "slic", "rrhf"):
        dense, fast = (PopulationLoss(objectives.get(name), theta, -theta, dense=d).at(theta) for d in (True, False))
        assert fast.value == pytest.approx(dense.value, rel=1e-13)
        np.testing.assert_allclose(fast.gradient, dense.gradient, rtol=0, atol=1e-15)


@pytest.mark.slow
def test_a_million_outcomes():
    reference, rejected, theta = setting(1_000_000, 1.0)
    fast = PopulationLoss(objectives.get("dpo"), reference, rejected).at(theta)
    assert abs(fast.gradient.sum()) < 1e-15 and np.isfinite(fast.value)
    some = np.arange(0, 1_000_000, 99_991)
    p, q, u = fast.loss.p, fast.loss.q, theta - fast.loss.r
    for i in some:
        s = 1 / (1 + np.exp(u[i] - u))
        assert fast.gradient[i] == pytest.approx(-p[i] * (q @ s) + q[i] * (p @ (1 - s)), rel=1e-11)
