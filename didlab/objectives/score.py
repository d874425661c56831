r"""Scores of two responses: sums of terms with a derivative by the logits, of which losses and log-priors are made.

A :class:`Score` holds its terms apart, so that a loss can sum all of its terms at once: floats then lose nothing to
the order of summation, and the sizes of the terms say how well the sum is conditioned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import is_tensor
from ..carriers import carrier_of, two_sum
from ..errors import ArgumentError

__all__ = ["Score", "total"]

Array = Any


def total(terms: list[Array]) -> Array:
    """The sum of arrays of terms over the arrays and their last axes, floats with the rounding errors carried along.

    Args:
        terms: arrays (..., n) of any lengths n, of one kind of number; batch axes broadcast.

    Returns:
        shape (...), for float64 the rounded sum of the terms up to errors of second order.

    Raises:
        ArgumentError: no terms.

    >>> total([np.array([1.0, 1e100]), np.array([1.0, -1e100])])
    np.float64(2.0)
    """
    if not terms:
        raise ArgumentError("terms", "one array at least", "an empty list")
    if carrier_of(*terms).exact:
        first, *rest = (x.sum(-1) for x in terms)
        for x in rest:
            first = first + x
        return first
    columns = [x[..., i] for x in terms for i in range(x.shape[-1])]
    value, error = columns[0], 0.0 * columns[0]
    for x in columns[1:]:
        value, low = two_sum(value, x)
        error = error + low
    return value + error


@dataclass(frozen=True, eq=False)
class Score:
    """A number for each of the two responses, and its derivative by the logits.

    Attributes:
        terms: arrays (..., 2, n) whose sum is the score, the chosen response first.
        derivative: computes the derivatives by the logits of the policy when they are asked for; None if they are 0.
    """

    terms: tuple[Array, ...]
    derivative: Callable[[], Array] | None = None

    @cached_property
    def rows(self) -> Array:
        """Derivatives by the logits of the policy, shape (..., 2, L, V), or 0."""
        return 0 if self.derivative is None else self.derivative()

    @cached_property
    def value(self) -> Array:
        """The scores, shape (..., 2), in nats."""
        return total(list(self.terms))

    @property
    def size(self) -> Array:
        """The sum of the sizes of the terms, shape (..., 2): what their relative errors are relative to."""
        return total([abs(x) for x in self.terms])

    def __add__(self, other: Score) -> Score:
        if other.derivative is None:
            return Score(self.terms + other.terms, self.derivative)
        return Score(self.terms + other.terms, lambda: self.rows + other.rows)

    def __sub__(self, other: Score) -> Score:
        return self + other.times(-1)

    def times(self, factor: Any) -> Score:
        """The score times a number, or an array (..., 1) or (..., 2) with a factor for each response."""
        behind = factor[..., None] if getattr(factor, "ndim", 0) else factor
        terms = tuple(x * behind for x in self.terms)
        if self.derivative is None:
            return Score(terms)
        return Score(terms, lambda: self.rows * (behind[..., None] if getattr(behind, "ndim", 0) else behind))

    def held(self, which: Any = (1, 1)) -> Score:
        """The same values, their derivatives left out (a stop-gradient), for the responses marked 1."""
        kept: Array = 1 - np.asarray(which)
        terms = self.terms
        if any(is_tensor(x) for x in terms):
            kept = terms[0].new_tensor(kept)
            terms = tuple(x * kept[:, None] + x.detach() * (1 - kept)[:, None] for x in terms)
        return Score(terms, self.derivative and (lambda: self.rows * kept[:, None, None]))
