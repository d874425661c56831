"""`didlab score`: log-probabilities of a preference data set."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FileError
from .common import FINE
from .models import bar, check_tokenizers, model_options, read_pairs

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
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
    model_options(score, "--tokenizer", "--no-end", "--dtype", "--device", "--insist")
    score.add_argument("--skip-bad-rows", action="store_true", help="leave out rows that cannot be used, and name them")
    score.add_argument(
        "--token-budget", type=int, default=4096, metavar="N", help="padded tokens in a batch (default: 4096)"
    )
    score.add_argument(
        "--samples", type=int, default=0, metavar="N", help="also draw N responses per prompt from each model"
    )
    score.add_argument(
        "--sample-length", type=int, default=512, metavar="N", help="most tokens of a drawn response (default: 512)"
    )
    score.add_argument("--sample-prompts", type=int, metavar="N", help="draw for the first N prompts only")
    score.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws (default: 0)")
    score.add_argument(
        "--patience", type=float, default=1800.0, metavar="SECONDS",
        help="how long the first of several processes waits for one that shows no sign of life (default: 1800)",
    )
    for column in ("policy", "reference", "rejected-policy", "did-policy"):
        score.add_argument(
            f"--{column}-scores", type=Path, metavar="FILE",
            help="scores that another program wrote: JSONL or Parquet, or a sample log of lm-evaluation-harness",
        )
    score.set_defaults(command=_score, interrupted="run the same command again to go on")


def _from_files(options: argparse.Namespace, files: dict[str, Path]) -> int:
    from ..bridge.files import table_from_files
    from ..bridge.table import read_scores

    if options.policy or options.data:
        raise FileError("give either models and --data, or files of scores")
    if "policy" not in files:
        raise FileError("give --policy-scores too; a table is about a policy")
    size = len(read_scores(table_from_files(files, options.out)))
    print(f"wrote {options.out}: {size:,} responses of {size // 2:,} pairs, {', '.join(files)}")
    return FINE


def _count(name: str, otherwise: str) -> int:
    text = os.environ.get(name, otherwise)
    if not text.isdecimal():
        raise ArgumentError(name, "a number, as torchrun sets it", repr(text))
    return int(text)


def _score(options: argparse.Namespace) -> int:
    from ..bridge.load import adapter_off, load_backend
    from ..bridge.sampling import Sampling
    from ..bridge.score import Plan, scorable, score

    if options.out.is_dir():
        raise FileError(f"--out {options.out} is a folder; give a file")
    columns = ("policy", "reference", "rejected_policy", "did_policy")
    files = {c: p for c in columns if (p := getattr(options, f"{c}_scores"))}
    if files:
        return _from_files(options, files)
    if not options.policy or not options.data:
        raise FileError("give --policy and --data (or --policy-scores with scores that another program wrote)")
    skipped: list[str] | None = [] if options.skip_bad_rows else None
    data = read_pairs(options, skipped)
    check_tokenizers(options, data)
    made = {"dtype": options.dtype, "device": options.device}
    models = {"policy": load_backend(options.policy, **made)}
    if options.reference == "adapter-off":
        models["reference"] = adapter_off(models["policy"])
    elif options.reference:
        models["reference"] = load_backend(options.reference, **made)
    for column in ("rejected_policy", "did_policy"):
        if name := getattr(options, column):
            models[column] = load_backend(name, **made)
    data = scorable(data, models, skipped=skipped)
    draw = {"length": options.sample_length, "prompts": options.sample_prompts, "seed": options.seed}
    sampling = Sampling(options.samples, **draw) if options.samples else None
    rank, world = (_count(k, d) for k, d in (("RANK", "0"), ("WORLD_SIZE", "1")))
    with bar(rank == 0) as progress:
        path = score(
            data, models, options.out, plan=Plan(token_budget=options.token_budget), sampling=sampling,
            insist=options.insist, rank=rank, world=world, patience=options.patience,
            about={"skipped": skipped or []}, progress=progress,
        )
    if rank == 0:
        for said in skipped or []:
            print(f"skipped: {said}", file=sys.stderr)
        drawn = f", {options.samples} drawn per prompt and model" if sampling else ""
        print(f"wrote {path}: {2 * len(data):,} responses of {len(data):,} pairs, {', '.join(models)}{drawn}")
    return FINE
