"""The page of objectives, driven by hand and keys in a browser."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from didlab.explore.objectives import State, joined, optima, training, view

from .conftest import Watched
from .reading import measures, same

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]


def shown(page: Page, state: State) -> None:
    same(page, state, lambda s: view(s).measures)


def title(page: Page, picture: str) -> str:
    return page.locator(f"#{picture} h3").inner_text()


def test_a_link_opens_its_state_and_keys_move_a_hyper_parameter(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=simpo:gamma:1.0,dpo&k=5&steps=100")
    start = State(losses=("simpo:gamma:1.0", "dpo"), k=5, steps=100)
    shown(page, start)
    assert title(page, "optima") == "The target is the optimum of DPO"
    page.get_by_role("slider", name="DPO: β").focus()
    page.keyboard.press("ArrowRight")
    shown(page, replace(start, losses=("simpo:gamma:1.0", "dpo:beta:1.1")))
    assert title(page, "optima") == "The target is the optimum of none of the losses"


def test_losses_are_chosen_and_keep_their_hyper_parameters(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=dpo:beta:0.5&k=4&steps=50")
    start = State(losses=("dpo:beta:0.5",), k=4, steps=50)
    shown(page, start)
    for one in ("KTO", "DPO, once more"):
        page.get_by_role("button", name="Losses, up to six").click()
        page.get_by_placeholder("Search").fill(one)
        page.get_by_role("option", name=one, exact=True).click()
        page.keyboard.press("Escape")
    shown(page, replace(start, losses=("dpo:beta:0.5", "kto", "dpo")))


def test_policies_pairs_and_training_are_set_by_hand(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=dpo,cpo&k=6&steps=50")
    state = State(losses=("dpo", "cpo"), k=6, steps=50)
    for label, option, change in (
        ("Reference", "near-deterministic", {"preset": "near-deterministic"}),
        ("Target", "another random policy", {"target": "random"}),
        ("Chosen responses come from the", "target", {"chosen": "target"}),
        ("Rejected ones come from the", "reference", {"rejected": "reference"}),
        ("Losses learn from", "a data set", {"pairs": 10_000}),
        ("Learning rate", "0.01", {"rate": 0.01}),
        ("Training and flow start at", "the uniform policy", {"start": "uniform"}),
    ):
        page.get_by_label(label, exact=True).select_option(option)
        state = replace(state, **change)
        shown(page, state)
    page.get_by_role("slider", name="Steps").focus()
    page.keyboard.press("ArrowRight")
    state = replace(state, steps=100)
    shown(page, state)
    field = page.get_by_label("Its chosen and rejected outcome")
    field.fill("2, 3")
    field.press("Enter")
    shown(page, replace(state, pair=(2, 3)))
    assert title(page, "plane").startswith("One step on chosen 2, rejected 3")


def test_what_is_typed_wrongly_is_said_and_the_page_goes_on(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=dpo,dop&k=4&steps=50")
    assert "`losses` must be a loss" in page.locator("[role=alert]").inner_text()
    page = watched().open("/objectives/?losses=dpo&k=4&steps=50")
    field = page.get_by_label("Its chosen and rejected outcome")
    for typed in ("2, 9", "here", "1"):
        field.fill(typed)
        field.press("Enter")
        page.wait_for_function("typed => document.querySelector('[role=alert]')?.innerText.includes(typed)", arg=typed)
        assert "`pair` must be" in page.locator("[role=alert]").inner_text()
    field.fill("")
    field.press("Enter")
    page.wait_for_selector("[role=alert]", state="detached")
    shown(page, State(losses=("dpo",), k=4, steps=50))


def test_a_slider_moved_where_a_loss_is_not_defined_is_answered_in_words(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=slic:beta:0.001:convention:slope&k=4&steps=50")
    page.get_by_role("slider", name="SLiC: β").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("[role=alert]")
    assert "`beta` must be a finite number above 0" in page.locator("[role=alert]").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=alert]", state="detached")
    shown(page, State(losses=("slic:beta:0.001:convention:slope",), k=4, steps=50))


def test_the_same_policies_are_on_their_own_page(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=dpo&preset=skewed&k=4&tau=0.7&steps=50")
    shown(page, State(losses=("dpo",), preset="skewed", k=4, tau=0.7, steps=50))
    page.get_by_role("link", name="Reference and target on their own page").click()
    page.wait_for_url("**/policies/?preset=skewed&k=4&tau=0.7")


def test_what_takes_longer_is_computed_when_asked(watched: Opener) -> None:
    page = watched().open("/objectives/?losses=dpo,slic&k=70&steps=50")
    state = State(losses=("dpo", "slic"), k=70, steps=50)
    quick = joined([optima(state, slow=False), training(state, slow=False)])
    same(page, state, lambda _: quick.measures)
    assert "The optimum of SLiC takes longer here" in page.locator("body").inner_text()
    page.get_by_role("button", name="Compute what takes longer").click()
    shown(page, state)
    assert "JS(target, optimum of SLiC)" in measures(page)


def test_what_is_saved_is_what_is_shown(watched: Opener, tmp_path: Path) -> None:
    page = watched().open("/objectives/?losses=dpo,kto&k=3&steps=50")
    state = State(losses=("dpo", "kto"), k=3, steps=50)
    shown(page, state)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save numbers (CSV)").click()
    saved.value.save_as(tmp_path / "numbers.csv")
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    assert [float(r["y"]) for r in rows] == view(state).columns["y"]
    page.get_by_role("button", name="Copy Python").click()
    page.get_by_text("Python copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == view(state).python


def test_it_fits_a_phone(watched: Opener) -> None:
    page = watched(360, 740, "dark").open("/objectives/?losses=dpo,slic,kto&k=4&steps=50")
    shown(page, State(losses=("dpo", "slic", "kto"), k=4, steps=50))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = "all => all.map(e => e.getBoundingClientRect().right).filter(right => right > 361)"
    assert page.eval_on_selector_all(".didlab-view svg, .didlab-view table, .didlab-controls select", wide) == []
