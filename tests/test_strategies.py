"""Strategies of Hypothesis: what they draw is within their bounds, and bounds that are none are refused at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from didlab.claims import load
from didlab.errors import ArgumentError
from didlab.strategies import exponents, instances, policies, policy_tuples, weights

FOUR = next(c for c in load("did") if c.id == "did.app-d.1")  # of four outcomes


@given(weights(min_outcomes=3, max_outcomes=4, high=7))
def test_weights_are_within_their_bounds(drawn: list[int]) -> None:
    assert len(drawn) in (3, 4) and 1 <= min(drawn) <= max(drawn) <= 7


@given(policy_tuples(3, max_outcomes=5))
def test_policies_of_a_tuple_are_over_the_same_outcomes(drawn: tuple[Any, ...]) -> None:
    (k,) = {p.size for p in drawn}
    assert 2 <= k <= 5
    np.testing.assert_allclose([np.exp(p).sum() for p in drawn], 1.0, rtol=1e-15 * k)


@pytest.mark.parametrize(("call", "name"), [
    (lambda: weights(min_outcomes=0), "min_outcomes"), (lambda: weights(min_outcomes=7), "min_outcomes"),
    (lambda: weights(high="a"), "high"), (lambda: policies(max_outcomes=2.5), "max_outcomes"),
    (lambda: policy_tuples(0), "count"), (lambda: policy_tuples(2, min_outcomes=9), "min_outcomes"),
    (lambda: exponents(max_value=0), "max_value"), (lambda: instances(3), "statement"),
    (lambda: instances(FOUR, largest=3), "largest"), (lambda: instances(FOUR, largest="4"), "largest"),
])
def test_bad_input_is_refused_before_anything_is_drawn(call: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}`"):
        call()
