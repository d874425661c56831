"""Simulated training with noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...dynamics import simulate
from ..view import View
from . import python
from .ends import distances
from .paths import at_the_end, divergence, likelihood, path, rows
from .scene import STARTS, State, scene
from .section import WAITS, section

__all__ = ["takes_long", "training", "warm"]

RECORDS = 40  # of a path, besides its start
QUICK = 2**18  # steps times outcomes


def training(state: State, *, slow: bool = True) -> View:
    """Simulated training: divergence to the target, and likelihoods, over the steps.

    Args:
        state: the state.
        slow: also where it takes longer.

    >>> shown = training(State(losses=("dpo",), k=4, steps=1000)).measures
    >>> shown["JS(target, DPO after training)"] < 0.01
    True
    """
    text = python.setting(state)
    if not slow and takes_long(state):
        return section((), {}, [], [f"Training {WAITS}"], text)
    here, losses = scene(state), state.objectives()
    steps, trained = _trained(state.only("losses", "steps", "batch", "rate", "start"))
    found = {n: path(i, steps, trained[:, i], here.target, here.problem.cells) for i, n in enumerate(losses)}
    how = f"RMSprop at rate {state.rate:g}, {state.batch} pairs a step, from {STARTS[state.start]}."
    pictures = (
        divergence("training-js", "Training with noise", "step", found, distances(state, list(losses), slow), how),
        likelihood("training-likelihood", "Training: how likely the responses become", "step", found),
    )
    text += python.of_training()
    after = f"After {state.steps} steps, in nats"
    return section(pictures, at_the_end(found, "after training"), rows("training", found), [], text, after)


@lru_cache(maxsize=8)
def _trained(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the records, shape (R,), and logits, shape (R, losses, K)."""
    steps: list[int] = []
    logits: list[np.ndarray] = []

    def record(step: int, now: np.ndarray) -> None:
        steps.append(step)
        logits.append(now[0].copy())

    simulate(
        [scene(state).problem], list(state.objectives().values()), protocol=state.protocol(), callback=record,
        callback_every=-(-state.steps // RECORDS),
    )  # fmt: skip
    return np.array(steps), np.stack(logits)


def takes_long(state: State) -> bool:
    """Whether a page asks before it computes it."""
    return state.steps * state.size > QUICK


def warm() -> bool:
    """Whether training has run in this process: the first time the simulator is loaded, or even compiled."""
    return _trained.cache_info().currsize > 0
