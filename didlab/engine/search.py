"""The attack on a statement: hard instances, an optimiser, and shrinking to something a person can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from .claim import Statement
from .instances import Batch, Decision, Undefined, decide, draw, evaluate, scan, shapes
from .kinds import Field, Raw, Shape, all_valid, instance_fields
from .lifts import FLOAT
from .relations import robustness
from .weights import HIGH

__all__ = ["Effort", "Exhaustion", "Found", "Hunt", "exhaust", "hunt", "shrink"]


SHAPES = 4  # a kind with fewer sizes than this gets its instances in fewer, larger batches


@dataclass(frozen=True)
class Effort:
    """How much work a judgement may do."""

    name: str
    batch: int
    confirm: int
    optimise: int
    exhaust: int
    largest: int
    restarts: int

    @staticmethod
    def named(name: str) -> Effort:
        return _EFFORTS[name]


_EFFORTS = {
    "quick": Effort("quick", 256, 256, 8, 2_000, 4, 1),
    "standard": Effort("standard", 1024, 2_400, 32, 20_000, 5, 2),
    "deep": Effort("deep", 10_240, 24_000, 120, 400_000, 6, 3),
}


@dataclass(frozen=True)
class Found:
    """A certified violation."""

    instance: Raw
    decision: Decision
    label: str
    by: str


@dataclass
class Hunt:
    """What a search did: the violation if there was one, and how many instances of which hard class it tried."""

    found: Found | None = None
    coverage: Counter[str] = field(default_factory=Counter[str])


def hunt(
    statement: Statement,
    rng: np.random.Generator,
    effort: Effort,
    *,
    certify: int = 48,
    simplify: bool = True,
) -> Hunt:
    """Look for a certified violation: hard instances, smallest shapes first; then the optimiser; then shrink it."""
    result = Hunt()
    sizes = shapes(statement.draws, effort.largest)
    share = effort.batch * max(1, SHAPES // len(sizes))
    batches = []
    for shape in sizes:
        batches.append(draw(statement.draws, rng, share, shape))
        result.coverage.update(batches[-1].classes())
        result.found = _certify(statement, batches[-1], certify, "search")
        if result.found is not None:
            break
    else:
        attempts = (_optimise(statement, batch, rng, effort) for _ in range(effort.restarts) for batch in batches)
        result.found = next((found for found in attempts if found is not None), None)
    if result.found is not None and simplify:
        result.found = shrink(statement, result.found)
    return result


def _certify(statement: Statement, batch: Batch, most: int, by: str) -> Found | None:
    """Decide the most promising instances of a batch: clear float violations first, then the doubtful ones."""
    if not len(batch):
        return None
    try:
        value, margin, relation = scan(statement, batch)
    except Undefined:
        value, margin, relation = np.zeros(len(batch)), np.zeros(len(batch)), None
    size = np.sum([np.abs(x.reshape(len(batch), -1)).sum(-1) for x in batch.raw.values()], axis=0)
    clear = np.flatnonzero(value < 0)
    doubtful = np.flatnonzero(value == 0)
    order = [*clear[np.argsort(size[clear], kind="stable")][:most]]
    if relation is None or not relation.identity:
        spread = doubtful[np.lexsort((size[doubtful], margin[doubtful].round(6)))]
        order += [*spread[: max(8, most // 2)]]
    for i in order:
        instance = batch.one(int(i))
        decision = decide(statement, instance)
        if decision.truth < 0:
            return Found(instance, decision, str(batch.labels[i]), by)
    return None


def _optimise(statement: Statement, batch: Batch, rng: np.random.Generator, effort: Effort) -> Found | None:
    """Minimise the robustness over the logarithms of the weights, then round to small integers and decide."""
    fields = [f for f in instance_fields(statement.draws).values() if f.continuous and f.low >= 0 and f.high > 1]
    if not fields or not len(batch):
        return None
    try:
        _, margin, relation = scan(statement, batch)
    except Undefined:
        return None
    if relation.only_equations:
        return None
    from scipy.optimize import differential_evolution  # imported here: replaying a certificate needs no optimiser

    start = batch.one(int(np.argmin(margin)))
    lengths = [int(np.prod(f.shape(batch.shape))) for f in fields]

    def instances(points: np.ndarray, to_integers: bool) -> Raw:
        raw = {name: np.broadcast_to(x, (len(points), *x.shape)) for name, x in start.items()}
        at = 0
        for f, length in zip(fields, lengths, strict=True):
            part = np.clip(np.exp(points[:, at : at + length]).reshape(-1, *f.shape(batch.shape)), f.low, f.high)
            raw[f.name] = np.rint(part).astype(np.int64) if to_integers else part
            at += length
        for kind in statement.draws:
            raw |= kind.repaired(raw)
        return raw

    def objective(columns: np.ndarray) -> np.ndarray:
        points = np.atleast_2d(columns.T)
        raw = instances(points, False)
        valid = np.broadcast_to(all_valid(statement.draws, raw), (len(points),))  # the others are as good as true
        kept = {name: np.where(valid.reshape(-1, *(1,) * (x.ndim - 1)), x, start[name]) for name, x in raw.items()}
        return np.where(valid, robustness(evaluate(statement, kept, FLOAT), True), 1.0)

    reach = [min(f.high, max(HIGH, int(start[f.name].max()))) for f in fields]  # further only where the start is
    bounds = [(0.0, float(np.log(high))) for high, length in zip(reach, lengths, strict=True) for _ in range(length)]
    first = np.log(np.concatenate([np.maximum(start[f.name], 1).reshape(-1) for f in fields]).astype(float))
    result = differential_evolution(
        objective,
        bounds,
        x0=np.clip(first, 0, [b for _, b in bounds]),
        rng=rng,
        tol=0,
        popsize=6,
        maxiter=effort.optimise,
        polish=False,
        vectorized=True,
        updating="deferred",
    )
    scales = np.linspace(0.2, 1.0, 9)[:, None]
    points = np.concatenate([result.x[None, :] * scales, result.population])
    raw = instances(points, True)
    valid = np.broadcast_to(all_valid(statement.draws, raw), (len(points),))
    rounded = Batch(raw, np.full(len(points), "optimised", dtype=object), batch.shape).take(np.flatnonzero(valid))
    return _certify(statement, rounded, 16, "optimiser") if len(rounded) else None


def shrink(statement: Statement, found: Found) -> Found:
    """The simplest violation reachable by removing outcomes and making integers smaller, certified at each step."""
    best = found
    while True:
        better = next((f for f in _simpler(statement, best)), None)
        if better is None:
            return best
        best = better


def cost(fields: dict[str, Field], raw: Raw) -> tuple[int, int, int]:
    """What shrinking makes small: the size of the arrays, the sum of the integers, the largest one."""
    sizes = sum(raw[name].size for name in fields)
    away = [np.abs(raw[name] - f.simplest) for name, f in fields.items()]
    return sizes, int(sum(a.sum() for a in away)), int(max((a.max() for a in away if a.size), default=0))


def _simpler(statement: Statement, found: Found) -> Iterator[Found]:
    fields = instance_fields(statement.draws)
    here = cost(fields, found.instance)
    floor = {axis: min(values) for kind in statement.draws for axis, values in kind.sizes.items()}
    candidates = [c for c in _steps(fields, found.instance, floor) if cost(fields, c) < here]
    candidates = [c for c in candidates if bool(all_valid(statement.draws, c))]
    seen: set[bytes] = set()
    for candidate in sorted(candidates, key=lambda c: cost(fields, c)):
        key = b"|".join(np.ascontiguousarray(x).tobytes() + str(x.shape).encode() for x in candidate.values())
        if key in seen:
            continue
        seen.add(key)
        try:
            relation = evaluate(statement, candidate, FLOAT)
            if float(robustness(relation, False)) > 1e-9:
                continue
        except Undefined:
            pass
        decision = decide(statement, candidate)
        if decision.truth < 0:
            yield Found(candidate, decision, found.label, found.by)


def _steps(fields: dict[str, Field], raw: Raw, floor: dict[str, int]) -> Iterator[Raw]:
    axes = {a: raw[f.name].shape[i] for f in fields.values() for i, a in enumerate(f.axes) if isinstance(a, str)}
    for axis, length in axes.items():
        for k in range(length) if length > floor.get(axis, 1) else ():
            yield {name: _drop(fields[name], raw[name], axis, k) for name in raw}
    for name, f in fields.items():
        x = raw[name]
        g = int(np.gcd.reduce(np.abs(x).reshape(-1))) if x.size else 1
        if g > 1 and f.low >= 1:
            yield {**raw, name: x // g}
        yield {**raw, name: np.full_like(x, f.simplest)}
        moves = []
        for i in np.ndindex(*x.shape):
            v = int(x[i])
            for new in {f.simplest, (v + f.simplest) // 2, v - 1, v + 1, v - 5, -v}:
                if new != v and f.low <= new <= f.high and abs(new - f.simplest) <= abs(v - f.simplest):
                    y = x.copy()
                    y[i] = new
                    if x.ndim == 2 and f.axes[0] == f.axes[1]:
                        y[i[::-1]] = new
                    moves.append(y)
                    yield {**raw, name: y}
        if not f.continuous and x.size == 2:  # to a simpler fraction: 11/6, 9/5, 7/4
            for step in product(range(3), repeat=2):
                y = x - np.reshape(step, x.shape)
                if min(step) > 0 and y.min() >= max(f.low, f.simplest):
                    yield {**raw, name: y}
        if f.low >= 1 and x.size <= 12:
            for i, j in product(range(x.size), repeat=2):
                y = x.copy().reshape(-1)
                if i < j and y[i] > f.low and y[j] > f.low:
                    y[i], y[j] = y[i] - 1, y[j] - 1
                    yield {**raw, name: y.reshape(x.shape)}


def _drop(f: Field, x: np.ndarray, axis: str, k: int) -> np.ndarray:
    for i in reversed(range(len(f.axes))):
        if f.axes[i] == axis:
            x = np.delete(x, k, axis=i)
    if axis == "K" and not f.continuous and f.low == 0 and "K" not in f.axes:
        return np.where(x > k, x - 1, x)  # indices of outcomes
    return x


@dataclass(frozen=True)
class Exhaustion:
    """All instances of a shape with integers up to a bound: how many, whether each was settled, and a violation.

    Floats settle an instance that they show true by more than rounding; all others must be decided exactly.
    """

    bound: int
    tried: int
    settled: bool
    found: Found | None


def exhaust(statement: Statement, shape: Shape, most: int) -> Exhaustion:
    """Try every instance of a shape with integers up to a bound, the largest that keeps them under `most`."""
    fields = instance_fields(statement.draws)
    lengths = {name: int(np.prod(f.shape(shape))) for name, f in fields.items()}
    spans, bound = None, 0
    for b in range(1, 13):
        ranges = {name: _smallest(f, b, shape) for name, f in fields.items()}
        count = np.prod([float(len(ranges[name])) ** lengths[name] for name in fields])
        if count > most:
            break
        spans, bound = ranges, b
    if spans is None:
        return Exhaustion(0, 0, True, None)
    columns = [spans[name] for name in fields for _ in range(lengths[name])]
    grid = np.stack(np.meshgrid(*[np.array(c) for c in columns], indexing="ij"), -1).reshape(-1, len(columns))
    raw, at = {}, 0
    for name, f in fields.items():
        raw[name] = grid[:, at : at + lengths[name]].reshape(-1, *f.shape(shape))
        at += lengths[name]
    valid = np.broadcast_to(all_valid(statement.draws, raw), (len(grid),))
    batch = Batch(raw, np.full(len(grid), "exhausted", dtype=object), shape).take(np.flatnonzero(valid))
    if not len(batch):
        return Exhaustion(bound, 0, True, None)
    try:
        value, _, _ = scan(statement, batch)
    except Undefined:
        value = np.zeros(len(batch))
    size = sum(np.abs(x.reshape(len(batch), -1)).sum(-1) for x in batch.raw.values())
    order = np.lexsort(np.stack([np.asarray(size, dtype=np.float64), value]))[: int((value <= 0).sum())]
    for i in order[: max(64, most // 40)]:
        decision = decide(statement, batch.one(int(i)))
        if decision.truth < 0:
            return Exhaustion(bound, len(batch), True, Found(batch.one(int(i)), decision, "exhausted", "exhaustion"))
    return Exhaustion(bound, len(batch), len(order) <= max(64, most // 40), None)


def _smallest(f: Field, b: int, shape: Shape) -> range:
    """The b smallest values of a field (two at least where it is discrete); for a pair of outcomes, all of them."""
    if f.name == "pair":
        return range(shape["K"])
    if f.low < 1:
        return range(max(f.low, -b), min(f.high, b) + 1)
    return range(f.low, min(f.high, f.low - 1 + (b if f.continuous else max(b, 2))) + 1)
