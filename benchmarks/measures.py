"""Time of each measure relative to scipy's own function for it, in interleaved rounds.

    python benchmarks/measures.py [--rounds 40] [--json FILE]

Two comparisons for each measure, batches of 1,000 policies: against what one writes with scipy from the same logits
(normalise, then the function), and against scipy's function alone on probabilities that are already there. didlab
always starts from logits. A ratio is the median over rounds of time(didlab) / time(scipy) within the round.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

import didlab

ROWS, SIZES = 1000, (32, 1024)
Call = Callable[[], Any]


def contenders(k: int, seed: int = 0) -> dict[str, tuple[Call, Call, Call]]:
    """For each measure: didlab from logits, scipy from logits, scipy from probabilities."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((ROWS, k)), rng.standard_normal((ROWS, k))
    p, q = softmax(a, -1), softmax(b, -1)
    return {
        "entropy": (
            lambda: didlab.entropy(a),
            lambda: scipy_entropy(softmax(a, -1), axis=-1),
            lambda: scipy_entropy(p, axis=-1),
        ),
        "kl_divergence": (
            lambda: didlab.kl_divergence(a, b),
            lambda: scipy_entropy(softmax(a, -1), softmax(b, -1), axis=-1),
            lambda: scipy_entropy(p, q, axis=-1),
        ),
        "js_divergence": (
            lambda: didlab.js_divergence(a, b),
            lambda: jensenshannon(softmax(a, -1), softmax(b, -1), axis=-1) ** 2,
            lambda: jensenshannon(p, q, axis=-1) ** 2,
        ),
    }


def _seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(rounds: int) -> list[dict[str, Any]]:
    """One row per measure and size: microseconds of didlab per batch, and the two median ratios."""
    rows = []
    for k in SIZES:
        for name, calls in contenders(k).items():
            for call in calls:
                call()
            times = np.array([[_seconds(call) for call in calls] for _ in range(rounds)])
            ratios = np.median(times[:, :1] / times[:, 1:], axis=0)
            rows.append(
                {
                    "measure": name,
                    "outcomes": k,
                    "microseconds": round(float(np.median(times[:, 0])) * 1e6, 1),
                    "ratio_from_logits": round(float(ratios[0]), 3),
                    "ratio_from_probabilities": round(float(ratios[1]), 3),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/measures.json"))
    args = parser.parse_args()
    rows = measure(args.rounds)
    print(f"{'measure':<16}{'K':>6}{'us / 1,000 rows':>18}{'vs scipy, logits':>18}{'vs scipy, probs':>18}")
    for r in rows:
        print(
            f"{r['measure']:<16}{r['outcomes']:>6}{r['microseconds']:>18.1f}{r['ratio_from_logits']:>18.2f}"
            f"{r['ratio_from_probabilities']:>18.2f}"
        )
    args.json.write_text(json.dumps({"schema": "didlab/measures/1", "rows": ROWS, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
