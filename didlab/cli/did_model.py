"""`didlab did-model`: train a model that stands in for the distribution of differential information."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from .common import FINE, writable
from .models import bar, check_tokenizers, model_options, read_pairs

__all__ = ["add"]

SHOWN = ("entropy.", "did.", "divergence.")  # of the diagnosis: what this command is about


def add(commands: Any) -> None:
    """Declare the command."""
    made = commands.add_parser(
        "did-model",
        help="train a stand-in for the DID, and estimate its entropy",
        description="Appendix K of the DID paper, end to end: responses of the policy and of the reference are drawn, "
        "a copy of the reference is trained on them with the reward log pi, and on prompts it has not seen the "
        "entropies of all three are estimated. A run that was interrupted goes on where it stopped.",
    )
    made.add_argument("--policy", required=True, metavar="MODEL", help="folder or name of a model, or MODULE:FUNCTION")
    made.add_argument(
        "--reference", required=True, metavar="MODEL",
        help="its reference, a model of transformers; 'adapter-off' for the base model of a PEFT adapter",
    )
    made.add_argument(
        "--data", required=True, type=Path, metavar="FILE", help="prompt/chosen/rejected rows: .jsonl or .parquet"
    )
    made.add_argument("--out", required=True, type=Path, metavar="DIR", help="the model, its training and its scores")
    model_options(made, "--tokenizer", "--no-end", "--dtype", "--device", "--insist")
    made.add_argument("--prompts", type=int, metavar="N", help="train on at most N prompts (default: all)")
    made.add_argument(
        "--held-out", type=int, metavar="N", help="prompts that are not trained on (default: a tenth, at most 1000)"
    )
    made.add_argument("--draws", type=int, default=1, metavar="N", help="pairs of each prompt (default: 1)")
    made.add_argument("--samples", type=int, default=4, metavar="N", help="drawn per prompt and model (default: 4)")
    made.add_argument(
        "--sample-length", type=int, default=512, metavar="N", help="most tokens of a drawn response (default: 512)"
    )
    made.add_argument("--rate", type=float, default=1e-6, metavar="X", help="learning rate (default: 1e-6)")
    made.add_argument("--warm-up", type=int, default=150, metavar="N", help="steps over which it rises (default: 150)")
    made.add_argument("--batch", type=int, default=64, metavar="N", help="pairs of one step (default: 64)")
    made.add_argument("--epochs", type=int, default=1, metavar="N", help="how often each pair is seen (default: 1)")
    made.add_argument("--seed", type=int, default=42, metavar="N", help="of everything that is drawn (default: 42)")
    made.add_argument(
        "--step-tokens", type=int, default=2048, metavar="N",
        help="padded tokens whose activations are kept at once in training (default: 2048)",
    )
    made.add_argument("--recompute", action="store_true", help="gradient checkpointing: less memory, more time")
    made.add_argument(
        "--token-budget", type=int, default=16_384, metavar="N", help="padded tokens in a batch (default: 16384)"
    )
    made.set_defaults(command=_did_model, interrupted="run the same command again to go on")


def _did_model(options: argparse.Namespace) -> int:
    from ..bridge.data import read_rows
    from ..bridge.did_model import Protocol, did_model
    from ..bridge.load import adapter_off, load_backend, load_tokenizer
    from ..bridge.log_pi import Training
    from ..bridge.sampling import Sampling
    from ..bridge.score import Plan
    from ..diagnose import diagnose
    from ..report.diagnosis import write_diagnosis

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ArgumentError("WORLD_SIZE", "1: this command trains in one process", os.environ["WORLD_SIZE"])
    writable(folders={"--out": options.out})
    training = Training(
        rate=options.rate, warm_up=options.warm_up, batch=options.batch, epochs=options.epochs, seed=options.seed,
        recompute=options.recompute, token_budget=options.step_tokens,
    )
    sampling = Sampling(options.samples, length=options.sample_length, seed=options.seed)
    protocol = Protocol(training, sampling, options.held_out, options.prompts, options.draws)
    data = read_pairs(options)
    text = "chosen_ids" not in read_rows(options.data)[0]
    check_tokenizers(options, data)
    made = {"dtype": options.dtype, "device": options.device}
    policy = load_backend(options.policy, **made)
    reference = adapter_off(policy) if options.reference == "adapter-off" else load_backend(options.reference, **made)
    with bar(True) as progress:
        table = did_model(
            data, policy, reference, options.out, protocol=protocol, plan=Plan(token_budget=options.token_budget),
            insist=options.insist, tokenizer=load_tokenizer(options.tokenizer or options.policy) if text else None,
            progress=progress,
        )
    found = diagnose(table)
    write_diagnosis(replace(found, entries=tuple(e for e in found.entries if e.name.startswith(SHOWN))))
    print(f"\nwrote {options.out / 'model'} and {table}: `didlab diagnose {table}` has the rest")
    return FINE
