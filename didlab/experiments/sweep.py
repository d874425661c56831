"""The sweep behind Figures 1 and 7: problems, readings of what the paper does not print, choice of hyper-parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..did import ideal_rejected
from ..dynamics import Problem, Protocol, Run, simulate, synthetic_problem
from ..information import js_divergence
from ..objectives import Objective
from .output import Output

__all__ = ["BASE", "COMPARED", "SEEDS", "SHOWN", "Best", "Reading", "choose", "level", "run_sweep"]

SEEDS = tuple(range(16))
COMPARED = ("dpo", "slic", "orpo", "simpo", "cal-dpo")
SHOWN = {
    "dpo": "DPO, r = log(π/π_ref)",
    "log-pi": "r = log π",
    "slic": "SLiC",
    "orpo": "ORPO",
    "simpo": "SimPO",
    "cal-dpo": "Cal-DPO",
    "dpo-pg": "DPO-PG",
}


@dataclass(frozen=True)
class Reading:
    """One answer to what the paper does not print.

    >>> Reading("fresh pairs").start
    'reference'
    """

    name: str
    start: str = "reference"
    pairs: int | None = None
    steps: int = 5000


BASE = Reading("start at the reference, fresh pairs", steps=20000)


def run_sweep(
    out: Output,
    part: str,
    configurations: Sequence[Any],
    temperatures: Sequence[float],
    reading: Reading,
    *,
    goals: Any = None,
    share: float = 0.0,
    seeds: Sequence[int] = SEEDS,
    callback: Any = None,
    every: int = 10,
    callback_every: int | None = None,
) -> tuple[list[Problem], Run]:
    """All temperatures x seeds x configurations; the problems are ordered by temperature, then seed."""
    problems = [synthetic_problem(t, s, pairs=reading.pairs) for t in temperatures for s in seeds]
    out.say(
        f"{reading.name}: {len(configurations)} configurations x {len(problems)} problems x {reading.steps} steps",
        share,
    )
    protocol = Protocol(steps=reading.steps, start=reading.start, every=every)
    run = simulate(
        problems,
        configurations,
        protocol=protocol,
        goals=None if goals is None else goals(problems),
        workers=2,
        checkpoint=None if callback else out.checkpoint(part),
        checkpoint_every=2500,
        callback=callback,
        callback_every=callback_every,
    )
    return problems, run


@dataclass(frozen=True)
class Best:
    """The hyper-parameters of an objective that a rule chooses, and the JS divergences of their seeds.

    Attributes:
        index: of the configuration.
        values: minimum or final JS of each seed, shape (seeds,).
    """

    index: int
    values: np.ndarray

    @property
    def median(self) -> float:
        """Over the seeds."""
        return float(np.median(self.values))


def choose(js: np.ndarray, configurations: Sequence[Objective], name: str, by: str) -> Best:
    """The configuration of an objective with the smallest median over seeds of the minimum (as the paper) or final JS.

    Args:
        js: shape (seeds, configurations, records).
        configurations: all of them.
        name: the objective.
        by: `minimum` or `final`.

    >>> from didlab.objectives import get
    >>> js = np.array([[[1.0, 0.2], [1.0, 0.1]]])
    >>> choose(js, [get("orpo", beta=0.1), get("orpo", beta=2.0)], "orpo", "final").index
    1
    """
    value = js.min(-1) if by == "minimum" else js[..., -1]
    candidates = [n for n, c in enumerate(configurations) if c.name == name]
    best = min(candidates, key=lambda n: float(np.median(value[:, n])))
    return Best(best, value[:, best])


def level(objective: Objective, problems: Sequence[Problem]) -> np.ndarray:
    """JS of the exact optimum of the population loss to each problem's goal; NaN where no optimum is attained."""
    from ..solvers import optimum

    found = []
    for q in problems:
        best = optimum(objective, q.reference, ideal_rejected(q.goal, q.reference, 1.0), reference=q.reference)
        found.append(np.nan if best.policy is None else float(js_divergence(best.policy, q.goal)))
    return np.array(found)
