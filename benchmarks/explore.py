"""The app in a browser: from the command to the first view, and from a key on a slider to the numbers it changes.

    python benchmarks/explore.py

The clock of the first view starts before the process does, so that every import is in it; the browser is running
already. A slider's answer is timed in the page: from the key to the end of the first frame in which a view has changed.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
STARTS, KEYS = 5, 12
REST = 400  # milliseconds: a move by itself, after everything that the one before has started
PLACES = {
    "policies, K = 32": "/policies/?k=32&tau=1.1",
    "policies, K = 1000": "/policies/?k=1000&tau=1.1",
    "claims": "/claims/?id=did.claim-4.1.smoothing",
    "objectives, K = 32": "/objectives/?losses=dpo:beta:0.1,simpo,orpo&k=32",
    "objectives, K = 1000": "/objectives/?losses=dpo:beta:0.1,simpo,orpo&k=1000&steps=200",
    "tokens, a row for each prefix": "/tokens/",
    "tokens, shared last layer": "/tokens/?model=last-layer",
    "data, the example": "/data/",
    "tour": "/tour/",
}
NAME = """e => {
  const host = e.getRootNode().host;
  const words = document.createElement('p');
  words.innerHTML = JSON.parse(host?.dataset.label || '""') || e.getAttribute('aria-label');
  return words.innerText.trim();
}"""
# Resolves with the milliseconds from the key to the end of the frame that shows a view changed; null where none does.
ANSWER = """() => new Promise(done => {
  let start;
  const shown = node => (node.nodeType === 1 ? node : node.parentElement)?.closest('.didlab-view');
  const seen = new MutationObserver(all => {
    if (!start || !all.some(one => shown(one.target))) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  seen.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  document.addEventListener('keydown', () => { start = performance.now(); }, { once: true, capture: true });
  setTimeout(() => { seen.disconnect(); done(null); }, 3000);
})"""


def start() -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "didlab", "explore", "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1].rstrip("/")


def first_view(browser: Browser) -> float:
    """Seconds from the command to the first view."""
    page = browser.new_page()
    begun = time.perf_counter()
    process, address = start()
    page.goto(address)
    page.wait_for_selector(".didlab-view")
    seconds = time.perf_counter() - begun
    page.close()
    process.terminate()
    process.wait()
    return seconds


def sliders(browser: Browser, address: str) -> Iterator[dict[str, Any]]:
    """For each slider of a page, and one of its bars, which move alike: its name and the milliseconds it takes."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(address)
    page.wait_for_selector(".didlab-view")
    page.wait_for_timeout(2000)
    ordinary = [(one, "ArrowRight", "ArrowLeft") for one in page.locator("[role=slider]:not(.slot)").all()]
    bars = [(one, "ArrowUp", "ArrowDown") for one in page.locator(".slot").all()[:1]]
    for one, more, less in ordinary + bars:
        one.focus()
        answers = {"one_move_ms": moves(page, more, less, REST), "in_a_row_ms": moves(page, more, less, 0)}
        yield {"slider": one.evaluate(NAME)} | {
            kind: {"median": round(median(ms)), "slowest": round(max(ms)), "of": len(ms)} if ms else None
            for kind, ms in answers.items()
        }
    page.close()


def moves(page: Page, more: str, less: str, rest: int) -> list[float]:
    """Milliseconds from each of two keys, in turn, to its answer; `rest` of them between an answer and the next key."""
    answers: list[float | None] = []
    for i in range(KEYS):
        handle = page.evaluate_handle(f"() => ({{ answer: ({ANSWER})() }})")
        page.keyboard.press(more if i // 3 % 2 == 0 else less)  # there and back: never at its end
        answers.append(page.evaluate("h => h.answer", handle))
        page.wait_for_timeout(rest)
    return [ms for ms in answers if ms is not None]


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        starts = sorted(first_view(browser) for _ in range(STARTS))
        print(f"first view: median {median(starts):.2f} s, slowest {starts[-1]:.2f} s")
        process, address = start()
        rows = []
        for name, place in PLACES.items():
            for row in sliders(browser, address + place):
                rows.append({"page": name, **row})
                print(name, *row.values(), sep=" | ", flush=True)
        process.terminate()
        process.wait()
        version = browser.version
        browser.close()
    result = {
        "schema": "didlab/explore/2",
        "python": platform.python_version(),
        "chromium": version,
        "first_view_s": {"median": round(median(starts), 2), "slowest": round(starts[-1], 2), "of": STARTS},
        "sliders": rows,
    }
    (HERE / "explore.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
