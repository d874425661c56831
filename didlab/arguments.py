"""Checks of the arguments of public functions: a clear error that names the argument, before anything is computed."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np

from .errors import ArgumentError

__all__ = ["log_weights", "number", "positive", "same_outcomes", "whole"]


def log_weights(name: str, x: Any) -> Any:
    """An array of finite logits or log-probabilities, outcomes on the last axis; tensors and exact arrays pass."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        if not x.is_floating_point():
            raise ArgumentError(name, "a floating-point tensor", f"dtype {x.dtype}")
        _shape(name, tuple(x.shape))
        if not bool(torch.isfinite(x).all()):
            raise ArgumentError(name, "finite", "a NaN or infinite entry", "Policies need full support.")
        return x
    try:
        array = np.asarray(x)
    except ValueError:
        raise ArgumentError(name, "a rectangular array of numbers", "rows of different lengths") from None
    _shape(name, array.shape)
    if array.dtype == object:
        if isinstance(x, np.ndarray) and not any(e is None or isinstance(e, str) for e in array.flat):
            return array
        raise ArgumentError(name, "an array of numbers", f"an array of {type(array.flat[0]).__name__}")
    if array.dtype.kind not in "fiu":
        raise ArgumentError(name, "an array of real numbers", f"dtype {array.dtype}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ArgumentError(name, "finite", "a NaN or infinite entry", "Policies need full support.")
    return array


def _shape(name: str, shape: tuple[int, ...]) -> None:
    if not shape or 0 in shape:
        raise ArgumentError(name, "a non-empty array whose last axis holds the outcomes", f"shape {shape}")


def same_outcomes(**arrays: Any) -> None:
    """The arrays have equally many outcomes and batch axes that broadcast."""
    (first, a), *rest = arrays.items()
    for name, b in rest:
        if a.shape[-1] != b.shape[-1]:
            raise ArgumentError(name, f"over the {a.shape[-1]} outcomes of `{first}`", f"{b.shape[-1]} outcomes")
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ArgumentError(name, f"of a shape that broadcasts with {tuple(a.shape)}", str(tuple(b.shape))) from None


def number(name: str, x: Any, expected: str = "a finite number") -> Any:
    """A finite real number, an exact number, or an array of them (a hyper-parameter with batch axes)."""
    if isinstance(x, bool | str | bytes) or x is None:
        raise ArgumentError(name, expected, repr(x))
    if isinstance(x, numbers.Real | np.ndarray) and not (isinstance(x, np.ndarray) and x.dtype == object):
        array = np.asarray(x)
        if array.dtype.kind not in "fiu" and not isinstance(x, numbers.Rational):
            raise ArgumentError(name, expected, f"dtype {array.dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArgumentError(name, expected, str(x))
    elif isinstance(x, complex | dict | list | tuple | set):
        raise ArgumentError(name, expected, repr(x))
    return x


def positive(name: str, x: Any, expected: str = "a finite number above 0") -> Any:
    """A number above 0."""
    number(name, x, expected)
    from .exact import Exponent

    if isinstance(x, Exponent):
        return x
    ok = x > 0
    if not (bool(ok.all()) if hasattr(ok, "all") else bool(ok)):
        raise ArgumentError(name, expected, str(x))
    return x


def whole(name: str, x: Any, low: int, high: int | None = None) -> Any:
    """An integer, or an integer array, in [low, high)."""
    array = np.asarray(x)
    bounds = f"an integer from {low}" + ("" if high is None else f" to {high - 1}")
    if array.dtype.kind not in "iu":
        raise ArgumentError(name, bounds, repr(x) if np.ndim(x) == 0 else f"dtype {array.dtype}")
    if array.size and (array.min() < low or (high is not None and array.max() >= high)):
        raise ArgumentError(name, bounds, str(x))
    return array
