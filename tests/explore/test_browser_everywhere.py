"""What every part must hold: no serious finding of axe, the framework's own controls included, keys, a phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from didlab.explore.data import EXAMPLE
from didlab.explore.look import PARTS

from .conftest import Watched
from .reading import settled

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]
PLACES = [*(f"/{p}/" for p in PARTS), "/data/?table=own", "/claims/?id=did.claim-4.1.converse"]


def serious(page: Page) -> list[tuple[str, Any]]:
    """Serious and critical findings of axe, each with its element."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    found = [v for v in violations if v["impact"] in ("serious", "critical")]
    return [(v["id"], n["target"]) for v in found for n in v["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious(watched: Opener, place: str, scheme: str) -> None:
    page = watched(scheme=scheme).open(place)
    settled(page)
    assert serious(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_beside_a_file_that_is_open(watched: Opener, scheme: str) -> None:
    page = watched(scheme=scheme).open("/data/?table=own")
    page.locator("input[type=file]").set_input_files(EXAMPLE)
    page.get_by_text("Click to clear files.").wait_for()
    page.wait_for_selector("[data-measure]")
    settled(page)
    assert serious(page) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_phone_needs_no_sideways_scrolling(watched: Opener, part: str) -> None:
    page = watched(width=360, height=740).open(f"/{part}/")
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('#App').scrollWidth") <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("part", PARTS)
def test_the_tab_key_reaches_the_navigation_first_and_then_the_controls(watched: Opener, part: str) -> None:
    page = watched().open(f"/{part}/")
    reached: list[str] = []
    for _ in range(len(PARTS) + 1):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
    assert reached[: len(PARTS)] == [name for name, _ in PARTS.values()]
    inside = "!!document.activeElement.closest('.didlab-controls, .didlab-view')"
    assert page.evaluate(inside)


@pytest.mark.parametrize("part", PARTS)
def test_a_link_with_nonsense_is_answered_beside_the_default(watched: Opener, part: str) -> None:
    page = watched().open(f"/{part}/?nonsense=1")
    page.wait_for_selector("[role=alert]")
    assert "nothing here is called `nonsense`" in page.locator("[role=alert]").first.inner_text()
    assert "Traceback" not in page.content()


INPUTS = ("textbox", "spinbutton", "slider", "combobox", "listbox", "button", "checkbox")


@pytest.mark.parametrize("place", PLACES)
def test_every_input_has_a_name_in_words_and_no_two_have_one(watched: Opener, place: str) -> None:
    page = watched().open(place)
    settled(page)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    named = [(n["role"]["value"], n["name"]["value"]) for n in tree if not n["ignored"] and "name" in n]
    heard = [(role, name) for role, name in named if role in INPUTS]
    assert len(heard) > 4 and [name for _, name in heard if not name.strip() or "<" in name] == []
    assert [x for x, n in Counter(heard).items() if n > 1] == []
