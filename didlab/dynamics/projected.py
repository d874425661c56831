r"""The update direction of DPO-PG: the chosen gradient, projected so that the rejected does not become likelier."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..arguments import LARGEST, broadcasts, is_tensor
from ..errors import ArgumentError

__all__ = ["dpo_pg_direction"]


def dpo_pg_direction(chosen_gradient: Any, rejected_gradient: Any, *, preconditioner: Any = None) -> Any:
    r"""The DPO-PG direction: :math:`v = g_w - \frac{\max(0,\, g_w \cdot g_l)}{\|g_l\|^2}\, g_l`.

    The step is :math:`-\eta v`. v is the point nearest to :math:`g_w` in the half-space
    :math:`\{u : u \cdot g_l \le 0\}`, so that :math:`v \cdot g_w = \|v\|^2` and
    :math:`v \cdot g_l = \min(0, g_w \cdot g_l)`. An optimiser that multiplies gradients by positive numbers P (RMSprop,
    Adam) can lose the signs of both; with `preconditioner` P the projection is the one in its metric,
    :math:`v = g_w - \frac{\max(0,\, g_w^\top P g_l)}{g_l^\top P g_l}\, g_l`, and the step :math:`-\eta P v` keeps them.

    Args:
        chosen_gradient: gradient of the mean negative log-likelihood of the chosen, shape (..., D): a float array, a
            tensor, or an object array of exact numbers.
        rejected_gradient: the same for the rejected.
        preconditioner: P > 0, shape (..., D), fixed before this step; None for plain gradient descent.

    Returns:
        v, shape (..., D): what is handed to the optimiser as the gradient.

    Raises:
        ArgumentError: not arrays of finite numbers of one length, or a preconditioner that is not positive.

    >>> dpo_pg_direction([1.0, 1.0], [1.0, 0.0])
    array([0., 1.])
    >>> dpo_pg_direction([1.0, 1.0], [-1.0, 0.0])
    array([1., 1.])

    Ref: Won et al. 2025, Definition H.1.
    Convention: where :math:`g_l = 0` the printed formula is 0/0; the half-space is then everything, and v = g_w.
    """
    g_w, g_l = _gradient("chosen_gradient", chosen_gradient), _gradient("rejected_gradient", rejected_gradient)
    _matching("rejected_gradient", g_l, g_w)
    toward = _scaled(g_l)
    metric = toward
    if preconditioner is not None:
        p = _gradient("preconditioner", preconditioner)
        _matching("preconditioner", p, g_w)
        if not bool((p > 0).all()):
            raise ArgumentError("preconditioner", "positive", "an entry that is 0 or negative")
        metric = _scaled(p) * toward
    share = _positive_part((g_w * metric).sum(-1, keepdims=True)) / _or_one((toward * metric).sum(-1, keepdims=True))
    return g_w - share * toward


def _scaled(x: Any) -> Any:
    """Floats divided by the largest of them, so that squares neither overflow nor vanish: the projection stays."""
    if not is_tensor(x) and x.dtype == object:
        return x
    return x / _or_one(x.abs().amax(-1, keepdim=True) if is_tensor(x) else abs(x).max(-1, keepdims=True))


def _positive_part(x: Any) -> Any:
    """max(0, x), elementwise, for every kind of number; of a ball, a ball around all it can be."""
    if is_tensor(x):
        return x.clamp(min=0)
    if np.asarray(x).dtype != object:
        return np.maximum(x, 0)
    return np.asarray(np.frompyfunc(lambda v: v.max(0) if hasattr(v, "rad") else v if v == abs(v) else v * 0, 1, 1)(x))


def _or_one(x: Any) -> Any:
    """x, and 1 where x is 0: there the numerator is 0 too."""
    if is_tensor(x):
        return x.where(x != 0, x.new_ones(()))
    if np.asarray(x).dtype != object:
        return np.where(x != 0, x, 1.0)
    return np.asarray(np.frompyfunc(lambda v: v if v != 0 else v + 1, 1, 1)(x))


def _gradient(name: str, x: Any) -> Any:
    if is_tensor(x):
        if not x.is_floating_point():
            raise ArgumentError(name, "a floating-point tensor", f"dtype {x.dtype}")
        finite = bool(x.isfinite().all())
    else:
        given = x
        try:
            x = np.asarray(given)
        except (ValueError, TypeError, RuntimeError):
            raise ArgumentError(name, "a rectangular array of numbers", f"a ragged {type(given).__name__}") from None
        if isinstance(given, np.ma.MaskedArray):
            raise ArgumentError(name, "an array without a mask", "a masked array", "Fill it with .filled(value).")
        finite = True
        if x.dtype == object:
            if not isinstance(given, np.ndarray) or not all(map(_is_exact, {type(e) for e in x.flat})):
                raise ArgumentError(name, "an array of real numbers", f"objects such as {next(x.flat, None)!r}")
            if {type(e) for e in x.flat} == {int}:
                x = np.asarray(np.frompyfunc(Fraction, 1, 1)(x))
            finite = all(e.is_finite() for e in x.flat if hasattr(e, "rad"))
        elif x.dtype.kind not in "fiu":
            raise ArgumentError(name, "an array of real numbers", f"dtype {x.dtype}")
        else:
            x = x.astype(np.float64, copy=False)
            finite = bool(np.isfinite(x).all())
    if not x.ndim or 0 in x.shape:
        raise ArgumentError(name, "a non-empty array whose last axis holds the parameters", f"shape {tuple(x.shape)}")
    if not finite:
        raise ArgumentError(name, "finite", "a NaN or infinite entry")
    if (is_tensor(x) or x.dtype != object) and float(abs(x).max()) > LARGEST:
        raise ArgumentError(name, f"at most {LARGEST:g} in size", f"{float(abs(x).max()):g}")
    return x


def _is_exact(kind: type) -> bool:
    """Whether a type has the arithmetic of a field and does not round."""
    return not issubclass(kind, bool | float | complex | np.generic) and all(
        hasattr(kind, f"__{operation}__") for operation in ("add", "sub", "mul", "truediv", "neg")
    )


def _matching(name: str, x: Any, other: Any) -> None:
    if is_tensor(x) != is_tensor(other):
        raise ArgumentError(name, "of the same kind as the chosen gradient", "a tensor and an array together")
    if x.shape[-1] != other.shape[-1]:
        raise ArgumentError(
            name, f"over the {other.shape[-1]} parameters of the chosen gradient", f"{x.shape[-1]} parameters"
        )
    broadcasts(name, x.shape, other.shape)
