"""What the commands about real models share: options, reading the pairs, a bar of progress."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BackendError

if TYPE_CHECKING:
    from ..bridge.data import Pair

__all__ = ["bar", "check_tokenizers", "model_options", "read_pairs"]

OPTIONS: dict[str, dict[str, Any]] = {
    "--tokenizer": {"metavar": "NAME", "help": "where the tokenizer is (default: with the policy)"},
    "--no-end": {"action": "store_true", "help": "do not put the end-of-text token after plain responses"},
    "--dtype": {
        "default": "float32", "metavar": "TYPE",
        "help": "of the weights: float32, bfloat16, float16 or float64 (default: float32)",
    },
    "--device": {"default": "cpu", "metavar": "NAME", "help": "cpu, cuda, ... (default: cpu)"},
    "--insist": {
        "action": "append", "default": [], "metavar": "MODEL",
        "help": "use this model although it fails the self-audit or has another tokenizer",
    },
}


def model_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add options that several commands about models have."""
    for name in names:
        parser.add_argument(name, **OPTIONS[name])


def read_pairs(options: argparse.Namespace, skipped: list[str] | None = None) -> list[Pair]:
    """The preference data of the options, tokens and all; what loads models after it draws bars on terminals only."""
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers reads it when it is imported
    from ..bridge.data import pairs, read_rows
    from ..bridge.load import load_tokenizer

    rows = read_rows(options.data, skipped=skipped)
    tokenizer = None
    if "chosen_ids" not in rows[0]:
        if options.tokenizer is None and ":" in options.policy:
            raise BackendError(f"{options.policy} has no tokenizer of its own; name one with --tokenizer")
        tokenizer = load_tokenizer(options.tokenizer or options.policy)
    return pairs(rows, tokenizer, end=not options.no_end, skipped=skipped)


def check_tokenizers(options: argparse.Namespace, data: Sequence[Pair]) -> None:
    """Refuse a model whose own tokenizer has other tokens for the ids of the data than the one they are from.

    Raises:
        BackendError: naming the token.
    """
    from ..bridge.load import other_token

    first = options.tokenizer or options.policy
    ids = {t for pair in data for _, item in pair.items() for t in (*item.prompt, *item.response)}
    named = [getattr(options, n, None) for n in ("policy", "reference", "rejected_policy", "did_policy")]
    for name in dict.fromkeys(named):
        if name in (None, first, "adapter-off", *options.insist) or ":" in name:
            continue
        if said := other_token(first, name, ids):
            raise BackendError(
                f"{name} would score another text: {said}. Name models with one tokenizer, or insist on this one by "
                "its name (--insist)"
            )


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
