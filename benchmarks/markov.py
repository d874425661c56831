"""Measures of Markov policies: messages against enumeration, and policies too long to enumerate.

    python benchmarks/markov.py [--json FILE] [--rounds N]

Baseline: the same measure on all V^L sequences enumerated, V = 8, L = 7 (2,097,152 outcomes). Rounds are interleaved;
the ratio is the median over rounds. No result is kept between calls.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from didlab import did, information
from didlab.sequences import markov
from didlab.sequences.mixture import js_divergence

MEASURES = {
    "entropy": (lambda p, q: markov.entropy(p), lambda a, b: information.entropy(a)),
    "kl": (markov.kl_divergence, information.kl_divergence),
    "js": (js_divergence, information.js_divergence),
    "log_partition": (markov.log_partition, did.log_partition),
    "did_entropy": (markov.did_entropy, did.did_entropy),
    "ideal_rejected": (
        lambda p, q: markov.entropy(markov.ideal_rejected(p, q, 1.0)),
        lambda a, b: information.entropy(did.ideal_rejected(a, b, 1.0)),
    ),
}


def draw(rng, vocabulary, length, near=None):
    start, step = rng.normal(size=vocabulary), rng.normal(size=(vocabulary, vocabulary))
    if near is not None:
        start, step = near.start + 0.2 * start, near.step + 0.2 * step
    return markov.markov_policy(start, step, length)


def fresh(p):
    """The same policy, nothing remembered."""
    return markov.markov_policy(p.start, p.step, p.length)


def clock(call):
    wall, cpu = time.perf_counter(), time.process_time()
    value = call()
    return value, time.perf_counter() - wall, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    p, q = draw(rng, 8, 7), draw(rng, 8, 7)
    results = {"against_enumeration": {}, "vocabulary_1000_length_100": {}}
    for name, (exact, listed) in MEASURES.items():
        exact(fresh(p), fresh(q))
        times, error = [], 0.0
        for _ in range(args.rounds):
            own, own_time, _ = clock(lambda: exact(fresh(p), fresh(q)))  # noqa: B023
            other, other_time, _ = clock(lambda: listed(p.enumerate(), q.enumerate()))  # noqa: B023
            times.append((own_time, other_time))
            error = max(error, abs(float(own) - float(other)))
        ratio = statistics.median(b / a for a, b in times)
        own_ms = min(a for a, _ in times) * 1e3
        results["against_enumeration"][name] = {"ratio": ratio, "didlab_ms": own_ms, "error": error}
        print(f"V = 8, L = 7 {name:>15}: {own_ms:7.3f} ms, {ratio:8.0f} times faster, off by {error:.1e}")
    p = draw(rng, 1000, 100)
    q = draw(rng, 1000, 100, near=p)
    for name, (exact, _) in MEASURES.items():
        value, wall, cpu = clock(lambda: exact(fresh(p), fresh(q)))  # noqa: B023
        results["vocabulary_1000_length_100"][name] = {"value": value, "seconds": wall, "cpu_seconds": cpu}
        print(f"V = 1000, L = 100 {name:>15}: {value:.12g} in {wall:.2f} s ({cpu:.2f} s of processor)")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
