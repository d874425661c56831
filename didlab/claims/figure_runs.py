r"""Runs of the synthetic experiment for the claims about Figures 1 and 7: one seed, one run.

A seed gives a reference, the target and the pairs; every objective sees the same pairs. The paper prints K = 32, batch
512, RMSprop at 1e-3, clipping at 1, and the grids of Appendix J.1; it does not print the number of steps, the initial
logits, whether pairs are fresh, and what the grids' symbols stand for, which are readings here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.measured import Outcomes

__all__ = ["DATA", "LOWEST", "NEAREST", "PRINTED", "SETTING", "SIMPO", "Seeds", "exchanged", "lowest", "trained"]

Seeds = tuple[int, ...]
OTHERS = ("slic", "orpo", "simpo", "cal-dpo")
SHOWN = {"dpo": "DPO", "log-pi": "r = log pi", "slic": "SLiC", "orpo": "ORPO", "simpo": "SimPO", "cal-dpo": "Cal-DPO"}
SETTING = (
    "K = 32, reference logits from N(0, I), target and pairs as in section 3.5, 512 fresh pairs in each step, RMSprop "
    "(decay 0.99, epsilon 1e-8) at 0.001, gradient clipped at norm 1, float64"
)
DATA = SETTING.replace("512 fresh pairs in each step", "512 pairs in each step from a data set of 10,000")


@lru_cache(maxsize=4)
def trained(
    seeds: Seeds, temperature: float, steps: int, names: tuple[str, ...], *, start: str = "reference",
    labels: str = "as drawn", rate: float = 1e-3, every: int = 100, did: bool = False, pairs: int | None = None,
    roles: str = "usual",
) -> dict[str, np.ndarray]:
    """JS along the way by objective, shape (runs, configurations, records), to the target or the DID.

    Args:
        seeds: of the runs.
        temperature, steps, start, rate, every: of the protocol.
        names: the objectives.
        labels: `as drawn` or `exchanged`.
        did: JS to the DID instead of the target.
        pairs: size of a fixed data set; None draws fresh pairs in each step.
        roles: `usual` reads the symbols of each grid as the first of `READINGS`, `other` in every other way.
    """
    from ..did import did_distribution
    from ..dynamics import Protocol, simulate, synthetic_problem
    from ..experiments.grids import READINGS, printed_configurations, readings_of

    problems = [synthetic_problem(temperature, s, pairs=pairs) for s in seeds]
    if labels == "exchanged":
        problems = [q._replace(cells=np.ascontiguousarray(q.cells.T)) for q in problems]
    configurations = [c for c in printed_configurations() if c.name in names]
    if roles == "other":
        configurations = [c for c in configurations if c.name not in READINGS]
        configurations += [c for n in READINGS if n in names for group in list(readings_of(n).values())[1:] for c in group]
    goals = np.stack([did_distribution(q.goal, q.reference) for q in problems])[:, None] if did else None
    protocol = Protocol(steps=steps, start=start, rate=rate, every=every)
    run = simulate(problems, configurations, protocol=protocol, goals=goals)
    return {n: run.js[:, [k for k, c in enumerate(configurations) if c.name == n]] for n in names}


def lowest(
    seeds: Seeds, runs: tuple[tuple[float, int], ...], *, who: str = "dpo", factor: float = 1.0,
    others: tuple[str, ...] = OTHERS, first: int | None = None, steps: int | None = None, **how: Any,
) -> Outcomes:
    """log of (the lowest JS of another objective, over its grid and all records / factor x the last JS of `who`).

    Args:
        seeds: of the runs.
        runs: temperatures and their numbers of steps.
        who: the objective that the statement says is nearest.
        factor: by which it is nearer.
        others: what it is compared with.
        first: compare at every record from this one on instead.
        steps: other than those of `runs`.
        how: see `trained`.
    """
    out: dict[str, np.ndarray] = {}
    for t, usual in runs:
        js = trained(seeds, t, steps or usual, ("dpo", "log-pi", *others), **how)
        mine = js[who].min(1)
        for name in dict.fromkeys((*others, *(("dpo",) if who in others else ()))):
            if name != who:
                theirs = js[name].min(1)
                margin = theirs[:, first:] / mine[:, first:] if first else theirs.min(-1) / mine[:, -1]
                out[f"temperature {t:g}, {SHOWN[name]}"] = np.log(margin / factor)
    return out


LOWEST = (
    "log of the lowest JS that the other objective reaches at any record with any printed hyper-parameters, over DPO's "
    "last JS"
)
ON_THE_SAME_PAIRS = "records every 100; DPO with beta = 1 and {} on the same pairs"
PRINTED = ON_THE_SAME_PAIRS.format("the 37 printed configurations of the others") + "; a sign test for each objective"
SIMPO = ON_THE_SAME_PAIRS.format("SimPO's 12 printed configurations")
NEAREST = {
    "wrong protocol: reward without the reference, $r = \\log \\pi$": {"who": "log-pi"},
    "SLiC is nearest": {"who": "slic"},
}


def exchanged(steps: int) -> dict[str, dict[str, Any]]:
    """The wrong protocol whose labels are exchanged, for so many steps."""
    return {"wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": steps}}
