"""The whole Figure 7 sweep against the plain loop's extrapolated time: `python benchmarks/sweep.py [OUT.json]`.

39 configurations x 5 temperatures x 16 seeds x 5,000 steps, JS every 10 steps, two workers; the plain loop is timed on
1,000 steps of one configuration, before, between and after three sweeps.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from plain_loops import autograd

from didlab.dynamics import Protocol, simulate, synthetic_problem
from didlab.dynamics.draws import draw_cells
from didlab.experiments.grids import TEMPERATURES, printed_configurations

STEPS, PLAIN_STEPS, ROUNDS = 5000, 1000, 3


def main(out: str | None = None) -> None:
    torch.set_num_threads(1)
    configurations = printed_configurations()
    problems = [synthetic_problem(t, seed) for t in TEMPERATURES for seed in range(16)]
    q = problems[48]
    table = q.table()
    cells = torch.from_numpy(np.array([draw_cells(table, q.key, s, 512) for s in range(PLAIN_STEPS)]))
    tensors = (torch.tensor(q.reference), torch.tensor(q.goal), cells // q.size, cells % q.size)
    simulate(problems[:1], configurations, protocol=Protocol(steps=1))
    plain, swept, plain_cpu, swept_cpu = [], [], [], []
    for _ in range(ROUNDS):
        start, cpu = time.perf_counter(), time.process_time()
        autograd(*tensors, 10)
        plain.append((time.perf_counter() - start) / PLAIN_STEPS)
        plain_cpu.append((time.process_time() - cpu) / PLAIN_STEPS)
        start, cpu = time.perf_counter(), time.process_time()
        simulate(problems, configurations, protocol=Protocol(steps=STEPS), workers=2)
        swept.append(time.perf_counter() - start)
        swept_cpu.append(time.process_time() - cpu)
    runs = len(configurations) * len(problems)
    rows = {
        "runs": runs,
        "steps": STEPS,
        "sweep_seconds_median": float(np.median(swept)),
        "sweep_seconds_best": min(swept),
        "plain_seconds_extrapolated_median": float(np.median(plain)) * runs * STEPS,
        "plain_seconds_extrapolated_best": min(plain) * runs * STEPS,
    }
    rows["ratio_median"] = rows["plain_seconds_extrapolated_median"] / rows["sweep_seconds_median"]
    rows["ratio_best"] = rows["plain_seconds_extrapolated_best"] / rows["sweep_seconds_best"]
    # what two free cores would give, from processor time: on a busy machine the clock counts the others' work too
    rows["ratio_by_processor_time"] = 2 * float(np.median(plain_cpu)) * runs * STEPS / float(np.median(swept_cpu))
    for key, value in rows.items():
        print(f"{key:<36}{value:>14,.2f}")
    if out:
        Path(out).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
