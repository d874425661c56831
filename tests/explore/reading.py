"""What a page shows, read back; and what the Python prints that it offers."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page

from didlab.explore.state import parse

__all__ = ["PATIENCE", "measures", "printed", "same", "settled", "state_of"]

S = TypeVar("S")
PATIENCE = 20.0  # seconds


def printed(python: str) -> dict[str, float]:
    """The measures that lines of Python print, as one dict or as several."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(python, {})
    found: dict[str, float] = {}
    for one in re.findall(r"\{[^}]*\}", out.getvalue()):
        found |= eval(one)
    return found


def measures(page: Page) -> dict[str, str]:
    """The numbers that are shown, by name, as text."""
    return dict(
        page.eval_on_selector_all("[data-measure]", "all => all.map(e => [e.dataset.measure, e.innerText])")
    )


def state_of(page: Page, kind: type[S]) -> S:
    """The state that the address names."""
    state, wrong = parse(kind, dict(parse_qsl(urlsplit(page.url).query)))
    assert not wrong
    return state


def settled(page: Page, still: int = 600) -> None:
    """Nothing is being computed, and for some time (milliseconds) nothing that is shown has changed."""
    page.wait_for_function("() => !document.querySelector('.busy')")
    page.evaluate(
        """still => new Promise(done => {
          let timer = setTimeout(done, still);
          const again = () => { clearTimeout(timer); timer = setTimeout(done, still); };
          new MutationObserver(again).observe(document.body, { subtree: true, childList: true, characterData: true });
        })""",
        still,
    )


def same(page: Page, state: S, computed: Callable[[S], Mapping[str, float]]) -> None:
    """Before long the address is the state's, and the page shows what the library computes for it."""
    expected = {name: f"{value:.6g}" for name, value in computed(state).items()}
    until = time.monotonic() + PATIENCE
    while (state_of(page, type(state)), measures(page)) != (state, expected) and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert state_of(page, type(state)) == state
    assert measures(page) == expected
