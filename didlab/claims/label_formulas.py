"""What the claims about label-dependent priors share: values at the responses of triples, and counts that must be 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.relations import Relation, equal

__all__ = ["LOOPS", "none", "of", "twice", "winners"]

LOOPS = "A triple may compare a response with itself, as repeated samples do. "


def of(values: Any, triples: Any, side: int) -> Any:
    """The values at the chosen (0) or rejected (1) responses of the triples."""
    return np.take_along_axis(values, triples[..., side], -1)


def winners(triples: Any, k: int) -> np.ndarray:
    """Which responses are chosen in some triple, shape (..., K)."""
    return (triples[..., 0, None] == np.arange(k)).any(-2)


def twice(triples: Any) -> np.ndarray:
    """How many pairs of triples have one chosen response."""
    first = triples[..., 0]
    return (first[..., :, None] == first[..., None, :]).sum((-1, -2)) - first.shape[-1]


def none(count: Any, what: str) -> Relation:
    """The count of an instance is 0."""
    return equal(np.asarray(count)[..., None], 0, what)
