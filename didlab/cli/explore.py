"""`didlab explore`: the interactive app in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DidlabError, FileError
from .common import FINE, integer

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    explore = commands.add_parser(
        "explore",
        help="open the interactive app",
        description="Serve the interactive app on this machine and open it in the browser. Ctrl-C ends it.",
    )
    explore.add_argument(
        "place", nargs="?", default="", metavar="PART|FILE",
        help="policies, claims, objectives, tokens, data or tour; or a state that the app saved, or a table",
    )
    explore.add_argument("--data", type=Path, metavar="TABLE.parquet", help="a table of `didlab score` to diagnose")
    explore.add_argument(
        "--port", type=integer("port", 0, 65535), metavar="N", help="where to listen (default: 8642, or a free one)"
    )
    explore.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    explore.set_defaults(command=_explore, interrupted="the app is closed")


def _explore(options: argparse.Namespace) -> int:
    try:
        from ..explore import serve
    except ModuleNotFoundError as e:
        raise DidlabError(f"the app needs {e.name}: pip install 'didlab[explore]'") from e
    serve.serve(_place(options.place, options.data), port=options.port, browser=not options.no_browser)
    return FINE


def _place(place: str, table: Path | None) -> str:
    """Where the app opens, with the table that it is given."""
    from ..explore.look import PARTS, link

    if table is not None and not table.is_file():
        raise FileError(f"--data {table} is not a file; give a table that `didlab score` wrote")
    if not place or place in PARTS:
        address = link(place) if place else "/" if table is None else link("data")
    elif Path(place).is_file():
        from ..explore import saved

        found = saved.read(place)
        address = link(found.part, found.state)
        if found.scores is not None:
            if table is not None:
                raise ArgumentError("--data", "left out with a file that has a table in it", str(table))
            table = Path(place)
    else:
        raise ArgumentError("PART|FILE", f"one of {', '.join(PARTS)}, or a file that is there", repr(place))
    if table is not None:
        from ..explore import data

        data.GIVEN = table
    return address
