"""Checks of the arguments of public functions: a clear error that names the argument, before anything is computed."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from .errors import ArgumentError, DidlabError

__all__ = [
    "broadcasts", "combining", "flag", "floats", "hyper", "instance", "log_weights", "naming", "number", "one_of",
    "one_positive", "one_whole", "per_policy", "positive", "rectangular", "same_kind", "same_outcomes", "several",
    "whole",
]

LARGEST = 1e100  # larger numbers are refused: their products would overflow
SUPPORT = "Policies need full support."


def log_weights(name: str, x: Any) -> Any:
    """An array of finite logits or log-probabilities, outcomes on the last axis; tensors and exact arrays pass."""
    if is_tensor(x):
        return _tensor(name, x)
    array = rectangular(name, x)
    _shape(name, array.shape)
    if array.dtype == object:
        if isinstance(x, np.ndarray):
            _check_exact(name, array)
            return array
        first = array.flat[0]
        hint = "Exact numbers come in np.array(..., dtype=object)." if is_rational(first) else ""
        raise ArgumentError(name, "an array of numbers", f"an array of {type(first).__name__}", hint)
    if array.dtype.kind not in "fiu":
        raise ArgumentError(name, "an array of real numbers", f"dtype {array.dtype}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ArgumentError(name, "finite", "a NaN or infinite entry", SUPPORT)
    if np.abs(array).max() > LARGEST:
        raise ArgumentError(name, f"at most {LARGEST:g} in size", f"{np.abs(array).max():g}")
    return array


def floats(name: str, x: Any) -> np.ndarray:
    """The same, of floats alone: no tensor and no exact numbers."""
    array = log_weights(name, x)
    if _kind(name, array) != "float64":
        raise ArgumentError(name, "a numpy array of floats", f"of the kind {_kind(name, array)}")
    return array


def is_tensor(x: Any) -> bool:
    """Whether x is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _tensor(name: str, x: Any) -> Any:
    torch = sys.modules["torch"]
    if x.dtype not in (torch.float32, torch.float64):
        raise ArgumentError(name, "a float32 or float64 tensor", f"dtype {x.dtype}", "Convert it with .float().")
    if x.layout != torch.strided:
        raise ArgumentError(name, "a dense tensor", f"layout {x.layout}")
    _shape(name, tuple(x.shape))
    largest = float(x.detach().abs().max())
    if not math.isfinite(largest):
        raise ArgumentError(name, "finite", "a NaN or infinite entry", SUPPORT)
    limit = min(LARGEST, torch.finfo(x.dtype).max ** 0.5 / 16)
    if largest > limit:
        raise ArgumentError(name, f"at most {limit:.0e} in size", f"{largest:g}")
    return x


def rectangular(name: str, x: Any) -> np.ndarray:
    if isinstance(x, np.ma.MaskedArray):
        raise ArgumentError(name, "an array without a mask", "a masked array", "Fill it with .filled(value).")
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError, OverflowError):
        raise ArgumentError(name, "a rectangular array of numbers", f"a ragged {type(x).__name__}") from None


def _shape(name: str, shape: tuple[int, ...]) -> None:
    if not shape or 0 in shape:
        raise ArgumentError(name, "a non-empty array whose last axis holds the outcomes", f"shape {shape}")


def is_rational(x: Any) -> bool:
    """An integer or a fraction, of Python, numpy or flint; not a boolean."""
    from flint import fmpq, fmpz

    return isinstance(x, numbers.Rational | fmpz | fmpq) and not isinstance(x, bool)


def _is_number(x: Any) -> bool:
    """A ball, an exact number, or any object with the arithmetic of a field; not a float, which would round."""
    from flint import acb

    if isinstance(x, bool | np.generic | np.ndarray | acb) or is_tensor(x):
        return isinstance(x, np.integer)
    if isinstance(x, numbers.Number):
        return isinstance(x, numbers.Rational)
    return all(hasattr(x, f"__{operation}__") for operation in ("add", "sub", "mul", "truediv", "neg"))


