"""The app in a browser: from the command to the first view, and from a key on a slider to the numbers it changes.

    python benchmarks/explore.py

The clock of the first view starts before the process does, so that every import is in it; the browser is running
already. A slider's answer is timed in the page: from the key to the first frame in which a number has changed.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
STARTS, KEYS = 5, 31
REST = 700  # milliseconds: a move by itself, after everything that the one before has started
SLIDERS = {
    "policies, K = 32": "/policies/?k=32&tau=1.1",
    "policies, K = 1000": "/policies/?k=1000&tau=1.1",
    "objectives, K = 32": "/objectives/?losses=dpo:beta:0.02,simpo,orpo&k=32",
    "objectives, K = 1000": "/objectives/?losses=dpo:beta:0.02,simpo,orpo&k=1000&steps=200",
    "tokens, 4 and 4": "/tokens/",
    "tokens, last layer": "/tokens/?model=last-layer",
}
# Resolves with the milliseconds from the key to the frame that shows another number in the first section.
ANSWER = """() => new Promise((done, fail) => {
  const first = () => document.querySelector('.didlab-view').querySelectorAll('[data-measure]');
  const text = () => [...first()].map(e => e.innerText).join();
  const before = text();
  let start;
  document.addEventListener('keydown', () => { start = performance.now(); }, { once: true, capture: true });
  const look = () => text() !== before ? done(performance.now() - start) : requestAnimationFrame(look);
  requestAnimationFrame(look);
  setTimeout(() => fail(Error('no number changed in 5 s')), 5000);
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


def slider(browser: Browser, address: str, rest: int) -> list[float]:
    """Milliseconds from each key to its answer, sorted; `rest` of them between an answer and the next key."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(address)
    page.wait_for_selector(".didlab-view")
    page.wait_for_timeout(2000)
    page.locator("[role=slider]:not(.slot)").first.focus()
    answers: list[float] = []
    for _ in range(KEYS):
        handle = page.evaluate_handle(f"() => ({{ answer: ({ANSWER})() }})")
        page.keyboard.press("ArrowRight")
        answers.append(page.evaluate("h => h.answer", handle))
        page.wait_for_timeout(rest)
    page.close()
    return sorted(answers)


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        starts = sorted(first_view(browser) for _ in range(STARTS))
        print(f"first view: median {median(starts):.2f} s, slowest {starts[-1]:.2f} s")
        process, address = start()
        rows = []
        for name, place in SLIDERS.items():
            one, row = slider(browser, address + place, REST), slider(browser, address + place, 0)
            rows.append({
                "slider": name,
                "one_move_ms": {"median": round(median(one), 1), "p95": round(one[int(0.95 * KEYS)], 1)},
                "in_a_row_ms": {"median": round(median(row), 1), "p95": round(row[int(0.95 * KEYS)], 1)},
            })
            print(f"{name}: one move median {median(one):.0f} ms, moves in a row {median(row):.0f} ms", flush=True)
        process.terminate()
        process.wait()
        version = browser.version
        browser.close()
    result = {
        "schema": "didlab/explore/1",
        "python": platform.python_version(),
        "chromium": version,
        "first_view_s": {"median": round(median(starts), 2), "slowest": round(starts[-1], 2), "of": STARTS},
        "sliders": rows,
    }
    (HERE / "explore.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
