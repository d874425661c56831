"""What the commands about real models share: reading the pairs, a bar of progress."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from ..errors import BackendError

if TYPE_CHECKING:
    from ..bridge.data import Pair

__all__ = ["bar", "read_pairs"]


def read_pairs(options: argparse.Namespace, skipped: list[str] | None = None) -> list[Pair]:
    """The preference data of the options, tokens and all."""
    from ..bridge.data import pairs, read_rows
    from ..bridge.load import load_tokenizer

    rows = read_rows(options.data, skipped=skipped)
    tokenizer = None
    if "chosen_ids" not in rows[0]:
        if options.tokenizer is None and ":" in options.policy:
            raise BackendError(f"{options.policy} has no tokenizer of its own; name one with --tokenizer")
        tokenizer = load_tokenizer(options.tokenizer or options.policy)
    return pairs(rows, tokenizer, end=not options.no_end, skipped=skipped)


@contextlib.contextmanager
def bar(shown: bool) -> Generator[Callable[[int, int], None] | None, None, None]:
    """A bar on a terminal, and what moves it; elsewhere nothing."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(stderr=True)) as shown_bar:
        task = shown_bar.add_task("", total=None)
        yield lambda done, total: shown_bar.update(task, completed=done, total=total)
