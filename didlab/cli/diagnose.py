"""`didlab diagnose`: measure a table of scores."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, FileError
from .common import FINE, integer, writable
from .models import bar, model_options, read_pairs

if TYPE_CHECKING:
    from ..diagnose import Diagnosis

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    diagnose = commands.add_parser(
        "diagnose",
        help="measure a table of scores",
        description="Measure everything a table of scores allows, each with its error.",
    )
    diagnose.add_argument("table", type=Path, metavar="TABLE.parquet", help="a table that `didlab score` wrote")
    diagnose.add_argument(
        "--objective", default="dpo", metavar="NAME",
        help="the loss to measure, by its name in didlab.objectives (default: dpo)",
    )
    diagnose.add_argument(
        "--beta", type=float, default=0.1, metavar="X", help="scale of the implicit reward (default: 0.1)"
    )
    diagnose.add_argument(
        "--hyper", action="append", default=[], metavar="NAME=X", help="a further hyper-parameter of the objective"
    )
    diagnose.add_argument("--json", type=Path, metavar="FILE", help="write the diagnosis as JSON")
    diagnose.add_argument("--html", type=Path, metavar="DIR", help="write DIR/index.html, a page that opens from disk")
    diagnose.add_argument("--prompts", type=Path, metavar="FILE", help="write a row for each prompt, as JSONL")
    diagnose.add_argument(
        "--gradients", type=integer("gradients", 0), default=0, metavar="K",
        help="inner products of gradients, and one step, on K pairs",
    )
    diagnose.add_argument("--policy", metavar="MODEL", help="the model, for its gradients")
    diagnose.add_argument("--data", type=Path, metavar="FILE", help="what the table was made from, for gradients")
    model_options(diagnose, "--tokenizer", "--no-end", "--dtype", "--device")
    diagnose.add_argument(
        "--parameters", default="all", metavar="NAME", help="whose gradients: all, last-layer or lora (default: all)"
    )
    diagnose.add_argument("--rate", type=float, default=1e-4, metavar="X", help="of the one real step (default: 1e-4)")
    diagnose.add_argument("--optimiser", default="sgd", metavar="NAME", help="sgd, adam or rmsprop (default: sgd)")
    diagnose.set_defaults(command=_diagnose)


def _diagnose(options: argparse.Namespace) -> int:
    from ..diagnose import diagnose
    from ..files import write_text
    from ..report.diagnosis import write_diagnosis

    if (options.policy or options.data) and not options.gradients:
        raise FileError("--policy and --data serve for gradients only: say of how many pairs, --gradients K")
    writable(files={"--json": options.json, "--prompts": options.prompts}, folders={"--html": options.html})
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
        from ..bridge.table import read_scores
        from ..diagnose.prompts import by_prompt

        rows = by_prompt(read_scores(options.table))
        write_text(options.prompts, "".join(json.dumps(r) + "\n" for r in rows))
        print(f"\nwrote {options.prompts}")
    if options.html:
        from ..report.diagnosis_page import diagnosis_page

        write_text(options.html / "index.html", diagnosis_page(found, source=str(options.table)))
        print(f"\nwrote {options.html / 'index.html'}")
    return FINE


def _with_gradients(options: argparse.Namespace, found: Diagnosis) -> Diagnosis:
    from ..bridge.load import load_backend
    from ..diagnose.geometry import with_gradients

    if not options.policy or not options.data:
        raise FileError("--gradients needs the model and the data: give --policy and --data")
    data = read_pairs(options, [])  # rows that the table does not hold either
    backend = load_backend(options.policy, dtype=options.dtype, device=options.device)
    with bar(True) as progress:
        return with_gradients(
            found, backend, data, options.gradients, rate=options.rate, optimiser=options.optimiser,
            which=options.parameters, progress=progress,
        )


def _setting(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        return key.strip(), float(value)
    except ValueError:
        raise ArgumentError("hyper", "NAME=X with a number X, such as alpha=0.2", repr(text)) from None
