"""The closed forms behind the statements on the entropy of the DID, against fractions and mpmath."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from didlab import did_distribution, did_entropy, entropy, kl_divergence, log_partition, probabilities, temper
from didlab.claims.conditions import geometric_entropy
from didlab.claims.likelihood import change
from didlab.did import ideal_rejected
from didlab.engine.kinds import Mixed, Ordered, Ranked, Small, Tailed, Tempered
from didlab.engine.lifts import FLOAT

RNG_SEEDS = range(20)


def normal(weights: Any) -> list[Any]:
    total = sum(weights)
    return [w / total for w in weights]


def fractions(rng: np.random.Generator, k: int = 4) -> list[Fraction]:
    return normal([Fraction(int(w)) for w in rng.integers(1, 50, k)])


def reals(rng: np.random.Generator, k: int = 4) -> list[Any]:
    return normal([mp.mpf(int(w)) for w in rng.integers(1, 50, k)])


def ent(p: list[Any]) -> Any:
    return -sum(x * mp.log(x) for x in p)


def kl(p: list[Any], q: list[Any]) -> Any:
    return sum(x * mp.log(x / y) for x, y in zip(p, q, strict=True))


def did(p: list[Any], r: list[Any]) -> list[Any]:
    return normal([x / y for x, y in zip(p, r, strict=True)])


def logs(p: list[Any]) -> np.ndarray:
    return np.array([float(mp.log(mp.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else x)) for x in p])


@pytest.fixture(autouse=True)
def digits() -> Any:
    with mp.workdps(40):
        yield


@pytest.mark.parametrize("seed", RNG_SEEDS)
@pytest.mark.parametrize("s", ["0.5", "1.5", "3"])
def test_the_did_of_a_tempered_policy_is_a_power_of_the_reference(seed: int, s: str) -> None:
    r = reals(np.random.default_rng(seed))
    expected = normal([x ** (mp.mpf(s) - 1) for x in r])
    got = probabilities(did_distribution(temper(logs(r), 1 / float(s)), logs(r)))
    assert np.allclose(got, [float(x) for x in expected], rtol=1e-12)


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_the_threshold_of_reinforcing_is_at_half_the_temperature(seed: int) -> None:
    r = [*reals(np.random.default_rng(seed), 3), mp.mpf(2)]
    r = normal(r)
    h = {s: ent(normal([x ** (mp.mpf(s) - 1) for x in r])) for s in ("1.999", "2", "2.001")}
    assert h["1.999"] > ent(r) > h["2.001"]
    assert abs(h["2"] - ent(r)) < mp.mpf(10) ** -35


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_the_two_differences_of_the_identity(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, r = reals(rng), reals(rng)
    q, z = did(p, r), sum(x / y for x, y in zip(p, r, strict=True))
    assert mp.almosteq(kl(q, p) - kl(q, r), ent(q) - mp.log(z), 1e-30, 1e-30)
    assert mp.almosteq(kl(r, q) - kl(r, p), mp.log(z) - ent(r), 1e-30, 1e-30)
    assert float(log_partition(logs(p), logs(r))) == pytest.approx(float(mp.log(z)), rel=1e-13)
    assert float(did_entropy(logs(p), logs(r))) == pytest.approx(float(ent(q)), rel=1e-13)


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_z_is_at_least_the_entropy_of_the_policy_and_its_divergence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, r = reals(rng), reals(rng)
    assert mp.log(sum(x / y for x, y in zip(p, r, strict=True))) >= ent(p) + kl(p, r)


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_z_against_the_number_of_outcomes_and_the_bound_on_smoothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    u = [Fraction(int(w)) for w in np.sort(rng.integers(1, 50, 5))]
    g = [Fraction(int(w)) for w in np.sort(rng.integers(1, 50, 5))]
    flat, sharp = normal(u), normal([x * y for x, y in zip(u, g, strict=True)])
    assert sum(a / b for a, b in zip(sharp, flat, strict=True)) <= 5
    assert sum(a / b for a, b in zip(flat, sharp, strict=True)) >= 5
    weights = did(flat, sharp), [1 / x for x in sharp]
    q, inverse = (normal([mp.mpf(x.numerator) / x.denominator for x in w]) for w in weights)
    assert ent(q) >= ent(inverse) - mp.mpf(10) ** -30


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_z_at_half_the_temperature_is_the_inverse_collision_probability(seed: int) -> None:
    r = fractions(np.random.default_rng(seed))
    p = normal([x * x for x in r])
    assert sum(a / b for a, b in zip(p, r, strict=True)) == 1 / sum(x * x for x in r)


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_where_probabilities_fall(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, r = fractions(rng), fractions(rng)
    q = did(p, r)
    mean = sum(x * y for x, y in zip(r, q, strict=True))
    assert mean == 1 / sum(x / y for x, y in zip(p, r, strict=True))
    assert [x < y for x, y in zip(p, r, strict=True)] == [x < mean for x in q]


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_the_fall_of_the_entropy_by_the_covariance_of_the_did(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, r = reals(rng), reals(rng)
    q = did(p, r)
    m = sum(x * y for x, y in zip(r, q, strict=True))
    c = sum(x * y * mp.log(x) for x, y in zip(r, q, strict=True)) + m * ent(r)
    assert mp.almosteq(ent(r) - ent(p), kl(p, r) + c / m, 1e-30, 1e-30)


@pytest.mark.parametrize(("a", "b"), [("0.5", "0.25"), ("0.9", "0.6"), ("0.1", "0.01")])
def test_geometric_policies(a: str, b: str) -> None:
    x = mp.mpf(a)
    total = mp.nsum(lambda n: -(1 - x) * x**n * (mp.log(1 - x) + n * mp.log(x)), [0, mp.inf])
    assert float(geometric_entropy(np.array([float(a)]))[0]) == pytest.approx(float(total), rel=1e-12)
    z = mp.nsum(lambda n: (1 - mp.mpf(b)) / (1 - x) * (mp.mpf(b) / x) ** n, [0, mp.inf])
    assert mp.almosteq(z, (1 - mp.mpf(b)) / (1 - x) / (1 - mp.mpf(b) / x), 1e-15)


@pytest.mark.parametrize("seed", RNG_SEEDS)
@pytest.mark.parametrize("beta", [0.1, float(np.sqrt(2)), 3.0])
def test_the_expected_change_of_the_likelihoods(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    p, r = reals(rng), reals(rng)
    b = mp.mpf(beta)
    rejected = normal([y * (y / x) ** b for x, y in zip(p, r, strict=True)])
    moved = sum(w * mp.log(x / y) for w, x, y in zip(rejected, p, r, strict=True))
    closed = -kl(r, p) - (kl(r, rejected) + kl(rejected, r)) / b
    assert mp.almosteq(moved, closed, 1e-30, 1e-30)
    of_rejected = change(logs(p), logs(r), ideal_rejected(logs(p), logs(r), beta))
    assert float(of_rejected) == pytest.approx(float(closed), rel=1e-10)
    assert float(change(logs(p), logs(r), logs(r))) == pytest.approx(-float(kl_divergence(logs(r), logs(p))), rel=1e-10)


SHAPE = {"K": 4}


@pytest.mark.parametrize("power", [1, 2])
def test_ordered_policies_sharpen(power: int) -> None:
    kind = Ordered("flat", "sharp", power=power)
    raw, _ = kind.draw(np.random.default_rng(0), 300, SHAPE, [])
    out = kind.lift(raw, FLOAT)
    assert kind.valid(raw).all()
    assert (np.diff(out["sharp"] - power * out["flat"], axis=-1) >= -1e-12).all()
    assert (entropy(out["sharp"]) <= entropy(out["flat"]) + 1e-12).all()


def test_a_peaked_reference_has_an_outcome_about_0() -> None:
    kind = Ordered("flat", "sharp", peaked=True)
    raw, _ = kind.draw(np.random.default_rng(0), 300, SHAPE, [])
    assert kind.valid(raw).all()
    assert (probabilities(kind.lift(raw, FLOAT)["flat"]).min(-1) < 1 / 90).all()


def test_ranked_policies_are_ranked() -> None:
    kind = Ranked("low", "high")
    rng = np.random.default_rng(0)
    for raw in (kind.draw(rng, 300, SHAPE, [])[0], kind.plain(rng, 300, SHAPE)):
        out = kind.lift(raw, FLOAT)
        assert kind.valid(raw).all()
        assert (entropy(out["low"]) <= entropy(out["high"]) + 1e-12).all()


@pytest.mark.parametrize("inner", [Ordered("policy", "reference"), Tempered(side="flatter"), Mixed()])
def test_tailed_references_have_few_likely_outcomes(inner: Any) -> None:
    kind = Tailed(inner, "reference")
    raw, _ = kind.draw(np.random.default_rng(0), 500, SHAPE, [])
    reference = kind.lift(raw, FLOAT)["reference"]
    assert kind.valid(raw).all()
    assert np.mean(entropy(-reference) >= entropy(reference) - 1e-12) > 0.8


def test_small_thresholds_and_temperatures_below_one_half() -> None:
    small = Small("epsilon")
    raw, _ = small.draw(np.random.default_rng(0), 300, {}, [])
    assert small.valid(raw).all() and (small.lift(raw, FLOAT)["epsilon"] <= 0.1).all()
    kind = Tempered(side="sharper", beyond=2)
    raw, _ = kind.draw(np.random.default_rng(0), 300, SHAPE, [])
    assert kind.valid(raw).all() and (kind.lift(raw, FLOAT)["sharpness"] > 2).all()
