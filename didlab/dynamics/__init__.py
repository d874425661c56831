"""Training runs on exact toy policies: problems, protocols, update rules, and the simulator.

>>> from didlab.objectives import get
>>> run = simulate([synthetic_problem(0.5, 7)], [get("dpo")], protocol=Protocol(steps=100, every=50))
>>> bool(run.js[0, 0, -1] < run.js[0, 0, 0])
True
"""

from __future__ import annotations

from .plain import train_plainly
from .problem import Problem, pair_problem, synthetic_problem
from .protocol import Protocol
from .rules import Rule, dpo_pg, label, normalised
from .simulate import Run, simulate

__all__ = [
    "Problem",
    "Protocol",
    "Rule",
    "Run",
    "dpo_pg",
    "label",
    "normalised",
    "pair_problem",
    "simulate",
    "synthetic_problem",
    "train_plainly",
]
