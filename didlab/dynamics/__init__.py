"""Training on exact toy policies: problems, protocols, update rules, the simulator, and single steps on one pair.

The names are lazy: a module that needs only a direction of descent loads no compiler.

>>> from didlab.objectives import get
>>> from didlab.dynamics import Protocol, simulate, synthetic_problem
>>> run = simulate([synthetic_problem(0.5, 7)], [get("dpo")], protocol=Protocol(steps=100, every=50))
>>> bool(run.js[0, 0, -1] < run.js[0, 0, 0])
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

if TYPE_CHECKING:
    from .one_step import PairStep, cases, first_order, pair_step, table_1
    from .plain import train_plainly
    from .problem import Problem, pair_problem, synthetic_problem
    from .protocol import Protocol
    from .remainder import Order, measure_order
    from .rules import Rule, dpo_pg, label, normalised
    from .simulator import Run, simulate
    from .unseen import Flow, mass_flow

__all__ = [
    "Flow",
    "Order",
    "PairStep",
    "Problem",
    "Protocol",
    "Rule",
    "Run",
    "cases",
    "dpo_pg",
    "first_order",
    "label",
    "mass_flow",
    "measure_order",
    "normalised",
    "pair_problem",
    "pair_step",
    "simulate",
    "synthetic_problem",
    "table_1",
    "train_plainly",
]

__getattr__, __dir__ = attach(__name__, {
    "one_step": ("PairStep", "cases", "first_order", "pair_step", "table_1"),
    "plain": ("train_plainly",),
    "problem": ("Problem", "pair_problem", "synthetic_problem"),
    "protocol": ("Protocol",),
    "remainder": ("Order", "measure_order"),
    "rules": ("Rule", "dpo_pg", "label", "normalised"),
    "simulator": ("Run", "simulate"),
    "unseen": ("Flow", "mass_flow"),
})
