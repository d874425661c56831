"""The commands about real models: `didlab score` and `didlab diagnose`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BackendError, FileError

if TYPE_CHECKING:
    from .bridge.data import Pair
    from .diagnose import Diagnosis

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the commands."""
    score = commands.add_parser(
        "score",
        help="log-probabilities of a preference data set under a model and its reference",
        description="Score every response of a preference data set and write a Parquet table. A run that was "
        "interrupted goes on where it stopped; under torchrun or accelerate the processes share the work.",
    )
    score.add_argument("--policy", metavar="MODEL", help="folder or name of a model, or MODULE:FUNCTION")
    score.add_argument(
        "--reference", metavar="MODEL", help="its reference; 'adapter-off' for the base model of a PEFT adapter"
    )
    score.add_argument("--rejected-policy", metavar="MODEL", help="the model that wrote the rejected responses")
    score.add_argument(
        "--did-policy", metavar="MODEL", help="the model trained with r = log pi on pairs of policy against reference"
    )
    score.add_argument(
        "--data", type=Path, metavar="FILE", help="prompt/chosen/rejected rows: .jsonl or .parquet"
    )
    score.add_argument("--out", required=True, type=Path, metavar="FILE.parquet", help="the table to write")
    score.add_argument("--tokenizer", metavar="NAME", help="where the tokenizer is (default: with the policy)")
    score.add_argument("--no-end", action="store_true", help="do not put the end-of-text token after plain responses")
    score.add_argument("--skip-bad-rows", action="store_true", help="leave out rows that cannot be used, and name them")
    score.add_argument("--dtype", default="float32", metavar="TYPE", help="of the weights (default: float32)")
    score.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (default: cpu)")
    score.add_argument(
        "--token-budget", type=int, default=16_384, metavar="N", help="padded tokens in a batch (default: 16384)"
    )
    score.add_argument(
        "--insist", action="append", default=[], metavar="MODEL", help="use this model although it fails the self-audit"
    )
    score.add_argument(
        "--samples", type=int, default=0, metavar="N", help="also draw N responses per prompt from each model"
    )
    score.add_argument(
        "--sample-length", type=int, default=512, metavar="N", help="most tokens of a drawn response (default: 512)"
    )
    score.add_argument("--sample-prompts", type=int, metavar="N", help="draw for the first N prompts only")
    score.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws (default: 0)")
    for column in ("policy", "reference", "rejected-policy", "did-policy"):
        score.add_argument(
            f"--{column}-scores", type=Path, metavar="FILE",
            help="scores that another program wrote: JSONL or Parquet, or a sample log of lm-evaluation-harness",
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
    diagnose.add_argument("--prompts", type=Path, metavar="FILE", help="write a row for each prompt, as JSONL")
    diagnose.add_argument(
        "--gradients", type=int, default=0, metavar="K", help="inner products of gradients, and one step, on K pairs"
    )
    diagnose.add_argument("--policy", metavar="MODEL", help="the model, for its gradients")
    diagnose.add_argument("--data", type=Path, metavar="FILE", help="what the table was made from, for gradients")
    diagnose.add_argument("--tokenizer", metavar="NAME", help="as for score")
    diagnose.add_argument("--no-end", action="store_true", help="as for score")
    diagnose.add_argument("--dtype", default="float32", metavar="TYPE", help="as for score (default: float32)")
    diagnose.add_argument("--device", default="cpu", metavar="NAME", help="as for score (default: cpu)")
    diagnose.add_argument(
        "--parameters", default="all", metavar="NAME", help="whose gradients: all, last-layer or lora (default: all)"
    )
    diagnose.add_argument("--rate", type=float, default=1e-4, metavar="X", help="of the one real step (default: 1e-4)")
    diagnose.add_argument("--optimiser", default="sgd", metavar="NAME", help="sgd, adam or rmsprop (default: sgd)")
    diagnose.set_defaults(command=_diagnose)


def _from_files(options: argparse.Namespace, files: dict[str, Path]) -> int:
    from .bridge.files import table_from_files
    from .bridge.table import read_scores

    if options.policy or options.data:
        raise FileError("give either models and --data, or files of scores")
    if "policy" not in files:
        raise FileError("give --policy-scores too; a table is about a policy")
    size = len(read_scores(table_from_files(files, options.out)))
    print(f"wrote {options.out}: {size:,} responses of {size // 2:,} pairs, {', '.join(files)}")
    return 0


def _read(options: argparse.Namespace, skipped: list[str] | None = None) -> list[Pair]:
    from .bridge.data import pairs, read_rows
    from .bridge.load import load_tokenizer

    rows = read_rows(options.data, skipped=skipped)
    tokenizer = None
    if "chosen_ids" not in rows[0]:
        if options.tokenizer is None and ":" in options.policy:
            raise BackendError(f"{options.policy} has no tokenizer of its own; name one with --tokenizer")
        tokenizer = load_tokenizer(options.tokenizer or options.policy)
    return pairs(rows, tokenizer, end=not options.no_end, skipped=skipped)


def _score(options: argparse.Namespace) -> int:
    from .bridge.load import adapter_off, load_backend
    from .bridge.sampling import Sampling
    from .bridge.score import Plan, score

    if options.out.is_dir():
        raise FileError(f"--out {options.out} is a folder; give a file")
    columns = ("policy", "reference", "rejected_policy", "did_policy")
    files = {c: p for c in columns if (p := getattr(options, f"{c}_scores"))}
    if files:
        return _from_files(options, files)
    if not options.policy or not options.data:
        raise FileError("give --policy and --data (or --policy-scores with scores that another program wrote)")
    skipped: list[str] | None = [] if options.skip_bad_rows else None
    data = _read(options, skipped)
    made = {"dtype": options.dtype, "device": options.device}
    models = {"policy": load_backend(options.policy, **made)}
    if options.reference == "adapter-off":
        models["reference"] = adapter_off(models["policy"])
    elif options.reference:
        models["reference"] = load_backend(options.reference, **made)
    for column in ("rejected_policy", "did_policy"):
        if name := getattr(options, column):
            models[column] = load_backend(name, **made)
    draw = {"length": options.sample_length, "prompts": options.sample_prompts, "seed": options.seed}
    sampling = Sampling(options.samples, **draw) if options.samples else None
    rank, world = (int(os.environ.get(k, d)) for k, d in (("RANK", "0"), ("WORLD_SIZE", "1")))
    with _bar(rank == 0) as progress:
        path = score(
            data, models, options.out, plan=Plan(token_budget=options.token_budget), sampling=sampling,
            insist=options.insist, rank=rank, world=world, about={"skipped": skipped or []}, progress=progress,
        )
    if rank == 0:
        for said in skipped or []:
            print(f"skipped: {said}", file=sys.stderr)
        drawn = f", {options.samples} drawn per prompt and model" if sampling else ""
        print(f"wrote {path}: {2 * len(data):,} responses of {len(data):,} pairs, {', '.join(models)}{drawn}")
    return 0


@contextlib.contextmanager
def _bar(shown: bool) -> Generator[Callable[[int, int], None] | None, None, None]:
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
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
    if options.gradients:
        found = _with_gradients(options, found)
    write_diagnosis(found)
    if options.json:
        write_text(options.json, json.dumps(found.plain(), indent=1, sort_keys=True) + "\n")
        print(f"\nwrote {options.json}")
    if options.prompts:
        from .bridge.table import read_scores
        from .diagnose.prompts import by_prompt

        rows = by_prompt(read_scores(options.table))
        write_text(options.prompts, "".join(json.dumps(r) + "\n" for r in rows))
        print(f"\nwrote {options.prompts}")
    if options.html:
        from .report.diagnosis_page import diagnosis_page

        write_text(options.html / "index.html", diagnosis_page(found, source=str(options.table)))
        print(f"\nwrote {options.html / 'index.html'}")
    return 0


def _with_gradients(options: argparse.Namespace, found: Diagnosis) -> Diagnosis:
    from .bridge.load import load_backend
    from .diagnose.geometry import with_gradients

    if not options.policy or not options.data:
        raise FileError("--gradients needs the model and the data: give --policy and --data")
    data = _read(options, [])  # rows that the table does not hold either
    backend = load_backend(options.policy, dtype=options.dtype, device=options.device)
    with _bar(True) as progress:
        return with_gradients(
            found, backend, data, options.gradients, rate=options.rate, optimiser=options.optimiser,
            which=options.parameters, progress=progress,
        )


def _setting(text: str) -> tuple[str, float]:
    from .errors import ArgumentError

    key, _, value = text.partition("=")
    try:
        return key.strip(), float(value)
    except ValueError:
        raise ArgumentError("hyper", "NAME=X with a number X, such as alpha=0.2", repr(text)) from None
