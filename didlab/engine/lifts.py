r"""From the integers of an instance to the numbers a check computes with.

One instance is a dictionary of integer arrays. A lift turns them into float64 (thousands of instances at once, to
search), exact numbers, indeterminates (to prove), or degrees (to bound the chance that an identity holds by
accident).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpq

from .. import exact
from ..carriers import carrier_of
from .degrees import Degree

__all__ = ["DEGREE", "EXACT", "FLOAT", "SYMBOLIC", "Lift", "rational"]


class Lift:
    """`number` for integers or ratios of integers; `log_weights` for the log-probabilities of integer weights."""

    def __init__(self, name: str, scalar: Any) -> None:
        self.name = name
        self._scalar = np.frompyfunc(scalar, 1, 1) if scalar is not None else None

    def number(self, x: Any, over: Any = 1) -> Any:
        """x / over as this kind of number, elementwise."""
        if self._scalar is None:
            return np.asarray(x, dtype=np.float64) / over
        top = _objects(self._scalar(np.asarray(x)))
        return _objects(top / self._scalar(np.asarray(over))) if np.any(np.asarray(over) != 1) else top

    def ratio(self, pairs: Any) -> Any:
        """Numerator over denominator, side by side on the last axis, which stays and has length 1."""
        return self.number(pairs[..., :1]) / self.number(pairs[..., 1:])

    def log(self, x: Any) -> Any:
        """Logarithm of positive numbers."""
        return np.log(x) if self._scalar is None else _objects(np.frompyfunc(exact.log, 1, 1)(x))

    def log_weights(self, weights: Any) -> Any:
        """Normalised log-probabilities of weights, outcomes on the last axis."""
        logs = self.log(self.number(weights))
        return carrier_of(logs).log_softmax(logs)


def _objects(x: Any) -> np.ndarray:
    if isinstance(x, np.ndarray):
        return x
    out = np.empty((), dtype=object)
    out[()] = x
    return out


def rational(x: Any) -> fmpq:
    """An integer, or a fraction, as it is."""
    return fmpq(int(x.numerator), int(x.denominator))


def _keep(x: Any) -> Any:
    return x if isinstance(x, exact.Ratio | Degree) else fmpq(int(x))


FLOAT = Lift("float", None)
EXACT = Lift("exact", rational)
SYMBOLIC = Lift("symbolic", _keep)
DEGREE = Lift("degree", _keep)
