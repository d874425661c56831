"""The page of tokens, driven by hand and keys in a browser."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from didlab.explore.tokens import State, view

from .conftest import Watched
from .reading import same

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]


def shown(page: Page, state: State) -> None:
    same(page, state, lambda s: view(s).measures)


def typed(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label)
    field.fill(text)
    field.press("Enter")


def test_the_first_view_needs_no_link(watched: Opener) -> None:
    page = watched().open("/tokens/")
    shown(page, State())
    assert page.locator(".note").inner_text() == view(State()).notes[0]
    assert page.locator("article h3").all_inner_texts() == [p.title for p in view(State()).pictures]


def test_responses_are_edited_by_hand_and_what_is_wrong_is_said(watched: Opener) -> None:
    page = watched().open("/tokens/")
    typed(page, "Chosen response", "the film is not bad")
    state = State(chosen=("the", "film", "is", "not", "bad"))
    shown(page, state)
    typed(page, "Rejected response", "the film was bad")
    page.wait_for_selector("[role=alert]")
    assert "`rejected` must be tokens of the vocabulary" in page.locator("[role=alert]").inner_text()
    shown(page, state)  # what was there before stays
    typed(page, "Vocabulary", "the film is not bad was")
    page.wait_for_selector("[role=alert]", state="detached")
    vocabulary, rejected = ("the", "film", "is", "not", "bad", "was"), ("the", "film", "was", "bad")
    shown(page, replace(state, vocabulary=vocabulary, rejected=rejected))


def test_a_link_opens_its_state_and_keys_move_it(watched: Opener) -> None:
    page = watched().open("/tokens/?model=last-layer&width=3&loss=slic:lam:0.5&rate=0.1&seed=4")
    start = State(model="last-layer", width=3, loss="slic:lam:0.5", rate=0.1, seed=4)
    shown(page, start)
    page.get_by_role("slider", name="Learning rate").focus()
    page.keyboard.press("ArrowRight")
    shown(page, replace(start, rate=0.11))
    page.get_by_label("Convention", exact=True).select_option("swapped")
    shown(page, replace(start, rate=0.11, loss="slic:lam:0.5:convention:swapped"))
    page.get_by_label("Loss", exact=True).select_option("R-DPO")
    shown(page, replace(start, rate=0.11, loss="r-dpo"))
    page.get_by_label("Model", exact=True).select_option("a Markov chain")
    shown(page, State(model="chain", loss="r-dpo", rate=0.11, seed=4))


def test_a_link_to_tokens_of_no_vocabulary_is_answered_beside_the_default(watched: Opener) -> None:
    page = watched().open("/tokens/?vocabulary=a,b")
    page.wait_for_selector("[role=alert]")
    assert "`chosen` must be tokens of the vocabulary (a b)" in page.locator("[role=alert]").inner_text()
    shown(page, State())


def test_the_numbers_of_every_token_are_saved(watched: Opener, tmp_path: Path) -> None:
    page = watched().open("/tokens/?chosen=not,good&model=chain")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save numbers (CSV)").click()
    saved.value.save_as(tmp_path / "numbers.csv")
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    expected = view(State(chosen=("not", "good"), model="chain")).columns
    assert [r["token"] for r in rows] == expected["token"] == ["not", "good", "the", "film", "is", "bad"]
    assert [float(r["step"]) for r in rows] == expected["step"]
