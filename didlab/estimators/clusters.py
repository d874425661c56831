"""Estimates from responses in groups: responses to one prompt are alike, so errors are taken over prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .estimate import column, quantile
from .share import wilson

__all__ = ["Grouped", "GroupedShare", "group_means", "grouped_mean", "grouped_ratio", "grouped_share", "rare"]

RARE = 25.0  # an interval from n values of skewness g falls short of 95 % by about g^2 / (4 n): 1 % at n = 25 g^2


@dataclass(frozen=True)
class Grouped:
    """A value whose error is taken over independent units; Student's interval.

    Attributes:
        value, standard_error: the estimate.
        count: responses.
        units: independent units: prompts, or responses where all have the same prompt.
        caution: why the interval should not be trusted; empty if nothing speaks against it.
    """

    value: float
    standard_error: float
    count: int
    units: int
    caution: str = ""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval at a confidence level.

        Raises:
            ArgumentError: a level outside (0, 1).
        """
        from scipy.special import stdtrit

        half = float(stdtrit(self.units - 1, quantile(level))) * self.standard_error
        return self.value - half, self.value + half


@dataclass(frozen=True)
class GroupedShare:
    """A share with Wilson's interval at the number of independent trials that would give its error."""

    value: float
    trials: float
    count: int
    units: int
    caution: str = ""

    @property
    def standard_error(self) -> float:
        """Half the width of the one-sigma interval."""
        low, high = wilson(self.value, self.trials, 1.0)
        return (high - low) / 2

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval at a confidence level.

        Raises:
            ArgumentError: a level outside (0, 1).
        """
        from scipy.special import ndtri

        return wilson(self.value, self.trials, float(ndtri(quantile(level))))


def group_means(values: Any, groups: Any) -> np.ndarray:
    """The mean of each group, in the order of the groups' names; the values themselves if there is only one group.

    Raises:
        ArgumentError: not a column of numbers, or not one group for each.

    >>> group_means([1.0, 3.0, 5.0], ["a", "a", "b"])
    array([2., 5.])
    """
    x, g = column("values", values, 1), np.asarray(groups).astype(str)
    if g.shape != x.shape:
        raise ArgumentError("groups", f"one for each of {len(x)} values", f"shape {g.shape}")
    which = np.unique(g, return_inverse=True)[1]
    return x if which.max() == 0 else np.bincount(which, x) / np.bincount(which)


def grouped_mean(values: Any, groups: Any) -> Grouped:
    r"""Mean over prompts of the mean of each prompt; every prompt counts once.

    Args:
        values: responses, shape (n,).
        groups: the prompt of each.

    Raises:
        ArgumentError: fewer than two independent units.

    >>> grouped_mean([1.0, 3.0, 6.0], ["a", "a", "b"])
    Grouped(value=4.0, standard_error=2.0, count=3, units=2, caution='')

    Convention: where all responses have the same prompt, they are the units, and the estimate is about that prompt.
    """
    units = column("values", group_means(values, groups))
    return Grouped(
        float(units.mean()), float(units.std(ddof=1) / np.sqrt(len(units))), len(np.asarray(values)), len(units),
        rare(units),
    )


def grouped_ratio(top: Any, bottom: Any, groups: Any) -> Grouped:
    r"""Ratio of two means over prompts, with its error by the delta method: nats per token, for instance.

    >>> grouped_ratio([2.0, 4.0], [1.0, 2.0], ["a", "b"]).value
    2.0
    """
    a, b = column("top", group_means(top, groups)), column("bottom", group_means(bottom, groups))
    value = float(a.mean() / b.mean())
    residual = (a - value * b) / b.mean()
    error = float(residual.std(ddof=1) / np.sqrt(len(a)))
    return Grouped(value, error, len(np.asarray(top)), len(a), rare(residual))


def grouped_share(hits: Any, groups: Any) -> GroupedShare:
    """Share of true entries, as a mean over prompts.

    >>> grouped_share([True, False, True], ["a", "a", "b"]).value
    0.75
    """
    x = np.asarray(hits)
    if x.ndim != 1 or x.dtype.kind != "b" or not len(x):
        raise ArgumentError("hits", "a column of truth values", f"shape {x.shape}, dtype {x.dtype}")
    units = group_means(x.astype(float), groups)
    n, value = len(units), float(units.mean())
    spread = float(units.var(ddof=1) / n) if n > 1 else 0.0
    trials = float(n) if n == len(x) or spread == 0 else min(len(x), value * (1 - value) / spread)
    return GroupedShare(value, trials, len(x), n)


def rare(units: np.ndarray) -> str:
    """Words of caution where a few values decide the mean: others like them may be missing, and the error with them.

    >>> rare(np.array([0.0] * 99 + [1.0]))[:25], rare(np.arange(50.0))
    ('a few values decide it (s', '')
    """
    d = units - units.mean()
    square = float(d @ d) / len(d)
    if np.sqrt(square) <= 1e-9 * max(1.0, abs(float(units.mean()))):
        return "all have the same value: rarer ones may be missing"
    skewness = float((d**3).mean()) / square**1.5
    need = RARE * skewness * skewness
    said = f"a few values decide it (skewness {skewness:.1f}: {need:.0f} independent values needed)"
    return said if len(d) < need else ""
