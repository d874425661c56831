"""Every measure within 16 units in the last place of the correctly rounded value, on cases built to lose digits."""

from __future__ import annotations

import numpy as np
import pytest
from accuracy import BOUND, MEASURES, worst_cases
from hard_cases import huge_cases, random_cases, table_cases


def _check(cases: list, names: list[str] | None = None) -> None:
    for name, kinds in worst_cases(cases, names or MEASURES).items():
        for kind, (distance, case) in kinds.items():
            assert distance <= BOUND, f"{name} on {kind}: {distance} ulp, {case}"


def test_the_cases_of_the_accuracy_table() -> None:
    _check(list(table_cases()))


@pytest.mark.parametrize("name", MEASURES)
def test_random_cases(name: str) -> None:
    _check(list(random_cases(0, 2_000)), [name])


@pytest.mark.parametrize("name", MEASURES)
def test_huge_logits(name: str) -> None:
    _check(list(huge_cases(0, 300)), [name])


def test_large_cases() -> None:
    _check(list(random_cases(1, 21, 65, 10_000)))


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_ten_thousand_random_cases(name: str) -> None:
    _check(list(random_cases(2, 10_000)), [name])


@pytest.mark.slow
def test_two_hundred_large_cases() -> None:
    _check(list(random_cases(3, 200, 65, 10_000)))


def test_the_cases_reach_what_they_are_built_for() -> None:
    """The subnormal range, exact zeros, huge logits and nearly equal policies all occur among the random cases."""
    from didlab import entropy, js_divergence

    cases = list(random_cases(2, 2_000))
    h = np.array([float(entropy(c.policy)) for c in cases])
    js = np.array([float(js_divergence(c.policy, c.reference)) for c in cases])
    assert ((h > 0) & (h < 2.0**-1022)).sum() >= 5
    assert ((js > 0) & (js < 2.0**-1022)).any()
    assert ((js > 0) & (js < 1e-25)).sum() >= 50
    assert (js == 0).sum() >= 20
    assert max(np.abs(c.policy).max() for c in cases) >= 1e4
