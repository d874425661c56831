"""Wilson's interval of a share: it stays inside [0, 1] and means something at 0 of n."""

from __future__ import annotations

import numpy as np

__all__ = ["wilson"]


def wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """The interval of a share p of n trials, z standard deviations to each side.

    >>> [round(x, 3) for x in wilson(0.5, 4, 1.0)]
    [0.276, 0.724]
    >>> wilson(0.0, 200, 1.96)[0], wilson(1.0, 200, 1.96)[1]
    (0.0, 1.0)
    """
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if p == 0 else low), (1.0 if p == 1 else high)  # where rounding would leave them out
