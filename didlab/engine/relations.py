r"""What a check returns: a relation between computed quantities, in three-valued logic.

A leaf compares two arrays; its truth is 1 (true), -1 (false) or 0 (not decided by these numbers). Leaves combine
elementwise (:func:`both`, :func:`implies`, ...); :func:`forall` and :func:`exists` reduce the axes of one instance.
On floats, 0 means "within rounding": only exact numbers and balls decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import exact

__all__ = [
    "Relation",
    "at_least",
    "both",
    "either",
    "equal",
    "exists",
    "forall",
    "greater",
    "iff",
    "implies",
    "negation",
    "residual",
    "robustness",
    "truth",
    "within_balls",
]

ROUNDING = 1e-9  # floats only rank candidates; a candidate becomes a counterexample by exact arithmetic


@dataclass(frozen=True)
class Relation:
    """A node: a comparison of `left` and `right`, or a connective over `parts`."""

    kind: str
    left: Any = None
    right: Any = None
    parts: tuple[Relation, ...] = ()
    label: str = ""

    def leaves(self) -> Iterator[Relation]:
        """The comparisons in the order they were written."""
        if self.parts:
            for part in self.parts:
                yield from part.leaves()
        else:
            yield self

    @property
    def only_equations(self) -> bool:
        """Whether every comparison is an equation: among floats, one within rounding may be true."""
        return all(leaf.kind == "==" for leaf in self.leaves())

    @property
    def identity(self) -> bool:
        """Whether it is a conjunction of equations: true of floats as far as rounding lets it be."""
        return self.kind == "==" or (self.kind in ("and", "forall") and all(part.identity for part in self.parts))

    @property
    def hypothesis(self) -> Relation | None:
        """The left side of an implication at the root."""
        return self.parts[0] if self.kind == "implies" else None


def equal(left: Any, right: Any, label: str = "") -> Relation:
    """The left side equals the right one, at every outcome.

    Args:
        left, right: arrays that broadcast.
        label: what is compared, for the report.

    Returns:
        the comparison, which nothing has decided yet.

    >>> int(truth(equal([1, 2], [1, 2]), False))
    1
    """
    return Relation("==", left, right, label=label)


def at_least(left: Any, right: Any, label: str = "") -> Relation:
    """The left side is at least the right one.

    Args:
        left, right: arrays that broadcast.
        label: what is compared, for the report.

    Returns:
        the comparison, which nothing has decided yet.

    >>> int(truth(at_least([1, 2], [1, 3]), False))
    -1
    """
    return Relation(">=", left, right, label=label)


def greater(left: Any, right: Any, label: str = "") -> Relation:
    """The left side is above the right one.

    Args:
        left, right: arrays that broadcast.
        label: what is compared, for the report.

    Returns:
        the comparison, which nothing has decided yet.

    >>> int(truth(greater([2, 3], [1, 2]), False))
    1
    """
    return Relation(">", left, right, label=label)


def both(*parts: Relation) -> Relation:
    """All of the parts.

    Args:
        parts: relations.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(both(greater(2, 1), greater(1, 2)), False))
    -1
    """
    return Relation("and", parts=parts)


def either(*parts: Relation) -> Relation:
    """At least one of the parts.

    Args:
        parts: relations.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(either(greater(2, 1), greater(1, 2)), False))
    1
    """
    return Relation("or", parts=parts)


def negation(part: Relation) -> Relation:
    """Not the part.

    Args:
        part: a relation.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(negation(greater(1, 2)), False))
    1
    """
    return Relation("not", parts=(part,))


def implies(hypothesis: Relation, conclusion: Relation) -> Relation:
    """The conclusion wherever the hypothesis is true; at the root, the hypothesis is counted for coverage.

    Args:
        hypothesis, conclusion: relations.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(implies(greater(1, 2), greater(2, 3)), False))
    1
    """
    return Relation("implies", parts=(hypothesis, conclusion))


def iff(left: Relation, right: Relation) -> Relation:
    """Both or neither.

    Args:
        left, right: relations.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(iff(greater(2, 1), greater(1, 2)), False))
    -1
    """
    return Relation("iff", parts=(left, right))


def forall(part: Relation) -> Relation:
    """True at every entry of the instance.

    Args:
        part: a relation between arrays.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(forall(greater([1, 2], 0)), False))
    1
    """
    return Relation("forall", parts=(part,))


def exists(part: Relation) -> Relation:
    """True at some entry of the instance.

    Args:
        part: a relation between arrays.

    Returns:
        the relation, which nothing has decided yet.

    >>> int(truth(exists(greater([1, 2], 1)), False))
    1
    """
    return Relation("exists", parts=(part,))


_UNKNOWN = 9.0
Leaf = Callable[[str, Any, Any], np.ndarray]


def truth(relation: Relation, batch: bool) -> np.ndarray:
    """Three-valued truth of each instance (one leading batch axis) or of the single instance.

    Args:
        relation: what a check returned.
        batch: whether the first axis counts instances.

    Returns:
        1 for true, -1 for false, 0 where these numbers do not decide; one for each instance.

    >>> truth(greater([[1, 2], [0, 3]], 0), True)
    array([ 1., -1.])
    """
    return _fold(relation, batch, _leaf_truth, root=True)


def within_balls(relation: Relation) -> int:
    """Truth of one instance when a ball that contains 0 counts as 0 where that is no gain for a strict comparison.

    In the place of a conclusion an unresolved `==` or `>=` is true and an unresolved `>` is unknown. In the place of a
    hypothesis (left of an implication, under a negation) every unresolved comparison stays unknown: an implication is
    then true only if its conclusion is, and never because its hypothesis might fail.

    Args:
        relation: what a check returned.

    Returns:
        1, -1, or 0 for unknown.

    >>> within_balls(at_least(1, 1))
    1
    >>> from flint import arb
    >>> near = arb(0, 1e-40)
    >>> within_balls(at_least(near, 0)), within_balls(greater(near, 0))
    (1, 0)
    >>> within_balls(implies(greater(near, 0), greater(1, 2))), within_balls(implies(greater(near, 0), greater(2, 1)))
    (0, 1)
    """
    return int(_all_axes(np.minimum, _lenient(relation, True), False))


def _lenient(r: Relation, asserted: bool) -> np.ndarray:
    """Kleene's logic with the sides kept apart: `asserted` parts are claimed, the others are assumed."""
    match r.kind:
        case "==" | ">=" | ">":
            value = _leaf_truth(r.kind, r.left, r.right)
            return np.where((value == 0) & (asserted and r.kind != ">"), 1.0, value)
        case "not":
            return -_lenient(r.parts[0], not asserted)
        case "implies":
            return _reduce(np.maximum, [-_lenient(r.parts[0], not asserted), _lenient(r.parts[1], asserted)], False)
        case "iff":
            ways = [Relation("implies", parts=parts) for parts in (r.parts, r.parts[::-1])]
            return _reduce(np.minimum, [_lenient(way, asserted) for way in ways], False)
        case "and" | "or":
            pick = np.minimum if r.kind == "and" else np.maximum
            return _reduce(pick, [_lenient(p, asserted) for p in r.parts], False)
        case _:
            pick = np.minimum if r.kind == "forall" else np.maximum
            return _all_axes(pick, _lenient(r.parts[0], asserted), False)


