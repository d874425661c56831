"""Policies: what is shown against other routes, the Python that repeats it, links, and what a person may type."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from scipy.special import rel_entr, softmax
from scipy.stats import entropy as scipy_entropy

from didlab.errors import ArgumentError
from didlab.explore.policies import State, view
from didlab.explore.presets import PRESETS, logits, logits_python
from didlab.explore.state import parse

from .reading import printed
from .states import of_policies


@given(of_policies())
def test_the_measures_are_those_of_scipy(state: State) -> None:
    reference, target = state.logits()
    p, t = softmax(reference), softmax(target)
    did = (t / p) / (t / p).sum()
    shown = view(state).measures
    # Sums of K products of rounded numbers: relative error K eps and the conditioning of p log p.
    close = {"rtol": 1e-9, "atol": 1e-12 * len(p)}
    np.testing.assert_allclose(shown["H(reference)"], scipy_entropy(p), **close)
    np.testing.assert_allclose(shown["H(target)"], scipy_entropy(t), **close)
    np.testing.assert_allclose(shown["H(DID)"], scipy_entropy(did), **close)
    np.testing.assert_allclose(shown["KL(target || reference)"], rel_entr(t, p).sum(), **close)
    np.testing.assert_allclose(shown["KL(reference || target)"], rel_entr(p, t).sum(), **close)
    rejected = p * (p / t) ** state.beta
    if np.isfinite(rejected).all() and (rejected > 0).all():
        np.testing.assert_allclose(
            shown["H(ideal rejected)"], scipy_entropy(rejected / rejected.sum()), rtol=1e-8, atol=1e-12 * len(p)
        )


@given(of_policies())
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


@given(of_policies())
def test_the_numbers_are_the_pictures(state: State) -> None:
    table = view(state).columns
    for name in ("reference", "target", "DID", "ideal rejected"):
        assert len(table[name]) == len(table["outcome"])
        np.testing.assert_allclose(np.sum(table[name]), 1, rtol=1e-12)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_is_its_python(preset: str) -> None:
    made = eval(logits_python(preset, 7, 3), {"np": np})
    np.testing.assert_array_equal(made, logits(preset, 7, 3))


def test_the_title_knows_when_there_is_no_difference() -> None:
    assert view(State(tau=0.5)).pictures[0].title == "The DID has the same entropy as the reference"
    assert view(State(tau=0.49)).pictures[0].title == "The DID has less entropy than the reference"
    assert view(State(tau=0.51)).pictures[0].title == "The DID has more entropy than the reference"


def test_the_ring_is_where_the_state_is() -> None:
    def ring(tau: float) -> float:
        svg = next(p.svg for p in view(State(tau=tau)).pictures if p.name == "claim-4-1")
        return float(svg.split('class="ring" cx="')[1].split('"')[0])

    assert ring(0.1) < ring(0.5) < ring(2.0) < ring(10.0)


@pytest.mark.parametrize(
    "typed",
    [
        {"tau": "warm"}, {"tau": "-1"}, {"tau": "nan"}, {"tau": "0"}, {"beta": "1e9"}, {"k": "1"}, {"k": "2.5"},
        {"k": "100000"}, {"seed": "-3"}, {"preset": "mine"}, {"reference": "1/0, 2"}, {"reference": "1"},
        {"reference": "0, 1"}, {"reference": "-1, 2"}, {"reference": "a, b"}, {"colour": "red"},
        {"policy": "1/3"}, {"reference": "1," * 2000 + "1"},
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(typed: dict[str, str]) -> None:
    state, problems = parse(State, typed)
    assert state == State() and len(problems) == 1 and f"`{next(iter(typed))}`" in problems[0]


def test_weights_of_another_length_are_refused() -> None:
    with pytest.raises(ArgumentError, match="as many weights as the reference, 2; got 3"):
        view(State(reference=(Fraction(1), Fraction(2)), policy=(Fraction(1),) * 3))
