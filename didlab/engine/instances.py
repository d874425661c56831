"""Batches of instances, and the decision of a statement on one of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx

from ..errors import ClaimError, DidlabError
from .claim import Statement
from .kinds import Kind, Raw, Shape, all_valid
from .lifts import EXACT, FLOAT, Lift, rational
from .relations import ROUNDING, Relation, robustness, truth, within_balls

__all__ = [
    "Batch", "Decision", "Undefined", "apart", "ball_radius", "decide", "draw", "evaluate", "hypothesis_met", "lifted",
    "scan", "shapes",
]

PRECISIONS = (128, 512, 2048)
TINY = 1e-30
FLOAT_AMONG_EXACT = "a float has no exact value that you meant: write 2 * a >= b for a >= 0.5 * b, with integers"
BALLS = Lift("ball", lambda x: arb(rational(x)))  # division by zero gives a ball that decides nothing, not an exception


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

    def classes(self) -> Counter[str]:
        """How many instances there are of each hard class."""
        return Counter(str(label) for label in self.labels)


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
    valid = np.broadcast_to(all_valid(kinds, raw), (n,))
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
            relation = statement(lifted(statement.draws, raw, to))
    except ZeroDivisionError:
        raise Undefined from None
    except TypeError as e:
        if to is EXACT and "'float'" in str(e):
            raise ClaimError(FLOAT_AMONG_EXACT) from e
        missing = re.search(r"has no callable (\w+) method", str(e))  # numpy's, of a function of a flint number
        if to is not EXACT or missing is None:
            raise
        raise ClaimError(f"the check calls np.{missing[1]} on exact numbers, which numpy does not know: use a function "
                         "of didlab, or c.log, c.exp, c.sigmoid with c = didlab.testing.carrier_of(x)") from e
    if not isinstance(relation, Relation):
        got = "nothing" if relation is None else f"something of type {type(relation).__name__}"
        raise ClaimError(f"the check returned {got}, not a relation: return equal(a, b), at_least(a, b), greater(a, b) "
                         "or what joins several (didlab.testing)")
    if to is EXACT and any(isinstance(side, float) for leaf in relation.leaves() for side in (leaf.left, leaf.right)):
        raise ClaimError(FLOAT_AMONG_EXACT)
    if to is EXACT and any(_rounds(leaf) for leaf in relation.leaves()):
        raise ClaimError("the check turns exact numbers into floating-point ones, which decide nothing: compute with "
                         "didlab's functions or with + - * / on what is drawn")
    return relation


def _rounds(leaf: Relation) -> bool:
    """Whether a comparison is between computed floats alone: constants of the statement are Python's own numbers."""
    sides = [np.asarray(x) for x in (leaf.left, leaf.right)]
    computed = any(isinstance(x, np.ndarray | np.floating) and np.asarray(x).dtype.kind == "f"
                   for x in (leaf.left, leaf.right))
    return computed and not any(x.dtype == object for x in sides)


def apart(statement: Statement) -> None:
    """Raise ClaimError where what a check says of an instance changes with the others in the batch."""
    batch = draw(statement.draws, np.random.default_rng(0), 16, shapes(statement.draws)[0], plain=True)
    first = batch.take(np.arange(len(batch) // 2))
    try:
        whole, alone = (robustness(evaluate(statement, b.raw, FLOAT), True) for b in (batch, first))
        whole, alone = np.broadcast_to(whole, len(batch))[: len(first)], np.broadcast_to(alone, len(first))
        same = np.allclose(whole, alone, rtol=1e-6, atol=ROUNDING, equal_nan=True)
    except Undefined:
        return
    except ValueError as e:
        if "broadcast" not in str(e):
            raise
        same = False
    if not same:
        raise ClaimError("the check mixes the instances of a batch, whose axis comes first: reduce over the last axis "
                         "only, .sum(-1), and beside quantities without outcomes take a drawn number without its last "
                         "axis, share[..., 0]")


def scan(statement: Statement, batch: Batch) -> tuple[np.ndarray, np.ndarray, Relation]:
    """Float truth and robustness of every instance of a batch: a guide, not a decision."""
    relation = evaluate(statement, batch.raw, FLOAT)
    n = len(batch)
    return np.broadcast_to(truth(relation, True), (n,)), np.broadcast_to(robustness(relation, True), (n,)), relation


def hypothesis_met(relation: Relation, n: int) -> np.ndarray:
    """Which of n instances meet the hypothesis, as far as these numbers tell; all of them where there is none."""
    if relation.hypothesis is None:
        return np.ones(n, bool)
    return np.broadcast_to(truth(relation.hypothesis, True) >= 0, (n,))


@dataclass(frozen=True)
class Decision:
    """Truth (1, -1, 0 undecided) of a statement on one instance, how it was decided, and what was compared.

    `touched`: decided only by counting balls of a radius below 1e-30 around 0 as 0 (`relations.within_balls`).
    """

    truth: int
    level: str
    relation: Relation | None = None
    radius: float = 0.0
    undefined: bool = False
    touched: bool = False


def decide(statement: Statement, instance: Raw) -> Decision:
    """Decide a statement on one instance: exact numbers, and balls of growing precision where it leaves them."""
    decision = Decision(0, "exact")
    before = ctx.prec
    try:
        for ctx.prec in PRECISIONS:
            relation = evaluate(statement, instance, EXACT)
            radius = ball_radius(relation)
            level = "exact" if radius is None else "enclosed"
            decision = Decision(int(truth(relation, False)), level, relation, radius or 0.0)
            if decision.truth or radius is None or relation.only_equations:
                break
        if not decision.truth and decision.relation is not None and 0 < decision.radius < TINY:
            settled = within_balls(decision.relation) > 0  # it may accept an instance, never refute one
            decision = replace(decision, truth=int(settled), touched=settled)
    except Undefined:
        return _undefined(statement, instance)
    finally:
        ctx.prec = before
    return decision


def _undefined(statement: Statement, instance: Raw) -> Decision:
    """A formula divides by zero: a violation, unless the statement is true whatever the formula is worth there."""
    ctx.prec = PRECISIONS[-1]
    try:
        relation = evaluate(statement, instance, BALLS)
        if relation.hypothesis is not None and int(truth(relation, False)) == 1:
            return Decision(1, "enclosed", relation)
    except (ArithmeticError, TypeError, ValueError, DidlabError, Undefined):
        pass
    return Decision(-1, "exact", undefined=True)


def ball_radius(relation: Relation) -> float | None:
    """The largest radius of a ball among the compared numbers, relative for sizes above 1; None if all are exact."""
    radii = [
        float(x.rad()) / max(1.0, float(abs(x).upper()))
        for leaf in relation.leaves()
        for side in (leaf.left, leaf.right)
        for x in np.asarray(side, dtype=object).flat
        if isinstance(x, arb)
    ]
    return max(*radii, 1e-300) if radii else None
