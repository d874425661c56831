"""The pictures of findings as files: `python docs/pictures.py` writes docs/pictures/, `--check` compares."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "pictures"
COLOURS = {
    "--ink": ("#1d1f23", "#e9e7e2"), "--soft": ("#5a5f68", "#a9adb5"), "--line": ("#e2dfd7", "#33373d"),
    "--s0": ("#0072b2", "#56a9dd"), "--s1": ("#d98c00", "#eab03f"), "--s2": ("#00876a", "#3fb893"),
    "--s3": ("#b0578f", "#d993bd"),
}
RULES = (
    "text{font:11px system-ui,sans-serif;fill:var(--soft)}.cx{text-anchor:middle}.cy{text-anchor:end}"
    ".grid{stroke:var(--line)}.zero-line{stroke:var(--soft);stroke-width:1.5}polyline{fill:none;stroke-width:2}"
    ".d1{stroke-dasharray:6 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}"
    + "".join(
        f".l{i}{{stroke:var(--s{i})}}.s{i}{{fill:var(--s{i})}}.h{i}{{fill:none;stroke:var(--s{i});stroke-width:1.2}}"
        for i in range(4)
    )
)


def style() -> str:
    """The page's colours for a file that stands alone, light and dark."""
    light = "".join(f"{k}:{a};" for k, (a, _) in COLOURS.items())
    dark = "".join(f"{k}:{b};" for k, (_, b) in COLOURS.items())
    return f"<style>svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}{RULES}</style>"


def alone(figure: str) -> str:
    """The drawing of a figure with its legend inside, as a file."""
    match = re.search(r"<svg viewBox=\"0 0 (\S+) (\S+)\".*?>(.*)</svg>", figure, flags=re.DOTALL)
    assert match is not None
    width, height, body = float(match[1]), float(match[2]), match[3]
    names = re.findall(r'<span class="key s(\d)"></span>(.*?)</li>', figure)
    legend = "".join(
        f'<rect class="s{i}" x="58" y="{height + 4 + 17 * n}" width="9" height="9" rx="2"/>'
        f'<text x="73" y="{height + 12 + 17 * n}">{name}</text>'
        for n, (i, name) in enumerate(names)
    )
    tall = height + 17 * len(names) + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {tall:g}" width="{width:g}" height="{tall:g}">'
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
