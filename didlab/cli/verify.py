"""`didlab verify`: judge statements and compare the verdicts with the recorded ones."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClaimError
from .common import DIFFERS, FINE, choosing, integer, judging, writable
from .library import Library

if TYPE_CHECKING:
    from ..engine.claim import Claim

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    verify = commands.add_parser(
        "verify",
        help="judge statements",
        description="Judge statements and compare the verdicts with the recorded ones.",
        epilog="Exits with 0 if no verdict differs from the recorded one, 1 if one differs or is vacuous, undecided or "
        "an error, 2 for bad input, 130 when interrupted.",
    )
    choosing(verify)
    verify.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    verify.add_argument("--html", type=Path, metavar="DIR", help="write DIR/index.html, a page that opens from disk")
    verify.add_argument(
        "--jobs", type=integer("jobs", 1), metavar="N", help="number of processes (default: one per core)"
    )
    verify.add_argument(
        "--record",
        action="store_true",
        help="make the verdicts and certificates of this run the recorded ones (for developers)",
    )
    judging(verify)
    verify.set_defaults(command=_verify)


def _verify(options: argparse.Namespace) -> int:
    from ..engine.run import cores, run
    from ..files import write_text
    from ..report import document, terminal
    from . import record

    if options.record and options.claims:
        raise ClaimError(
            "--record keeps the verdicts of didlab's own statements; it cannot be combined with --claims"
        )
    writable(files={"--json": options.json}, folders={"--html": options.html})
    library = Library(options.claims)
    chosen = library.select(options.ids, options.paper)
    claims = [c for c in library.claims if c.id in chosen]
    rest = [e for e in library.entries if e["id"] in chosen]
    stored = {c.id: s for c in claims if (s := library.stored(c.id)) is not None}
    if options.record:
        stored = {c.id: stored[c.id] for c in claims if c.id in stored and record.still(c, stored[c.id])}
    width = max(len(i) for i in chosen)
    with _progress(claims, width) as progress:
        verdicts = run(
            claims,
            source=library.source,
            seed=options.seed,
            effort=options.effort,
            jobs=options.jobs or cores(),
            stored=stored,
            recorded=library.recorded,
            progress=progress,
        )
    if sys.stdout.isatty():
        terminal.listing([*verdicts, *rest])
    elif rest:
        terminal.write([("", terminal.line(e, width)) for e in rest])
    verdicts += rest
    terminal.report(verdicts)
    made = document.document(verdicts, seed=options.seed, effort=options.effort, versions=document.versions())
    if options.json:
        write_text(options.json, document.to_text(made))
    if options.html:
        from ..claims import PAPERS
        from ..report.page import page

        write_text(
            options.html / "index.html",
            page(made, papers=PAPERS, claims_file=str(options.claims) if options.claims else None),
        )
    if options.record:
        record.keep(verdicts)
    written = [str(p) for p in (options.json, options.html and options.html / "index.html") if p]
    if written:
        print(f"\nwrote {' and '.join(written)}")
    return DIFFERS if document.failures(verdicts) and not (options.record and record.only_changed(verdicts)) else FINE


@contextlib.contextmanager
def _progress(claims: Sequence[Claim], width: int) -> Generator[Callable[[dict[str, Any]], None], None, None]:
    """A bar on a terminal; elsewhere one line for each claim, in the order of the claims, as they become known."""
    from ..report import terminal

    if sys.stdout.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("judging"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
        )
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("", total=len(claims), last="")
            yield lambda v: bar.update(task, advance=1, last=f"{v['verdict']}: {v['id']}")
        return
    order, known = [c.id for c in claims], {}

    def lines(v: dict[str, Any]) -> None:
        known[v["id"]] = v
        while order and order[0] in known:
            terminal.write([("", terminal.line(known.pop(order.pop(0)), width))])
            sys.stdout.flush()

    yield lines
