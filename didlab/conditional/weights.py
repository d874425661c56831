"""Weights of rows, checked and normalised: prompts, policies and priors, zeros allowed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import broadcasts, is_tensor, log_weights, same_kind
from ..errors import ArgumentError

__all__ = ["above_0", "channel", "infinity", "mean", "over", "prior_rows", "rows"]


def over(x: Any, axes: int) -> Any:
    """A number for each instance, with axes of length 1 behind."""
    return x[(..., *(None,) * axes)] if getattr(x, "ndim", 0) else x


def above_0(x: Any) -> np.ndarray:
    """Where an array of numbers is above 0; symbols, which have no order, count as positive."""
    try:
        return np.asarray(x > 0).astype(bool)
    except TypeError:
        return np.ones(np.shape(x), dtype=bool)


def infinity(c: Any) -> Any:
    if not c.exact:
        return np.inf
    from flint import arb

    return arb("inf")


def rows(name: str, x: Any) -> Any:
    """Weights from 0, normalised over the last axis."""
    w = x if _rational(x) else log_weights(name, x)
    if is_tensor(w):
        raise ArgumentError(name, "a numpy array", "a tensor")
    try:
        negative = bool((w < 0).any())
    except TypeError:
        negative = False
    if negative:
        raise ArgumentError(name, "weights from 0", "a negative one")
    if not bool(above_0(w).any(-1).all()):
        raise ArgumentError(name, "weights of which one in each row is above 0", "a row of zeros")
    return w / w.sum(-1, keepdims=True)


def _rational(x: Any) -> bool:
    """Whether an array holds rational numbers alone, which need no further check of being numbers."""
    from flint import fmpq

    return isinstance(x, np.ndarray) and x.dtype == object and x.ndim > 0 and {*map(type, x.flat)} == {fmpq}


def channel(prompts: Any, policies: Any) -> tuple[Any, Any]:
    rho, table = rows("prompts", prompts), rows("policies", policies)
    if table.ndim < 2 or table.shape[-2] != rho.shape[-1]:
        raise ArgumentError("policies", f"of shape (..., {rho.shape[-1]}, K)", str(tuple(table.shape)))
    broadcasts("policies", table.shape, (*rho.shape, 1))
    same_kind("policies", table, "prompts", rho)
    return rho, table


def prior_rows(prior: Any, table: Any) -> Any:
    """The prior with an axis for the prompts."""
    q = rows("prior", prior)
    q = q[..., None, :] if q.ndim < table.ndim else q
    try:
        fits = q.shape[-1] == table.shape[-1] and np.broadcast_shapes(q.shape, table.shape) == table.shape
    except ValueError:
        fits = False
    if not fits:
        expected = f"of shape (..., {table.shape[-1]}) or {tuple(table.shape)}"
        raise ArgumentError("prior", expected, str(np.shape(prior)))
    same_kind("prior", q, "policies", table)
    return q


def mean(rho: Any, x: Any) -> Any:
    """The mean over prompts of positive weight: 0 times infinity does not occur."""
    on = above_0(rho)
    return np.where(on, rho * np.where(on, x, 0 * rho), 0 * rho).sum(-1)
