"""The simulator against plain PyTorch loops, per configuration and step: `python benchmarks/simulator.py [OUT.json]`.

Interleaved rounds, one thread, the same draws, JS every 10 steps; the median of the rounds, and the best. Compilation
is apart.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch
from plain_loops import LOOPS

from didlab.dynamics import Protocol, simulate, synthetic_problem
from didlab.dynamics.batched import Batched
from didlab.dynamics.compiled import Compiled
from didlab.dynamics.draws import draw_cells
from didlab.experiments.grids import printed_configurations
from didlab.policies import probabilities

ROUNDS, EVERY, PLAIN_STEPS, NUMBA_STEPS, TORCH_STEPS = 7, 10, 1000, 5000, 20
TEMPERATURES = (0.25, 0.5, 2.0, 4.0, 8.0)


def main(out: str | None = None) -> None:
    torch.set_num_threads(1)
    configurations = printed_configurations()
    problems = [synthetic_problem(t, seed) for t in TEMPERATURES for seed in range(16)]
    count = len(configurations)
    q = problems[48]
    table = q.table()
    cells = torch.from_numpy(np.array([draw_cells(table, q.key, s, 512) for s in range(PLAIN_STEPS)]))
    tensors = (torch.tensor(q.reference), torch.tensor(q.goal), cells // q.size, cells % q.size)

    start = time.perf_counter()
    simulate([q], configurations, protocol=Protocol(steps=1))
    compilation = time.perf_counter() - start
    check = simulate([q], configurations, protocol=Protocol(steps=PLAIN_STEPS)).logits[0, 0]
    for name, loop in LOOPS.items():
        off = np.abs(loop(*tensors, EVERY)[1] - check)
        off = np.abs(off - off.mean()).max()
        if off > 1e-12:
            raise SystemExit(f"{name} is another program: logits differ by {off:.1e}")

    goals = np.broadcast_to(
        probabilities(np.stack([p.goal for p in problems]))[:, None], (len(problems), count, q.size)
    )
    engines = {}
    for dtype in ("float64", "float32"):
        protocol = Protocol(steps=TORCH_STEPS * (ROUNDS + 1), dtype=dtype)
        engines[f"torch, {dtype}"] = Batched(problems, configurations, protocol, goals, "cpu")
        engines[f"torch, {dtype}"].advance(0, TORCH_STEPS)
    times: dict[str, list[float]] = {name: [] for name in [*LOOPS, "numba, float64", *engines]}
    for n in range(ROUNDS):
        for name, loop in LOOPS.items():
            start = time.perf_counter()
            loop(*tensors, EVERY)
            times[name].append((time.perf_counter() - start) / PLAIN_STEPS)
        compiled = Compiled([q], configurations, Protocol(steps=NUMBA_STEPS), goals[48:49], 1)
        start = time.perf_counter()
        compiled.advance(0, NUMBA_STEPS)
        times["numba, float64"].append((time.perf_counter() - start) / NUMBA_STEPS / count)
        for name, engine in engines.items():
            start = time.perf_counter()
            with torch.inference_mode():
                engine.advance(TORCH_STEPS * (n + 1), TORCH_STEPS * (n + 2))
            times[name].append((time.perf_counter() - start) / TORCH_STEPS / count / len(problems))
    report(times, compilation, out)


def report(times: dict[str, list[float]], compilation: float, out: str | None) -> None:
    middle = {name: float(np.median(t)) * 1e6 for name, t in times.items()}
    best = {name: float(np.min(t)) * 1e6 for name, t in times.items()}
    print(f"{'program':<18}{'us, median':>12}{'us, best':>12}{'ratio, median':>15}{'ratio, best':>13}")
    rows = {}
    for name in times:
        pairs = np.array(times["autograd"]) / np.array(times[name])
        rows[name] = {
            "microseconds_median": middle[name],
            "microseconds_best": best[name],
            "ratio_median": float(np.median(pairs)),
            "ratio_best": best["autograd"] / best[name],
        }
        print(
            f"{name:<18}{middle[name]:>12.3f}{best[name]:>12.3f}{np.median(pairs):>15.1f}{rows[name]['ratio_best']:>13.1f}"
        )
    print(f"compilation or loading of the cache: {compilation:.2f} s (not included)")
    if out:
        machine = {"processor": platform.processor() or platform.machine(), "torch": torch.__version__}
        Path(out).write_text(
            json.dumps({"programs": rows, "compilation_seconds": compilation, "machine": machine}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
