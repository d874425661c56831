"""Training runs on exact toy policies: problems, protocols, update rules, and the simulator.

The names are lazy: a module that needs only a direction of descent loads no compiler.

>>> from didlab.objectives import get
>>> from didlab.dynamics import Protocol, simulate, synthetic_problem
>>> run = simulate([synthetic_problem(0.5, 7)], [get("dpo")], protocol=Protocol(steps=100, every=50))
>>> bool(run.js[0, 0, -1] < run.js[0, 0, 0])
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plain import train_plainly
    from .problem import Problem, pair_problem, synthetic_problem
    from .protocol import Protocol
    from .rules import Rule, dpo_pg, label, normalised
    from .simulator import Run, simulate

_HOME = {
    "Problem": "problem",
    "Protocol": "protocol",
    "Rule": "rules",
    "Run": "simulator",
    "dpo_pg": "rules",
    "label": "rules",
    "normalised": "rules",
    "pair_problem": "problem",
    "simulate": "simulator",
    "synthetic_problem": "problem",
    "train_plainly": "plain",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
