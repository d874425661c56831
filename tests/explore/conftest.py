"""The app as a process, and pages of it in a browser that reports what goes wrong."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)
# Chromium says this of pictures that marimo's own page preloads.
FRAMEWORK = ("was preloaded using link preload",)


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """The address that `didlab explore` opens with these arguments, while it runs."""
    command = [sys.executable, "-m", "didlab", "explore", *arguments, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("didlab explore: http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@pytest.fixture(scope="session")
def app() -> Iterator[str]:
    """The address of the running app."""
    with served() as address:
        yield address.rstrip("/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; without one the test fails."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium on the path: install the distribution's (make browser)"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class Watched:
    """A page, and what it complained of or asked elsewhere."""

    page: Page
    address: str
    trouble: list[str] = field(default_factory=list)

    def open(self, place: str) -> Page:
        """Go to a place of the app, and wait until it shows something."""
        self.page.goto(self.address + place)
        self.page.wait_for_selector(".didlab-view", timeout=60_000)
        return self.page


@pytest.fixture
def watched(app: str, browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Opens pages (width, height and colour scheme as wished); afterwards none may have complained."""
    opened: list[Watched] = []

    def make(width: int = 1300, height: int = 900, scheme: str = "light") -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True,  # type: ignore[arg-type]
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        w = Watched(page, app)
        page.on(
            "console",
            lambda m: w.trouble.append(m.text)
            if m.type in ("error", "warning") and not any(f in m.text for f in FRAMEWORK)
            else None,
        )
        page.on("pageerror", lambda e: w.trouble.append(str(e)))
        page.on(
            "request",
            lambda r: w.trouble.append(f"asks {r.url}")
            if urlsplit(r.url).hostname not in ("127.0.0.1", None)
            else None,
        )
        opened.append(w)
        return w

    yield make
    trouble = [t for w in opened for t in w.trouble]
    for w in opened:
        w.page.context.close()
    assert not trouble


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go."""
    return tmp_path_factory.mktemp("pictures")
