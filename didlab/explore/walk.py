"""Away from a counterexample: the instances on a line to another one, each with the claim's own residual."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.claim import Claim, Statement
from ..engine.instances import Decision, Undefined, decide, draw, evaluate, hypothesis_met, lifted
from ..engine.kinds import (
    Field,
    Integers,
    Kind,
    Mixed,
    PowerLaw,
    Raw,
    Tempered,
    all_valid,
    instance_fields,
)
from ..engine.lifts import EXACT, FLOAT
from ..engine.log_probabilities import Lengths
from ..engine.measured import MeasuredClaim
from ..engine.relations import Relation, residual, truth
from ..engine.token_pairs import NotNegative, TokenWeights
from ..errors import ArgumentError, DidlabError

__all__ = [
    "DECIDED", "ENDS", "FALSE", "OUTSIDE", "SILENT", "TRUE", "Curve", "away", "between", "conclusion", "curve",
    "floats", "measures", "movable", "numbers", "read", "start", "valid", "written",
]

DECIDED = "statement (1 true, -1 false, 0 open)"
OUTSIDE = "of the kind that the statement is about (0 no)"

TRUE, FALSE, SILENT = "true", "false", "without a say"
ENDS = ("ordinary", "uniform")
TRIED = 256  # ordinary instances among which the far end is looked for
WIDE = 10**9  # what a person may type, either side of 0

# Whole by meaning: between 2 and 3 tokens there is nothing.
WHOLE: tuple[type[Kind], ...] = (Integers, Lengths)
# Quantities all the same, although a proof does not take them for indeterminates.
QUANTITIES: tuple[type[Kind], ...] = (Tempered, Mixed, PowerLaw, NotNegative, TokenWeights)


def movable(statement: Statement) -> dict[str, Field]:
    """The numbers of an instance that can be moved little by little, by name; tokens, pairs and counts cannot."""
    return {f.name: f for kind in statement.draws for f in kind.fields if _moves(kind, f)}


def _moves(kind: Kind, f: Field) -> bool:
    kind = getattr(kind, "inner", kind)
    return isinstance(kind, QUANTITIES) or (f.continuous and not isinstance(kind, WHOLE))


def start(claim: Claim, certificate: Mapping[str, Any] | None) -> Raw | None:
    """The stored counterexample; without one an ordinary instance; None for a claim about training runs."""
    if isinstance(claim, MeasuredClaim):
        return None
    if certificate is not None:
        return _fractions(claim.printed, {n: np.array(x) for n, x in certificate["instance"].items()})
    sizes = {a: v for kind in claim.printed.draws for a, v in kind.sizes.items()}
    middle = {a: v[len(v) // 2] for a, v in sizes.items()}
    return _ordinary(claim.printed, middle, {}, 0)


def away(statement: Statement, near: Raw, to: str, seed: int) -> Raw:
    """The other end of the line: an ordinary instance, if possible one where the statement is true, or uniform weights.

    Raises:
        ArgumentError: the instance has no weights that could be made equal.
    """
    if to == "ordinary":
        shape = {
            a: near[f.name].shape[i]
            for f in instance_fields(statement.draws).values()
            for i, a in enumerate(f.axes)
            if isinstance(a, str)
        }
        kept = {name: x for name, x in near.items() if name not in movable(statement)}
        found = _ordinary(statement, shape, kept, seed)
        return near if found is None else {n: _alike(statement, near, n, x) for n, x in found.items()}
    flat = {n: np.full(near[n].shape, Fraction(1)) for n, f in movable(statement).items() if _weights(f)}
    far = {n: _alike(statement, near, n, x) for n, x in (near | flat).items()}
    if not flat or not valid(statement, far):
        raise ArgumentError("to", "ordinary: this statement speaks of no uniform policy", repr(to))
    return far


def _ordinary(statement: Statement, shape: Mapping[str, int], kept: Raw, seed: int) -> Raw | None:
    """An ordinary instance with `kept` in it, if possible one that meets the hypotheses and where all is true."""
    batch = draw(statement.draws, np.random.default_rng(seed), TRIED, shape, plain=True)
    n = len(batch)
    raw = batch.raw | {name: np.broadcast_to(x, (n, *x.shape)) for name, x in kept.items()}
    fits = np.flatnonzero(np.broadcast_to(all_valid(statement.draws, raw), (n,)))
    if not len(fits):
        return None
    raw = {name: x[fits] for name, x in raw.items()}
    try:
        relation = evaluate(statement, raw, FLOAT)
        met = hypothesis_met(relation, len(fits))
        true = np.broadcast_to(truth(conclusion(relation), True), (len(fits),)) > 0
        best = int(np.argmax(2 * met + true))
    except (Undefined, DidlabError, ArithmeticError, ValueError, TypeError, IndexError):
        best = 0
    return _fractions(statement, {name: x[best] for name, x in raw.items()})


def _weights(f: Field) -> bool:
    """Whether a field is a table of weights, and neither a ratio nor a vector of any sign."""
    return f.low >= 0 and isinstance(f.axes[-1], str)


def _fractions(statement: Statement, raw: Raw) -> Raw:
    moved = movable(statement)
    return {n: _fraction(x) if n in moved else np.asarray(x, np.int64) for n, x in raw.items()}


def _fraction(x: np.ndarray) -> np.ndarray:
    return np.array([Fraction(int(v)) for v in x.flat], dtype=object).reshape(x.shape)


def _alike(statement: Statement, near: Raw, name: str, far: np.ndarray) -> np.ndarray:
    """The same object as `far`, written so that the straight line of the integers is one of the object.

    Ratios get the denominator of the near one; the rows of weights of distributions get the sums of the near ones.
    """
    field, at = movable(statement).get(name), near[name]
    if field is None:
        return far
    if field.axes[-1] == 2:
        return far * at[..., 1:] / far[..., 1:]
    if _weights(field) and np.all(at.sum(-1) > 0) and np.all(far.sum(-1) > 0) and _scales(statement, near, name):
        return far * at.sum(-1, keepdims=True) / far.sum(-1, keepdims=True)
    return far


def _scales(statement: Statement, raw: Raw, name: str) -> bool:
    """Whether the factor of a row of weights is of no matter."""
    kind = next(k for k in statement.draws if name in (f.name for f in k.fields))
    x = raw[name]
    factors = 2 + np.arange(x[..., 0].size).reshape(*x.shape[:-1], 1)
    before, after = (lifted((kind,), r, EXACT) for r in (raw, raw | {name: x * factors}))
    return all(bool(np.all(np.asarray(before[n] == after[n]))) for n in before)


def between(near: Raw, far: Raw, t: float) -> Raw:
    """The instance at t of the line, exactly; t = 0 is the near end.

    >>> between({"p": np.array([Fraction(1), Fraction(3)])}, {"p": np.array([Fraction(2), Fraction(2)])}, 0.5)
    {'p': array([Fraction(3, 2), Fraction(5, 2)], dtype=object)}
    """
    part = Fraction(str(t))
    return {n: (1 - part) * x + part * far[n] if x.dtype == object else x for n, x in near.items()}


def floats(raw: Raw) -> Raw:
    """The instance in float64; what is whole stays so."""
    return {n: x.astype(np.float64) if x.dtype == object else x for n, x in raw.items()}


def conclusion(relation: Relation) -> Relation:
    """What is claimed, without the hypotheses."""
    return relation.parts[1] if relation.kind == "implies" else relation


@dataclass(frozen=True)
class Curve:
    """The residual along a line of instances.

    Attributes:
        t: where on the line, from 0 to 1.
        residual: of the conclusion, below 0 where it is false; nan where it is not defined.
        true: whether the conclusion is true.
        met: whether the instance is of the statement's kind and meets the hypotheses.
        label: what is compared, where that is one thing.
    """

    t: np.ndarray
    residual: np.ndarray
    true: np.ndarray
    met: np.ndarray
    label: str

    @property
    def said(self) -> np.ndarray:
        """At each point: the statement is true, false, or its hypotheses fail."""
        return np.where(~self.met, SILENT, np.where(self.true, TRUE, FALSE))


def curve(statement: Statement, near: Raw, far: Raw, t: Sequence[float] | np.ndarray) -> Curve:
    """The residual at many points of a line, by the check that the engine runs.

    In float64; where rounding leaves a conclusion with inequalities open, it is decided exactly.
    """
    at = np.asarray(t, dtype=np.float64)
    n = len(at)
    raw: Raw = {}
    start, end = floats(near), floats(far)
    for name, x in start.items():
        share = at.reshape(n, *(1,) * x.ndim)
        fixed = near[name].dtype != object
        raw[name] = np.broadcast_to(x, (n, *x.shape)) if fixed else (1 - share) * x + share * end[name]
    fits = np.broadcast_to(all_valid(_opened(statement.draws), raw), (n,))
    try:
        relation = evaluate(statement, raw, FLOAT)
    except Undefined:
        nothing = np.full(n, np.nan)
        return Curve(at, nothing, nothing > 0, fits, "")
    claimed = conclusion(relation)
    labels = [leaf.label for leaf in claimed.leaves()]
    met = hypothesis_met(relation, n) & fits
    with np.errstate(all="ignore"):
        size = np.broadcast_to(residual(claimed, True), (n,))
        sign = np.array(np.broadcast_to(truth(claimed, True), (n,)))
    sign[~np.isfinite(size)] = -1
    for i in np.flatnonzero(((sign == 0) | (size == 0)) & met & (not claimed.only_equations)):
        sign[i] = decide(statement, between(near, far, float(at[i]))).truth
    return Curve(at, size, sign >= 0, met, labels[0] if len(labels) == 1 else "")


def measures(statement: Statement, raw: Raw, decision: Decision | None = None) -> dict[str, float]:
    """The exact decision at one instance, unless it is given, and the residual of the conclusion in float64."""
    decision = decision or decide(statement, raw)
    out = {DECIDED: float(decision.truth)}
    if not valid(statement, raw):
        out[OUTSIDE] = 0.0
    if decision.relation is not None and decision.relation.hypothesis is not None:
        met = int(truth(decision.relation.hypothesis, False))
        out["hypotheses (1 true, -1 false, 0 open)"] = float(met)
    batch = {n: x[None] for n, x in floats(raw).items()}
    try:
        size = float(residual(conclusion(evaluate(statement, batch, FLOAT)), True)[0])
    except Undefined:
        return out
    return out | ({"residual of the conclusion": size} if np.isfinite(size) else {})


def written(raw: Raw) -> dict[str, str]:
    """An instance as text that `read` understands; rows end with a semicolon.

    >>> written({"p": np.array([Fraction(1, 4), Fraction(3, 4)]), "tokens": np.array([[0, 1], [1, 0]])})
    {'p': '1/4, 3/4', 'tokens': '0, 1; 1, 0'}
    """
    return {
        n: "; ".join(", ".join(map(str, row)) for row in x.reshape(-1, x.shape[-1])) for n, x in raw.items()
    }


def numbers(text: str) -> np.ndarray:
    """Fractions or decimals between commas, semicolons or blanks, exactly.

    >>> numbers("1/4, 0.75")
    array([Fraction(1, 4), Fraction(3, 4)], dtype=object)
    """
    values = [Fraction(part) for part in re.split(r"[,;\s]+", text.strip()) if part]
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def read(statement: Statement, near: Raw, typed: Mapping[str, str]) -> Raw:
    """The instance with some of its numbers as they were typed: fractions or decimals, as many as before.

    Raises:
        ArgumentError: numbers that cannot be read, are too many or too few, or are of no instance of the statement.
    """
    raw = dict(near)
    for name, text in typed.items():
        if name not in near:
            raise ArgumentError("edit", f"about one of {', '.join(near)}", repr(name))
        raw[name] = _numbers(name, text, near[name])
        if not valid(statement, near | {name: raw[name]}) and len(typed) == 1:
            raise ArgumentError(name, _expected(statement, name), repr(text))
    if not valid(statement, raw):
        raise ArgumentError("edit", "an instance that the statement is about", "; ".join(
            f"{n}: {written({n: raw[n]})[n]}" for n in typed))
    return raw


def _numbers(name: str, text: str, like: np.ndarray) -> np.ndarray:
    whole = like.dtype != object
    expected = f"{like.size} {'whole ' if whole else ''}numbers" if like.size > 1 else (
        "a whole number" if whole else "a number such as 3/4")
    try:
        values = numbers(text)
    except (ValueError, ZeroDivisionError):
        raise ArgumentError(name, expected, repr(text[:80])) from None
    if len(values) != like.size or any(abs(v) > WIDE or (whole and v.denominator != 1) for v in values):
        raise ArgumentError(name, expected, repr(text[:80]))
    return (values.astype(np.int64) if whole else values).reshape(like.shape)


def _expected(statement: Statement, name: str) -> str:
    f = instance_fields(statement.draws)[name]
    sign = "above 0" if f.low >= 1 else "of at least 0, not all 0" if f.low == 0 else "of any sign"
    return f"numbers {sign} for which it is still an instance of the statement"


def valid(statement: Statement, raw: Raw) -> bool:
    """Whether the statement is about this instance: everything but the range that a search draws from."""
    try:
        if not bool(np.all(all_valid(_opened(statement.draws), floats(raw)))):
            return False
        lifted(statement.draws, raw, EXACT)
    except (ArithmeticError, ValueError, IndexError, TypeError, DidlabError):
        return False
    return True


@lru_cache(maxsize=32)
def _opened(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    return tuple(map(_open, kinds))


def _open(kind: Kind) -> Kind:
    """The same kind without the range of its integers: what has to be positive still has to be."""
    wide = copy.copy(kind)
    wide.fields = tuple(
        replace(f, low=_least(f), high=WIDE * WIDE) if _moves(kind, f) else f for f in kind.fields
    )
    inner = getattr(kind, "inner", None)
    if inner is not None:
        wide.inner = _open(inner)  # type: ignore[attr-defined]
    return wide


def _least(f: Field) -> Any:
    return f.low if f.low > 1 else Fraction(1, WIDE * WIDE) if f.low == 1 else 0 if f.low == 0 else -WIDE * WIDE
