"""The gradient of a population loss: didlab against the fastest dense one we could write, and its growth with K.

    python benchmarks/population.py [--json FILE] [--rounds N]

Baseline: `paired`, a compiled loop over all pairs in ratio form, one division for two pairs, vectorised by fastmath.
Rounds are interleaved, one call of the baseline with ten of didlab; the ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numba
import numpy as np

from didlab import objectives
from didlab.solvers import PopulationLoss


@numba.njit(fastmath=True, error_model="numpy")
def single(u, p, q):
    """One division for each pair."""
    e, g = np.exp(u), np.empty(u.size)
    qe = q * e
    for i in range(u.size):
        s = t = 0.0
        for j in range(u.size):
            r = 1.0 / (e[i] + e[j])
            s += qe[j] * r
            t += p[j] * r
        g[i] = q[i] * e[i] * t - p[i] * s
    return g


@numba.njit(fastmath=True, error_model="numpy")
def paired(u, p, q):
    """One division for two pairs: 1/a = b/(ab); even K."""
    e, g = np.exp(u), np.empty(u.size)
    qe, half = q * e, u.size // 2
    for i in range(u.size):
        s = t = 0.0
        for j in range(half):
            a, b = e[i] + e[j], e[i] + e[j + half]
            r = 1.0 / (a * b)
            s += (qe[j] * b + qe[j + half] * a) * r
            t += (p[j] * b + p[j + half] * a) * r
        g[i] = q[i] * e[i] * t - p[i] * s
    return g


def vectorised(u, p, q):
    """numpy, the whole K x K table."""
    e = np.exp(u)
    r = 1.0 / (e[:, None] + e)
    return q * e * (r @ p) - p * (r @ (q * e))


def clock(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def repeated(call, times=10):
    """The mean time of calls in a row, as in an optimisation."""
    return clock(lambda: [call() for _ in range(times)]) / times


def setting(k, width=1.0):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=k)
    return reference, 2 * reference - reference / 4, width * rng.normal(size=k)


def accuracy():
    """The largest error of value and gradient at K = 1000, relative to dense, for every objective and width."""
    worst = {}
    for width in (1.0, 30.0, 1000.0):
        reference, rejected, theta = setting(1000, width)
        for name in objectives.names():
            if name == "orpo" and width > 100:
                continue  # log-odds of a probability that rounds to 1
            losses = (PopulationLoss(objectives.get(name), reference, rejected, dense=d) for d in (True, False))
            dense, fast = (loss.at(theta) for loss in losses)
            error = max(
                abs(fast.value - dense.value) / abs(dense.value),
                np.abs(fast.gradient - dense.gradient).max() / np.abs(dense.gradient).max(),
            )
            worst[f"{width:g}"] = max(worst.get(f"{width:g}", 0.0), float(error))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    results = {"accuracy_at_1000": accuracy(), "against_dense": {}, "milliseconds": {}}
    print("largest relative error at K = 1000, by width of the logits:", results["accuracy_at_1000"])

    log_pi = objectives.get("log-pi")
    reference, rejected, theta = setting(10_000)
    loss = PopulationLoss(log_pi, reference, rejected)
    ours = lambda: loss.gradient(theta)  # noqa: E731
    np.testing.assert_allclose(ours(), paired(theta, loss.p, loss.q), rtol=0, atol=1e-15)
    for baseline in (paired, single, vectorised):
        baseline(theta, loss.p, loss.q)
        rounds = args.rounds if baseline is not vectorised else 3
        times = [(clock(lambda: baseline(theta, loss.p, loss.q)), repeated(ours)) for _ in range(rounds)]  # noqa: B023
        ratio = statistics.median(b / o for b, o in times)
        low, own = (min(t[n] for t in times) * 1e3 for n in (0, 1))
        results["against_dense"][baseline.__name__] = {"ratio": ratio, "baseline_ms": low, "didlab_ms": own}
        print(f"K = 10,000  {baseline.__name__:>10}: {low:8.2f} ms, didlab {own:6.3f} ms, ratio {ratio:8.1f}")

    calls = {}
    for name in ("log-pi", "slic", "ipo"):
        for k in (10_000, 100_000, 1_000_000):
            reference, rejected, theta = setting(k)
            calls[name, k] = (PopulationLoss(objectives.get(name), reference, rejected), theta)
            calls[name, k][0].gradient(theta)
    times = {key: [] for key in calls}
    for _ in range(max(3, args.rounds // 2)):
        for key, (loss, theta) in calls.items():
            times[key].append(repeated(lambda: loss.gradient(theta), 3))  # noqa: B023
    for name in ("log-pi", "slic", "ipo"):
        ms = {k: min(times[name, k]) * 1e3 for k in (10_000, 100_000, 1_000_000)}
        growth = ms[1_000_000] / ms[100_000]
        results["milliseconds"][name] = {**{str(k): v for k, v in ms.items()}, "1e6_by_1e5": growth}
        shown = ", ".join(f"K = {k:,}: {v:.2f} ms" for k, v in ms.items())
        print(f"{name:>7}: {shown}; 1e6 by 1e5: {growth:.1f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
