"""Batches of instances, and the decision of a statement on one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx

from ..exact import NotExact
from .claim import Statement
from .kinds import Kind, Raw, Shape, instance_fields
from .lifts import BALL, EXACT, FLOAT, Lift
from .relations import Relation, robustness, truth

__all__ = ["Batch", "Decision", "Undefined", "decide", "draw", "evaluate", "lifted", "scan", "shapes"]

PRECISIONS = (128, 512, 2048)


class Undefined(Exception):
    """A formula of the statement divides by zero here."""


@dataclass(frozen=True)
class Batch:
    """n instances of one shape, with the hard class of each."""

    raw: Raw
    labels: np.ndarray
    shape: Shape

    def __len__(self) -> int:
        return len(self.labels)

    def one(self, i: int) -> Raw:
        return {name: x[i] for name, x in self.raw.items()}

    def take(self, index: np.ndarray) -> Batch:
        return Batch({name: x[index] for name, x in self.raw.items()}, self.labels[index], self.shape)


def shapes(kinds: tuple[Kind, ...], largest: int = 5) -> list[dict[str, int]]:
    """Every combination of sizes the kinds allow, smallest first."""
    sizes: dict[str, tuple[int, ...]] = {}
    for kind in kinds:
        for name, values in kind.sizes.items():
            sizes[name] = tuple(v for v in values if v <= largest)
    grid = [dict(zip(sizes, values, strict=True)) for values in product(*sizes.values())]
    return sorted(grid, key=lambda s: (sum(s.values()), tuple(s.values())))


def draw(kinds: tuple[Kind, ...], rng: np.random.Generator, n: int, shape: Shape, *, plain: bool = False) -> Batch:
    """A batch of instances; `plain` ones are what an unprepared reader would try."""
    raw: Raw = {}
    labels = np.full(n, "", dtype=object)
    for kind in kinds:
        if plain:
            raw |= kind.plain(rng, n, shape)
            continue
        part, names = kind.draw(rng, n, shape, list(raw.values()))
        raw |= part
        labels = np.where(names == "ordinary", labels, names)
    valid = np.broadcast_to(np.logical_and.reduce([k.valid(raw) for k in kinds]), (n,))
    keep = np.flatnonzero(valid)
    return Batch(raw, np.where(labels == "", "ordinary", labels), shape).take(keep)


def lifted(kinds: tuple[Kind, ...], raw: Raw, to: Lift) -> dict[str, Any]:
    """The arguments of a check, as one kind of number."""
    arguments: dict[str, Any] = {}
    for kind in kinds:
        arguments |= kind.lift(raw, to)
    return arguments


def evaluate(statement: Statement, raw: Raw, to: Lift) -> Relation:
    """The relation of a statement on one instance or a batch."""
    try:
        with np.errstate(all="ignore"):
            return statement(lifted(statement.draws, raw, to))
    except ZeroDivisionError:
        raise Undefined from None


def scan(statement: Statement, batch: Batch) -> tuple[np.ndarray, np.ndarray, Relation]:
    """Float truth and robustness of every instance of a batch: a guide, not a decision."""
    relation = evaluate(statement, batch.raw, FLOAT)
    n = len(batch)
    return np.broadcast_to(truth(relation, True), (n,)), np.broadcast_to(robustness(relation, True), (n,)), relation


@dataclass(frozen=True)
class Decision:
    """Truth (1, -1, 0 undecided) of a statement on one instance, how it was decided, and what was compared."""

    truth: int
    level: str
    relation: Relation | None = None
    radius: float = 0.0
    undefined: bool = False
    met: bool = True


def decide(statement: Statement, instance: Raw) -> Decision:
    """Exact numbers if the statement stays among them, else balls of growing precision."""
    try:
        relation = evaluate(statement, instance, EXACT)
        return Decision(int(truth(relation, False)), "exact", relation, met=_met(relation))
    except Undefined:
        return Decision(-1, "exact", undefined=True)
    except NotExact:
        pass
    decision = Decision(0, "enclosed")
    before = ctx.prec
    try:
        for ctx.prec in PRECISIONS:
            relation = evaluate(statement, instance, BALL)
            value, radius = int(truth(relation, False)), _radius(relation)
            decision = Decision(value, "enclosed", relation, radius, met=_met(relation))
            if value or (radius is not None and _equalities_only(relation)):
                break
    finally:
        ctx.prec = before
    return decision


def _met(relation: Relation) -> bool:
    return relation.hypothesis is None or int(truth(relation.hypothesis, False)) >= 0


def _equalities_only(relation: Relation) -> bool:
    return all(leaf.kind == "==" for leaf in relation.leaves())


def _radius(relation: Relation) -> float:
    """The largest radius of a difference in the relation's comparisons."""
    worst = 0.0
    for leaf in relation.leaves():
        gap = np.asarray(np.asarray(leaf.left, dtype=object) - np.asarray(leaf.right, dtype=object), dtype=object)
        for x in gap.flat:
            if isinstance(x, arb):
                worst = max(worst, float(x.rad()))
    return worst


def outcomes(kinds: tuple[Kind, ...], raw: Raw) -> Iterator[tuple[str, int]]:
    """The named sizes of one instance."""
    for f in instance_fields(kinds).values():
        for axis, length in zip(f.axes, raw[f.name].shape, strict=True):
            if isinstance(axis, str):
                yield axis, length
