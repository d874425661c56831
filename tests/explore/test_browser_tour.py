"""The tour, driven by buttons and keys in a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from didlab.explore.steps import STEPS, State
from didlab.explore.tour import view

from .conftest import Watched
from .reading import same

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]


def computed(state: State) -> Mapping[str, float]:
    return view(state).measures


def test_buttons_and_keys_go_through_all_steps(watched: Opener) -> None:
    page = watched().open("/tour/")
    state = State()
    same(page, state, computed)
    for n in range(2, len(STEPS) + 1):
        if n % 2:
            page.keyboard.press("ArrowRight")
        else:
            page.get_by_role("button", name="Next").click()
        same(page, replace(state, step=n), computed)
        assert page.locator(".tour h2").inner_text() == STEPS[n - 1].title
    page.keyboard.press("ArrowRight")  # there is no seventh
    page.get_by_role("button", name="Back").click()
    same(page, replace(state, step=len(STEPS) - 1), computed)


def test_a_link_opens_a_step_and_what_is_moved_stays_moved(watched: Opener) -> None:
    page = watched().open("/tour/?step=5&tau=0.51")
    state = State(step=5, tau=0.51)
    same(page, state, computed)
    assert "false" in page.locator("#theorem h3").inner_text()
    page.locator("[role=slider]").first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")  # moves the temperature, not the step
    same(page, replace(state, tau=0.49), computed)
    assert "true" in page.locator("#theorem h3").inner_text()
    page.get_by_role("button", name="Back").click()
    same(page, replace(state, tau=0.49, step=4), computed)


def test_a_wrong_link_starts_at_the_beginning_and_says_so(watched: Opener) -> None:
    page = watched().open("/tour/?step=9")
    assert "`step` must be from 1 to 6; got 9" in page.locator("[role=alert]").inner_text()
    same(page, State(), computed)


def test_the_way_on_leads_to_the_statement(watched: Opener) -> None:
    page = watched().open("/tour/?step=5")
    page.get_by_role("link", name="Open the statement and its counterexample").click()
    page.wait_for_selector(".counter")
    assert "did.claim-4.1.reinforcing.tempering" in page.url


def test_it_fits_on_a_phone(watched: Opener) -> None:
    page = watched(width=360, height=800, scheme="dark").open("/tour/?step=5")
    page.wait_for_selector("[data-measure]")
    assert int(page.evaluate("document.documentElement.scrollWidth")) <= 360
