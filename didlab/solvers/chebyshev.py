r"""Sums :math:`\sum_j w_j\, f(x_i - y_j)` of the logistic link in time proportional to the number of points.

Points fall into bins of width `WIDTH`. Within a pair of bins f is a polynomial to rounding error,
:math:`f(x-y) = \sum_{kl} C_{kl} T_k(\xi) T_l(\eta)`, because its poles are :math:`\pi` away from the real axis: with n
nodes the error is about :math:`\rho^{-n}`, :math:`\rho = y + \sqrt{y^2+1}`, :math:`y = 2\pi/` width (14 nodes at
width 1: 4e-16). So each bin is its n Chebyshev moments, and C depends on the distance of two bins only. Beyond
`FAR`, f is 0 on one side and linear on the other to 4e-18: prefix sums over the bins.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np

__all__ = ["Points", "sums"]

NODES, WIDTH, FAR = 14, 1.0, 40
_njit: Any = numba.njit(error_model="numpy", cache=True)


class Points:
    """Real numbers in bins: the occupied bins, the bin of each point, and its place in the bin, in [-1, 1].

    >>> Points(np.array([0.25, 1.75])).bins.tolist()
    [0, 1]
    """

    def __init__(self, x: np.ndarray) -> None:
        if np.ptp(x) < 65_000 * WIDTH:
            first = int(np.floor(x.min() / WIDTH))
            count = int(np.floor(x.max() / WIDTH)) - first + 1
            self.index, self.place = _locate(x, first)
            self.bins = np.arange(first, first + count)
        else:
            cell = np.floor(x / WIDTH)
            bins, index = np.unique(cell, return_inverse=True)
            self.bins, self.index = bins.astype(np.int64), index.astype(np.int32)
            self.place = 2 * (x / WIDTH - cell) - 1

    def moments(self, weights: np.ndarray) -> np.ndarray:
        """sum of w T_k(place) for each bin and k < NODES."""
        return _moments(self.index, self.place, weights, len(self.bins))

    def evaluate(self, series: np.ndarray) -> np.ndarray:
        """sum over k of series[bin, k] T_k(place), for each point."""
        return _evaluate(self.index, self.place, series)


def sums(order: int, targets: Points, sources: Points, weights: np.ndarray, offset: float, sign: float) -> np.ndarray:
    r""":math:`\sum_j w_j f^{(order)}(\pm(x_i - y_j) - c)` at each target x, f the logistic link.

    >>> x = np.array([0.5, 3.0])
    >>> exact = np.logaddexp(0, -(x[:, None] - x)).sum(1)
    >>> bool(np.allclose(sums(0, Points(x), Points(x), np.ones(2), 0.0, 1.0), exact, rtol=1e-14))
    True
    """
    moments = sources.moments(weights)
    whole = round(offset / WIDTH)
    table = _table(order, float(offset - whole * WIDTH), float(sign))
    series = _apply(table, targets.bins, sources.bins + int(sign) * whole, moments)
    if order < 2:
        _far(series, order, targets.bins, sources.bins, moments, offset, sign)
    return targets.evaluate(series)


def _link(order: int, x: np.ndarray) -> np.ndarray:
    e = np.exp(-abs(x))
    if order == 0:
        return np.maximum(-x, 0) + np.log1p(e)
    return -np.where(x >= 0, e, 1) / (1 + e) if order == 1 else e / (1 + e) ** 2


@cache
def _table(order: int, offset: float, sign: float) -> np.ndarray:
    """C for bins at distances -FAR-1 to FAR+1: shape (distances, NODES, NODES)."""
    node = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    transform = 2 / NODES * np.cos(np.pi * np.outer(np.arange(NODES), np.arange(NODES) + 0.5) / NODES)
    transform[0] /= 2
    place = WIDTH / 2 * (node[:, None] - node)
    distance = WIDTH * np.arange(-FAR - 1, FAR + 2)[:, None, None]
    return np.ascontiguousarray(transform @ _link(order, sign * (distance + place) - offset) @ transform.T)


@_njit
def _locate(x: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    index, place = np.empty(x.size, np.int32), np.empty(x.size)
    for i in range(x.size):
        cell = np.floor(x[i] / WIDTH)
        index[i] = int(cell) - first
        place[i] = 2.0 * (x[i] / WIDTH - cell) - 1.0
    return index, place


@_njit
def _moments(index: np.ndarray, place: np.ndarray, weights: np.ndarray, bins: int) -> np.ndarray:
    out = np.zeros((bins, NODES))
    for i in range(index.size):
        row, t = out[index[i]], 2.0 * place[i]
        before, now = weights[i], weights[i] * place[i]
        row[0] += before
        for k in range(1, NODES):
            row[k] += now
            before, now = now, t * now - before
    return out


@_njit
def _evaluate(index: np.ndarray, place: np.ndarray, series: np.ndarray) -> np.ndarray:
    out = np.empty(index.size)
    for i in range(index.size):
        row, t = series[index[i]], 2.0 * place[i]
        before, now = 1.0, place[i]
        total = row[0]
        for k in range(1, NODES):
            total += row[k] * now
            before, now = now, t * now - before
        out[i] = total
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
            out[a] += table[targets[a] - sources[b] + FAR + 1] @ moments[b]
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
