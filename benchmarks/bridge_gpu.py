"""Scores, diagnosis and gradients at the shapes of 7B models: `python benchmarks/bridge_gpu.py [--json FILE]`.

Mistral-7B and Llama-3-8B with random weights made on the device in bfloat16; nothing is downloaded. Printed for each:
the share of the device's bfloat16 matrix peak (measured first, by large products) that scoring 4,096 tokens reaches,
the memory above the weights, and the time of streamed inner products of gradients of 4,096 tokens each in units of
two plain forward-backward passes over the same tokens. Without a CUDA device it says so and measures nothing;
`--tiny` runs the same code at a small size on the CPU, which shows that it runs and nothing about speed.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from didlab.bridge import Item
from didlab.bridge.data import Pair
from didlab.bridge.gradients import geometry
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.sampling import Sampling
from didlab.bridge.score import Plan, score
from didlab.diagnose import diagnose

GIB = 1 << 30
MODELS = ("mistral-7b", "llama-3-8b")
ENDS = {"bos_token_id": 1, "eos_token_id": 2}


@dataclass(frozen=True)
class Size:
    """How much is done: tokens in a batch and in a sequence, rounds, and the side of the matrices for the peak."""

    tokens: int = 4096
    length: int = 1024
    rounds: int = 5
    side: int = 8192


TINY = Size(tokens=64, length=16, rounds=2, side=64)


def configuration(name: str) -> Any:
    """The shape by name; "tiny" for the CPU."""
    if name == "tiny":
        return transformers.LlamaConfig(
            vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, **ENDS,
        )
    if name == "mistral-7b":
        return transformers.MistralConfig(
            vocab_size=32_000, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=8, sliding_window=None, **ENDS,
        )
    return transformers.LlamaConfig(
        vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=8192, rope_theta=500_000.0, **ENDS,
    )


def backend(name: str, device: str) -> HuggingFaceBackend:
    """A model of random weights in bfloat16, made where it is to live."""
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(configuration(name), dtype=torch.bfloat16)
    return HuggingFaceBackend(model, name=name)


def items(model: HuggingFaceBackend, shapes: list[tuple[int, int]], seed: int = 0) -> list[Item]:
    """Random responses with lengths of prompt and response as given."""
    rng = np.random.default_rng(seed)
    return [Item(*(tuple(map(int, rng.integers(3, model.vocabulary, n))) for n in shape)) for shape in shapes]


class Meter:
    """Seconds of a block, and on a CUDA device the most memory it needed above what was there before, in bytes."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"

    def __enter__(self) -> Meter:
        if self.cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self.cuda:
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self.start
        self.bytes = torch.cuda.max_memory_allocated() - self.before if self.cuda else 0


def repeated(device: torch.device, rounds: int, *calls: Callable[[], Any]) -> list[tuple[float, int]]:
    """Median seconds and largest memory of each call, warm, in interleaved rounds."""
    found: list[list[Meter]] = [[] for _ in calls]
    for n in range(rounds + 1):
        for call, meters in zip(calls, found, strict=True):
            with Meter(device) as m:
                call()
            if n:  # the first round warms up
                meters.append(m)
    return [(float(np.median([m.seconds for m in ms])), max(m.bytes for m in ms)) for ms in found]


