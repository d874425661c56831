"""Gradient inner products of the shared last layer for 1,000 pairs: didlab against autograd, by loop and by vmap.

    python benchmarks/gradients.py [--rounds 9] [--json FILE]

V = 32 tokens, hidden states of 32 dimensions, responses of 64 and of 8 tokens, float64, one thread each. All three
start from the same hidden states and give the two squared norms and the inner product of every pair. Baselines: a loop
over pairs of one `torch.autograd.grad` for each response, and `torch.func.vmap` of `torch.func.grad` over all pairs at
once. Rounds are interleaved; a ratio is the median over rounds of time(baseline) / time(didlab) within the round.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from didlab.sequences.last_layer import last_layer_gram  # noqa: E402

PAIRS, V, D, LENGTHS = 1000, 32, 32, (64, 8)


def setting(length: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Parameters, and the hidden states and tokens of chosen and rejected responses."""
    rng = np.random.default_rng(seed)
    sides = [(rng.normal(size=(PAIRS, length, D)), rng.integers(0, V, (PAIRS, length))) for _ in range(2)]
    return 2 * rng.normal(size=(D, V)) / np.sqrt(D), *sides[0], *sides[1]


def log_likelihood(theta: torch.Tensor, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Of one response."""
    return torch.log_softmax(hidden @ theta, -1).gather(-1, tokens[:, None]).sum()


def looped(theta: torch.Tensor, h_w: Any, w: Any, h_l: Any, l: Any) -> torch.Tensor:  # noqa: E741
    """One backward pass for each response."""
    theta = theta.detach().requires_grad_()
    out = []
    for i in range(len(h_w)):
        a, b = (torch.autograd.grad(log_likelihood(theta, h[i], y[i]), theta)[0] for h, y in ((h_w, w), (h_l, l)))
        out.append(torch.stack(((a * a).sum(), (a * b).sum(), (b * b).sum())))
    return torch.stack(out, -1)


PER_RESPONSE = torch.func.vmap(torch.func.grad(log_likelihood), in_dims=(None, 0, 0))


def mapped(theta: torch.Tensor, h_w: Any, w: Any, h_l: Any, l: Any) -> torch.Tensor:  # noqa: E741
    """All backward passes at once."""
    a, b = PER_RESPONSE(theta, h_w, w), PER_RESPONSE(theta, h_l, l)
    return torch.stack([(x * y).sum((1, 2)) for x, y in ((a, a), (a, b), (b, b))])


def seconds(call: Callable[[], Any]) -> float:
    """Of the processor, so that what else runs on the machine counts less."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(length: int, rounds: int) -> dict[str, Any]:
    """Milliseconds, ratios, and the largest difference in units of the product of the norms."""
    arrays = setting(length)
    tensors = [torch.from_numpy(x) for x in arrays]
    calls = {"didlab": lambda: last_layer_gram(*arrays), "loop": lambda: looped(*tensors),
             "vmap": lambda: mapped(*tensors)}
    found = {name: np.asarray(call()) for name, call in calls.items()}
    ww, _, ll = found["loop"]
    scale = np.stack((ww, np.sqrt(ww * ll), ll))
    error = max(float((abs(found["didlab"] - found[name]) / scale).max()) for name in ("loop", "vmap"))
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    ratio = {n: float(np.median(np.divide(times[n], times["didlab"]))) for n in ("loop", "vmap")}
    return {"length": length, "milliseconds": {n: round(1e3 * float(np.median(t)), 2) for n, t in times.items()},
            "ratio_loop": round(ratio["loop"], 1), "ratio_vmap": round(ratio["vmap"], 2),
            "largest_relative_difference": error}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/gradients.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(length, args.rounds) for length in LENGTHS]
    for r in rows:
        ms = r["milliseconds"]
        print(f"L = {r['length']:>2}: didlab {ms['didlab']:.2f} ms, loop {ms['loop']:.1f} ms ({r['ratio_loop']:.1f}x), "
              f"vmap {ms['vmap']:.1f} ms ({r['ratio_vmap']:.2f}x), equal to {r['largest_relative_difference']:.1e}")
    setup = {"pairs": PAIRS, "vocabulary": V, "dimension": D, "threads": 1, "dtype": "float64", "rounds": args.rounds}
    args.json.write_text(json.dumps({"schema": "didlab/gradients/1", **setup, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
