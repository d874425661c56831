"""Where probability goes in a step on a pair: to the chosen, the rejected, and the responses that are neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..arguments import instance, number, whole
from ..errors import ArgumentError
from ..sequences.model import log_probability
from ..sequences.prefixes import every_sequence
from .one_step import PairStep

__all__ = ["Flow", "mass_flow"]

Array = Any


class Flow(NamedTuple):
    """Changes of probability, which sum to 0: of the chosen, the rejected, and all other responses together.

    `first_order` is the same per unit of step size, to first order; `gainer` is the response that gained most.
    """

    chosen: Array
    rejected: Array
    unseen: Array
    first_order: tuple[Array, Array, Array]
    gainer: np.ndarray


def mass_flow(step: PairStep, size: Any) -> Flow:
    r"""The probability that a step moves to responses of the pair and to unseen ones, by enumeration.

    .. math:: \Delta\pi(y) = \pi(y)\,(e^{\Delta\log\pi(y)} - 1)

    Args:
        step: a step on pairs of equal length, of float64 parameters.
        size: the step size.

    Returns:
        `Flow`, each of the shape of the batch.

    Raises:
        ArgumentError: not a step, not a number, pairs of different lengths, or too many sequences to enumerate.

    >>> from didlab.dynamics.one_step import pair_step
    >>> from didlab.objectives import get
    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> flow = mass_flow(pair_step(PrefixTable(np.zeros((1, 3))), [0], [1], get("dpo")), 0.3)
    >>> [round(float(x), 4) for x in flow[:3]]
    [0.0511, -0.0486, -0.0025]
    """
    instance("step", step, PairStep, "a PairStep", "Make it with pair_step.")
    if np.ndim(number("size", size)):
        raise ArgumentError("size", "one number", f"shape {np.shape(size)}")
    length, vocabulary = step.chosen.shape[-1], step.model.parameters.shape[-1]
    if step.rejected.shape[-1] != length:
        raise ArgumentError("step", "on pairs of equal length", f"lengths {length} and {step.rejected.shape[-1]}")
    y = every_sequence(vocabulary, length)
    batch = step.direction.shape[:-2]
    on_all = replace(step, direction=step.direction[..., None, :, :])
    p = np.exp(log_probability(step.model, y))
    gained = p * np.expm1(on_all.change(y, size).sum(-1))
    first = p * on_all.predicted(y).sum(-1)
    weights = vocabulary ** np.arange(length - 1, -1, -1)
    w, l = ((whole("sequences", x, 0) * weights).sum(-1) for x in (step.chosen, step.rejected))  # noqa: E741
    seen = (np.arange(len(y)) == w[..., None]) | (np.arange(len(y)) == l[..., None])

    def parts(x: Array) -> tuple[Array, Array, Array]:
        x = np.broadcast_to(x, (*batch, len(y)))
        own = [np.take_along_axis(x, i[..., None], -1)[..., 0] for i in (w, l)]
        return own[0], own[1], np.where(seen, 0.0, x).sum(-1)

    return Flow(*parts(gained), parts(first), y[gained.argmax(-1)])
