"""Exact optima of the printed grids at K = 32: iterations, gradient norms and times, against L-BFGS.

    python benchmarks/optimum.py [--json FILE] [--seeds N]

Baseline: scipy's L-BFGS-B on the same value and closed-form gradient, from the reference, at its tightest tolerances.
Each problem is solved by both in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
from scipy.optimize import minimize

from didlab import did_distribution, js_divergence, objectives
from didlab.solvers import PopulationLoss, optimum

GRIDS = {
    "dpo": [{}],
    "log-pi": [{}],
    "orpo": [{"beta": b} for b in (0.1, 0.5, 1.0, 2.0)],
    "simpo": [{"beta": b, "gamma": g} for b in (2.0, 2.5) for g in (0.3, 0.5, 1.0, 1.2, 1.4, 1.6)],
    "cal-dpo": [{"beta": b} for b in (0.001, 0.002, 0.003, 0.01, 0.1)],
    "slic": [{"beta": b, "lam": k} for b in (0.1, 0.5, 1.0, 2.0) for k in (0.1, 0.5, 1.0, 10.0)],
}


def lbfgs(loss):
    """The final relative gradient norm and the time."""
    start = time.perf_counter()
    options = {"maxiter": 5000, "maxfun": 20000, "ftol": 0.0, "gtol": 0.0}
    fun = lambda x: (loss.value(x), loss.gradient(x))  # noqa: E731
    found = minimize(fun, loss.r, jac=True, method="L-BFGS-B", options=options)
    return np.linalg.norm(loss.gradient(found.x)) / max(1.0, abs(found.fun)), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    results = {}
    print("objective problems  steps  |g| worst      ms   L-BFGS |g|  ratio  JS")
    for name, grid in GRIDS.items():
        rows = []
        for seed in range(args.seeds):
            for temperature in (0.25, 0.5, 2.0, 4.0, 8.0):
                reference = np.random.default_rng(seed).normal(size=32)
                target = reference / temperature
                for hyper in grid:
                    objective = objectives.get(name, **hyper)
                    loss = PopulationLoss(objective, reference, 2 * reference - target)
                    other, other_time = lbfgs(loss)
                    start = time.perf_counter()
                    found = optimum(objective, reference, 2 * reference - target)
                    own_time = time.perf_counter() - start
                    goal = did_distribution(target, reference) if name == "log-pi" else target
                    rows.append((
                        found.iterations, found.gradient_norm / max(1.0, abs(found.loss)), own_time, other, other_time,
                        float(js_divergence(found.policy, goal)), found.converged,
                    ))
        steps, norm, own, other, other_time, js, converged = zip(*rows, strict=True)
        ratio = statistics.median(b / a for a, b in zip(own, other_time, strict=True))
        results[name] = {
            "problems": len(rows), "all_converged": all(converged), "most_iterations": max(steps),
            "worst_gradient": max(norm), "median_ms": statistics.median(own) * 1e3,
            "lbfgs_median_gradient": statistics.median(other), "lbfgs_time_ratio": ratio,
            "worst_js": max(js) if name in ("dpo", "log-pi") else None,
        }
        shown = f"{max(js):.1e}" if name in ("dpo", "log-pi") else ""
        print(
            f"{name:>9} {len(rows):>8} {max(steps):>6} {max(norm):>10.1e} {statistics.median(own) * 1e3:>7.2f}   "
            f"{statistics.median(other):>10.1e} {ratio:>6.2f}  {shown}"
        )
    results["many_outcomes"] = {}
    for k in (10_000, 100_000, 1_000_000):
        reference = np.random.default_rng(0).normal(size=k)
        start = time.perf_counter()
        found = optimum(objectives.get("dpo"), reference, 2 * reference - reference / 4)
        seconds = time.perf_counter() - start
        js = float(js_divergence(found.policy, reference / 4))
        results["many_outcomes"][str(k)] = {"seconds": seconds, "gradient": found.gradient_norm, "js": js}
        print(f"DPO at K = {k:,}: {seconds:.2f} s, |g| = {found.gradient_norm:.1e}, JS to the target {js:.1e}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
