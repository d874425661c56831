"""Checks of hyper-parameters, shared by the files of the losses."""

from __future__ import annotations

from typing import Any

from ..arguments import number, one_of
from ..errors import ArgumentError

__all__ = ["not_negative", "one_of"]


def not_negative(name: str, x: Any) -> Any:
    """A finite number (or array of numbers) that is at least 0.

    >>> not_negative("lam", 0.5)
    0.5
    """
    number(name, x, "a finite number from 0")
    if not (bool((x >= 0).all()) if hasattr(x, "all") else x >= 0):
        raise ArgumentError(name, "a finite number from 0", str(x))
    return x
