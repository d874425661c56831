"""`didlab figure`: run an experiment and draw its figure."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from .common import FINE, writable

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    from ..experiments import figures

    figure = commands.add_parser(
        "figure",
        help="run an experiment and draw its figure",
        description="Run an experiment and write its image, its numbers and its caption. A run that was interrupted "
        "goes on where it stopped.",
    )
    what = figure.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", help=f"which figure: {', '.join(figures())}")
    what.add_argument("--all", action="store_true", help="every figure")
    figure.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="folder (default: figures)")
    figure.set_defaults(command=_figure, interrupted="run the same command again to go on")


def _figure(options: argparse.Namespace) -> int:
    from ..experiments import figures, make

    writable(folders={"--out": options.out})
    for name in figures() if options.all else (options.name,):
        with _drawing(name) as progress:
            path = make(name, options.out, progress)
        print(path, flush=True)
    return FINE


@contextlib.contextmanager
def _drawing(name: str) -> Generator[Callable[[str, float], object] | None, None, None]:
    if not sys.stdout.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"), transient=True) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda text, share: bar.update(task, completed=share, description=text)
