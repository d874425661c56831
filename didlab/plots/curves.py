"""Curves over training steps: the median over seeds, a band, and the level of the exact optimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import INK

__all__ = ["draw_band", "draw_level", "draw_zero", "finish_steps", "thin"]


def thin(steps: np.ndarray, count: int = 160) -> np.ndarray:
    """Indices of at most about `count` records, even in time and dense at the start.

    >>> thin(np.arange(5)).tolist()
    [0, 1, 2, 3, 4]
    """
    n = len(steps)
    if n <= count:
        return np.arange(n)
    share = np.linspace(0, 1, count)
    return np.unique(np.round((0.5 * share + 0.5 * share**3) * (n - 1)).astype(int))


def draw_band(axis: Any, steps: np.ndarray, values: np.ndarray, look: dict[str, Any], label: str) -> None:
    """Median and the band from the 10th to the 90th percentile over axis 0 of `values`, shape (seeds, records)."""
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
    if len(values) > 1:
        axis.fill_between(steps, low, high, color=look["color"], alpha=0.16, linewidth=0)
    axis.plot(steps, middle, label=label, **look)


def draw_level(axis: Any, level: float, look: dict[str, Any]) -> None:
    """A thin line across at the exact optimum, with a mark at the right edge."""
    axis.axhline(level, color=look["color"], linewidth=0.8, alpha=0.75, zorder=1)
    axis.plot(
        [1.0],
        [level],
        marker="<",
        markersize=4,
        color=look["color"],
        transform=axis.get_yaxis_transform(),
        clip_on=False,
    )


def draw_zero(axis: Any) -> None:
    """A thin line across at 0."""
    axis.axhline(0.0, color=INK, linewidth=0.8)


def finish_steps(axis: Any, title: str, label: str, *, log: bool = True, thousands: bool = True) -> None:
    """Titles and scales of an axis over training steps, which are counted in thousands where there are so many."""
    axis.set_title(title)
    axis.set_xlabel("training step")
    axis.set_ylabel(label)
    if log:
        axis.set_yscale("log")
    axis.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:g}k" if x and thousands else f"{x:g}")
