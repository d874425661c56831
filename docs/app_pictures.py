"""Photographs of the app and of the verdict page: `python docs/app_pictures.py` writes docs/pictures/*.png.

They are taken in Chromium, so that their bytes depend on its version and fonts: they are looked at, not compared.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).parent / "pictures"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WIDTH, HEIGHT = 1200, 860
PLACES = {
    "app-policies": "/policies/?k=6&tau=0.7",
    "app-claims": "/claims/?id=did.claim-4.1.smoothing",
    "app-objectives": "/objectives/",
    "app-tokens": "/tokens/",
    "app-data": "/data/",
    "app-tour": "/tour/?step=6",
}
STATEMENTS = ("did.thm-3.2", "did.thm-3.4.uniqueness", "did.claim-4.1.smoothing", "gip.eq-7", "mi.eq-3.optimum")


def take(browser: Browser, address: str, ready: str, file: Path) -> None:
    """One photograph, in no more colours than it needs."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.goto(address)
    page.wait_for_selector(ready)
    page.wait_for_function("!document.querySelector('.busy')")
    page.wait_for_timeout(1500)
    page.screenshot(path=file)
    page.close()
    Image.open(file).convert("RGB").quantize(128).save(file, optimize=True)


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    command = [sys.executable, "-m", "didlab", "explore", "--no-browser", "--port", "0"]
    with (
        sync_playwright() as playwright,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert app.stdout is not None
        address = app.stdout.readline().split()[-1].rstrip("/")
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, place in PLACES.items():
            take(browser, address + place, ".didlab-view", FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png")
        verify = [sys.executable, "-m", "didlab", "verify", *STATEMENTS, "--effort", "quick", "--html", folder]
        subprocess.run(verify, check=True, stdout=subprocess.DEVNULL)
        take(browser, f"{Path(folder, 'index.html').as_uri()}", ".claim", FOLDER / "page.png")
        browser.close()
        app.terminate()


if __name__ == "__main__":
    main()
