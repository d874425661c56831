"""The evidence ladder for a statement that no instance violates: symbolic, exact, enclosed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import ctx

from ..exact import NotExact, symbols
from .claim import Statement
from .degrees import Degree
from .instances import Batch, Undefined, ball_radius, decide, draw, evaluate, hypothesis_met, shapes
from .kinds import Field, Raw, all_valid, indeterminates, instance_fields
from .lifts import DEGREE, EXACT, SYMBOLIC
from .relations import truth
from .search import Effort, Found
from .weights import SZ_SET

__all__ = ["Evidence", "confirm", "prove"]

CHUNK = 64
PATIENCE = 20  # undecided instances after which a confirmation gives up


@dataclass
class Evidence:
    """How strongly a statement is supported, and by what.

    `touched` counts the instances that are true by balls that still contain 0, at a radius below 1e-30.
    """

    level: str
    instances: int = 0
    met: int = 0
    coverage: Counter[str] = field(default_factory=Counter[str])
    worst_residual: str = ""
    radius: float | None = None
    degree: int | None = None
    fooled_bound: str | None = None
    sizes: list[str] = field(default_factory=list)
    undecided: int = 0
    touched: int = 0
    protocol: str | None = None
    seeds: list[int] = field(default_factory=list)
    effect: dict[str, Any] | None = None
    interval: list[float] | None = None
    error_rate: float | None = None


def prove(statement: Statement) -> list[str]:
    """The sizes at which the statement, an identity, is proved with indeterminates."""
    proved: list[str] = []
    for shape in shapes(statement.draws, max(statement.symbolic, default=0)):
        if shape.get("K", 2) not in statement.symbolic:
            continue
        if not _proved_at(statement, shape):
            break
        proved.append(", ".join(f"{k}={v}" for k, v in shape.items()))
    return proved


def _proved_at(statement: Statement, shape: dict[str, int]) -> bool:
    sizes = indeterminates(statement.draws, shape)
    count = sum(int(np.prod(s)) for s in sizes.values())
    generators = iter(symbols(" ".join(f"x{i}" for i in range(count))))
    free = {name: _fill(s, generators) for name, s in sizes.items()}
    rest = draw(statement.draws, np.random.default_rng(0), 6, shape)  # what symbolic_extra replaces, for its shape
    if any(not f.continuous for kind in statement.draws for f in kind.fields if not hasattr(kind, "symbolic_extra")):
        return False  # some values of a discrete field are not all of them
    raw = free | {name: rest.raw[name][0] for name, f in instance_fields(statement.draws).items() if not f.continuous}
    try:
        relation = evaluate(statement, raw, SYMBOLIC)
        return relation.identity and int(truth(relation, False)) == 1
    except (NotExact, TypeError, AttributeError, ValueError, Undefined):  # an order of indeterminates has no answer
        return False


def _fill(shape: tuple[int, ...], items: Any) -> np.ndarray:
    out = np.empty(shape, dtype=object)
    for i in np.ndindex(*shape):
        out[i] = next(items)
    return out


def degree_of(statement: Statement, shape: dict[str, int], raw: Raw) -> int | None:
    """A bound on the degree of the residual's numerator, or None where it is not a rational function."""
    fields = instance_fields(statement.draws)
    if any(f.continuous and f.low < 1 for f in fields.values()):
        return None  # not drawn from the large set that the bound is about
    lifted = {
        n: _fill(raw[n].shape, iter(lambda: Degree(1), None)) if f.continuous else raw[n] for n, f in fields.items()
    }
    try:
        relation = evaluate(statement, lifted, DEGREE)
        if not relation.identity:
            return None
        gaps = [np.asarray(np.asarray(x.left, object) - np.asarray(x.right, object), object) for x in relation.leaves()]
        return max(int(d.num) for gap in gaps for d in gap.flat)
    except (NotExact, TypeError, AttributeError, ArithmeticError, Undefined, ValueError):
        return None


