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

    library = Library(options.claims)
    chosen = library.select(options.ids, options.paper)
    checked = [{"id": c.id, "title": c.title, "verdict": library.recorded.get(c.id, "")} for c in library.claims]
    terminal.index([e for e in (*checked, *library.entries) if e["id"] in chosen])
    return FINE
