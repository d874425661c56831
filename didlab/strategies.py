r"""Hypothesis strategies for the objects of preference optimisation, built to break things.

They draw from the same classes as the verdict engine (ties, spikes, powers, nearly uniform, equal, permuted, scaled on
a subset, ...), as integers, so that a failing example shrinks to something a person can read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .arguments import one_whole, whole
from .engine.claim import Claim, Statement
from .engine.instances import draw, shapes
from .engine.kinds import Kind, Raw, instance_fields
from .errors import ArgumentError
from .policies import from_weights

__all__ = ["exponents", "instances", "policies", "policy_tuples", "weights"]

HIGH = 99


def weights(*, min_outcomes: int = 2, max_outcomes: int = 6, high: int = HIGH) -> SearchStrategy[list[int]]:
    r"""Integer weights of a policy with full support; shrinks towards the uniform policy of two outcomes.

    Args:
        min_outcomes, max_outcomes: how many outcomes.
        high: the largest weight.

    Raises:
        ArgumentError: bounds below 1 or in the wrong order.

    >>> from hypothesis import find
    >>> min(find(weights(high=5), lambda w: True)) >= 1
    True
    """
    return _sizes(min_outcomes, max_outcomes, high).flatmap(lambda k: _table(k, high))


def _sizes(low: int, most: int, high: int) -> SearchStrategy[int]:
    for name, x in (("min_outcomes", low), ("max_outcomes", most), ("high", high)):
        whole(name, x, 1)
    if low > most:
        raise ArgumentError("min_outcomes", f"at most max_outcomes ({most})", str(low))
    return st.integers(low, most)


def _table(k: int, high: int) -> SearchStrategy[list[int]]:
    small = st.lists(st.integers(1, min(high, 4)), min_size=k, max_size=k)
    levels = st.tuples(st.integers(1, high), st.integers(1, high)).flatmap(
        lambda ab: st.lists(st.sampled_from(ab), min_size=k, max_size=k)
    )
    wide = st.lists(st.integers(1, high), min_size=k, max_size=k)
    spike = st.tuples(st.integers(0, k - 1), st.sampled_from([1, high])).map(
        lambda at: [at[1] if i == at[0] else high + 1 - at[1] for i in range(k)]
    )
    return st.one_of(small, levels, wide, spike)


def policies(
    *, exact: bool = False, min_outcomes: int = 2, max_outcomes: int = 6, high: int = HIGH
) -> SearchStrategy[Any]:
    r"""A policy as an array of log-probabilities: float64, or exact logarithms.

    Args:
        exact: draw exact logarithms instead of float64.
        min_outcomes, max_outcomes, high: see `weights`.

    >>> from hypothesis import find
    >>> round(float(np.exp(find(policies(), lambda p: True)).sum()), 12)
    1.0
    """
    return weights(min_outcomes=min_outcomes, max_outcomes=max_outcomes, high=high).map(
        lambda w: from_weights(np.array(w), exact=exact)
    )


def policy_tuples(
    count: int, *, exact: bool = False, min_outcomes: int = 2, max_outcomes: int = 6, high: int = HIGH
) -> SearchStrategy[tuple[Any, ...]]:
    r"""Several policies over the same outcomes, often related: equal, permuted, scaled on some outcomes.

    Args:
        count: how many.
        exact, min_outcomes, max_outcomes, high: see `policies`.

    Raises:
        ArgumentError: a count below 1, or bounds as for `weights`.

    >>> from hypothesis import find
    >>> len(find(policy_tuples(3), lambda ps: True))
    3
    """
    whole("count", count, 1)
    sizes = _sizes(min_outcomes, max_outcomes, high)

    @st.composite
    def several(draw_: st.DrawFn) -> tuple[Any, ...]:
        k = draw_(sizes)
        tables = [draw_(_table(k, high))]
        for _ in range(count - 1):
            base = draw_(st.sampled_from(tables))
            related = st.one_of(
                st.just(base),
                st.permutations(base),
                st.lists(st.integers(1, 3), min_size=k, max_size=k).map(
                    lambda f, base=base: [min(high, w * g) for w, g in zip(base, f, strict=True)]
                ),
            )
            tables.append(list(draw_(st.one_of(_table(k, high), related))))
        return tuple(from_weights(np.array(w), exact=exact) for w in tables)

    return several()


def exponents(*, max_value: int = 4) -> SearchStrategy[Any]:
    r"""A positive rational exponent, 1 first.

    >>> from hypothesis import find
    >>> find(exponents(), lambda b: True) > 0
    True
    """
    from fractions import Fraction

    whole("max_value", max_value, 1)
    return st.tuples(st.integers(1, max_value), st.integers(1, max_value)).map(lambda ab: Fraction(*ab))


def instances(statement: Claim | Statement, *, largest: int = 4) -> SearchStrategy[Raw]:
    """Instances of a claim as dictionaries of integer arrays: drawn by its own kinds, then moved entry by entry.

    Args:
        statement: a claim, or one of its statements.
        largest: the largest number of outcomes.

    Raises:
        ArgumentError: neither of them, or a statement about more outcomes than `largest`.

    >>> from didlab.claims import load
    >>> from hypothesis import find
    >>> claim = next(c for c in load("did") if c.id == "did.thm-3.2")
    >>> sorted(find(instances(claim), lambda raw: True))
    ['base', 'policy', 'reference']
    """
    if not isinstance(statement, Claim | Statement):
        raise ArgumentError("statement", "a claim or one of its statements", repr(statement)[:60])
    part = statement.printed if isinstance(statement, Claim) else statement
    sizes = shapes(part.draws, one_whole("largest", largest, 1))
    if not sizes:
        raise ArgumentError("largest", "at least as many outcomes as the statement is about", str(largest))

    @st.composite
    def one(draw_: st.DrawFn) -> Raw:
        shape = draw_(st.sampled_from(sizes))
        batch = draw(part.draws, np.random.default_rng(draw_(st.integers(0, 2**32 - 1))), 8, shape)
        if not len(batch):
            return _rejected()
        raw = {name: x.copy() for name, x in batch.one(0).items()}
        return raw if not draw_(st.booleans()) else _moved(draw_, part.draws, raw)

    return one().filter(lambda raw: bool(raw))


def _rejected() -> Raw:
    from hypothesis import reject

    return reject()


def _moved(draw_: Any, kinds: tuple[Kind, ...], raw: Raw) -> Raw:
    """One entry replaced: what a generator of classes would not think of."""
    fields = instance_fields(kinds)
    name = draw_(st.sampled_from(sorted(fields)))
    f = fields[name]
    if not raw[name].size:
        return raw
    moved = raw[name].copy()
    at = draw_(st.integers(0, moved.size - 1))
    moved.reshape(-1)[at] = draw_(st.integers(f.low, min(f.high, 12)))
    out = {**raw, name: moved}
    return out if bool(np.logical_and.reduce([k.valid(out) for k in kinds])) else raw
