"""A diagnosis in a terminal: a table of estimates with their intervals, or plain lines when piped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ..diagnose import Diagnosis

__all__ = ["lines", "write_diagnosis"]


def number(x: float, unit: str) -> str:
    """A value as a person would write it."""
    return f"{x:.1%}" if unit == "share" else f"{x:+.4g}" if unit.startswith("nats") else f"{x:.4g}"


def row(e: Any) -> tuple[str, str, str, str, str]:
    """Name, value, interval, count and title of one line."""
    low, high = (number(x, e.unit) for x in e.interval)
    unit = "" if e.unit in ("share", "") else f" {e.unit}"
    return e.name, number(e.value, e.unit) + unit, f"[{low}, {high}]", f"{e.count:,}", e.title


def heading(d: Diagnosis) -> list[str]:
    """What was diagnosed."""
    models: Mapping[str, Any] = d.about.get("models", {})
    said = [f"{column}: {m.get('name', '?')}" for column, m in models.items()]
    settings = ", ".join(f"{k} {v}" for k, v in d.settings.items())
    failed = [f"{c}: {f['check']}" for c, found in d.about.get("audit", {}).items() for f in found if not f["passed"]]
    warned = [f"! the self-audit was overruled: {', '.join(failed)}"] if failed else []
    return [f"{d.pairs:,} pairs; {settings}", *said, *warned]


def lines(d: Diagnosis) -> list[str]:
    """The diagnosis as plain lines."""
    rows = [row(e) for e in d.entries]
    widths = [max(len(r[k]) for r in rows) for k in range(4)]
    table = [
        f"{r[0]:<{widths[0]}}  {r[1]:>{widths[1]}}  {r[2]:<{widths[2]}}  {r[3]:>{widths[3]}}  {r[4]}" for r in rows
    ]
    return [*heading(d), "", *table]


def write_diagnosis(d: Diagnosis, file: TextIO | None = None) -> None:
    """Print a diagnosis."""
    to: TextIO = sys.stdout if file is None else file
    if not to.isatty():
        print("\n".join(lines(d)), file=to)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(file=to, highlight=False)
    console.print("\n".join(heading(d)))
    table = Table("measurement", "estimate", "95 % interval", "n", "what it is", box=None, pad_edge=False)
    for column in (1, 3):
        table.columns[column].justify = "right"
    cells: Sequence[tuple[str, ...]] = [row(e) for e in d.entries]
    for r in cells:
        table.add_row(*r)
    console.print(table)
