"""Rate-distortion: 200 values of beta with certificates, against plain Blahut-Arimoto and an exponential-cone solver.

    python benchmarks/rate_distortion.py [--json FILE] [--part path|plain|cones] ... [--rounds N]

path: 64 prompts x 256 responses, beta from 0.1 to 50, four kinds of rewards, five seeds each: time, the worst certified
gap in floats and in balls. plain: Blahut and Arimoto's iteration as published, 20,000 steps for each beta, one seed.
cones: cvxpy with clarabel (the extra `bench`), as the joint program over policies (X K exponential cones) and as the
reduced one over priors (X cones); rounds are interleaved, and the ratio is the median over rounds. Times of cvxpy are
those of `Problem.solve`, by the clock and of the processor. What numba compiles at the first call is timed apart. One
thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402

from didlab.solvers.rate_distortion import certify, problem, rate_distortion, rate_distortion_path  # noqa: E402
from didlab.solvers.rate_distortion.blahut_arimoto import plain  # noqa: E402
from didlab.solvers.rate_distortion.tables import KINDS, reward_table  # noqa: E402

BETAS = {"geometric": np.geomspace(0.1, 50, 200), "even": np.linspace(0.1, 50, 200)}
AIM, STEPS = 1e-12, 20_000


def clock(call):
    wall, cpu = time.perf_counter(), time.process_time()
    value = call()
    return value, time.perf_counter() - wall, time.process_time() - cpu


def paths():
    rows = []
    for spacing, betas in BETAS.items():
        for kind in KINDS:
            for seed in range(5):
                rewards = reward_table(kind, 64, 256, seed=seed)
                path, wall, cpu = clock(lambda: rate_distortion_path(rewards, betas))  # noqa: B023
                balls, ball_wall, ball_cpu = clock(lambda: certify(path))  # noqa: B023
                rows.append({
                    "betas": spacing, "kind": kind, "seed": seed, "seconds": wall, "cpu_seconds": cpu,
                    "ball_seconds": ball_wall, "ball_cpu_seconds": ball_cpu,
                    "worst_gap_nats": max(s.gap for s in path),
                    "worst_width": max(s.upper - s.lower for s in path),
                    "worst_ball_gap_nats": max(float(b.gap.upper()) for b in balls),
                    "balls_inside": all(
                        s.lower <= float(b.value.lower()) and float(b.upper.upper()) <= s.upper
                        for s, b in zip(path, balls, strict=True)
                    ),
                    "above_1e-12": sum(max(s.gap, s.upper - s.lower) > AIM for s in path),
                    "steps_mean": float(np.mean([len(s.bounds) for s in path])),
                    "steps_most": max(len(s.bounds) for s in path),
                    "routes": sorted({s.route for s in path}),
                    "largest_support": max(len(s.support) for s in path),
                })
                r = rows[-1]
                print(f"{spacing:>9} {kind:>10} {seed}: {wall:.2f} s ({cpu:.2f} of processor), balls {ball_cpu:.2f} s,"
                      f" gap {r['worst_gap_nats']:.1e}, by balls {r['worst_ball_gap_nats']:.1e}, width "
                      f"{r['worst_width']:.1e}, above 1e-12: {r['above_1e-12']}", flush=True)
    return rows


def plain_runs():
    """Uniform start, bounds looked at every 100 steps."""
    rows = []
    for kind in KINDS:
        p = problem(reward_table(kind, 64, 256, seed=0))
        k = len(p.kept)
        gaps, start = [], time.process_time()
        for beta in BETAS["geometric"]:
            gaps.append(plain(p.at(float(beta)), np.full(k, 1 / k), aim=AIM, steps=STEPS, every=100)[1].gap)
        rows.append({"kind": kind, "cpu_seconds": time.process_time() - start,
                     "unconverged_of_200": sum(g > AIM for g in gaps), "worst_gap_nats": max(gaps)})
        print(f"plain {kind:>10}: {rows[-1]['unconverged_of_200']} of 200 above 1e-12 nats after {STEPS:,} steps, worst"
              f" {rows[-1]['worst_gap_nats']:.1e}, {rows[-1]['cpu_seconds']:.0f} s of processor", flush=True)
    return rows


def joint(rewards, beta):
    """max sum p pi r - 1/beta sum p KL(pi || p pi) as cvxpy takes it."""
    import cvxpy as cp

    x, k = rewards.shape
    pi = cp.Variable((x, k), nonneg=True)
    marginal = cp.reshape(cp.sum(pi, axis=0) / x, (1, k), order="C")
    information = cp.sum(cp.rel_entr(pi, np.ones((x, 1)) @ marginal)) / x
    return cp.Problem(cp.Maximize(cp.sum(cp.multiply(rewards, pi)) / x - information / beta), [cp.sum(pi, axis=1) == 1])


def reduced(rewards, beta):
    import cvxpy as cp

    top = rewards.max(1)
    q = cp.Variable(rewards.shape[1], nonneg=True)
    value = cp.sum(cp.log(np.exp(beta * (rewards - top[:, None])) @ q)) / len(rewards) / beta + top.mean()
    return cp.Problem(cp.Maximize(value), [cp.sum(q) == 1])


def cones(rounds):
    try:
        import cvxpy as cp
    except ImportError:
        print("cvxpy is not installed: pip install didlab[bench]")
        return []
    rows = []
    cases = [(joint, 16, 64), (joint, 32, 128), (joint, 64, 256), (reduced, 64, 256), (reduced, 128, 1024)]
    for program, x, k in cases:
        for beta in (1.0, 5.0):
            rewards = reward_table("random", x, k, seed=0)
            alone, path, other, solver, off = [], [], [], [], 0.0
            near = beta * np.linspace(0.95, 1.05, 21)
            many = rounds if program is reduced or x < 64 else max(1, rounds // 3)
            for _ in range(many):
                found, *times = clock(lambda: rate_distortion(rewards, beta))  # noqa: B023
                alone.append(times)
                _, *times = clock(lambda: rate_distortion_path(rewards, near))  # noqa: B023
                path.append([t / len(near) for t in times])
                cone = program(rewards, beta)
                _, *times = clock(lambda: cone.solve(solver=cp.CLARABEL))  # noqa: B023
                other.append(times)
                solver.append(cone.solver_stats.solve_time)
                off = max(off, abs(cone.value - found.lower))
            row = {"program": program.__name__, "prompts": x, "responses": k, "beta": beta, "rounds": many,
                   "optima_differ_by": off, "clarabel_ms": 1e3 * statistics.median(solver)}
            for name, times in (("alone", alone), ("path", path), ("cvxpy", other)):
                wall, cpu = zip(*times, strict=True)
                row[f"{name}_ms"], row[f"{name}_cpu_ms"] = 1e3 * statistics.median(wall), 1e3 * statistics.median(cpu)
            for name, times in (("alone", alone), ("path", path)):
                ratios = [[b / a for a, b in zip(m, o, strict=True)] for m, o in zip(times, other, strict=True)]
                row[f"ratio_{name}"], row[f"ratio_{name}_cpu"] = (
                    statistics.median(r) for r in zip(*ratios, strict=True)
                )
            rows.append(row)
            print(f"{row['program']:>8} {x} x {k}, beta {beta:g}: cvxpy {row['cvxpy_cpu_ms']:.0f} ms of processor; "
                  f"alone {row['alone_cpu_ms']:.2f} ms: {row['ratio_alone_cpu']:.0f} times; on a path "
                  f"{row['path_cpu_ms']:.2f} ms: {row['ratio_path_cpu']:.0f} times (by the clock "
                  f"{row['ratio_alone']:.0f}, {row['ratio_path']:.0f}); optima differ by {off:.0e}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--part", action="append", choices=("path", "plain", "cones"))
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    results = {}
    if args.json and os.path.exists(args.json):
        with open(args.json) as file:
            results = json.load(file)
    _, wall, _ = clock(lambda: rate_distortion(np.eye(2), 1.0))
    print(f"first call, with what numba compiles or loads: {wall:.2f} s")
    results["first_call_seconds"] = wall
    for part in args.part or ("path", "plain", "cones"):
        results[part] = {"path": paths, "plain": plain_runs, "cones": lambda: cones(args.rounds)}[part]()
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
