"""What every part must hold: no serious finding of axe in our own content, keys reach it, readable on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from didlab.explore.look import PARTS

from .conftest import Watched

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]

# Where axe names one of these, marimo made the element: it is listed, and not ours to change.
FRAMEWORK = ("marimo-", "_r_", "data-initial-value")


def findings(page: Page) -> tuple[list[str], list[str]]:
    """Serious and critical findings: in our own content, and in the framework's."""
    ours: list[str] = []
    framework: list[str] = []
    report: dict[str, Any] = Axe().run(page).response
    for violation in report["violations"]:
        if violation["impact"] not in ("serious", "critical"):
            continue
        for node in violation["nodes"]:
            target = str(node["target"])
            kind = framework if any(mark in target + node["html"] for mark in FRAMEWORK) else ours
            kind.append(f"{violation['id']}: {violation['help']}: {target}")
    return ours, framework


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("part", PARTS)
def test_axe_finds_nothing_serious_in_our_own_content(
    watched: Opener, part: str, scheme: str, record_property: Callable[[str, object], None]
) -> None:
    page = watched(scheme=scheme).open(f"/{part}/")
    page.wait_for_timeout(500)
    ours, framework = findings(page)
    record_property("axe findings in the framework", framework)
    assert not ours


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