def confirm(statement: Statement, rng: np.random.Generator, effort: Effort) -> tuple[Evidence, Found | None]:
    """Decide the statement on many instances without rounding; stop at the first violation."""
    evidence = Evidence("exact")
    sizes = shapes(statement.draws, effort.largest)
    shares = np.array([1 / np.prod(list(s.values()), dtype=float) for s in sizes])
    counts = np.ceil(effort.confirm * shares / shares.sum()).astype(int)
    log_fooled: list[float] = []
    degree: int | None = None
    for shape, share in zip(sizes, counts, strict=True):
        batch = draw(statement.draws, rng, int(share), shape)
        fields = instance_fields(statement.draws)
        algebraic = degree_of(statement, shape, batch.one(0)) if len(batch) else None
        if algebraic is not None:
            half = np.arange(len(batch)) % 2 == 0
            for name, f in fields.items():
                if f.continuous and f.low >= 1:
                    batch.raw[name][half] = rng.integers(1, SZ_SET + 1, batch.raw[name][half].shape)
            inside = {n: np.minimum(x, fields[n].high) if fields[n].continuous else x for n, x in batch.raw.items()}
            keep = np.broadcast_to(all_valid(statement.draws, inside), (len(batch),))
            labels = np.where(half, "independent uniform", batch.labels)
            batch = Batch(batch.raw, labels, shape).take(np.flatnonzero(keep | half))
            for rows in _alike(batch.raw, fields, batch.labels == "independent uniform"):
                own = degree_of(statement, shape, batch.one(int(rows[0])))
                if own is not None:
                    degree = max(degree or 0, own)
                    log_fooled.append(len(rows) * np.log10(min(1.0, max(own, 1) / SZ_SET)))
        found = _confirm_batch(statement, batch, evidence)
        if found is not None or evidence.undecided >= PATIENCE:
            return evidence, found
    if evidence.level == "exact" and degree is not None:
        evidence.degree, evidence.fooled_bound = degree, f"1e{int(np.ceil(max(log_fooled)))}"
    return evidence, None


def _alike(raw: Raw, fields: Mapping[str, Field], uniform: np.ndarray) -> list[np.ndarray]:
    """The rows of random points by the values of their discrete fields: each value has a residual of its own."""
    groups: dict[bytes, list[int]] = {}
    for i in np.flatnonzero(uniform):
        key = b"|".join(raw[name][i].tobytes() for name, f in fields.items() if not f.continuous)
        groups.setdefault(key, []).append(int(i))
    return [np.array(rows) for rows in groups.values()]


def _confirm_batch(statement: Statement, batch: Batch, evidence: Evidence) -> Found | None:
    for start in range(0, len(batch), CHUNK):
        part = batch.take(np.arange(start, min(start + CHUNK, len(batch))))
        values, meets, level = _decide_chunk(statement, part)
        radius = 0.0
        for i in np.flatnonzero(values <= 0):
            decision = decide(statement, part.one(int(i)))
            if decision.truth < 0:
                return Found(part.one(int(i)), decision, str(part.labels[i]), "exact search")
            if decision.truth == 0:
                evidence.undecided += 1
                if evidence.undecided >= PATIENCE:
                    return None
            evidence.touched += decision.touched
            radius = max(radius, decision.radius)
        if level == "enclosed":
            evidence.level = "enclosed"
        evidence.instances += len(part)
        evidence.met += int(meets.sum())
        if radius:
            evidence.radius = max(evidence.radius or 0.0, radius)
        evidence.coverage.update(part.classes())
    return None


def _decide_chunk(statement: Statement, part: Batch) -> tuple[np.ndarray, np.ndarray, str]:
    """The truth of each instance, whether it meets the hypothesis, and the level of evidence."""
    n = len(part)
    before = ctx.prec
    try:
        ctx.prec = 192
        relation = evaluate(statement, part.raw, EXACT)
        values = np.broadcast_to(truth(relation, True), (n,))
        return values, hypothesis_met(relation, n), "exact" if ball_radius(relation) is None else "enclosed"
    except Undefined:
        return np.zeros(n), np.ones(n, bool), "exact"
    finally:
        ctx.prec = before
