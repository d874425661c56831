"""Three stages: the language from plain text, the responses from examples, preferences from pairs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ...objectives import Objective
from .batches import Pairs, Rows
from .likelihood import pair_likelihoods, token_likelihoods

__all__ = ["learn", "prefer"]


def learn(
    model: Any, rows: Rows, rng: np.random.Generator, *, steps: Collection[int], batch: int, rate: float
) -> dict[int, Any]:
    """Lower the mean negative log-likelihood of the marked tokens with Adam, on batches drawn with replacement.

    Args:
        model: changed in place.
        rows: sequences.
        rng: draws the batches.
        steps: after which a copy of the model is kept; the largest is the last.
        batch, rate: of the training.

    Returns:
        the copies by their number of steps.
    """
    import torch

    optimiser, kept = torch.optim.Adam(model.parameters(), lr=rate), {}
    for step in range(1, max(steps) + 1):
        part = rows.at(rng.integers(len(rows.tokens), size=batch))
        loss = -token_likelihoods(model, part).sum() / part.marked.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step in steps:
            kept[step] = copy.deepcopy(model)
    return kept


def prefer(
    model: Any,
    objective: Objective,
    data: Pairs,
    rng: np.random.Generator,
    *,
    steps: int,
    batch: int,
    rate: float,
    every: int,
    record: Callable[[], None],
) -> None:
    """Lower an objective over pairs with Adam; the model as it comes is the reference.

    Args:
        model: changed in place.
        objective: any of `didlab.objectives`.
        data: pairs; batches are drawn with replacement.
        rng: draws the batches.
        steps, batch, rate: of the training.
        every: steps between two records; there is one before the first step and one after the last.
        record: called there.
    """
    import torch

    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    with torch.no_grad():
        reference = pair_likelihoods(model, data)
    lengths = data.lengths
    for step in range(steps):
        if step % every == 0:
            record()
        at = rng.integers(len(data.chosen.tokens), size=batch)
        w, l = pair_likelihoods(model, data.at(at))  # noqa: E741
        loss = objective.value(
            w, l, reference[0][at], reference[1][at], chosen_length=lengths[0][at], rejected_length=lengths[1][at]
        ).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    record()
