r"""The few array functions every formula is written in, for four kinds of numbers.

A formula is written once, over arrays of log-probabilities whose last axis holds the outcomes. What differs between
kinds of numbers is how a scalar kernel such as :math:`e^{-\delta}-1+\delta` is computed without losing digits:

==============  =====================================  ===============================================
carrier         elements                               kernels
==============  =====================================  ===============================================
`Numpy`         float64                                piecewise and stable
`Torch`         tensors (any float dtype, any device)  piecewise, every branch finite, differentiable
`Objects`       `arb` balls, exact :class:`LogForm`    the direct expression
==============  =====================================  ===============================================

Differences of inputs keep their rounding error (`two_diff`), so that inputs count as exact at any size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .arrays import Numpy
from .carrier import Carrier
from .floats import CAREFUL_BELOW, UNDERFLOW, Floats
from .rounding import two_diff, two_prod, two_sum

__all__ = [
    "CAREFUL_BELOW", "NUMPY", "UNDERFLOW", "Carrier", "Floats", "by_rows", "carrier_of", "two_diff", "two_prod",
    "two_sum",
]

Array = Any
BLOCK = 1 << 14  # elements per block of rows: the temporaries of a formula then stay in the cache
NUMPY = Numpy()


@cache
def _torch() -> Carrier:
    from .tensors import Torch

    return Torch()


@cache
def _objects() -> Carrier:
    from .objects import Objects

    return Objects()


def carrier_of(*arrays: Array) -> Carrier:
    """The carrier of the given arrays: torch if any is a tensor, exact if any holds objects, else numpy."""
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(x, torch.Tensor) for x in arrays):
        return _torch()
    if any(isinstance(x, np.ndarray) and x.dtype == object for x in arrays):
        return _objects()
    return NUMPY


def by_rows(formula: Callable[..., Array], *arrays: Array) -> Array:
    """A formula that reduces the last axis, applied to blocks of rows that fit the cache (numpy floats only).

    >>> by_rows(lambda x: x.sum(-1), np.ones((5, 3)))
    array([3., 3., 3., 3., 3.])
    """
    if carrier_of(*arrays) is not NUMPY:
        return formula(*arrays)
    arrays = tuple(np.broadcast_arrays(*arrays)) if len(arrays) > 1 else arrays
    shape, k = arrays[0].shape[:-1], arrays[0].shape[-1]
    rows = [np.ascontiguousarray(x).reshape(-1, k) for x in arrays]
    step = max(1, BLOCK // k)
    with np.errstate(under="ignore"):
        blocks = [formula(*(x[i : i + step] for x in rows)) for i in range(0, max(1, len(rows[0])), step)]
    result = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return result.reshape(shape)[()]
