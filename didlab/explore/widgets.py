"""The widgets of the app: draggable bars, the steps of the tour, and the bar that exports a state."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from .view import View

__all__ = ["DRAGGABLE", "Bars", "Export", "Steps", "bars", "follow", "moved"]

HERE = Path(__file__).parent
DRAGGABLE = 40  # outcomes up to which bars can be told apart by hand
STEPS = 1000  # the tallest bar, in steps of a drag


class Bars(anywidget.AnyWidget):
    """Bars whose heights are weights, moved by hand or by keys; whole numbers from 1 to 1,000."""

    _esm = HERE / "bars.js"
    label = traitlets.Unicode().tag(sync=True)
    weights = traitlets.List(traitlets.Int()).tag(sync=True)
    most = traitlets.Int(STEPS).tag(sync=True)
    touched = traitlets.Bool(False).tag(sync=True)


class Export(anywidget.AnyWidget):
    """Keeps the address of the page at the state that is shown; saves pictures, numbers, Python, link and the state.

    The file of a state is written when it is asked for: with a table in it, it would slow down every move.
    """

    _esm = HERE / "export.js"
    query = traitlets.Unicode().tag(sync=True)
    csv = traitlets.Unicode().tag(sync=True)
    python = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    table = traitlets.Int(0).tag(sync=True)  # bytes of the file of a state that takes its table along

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.write: Callable[[], bytes] | None = None
        self.on_msg(self._save)

    def _save(self, *_message: Any) -> None:
        from . import saved  # which needs what reads tables

        content = self.write() if self.write else saved.write(self.name, self.query)
        kind = "parquet" if content.startswith(b"PAR1") else "json"
        self.send({"name": f"{self.name}-state.{kind}"}, [content])


class Steps(anywidget.AnyWidget):
    """Back and next through a number of steps, by buttons or by the arrow keys."""

    _esm = HERE / "steps.js"
    step = traitlets.Int(1).tag(sync=True)
    count = traitlets.Int(1).tag(sync=True)


def bars(label: str, probabilities: Any) -> Bars | None:
    """Bars at these heights; None where there are too many to move by hand."""
    p = np.asarray(probabilities, float)
    if len(p) > DRAGGABLE:
        return None
    heights = np.maximum(1, np.rint(0.8 * STEPS * p / p.max())).astype(int)
    return Bars(label=label, weights=heights.tolist())


def moved(value: dict[str, Any]) -> tuple[Fraction, ...]:
    """The weights that a person set, none where the bars were not touched."""
    return tuple(map(Fraction, value["weights"])) if value.get("touched") else ()


def follow(
    exporter: Export, query: str, view: View, *, write: Callable[[], bytes] | None = None, table: int = 0
) -> None:
    """Let the export bar hold a state.

    Args:
        exporter: the bar.
        query: of the link to the state.
        view: what is shown for it.
        write: its file; by default that of the link.
        table: size of that file in bytes, where it takes a table along.
    """
    exporter.write = write
    with exporter.hold_sync():
        exporter.query, exporter.csv, exporter.python, exporter.table = query, view.csv(), view.python, table
