"""A section of the page of objectives as a view."""

from __future__ import annotations

from ..view import Picture, View

__all__ = ["COLUMNS", "WAITS", "Row", "section"]

COLUMNS = ("picture", "series", "x", "y")
WAITS = "takes longer here: press “Compute what takes longer”."

Row = tuple[object, ...]  # of `COLUMNS`


def section(
    pictures: tuple[Picture, ...], measures: dict[str, float], numbers: list[Row], notes: list[str], text: str,
    heading: str = "",
) -> View:
    columns = {name: [row[i] for row in numbers] for i, name in enumerate(COLUMNS)}
    return View(pictures, measures, columns, text, heading, tuple(notes))
