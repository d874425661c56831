"""`didlab list`: which statements there are, and the verdicts that are recorded; nothing is judged."""

from __future__ import annotations

import argparse
from typing import Any

from .common import FINE, choosing, own_file
from .library import Library

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    listing = commands.add_parser(
        "list",
        help="list the statements and their recorded verdicts",
        description="List the statements and the verdicts that are recorded; nothing is judged.",
    )
    choosing(listing)
    own_file(listing)
    listing.set_defaults(command=_list)


def _list(options: argparse.Namespace) -> int:
    from ..report import terminal
    from ..report.latex import unicode
    from ..report.words import VERDICTS

    library = Library(options.claims)
    chosen = library.select(options.ids, options.paper)
    titles = {c.id: c.title for c in library.claims} | {e["id"]: e["title"] for e in library.entries}
    verdicts = {e["id"]: e["verdict"] for e in library.entries} | dict(library.recorded)
    width = max(map(len, chosen))
    lines: list[tuple[str, str]] = []
    for id in (i for i in titles if i in chosen):
        how = VERDICTS.get(verdicts.get(id, ""))
        verdict = f"{how.symbol} {verdicts[id]:<14}  " if how else ""
        lines.append((how.style if how else "", f"{id:<{width}}  {verdict}{unicode(titles[id], prose=True)}"))
    terminal.write(lines)
    return FINE