def matrix_peak(device: torch.device, size: Size) -> float:
    """Operations per second of bfloat16 matrix products, the fastest of some."""
    a, b = (torch.randn(size.side, size.side, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(4 * size.rounds):
        with Meter(device) as m:
            torch.mm(a, b)
        seconds.append(m.seconds)
    return 2 * size.side**3 / min(seconds)


def operations(model: HuggingFaceBackend, batch: list[Item]) -> float:
    """What scoring takes: two per weight of a matrix and token that meets it, and causal attention."""
    config = model.model.config
    head = model.model.get_output_embeddings().weight.numel()
    trunk = sum(p.numel() for n, p in model.model.named_parameters() if p.ndim == 2 and ".layers." in n)
    # queries with keys, and weights with values, each half of a square (the heads together are as wide as the states)
    attention = sum(2 * config.num_hidden_layers * config.hidden_size * i.tokens**2 for i in batch)
    return 2.0 * trunk * sum(i.tokens for i in batch) + 2.0 * head * sum(len(i.response) for i in batch) + attention


def scoring(model: HuggingFaceBackend, size: Size, peak: float) -> dict[str, float]:
    """One batch of full sequences, three quarters of each the response."""
    device = model.model.device
    shape = (size.length // 4, size.length - size.length // 4)
    batch = items(model, [shape] * (size.tokens // size.length))
    rows = model.token_log_probs(batch)
    if not all(np.isfinite(r).all() and (r <= 0).all() for r in rows):
        raise SystemExit(f"{model.name} gave something that is no log-probability")
    ((seconds, above),) = repeated(device, size.rounds, lambda: model.token_log_probs(batch))
    return {
        "tokens_per_second": size.tokens / seconds,
        "share_of_matrix_peak": operations(model, batch) / seconds / peak,
        "gib_above_weights": above / GIB,
    }


def plain_pass(model: HuggingFaceBackend, item: Item) -> None:
    """A forward and a backward pass as anybody would write them; the gradient is dropped."""
    ids = torch.tensor([item.prompt + item.response], device=model.model.device)
    rows = model.model(input_ids=ids, use_cache=False).logits[0, len(item.prompt) - 1 : -1].float().log_softmax(-1)
    rows.gather(-1, ids[0, len(item.prompt) :, None]).sum().backward()
    for p in model.model.parameters():
        p.grad = None


def gradients(model: HuggingFaceBackend, size: Size) -> dict[str, float]:
    """Streamed inner products for two responses of all the tokens each, against two plain passes."""
    w, l = items(model, [(size.tokens // 4, size.tokens - size.tokens // 4)] * 2)  # noqa: E741
    found = geometry(model, w, l)
    if not (found.ww > 0 and found.ll > 0 and abs(found.wl) <= (found.ww * found.ll) ** 0.5):
        raise SystemExit(f"{model.name} gave something that is no Gram matrix")

    def two() -> None:
        plain_pass(model, w)
        plain_pass(model, l)

    (ours, above), (plain, plain_above) = repeated(
        model.model.device, size.rounds, lambda: geometry(model, w, l), two
    )
    sizes = [p.numel() * p.element_size() for p in model.model.parameters()]
    return {
        "times_two_passes": ours / plain,
        "gib_above_weights": above / GIB,
        "gib_of_a_plain_pass": plain_above / GIB,
        "gib_of_one_gradient": sum(sizes) / GIB,
        "gib_of_the_largest_parameter": max(sizes) / GIB,
    }


def diagnosis(model: HuggingFaceBackend, size: Size, folder: Path) -> dict[str, float]:
    """From pairs to a table to measurements; the self-audit is in the memory."""
    n = size.length
    made = items(model, [(n // 2, n // 2), (n // 2, n // 4), (n // 4, n // 2), (n // 4, n // 4)])
    pairs = [
        Pair(str(k), made[2 * k], Item(made[2 * k].prompt, made[2 * k + 1].response)) for k in range(2)
    ]
    with Meter(model.model.device) as m:
        table = score(
            pairs, {"policy": model, "reference": model}, folder / "scores.parquet",
            plan=Plan(token_budget=size.tokens), sampling=Sampling(2, length=8),
        )
    found = diagnose(table)
    if found["displacement.chosen"].value != 0:
        raise SystemExit(f"{model.name} differs from itself")
    return {
        "seconds": m.seconds, "gib_above_weights_with_audit": m.bytes / GIB,
        "entropy_per_token": float(found["entropy.policy.per-token"].value),
    }


def measured(name: str, device: str, size: Size) -> dict[str, Any]:
    """Everything about one shape."""
    peak = matrix_peak(torch.device(device), size)
    model = backend(name, device)
    out: dict[str, Any] = {"matrix_peak_per_second": peak, "scoring": scoring(model, size, peak)}
    with tempfile.TemporaryDirectory() as folder:
        out["diagnosis"] = diagnosis(model, size, Path(folder))
    out["gradients"] = gradients(model, size)
    return out


def said(name: str, found: dict[str, Any]) -> str:
    """The figures in words."""
    s, g = found["scoring"], found["gradients"]
    return (
        f"{name}: scoring {s['tokens_per_second']:,.0f} tokens/s, {s['share_of_matrix_peak']:.0%} of the measured peak "
        f"of {found['matrix_peak_per_second'] / 1e12:.3g} Tflop/s, {s['gib_above_weights']:.2f} GiB above the weights; "
        f"gradients {g['times_two_passes']:.2f} times two passes, {g['gib_above_weights']:.2f} GiB above the weights "
        f"(one gradient is {g['gib_of_one_gradient']:.2f}, a plain pass takes {g['gib_of_a_plain_pass']:.2f})"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="the same code at a small size on the CPU")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args(arguments)
    if args.tiny:
        print(said("tiny", measured("tiny", "cpu", TINY)))
        return
    if not torch.cuda.is_available():
        print("no CUDA device: nothing was measured; --tiny runs the same code at a small size on the CPU")
        return
    results = {}
    for name in MODELS:
        results[name] = measured(name, "cuda", Size())
        print(said(name, results[name]))
        gc.collect()
        torch.cuda.empty_cache()
    setup = {
        "device": torch.cuda.get_device_name(), "date": datetime.now(UTC).date().isoformat(),
        "versions": {n: version(n) for n in ("torch", "transformers")}, **vars(Size()),
    }
    args.json.write_text(json.dumps({"schema": "didlab/bridge-gpu/1", **setup, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
