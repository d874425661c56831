"""The gallery's README, written from the captions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..files import write_text

__all__ = ["write_gallery"]

HEAD = """# Gallery

Drawn by `make figures` (or `didlab figure NAME`). Beside each image: its numbers (CSV), and its caption with every
number that it quotes (JSON). Bands run from the 10th to the 90th percentile of the seeds; logarithms are natural.
"""


def write_gallery(folder: Path, names: Sequence[str]) -> Path:
    """One section for each figure that is there."""
    parts = [HEAD]
    for name in names:
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        text = json.loads(path.read_text(encoding="utf-8"))
        tables = sorted(p.name for p in folder.glob("*.csv") if p.stem == name or p.stem.startswith(f"{name}-"))
        links = ", ".join(f"[{t}]({t})" for t in tables)
        parts.append(
            f"\n## {text['title']}\n\n![{text['title']}]({name}.png)\n\n{text['shows']}\n\n*Against the paper.* "
            f"{text['differs']}\n\n"
            f"Numbers: {links}, [{name}.json]({name}.json)\n"
        )
    write_text(folder / "README.md", "".join(parts))
    return folder / "README.md"
