r"""Kinds of objects in token-level statements: rows of next-token probabilities and hidden states.

Rows are integer weights over their sum, so that residuals, gradients and their inner products are rational. Single
rows number the vocabulary so that the token of the chosen response comes first and that of the rejected one second:
any two different tokens can be numbered so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["FEW", "Concentrated", "Hidden", "Preferring", "Rows", "hidden_states", "moves", "normalised", "preferring"]

FEW = 5  # the largest weight of what is moved between tokens
FAR = 9999  # of a token that the model is all but sure of: what is approached there is not within a few per cent at 99


def normalised(w: Any) -> Any:
    """Weights over their sum along the last axis."""
    return w / w.sum(-1, keepdims=True)


class Rows(Kind):
    """Rows of next-token probabilities over one vocabulary: softmax rows, or with `low` = 0 the closed simplex."""

    def __init__(self, *names: str, low: int = 1, sizes: tuple[int, ...] = (2, 3, 4, 5)) -> None:
        self.fields = tuple(Field(name, ("K",), low=low, high=FAR) for name in names)
        self.low, self.sizes = low, {"K": sizes}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            raw[f.name], names = weights.table(rng, n, shape["K"], list(raw.values()))
            sure = rng.random(n) < 0.15
            raw[f.name] = np.where(sure[:, None], all_but_sure(rng, n, shape["K"]), raw[f.name])
            label = np.where(sure, "all but sure", np.where(names == "ordinary", label, names))
            if self.low == 0:
                zero = _some_zeros(rng, n, shape["K"])
                raw[f.name] = np.where(zero, 0, raw[f.name])
                label = np.where(zero.sum(-1) == shape["K"] - 1, "one token certain", label)
        return raw, label

    def valid(self, raw: Raw) -> np.ndarray:
        positive = [(raw[f.name] > 0).any(-1) for f in self.fields]
        return super().valid(raw) & np.logical_and.reduce(positive)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: normalised(to.number(raw[f.name])) for f in self.fields}


def all_but_sure(rng: Rng, n: int, k: int) -> np.ndarray:
    """Rows of which one token has nearly all the mass."""
    out = rng.integers(1, 3, (n, k))
    out[np.arange(n), rng.integers(0, k, n)] = rng.choice([500, FAR], n)
    return out


def _some_zeros(rng: Rng, n: int, k: int) -> np.ndarray:
    """Which entries of a row to make 0: none in half of the rows, all but one in some."""
    keep = rng.integers(0, k, n)[:, None] == np.arange(k)
    share = rng.choice([0.0, 0.0, 0.5, 1.0], (n, 1))
    return (rng.random((n, k)) < share) & ~keep


class Preferring(Kind):
    r"""Two softmax rows of which the first prefers token 0 at the expense of every other token.

    :math:`s_w[0] \ge s_l[0]` and :math:`s_w[j] \le s_l[j]` elsewhere: with integers b and t,
    :math:`s_l \propto b + t` and :math:`s_w \propto b + e_0 \sum_j t_j`.
    """

    def __init__(self, better: str = "s_w", worse: str = "s_l", *, sizes: tuple[int, ...] = (2, 3, 4, 5)) -> None:
        self.names, self.sizes = (better, worse), {"K": sizes}
        self.fields = (Field("common", ("K",)), Field("moved", ("K",), low=0, high=weights.HIGH, simplest=0))

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        common, label = weights.table(rng, n, shape["K"], [])
        moved, how = moves(rng, (n, shape["K"]))
        return {"common": common, "moved": moved}, np.where(how == "ordinary", label, how)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        k = shape["K"]
        return {"common": weights.ordinary(rng, n, k), "moved": rng.integers(0, FEW + 1, (n, k))}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        first = np.arange(raw["common"].shape[-1]) == 0
        rows = preferring(to.number(raw["common"]), to.number(raw["moved"]), first)
        return dict(zip(self.names, rows, strict=True))


def preferring(common: Any, moved: Any, first: np.ndarray) -> tuple[Any, Any]:
    """The rows b + e t and b + t of :class:`Preferring`, where the mask `first` is the unit vector of its token."""
    one = first.astype(np.int64)
    rest = moved * (1 - one)
    return normalised(common + rest.sum(-1, keepdims=True) * one), normalised(common + rest)


def moves(rng: Rng, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Weights moved from token to token, and their class: none, little, all from one token, ordinary."""
    x = rng.integers(0, FEW + 1, shape)
    names = np.array(["equal rows", "moved from one token", "much moved", "ordinary"], dtype=object)
    which = np.minimum(rng.integers(0, 10, shape[0]), 3)
    one = rng.integers(0, shape[-1], shape[:-1])[..., None] == np.arange(shape[-1])
    x[which == 0] = 0
    x[which == 1] *= one[which == 1]
    x[which == 2] *= weights.HIGH // FEW
    return x, names[which]


