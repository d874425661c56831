r"""The table :math:`A_{xy} = e^{\beta(r_{xy} - \max_y r_{xy})}` in float64, with a proven relative error.

Every entry is within `RELATIVE` of the exact power of e of the exact rewards and beta, or it is 0 and the exact value
is at most `TINY`. Proof, with :math:`u = 2^{-53}`, for one entry and :math:`m = \max_y r_{xy}`:

1. :math:`r - m = d + e` exactly (two-term subtraction), :math:`|e| \le u|d|`.
2. :math:`\beta d = h + l` exactly (Dekker's product). The rest :math:`l' = l + \beta e` is rounded twice, an error of
   at most :math:`4u^2|h|`, below :math:`10^{-6}u` because :math:`|h| \le 700` (else the entry is 0).
3. With k the integer near :math:`h/\log 2` and :math:`C_1 + C_2` equal to log 2 to 86 bits, :math:`kC_1` is exact
   (C1 has 32 bits, k 11). The argument :math:`w = ((h - kC_1) - kC_2) + l'` is at most 0.347 in size and rounded
   three times: an absolute error of at most :math:`1.05u`, and so a relative one of its power.
4. Horner's rule :math:`s_j = 1/j! + w s_{j+1}` up to :math:`w^{13}/13!`, with error :math:`E_j \le |w|(E_{j+1} +
   u|s_{j+1}|) + u|s_j|` and another :math:`u/j!` where 1/j! is rounded (j > 2). With :math:`|s_3| \le 0.19`,
   :math:`|s_2| \le 0.57`, :math:`|s_1| \le 1.2` this is :math:`E_3 \le 0.5u`, :math:`E_2 \le 0.82u`,
   :math:`E_1 \le 1.7u`, :math:`E_0 \le 1.01u + us_0`: relative to :math:`s_0 \ge 0.7`, at most :math:`2.45u`.
5. What the series leaves out: at most :math:`0.347^{14}/14! \cdot e^{2 \cdot 0.347}`, below :math:`0.1u`.
6. The factor :math:`2^k` is exact: no result is subnormal.

Altogether below 3.7 u; `RELATIVE` is 5 u. The loops are compiled without fast arithmetic, so nothing is reordered or
contracted.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["FLUSH", "RELATIVE", "TINY", "exponentials", "powers"]

RELATIVE = 5 * 2.0**-53
FLUSH, TINY = -690.0, 1e-299  # e^-690 < 1e-299
LOW = -1010
SPLIT = 134217729.0  # 2^27 + 1
# 32 bits of log 2, and the rest rounded
C1, C2 = float.fromhex("0x1.62e42ff000000p-1"), float.fromhex("-0x1.718432a1b0e26p-35")
INVERSE = 1.4426950408889634

_njit: Any = numba.njit(error_model="numpy", cache=True)


_TWO = np.ldexp(1.0, np.arange(LOW, 1023))


@_njit
def _exponentials(high: np.ndarray, low: np.ndarray, c1: float, c2: float, two: np.ndarray, out: np.ndarray) -> None:
    for i in range(high.size):
        h = high[i]
        kept = h > FLUSH
        h = h if kept else 0.0
        k = np.rint(h * INVERSE)
        w = ((h - k * c1) - k * c2) + (low[i] if kept else 0.0)
        s = 1.0 / 6227020800.0
        s = s * w + 1.0 / 479001600.0
        s = s * w + 1.0 / 39916800.0
        s = s * w + 1.0 / 3628800.0
        s = s * w + 1.0 / 362880.0
        s = s * w + 1.0 / 40320.0
        s = s * w + 1.0 / 5040.0
        s = s * w + 1.0 / 720.0
        s = s * w + 1.0 / 120.0
        s = s * w + 1.0 / 24.0
        s = s * w + 1.0 / 6.0
        s = s * w + 0.5
        s = s * w + 1.0
        s = s * w + 1.0
        out[i] = s * two[int(k) - LOW] if kept else 0.0


@_njit
def _product(beta: float, d: np.ndarray, e: np.ndarray, high: np.ndarray, low: np.ndarray) -> None:
    """high + low = beta (d + e), the product beta d exact (Dekker), the rest rounded."""
    t = SPLIT * beta
    b1 = t - (t - beta)
    b2 = beta - b1
    for i in range(d.size):
        x = d[i]
        h = beta * x
        s = SPLIT * x
        x1 = s - (s - x)
        x2 = x - x1
        l = ((b1 * x1 - h) + b1 * x2 + b2 * x1) + b2 * x2  # noqa: E741
        high[i] = h
        low[i] = l + beta * e[i]


def powers(high: Any, low: Any = None) -> np.ndarray:
    """e^(high + low) for high from -690 to 700 and a far smaller low, each within `RELATIVE`; 0 below -690.

    >>> round(float(powers(np.array([1.0]))[0]), 14)
    2.71828182845905
    """
    h = np.ascontiguousarray(high, dtype=np.float64)
    rest = np.zeros_like(h) if low is None else np.ascontiguousarray(low)
    out = np.empty_like(h)
    _exponentials(h.ravel(), rest.ravel(), C1, C2, _TWO, out.ravel())
    return out


def exponentials(beta: float, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    r""":math:`e^{\beta(d+e)}` for contiguous tables of differences d + e that are not positive.

    Args:
        beta: above 0.
        d: differences of rewards, not above 0.
        e: their rounding errors.

    Returns:
        a table of the shape of d, each entry within `RELATIVE`, or 0 where the exact value is below `TINY`.

    >>> exponentials(1.0, np.array([[0.0, -1.0, -1e9]]), np.zeros((1, 3))).round(4)
    array([[1.    , 0.3679, 0.    ]])
    """
    high, low = np.empty_like(d), np.empty_like(d)
    _product(beta, d.ravel(), e.ravel(), high.ravel(), low.ravel())
    return powers(high, low)
