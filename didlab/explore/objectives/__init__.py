r"""Objectives: where losses end, how gradient flow and noisy training get there, and one step on one pair.

A state says which losses, which reference and target, how pairs come about, and how training goes. What is shown comes
in three sections (`optima`, `training`, `flow`), so that a page can show the quick ones first; `view` is all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..view import View
from . import ends, flowing, noise, python
from .ends import optima
from .flowing import flow
from .noise import training, warm
from .scene import MOST, STARTS, State, pair
from .section import COLUMNS

__all__ = [
    "MOST", "SECTIONS", "STARTS", "State", "flow", "joined", "optima", "pair", "training", "view", "waiting", "warm",
]

SECTIONS: tuple[Callable[..., View], ...] = (optima, training, flow)


def view(state: State, *, slow: bool = True) -> View:
    """All sections in one.

    >>> [p.name for p in view(State(losses=("dpo",), k=3, steps=50)).pictures][:3]
    ['optima', 'plane', 'training-js']
    """
    return joined([section(state, slow=slow) for section in SECTIONS])


def joined(sections: Sequence[View]) -> View:
    """Sections of one state as one view."""
    return View(
        tuple(p for s in sections for p in s.pictures),
        {n: v for s in sections for n, v in s.measures.items()},
        {n: [v for s in sections for v in s.columns[n]] for n in COLUMNS},
        python.joined([s.python for s in sections]),
        "Numbers",
        tuple(n for s in sections for n in s.notes),
    )


def waiting(state: State) -> bool:
    """Whether something of a state takes longer, so that a page asks before it computes it."""
    return (
        flowing.takes_long(state)
        or noise.takes_long(state)
        or any(ends.takes_long(state, f) for f in state.objectives().values())
    )
