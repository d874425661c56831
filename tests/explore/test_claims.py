"""Claims: every statement opens, and what is shown of its instance is what the engine decides of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from didlab import claims
from didlab.engine.measured import MeasuredClaim
from didlab.explore import statements, walk
from didlab.explore.claims import State, view
from didlab.explore.instances import line
from didlab.explore.statements import listed

from .reading import printed
from .states import ALL, moved

TEMPERING = "did.claim-4.1.reinforcing.tempering"


@given(st.lists(st.integers(1, 9), min_size=2, max_size=2), st.integers(101, 400))
def test_the_residual_is_the_difference_of_entropies(base: list[int], percent: int) -> None:
    edit = f"base: {base[0]}, {base[1]} | powers: {percent / 100}, 1"
    p, s = np.array(base) / sum(base), percent / 100
    q = p**s / p / (p**s / p).sum()
    shown = view(State(id=TEMPERING, edit=edit)).measures
    # Two outcomes: a handful of rounded terms below 1, and powers whose logarithms are below 9 (9 eps relative error).
    assert abs(shown["residual of the conclusion"] - (entropy(p) - entropy(q))) < 64 * np.finfo(float).eps
    met = base[0] != base[1]
    assert shown["hypotheses (1 true, -1 false, 0 open)"] == (1 if met else -1)
    assert shown[walk.DECIDED] == (1 if percent > 200 or not met else -1)


@given(moved)
@settings(max_examples=20)
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


def test_every_statement_opens() -> None:
    for e in listed(State()):
        state = State(id=e["id"])
        html = statements.statement(state)
        assert e["verdict"] in html and e["id"] in html
        shown = view(state)
        assert bool(shown.pictures or shown.measures) != (
            e["id"] not in ALL or isinstance(ALL[e["id"]], MeasuredClaim)
        ) and (bool(shown.notes) != bool(shown.pictures and shown.pictures[0].name == "walk"))


def test_the_hypotheses_that_fail_on_the_way_are_marked() -> None:
    shown = view(State(id="did.thm-3.5.order-implies-power-law"))
    said = list(shown.columns["statement"])
    assert {"false", "without a say"} <= set(said)
    assert "hypotheses fail" in shown.pictures[0].svg and "without its hypotheses" in shown.pictures[0].title


def test_typed_numbers_are_decided_exactly() -> None:
    state = State(id=TEMPERING, edit="base: 0.25, 0.75 | powers: 3, 1")
    assert view(state).measures[walk.DECIDED] == 1
    state = State(id=TEMPERING, edit="powers: 2, 1")  # the boundary: the two entropies are equal, exactly
    assert view(state).measures[walk.DECIDED] == -1
    state = State(id=TEMPERING, edit="powers: 2.000001, 1")
    assert view(state).measures[walk.DECIDED] == 1


def test_statements_without_numbers_say_so() -> None:
    runs = next(id for id, c in ALL.items() if isinstance(c, MeasuredClaim))
    assert "training runs" in view(State(id=runs)).notes[0]
    models = next(e["id"] for e in claims.catalogue() if e["verdict"] == "needs-model")
    assert "language models" in view(State(id=models)).notes[0]
    whole = "gip.sec-4.token-vs-sentence"
    assert "whole things" in view(State(id=whole)).notes[0] and line(State(id=whole)) is None