class Concentrated(Kind):
    """A row that is uniform on M of the V tokens and 0 on the others, and its `m`; M = 1 and M = V included.

    The tokens below `first` are among the M. With `rest` the others share a small part of the mass, `outside`,
    in any way.
    """

    def __init__(self, name: str = "row", *, first: int = 0, rest: bool = False) -> None:
        self.name, self.first, self.rest = name, first, rest
        self.sizes = {"K": tuple(range(max(first, 2), 6))}
        fields = [Field("support", ("K",), low=0, high=1, simplest=0, continuous=False)]
        if rest:
            fields += [Field("others", ("K",)), Field("much", (1,), low=1, simplest=1)]
        self.fields = tuple(fields)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k = shape["K"]
        support = (rng.random((n, k)) < rng.choice([0.2, 0.5, 0.9], (n, 1))).astype(np.int64)
        support[np.arange(n), rng.integers(0, k, n)] = 1
        support[:, : self.first] = 1
        m = support.sum(-1)
        raw = {"support": support}
        if self.rest:
            raw["others"], raw["much"] = weights.table(rng, n, k, [])[0], rng.integers(1, 100, (n, 1))
        return raw, np.where(m == 1, "M = 1", np.where(m == 2, "M = 2", np.where(m == k, "M = V", "ordinary")))

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self.draw(rng, n, shape, [])[0]

    def valid(self, raw: Raw) -> np.ndarray:
        support = raw["support"]
        return super().valid(raw) & support.any(-1) & support[..., : self.first].all(-1)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        support = raw["support"]
        m = to.number(support.sum(-1, keepdims=True))
        row = to.number(support) / m
        if not self.rest:
            return {self.name: row, "m": m}
        others = to.number(raw["others"] * (1 - support))
        free = np.asarray(support.sum(-1, keepdims=True) < support.shape[-1])
        part = to.number(free.astype(np.int64)) / (1 + to.number(raw["much"]))
        tail = others / (others.sum(-1, keepdims=True) + to.number((~free).astype(np.int64)))
        return {self.name: (1 - part) * row + part * tail, "m": m, "outside": part}


class Hidden(Kind):
    """Frozen hidden states with small integer entries: zero, equal, opposite, orthogonal and scaled ones included.

    With `acute`, no state is at an obtuse angle to the first one.
    """

    def __init__(self, *names: str, sizes: tuple[int, ...] = (1, 2, 3), acute: bool = False) -> None:
        self.acute = acute
        self.fields = tuple(Field(name, ("D",), low=-3, high=3, simplest=0) for name in names)
        self.sizes = {"D": sizes}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x, names = hidden_states(rng, n, len(self.fields), shape["D"])
        if self.acute:
            x = np.where((x * x[:, :1]).sum(-1, keepdims=True) < 0, -x, x)
        return {f.name: x[:, i] for i, f in enumerate(self.fields)}, names

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        raw: Raw = {}
        for f in self.fields:
            x = rng.integers(-3, 4, (n, shape["D"]))
            first = next(iter(raw.values()), x)
            raw[f.name] = np.where(self.acute & ((x * first).sum(-1, keepdims=True) < 0), -x, x)
        return raw

    def valid(self, raw: Raw) -> np.ndarray:
        first = raw[self.fields[0].name]
        angles = [(raw[f.name] * first).sum(-1) >= 0 for f in self.fields]
        return super().valid(raw) & (np.logical_and.reduce(angles) if self.acute else True)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.number(raw[f.name]) for f in self.fields}


def hidden_states(rng: Rng, n: int, count: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, count, d) integers from -3 to 3 and the class of each instance."""
    x = rng.integers(-3, 4, (n, count, d))
    names = np.array(["a zero state", "equal states", "opposite states", "unit states", "scaled states", "ordinary"],
                     dtype=object)
    which = np.minimum(rng.integers(0, 10, n), 5)
    x[which == 0, rng.integers(0, count, n)[which == 0]] = 0
    x[which == 1] = x[which == 1][:, :1]
    x[which == 2] = x[which == 2][:, :1] * rng.choice([-1, 1], (n, count, 1))[which == 2]
    x[which == 3] = (rng.integers(0, d, (n, count))[..., None] == np.arange(d))[which == 3]
    x[which == 4] = np.clip(x[which == 4][:, :1] * rng.integers(-2, 3, (n, count, 1))[which == 4], -3, 3)
    return x, names[which]
