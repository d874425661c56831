"""`didlab explore`: the interactive app in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import DidlabError, FileError
from .common import FINE

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    explore = commands.add_parser(
        "explore",
        help="open the interactive app",
        description="Serve the interactive app on this machine and open it in the browser. Ctrl-C ends it.",
    )
    explore.add_argument(
        "part", nargs="?", default="", metavar="PART", help="policies, claims, objectives, tokens, data or tour"
    )
    explore.add_argument("--data", type=Path, metavar="TABLE.parquet", help="a table of `didlab score` to diagnose")
    explore.add_argument("--port", type=int, metavar="N", help="where to listen (default: 8642, or a free one)")
    explore.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    explore.set_defaults(command=_explore, interrupted="the app is closed")


def _explore(options: argparse.Namespace) -> int:
    try:
        from ..explore import serve
    except ModuleNotFoundError as e:
        raise DidlabError(f"the app needs {e.name}: pip install 'didlab[explore]'") from e
    if options.data is not None:
        if not options.data.is_file():
            raise FileError(f"--data {options.data} is not a file; give a table that `didlab score` wrote")
        from ..explore import data

        data.GIVEN = options.data
    serve.serve(options.part or ("data" if options.data else ""), port=options.port, browser=not options.no_browser)
    return FINE
