r"""Sums over pairs, :math:`\sum_j W_{ij} z_j f(x_i - y_j - c)` and :math:`\sum_i W_{ij} z_i f(x_i - y_j - c)`.

Four ways to one answer, by the link and by what the weights W are:

===========  ==========================  =============================================
Dense        any link, any W             all :math:`K^2` pairs, remembered between calls
Smooth       logistic, W = p q           Chebyshev moments of bins, time K
Sorted       hinge, W = p q              sorting and prefix sums, exact, time K log K
Moments      square or none, W = p q     three moments, time K
===========  ==========================  =============================================
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..objectives.links import link

__all__ = ["Dense", "Moments", "PairSums", "Smooth", "Sorted", "pair_sums"]

DENSE_UP_TO = 256


class PairSums(Protocol):
    """Weighted sums over the partners of each outcome."""

    def chosen(self, order: int, z: Any = 1.0) -> np.ndarray: ...
    def rejected(self, order: int, z: Any = 1.0) -> np.ndarray: ...


class Dense:
    """All pairs at once.

    >>> Dense("logistic", np.zeros(2), np.zeros(2), 0.0, np.full((2, 2), 0.25)).chosen(1)
    array([-0.25, -0.25])
    """

    def __init__(self, name: str, x: np.ndarray, y: np.ndarray, offset: float, weights: np.ndarray) -> None:
        self.name, self.weights = name, weights
        self.margin = x[:, None] - y - offset
        self.known: dict[int, np.ndarray] = {}

    def matrix(self, order: int) -> np.ndarray:
        """W times the link, or a derivative, at every margin."""
        if order not in self.known:
            self.known[order] = self.weights * link(self.name, self.margin, order)
        return self.known[order]

    def chosen(self, order: int, z: Any = 1.0) -> np.ndarray:
        m = self.matrix(order)
        return m @ z if np.ndim(z) else m.sum(1)

    def rejected(self, order: int, z: Any = 1.0) -> np.ndarray:
        m = self.matrix(order)
        return z @ m if np.ndim(z) else m.sum(0)


class Smooth:
    """The logistic link, by Chebyshev moments (see `chebyshev`)."""

    def __init__(self, x: np.ndarray, y: np.ndarray, offset: float, p: np.ndarray, q: np.ndarray) -> None:
        from .chebyshev import Points, sums

        self.sums, self.offset, self.p, self.q = sums, offset, p, q
        self.x = Points(x)
        self.y = self.x if y is x or np.array_equal(x, y) else Points(y)

    def chosen(self, order: int, z: Any = 1.0) -> np.ndarray:
        total = self.sums(order, self.x, self.y, self.q * z if np.ndim(z) else self.q, self.offset, 1.0)
        return np.multiply(total, self.p, out=total)

    def rejected(self, order: int, z: Any = 1.0) -> np.ndarray:
        total = self.sums(order, self.y, self.x, self.p * z if np.ndim(z) else self.p, self.offset, -1.0)
        return np.multiply(total, self.q, out=total)


class Sorted:
    """The hinge max(0, -(x - y - c)): partners on one side of each outcome, by prefix sums in sorted order."""

    def __init__(self, x: np.ndarray, y: np.ndarray, offset: float, p: np.ndarray, q: np.ndarray) -> None:
        self.p, self.q = p, q
        self.by_x = np.argsort(x)
        self.by_y = self.by_x if y is x else np.argsort(y)
        self.x, self.y = x[self.by_x] - offset, y[self.by_y]
        self.above = np.searchsorted(self.y, self.x, side="right")
        self.below = np.searchsorted(self.x, self.y, side="left")

    def chosen(self, order: int, z: Any = 1.0) -> np.ndarray:
        out = np.zeros(len(self.x))
        if order < 2:
            w = (self.q * z)[self.by_y]
            mass = _suffix(w)[self.above]
            out[self.by_x] = -mass if order == 1 else _suffix(w * self.y)[self.above] - self.x * mass
        return np.multiply(out, self.p, out=out)

    def rejected(self, order: int, z: Any = 1.0) -> np.ndarray:
        out = np.zeros(len(self.y))
        if order < 2:
            w = (self.p * z)[self.by_x]
            mass = _prefix(w)[self.below]
            out[self.by_y] = -mass if order == 1 else self.y * mass - _prefix(w * self.x)[self.below]
        return np.multiply(out, self.q, out=out)


def _prefix(w: np.ndarray) -> np.ndarray:
    return np.append(0.0, np.cumsum(w))


def _suffix(w: np.ndarray) -> np.ndarray:
    return np.append(np.cumsum(w[::-1])[::-1], 0.0)


class Moments:
    """The square, or nothing: sums of a polynomial of degree 2 at most."""

    def __init__(self, name: str, x: np.ndarray, y: np.ndarray, offset: float, p: np.ndarray, q: np.ndarray) -> None:
        self.name, self.x, self.y, self.offset, self.p, self.q = name, x, y, offset, p, q

    def chosen(self, order: int, z: Any = 1.0) -> np.ndarray:
        return self._sum(order, self.x, self.y, self.p, self.q * z if np.ndim(z) else self.q, 1.0)

    def rejected(self, order: int, z: Any = 1.0) -> np.ndarray:
        return self._sum(order, self.y, self.x, self.q, self.p * z if np.ndim(z) else self.p, -1.0)

    def _sum(self, order: int, x: np.ndarray, y: np.ndarray, own: np.ndarray, w: np.ndarray, sign: float) -> np.ndarray:
        if self.name == "none":
            return np.zeros(len(x))
        total = float(w.sum())
        if order == 2:
            return 2 * total * own
        centre = float(w @ y) / total if total else 0.0
        first, second = _moments(w, y, centre)
        out = x - (centre + sign * self.offset)
        if order == 1:
            out *= 2 * sign * total
            out -= 2 * sign * first
        else:
            out *= out * total - 2 * first
            out += second
        return np.multiply(out, own, out=out)


def _moments(w: np.ndarray, y: np.ndarray, centre: float) -> tuple[float, float]:
    """sum of w (y - centre) and of w (y - centre)^2."""
    d = y - centre
    first = float(w @ d)
    d *= d
    return first, float(w @ d)


def pair_sums(
    name: str, x: np.ndarray, y: np.ndarray, offset: float, p: np.ndarray, q: np.ndarray, *, dense: bool | None = None,
) -> PairSums:
    """The way that fits the link and the size, for weights p_i q_j.

    >>> type(pair_sums("hinge", np.zeros(999), np.zeros(999), 1.0, np.ones(999), np.ones(999))).__name__
    'Sorted'
    """
    if dense if dense is not None else len(x) <= DENSE_UP_TO:
        return Dense(name, x, y, offset, p[:, None] * q)
    if name == "logistic":
        return Smooth(x, y, offset, p, q)
    return Sorted(x, y, offset, p, q) if name == "hinge" else Moments(name, x, y, offset, p, q)
