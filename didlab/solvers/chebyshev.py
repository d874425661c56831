r"""Sums :math:`\sum_j w_j\, f(x_i - y_j)` of the logistic link in time proportional to the number of points.

Points fall into bins of width `WIDTH`. Within a pair of bins f is a polynomial to rounding error,
:math:`f(x-y) = \sum_{kl} C_{kl} T_k(\xi) T_l(\eta)`, because its poles are :math:`\pi` away from the real axis: with n
nodes the error is about :math:`\rho^{-n}`, :math:`\rho = y + \sqrt{y^2+1}`, :math:`y = 2\pi/` width (12 nodes at
width 1/2: 2e-17). So each bin is its n Chebyshev moments, and C depends on the distance of two bins only. Beyond
`FAR`, f is 0 on one side and linear on the other to 4e-18: prefix sums over the bins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np

__all__ = ["Points", "sums"]

NODES, WIDTH, FAR, CHUNK, FEW = 12, 0.5, 80, 128, 32
_njit: Any = numba.njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"}, cache=True)


class Points:
    """Real numbers sorted into bins: the bins, where each starts, and the place of each point in its bin, in [-1, 1].

    >>> Points(np.array([0.1, 0.9])).bins.tolist()
    [0, 1]
    """

    def __init__(self, x: np.ndarray) -> None:
        low, high = np.floor(x.min() / WIDTH), np.floor(x.max() / WIDTH)
        self.dense = high - low < max(1000, len(x))
        if self.dense:
            self.bins = np.arange(int(low), int(high) + 1)
            self.starts, self.order, self.place = _sort(x, int(low), len(self.bins))
            return
        cell = np.floor(x / WIDTH)
        self.order = np.argsort(cell, kind="stable").astype(np.int32)
        cell = cell[self.order]
        first = np.flatnonzero(np.diff(cell, prepend=-np.inf))
        self.bins, self.starts = cell[first].astype(np.int64), np.append(first, len(x))
        self.place = 2 * (x[self.order] / WIDTH - cell) - 1

    def moments(self, weights: np.ndarray) -> np.ndarray:
        """sum of w T_k(place) for each bin and k < NODES."""
        return _moments(self.starts, self.order, self.place, weights)

    def evaluate(self, series: np.ndarray) -> np.ndarray:
        """sum over k of series[bin, k] T_k(place), for each point."""
        return _evaluate(self.starts, self.order, self.place, series)


def sums(order: int, targets: Points, sources: Points, weights: np.ndarray, offset: float, sign: float) -> np.ndarray:
    r""":math:`\sum_j w_j f^{(order)}(\pm(x_i - y_j) - c)` at each target x, f the logistic link.

    >>> x = np.array([0.5, 3.0])
    >>> exact = np.logaddexp(0, -(x[:, None] - x)).sum(1)
    >>> bool(np.allclose(sums(0, Points(x), Points(x), np.ones(2), 0.0, 1.0), exact, rtol=1e-14))
    True
    """
    moments = sources.moments(weights)
    whole = round(offset / WIDTH)
    rest = float(offset - whole * WIDTH)
    shifted = sources.bins + int(sign) * whole
    rows, columns = len(targets.bins), len(shifted)
    few = max(rows, columns) <= FEW and targets.dense and sources.dense
    if few:
        matrix = _matrix(order, rest, sign, rows, columns, int(targets.bins[0] - shifted[0]))
        series = (matrix @ moments.ravel()).reshape(rows, NODES)
    else:
        series = _apply(_table(order, rest, sign), targets.bins, shifted, moments)
    if order < 2 and max(targets.bins[-1] - shifted[0], shifted[-1] - targets.bins[0]) > FAR:
        _far(series, order, targets.bins, sources.bins, moments, offset, sign)
    return targets.evaluate(series)


def _link(order: int, x: np.ndarray) -> np.ndarray:
    e = np.exp(-abs(x))
    if order == 0:
        return np.maximum(-x, 0) + np.log1p(e)
    return -np.where(x >= 0, e, 1) / (1 + e) if order == 1 else e / (1 + e) ** 2


@lru_cache(maxsize=64)
def _table(order: int, offset: float, sign: float) -> np.ndarray:
    """C for bins at distances -FAR-1 to FAR+1: shape (distances, NODES of the source, NODES of the target)."""
    node = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    transform = 2 / NODES * np.cos(np.pi * np.outer(np.arange(NODES), np.arange(NODES) + 0.5) / NODES)
    transform[0] /= 2
    place = WIDTH / 2 * (node[:, None] - node)
    distance = WIDTH * np.arange(-FAR - 1, FAR + 2)[:, None, None]
    c = transform @ _link(order, sign * (distance + place) - offset) @ transform.T
    return np.ascontiguousarray(c.swapaxes(1, 2))


@lru_cache(maxsize=32)
def _matrix(order: int, offset: float, sign: float, rows: int, columns: int, shift: int) -> np.ndarray:
    """C between all pairs of two runs of neighbouring bins, as one matrix from moments to series."""
    distance = np.clip(np.arange(rows)[:, None] - np.arange(columns) + shift, -FAR - 1, FAR + 1)
    blocks = _table(order, offset, sign)[distance + FAR + 1] * (np.abs(distance) <= FAR)[:, :, None, None]
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 2)).reshape(rows * NODES, columns * NODES)


@_njit
def _sort(x: np.ndarray, first: int, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counting sort by bin: where each bin starts, the original index of each point, its place in the bin."""
    index, starts = np.empty(x.size, np.int32), np.zeros(bins + 1, np.int64)
    for i in range(x.size):
        index[i] = int(np.floor(x[i] / WIDTH)) - first
    for i in range(x.size):
        starts[index[i] + 1] += 1
    starts = np.cumsum(starts)
    free, order, place = starts.copy(), np.empty(x.size, np.int32), np.empty(x.size)
    for i in range(x.size):
        at = free[index[i]]
        free[index[i]] = at + 1
        order[at] = i
        place[at] = 2.0 * (x[i] / WIDTH - (index[i] + first)) - 1.0
    return starts, order, place


