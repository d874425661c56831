"""Random cases built to lose digits, and the cases of the accuracy table of the project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Rng = np.random.Generator


class Case(NamedTuple):
    kind: str
    policy: np.ndarray
    reference: np.ndarray
    rejected: np.ndarray
    beta: float
    prompts: np.ndarray
    table: np.ndarray


def _spread(rng: Rng, low: float, high: float) -> float:
    return float(10 ** rng.uniform(low, high))


def _plain(rng: Rng, k: int, high: float = 3.3) -> np.ndarray:
    return np.clip(rng.standard_normal(k) * _spread(rng, -12, high), -1e4, 1e4)


def _moderate(rng: Rng, k: int) -> np.ndarray:
    return rng.standard_normal(k) * _spread(rng, -2, 1)


def scales(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent policies at scales from 1e-12 to 1e4."""
    return _plain(rng, k), _plain(rng, k)


def near(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Two policies that differ by 1e-16 to 1."""
    a = _plain(rng, k, 2.5) if rng.random() < 0.5 else _moderate(rng, k)
    return a, a + rng.standard_normal(k) * _spread(rng, -16, 0)


def offset(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearly equal policies on top of large common offsets."""
    a, b = near(rng, k)
    return np.clip(a + rng.uniform(-9e3, 9e3), -1e4, 1e4), np.clip(b + rng.uniform(-9e3, 9e3), -1e4, 1e4)


def ties(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Few distinct logits; the other policy is another draw, a permutation, or one step away."""
    a = rng.integers(-2, 3, k) * _spread(rng, -8, 2)
    which = rng.integers(3)
    if which == 0:
        return a, rng.integers(-2, 3, k) * _spread(rng, -8, 2)
    if which == 1:
        return a, rng.permutation(a)
    b = a.copy()
    b[rng.integers(k)] += _spread(rng, -12, 2)
    return a, b


def determined(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """One outcome takes nearly everything: results down to the subnormal numbers and to 0."""
    gap = rng.uniform(20, 745) if rng.random() < 0.7 else rng.uniform(700, 760)
    a = rng.standard_normal(k) * _spread(rng, -3, 1)
    a[rng.integers(k)] += gap
    which = rng.integers(4)
    if which == 0:
        return a, a + rng.standard_normal(k) * _spread(rng, -14, 0.5)
    if which == 1:
        return a, a[::-1].copy()
    if which == 2:
        return a, _moderate(rng, k)
    b = rng.standard_normal(k)
    b[int(a.argmax())] += rng.uniform(20, 750)
    return a, b


def outlier(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearly equal policies but for one outcome, which is rare in one of them or in both."""
    a = _moderate(rng, k)
    b = a + rng.standard_normal(k) * _spread(rng, -16, -2)
    i = int(rng.integers(k))
    depth = _spread(rng, 0, 4)
    a[i] = -depth
    b[i] = -depth if rng.random() < 0.5 else -_spread(rng, 0, 4)
    if rng.random() < 0.5:
        b[i] += rng.standard_normal() * _spread(rng, -3, 1)
    return (a, b) if rng.random() < 0.5 else (b, a)


def flat(rng: Rng, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Equal logits against equal logits, or against all equal but one or two."""
    a, b = np.full(k, rng.uniform(-1e4, 1e4)), np.full(k, rng.uniform(-1e4, 1e4))
    for x in (a, b):
        if rng.random() < 0.6:
            x[rng.integers(k, size=rng.integers(1, 3))] += rng.choice([-1, 1]) * _spread(rng, -13, 3)
    return a, b


KINDS = (scales, near, offset, ties, determined, outlier, flat)


def _table(rng: Rng, kind: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = int(rng.integers(2, 6))
    which = rng.integers(6)
    if which == 0:
        rows = np.stack([a, b] + [(a, b)[int(rng.integers(2))] for _ in range(x - 2)])
    elif which == 1:
        rows = a + rng.standard_normal((x, len(a))) * _spread(rng, -16, 0)
    elif which == 2:
        rows = np.stack([a] * x) + rng.uniform(-100, 100, (x, 1))
    elif which == 3:
        rows = np.stack([_plain(rng, len(a)) for _ in range(x)])
    else:
        rows = np.stack(
            [rng.permutation(a) if rng.random() < 0.3 else np.where(rng.random(len(a)) < 0.5, a, b) for _ in range(x)]
        )
    rho = rng.standard_normal(x) * _spread(rng, -3, 2.5) if rng.random() < 0.7 else np.zeros(x)
    return np.clip(rho, -740, 740), rows


def case(rng: Rng, make: Any, k: int) -> Case:
    a, b = make(rng, k)
    if rng.random() < 0.1:
        b = a.copy()
    r = b + (b - a) * rng.uniform(0.1, 3) + rng.standard_normal(k) * _spread(rng, -12, 1) * (rng.random() < 0.8)
    rho, rows = _table(rng, make.__name__, a, b)
    return Case(make.__name__, a, b, np.clip(r, -1e4, 1e4), _spread(rng, -3, 3), rho, rows)


def huge_cases(seed: int, count: int) -> Iterator[Case]:
    """Logits and exponents up to 1e100, equal or next to each other: what rounding drops decides everything."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        k, size = int(rng.integers(2, 6)), _spread(rng, 0, 100)
        a = np.full(k, rng.standard_normal() * size)
        a += (i % 2) * rng.integers(-2, 3, k) * np.spacing(a)
        b = rng.standard_normal(k) * _spread(rng, -3, max(2.0, np.log10(size) - 10))
        near = b * (1 + rng.integers(0, 3, k) * 2.0**-52)
        policy, beta = (a, 1.0) if rng.random() < 0.5 else (near, _spread(rng, -3, 90))
        yield Case("huge", policy, b, b + rng.standard_normal(k), beta, np.zeros(2), np.stack([a, b]))


def random_cases(seed: int, count: int, low: int = 2, high: int = 64) -> Iterator[Case]:
    """Cases of every kind in turn; a third of the sizes small, the others spread evenly in their logarithm."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        small = rng.random() < 0.3
        k = int(rng.integers(low, low + 4)) if small else round(np.exp(rng.uniform(np.log(low), np.log(high))))
        yield case(rng, KINDS[i % len(KINDS)], k)


def table_cases() -> Iterator[Case]:
    """The cases of the accuracy table: JS from 0.1 down to 1e-42, logits near 30 and 1,000, K = 10,000."""
    rng = np.random.default_rng(0)
    for k, size, step in (
        (32, 1.0, 1.0),
        (32, 1.0, 1e-3),
        (32, 1.0, 1e-6),
        (32, 1.0, 1e-9),
        (32, 30.0, 1e-9),
        (10_000, 1e3, 1e-3),
        (10_000, 1.0, 1e-3),
    ):
        a = rng.standard_normal(k) * size
        if size == 30.0:
            a[0] = a.max() + 60.0
        b = a + rng.standard_normal(k) * step
        yield Case("table", a, b, b + 2.0 * (b - a), 0.1, np.array([0.0, 1.0]), np.stack([a, b]))
