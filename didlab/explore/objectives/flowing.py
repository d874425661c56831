"""Gradient flow: small steps without noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...errors import ArgumentError
from ...solvers import PopulationLoss, gradient_flow
from ..view import View
from . import python
from .ends import distances
from .paths import Path, at_the_end, divergence, likelihood, path, rows
from .scene import STARTS, State, scene
from .section import WAITS, section

__all__ = ["flow", "takes_long"]

RECORDS = 40  # of a path, besides its start
TIMES = 0.01, 1000.0  # for each outcome: gradients in the logits are of size 1/K
TOLERANCE = 1e-4  # an error that no eye sees
QUICK = 64  # outcomes


def flow(state: State, *, slow: bool = True, progress: Callable[[str], None] | None = None) -> View:
    """The path of gradient flow: divergence to the target, and likelihoods, over time.

    Args:
        state: the state.
        slow: also where it takes longer.
        progress: called with the name of each loss before its path is computed.

    >>> shown = flow(State(losses=("dpo",), k=4)).measures
    >>> shown["JS(target, DPO after the flow)"] < 1e-9
    True
    """
    text = python.setting(state)
    if not slow and takes_long(state):
        return section((), {}, [], [f"The gradient flow {WAITS}"], text)
    here, found, notes = scene(state), dict[str, Path](), list[str]()
    times = _times(state)
    for i, (n, f) in enumerate(state.objectives().items()):
        if not f.form.is_smooth:
            notes.append(f"{n} has kinks, where a gradient flow has no direction: no path is drawn.")
            continue
        if progress:
            progress(n)
        try:
            found[n] = path(i, np.geomspace(*times), _flowed(state.alone(f, "start")), here.target, here.problem.cells)
        except ArgumentError as e:
            notes.append(f"The gradient flow of {n} was not found: {e}.")
    if not found:
        return section((), {}, [], notes, text)
    how = f"Small steps without noise, from {STARTS[state.start]}."
    pictures = (
        divergence("flow-js", "Gradient flow", "time", found, distances(state, list(found), slow), how),
        likelihood("flow-likelihood", "Gradient flow: how likely the responses become", "time", found),
    )
    text += python.of_flow(state, list(found), times, TOLERANCE)
    after = f"At time {times[1]:g} of the flow, in nats"
    return section(pictures, at_the_end(found, "after the flow"), rows("flow", found), notes, text, after)


def _times(state: State) -> tuple[float, float, int]:
    return TIMES[0] * state.size, TIMES[1] * state.size, RECORDS + 1


@lru_cache(maxsize=64)
def _flowed(state: State) -> np.ndarray:
    """Logits along the flow, shape (R, K)."""
    here, (objective,) = scene(state), state.objectives().values()
    if state.pairs:
        loss = PopulationLoss(objective, None, None, here.reference, here.problem.cells)
    else:
        loss = PopulationLoss(objective, here.chosen, here.rejected, here.reference, dense=True)
    start = state.protocol().first_logits(here.problem)
    return gradient_flow(loss, start, np.geomspace(*_times(state)), tolerance=TOLERANCE)


def takes_long(state: State) -> bool:
    """Whether a page asks before it computes it."""
    return state.size > QUICK
