"""Torch tensors of any float type on any device: every branch finite, so that gradients are too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .floats import Floats

__all__ = ["Torch"]

Array = Any


class Torch(Floats):
    def __init__(self) -> None:
        super().__init__(sys.modules["torch"])

    def _mode(self, x: Array) -> Array:
        return x.argmax(-1)[..., None]

    def _take(self, x: Array, index: Array) -> Array:
        return x.gather(-1, index)

    def _put(self, x: Array, index: Array, value: float) -> Array:
        return x.scatter(-1, index, value)

    def _take_row(self, x: Array, index: Array) -> Array:
        return x.gather(-2, index)

    def _clip(self, x: Array, low: float, high: float) -> Array:
        return x.clamp(low, high)

    def _elsewhere(self, mask: Array, value: Array, formula: Callable[..., Array], *args: Array) -> Array:
        return self.where(mask, formula(*args), value)

    def sigmoid(self, x: Array) -> Array:
        return self.xp.sigmoid(x)

    def _shallow(self, high: Array) -> bool:
        return False

    def _deep_sum(self, weights: Array, high: Array, low: Array) -> Array:
        return weights.sum(-1)[..., None]

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        return formula(True, False)
