"""The commands about real models: `didlab score` and `didlab diagnose`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from .errors import BackendError, FileError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the commands."""
    score = commands.add_parser(
        "score",
        help="log-probabilities of a preference data set under a model and its reference",
        description="Score every response of a preference data set and write a Parquet table. A run that was "
        "interrupted goes on where it stopped; under torchrun or accelerate the processes share the work.",
    )
    score.add_argument("--policy", required=True, metavar="MODEL", help="folder or name of a model, or MODULE:FUNCTION")
    score.add_argument(
        "--reference", metavar="MODEL", help="its reference; 'adapter-off' for the base model of a PEFT adapter"
    )
    score.add_argument("--rejected-policy", metavar="MODEL", help="the model that wrote the rejected responses")
    score.add_argument(
        "--data", required=True, type=Path, metavar="FILE", help="prompt/chosen/rejected rows: .jsonl or .parquet"
    )
    score.add_argument("--out", required=True, type=Path, metavar="FILE.parquet", help="the table to write")
    score.add_argument("--tokenizer", metavar="NAME", help="where the tokenizer is (default: with the policy)")
    score.add_argument("--no-end", action="store_true", help="do not put the end-of-text token after plain responses")
    score.add_argument("--dtype", default="float32", metavar="TYPE", help="of the weights (default: float32)")
    score.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (default: cpu)")
    score.add_argument(
        "--token-budget", type=int, default=16_384, metavar="N", help="padded tokens in a batch (default: 16384)"
    )
    score.add_argument(
        "--insist", action="append", default=[], metavar="MODEL", help="use this model although it fails the self-audit"
    )
    score.set_defaults(command=_score, interrupted="run the same command again to go on")

    diagnose = commands.add_parser(
        "diagnose",
        help="measure a table of scores",
        description="Measure everything a table of scores allows, each with its error.",
    )
    diagnose.add_argument("table", type=Path, metavar="TABLE.parquet", help="a table that `didlab score` wrote")
    diagnose.add_argument(
        "--objective", default="dpo", metavar="NAME", help="loss whose coefficients are wanted (default: dpo)"
    )
    diagnose.add_argument("--beta", type=float, default=0.1, metavar="X", help="scale of the implicit reward (0.1)")
    diagnose.add_argument(
        "--hyper", action="append", default=[], metavar="NAME=X", help="a further hyper-parameter of the objective"
    )
    diagnose.add_argument("--json", type=Path, metavar="FILE", help="write the diagnosis as JSON")
    diagnose.add_argument("--html", type=Path, metavar="DIR", help="write DIR/index.html, a page that opens from disk")
    diagnose.set_defaults(command=_diagnose)


def _score(options: argparse.Namespace) -> int:
    from .bridge.data import pairs, read_rows
    from .bridge.load import adapter_off, load_backend, load_tokenizer
    from .bridge.score import Plan, score

    if options.out.is_dir():
        raise FileError(f"--out {options.out} is a folder; give a file")
    rows = read_rows(options.data)
    tokenizer = None
    if "chosen_ids" not in rows[0]:
        if options.tokenizer is None and ":" in options.policy:
            raise BackendError(f"{options.policy} has no tokenizer of its own; name one with --tokenizer")
        tokenizer = load_tokenizer(options.tokenizer or options.policy)
    data = pairs(rows, tokenizer, end=not options.no_end)
    made = {"dtype": options.dtype, "device": options.device}
    models = {"policy": load_backend(options.policy, **made)}
    if options.reference == "adapter-off":
        models["reference"] = adapter_off(models["policy"])
    elif options.reference:
        models["reference"] = load_backend(options.reference, **made)
    if options.rejected_policy:
        models["rejected_policy"] = load_backend(options.rejected_policy, **made)
    rank, world = (int(os.environ.get(k, d)) for k, d in (("RANK", "0"), ("WORLD_SIZE", "1")))
    with _bar(rank == 0) as progress:
        path = score(
            data, models, options.out, plan=Plan(token_budget=options.token_budget), insist=options.insist, rank=rank,
            world=world, progress=progress,
        )
    if rank == 0:
        print(f"wrote {path}: {2 * len(data):,} responses of {len(data):,} pairs, {', '.join(models)}")
    return 0


@contextlib.contextmanager
def _bar(shown: bool) -> Generator[Callable[[int, int], None] | None, None, None]:
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _diagnose(options: argparse.Namespace) -> int:
    import json

    from .diagnose import diagnose
    from .engine.certificate import write_text
    from .report.diagnosis import write_diagnosis

    found = diagnose(
        options.table, objective=options.objective, beta=options.beta, hyper=dict(map(_setting, options.hyper))
    )
    write_diagnosis(found)
    if options.json:
        write_text(options.json, json.dumps(found.plain(), indent=1, sort_keys=True) + "\n")
        print(f"\nwrote {options.json}")
    if options.html:
        from .report.diagnosis_page import diagnosis_page

        write_text(options.html / "index.html", diagnosis_page(found, source=str(options.table)))
        print(f"\nwrote {options.html / 'index.html'}")
    return 0


def _setting(text: str) -> tuple[str, float]:
    from .errors import ArgumentError

    key, _, value = text.partition("=")
    try:
        return key.strip(), float(value)
    except ValueError:
        raise ArgumentError("hyper", "NAME=X with a number X, such as alpha=0.2", repr(text)) from None
