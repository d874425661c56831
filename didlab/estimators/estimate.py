"""An estimate from independent samples, with its standard error and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import number, rectangular
from ..errors import ArgumentError

__all__ = ["Estimate", "column", "mean_estimate", "quantile", "slope_estimate"]


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error and the number of samples; the interval is the normal one."""

    value: float
    standard_error: float
    count: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided interval at a confidence level.

        Raises:
            ArgumentError: a level outside (0, 1).

        >>> [round(x, 2) for x in Estimate(1.0, 0.5, 10).interval(0.95)]
        [0.02, 1.98]
        """
        from scipy.special import ndtri

        half = float(ndtri(quantile(level))) * self.standard_error
        return self.value - half, self.value + half


def quantile(level: Any) -> float:
    """Where a two-sided interval at a confidence level ends, above the middle."""
    if not 0 < float(number("level", level, "between 0 and 1")) < 1:
        raise ArgumentError("level", "between 0 and 1", str(level))
    return (1 + float(level)) / 2


def column(name: str, values: Any, at_least: int = 2) -> np.ndarray:
    """A column of a score table: a finite one-dimensional float array."""
    x = rectangular(name, values)
    if x.ndim != 1 or x.dtype.kind not in "fiu" or len(x) < at_least:
        raise ArgumentError(name, f"a column of at least {at_least} numbers", f"shape {x.shape}, dtype {x.dtype}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ArgumentError(name, "finite", "a NaN or infinite entry")
    return x


def mean_estimate(values: Any) -> Estimate:
    r"""Sample mean with :math:`s/\sqrt{n}`.

    Args:
        values: independent samples, shape (n,), n at least 2.

    Raises:
        ArgumentError: not a column of finite numbers.

    >>> mean_estimate([1.0, 3.0])
    Estimate(value=2.0, standard_error=1.0, count=2)
    """
    x = column("values", values)
    return Estimate(float(x.mean()), float(x.std(ddof=1) / np.sqrt(len(x))), len(x))


def slope_estimate(x: Any, y: Any) -> Estimate:
    r"""Least-squares slope of y on x with its heteroscedasticity-robust (HC3) standard error.

    Args:
        x, y: paired samples, shape (n,), n at least 3.

    Raises:
        ArgumentError: columns of different lengths, or x constant.

    >>> slope_estimate([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0])
    Estimate(value=2.0, standard_error=0.0, count=4)
    """
    a, b = column("x", x, 3), column("y", y, 3)
    if len(a) != len(b):
        raise ArgumentError("y", f"as long as x ({len(a)})", str(len(b)))
    if np.ptp(a) == 0:  # its mean may round
        raise ArgumentError("x", "not constant", "one repeated value")
    a, b = a - a.mean(), b - b.mean()
    square = float((a * a).sum())
    slope = float((a * b).sum() / square)
    leverage = 1 / len(a) + a * a / square
    residual = (b - slope * a) / np.maximum(1 - leverage, 1e-12)
    error = float(np.sqrt((a * a * residual * residual).sum()) / square)
    return Estimate(slope, error, len(a))
