"""Readings of what the paper does not print, and which objective is lowest under each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dynamics import Run
from ..objectives import Objective
from .grids import READINGS, TEMPERATURES, readings_of
from .output import Output
from .sweep import BASE, COMPARED, SHOWN, Reading, choose, run_sweep

__all__ = ["OTHERS", "judge", "judge_readings", "lowest", "symbol_readings"]

OTHERS = (
    Reading("start at uniform", start="uniform"),
    Reading("start at N(0, I)", start="normal"),
    Reading("fixed data set of 10,000 pairs", pairs=10_000),
    Reading("fixed data set of 100,000 pairs", pairs=100_000),
)


def symbol_readings() -> list[tuple[str, str, Any]]:
    """Objective, reading of its symbols, and its grid under that reading, without the first reading of each.

    >>> [(name, reading) for name, reading, _ in symbol_readings()][:2]
    [('slic', 'swapped'), ('slic', 'slope')]
    """
    return [(n, r, readings_of(n)[r]) for n in READINGS for r in READINGS[n][1:]]


def judge(
    found: dict[Any, Any],
    reading: str,
    js: np.ndarray,
    configurations: Sequence[Any],
    temperatures: Sequence[float] = TEMPERATURES,
) -> None:
    """For each temperature and rule of choice: the best of each objective (median, band, numbers), into `found`.

    Args:
        found: keys (reading, rule, temperature, objective).
        reading: its name.
        js: shape (temperatures x seeds, configurations, records).
        configurations: of the run.
        temperatures: of the run.
    """
    parts = js.reshape(len(temperatures), -1, *js.shape[1:])
    for by in ("minimum", "final"):
        for t, part in zip(temperatures, parts, strict=True):
            for name in COMPARED:
                best = choose(part, configurations, name, by)
                hyper = {k: v for k, v in configurations[best.index].hyper.items() if k != "convention"}
                found[reading, by, t, name] = (best.median, *np.quantile(best.values, (0.1, 0.9)), hyper)


def judge_readings(
    out: Output, base: Run, configurations: Sequence[Objective], temperatures: Sequence[float]
) -> dict[Any, Any]:
    """What `judge` finds in the run of `BASE`, in its first 5,000 steps, and in a run under each other reading."""
    found: dict[Any, Any] = {}
    first = int(base.steps.searchsorted(5000)) + 1
    judge(found, f"{BASE.name}, 5,000 steps", base.js[..., :first], configurations, temperatures)
    judge(found, "20,000 steps", base.js, configurations, temperatures)
    for m, reading in enumerate(OTHERS):
        _, run = run_sweep(out, f"r{m}", configurations, temperatures, reading, share=0.3 + 0.06 * m)
        judge(found, reading.name, run.js, configurations, temperatures)
    for m, (name, symbols, group) in enumerate(symbol_readings()):
        reading = Reading(f"{name} read as {symbols}")
        _, run = run_sweep(out, f"s{m}", group, temperatures, reading, share=0.55 + 0.04 * m)
        rest = [n for n, c in enumerate(configurations) if c.name != name]
        js = np.concatenate((base.js[:, rest, :first], run.js), axis=1)
        judge(found, reading.name, js, [configurations[n] for n in rest] + group, temperatures)
    return found


def lowest(found: dict[Any, Any]) -> dict[str, str]:
    """For each reading and rule: whether DPO's median is the lowest at every temperature, or who is below it and where.

    >>> lowest({("a", "final", 4.0, n): (1.0 + (n != "dpo"),) for n in COMPARED} | {
    ...     ("a", "minimum", 4.0, n): (1.0 - (n == "slic"),) for n in COMPARED})
    {'a, by minimum': 'below DPO: SLiC at τ = 4', 'a, by final': 'DPO lowest at every temperature'}
    """
    facts = {}
    for reading in dict.fromkeys(k[0] for k in found):
        for by in ("minimum", "final"):
            beaten = []
            for t in dict.fromkeys(k[2] for k in found if k[0] == reading):
                own = found[reading, by, t, "dpo"][0]
                beaten += [f"{SHOWN[c]} at τ = {t:g}" for c in COMPARED[1:] if found[reading, by, t, c][0] < own]
            facts[f"{reading}, by {by}"] = (
                "below DPO: " + ", ".join(beaten) if beaten else "DPO lowest at every temperature"
            )
    return facts