def _check_exact(name: str, array: np.ndarray) -> None:
    """Balls, exact numbers and formal exponents: they go together, exact ones staying exact."""
    from flint import arb, fmpq

    from .exact import Exponent, LogForm

    for e in array.flat:
        if type(e) in (fmpq, LogForm):  # nearly all of them
            continue
        if isinstance(e, arb) and not e.is_finite():
            raise ArgumentError(name, "finite", f"a ball {e}", SUPPORT)
        if not isinstance(e, arb | Exponent) and not _is_number(e):
            raise ArgumentError(name, "an object array of balls or exact numbers", f"an element {e!r}")


def _kind(name: str, x: Any) -> str:
    if is_tensor(x):
        return f"tensor on {x.device}"
    return "exact" if x.dtype == object else "float64"


def same_outcomes(**arrays: Any) -> None:
    """The arrays have equally many outcomes, batch axes that broadcast, and one kind of numbers."""
    (first, a), *rest = arrays.items()
    for name, b in rest:
        if a.shape[-1] != b.shape[-1]:
            raise ArgumentError(name, f"over the {a.shape[-1]} outcomes of `{first}`", f"{b.shape[-1]} outcomes")
        broadcasts(name, b.shape, a.shape)
        same_kind(name, b, first, a)
    broadcasts([*arrays][-1], *(x.shape for x in reversed(arrays.values())))


def broadcasts(name: str, shape: Any, *others: Any) -> tuple[int, ...]:
    """The shape of an array and the others together."""
    try:
        return np.broadcast_shapes(shape, *others)
    except ValueError:
        expected = f"of a shape that broadcasts with {' and '.join(str(tuple(other)) for other in others)}"
        raise ArgumentError(name, expected, str(tuple(shape))) from None


def same_kind(name: str, b: Any, first: str, a: Any) -> None:
    """One kind of numbers for two arguments: float64, tensors on one device, or exact numbers and balls."""
    kind, other = _kind(first, a), _kind(name, b)
    if other != kind:
        raise ArgumentError(name, f"of the kind of `{first}` ({kind})", other)


def number(name: str, x: Any, expected: str = "a finite number") -> Any:
    """A finite real number, an exact number, or an array of them (a hyper-parameter with batch axes)."""
    if is_tensor(x):
        real = x.numel() > 0 and not x.is_complex() and str(x.dtype) != "torch.bool"
        if not real or not bool(abs(x.detach()).max() <= LARGEST):
            raise ArgumentError(name, expected, f"a tensor of shape {tuple(x.shape)} and dtype {x.dtype}")
    elif isinstance(x, np.ndarray) and x.dtype == object:
        if not x.size:
            raise ArgumentError(name, expected, "an empty array")
        _check_exact(name, x)
    elif isinstance(x, np.ndarray | numbers.Real) and not isinstance(x, bool | np.ma.MaskedArray):
        if isinstance(x, np.ndarray) and (x.dtype.kind not in "fiu" or not x.size):
            raise ArgumentError(name, expected, f"an array of shape {x.shape} and dtype {x.dtype}")
        rational = isinstance(x, numbers.Rational)
        size: Any = abs(x if rational else np.asarray(x, dtype=np.longdouble))
        if not np.all(size <= (Fraction(LARGEST) if rational else np.longdouble(LARGEST))):
            raise ArgumentError(name, f"{expected}, at most {LARGEST:g} in size", str(x))
    else:
        _exact_number(name, x, expected)
    return x


def _exact_number(name: str, x: Any, expected: str) -> None:
    from flint import arb

    from .exact import Exponent

    if not (x.is_finite() if isinstance(x, arb) else isinstance(x, Exponent) or _is_number(x)):
        raise ArgumentError(name, expected, repr(x))


def positive(name: str, x: Any, expected: str = "a finite number above 0") -> Any:
    """A number above 0; a symbol, which has no order, counts as positive."""
    number(name, x, expected)

    def above(v: Any) -> bool:
        return not _ordered(v) or bool(v > 0)

    if isinstance(x, np.ndarray) and x.dtype == object:
        ok = all(above(v) for v in x.flat)
    else:
        ok = bool((x > 0).all()) if isinstance(x, np.ndarray) or is_tensor(x) else above(x)
    if not ok:
        raise ArgumentError(name, expected, str(x))
    small = isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind == "f"
    if small and np.any(np.asarray(x, dtype=np.longdouble) < 1 / LARGEST):
        raise ArgumentError(name, f"{expected}, at least {1 / LARGEST:g}", str(x))
    return x


