"""The tour: what each step says is so, its Python, and what a person may type."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import entropy

from didlab import claims
from didlab.explore import claims as part
from didlab.explore import policies, walk
from didlab.explore.state import parse
from didlab.explore.steps import CONTROLS, THEOREM, WEIGHTS, State, step, text
from didlab.explore.tour import view

from .reading import printed
from .states import of_tour

EPS = np.finfo(float).eps
REFERENCE = np.array([float(w) for w in WEIGHTS]) / float(sum(WEIGHTS))

@given(of_tour)
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


@given(of_tour)
def test_a_step_has_one_picture_one_control_and_a_way_on(state: State) -> None:
    assert len(view(state).pictures) == 1 and step(state).control in CONTROLS
    html = text(state)
    assert 2 <= html.count("<p>") - 1 <= 3  # the last one is the link
    href = urlsplit(html.split('href="')[1].split('"')[0].replace("&amp;", "&"))
    kind = {"/policies/": policies.State, "/claims/": part.State}[href.path]
    _, problems = parse(kind, dict(parse_qsl(href.query)))
    assert not problems


@given(of_tour.filter(lambda s: s.step == 2))
def test_the_did_of_the_second_step_is_scipys(state: State) -> None:
    policy = REFERENCE ** (1 / state.tau)
    did = policy / policy.sum() / REFERENCE
    shown = view(state)
    # Four outcomes: powers of relative error 8 eps each, weighted by logarithms below 12.
    assert abs(shown.measures["H(DID)"] - entropy(did)) < 512 * EPS
    title = shown.pictures[0].title
    assert ("more" in title, "less" in title) == (state.tau > 0.5, state.tau < 0.5)


@given(of_tour.filter(lambda s: s.step in (3, 4)))
def test_preferences_are_the_sigmoid_of_the_reward(state: State) -> None:
    log_p = np.log(REFERENCE) / state.tau
    reward = state.beta * (log_p - np.log(REFERENCE))
    asked = expit(reward[:, None] - reward[None, :])
    shown = view(state)
    if state.step == 3:
        np.testing.assert_allclose(shown.columns["preferred to 4"], asked[:, 3], rtol=1e-13)
        return
    # The ideal rejected policy gives the same preferences: relative errors of a few exponentials, below 40 eps each.
    assert shown.measures["largest error, ideal"] < 200 * EPS
    rejected = np.array(shown.columns["ideal rejected"])
    both = REFERENCE[:, None] * rejected[None, :]
    np.testing.assert_allclose(both / (both + both.T), asked, rtol=1e-12)


def test_the_counterexample_is_one_and_the_sign_changes_at_one_half() -> None:
    shown = view(State(step=5))
    assert shown.measures[walk.DECIDED] == -1 and "false" in shown.pictures[0].title
    taus, said = np.array(shown.columns["tau"]), np.array(shown.columns["statement"])
    np.testing.assert_array_equal(said == "true", taus < 0.5)
    np.testing.assert_array_equal(said == "false", taus >= 0.5)
    assert view(State(step=5, tau=0.49)).measures[walk.DECIDED] == 1
    assert view(State(step=5, tau=0.5)).measures[walk.DECIDED] == -1


@given(st.integers(25, 300).map(lambda n: n / 100))
def test_what_is_true_instead_does_not_depend_on_the_reference(skew: float) -> None:
    shown = view(State(step=6, skew=skew))
    taus, said = np.array(shown.columns["tau"]), np.array(shown.columns["statement"])
    np.testing.assert_array_equal(said == "true", taus < 0.5)
    np.testing.assert_array_equal(said == "nothing claimed", taus >= 0.5)
    gap = np.array(shown.columns["residual"])
    p = np.array([float(w) for w in WEIGHTS]) ** skew
    # The base is rounded to six decimals, and the entropy of q moves by at most its derivative, below 20 here.
    direct = [entropy(p) - entropy(p ** (1 / t - 1)) for t in taus]
    np.testing.assert_allclose(gap, direct, atol=1e-4)


def test_the_theorem_is_judged_as_it_says() -> None:
    claim = next(c for c in claims.load() if c.id == THEOREM)
    assert claims.recorded()[THEOREM] == "conditional" and claim.assumption is not None
    assert "<math" in text(State(step=5)) and "<math" in text(State(step=6)) and "<math" not in text(State(step=4))


@pytest.mark.parametrize(
    "typed",
    [
        {"step": "0"}, {"step": "7"}, {"step": "two"}, {"step": "1.5"}, {"tau": "1"}, {"tau": "0"}, {"tau": "cold"},
        {"beta": "0"}, {"beta": "-1"}, {"beta": "inf"}, {"skew": "9"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(typed: dict[str, str]) -> None:
    state, problems = parse(State, typed)
    assert state == State() and len(problems) == 1 and f"`{next(iter(typed))}`" in problems[0]
