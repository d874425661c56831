"""`score` against the bare forward pass and against TRL's precomputation: `python benchmarks/score.py [--json FILE]`.

A Llama of random weights whose vocabulary is 8 times its width, as in a 7B model, in float32 on two threads; pairs
whose sequences are 32 to 512 tokens long. Three programs, warm, in interleaved rounds; a ratio is the median over
rounds of time(other) / time(didlab) within the round, of the clock and of the processor: where other work shares the
machine, the second is the steadier.

didlab   the whole of `score`, from token ids to the Parquet table, less its self-audit, whose time
         does not grow with the number of pairs and is printed apart
bare     `model(input_ids, attention_mask).logits` on the batches that `score` makes, and nothing else
TRL      the loop of `DPOTrainer._precompute_ref_logps` over its own data loader, collator and `compute_ref_log_probs`,
         in batches of 8 pairs as it does by default, less the writing and reading of its cache

Memory is what a fresh process needs beyond what it had when model, data and trainer were there: the whole of `score`,
self-audit included. It is read from Linux (VmHWM), as the benchmark asks it to forget the peak of the preparation.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "2"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # what else runs on the machine then costs no more than its share
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pyarrow.parquet  # noqa: F401  # score imports it when it writes; memory is to be that of its data
import torch
import transformers

import didlab.bridge.score as scoring
from didlab.bridge import Item
from didlab.bridge.data import Pair
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.table import read_scores

SHAPE = {
    "vocab_size": 4096, "hidden_size": 512, "intermediate_size": 1792, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 1024, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 0,
}
SHORTEST, LONGEST, TRL_PAIRS = 32, 512, 8
PROGRAMS = ("didlab", "bare", "TRL")
CLOCKS = {"clock": time.perf_counter, "processor": time.process_time}
NOTHING = (0.0, 0.0)


def model() -> Any:
    """Random weights."""
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SHAPE)).eval()


def data(count: int, seed: int = 0) -> list[Pair]:
    """Pairs whose sequences have any length from 32 to 512; the prompt is at most 3/4 of the shorter one."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(count):
        totals = rng.integers(SHORTEST, LONGEST + 1, 2)
        cut = int(rng.integers(8, 3 * totals.min() // 4 + 1))
        prompt = tuple(rng.integers(3, SHAPE["vocab_size"], cut))
        chosen, rejected = (Item(prompt, tuple(rng.integers(3, SHAPE["vocab_size"], t - cut))) for t in totals)
        out.append(Pair(str(k), chosen, rejected))
    return out


def made(program: str, pairs: list[Pair], folder: Path) -> Callable[[], tuple[float, ...]]:
    """A program ready to run, with a model of its own; a run gives the seconds that do not count."""
    return {"didlab": _didlab, "bare": _bare, "TRL": _trl}[program](pairs, model(), folder)


def _didlab(pairs: list[Pair], network: Any, folder: Path) -> Callable[[], tuple[float, ...]]:
    backend, audit, spent = HuggingFaceBackend(network), scoring.audit, list(NOTHING)

    def timed(*args: Any, **options: Any) -> Any:
        start = [now() for now in CLOCKS.values()]
        found = audit(*args, **options)
        spent[:] = [now() - then for now, then in zip(CLOCKS.values(), start, strict=True)]
        return found

    scoring.audit = timed

    def run() -> tuple[float, ...]:
        scoring.score(pairs, {"policy": backend}, folder / "scores.parquet")
        return tuple(spent)

    return run


def _bare(pairs: list[Pair], network: Any, folder: Path) -> Callable[[], tuple[float, ...]]:
    plan, batches = scoring.Plan(), []
    for k in range(0, len(pairs), plan.pairs_per_part):
        items = [i for p in pairs[k : k + plan.pairs_per_part] for _, i in p.items()]
        for batch in scoring.batches(items, plan.token_budget):
            width = max(items[i].tokens for i in batch)
            ids, mask = torch.zeros((2, len(batch), width), dtype=torch.long)
            for n, i in enumerate(batch):
                ids[n, : items[i].tokens] = torch.tensor(items[i].prompt + items[i].response)
                mask[n, : items[i].tokens] = 1
            batches.append({"input_ids": ids, "attention_mask": mask})

    def run() -> tuple[float, ...]:
        with torch.inference_mode():
            for batch in batches:
                _ = network(**batch).logits
        return NOTHING

    run.padded = sum(b["input_ids"].numel() for b in batches)  # type: ignore[attr-defined]
    return run


def _trl(pairs: list[Pair], network: Any, folder: Path) -> Callable[[], tuple[float, ...]]:
    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, models

    words = Tokenizer(models.WordLevel({"a": 3, "</s>": 2, "<unk>": 0}, unk_token="<unk>"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", pad_token="<unk>")
    settings = trl.DPOConfig(
        output_dir=str(folder), report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False,
        precompute_ref_log_probs=True, disable_tqdm=True, dataloader_pin_memory=False,
    )
    one = Dataset.from_list([{"prompt": "a", "chosen": "a", "rejected": "a"}])  # to make the trainer; precomputed there
    trainer: Any = trl.DPOTrainer(network, args=settings, train_dataset=one, processing_class=tokenizer)
    rows = Dataset.from_list(
        [{"prompt_ids": p.chosen.prompt, "chosen_ids": p.chosen.response, "rejected_ids": p.rejected.response}
         for p in pairs]
    )
    size = settings.precompute_ref_batch_size or settings.per_device_train_batch_size
    if size != TRL_PAIRS:
        raise SystemExit(f"TRL's batches are of {size} pairs by now, not {TRL_PAIRS}")

    def loader() -> Iterator[Any]:
        made = torch.utils.data.DataLoader(rows, batch_size=size, collate_fn=trainer.data_collator, shuffle=False)
        return iter(trainer.accelerator.prepare(made))

    def run() -> tuple[float, ...]:
        got: list[list[torch.Tensor]] = [[], []]
        for batch in loader():
            for part, sums in zip(got, trainer.compute_ref_log_probs(trainer.model, batch), strict=True):
                part.append(sums.cpu())
        run.sums = [torch.cat(part).double().numpy() for part in got]  # type: ignore[attr-defined]
        return NOTHING

    run.padded = sum(b["input_ids"].numel() for b in loader())  # type: ignore[attr-defined]
    return run


def memory(program: str, pairs: list[Pair]) -> float:
    """MiB that a run needs at its peak beyond what the process had before."""
    with tempfile.TemporaryDirectory() as folder:
        run = made(program, pairs, Path(folder))
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        run()
        return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(key))
    return int(line.split()[1])


def speed(pairs: list[Pair], rounds: int) -> dict[str, Any]:
    """Seconds of every program in every round, and what they worked on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = {p: made(p, pairs, folder / p) for p in PROGRAMS}
        for run in runs.values():
            run()
        scores = read_scores(folder / "didlab" / "scores.parquet")
        for role, sums in zip(("chosen", "rejected"), runs["TRL"].sums, strict=True):  # type: ignore[attr-defined]
            slack = 1e-5 * scores.of(role, "tokens")
            if not (abs(scores.of(role, "policy_sum") - sums) <= slack).all():
                raise SystemExit("didlab and TRL disagree about the log-probabilities")
        times = {clock: {p: [] for p in PROGRAMS} for clock in CLOCKS}
        audits = []
        for _ in range(rounds):
            for p, run in runs.items():
                start = [now() for now in CLOCKS.values()]
                other = run()
                for (clock, now), then, less in zip(CLOCKS.items(), start, other, strict=True):
                    times[clock][p].append(now() - then - less)
                audits += [other[0]] if other[0] else []
    tokens = sum(i.tokens for p in pairs for _, i in p.items())
    padded = {p: runs[p].padded for p in ("bare", "TRL")}  # type: ignore[attr-defined]
    return {
        "tokens": tokens, "padded_tokens": {"didlab": padded["bare"], **padded},
        "seconds": {c: {p: [round(t, 3) for t in ts] for p, ts in x.items()} for c, x in times.items()},
        "audit_seconds": round(float(np.median(audits)), 3),
        "throughput_of_bare": {c: _ratio(x["bare"], x["didlab"]) for c, x in times.items()},
        "times_trl": {c: _ratio(x["TRL"], x["didlab"]) for c, x in times.items()},
    }


def _ratio(others: list[float], ours: list[float]) -> float:
    return round(float(np.median(np.divide(others, ours))), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=128)
    parser.add_argument("--memory", choices=PROGRAMS, help="print only what one program needs, in MiB")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    torch.set_num_threads(2)
    pairs = data(args.pairs)
    if args.memory:
        print(f"{memory(args.memory, pairs):.1f}")
        return
    found = speed(pairs, args.rounds)
    again = [sys.executable, __file__, "--pairs", str(args.pairs), "--memory"]
    peaks = {p: float(subprocess.run([*again, p], check=True, capture_output=True, text=True).stdout.split()[-1])
             for p in PROGRAMS}
    for clock in CLOCKS:
        share, times = found["throughput_of_bare"][clock], found["times_trl"][clock]
        print(f"by the {clock}: {share:.1%} of the throughput of the bare forward pass, {times:.2f} times TRL's")
    print("peak memory above the model: " + ", ".join(f"{p} {m:.0f} MiB" for p, m in peaks.items()))
    setup = {
        "shape": SHAPE, "dtype": "float32", "threads": 2, "pairs": args.pairs, "rounds": args.rounds,
        "token_budget": scoring.Plan().token_budget, "trl_batch_pairs": TRL_PAIRS,
        "versions": {n: version(n) for n in ("torch", "transformers", "trl", "numpy")},
        "processor": platform.processor() or platform.machine(),
    }
    told = {"schema": "didlab/score-benchmark/1", **setup, **found, "peak_mib_above_model": peaks}
    args.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
