"""What every kind of object has: its integer arrays, how a batch is drawn, and how an instance is lifted."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import weights
from ..lifts import Lift

__all__ = ["Field", "Kind", "Raw", "Rng", "Shape", "all_valid", "few", "indeterminates", "instance_fields"]

Raw = dict[str, np.ndarray]
Shape = Mapping[str, int]
Rng = np.random.Generator


@dataclass(frozen=True)
class Field:
    """One integer array of an instance: its axes (names of sizes, or lengths), its range and its simplest entry."""

    name: str
    axes: tuple[str | int, ...]
    low: int = 1
    high: int = weights.HIGH
    simplest: int = 1
    continuous: bool = True

    def shape(self, shape: Shape) -> tuple[int, ...]:
        return tuple(shape[a] if isinstance(a, str) else a for a in self.axes)


class Kind:
    """Base of the kinds: what differs is `fields`, `draw` and `lift`."""

    fields: tuple[Field, ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = {}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        """A batch of n, and the hard class of each."""
        raise NotImplementedError

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        """A batch of n ordinary ones: what an unprepared reader would try."""
        return {
            f.name: np.minimum(weights.ordinary(rng, n, int(np.prod(f.shape(shape)))), f.high).reshape(
                n, *f.shape(shape))
            for f in self.fields
        }

    def valid(self, raw: Raw) -> np.ndarray:
        """Which instances are of this kind at all (what a shrinking step must keep)."""
        ok: Any = True
        for f in self.fields:
            x = raw[f.name]
            inside = (x >= f.low) & (x <= f.high)
            ok = ok & inside.reshape(*x.shape[: x.ndim - len(f.axes)], -1).all(-1)
        return np.asarray(ok)

    def repaired(self, raw: Raw) -> Raw:
        """Arrays of this kind near any in the ranges of its fields: what the optimiser moves is put in order."""
        return {}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        """The arguments of a check."""
        raise NotImplementedError


def few(kind: Kind, **sizes: tuple[int, ...]) -> Kind:
    """The same kind of objects at other sizes.

    >>> from didlab.engine.kinds import Policies
    >>> few(Policies("policy"), K=(2, 3)).sizes
    {'K': (2, 3)}
    """
    smaller = copy.copy(kind)
    smaller.sizes = {**kind.sizes, **sizes}
    return smaller


def instance_fields(kinds: Iterable[Kind]) -> dict[str, Field]:
    """All arrays of an instance by name."""
    return {f.name: f for kind in kinds for f in kind.fields}


def all_valid(kinds: Iterable[Kind], raw: Raw) -> np.ndarray:
    """Which instances are of every kind."""
    return np.asarray(np.logical_and.reduce([kind.valid(raw) for kind in kinds]))


def indeterminates(kinds: Iterable[Kind], shape: Shape) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays that become independent indeterminates in a proof at this size."""
    shapes: dict[str, tuple[int, ...]] = {}
    for kind in kinds:
        shapes |= {f.name: f.shape(shape) for f in kind.fields if f.continuous}
        extra = getattr(kind, "symbolic_extra", None)
        if extra:
            shapes |= extra(shape)
    return shapes
