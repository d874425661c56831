"""Exact optima: tolerance, iterations, the targets of the theory, existence and uniqueness."""

import numpy as np
import pytest
import torch

from didlab import DidlabError, did_distribution, ideal_rejected, js_divergence, objectives
from didlab.solvers import PopulationLoss, existence, gradient_flow, optimum

TEMPERATURES = (0.25, 0.5, 2.0, 4.0, 8.0)
SMOOTH = (
    [("dpo", {}), ("log-pi", {}), ("ipo", {}), ("cpo", {}), ("sppo", {}), ("r-dpo", {})]
    + [("orpo", {"beta": b, "convention": c}) for b in (0.1, 0.5, 1.0, 2.0) for c in ("paper", "slope", "likelihood")]
    + [("simpo", {"beta": b, "gamma": g}) for b in (2.0, 2.5) for g in (0.3, 0.5, 1.0, 1.2, 1.4, 1.6)]
    + [("cal-dpo", {"beta": b, "convention": c}) for b in (1e-3, 2e-3, 3e-3, 0.01, 0.1) for c in ("paper", "scaled")]
)
PIECEWISE = [
    ("slic", {"beta": b, "lam": k, "convention": c})
    for b in (0.1, 0.5, 1.0, 2.0) for k in (0.1, 0.5, 1.0, 10.0) for c in ("margin", "swapped", "slope")
] + [("rrhf", {"lam": k}) for k in (0.1, 1.0, 10.0)]


def setting(temperature, k=32, seed=42):
    reference = np.random.default_rng(seed).normal(size=k)
    target = reference / temperature
    return reference, target, 2 * reference - target


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_smooth_objectives_of_the_paper(temperature):
    reference, _, rejected = setting(temperature)
    for name, hyper in SMOOTH:
        found = optimum(objectives.get(name, **hyper), reference, rejected)
        assert found.gradient_norm <= 1e-12 * max(1.0, abs(found.loss)), (name, hyper)
        assert found.iterations <= 30 and found.converged and found.attained, (name, hyper)
        assert found.unique is True, (name, hyper)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_optima_the_theory_names(temperature):
    reference, target, rejected = setting(temperature)
    dpo = optimum(objectives.get("dpo"), reference, rejected)
    assert js_divergence(dpo.policy, target) <= 1e-24
    log_pi = optimum(objectives.get("log-pi"), reference, rejected)
    assert js_divergence(log_pi.policy, did_distribution(target, reference)) <= 1e-18
    for beta in (0.5, 2.0):
        found = optimum(objectives.get("dpo", beta=beta), reference, ideal_rejected(target, reference, beta))
        assert js_divergence(found.policy, target) <= 1e-24


@pytest.mark.parametrize("temperature", [0.25, 4.0])
def test_hinges_carry_their_proof(temperature):
    reference, _, rejected = setting(temperature)
    rng = np.random.default_rng(0)
    for name, hyper in PIECEWISE:
        objective = objectives.get(name, **hyper)
        found = optimum(objective, reference, rejected)
        assert found.converged and found.unique, (name, hyper, found.gradient_norm)
        loss = PopulationLoss(objective, reference, rejected)
        for size in (1e-6, 1e-3, 1.0):
            assert loss.value(found.policy + size * rng.normal(size=32)) > found.loss - 1e-15


@pytest.mark.slow
def test_hinges_at_every_temperature():
    for temperature in TEMPERATURES:
        for seed in range(3):
            reference, _, rejected = setting(temperature, seed=seed)
            for name, hyper in PIECEWISE:
                found = optimum(objectives.get(name, **hyper), reference, rejected)
                assert found.converged, (temperature, seed, name, hyper, found.gradient_norm)


@pytest.mark.parametrize("name", ["slic", "rrhf"])
@pytest.mark.parametrize("k", [2, 3, 32])
def test_hinges_without_likelihood_are_linear_programs(name, k):
    reference, _, rejected = setting(4.0, k)
    found = optimum(objectives.get(name, lam=0.0), reference, rejected)
    assert found.converged and found.unique
    ratio = optimum(objectives.get("slic", beta=0.1, convention="trl"), reference, rejected)
    slic = optimum(objectives.get("slic", beta=1.0, lam=0.0), reference, rejected)
    assert ratio.loss == pytest.approx(slic.loss, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.25, 4.0])
