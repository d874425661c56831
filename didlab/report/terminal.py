"""Verdicts in a terminal: tables with colour, or the same words as plain lines when the output is piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from .document import failures, summary
from .latex import unicode
from .words import (
    LEVELS,
    VERDICTS,
    comparison,
    comparisons,
    counterexample_lines,
    decided,
    evidence_lines,
    level_of,
    meaning,
    neighbour_line,
    support_of,
)

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["counterexample", "index", "line", "listing", "report", "show", "write"]

Claim = Mapping[str, Any]
Line = tuple[str, str]  # style and text
UNCHECKED = ("needs-model", "not yet judged")


def write(lines: Iterator[Line] | Sequence[Line], file: TextIO | None = None) -> None:
    """Print styled lines, in colour and wrapped on a terminal, as they are elsewhere."""
    to: TextIO = sys.stdout if file is None else file
    if not to.isatty():
        for _, text in lines:
            print(text.rstrip(), file=to)
        return
    from rich.padding import Padding
    from rich.text import Text

    console = _console(to)
    for style, text in lines:
        indent = len(text) - len(text.lstrip())
        console.print(Padding(Text(text.strip(), style=style), (0, 0, 0, indent)))


def _console(file: TextIO) -> Console:
    from rich.console import Console

    return Console(file=file, highlight=False)


def line(v: Claim, width: int = 0) -> str:
    """One entry as a plain line."""
    verdict, e = v["verdict"], support_of(v)
    changed = "" if v["recorded"] in (None, verdict) else f"  [recorded: {v['recorded']}]"
    count = f"{e['instances']:,}" if e else "-"
    return (
        f"{v['id']:<{width}}  {VERDICTS[verdict].symbol} {verdict:<14} {level_of(v) or '-':<20} {count:>7}  "
        f"{unicode(v['title'], prose=True)}{changed}"
    )


def index(entries: Sequence[Claim], file: TextIO | None = None) -> None:
    """Ids, verdicts (empty where there is none) and titles: a line each, or two on a narrow terminal."""
    to: TextIO = sys.stdout if file is None else file
    width = max((len(e["id"]) for e in entries), default=0)
    symbols = {e["verdict"]: f"{VERDICTS[e['verdict']].symbol} {e['verdict']:<13}  " for e in entries if e["verdict"]}
    broad = not to.isatty() or _console(to).width >= width + 60
    lines: list[Line] = []
    for e in entries:
        verdict, title = symbols.get(e["verdict"], "  " if symbols else ""), unicode(e["title"], prose=True)
        style = VERDICTS[e["verdict"]].style if e["verdict"] else ""
        if broad:
            lines.append((style, f"{e['id']:<{width}}  {verdict:<{max(map(len, symbols.values()), default=0)}}{title}"))
        else:
            lines += [(style, f"{verdict}{e['id']}"), ("", f"  {title}")]
    write(lines, to)


def listing(verdicts: Sequence[Claim], file: TextIO | None = None) -> None:
    """All entries as a table on a terminal, one line each elsewhere."""
    to: TextIO = sys.stdout if file is None else file
    if not to.isatty():
        width = max(len(v["id"]) for v in verdicts)
        write([("", line(v, width)) for v in verdicts], to)
        return
    from rich.table import Table
    from rich.text import Text

    console = _console(to)
    shown = [v for v in verdicts if v["verdict"] not in UNCHECKED]
    ids = max((len(v["id"]) for v in shown), default=0)
    if console.width < ids + 45:
        index(shown, to)
    else:
        roomy = console.width >= ids + 75
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=roomy)
        table.add_column("statement", no_wrap=True, min_width=ids)
        table.add_column("verdict", no_wrap=True, min_width=13)
        if roomy:
            table.add_column("evidence", no_wrap=True, style="dim")
            table.add_column("instances", no_wrap=True, justify="right", style="dim")
        table.add_column("", no_wrap=True, overflow="ellipsis")
        for v in shown:
            how, e = VERDICTS[v["verdict"]], support_of(v)
            numbers = (level_of(v), f"{e['instances']:,}" if e else "") if roomy else ()
            table.add_row(v["id"], Text(f"{how.symbol} {v['verdict']}", style=how.style), *numbers,
                          unicode(v["title"], prose=True))
        console.print(table)
    for verdict in UNCHECKED:
        ids = [v["id"] for v in verdicts if v["verdict"] == verdict]
        if ids:
            write([("", ""), (VERDICTS[verdict].style, f"{verdict}: {', '.join(ids)}")], to)


def report(verdicts: Sequence[Claim], file: TextIO | None = None) -> None:
    """What follows the list: what failed and why, and the counts by paper and verdict."""
    to: TextIO = sys.stdout if file is None else file
    write(_explained(verdicts), to)
    counts = summary(verdicts)
    shown = [name for name in VERDICTS if any(name in row for row in counts.values())]
    if not to.isatty():
        lines = [
            ("", f"{paper}: " + ", ".join(f"{n} {name}" for name, n in row.items())) for paper, row in counts.items()
        ]
        write([("", ""), *lines], to)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("paper")
    for name in shown:
        table.add_column(Text(f"{VERDICTS[name].symbol} {name}", style=VERDICTS[name].style), justify="right")
    for paper, row in counts.items():
        table.add_row(
            paper,
            *(Text(str(row[n]), style=VERDICTS[n].style) if n in row else Text("–", style="dim") for n in shown),
        )
    console = _console(to)
    console.print()
    console.print(table)


def _explained(verdicts: Sequence[Claim]) -> Iterator[Line]:
    wrong = failures(verdicts)
    if wrong:
        yield "", ""
        yield "bold", f"{len(wrong)} of {len(verdicts)} need attention:"
    for v, reason in wrong:
        yield VERDICTS[v["verdict"]].style, f"  {v['id']}: {v['verdict']}; {reason}"


def show(v: Claim) -> Iterator[Line]:
    """Everything about one entry."""
    how = VERDICTS[v["verdict"]]
    yield "bold", unicode(v["title"], prose=True)
    yield "dim", " · ".join(x for x in (v["id"], v["where"]) if x)
    yield "", ""
    if v["statement"]:
        yield "", f"  {unicode(v['statement'])}"
        yield "", ""
    if v["reading"]:
        yield "", f"Read as: {unicode(v['reading'], prose=True)}"
    yield how.style, f"{how.symbol} {v['verdict']}: {meaning(v)}"
    if v["recorded"] not in (None, v["verdict"]):
        yield "bold magenta", f"  the recorded verdict is {v['recorded']}"
    if v["why"]:
        yield "", f"  {v['why']}"
    if v["evidence"]:
        yield from _evidence("Evidence", v["evidence"])
    if v["counterexample"]:
        yield from _headed("Counterexample")
        yield from counterexample(v["counterexample"])
    if v["assumption"] and v["verdict"] != "holds":
        yield from _headed("What has to be assumed")
        yield "", f"  {unicode(v['assumption']['text'])}"
        if v["assumption"]["share"] is not None:
            yield "dim", f"  met by {v['assumption']['share']:.0%} of ordinary instances"
        if v["assumption"]["evidence"]:
            yield from _evidence("Evidence under the assumption", v["assumption"]["evidence"])
    if v["corrected"]:
        yield from _headed("What is true instead")
        yield "", f"  {unicode(v['corrected']['statement'])}"
        if v["corrected"]["evidence"]:
            yield from _evidence("Evidence for the corrected statement", v["corrected"]["evidence"])
    n = v["neighbours"]
    if n["tried"]:
        yield from _headed(f"False neighbours: {n['refuted']} of {n['tried']} refuted, {n['near']} near")
        for x in n["list"]:
            yield "" if x["refuted"] else "bold magenta", f"  {unicode(neighbour_line(x), prose=True)}"
    elif not VERDICTS[v["verdict"]].fails and v["verdict"] not in UNCHECKED:
        yield from _headed("False neighbours: none is given, so that it is not known what this check would have caught")
    if v["note"]:
        yield "", ""
        yield "", unicode(v["note"], prose=True)


def _headed(text: str) -> Iterator[Line]:
    yield "", ""
    yield "bold", text


def _evidence(heading: str, e: Mapping[str, Any]) -> Iterator[Line]:
    yield from _headed(f"{heading}: {e['level']} ({LEVELS[e['level']]})")
    for text in evidence_lines(e):
        yield "", f"  {text}"
    if e["coverage"]:
        hard = ", ".join(f"{name} {n:,}" for name, n in sorted(e["coverage"].items(), key=lambda kn: -kn[1]))
        yield "dim", f"  classes of instances: {hard}"


def counterexample(x: Mapping[str, Any]) -> Iterator[Line]:
    """The objects in exact numbers and the comparisons they decide."""
    width = max((len(name) for name in x["objects"]), default=0)
    for name, o in x["objects"].items():
        rows = o["values"] if o["kind"] == "table" else [o["values"]]
        for i, row in enumerate(rows):
            yield "", f"  {(name if i == 0 else '').replace('_', ' '):<{width}}  {'  '.join(row)}"
    for row in comparisons(x):
        label = f"{unicode(row['label'])}: " if row["label"] else ""
        yield "red" if decided(row) == "false" else "", f"  {label}{comparison(row)}: {decided(row)}"
    for text in counterexample_lines(x) if "minimality" in x else []:
        yield "dim", f"  {text}"