def robustness(relation: Relation, batch: bool) -> np.ndarray:
    """A number that is negative where the relation fails: what the optimiser makes small.

    Args:
        relation: what a check returned.
        batch: whether the first axis counts instances.

    Returns:
        one float64 for each instance.

    >>> robustness(greater([[1.0], [0.0]], [[0.0], [1.0]]), True)
    array([ 0.5, -0.5])
    """
    return _fold(relation, batch, _leaf_margin, root=True)


def residual(relation: Relation, batch: bool) -> np.ndarray:
    """Left minus right in the statement's own units, for an equation minus its size: negative where the relation fails.

    Of several comparisons it is the one that decides: the smallest of those that must all be true, the largest of those
    of which one is enough.

    Args:
        relation: what a check returned for floats.
        batch: whether the first axis counts instances.

    Returns:
        one float64 for each instance; nan where a side is not defined.

    >>> residual(greater([[3.0], [1.0]], [[1.0], [3.0]]), True)
    array([ 2., -2.])
    """
    return _fold(relation, batch, _leaf_residual, root=True)


def _fold(r: Relation, batch: bool, leaf: Leaf, root: bool = False) -> np.ndarray:
    if r.kind in ("==", ">=", ">"):
        value = leaf(r.kind, r.left, r.right)
    else:
        values = [_fold(p, batch, leaf) for p in r.parts]
        match r.kind:
            case "and":
                value = _reduce(np.minimum, values, batch)
            case "or":
                value = _reduce(np.maximum, values, batch)
            case "not":
                value = -values[0]
            case "implies":
                value = _reduce(np.maximum, [-values[0], values[1]], batch)
            case "iff":
                a, b = values
                forward, back = _reduce(np.maximum, [-a, b], batch), _reduce(np.maximum, [a, -b], batch)
                value = _reduce(np.minimum, [forward, back], batch)
            case "forall":
                value = _all_axes(np.minimum, values[0], batch)
            case _:
                value = _all_axes(np.maximum, values[0], batch)
    return _all_axes(np.minimum, value, batch) if root else value


