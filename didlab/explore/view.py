"""What a part of the app shows for a state: pictures, numbers, and the Python that gives the numbers again."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

__all__ = ["Picture", "View"]


@dataclass(frozen=True)
class Picture:
    """A drawing.

    Attributes:
        name: letters, digits and hyphens: its anchor on the page and the name of its file.
        title: what one sees, in words.
        svg: an SVG figure as `report` draws them.
        caption: how to read it.
    """

    name: str
    title: str
    svg: str
    caption: str = ""


@dataclass(frozen=True)
class View:
    """Everything that is shown for one state.

    Attributes:
        pictures: the drawings, the most important one first.
        measures: names and values (nats unless the name says otherwise), with the same names in `python`.
        columns: the numbers behind the pictures, columns of equal length by name.
        python: at most a few lines that print the measures, with the library's public functions.
        heading: over the measures, with their unit.
        notes: sentences to be shown above the pictures, about this state.
    """

    pictures: tuple[Picture, ...]
    measures: Mapping[str, float]
    columns: Mapping[str, Sequence[object]]
    python: str
    heading: str = "Numbers, in nats"
    notes: tuple[str, ...] = ()

    def csv(self) -> str:
        """The columns as CSV; floats with every digit.

        >>> View((), {}, {"y": [1, 2], "p": [0.1, 0.9]}, "").csv().splitlines()
        ['y,p', '1,0.1', '2,0.9']
        """
        out = StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(
            [float(v) if isinstance(v, float) else v for v in row] for row in zip(*self.columns.values(), strict=True)
        )
        return out.getvalue()
