"""States that are saved with the button and opened again, by the command line and in the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from didlab.explore.data import EXAMPLE
from didlab.explore.state import parse

from .conftest import Watched, served
from .reading import measures, settled

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]

PLACES = [
    "/policies/?reference=1/4,3/4&tau=0.3", "/claims/?id=did.claim-4.1.converse&t=0.4", "/claims/?words=entropy",
    "/objectives/?losses=ipo&k=4&tau=0.7", "/tokens/?chosen=not,good&model=chain", "/data/?objective=simpo&beta=2",
    "/tour/?step=5&tau=0.51",
]


def titles(place: str) -> list[str]:
    """The titles of all that the library draws for a link."""
    where = urlsplit(place)
    part = import_module(f"didlab.explore.{where.path.strip('/')}")
    state, wrong = parse(part.State, dict(parse_qsl(where.query)))
    assert not wrong
    return [p.title for p in part.view(state).pictures]


def shown(page: Page, expected: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Numbers and drawings, once every one is there."""
    page.wait_for_selector("[data-measure]", timeout=60_000)
    for title in expected:
        page.get_by_role("heading", name=title, exact=True).wait_for(timeout=60_000)
    settled(page)
    return measures(page), page.eval_on_selector_all("article svg", "all => all.map(e => e.outerHTML)")


def saved(page: Page, file: Path) -> Path:
    """The state of a page, saved with its button."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this state").click()
    page.get_by_text("State saved.").wait_for()
    download.value.save_as(file.with_name(download.value.suggested_filename))
    return file.with_name(download.value.suggested_filename)


@contextmanager
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    """The page that `didlab explore FILE` opens."""
    with served(str(file)) as address:
        page = browser.new_page()
        page.goto(address)
        yield page
        page.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_state_is_saved_and_opened_by_the_command(
    watched: Opener, browser: Browser, tmp_path: Path, place: str
) -> None:
    page, expected = watched().open(place), titles(place)
    before = shown(page, expected)
    file = saved(page, tmp_path / "any")
    assert file.suffix == ".json" and file.stat().st_size < 200
    hidden = file.rename(tmp_path / "a state of mine")  # what it is, its name need not say
    with opened(browser, hidden) as again:
        assert shown(again, expected) == before


def test_a_table_of_ones_own_comes_along(watched: Opener, browser: Browser, tmp_path: Path) -> None:
    page = watched().open("/data/?table=own")
    page.locator("input[type=file]").set_input_files(EXAMPLE)
    page.wait_for_selector("[data-measure]")
    page.get_by_label("Objective", exact=True).select_option("SimPO")
    page.get_by_label("Prompt", exact=True).select_option(index=3)
    page.wait_for_function("() => location.search.includes('prompt=')")
    expected = titles(urlsplit(page.url)._replace(scheme="", netloc="").geturl().replace("table=own", "table=example"))
    before = shown(page, expected)
    beside = page.locator(".export").inner_text()
    file = saved(page, tmp_path / "any")
    size = f"{round(file.stat().st_size / 1000)} kB"
    assert f"with its table, {size}" in beside and file.stat().st_size < EXAMPLE.stat().st_size / 4
    with opened(browser, file) as again:
        assert shown(again, expected) == before
        assert str(file) in again.locator(".note").first.inner_text()
    other = watched().open("/data/?objective=ipo&beta=2")
    other.get_by_label("Table", exact=True).select_option("a file of my own")
    other.locator("input[type=file]").set_input_files(file)
    other.wait_for_function("() => location.search.includes('prompt=')")  # the controls move to the state
    assert shown(other, expected) == before
    assert other.get_by_label("Objective", exact=True).locator("option:checked").inner_text() == "SimPO"
    other.locator("input[type=file]").set_input_files(EXAMPLE)  # a plain table leaves them where they are
    other.get_by_text(EXAMPLE.name).first.wait_for()
    assert shown(other, expected) == before


def test_a_state_of_another_part_leads_there(watched: Opener, tmp_path: Path) -> None:
    file = saved(watched().open("/tokens/?model=chain"), tmp_path / "any")
    page = watched().open("/data/?table=own")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("link", name="Open it").click()
    page.wait_for_url("**/tokens/?model=chain")


def test_a_damaged_file_is_said_in_one_sentence(watched: Opener, tmp_path: Path) -> None:
    file = tmp_path / "cut.json"
    file.write_text('{"schema": "didlab/state/1", "part": "tok')
    page = watched().open("/data/?table=own")
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_selector("[role=alert]")
    said = page.locator("[role=alert]").inner_text()
    assert said == "cut.json is damaged: its state cannot be read; save the state again"