@pytest.mark.parametrize("k", [2, 5, 32])
def test_dpo_positive_rests_on_its_kinks(temperature, k):
    reference, _, rejected = setting(temperature, k)
    rng = np.random.default_rng(1)
    for beta, lam in [(0.1, 5.0), (1.0, 0.5), (1.0, 50.0)]:
        objective = objectives.get("dpo-positive", beta=beta, lam=lam)
        found = optimum(objective, reference, rejected)
        assert found.converged and found.unique, (beta, lam, found.gradient_norm)
        loss = PopulationLoss(objective, reference, rejected)
        for size in (1e-5, 1e-2):
            assert loss.value(found.policy + size * rng.normal(size=k)) >= found.loss - 1e-15


@pytest.mark.parametrize("convention", ["paper", "slope", "likelihood"])
@pytest.mark.parametrize("beta", [0.1, 1.0, 30.0])
def test_every_stationary_point_of_orpo_is_a_strict_minimum(convention, beta):
    """For given policy and rejected responses the chosen ones that make it stationary solve a linear system."""
    objective, rng = objectives.get("orpo", beta=beta, convention=convention), np.random.default_rng(4)
    a, b = objective.form.odds, objective.form.weight
    for k in (2, 3, 4, 3, 4, 5) * 8:
        pi, q = (np.maximum(rng.dirichlet(np.full(k, c)), 1e-4) for c in rng.choice([0.1, 0.3, 1.0], 2))
        pi, q = pi / pi.sum(), q / q.sum()
        odds, steep = np.log(pi / (1 - pi)), 1 / (1 - pi)
        s = -1 / (1 + (np.exp(odds[:, None] - odds)) ** a)
        in_v = b * a * (np.diag(steep * (s @ q)) - (q * steep)[:, None] * s.T) - objective.form.nll * np.eye(k)
        system = np.vstack([in_v - np.outer(pi, in_v.sum(0)), np.ones(k)])
        p = np.linalg.lstsq(system, np.append(np.zeros(k), 1.0), rcond=None)[0]
        assert (p > 0).all()
        loss = PopulationLoss(objective, np.log(p), np.log(q))
        assert np.linalg.norm(loss.gradient(np.log(pi))) <= 1e-12
        assert loss.at(np.log(pi)).by_outcome.sum() < 0
        h = loss.hessian(np.log(pi))
        assert np.linalg.eigvalsh(h + np.abs(h).max() / k)[0] > 0
        found = optimum(objective, np.log(p), np.log(q))
        assert found.unique and np.abs(np.exp(found.policy) - pi).max() <= 1e-9


def test_many_outcomes():
    reference, target, rejected = setting(4.0, 3_000)
    for name in ("dpo", "simpo", "cal-dpo"):
        found = optimum(objectives.get(name, beta=1.0), reference, rejected)
        assert found.converged, name
    assert js_divergence(optimum(objectives.get("dpo"), reference, rejected).policy, target) <= 1e-24


def test_the_ipo_optimum_solves_its_linear_system():
    reference, _, rejected = setting(2.0, 6)
    p, q = (np.exp(x - np.logaddexp.reduce(x)) for x in (reference, rejected))
    # sum_ij p_i q_j (h_i - h_j - t)^2: (p_i + q_i) h_i - p_i <q, h> - q_i <p, h> = t (p_i - q_i)
    a = np.diag(p + q) - np.outer(p, q) - np.outer(q, p)
    h = np.linalg.lstsq(a, 0.5 * (p - q), rcond=None)[0]
    found = optimum(objectives.get("ipo"), reference, rejected)
    assert js_divergence(found.policy, reference + h) < 1e-28


class TestExistence:
    dpo = objectives.get("dpo")

    def test_a_data_set_with_cycles_has_one_optimum(self):
        table = [[0, 2, 0], [0, 0, 1], [3, 0, 0]]
        found = optimum(self.dpo, weights=table)
        assert found.attained and found.unique and found.converged

    def test_a_group_that_is_never_beaten_escapes(self):
        table = [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 0]]
        found = optimum(self.dpo, weights=table)
        assert found.attained is False and found.policy is None
        assert found.escape.tolist() == [1, 1, 0, 0]
        loss = PopulationLoss(self.dpo, weights=table)
        values = [loss.value(t * found.escape) for t in (0.0, 1.0, 10.0, 100.0)]
        assert values[0] > values[1] > values[2] >= values[3]

    def test_groups_that_never_met_leave_a_free_shift(self):
        table = np.kron(np.eye(2), [[0, 1], [1, 0]])
        found = existence(PopulationLoss(self.dpo, weights=table))
        assert found.attained and found.unique is False

    def test_an_outcome_never_chosen_vanishes_under_a_likelihood(self):
        found = optimum(objectives.get("cpo"), weights=[[0, 1], [0, 0]])
        assert found.attained is False and found.escape.tolist() == [1, 0]

    def test_kto_lets_the_rejected_go(self):
        reference, _, rejected = setting(4.0, 6)
        objective = objectives.get("kto")
        found = optimum(objective, reference, rejected)
        p, q = (np.exp(x - np.logaddexp.reduce(x)) for x in (reference, rejected))
        assert found.attained is False
        assert found.escape.tolist() == (p > q).astype(float).tolist()
        loss = PopulationLoss(objective, reference, rejected)
        values = [loss.value(reference + t * found.escape) for t in (0.0, 1.0, 5.0, 30.0)]
        assert values == sorted(values, reverse=True)

    def test_kto_that_balances_is_constant(self):
        found = existence(PopulationLoss(objectives.get("kto"), [0.0, 1.0], [0.0, 1.0]))
        assert found.attained and found.unique is False

    def test_least_squares_of_unconnected_outcomes(self):
        found = existence(PopulationLoss(objectives.get("ipo"), weights=np.kron(np.eye(2), [[0, 1], [0, 0]])))
        assert found.attained and found.unique is False


