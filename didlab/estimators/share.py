"""A share of independent trials, with Wilson's interval: it stays inside [0, 1] and means something at 0 of n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["Share", "share_estimate", "wilson"]


@dataclass(frozen=True)
class Share:
    """`hits` of `count` trials."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.count

    @property
    def standard_error(self) -> float:
        """Half the width of the one-sigma Wilson interval."""
        low, high = self._wilson(1.0)
        return (high - low) / 2

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Wilson's two-sided interval at a confidence level.

        Raises:
            ArgumentError: a level outside (0, 1).

        >>> [round(x, 3) for x in Share(0, 10).interval()]
        [0.0, 0.278]
        """
        if not 0 < level < 1:
            raise ArgumentError("level", "between 0 and 1", str(level))
        from scipy.special import ndtri

        return self._wilson(float(ndtri((1 + level) / 2)))

    def _wilson(self, z: float) -> tuple[float, float]:
        return wilson(self.value, self.count, z)


def wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share p of n trials, z standard deviations to each side.

    >>> [round(x, 3) for x in wilson(0.5, 4, 1.0)]
    [0.276, 0.724]
    """
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_estimate(hits: Any) -> Share:
    """The share of true entries.

    Raises:
        ArgumentError: not a column of truth values.

    >>> share_estimate([True, False, True, True]).value
    0.75
    """
    x = np.asarray(hits)
    if x.ndim != 1 or x.dtype.kind != "b" or not len(x):
        raise ArgumentError("hits", "a column of truth values", f"shape {x.shape}, dtype {x.dtype}")
    return Share(int(x.sum()), len(x))
