"""`didlab show`: judge one statement and print everything about it."""

from __future__ import annotations

import argparse
from typing import Any

from .common import DIFFERS, FINE, judging
from .library import Library

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    show = commands.add_parser(
        "show",
        help="judge one statement and print everything about it",
        description="Judge one statement and print everything about it.",
    )
    show.add_argument("id", metavar="ID", help="which one; `didlab list` lists them")
    judging(show)
    show.set_defaults(command=_show)


def _show(options: argparse.Namespace) -> int:
    from ..engine.run import run
    from ..report import document, terminal

    library = Library(options.claims)
    entry = next((e for e in library.entries if e["id"] == options.id), None)
    if entry is not None:
        terminal.write(list(terminal.show(entry)))
        return FINE
    claim = library.claim(options.id)
    stored = library.stored(claim.id)
    verdict = run(
        [claim],
        source=library.source,
        seed=options.seed,
        effort=options.effort,
        stored={claim.id: stored} if stored else {},
        recorded=library.recorded,
    )[0]
    terminal.write(list(terminal.show(verdict)))
    below = [i for i in library.ids() if i.startswith(f"{claim.id}.")]
    more = [f"Sub-entries: {', '.join(below)}"] if below else []
    if stored:
        more.append(f"Re-check the counterexample: didlab replay {claim.id}")
    terminal.write([("", ""), *(("dim", text) for text in more)] if more else [])
    return DIFFERS if document.failures([verdict]) else FINE