@_njit
def _moments(starts: np.ndarray, order: np.ndarray, place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out = np.zeros((starts.size - 1, NODES))
    t, even, odd = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    for b in range(starts.size - 1):
        for low in range(starts[b], starts[b + 1], CHUNK):
            n = min(CHUNK, starts[b + 1] - low)
            for j in range(n):
                even[j] = weights[order[low + j]]
                odd[j] = even[j] * place[low + j]
                t[j] = 2.0 * place[low + j]
            for k in range(0, NODES, 2):
                total = 0.0
                for j in range(n):
                    total += even[j]
                    even[j] = t[j] * odd[j] - even[j]
                out[b, k] += total
                total = 0.0
                for j in range(n):
                    total += odd[j]
                    odd[j] = t[j] * even[j] - odd[j]
                out[b, k + 1] += total
    return out


@_njit
def _evaluate(starts: np.ndarray, order: np.ndarray, place: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Clenshaw's recurrence."""
    out = np.empty(order.size)
    t, one, two = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    for b in range(starts.size - 1):
        for low in range(starts[b], starts[b + 1], CHUNK):
            n = min(CHUNK, starts[b + 1] - low)
            for j in range(n):
                t[j] = 2.0 * place[low + j]
                one[j] = 0.0
                two[j] = 0.0
            for k in range(NODES - 1, 1, -2):
                c = series[b, k]
                for j in range(n):
                    two[j] = c + t[j] * one[j] - two[j]
                c = series[b, k - 1]
                for j in range(n):
                    one[j] = c + t[j] * two[j] - one[j]
            c = series[b, 1]
            for j in range(n):
                two[j] = c + t[j] * one[j] - two[j]
            c = series[b, 0]
            for j in range(n):
                out[order[low + j]] = c + 0.5 * t[j] * two[j] - one[j]
    return out


@_njit
def _apply(table: np.ndarray, targets: np.ndarray, sources: np.ndarray, moments: np.ndarray) -> np.ndarray:
    out = np.zeros((targets.size, NODES))
    low = 0
    for a in range(targets.size):
        while low < sources.size and sources[low] < targets[a] - FAR:
            low += 1
        b = low
        while b < sources.size and sources[b] <= targets[a] + FAR:
            part = table[targets[a] - sources[b] + FAR + 1]
            for m in range(NODES):
                w = moments[b, m]
                for k in range(NODES):
                    out[a, k] += part[m, k] * w
            b += 1
    return out


def _far(
    series: np.ndarray, order: int, targets: np.ndarray, sources: np.ndarray, moments: np.ndarray,
    offset: float, sign: float,
) -> None:
    """Adds the bins farther than FAR where f is not 0: there f(x) = -x and f'(x) = -1."""
    mass, first = moments[:, 0], moments[:, 1] * (WIDTH / 2) + moments[:, 0] * (sources + 0.5) * WIDTH
    shifted = sources + int(sign) * round(offset / WIDTH)
    m, f = np.append(0.0, np.cumsum(mass)), np.append(0.0, np.cumsum(first))
    if sign > 0:
        cut = np.searchsorted(shifted, targets + FAR, side="right")
        m, f = m[-1] - m[cut], f[-1] - f[cut]
    else:
        cut = np.searchsorted(shifted, targets - FAR, side="left")
        m, f = m[cut], f[cut]
    if order == 1:
        series[:, 0] -= m
        return
    centre = (targets + 0.5) * WIDTH
    series[:, 0] += offset * m - sign * (centre * m - f)
    series[:, 1] -= sign * WIDTH / 2 * m
