"""Tokens: what is shown against derivatives and retrained models, the Python that repeats it, links, and typing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didlab.errors import ArgumentError
from didlab.explore.responses import differing
from didlab.explore.state import parse
from didlab.explore.tokens import State, view
from didlab.sequences import gradient, log_probability, token_gradients
from didlab.sequences.model import token_log_probabilities, with_parameters

from .reading import printed
from .states import of_tokens


@settings(deadline=None)
@given(of_tokens())
def test_the_gradients_are_dense_ones_and_the_change_is_that_of_the_moved_model(state: State) -> None:
    (w, l), model, shown = state.tokens(), state.token_model(), view(state)  # noqa: E741
    g_w, g_l = gradient(model, w), gradient(model, l)
    measures = shown.measures
    eps = np.finfo(float).eps
    # Sums of fewer than 1,000 products, whose sizes add up to at most 12 times the squared norms of 12 gradients.
    close = 1000 * eps * 12 * max(float((token_gradients(model, y) ** 2).sum()) for y in (w, l))
    assert measures["squared norm, chosen"] == pytest.approx((g_w * g_w).sum(), abs=close)
    assert measures["squared norm, rejected"] == pytest.approx((g_l * g_l).sum(), abs=close)
    assert measures["inner product"] == pytest.approx((g_w * g_l).sum(), abs=close)
    before = [float(log_probability(model, y)) for y in (w, l)]
    slopes = state.objective().slopes(
        *([x] for x in (*before, *before)), chosen_length=len(w), rejected_length=len(l)
    )
    assert measures["pull along the chosen"] == pytest.approx(-float(slopes[0][0]), rel=1e-12, abs=1e-300)
    assert measures["pull along the rejected"] == pytest.approx(-float(slopes[1][0]), rel=1e-12, abs=1e-300)
    direction = measures["pull along the chosen"] * g_w + measures["pull along the rejected"] * g_l
    moved = with_parameters(model, model.parameters + state.rate * direction)  # type: ignore[type-var]
    # Two log-probabilities are subtracted, each a sum of up to 12 logarithms with an error of a few ulp of its logits.
    logits = 12 * (1 + 2 * np.abs(moved.parameters).max() * 12 + abs(before[0]) + abs(before[1]))
    for name, y, old in (("chosen", w, before[0]), ("rejected", l, before[1])):
        found = measures[f"change of log π({name}), nats"]
        assert found == pytest.approx(float(log_probability(moved, y)) - old, abs=64 * eps * logits)
        first = state.rate * float((gradient(model, y) * direction).sum())
        size = state.rate * (abs(slopes[0][0]) + abs(slopes[1][0])) * close
        assert measures[f"change of log π({name}) to first order, nats"] == pytest.approx(first, abs=size)
        assert found <= first + size + 64 * eps * logits


@settings(deadline=None)
@given(of_tokens())
def test_the_columns_add_up_to_the_measures(state: State) -> None:
    shown = view(state)
    table = {k: np.array(v) for k, v in shown.columns.items()}
    for name in ("chosen", "rejected"):
        here = table["response"] == name
        assert tuple(table["token"][here]) == getattr(state, name)
        for column, measure in (("first order", " to first order"), ("step", "")):
            part = table[column][here]
            total = shown.measures[f"change of log π({name}){measure}, nats"]
            assert part.sum() == pytest.approx(total, abs=1e-12 * (1 + np.abs(table[column]).sum()) * state.rate)


@settings(deadline=None)
@given(of_tokens())
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


@settings(max_examples=30, deadline=None)
@given(of_tokens())
def test_three_models_are_one_policy(state: State) -> None:
    likelihood = {
        m: token_log_probabilities(replace(state, model=m).token_model(), state.tokens()[0])
        for m in ("offsets", "positions", "prefixes")
    }
    np.testing.assert_array_equal(likelihood["positions"], likelihood["offsets"])
    np.testing.assert_array_equal(likelihood["prefixes"], likelihood["offsets"])


def test_the_first_view_shows_a_step_that_falls_into_another_case_than_its_gradients_say() -> None:
    shown = view(State())
    assert shown.measures["change of log π(chosen) to first order, nats"] > 0
    assert shown.measures["change of log π(chosen), nats"] < 0
    assert "the step itself is in case 2 of Table 1: both fall, the rejected one further" in shown.notes[0]
    assert "the step itself" not in view(State(rate=0.01)).notes[0]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State(model="prefixes"), "To first order, case 1 of Table 1"),
        # one token against itself: every change is 0, and all conditions are ties
        (State(chosen=("the",), rejected=("the",)), "meet the condition of cases 1 and 2 and 3"),
        # SPPO pulls towards 1/beta and away from -1/beta with equal strength at the reference
        (State(loss="sppo"), "which is for steps of DPO"),
    ],
)
def test_the_notes_name_the_case(state: State, said: str) -> None:
    assert said in view(state).notes[0]


@pytest.mark.parametrize(
    ("chosen", "rejected", "loss", "said"),
    [
        # One uniform row of two tokens: gradients are in one direction, of sizes 3/2 (a a a), 1/2 (a a b), -1 (b b).
        ("aa", "bb", "dpo", "case 1"), ("aab", "aaa", "dpo", "case 2"), ("aaa", "aab", "dpo", "case 3"),
        ("aab", "aaa", "cpo:lam:10", "no case"),
    ],
)  # fmt: skip
def test_every_case_of_table_1(chosen: str, rejected: str, loss: str, said: str) -> None:
    state = State(("a", "b"), tuple(chosen), tuple(rejected), model="logits", spread=0.0, loss=loss, rate=0.001)
    assert view(state).notes[0].startswith(f"To first order, {said}")


@pytest.mark.parametrize(
    ("pair", "where"),
    [
        (("abcd", "abcd"), ("----", "----")), (("abcd", "abxd"), ("--*-", "--*-")), (("ab", "abc"), ("--", "--*")),
        (("abab", "ab"), ("--**", "--")), (("xab", "ab"), ("*--", "--")), (("abc", "xyz"), ("***", "***")),
        (("abcd", "axxd"), ("-**-", "-**-")), (("acb", "axyb"), ("-*-", "-**-")),
    ],
)  # fmt: skip
def test_where_two_responses_differ(pair: tuple[str, str], where: tuple[str, str]) -> None:
    assert tuple("".join("*" if d else "-" for d in part) for part in differing(*pair)) == where


@given(st.text("ab", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=8))
def test_without_what_differs_both_are_the_same(w: str, l: str) -> None:  # noqa: E741
    where = differing(w, l)
    left = ["".join(t for t, d in zip(y, part, strict=True) if not d) for y, part in zip((w, l), where, strict=True)]
    assert left[0] == left[1]


def test_a_star_marks_the_tokens_that_differ_in_every_picture() -> None:
    pictures = {p.name: p.svg for p in view(State()).pictures}
    assert list(pictures) == ["products", "chosen-tokens", "rejected-tokens", "rates"]
    assert all(f">{t}<" in pictures["products"] for t in ("good*", "bad*", "film"))
    assert ">good*<" in pictures["chosen-tokens"] and ">bad*<" in pictures["rejected-tokens"]


@pytest.mark.parametrize(
    "typed",
    [
        {"vocabulary": "a"}, {"vocabulary": "a b c d e f g"}, {"vocabulary": "a a"}, {"vocabulary": "a abcdefghi"},
        {"vocabulary": ""}, {"chosen": ""}, {"rejected": "a " * 13}, {"model": "transformer"}, {"seed": "-1"},
        {"seed": "x"}, {"spread": "6"}, {"spread": "nan"}, {"width": "0"}, {"width": "17"}, {"loss": "dpo:beta"},
        {"loss": "dpo:beta:-1"}, {"loss": "ppo"}, {"rate": "0"}, {"rate": "1e9"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(typed: dict[str, str]) -> None:
    state, problems = parse(State, typed)
    (name,) = typed
    assert state == State() and len(problems) == 1
    assert f"`{name}`" in problems[0] or (name == "loss" and "`beta`" in problems[0]) or "`losses`" in problems[0]


@pytest.mark.parametrize("name", ["chosen", "rejected"])
def test_a_token_of_no_vocabulary_is_said(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be tokens of the vocabulary .the film .*; got 'cat dog'"):
        view(State(**{name: ("the", "cat", "dog")}))  # type: ignore[arg-type]
