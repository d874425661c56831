"""Arrays of balls or exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import exact

__all__ = ["Objects"]

Array = Any


class Objects:
    """The direct expressions: nothing truncated, nothing rounded silently."""

    exact = True

    def __init__(self) -> None:
        self._exp, self._log = np.frompyfunc(exact.exp, 1, 1), np.frompyfunc(exact.log, 1, 1)

    def exp(self, x: Array) -> Array:
        return self._exp(x)

    def log(self, x: Array) -> Array:
        return self._log(x)

    def sum(self, x: Array) -> Array:
        return x.sum(-1)

    def broadcast_to(self, x: Array, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(x, shape)

    def log_sum_exp(self, x: Array) -> Array:
        return self.log(self.exp(x).sum(-1))

    def log_softmax(self, x: Array, low: Array = 0) -> Array:
        return x - self.log(self.exp(x).sum(-1, keepdims=True))

    def softmax(self, x: Array, low: Array = 0, *, scaled: bool = False) -> Array:
        weights = self.exp(x)
        return weights / weights.sum(-1, keepdims=True)

    def contrast(self, a: Array, b: Array, *, careful: bool = True, scaled: bool = False) -> tuple[Array, ...]:
        return self.softmax(a), self.softmax(b), self.log_softmax(a) - self.log_softmax(b)

    def log_ratio(self, a: Array, b: Array) -> Array:
        return self.log_softmax(a) - self.log_softmax(b)

    def log_partition(self, a: Array, b: Array) -> Array:
        return self.log_sum_exp(self.log_ratio(a, b))

    def mixture_contrast(self, rho: Array, table: Array, *, scaled: bool = False) -> tuple[Array, ...]:
        p, weights = self.softmax(table), self.softmax(rho)[..., None]
        m = (weights * p).sum(-2)[..., None, :]
        return weights * p, weights * m, self.log(p) - self.log(m)

    def kl_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        return p * log_ratio

    def js_terms(self, p: Array, q: Array, log_ratio: Array) -> Array:
        m = (p + q) / 2
        return (p * self.log(p / m) + q * self.log(q / m)) / 2

    def log_mixture(self, a: Array, b: Array, share: Array) -> Array:
        return self.log((1 - share) * self.softmax(a) + share * self.softmax(b))

    def sigmoid(self, x: Array) -> Array:
        e = self.exp(x)
        return e / (1 + e)

    def log_sigmoid(self, x: Array) -> Array:
        return -self.log(1 + self.exp(-x))

    def guard(self, formula: Callable[[bool, bool], Array], below: float) -> Array:
        return formula(True, False)