def _reduce(pick: Any, values: list[np.ndarray], batch: bool) -> np.ndarray:
    result = values[0]
    for v in values[1:]:
        gap = result.ndim - v.ndim
        lead = 1 if batch else 0
        if gap > 0:
            v = v.reshape(*v.shape[:lead], *(1,) * gap, *v.shape[lead:])
        elif gap < 0:
            result = result.reshape(*result.shape[:lead], *(1,) * -gap, *result.shape[lead:])
        result = pick(result, v)
    return result


def _all_axes(pick: Any, value: np.ndarray, batch: bool) -> np.ndarray:
    axes = tuple(range(1 if batch else 0, value.ndim))
    return pick.reduce(value, axis=axes) if axes else value


def _leaf_truth(kind: str, left: Any, right: Any) -> np.ndarray:
    a, b = np.asarray(left), np.asarray(right)
    if a.dtype == object or b.dtype == object or (a.dtype.kind in "iub" and b.dtype.kind in "iub"):
        signs = np.asarray(_sign(_difference(a, b)), dtype=np.float64)
        return np.asarray(_from_sign(kind, signs))
    gap, scale = _float_gap(a, b)
    signs = np.where((gap != 0) & ~(np.abs(gap) > ROUNDING * scale), _UNKNOWN, np.sign(np.nan_to_num(gap)))
    return _from_sign(kind, signs)


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a.astype(object) - b.astype(object), dtype=object)


def _float_gap(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(a - b, dtype=np.float64), 1.0 + np.abs(a) + np.abs(b)


def _leaf_margin(kind: str, left: Any, right: Any) -> np.ndarray:
    gap, scale = _float_gap(np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        margin = np.nan_to_num(gap / scale, nan=0.0)
    return -np.abs(margin) if kind == "==" else margin


def _leaf_residual(kind: str, left: Any, right: Any) -> np.ndarray:
    gap, _ = _float_gap(np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64))
    return 0 - np.abs(gap) if kind == "==" else gap


def _from_sign(kind: str, signs: np.ndarray) -> np.ndarray:
    unknown = signs == _UNKNOWN
    match kind:
        case "==":
            value = np.where(signs == 0, 1.0, -1.0)
        case ">=":
            value = np.where(signs >= 0, 1.0, -1.0)
        case _:
            value = np.where(signs > 0, 1.0, -1.0)
    return np.where(unknown, 0.0, value)


def _sign_of(x: Any) -> float:
    if isinstance(x, exact.arb):
        return (1.0 if x > 0 else -1.0) if not x.contains(0) else 0.0 if x == 0 else _UNKNOWN
    if isinstance(x, bool | np.bool_ | int | float | np.integer | np.floating):
        return float(x > 0) - float(x < 0)
    if isinstance(x, exact.Ratio) or (isinstance(x, exact.LogForm) and x.symbolic):
        return 0.0 if exact.is_zero(x) else _UNKNOWN
    return float(exact.sign(x))


_sign = np.frompyfunc(_sign_of, 1, 1)
