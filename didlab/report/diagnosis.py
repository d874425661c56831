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


def by_layer(d: Diagnosis) -> list[tuple[str, float, float]]:
    """Name, inner product and cosine of each layer."""
    return [
        (name, wl, wl / (ww * ll) ** 0.5 if ww > 0 and ll > 0 else float("nan"))
        for name, (ww, wl, ll) in d.layers.items()
    ]


def layers(d: Diagnosis) -> list[str]:
    """Inner products and cosines of the gradients by layer."""
    if not d.layers:
        return []
    width = max(map(len, d.layers))
    head = f"{'layer':<{width}}  {'inner product':>13}  cosine"
    return ["", head, *(f"{name:<{width}}  {wl:>13.4g}  {cosine:+.3f}" for name, wl, cosine in by_layer(d))]


def cautions(d: Diagnosis) -> list[str]:
    """The measurements whose intervals should not be trusted or that are missing, each with the reason."""
    said = [f"! {e.name}: {e.caution}" for e in d.entries if e.caution]
    if not d.columns.lengths and not any(e.name.startswith("loss.") for e in d.entries):
        name = d.settings["objective"]
        said.append(f"! loss: {name} depends on the numbers of tokens, which this table does not hold")
    return ["", *said] if said else []


def row(e: Any) -> tuple[str, str, str, str, str]:
    """Name, value, interval, count and title of one line."""
    low, high = (number(x, e.unit) for x in e.interval)
    unit = "" if e.unit in ("share", "") else f" {e.unit}"
    return e.name, number(e.value, e.unit) + unit, f"[{low}, {high}]", f"{e.count:,}", e.title


HEAD = ("measurement", "estimate", "95 % interval", "n", "what it is")


def heading(d: Diagnosis) -> list[str]:
    """What was diagnosed."""
    models: Mapping[str, Any] = d.about.get("models", {})
    said = [f"{column}: {m.get('name', '?')}" for column, m in models.items()]
    settings = ", ".join(f"{k} {v}" for k, v in d.settings.items())
    failed = [f"{c}: {f['check']}" for c, found in d.about.get("audit", {}).items() for f in found if not f["passed"]]
    warned = [f"! the self-audit was overruled: {', '.join(failed)}"] if failed else []
    prompts = d.columns.prompts
    means = f" on {prompts:,} prompts, each of which counts once" if 1 < prompts < d.pairs else ""
    return [f"{d.pairs:,} pairs{means}; {settings}", *said, *warned]


def lines(d: Diagnosis) -> list[str]:
    """The diagnosis as plain lines."""
    rows = [HEAD, *(row(e) for e in d.entries)]
    widths = [max(len(r[k]) for r in rows) for k in range(4)]
    table = [
        f"{r[0]:<{widths[0]}}  {r[1]:>{widths[1]}}  {r[2]:<{widths[2]}}  {r[3]:>{widths[3]}}  {r[4]}" for r in rows
    ]
    return [*heading(d), "", *table, *cautions(d), *layers(d)]


def write_diagnosis(d: Diagnosis, file: TextIO | None = None) -> None:
    """Print a diagnosis."""
    to: TextIO = sys.stdout if file is None else file
    if not to.isatty():
        print("\n".join(lines(d)), file=to)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(file=to, highlight=False)
    console.print("\n".join(heading(d)), markup=False)
    cells: Sequence[tuple[str, ...]] = [row(e) for e in d.entries]
    widths = [max(len(r[k]) for r in (HEAD, *cells)) for k in range(4)]
    if console.width >= sum(widths) + 40:
        table = Table(*HEAD, box=None, pad_edge=False)
        for column in table.columns[:4]:
            column.no_wrap = True
        for column in (1, 3):
            table.columns[column].justify = "right"
        for r in cells:
            table.add_row(*map(escape, r))
        console.print(table)
    else:  # what it is goes below, and on a very narrow screen the numbers too
        broad = console.width >= sum(widths) + 6
        for name, value, interval, n, title in cells:
            numbers = f"{value:>{widths[1]}}  {interval:<{widths[2]}}  {n}" if broad else f"\n  {value}\n  {interval}"
            said = f"{name:<{widths[0]}}  {numbers}" if broad else f"{name}{numbers}"
            console.print(f"{said}\n  {title}", markup=False)
    console.print("\n".join([*cautions(d), *layers(d)]), markup=False)
