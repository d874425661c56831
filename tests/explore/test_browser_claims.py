"""The page of claims, driven by hand and keys in a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from playwright.sync_api import Page

from didlab import claims
from didlab.explore import walk
from didlab.explore.claims import State, view
from didlab.explore.statements import listed

from .conftest import Watched
from .reading import same

pytestmark = pytest.mark.slow
Opener = Callable[..., Watched]
ID = "did.claim-4.1.converse"


def computed(state: State) -> Mapping[str, float]:
    return view(state).measures


def test_the_list_is_filtered_and_leads_to_a_statement_and_back(watched: Opener) -> None:
    page = watched().open("/claims/")
    page.get_by_label("Words").press_sequentially("claim-4.1")
    same(page, State(words="claim-4.1"), computed)
    page.get_by_label("Verdict").select_option("refuted")
    state = State(words="claim-4.1", verdict="refuted")
    same(page, state, computed)
    entries = page.locator(".entries li")
    assert entries.count() == len(listed(state))
    page.get_by_role("link", name="A DID of low entropy reinforces, one of high entropy smooths").click()
    page.wait_for_selector(".counter")
    same(page, replace(state, id=ID), computed)
    assert "Re-checked from the stored certificate" in page.locator(".counter").inner_text()
    page.get_by_role("link", name="All statements").click()
    page.wait_for_selector(".entries li")
    same(page, state, computed)


def test_the_residual_changes_its_sign_on_the_way(watched: Opener) -> None:
    page = watched().open(f"/claims/?id={ID}")
    same(page, State(id=ID), computed)
    page.locator("[role=slider]").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    same(page, State(id=ID, t=0.03), computed)
    page.keyboard.press("End")
    same(page, State(id=ID, t=1.0), computed)
    assert computed(State(id=ID))[walk.DECIDED] == -1 and computed(State(id=ID, t=1.0))[walk.DECIDED] == 1
    page.get_by_label("The line leads to an instance that is").select_option("uniform")
    same(page, State(id=ID, t=1.0, to="uniform"), computed)


def test_numbers_are_typed_and_what_is_wrong_is_said(watched: Opener) -> None:
    page = watched().open(f"/claims/?id={ID}")
    field = page.get_by_label("policy", exact=True)
    field.fill("1, x")
    field.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "`policy` must be 2 numbers; got '1, x'" in page.locator("[role=alert]").inner_text()
    same(page, State(id=ID), computed)
    field.fill("1/4, 0.75")
    field.press("Enter")
    page.wait_for_selector("[role=alert]", state="detached")
    same(page, State(id=ID, edit="policy: 1/4, 0.75"), computed)
    page.reload()
    page.wait_for_selector(".counter")
    same(page, State(id=ID, edit="policy: 1/4, 3/4"), computed)
    assert page.get_by_label("policy", exact=True).input_value() == "1/4, 3/4"


def test_a_statement_is_judged_on_the_spot(watched: Opener) -> None:
    page = watched().open("/claims/?id=did.thm-3.2")
    page.get_by_role("button", name="Judge it now").click()
    page.wait_for_selector(".didlab-judged h2", timeout=60_000)
    said = page.locator(".didlab-judged").inner_text()
    assert claims.recorded()["did.thm-3.2"] in said and "Evidence: symbolic" in said


def test_a_counterexample_opens_in_the_page_of_policies(watched: Opener) -> None:
    page = watched().open(f"/claims/?id={ID}")
    page.get_by_role("link", name="Open in Policies and the DID").click()
    page.wait_for_url("**/policies/?reference=1/3,2/3&policy=1/4,3/4")
    page.wait_for_selector("[data-measure]")


def test_a_wrong_link_shows_the_list_and_says_so(watched: Opener) -> None:
    page = watched().open("/claims/?id=did.thm-32&t=2")
    said = page.locator("[role=alert]").inner_text()
    assert "Did you mean did.thm-3.2?" in said and "`t` must be from 0 to 1" in said
    same(page, State(), computed)


@pytest.mark.parametrize("place", [f"/claims/?id={ID}&t=0.4", "/claims/?words=entropy"])
def test_it_fits_on_a_phone(watched: Opener, place: str) -> None:
    page = watched(width=360, height=800, scheme="dark").open(place)
    page.wait_for_selector(".counter, .entries li")
    assert width(page) <= 360


def width(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))
