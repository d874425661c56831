"""The page of a table of scores, driven by hand and keys in a browser."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FileChooser, Page, expect

from didlab.explore.data import EXAMPLE, State, Table, diagnosis, opened, prompts, uploaded, view
from didlab.report.diagnosis import number

from .conftest import Watched, served
from .reading import PATIENCE, measures, state_of

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]

TABLE = opened(State(table="example"))
assert TABLE is not None


def shown(page: Page, state: State, table: Table = TABLE) -> None:
    """Before long the address is the state's, and the page shows its diagnosis."""
    entries = diagnosis(state, table).entries
    expected = {
        e.name: number(e.value, e.unit) + ("" if e.unit in ("share", "") else f" {e.unit}") for e in entries
    }
    until = time.monotonic() + PATIENCE
    while (state_of(page, State), measures(page)) != (state, expected) and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert state_of(page, State) == state
    assert measures(page) == expected
    titles = page.locator("article h3").all_inner_texts()
    assert titles == [p.title for p in view(state, table).pictures]


def test_the_example_is_shown_where_nothing_is_given(watched: Opener) -> None:
    page = watched().open("/data/")
    shown(page, State())
    assert "The example" in page.locator(".note").first.inner_text()


def test_objective_beta_and_prompt_are_chosen(watched: Opener) -> None:
    page = watched().open("/data/?objective=simpo&beta=2")
    state = State(objective="simpo", beta=2.0)
    shown(page, state)
    page.get_by_role("slider", name="β").focus()
    page.keyboard.press("ArrowRight")
    shown(page, replace(state, beta=2.2))
    page.get_by_label("Objective", exact=True).select_option("R-DPO")
    shown(page, State(objective="r-dpo", beta=2.2))
    name = prompts(TABLE)[2]
    page.get_by_label("Prompt", exact=True).select_option(name)
    shown(page, State(objective="r-dpo", beta=2.2, prompt=name))
    page.reload()  # the address is the whole state, its prompt with commas too
    shown(page, State(objective="r-dpo", beta=2.2, prompt=name))
    page.get_by_label("Prompt", exact=True).select_option("all prompts")
    shown(page, State(objective="r-dpo", beta=2.2))


def test_a_file_is_opened_in_the_browser_and_a_wrong_one_is_said(watched: Opener, tmp_path: Path) -> None:
    page = watched().open("/data/")
    page.wait_for_selector("[data-measure]")
    page.get_by_label("Table", exact=True).select_option("a file of my own")
    page.get_by_text("nothing of it is kept").wait_for()
    assert measures(page) == {} and page.locator("[role=alert]").count() == 0
    wrong = tmp_path / "wrong.parquet"
    wrong.write_text("prompt,chosen,rejected\n")
    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    until = time.monotonic() + PATIENCE
    while not choosers and time.monotonic() < until:  # a button that has just been drawn may not listen yet
        page.get_by_test_id("marimo-plugin-file-upload-button").press("Enter")
        page.wait_for_timeout(300)
    assert choosers, "no key opens the file chooser"
    choosers[0].set_files(wrong)
    page.wait_for_selector("[role=alert]")
    said = page.locator("[role=alert]").inner_text()
    assert "wrong.parquet is not a readable Parquet file, such as `didlab score` writes" in said
    assert measures(page) == {}
    page.locator("input[type=file]").set_input_files(EXAMPLE)
    page.wait_for_selector("[role=alert]", state="detached")
    own = opened(State(table="own"), uploaded(EXAMPLE.name, EXAMPLE.read_bytes()))
    assert own is not None
    shown(page, State(table="own"), own)
    expect(page.locator(".note").first).to_contain_text(EXAMPLE.name)
    page.get_by_label("Table", exact=True).select_option("the example")
    shown(page, State())


def test_a_link_to_a_prompt_of_another_table_is_answered(watched: Opener) -> None:
    page = watched().open("/data/?prompt=who")
    page.wait_for_selector("[role=alert]")
    assert "no prompt 'who'" in page.locator("[role=alert]").inner_text()
    shown(page, State())


def test_what_a_measurement_bears_on_opens(watched: Opener) -> None:
    page = watched().open("/data/")
    page.get_by_role("link", name="did.sec-4.2.displacement", exact=True).first.click()
    page.wait_for_url("**/claims/?id=did.sec-4.2.displacement")
    page.locator("article.claim", has_text="did.sec-4.2.displacement").wait_for()


def test_the_measurements_are_saved(watched: Opener, tmp_path: Path) -> None:
    page = watched().open("/data/?objective=ipo")
    page.wait_for_selector("[data-measure]")
    page.wait_for_function("() => location.search.includes('objective=ipo')")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save numbers (CSV)").click()
    saved.value.save_as(tmp_path / "numbers.csv")
    rows = list(csv.DictReader((tmp_path / "numbers.csv").read_text().splitlines()))
    told = json.loads(json.dumps(view(State(objective="ipo")).columns))
    assert [r["name"] for r in rows] == told["name"]
    assert [float(r["estimate"]) for r in rows] == told["estimate"]


def test_the_command_opens_the_table_that_it_is_given(browser: Browser, tmp_path: Path) -> None:
    mine = tmp_path / "mine.parquet"
    mine.write_bytes(EXAMPLE.read_bytes())
    with served("--data", str(mine)) as address:
        assert address.endswith("/data/")
        page = browser.new_page()
        page.goto(address)
        shown(page, State())
        assert str(mine) in page.locator(".note").first.inner_text()
        page.get_by_label("Table", exact=True).select_option("the example")
        shown(page, State(table="example"))
        expect(page.locator(".note").first).to_contain_text("The example")  # the numbers are those of before
        page.close()
