"""What an experiment leaves behind: the image, the numbers beside it, and its caption; each whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import write_bytes, write_text

__all__ = ["Output", "Progress"]

Progress = Callable[[str, float], object]


@dataclass
class Output:
    """The folder of a figure's files, and how far the work is.

    Attributes:
        name: of the figure.
        folder: where its files go.
        progress: called with a text and a share of 1.
    """

    name: str
    folder: Path
    progress: Progress = field(default=lambda text, share: None)

    def say(self, text: str, share: float) -> None:
        """Report progress."""
        self.progress(f"{self.name}: {text}", share)

    def checkpoint(self, part: str) -> Path:
        """The file from which a killed part of the work goes on."""
        return self.folder / ".checkpoints" / f"{self.name}-{part}.npz"

    def table(self, part: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Numbers as CSV, floats with seven digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(list(header))
        for row in rows:
            writer.writerow([f"{x:.7g}" if hasattr(x, "dtype") or isinstance(x, float) else x for x in row])
        write_text(self.folder / (f"{self.name}-{part}.csv" if part else f"{self.name}.csv"), text.getvalue())

    def image(self, figure: Any) -> None:
        """Write the figure as PNG of 128 colours, the same bytes for the same numbers (no date), and close it."""
        from matplotlib import pyplot
        from PIL import Image

        drawn, data = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png")
        pyplot.close(figure)
        drawn.seek(0)
        with Image.open(drawn) as picture:
            small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(data, format="png", optimize=True)
        write_bytes(self.folder / f"{self.name}.png", data.getvalue())

    def caption(self, title: str, shows: str, differs: str, facts: dict[str, Any]) -> None:
        """The caption: what is shown, what differs from the paper, and the numbers quoted. Written last."""
        content = {"title": title, "shows": shows, "differs": differs, "facts": facts}
        write_text(self.folder / f"{self.name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        for left in (self.folder / ".checkpoints").glob(f"{self.name}-*"):
            left.unlink()
        if (self.folder / ".checkpoints").exists() and not any((self.folder / ".checkpoints").iterdir()):
            (self.folder / ".checkpoints").rmdir()
        self.say("done", 1.0)
