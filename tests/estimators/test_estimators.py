"""Sample forms against the exact form on tabular policies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from didlab import entropy, from_weights, ideal_rejected, kl_divergence, power_law, sample
from didlab.claims import load
from didlab.errors import ArgumentError
from didlab.estimators import MEASUREMENTS, mean_estimate, slope_estimate
from didlab.estimators.appendix_k import did_entropy_from_samples

POLICIES = {"near uniform": [9, 10, 11, 10], "skewed": [20, 6, 3, 1]}
RUNS, SIZE, LEVEL = 1_000, 400, 0.95


def test_every_measurement_named_by_a_claim_exists():
    assert {m for c in load() for m in c.measurements} <= set(MEASUREMENTS)


@pytest.mark.parametrize("name", POLICIES)
def test_intervals_cover_the_exact_value(name):
    """1,000 repetitions; the coverage may fall short of 95% by 1.5 points (skewness at n = 400), false alarm 1e-7."""
    policy, reference = from_weights(POLICIES[name]), from_weights([1, 2, 3, 4])
    rng = np.random.default_rng(5)
    draws = sample(np.broadcast_to(policy, (RUNS, 4)), SIZE, rng=rng)
    for measure, columns, truth in (
        ("entropy", (policy,), entropy(policy)),
        ("kl_divergence", (policy, reference), kl_divergence(policy, reference)),
    ):
        hits = 0
        for row in draws:
            low, high = MEASUREMENTS[measure].sample(*(c[row] for c in columns)).interval(LEVEL)
            hits += low <= truth <= high
        assert hits >= binom.ppf(1e-7, RUNS, LEVEL - 0.015), (measure, hits)


def test_the_power_law_is_found_exactly_where_it_holds():
    target, reference = from_weights([5, 3, 2, 1]), from_weights([1, 2, 3, 4])
    rejected = ideal_rejected(target, reference, 1.5)
    y = sample(reference, 50, rng=np.random.default_rng(0))
    found = MEASUREMENTS["power_law"].sample(target[y], reference[y], rejected[y])
    assert abs(found.value - 1.5) < 1e-12 * np.linalg.cond(np.c_[np.ones(4), target - reference])
    assert abs(power_law(target, reference, rejected).exponent - 1.5) < 1e-12


@pytest.mark.parametrize("bad", [[1.0], [[1.0, 2.0]], [1.0, np.nan], ["a", "b"], [], [[1], [1, 2]]])
def test_bad_columns_are_refused(bad):
    with pytest.raises(ArgumentError, match="values"):
        mean_estimate(bad)


def test_a_constant_regressor_is_refused():
    with pytest.raises(ArgumentError, match="x"):
        slope_estimate([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match="x"):
        slope_estimate([0.1, 0.1, 0.1], [1.0, 2.0, 3.0])  # their mean is above 0.1


@pytest.mark.parametrize("level", ["a", 0.0, 1.0, np.nan, [0.9]])
def test_a_bad_level_is_refused(level):
    with pytest.raises(ArgumentError, match="level"):
        mean_estimate([1.0, 3.0]).interval(level)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ArgumentError, match="`by`"):
        did_entropy_from_samples([-1.0, -1.0], [-1.0, -1.0], [-1.0, -1.0, -1.0])
