"""The page of policies, driven by hand and keys in a browser."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Page

from didlab.explore.policies import State, view

from .conftest import Watched
from .reading import same

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]


def shown(page: Page, state: State) -> None:
    same(page, state, lambda s: view(s).measures)


def test_a_link_opens_its_state_and_keys_move_it(watched: Opener) -> None:
    page = watched().open("/policies/?k=5&tau=0.7&beta=2")
    start = State(k=5, tau=0.7, beta=2.0)
    shown(page, start)
    page.locator("[role=slider]:not(.slot)").first.focus()
    page.keyboard.press("ArrowRight")
    shown(page, replace(start, tau=0.71))


def test_a_bar_is_moved_by_keys_and_by_hand(watched: Opener) -> None:
    page = watched().open("/policies/?preset=uniform&k=4")
    page.get_by_role("slider", name="outcome 2").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    page.wait_for_function("() => location.search.includes('reference=800,1000,1,800')")
    shown(page, State(preset="uniform", k=4, reference=tuple(map(Fraction, (800, 1000, 1, 800)))))
    box = page.get_by_role("slider", name="outcome 4").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9, steps=5)
    page.mouse.up()
    height = page.get_by_role("slider", name="outcome 4").get_attribute("aria-valuenow")
    assert height and 50 < int(height) < 150
    shown(page, State(preset="uniform", k=4, reference=tuple(map(Fraction, (800, 1000, 1, int(height))))))


def test_weights_are_typed_and_what_is_wrong_is_said_beside_them(watched: Opener) -> None:
    page = watched().open("/policies/")
    page.get_by_label("Reference", exact=True).select_option("weights of my own")
    field = page.get_by_label("Reference weights")
    field.fill("1/4, 1/0")
    field.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "`reference` must be" in page.locator("[role=alert]").inner_text()
    field.fill("1/4, 3/4")
    field.press("Enter")
    page.wait_for_selector("[role=alert]", state="detached")
    shown(page, State(reference=(Fraction(1, 4), Fraction(3, 4))))


def test_what_is_saved_is_what_is_shown(watched: Opener, tmp_path: Path) -> None:
    page = watched().open("/policies/?k=3")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save numbers (CSV)").click()
    saved.value.save_as(tmp_path / "numbers.csv")
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    assert [float(r["DID"]) for r in rows] == view(State(k=3)).columns["DID"]
    with page.expect_download() as saved:
        page.locator('[data-picture="distributions"][data-save="svg"]').click()
    saved.value.save_as(tmp_path / "picture.svg")
    assert "fill: rgb(" in (tmp_path / "picture.svg").read_text()
    with page.expect_download() as saved:
        page.locator('[data-picture="distributions"][data-save="png"]').click()
    saved.value.save_as(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Copy Python").click()
    page.get_by_text("Python copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == view(State(k=3)).python