def test_gradient_flow_ends_at_the_optimum():
    reference, target, rejected = setting(2.0, 4)
    loss = PopulationLoss(objectives.get("dpo"), reference, rejected)
    path = gradient_flow(loss, reference, np.geomspace(1e-2, 1e5, 20))
    values = [loss.value(theta) for theta in path]
    assert (np.diff(values) <= 1e-15).all()
    assert js_divergence(path[-1], target) < 1e-12
    np.testing.assert_allclose(path.sum(1), reference.sum(), atol=1e-6)  # the flow keeps the sum of the logits


@pytest.mark.parametrize("name", ["sppo", "cal-dpo"])
def test_outcomes_that_never_occur_share_what_the_regressions_leave(name):
    """Three outcomes, the last in no pair; the others are asked for +1/2 as often as for -1/2: nothing moves."""
    found = optimum(objectives.get(name), reference=[0.0, 0.0, 0.0], weights=[[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert found.converged and found.attained is None and "never occur" in found.reason
    np.testing.assert_allclose(np.exp(found.policy), 1 / 3, rtol=1e-6)


def test_pairs_of_one_outcome_with_itself_leave_the_reference():
    """The loss is constant: every policy is a minimum, and the start is one of them."""
    found = optimum(objectives.get("dpo"), reference=[0.0, 1.0], weights=[[1, 0], [0, 0]])
    assert found.converged and found.attained and found.unique is False
    loss = PopulationLoss(objectives.get("dpo"), reference=[0.0, 1.0], weights=np.eye(2))
    np.testing.assert_array_equal(found.policy, loss.at(loss.r).v)


def test_hinges_whose_weights_span_many_powers_are_left_undecided():
    """Weights over many powers of ten: no linear program decides uniqueness, and that is what is said."""
    reference = np.random.default_rng(3).normal(size=20)
    target = np.random.default_rng(1).normal(size=20)
    objective = objectives.get("slic", beta=0.1, convention="trl")
    found = optimum(objective, reference, ideal_rejected(target, reference, 4.0), reference=reference)
    assert found.policy is not None and found.attained and found.unique is None


def test_bad_arguments():
    dpo = objectives.get("dpo")
    for call, name in [
        (lambda: optimum(dpo, [0.0], [0.0]), "reference"),
        (lambda: optimum(dpo, [0.0, 1.0], [0.0, 1.0, 2.0]), "rejected"),
        (lambda: optimum(dpo, [0.0, np.inf], [0.0, 1.0]), "chosen"),
        (lambda: optimum(dpo, weights=[[0.0, -1.0], [1.0, 0.0]]), "weights"),
        (lambda: PopulationLoss(dpo, weights="abc"), "weights"),
        (lambda: optimum(dpo, [0.0, 1.0], [1.0, 0.0], start=["a", "b"]), "start"),
        (lambda: optimum(dpo, [0.0, 1.0], [1.0, 0.0], start=np.zeros(3)), "start"),
        (
            lambda: gradient_flow(
                PopulationLoss(dpo, [0.0, 1.0], [0.0, 1.0]), [0.0, 0.0], [0.0, 1.0], tolerance=np.ones(2)
            ),
            "tolerance",
        ),
        (lambda: PopulationLoss(dpo, weights=[[0.0, 1.0], [1.0]]), "weights"),
        (lambda: PopulationLoss(dpo, weights=torch.eye(2)), "weights"),
        (lambda: PopulationLoss(dpo, torch.zeros(2), torch.zeros(2)), "chosen"),
        (lambda: PopulationLoss(dpo, [0.0, 0.0], [0.0, 1.0]).value(np.zeros((2, 2))), "logits"),
        (lambda: optimum(dpo, weights=[0.0, 1.0]), "weights"),
        (lambda: gradient_flow(PopulationLoss(dpo, [0.0, 1.0], [0.0, 1.0]), [0.0, 0.0], [1.0, 0.0]), "times"),
        (lambda: gradient_flow(PopulationLoss(dpo, [0.0, 1.0], [0.0, 1.0]), [0.0, 0.0], ["a", "b"]), "times"),
        (
            lambda: gradient_flow(PopulationLoss(dpo, [0.0, 1.0], [0.0, 1.0]), [0, 0.0], [0.0, 1.0], tolerance=1e-15),
            "tolerance",
        ),
        (
            lambda: gradient_flow(PopulationLoss(dpo, [0.0, 1.0], [0.0, 1.0]), [0, 0.0], [0.0, 1.0], tolerance=0.0),
            "tolerance",
        ),
        (
            lambda: gradient_flow(PopulationLoss(objectives.get("slic"), [0.0, 1.0], [0.0, 1.0]), [0, 0.0], [0.0, 1.0]),
            "loss",
        ),
    ]:
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()


def test_hinges_over_many_outcomes_say_how_near_they_are(monkeypatch):
    """Without a likelihood the minimum is a linear program: smoothed above a size, and it says so."""
    from didlab.solvers import piecewise

    reference, _, rejected = setting(4.0, 60)
    objective = objectives.get("slic", beta=1.0, lam=0.0)
    exact = optimum(objective, reference, rejected)
    monkeypatch.setattr(piecewise, "EXACT_UP_TO", 50)
    near = optimum(objective, reference, rejected)
    assert not near.converged and "within 1.1e-02" in near.reason
    assert exact.loss <= near.loss <= exact.loss + np.log(2) / 64


@pytest.mark.parametrize("temperature", [0.25, 4.0])
@pytest.mark.parametrize("k", [2, 3, 32])
def test_ties_from_sorted_scores_are_those_of_the_dense_method(monkeypatch, temperature, k):
    from didlab.solvers import piecewise

    reference, _, rejected = setting(temperature, k)
    for name, hyper in PIECEWISE[:: 1 if k < 32 else 4]:
        objective = objectives.get(name, **hyper)
        monkeypatch.setattr(piecewise, "EXACT_UP_TO", 256)
        dense = optimum(objective, reference, rejected)
        monkeypatch.setattr(piecewise, "EXACT_UP_TO", 0)
        found = optimum(objective, reference, rejected)
        assert found.converged and "ties" in found.reason, (name, hyper, found.gradient_norm)
        assert found.loss == pytest.approx(dense.loss, abs=1e-13)
        assert np.abs(np.exp(found.policy) - np.exp(dense.policy)).max() <= 1e-12


def subgradient_is_zero(objective, found, reference, rejected):
    """Directional slopes from the definition, by sums over all pairs in blocks, are not negative."""
    k = len(reference)
    p, q = (np.exp(x - np.logaddexp.reduce(x)) for x in (reference, rejected))
    f, v, rng = objective.form, found.policy, np.random.default_rng(5)
    z = f.scale * v
    directions = [rng.normal(size=k), (v > np.median(v)).astype(float), np.eye(k)[0], -np.eye(k)[k // 2]]
    slopes = [f.nll * float((np.exp(v) - p) @ d) for d in directions]
    for rows in np.array_split(np.arange(k), max(1, k // 500)):
        y = f.offset - z[rows, None] + z
        w = p[rows, None] * q
        for n, d in enumerate(directions):
            fall = f.scale * (d - d[rows, None])
            slopes[n] += float((w * np.where(np.abs(y) <= 1e-10, np.maximum(fall, 0.0), (y > 0) * fall)).sum())
    return min(slopes)


@pytest.mark.parametrize("name, hyper", [("slic", {"beta": 1.0, "lam": 1.0}), ("rrhf", {"lam": 1.0})])
def test_hinges_over_a_thousand_outcomes_are_exact(name, hyper):
    reference, _, rejected = setting(4.0, 1_000)
    objective = objectives.get(name, **hyper)
    found = optimum(objective, reference, rejected)
    assert found.converged and found.unique
    assert subgradient_is_zero(objective, found, reference, rejected) >= -1e-12


@pytest.mark.slow
def test_hinges_over_ten_thousand_outcomes_are_exact():
    reference, _, rejected = setting(0.25, 10_000)
    objective = objectives.get("slic", beta=1.0, lam=1.0)
    found = optimum(objective, reference, rejected)
    assert found.converged and found.unique
    assert subgradient_is_zero(objective, found, reference, rejected) >= -1e-12
