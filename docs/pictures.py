"""The pictures of findings as files: `python docs/pictures.py` writes docs/pictures/, `--check` compares."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "pictures"


def style() -> str:
    """The page's colours and drawings: `:root` of a file that stands alone is the drawing."""
    from didlab.report.page import asset

    # A narrow drawing is not a narrow screen.
    drawings = "".join(line for line in asset("plots.css").splitlines(True) if not line.startswith("@media (max-width"))
    return f"<style>{asset('theme.css')}{drawings}</style>"


def alone(figure: str) -> str:
    """The drawing of a figure with its legend inside, as a file."""
    match = re.search(r"<svg viewBox=\"0 0 (\S+) (\S+)\".*?>(.*?)</svg><figcaption>", figure, flags=re.DOTALL)
    assert match is not None
    width, height, body = float(match[1]), float(match[2]), match[3]
    names = re.findall(r"<li><svg (.*?)</svg>(.*?)</li>", figure, flags=re.DOTALL)
    legend = "".join(
        f'<svg x="52" y="{height + 2 + 17 * n}" {sample}</svg>'
        f'<text class="cl" x="82" y="{height + 12 + 17 * n}">{name}</text>'
        for n, (sample, name) in enumerate(names)
    )
    tall = height + 17 * len(names) + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot chart" viewBox="0 0 {width:g} {tall:g}" '
        f'width="{width:g}" height="{tall:g}">'
        f"{style()}{body}{legend}</svg>\n"
    )


def files() -> dict[str, str]:
    """Every picture by its file name."""
    from didlab.report.pictures import PICTURES

    return {f"{p.claim}.svg": alone(p.draw()) for p in PICTURES.values()}


def main(arguments: list[str]) -> int:
    """Write the pictures, or with --check say whether they differ."""
    wanted = files()
    if "--check" in arguments:
        stale = [n for n, text in wanted.items() if not (FOLDER / n).exists() or (FOLDER / n).read_text() != text]
        print(f"out of date: {', '.join(stale)}" if stale else "the pictures are up to date")
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