def one_positive(name: str, x: Any) -> float:
    """One number above 0, as a float."""
    if np.shape(positive(name, x)):
        raise ArgumentError(name, "one number above 0", f"shape {tuple(np.shape(x))}")
    return float(x)


def _ordered(v: Any) -> bool:
    try:
        bool(v > 0)
    except TypeError:
        return False
    return True


def hyper(name: str, x: Any, policy: Any, expected: str = "a finite number above 0") -> Any:
    """A positive hyper-parameter that fits a policy: a scalar, or an array whose last axis has one entry."""
    return per_policy(name, positive(name, x, expected), policy)


def per_policy(name: str, x: Any, *policies: Any) -> Any:
    """A number, or an array whose last axis has one entry; as float64 where the policies are numpy floats."""
    shape, shapes = tuple(getattr(x, "shape", ())), [tuple(p.shape) for p in policies]
    try:
        fits = not shape or (shape[-1] == 1 and bool(np.broadcast_shapes(shape, *shapes)))
    except ValueError:
        fits = False
    if not fits:
        raise ArgumentError(name, f"a number, or of shape (..., 1) that broadcasts with {shapes[0]}", str(shape))
    if _kind("policy", policies[0]) == "float64" and not is_tensor(x):
        with combining(name):
            return np.asarray(x, dtype=np.float64)[()] if shape else float(x)
    return x


@contextmanager
def combining(name: str) -> Iterator[None]:
    """Turns a failure to combine two kinds of numbers into an error that names the argument."""
    try:
        yield
    except DidlabError:
        raise
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, RuntimeError) as failure:
        expected = "of a kind of numbers that goes with the other arguments"
        hint = "Use float64 arrays, tensors on one device, balls, or exact numbers throughout."
        raise ArgumentError(name, expected, str(failure), hint) from failure


def whole(name: str, x: Any, low: int, high: int | None = None) -> Any:
    """An integer, or an integer array, in [low, high)."""
    array = rectangular(name, x.detach().cpu() if is_tensor(x) else x)
    bounds = f"an integer from {low}" + ("" if high is None else f" to {high - 1}")
    if array.dtype.kind not in "iu":
        raise ArgumentError(name, bounds, repr(x) if array.ndim == 0 else f"dtype {array.dtype}")
    if array.size and (array.min() < low or (high is not None and array.max() >= high)):
        raise ArgumentError(name, bounds, str(x))
    return array


def one_whole(name: str, x: Any, low: int, high: int | None = None) -> int:
    """One integer in [low, high)."""
    found = whole(name, x, low, high)
    if found.ndim:
        raise ArgumentError(name, "one integer, not an array of them", f"shape {found.shape}")
    return int(found)


def flag(name: str, x: Any) -> bool:
    """True or False, and no other value that counts as one of them."""
    if not isinstance(x, bool | np.bool_):
        raise ArgumentError(name, "True or False", _brief(x))
    return bool(x)


def one_of(name: str, x: Any, options: tuple[str, ...]) -> str:
    """One of the named options.

    >>> one_of("convention", "paper", ("paper", "trl"))
    'paper'
    """
    if not isinstance(x, str) or x not in options:
        raise ArgumentError(name, f"one of {', '.join(options)}", _brief(x))
    return x


def instance(name: str, x: Any, kind: Any, expected: str, hint: str = "") -> Any:
    """An object of a class, or of one of several."""
    if not isinstance(x, kind):
        raise ArgumentError(name, expected, _brief(x), hint)
    return x


def several(name: str, x: Any, kind: Any, expected: str, hint: str = "") -> list[Any]:
    """A sequence of objects of a class, or of `object` for any, as a list."""
    try:
        found: list[Any] = list(x)
    except TypeError:
        raise ArgumentError(name, expected, _brief(x), hint) from None
    for one in found if kind is not object else ():
        instance(name, one, kind, expected, hint)
    return found


def _brief(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else f"{text[:57]}..."


@contextmanager
def naming(**names: str) -> Iterator[None]:
    """Errors about arguments of an inner function carry the names that the outer one has for them."""
    try:
        yield
    except ArgumentError as error:
        if error.name not in names:
            raise
        raise ArgumentError(names[error.name], error.expected, error.got, error.hint) from None
