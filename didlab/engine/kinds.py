r"""Kinds of objects a statement can speak of: how they are drawn, lifted, shrunk and written down.

An instance is a dictionary of integer arrays, a batch is the same with one leading axis. Each kind owns some of the
arrays (:class:`Field`), fills them from classes built to break things, and lifts them to the arguments of a check.
Scalars are lifted with a trailing axis of length 1, so that they multiply arrays over outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..exact import Exponent
from . import weights
from .lifts import FLOAT, SYMBOLIC, Lift

__all__ = [
    "Comonotone",
    "Field",
    "Geometric",
    "Graph",
    "Integers",
    "Kind",
    "Mixed",
    "NearPowerLaw",
    "Numbers",
    "Ordered",
    "Pair",
    "Policies",
    "PowerLaw",
    "Ranked",
    "Raw",
    "Rewards",
    "Shape",
    "Small",
    "Tailed",
    "Tempered",
    "Threshold",
    "instance_fields",
]

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

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        """The arguments of a check."""
        raise NotImplementedError


def instance_fields(kinds: Iterable[Kind]) -> dict[str, Field]:
    """All arrays of an instance by name."""
    return {f.name: f for kind in kinds for f in kind.fields}


class Policies(Kind):
    """Policies with full support over the same K outcomes, by integer weights."""

    def __init__(self, *names: str, high: int = weights.HIGH) -> None:
        self.fields = tuple(Field(name, ("K",), high=high) for name in names)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "", dtype=object)
        pool = [e for e in earlier if e.shape == (n, shape["K"])]
        for f in self.fields:
            raw[f.name], names = weights.table(rng, n, shape["K"], pool)
            raw[f.name] = np.minimum(raw[f.name], f.high)
            label = np.where(names == "ordinary", label, names)
            pool = [*pool, raw[f.name]]
        return raw, np.where(label == "", "ordinary", label)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.log_weights(raw[f.name]) for f in self.fields}


class Rewards(Policies):
    """Real-valued rewards, logarithms of positive rationals: not normalised, differences of any size and sign."""

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.log(to.number(raw[f.name])) for f in self.fields}


_EXPONENTS = np.array([(1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (3, 2), (2, 3), (4, 1), (1, 4)])


class PowerLaw(Kind):
    r"""Three policies with :math:`q_{ref/l} \propto q_{*/ref}^\beta`, built from a ratio g: :math:`\beta = m/n`."""

    def __init__(
        self, target: str = "target", reference: str = "reference", rejected: str = "rejected", beta: str = "beta"
    ) -> None:
        self.names = (target, reference, rejected, beta)
        self.fields = (
            Field(reference, ("K",)),
            Field("ratio", ("K",)),
            Field("exponents", (2,), high=4, continuous=False),
        )
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = Policies(self.names[1], "ratio").draw(rng, n, shape, earlier)
        return {**base, "exponents": _EXPONENTS[rng.integers(0, len(_EXPONENTS), n)]}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        base = Policies(self.names[1], "ratio").plain(rng, n, shape)
        return {**base, "exponents": _EXPONENTS[rng.integers(0, len(_EXPONENTS), n)]}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        target, reference, rejected, beta = self.names
        f, g, e = to.log(to.number(raw[reference])), to.log(to.number(raw["ratio"])), raw["exponents"]
        m, n = to.number(e[..., :1]), to.number(e[..., 1:])
        from ..carriers import carrier_of

        if to is SYMBOLIC:
            u = raw["ratio to the beta"]
            power = np.array([Exponent(dict(zip(raw["ratio"], u, strict=True)))], dtype=object)
            logs = (f + g, f, f - to.log(u))
            return {beta: power} | dict(
                zip((target, reference, rejected), map(carrier_of(f).log_softmax, logs), strict=True)
            )
        logs = (f + n * g, f, f - m * g)
        return {beta: m / n} | dict(
            zip((target, reference, rejected), map(carrier_of(f).log_softmax, logs), strict=True)
        )

    def symbolic_extra(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """An indeterminate for each power of the ratio: a free real exponent is an independent variable."""
        return {"ratio to the beta": (shape["K"],)}


class NearPowerLaw(PowerLaw):
    """Three policies in a power law, or with the rejected one moved off it at some outcomes."""

    def __init__(self) -> None:
        super().__init__()
        self.fields = (*self.fields, Field("off", ("K",), high=9))

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = super().draw(rng, n, shape, earlier)
        off = np.where(rng.random((n, 1)) < 0.6, 1, rng.integers(1, 4, (n, shape["K"])))
        return {**raw, "off": off}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {**super().plain(rng, n, shape), "off": rng.integers(1, 4, (n, shape["K"]))}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        from ..carriers import carrier_of

        out = super().lift(raw, to)
        off = to.log(to.number(raw["off"]))
        return out | {self.names[2]: carrier_of(off).log_softmax(out[self.names[2]] + off)}


class Tempered(Kind):
    r"""A reference and its tempering, :math:`\pi \propto \pi_{ref}^{s}`; sharpness :math:`s = 1/\tau = m/n` or 0.

    `side` keeps to sharper (s > 1), flatter (s < 1) or all tempered policies; `beyond` = 2 to those with s > 2.
    """

    def __init__(
        self,
        policy: str = "policy",
        reference: str = "reference",
        sharpness: str = "sharpness",
        *,
        side: str = "both",
        beyond: int = 1,
    ) -> None:
        self.names, self.side, self.beyond = (policy, reference, sharpness), side, beyond
        self.fields = (Field("base", ("K",), high=9), Field("powers", (2,), low=0, high=6, continuous=False))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = weights.table(rng, n, shape["K"], [])
        near = rng.random((n, 1)) < 0.5
        powers = np.where(near, 4 + rng.integers(-1, 2, (n, 2)), np.c_[rng.integers(0, 7, n), rng.integers(1, 5, n)])
        return {"base": np.minimum(base, 9), "powers": self._turned(powers)}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {"base": rng.integers(1, 10, (n, shape["K"])), "powers": self._turned(rng.integers(1, 5, (n, 2)))}

    def _turned(self, powers: np.ndarray) -> np.ndarray:
        if self.side == "both":
            return powers
        if self.beyond > 1:
            n = 1 + powers[:, 1] % 2
            return np.stack([self.beyond * n + 1 + powers.sum(-1) % 2, n], -1)
        m, n = powers.min(-1), np.maximum(powers.max(-1), 1)
        m = np.where(m == n, m - 1, m)
        return np.stack([m, n] if self.side == "flatter" else [n, np.maximum(m, 1)], -1) + np.where(
            (self.side == "sharper") & (np.maximum(m, 1) == n), 1, 0
        )[:, None] * np.array([1, 0])

    def valid(self, raw: Raw) -> np.ndarray:
        m, n = raw["powers"][..., 0], raw["powers"][..., 1]
        inside = (m > self.beyond * n) if self.side == "sharper" else (m < n) if self.side == "flatter" else n >= 1
        return super().valid(raw) & (n >= 1) & inside

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        from ..carriers import carrier_of

        policy, reference, sharpness = self.names
        g = to.log(to.number(raw["base"]))
        m, n = to.number(raw["powers"][..., :1]), to.number(raw["powers"][..., 1:])
        normal = carrier_of(g).log_softmax
        return {policy: normal(m * g), reference: normal(n * g), sharpness: m / n}


class Mixed(Kind):
    r"""A reference and its mixture with the uniform policy.

    :math:`\pi = (1-\lambda)\pi_{ref} + \lambda/K` with :math:`\lambda` in (0, 1].
    """

    def __init__(self, policy: str = "policy", reference: str = "reference", share: str = "share") -> None:
        self.names = (policy, reference, share)
        self.fields = (Field(reference, ("K",)), Field("mixing", (2,), high=9, continuous=False))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = weights.table(rng, n, shape["K"], [])
        part = np.sort(rng.integers(1, 10, (n, 2)), -1)
        return {self.names[1]: base, "mixing": part}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.names[1]: weights.ordinary(rng, n, shape["K"]), "mixing": np.sort(rng.integers(1, 10, (n, 2)), -1)}

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw["mixing"][..., 0] <= raw["mixing"][..., 1])

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        policy, reference, share = self.names
        w = to.number(raw[reference])
        p = w / w.sum(-1, keepdims=True)
        part = to.number(raw["mixing"][..., :1]) / to.number(raw["mixing"][..., 1:])
        return {policy: to.log((1 - part) * p + part / p.shape[-1]), reference: to.log(p), share: part}


class Comonotone(Kind):
    """A reference and a distribution that orders the outcomes as the reference does."""

    def __init__(self, reference: str = "reference", other: str = "other") -> None:
        self.names = (reference, other)
        self.fields = (Field(reference, ("K",)), Field(other, ("K",)))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = Policies(*self.names).draw(rng, n, shape, earlier)
        return {name: np.sort(x, -1) for name, x in raw.items()}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {name: np.sort(x, -1) for name, x in super().plain(rng, n, shape).items()}

    def valid(self, raw: Raw) -> np.ndarray:
        sorted_ = [(np.diff(raw[name], axis=-1) >= 0).all(-1) for name in self.names]
        return super().valid(raw) & sorted_[0] & sorted_[1]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {name: to.log_weights(raw[name]) for name in self.names}


class Numbers(Kind):
    """A positive rational number; the hard ones are at and near 0, 1 and infinity."""

    _HARD = np.array([(1, 1), (1, 2), (2, 1), (1, 99), (99, 1), (98, 99), (99, 98), (1, 10), (10, 1), (3, 2), (2, 3)])

    def __init__(self, name: str, *, below_one: bool = False) -> None:
        self.name, self.below_one = name, below_one
        self.fields = (Field(name, (2,)),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        hard = rng.random((n, 1)) < 0.5
        raw = np.where(hard, self._HARD[rng.integers(0, len(self._HARD), n)], weights.ordinary(rng, n, 2))
        raw = self._inside(raw)
        return {self.name: raw}, np.where(hard[:, 0], "hard number", "ordinary").astype(object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.name: self._inside(weights.ordinary(rng, n, 2))}

    def _inside(self, raw: np.ndarray) -> np.ndarray:
        if not self.below_one:
            return raw
        raw = np.sort(raw, -1)
        return np.where(raw[..., :1] == raw[..., 1:], np.array([1, 2]), raw)

    def valid(self, raw: Raw) -> np.ndarray:
        x = raw[self.name]
        return super().valid(raw) & ((x[..., 0] < x[..., 1]) if self.below_one else True)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.number(raw[self.name][..., :1]) / to.number(raw[self.name][..., 1:])}


class Threshold(Numbers):
    r"""A positive number of nats, :math:`\log t` with rational :math:`t > 1`."""

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw[self.name][..., 0] > raw[self.name][..., 1])

    def _inside(self, raw: np.ndarray) -> np.ndarray:
        raw = np.sort(raw, -1)[..., ::-1]
        return np.where(raw[..., :1] == raw[..., 1:], np.array([2, 1]), raw)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.log(super().lift(raw, to)[self.name])}


class Pair(Kind):
    """A chosen and a rejected outcome, different from each other."""

    def __init__(self, chosen: str = "chosen", rejected_index: str = "rejected_index") -> None:
        self.names = (chosen, rejected_index)
        self.fields = (Field("pair", (2,), low=0, simplest=0, continuous=False),)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k = shape["K"]
        first = rng.integers(0, k, n)
        return {"pair": np.c_[first, (first + rng.integers(1, k, n)) % k]}, np.full(n, "ordinary", dtype=object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self.draw(rng, n, shape, [])[0]

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw["pair"][..., 0] != raw["pair"][..., 1])

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.names[0]: raw["pair"][..., 0], self.names[1]: raw["pair"][..., 1]}


class Graph(Kind):
    """Which pairs of outcomes a data set compares, and how often: symmetric counts, every outcome in some pair."""

    def __init__(self, name: str = "comparisons") -> None:
        self.name = name
        self.fields = (Field(name, ("K", "K"), low=0, high=9, simplest=0, continuous=False),)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k = shape["K"]
        names = np.array(["complete", "path", "star", "matching", "random"], dtype=object)
        which = rng.integers(0, 5, n)
        order = np.argsort(rng.random((n, k)), -1)
        place = np.argsort(order, -1)
        a, b = place[:, :, None], place[:, None, :]
        edges = np.stack(
            [
                np.ones((n, k, k), bool),
                abs(a - b) == 1,
                (a == 0) | (b == 0),
                (a // 2 == b // 2) | ((k % 2 == 1) & (np.minimum(a, b) == k - 2) & (np.maximum(a, b) == k - 1)),
                np.triu(rng.random((n, k, k)) < 0.5),
            ]
        )[which, np.arange(n)]
        edges = (edges | edges.swapaxes(1, 2)) & ~np.eye(k, dtype=bool)
        lonely: np.ndarray = np.logical_not(edges.any(-1))
        edges = edges | ((lonely[:, :, None] | lonely[:, None, :]) & (abs(a - b) == 1))
        edges = np.where(edges.any(-1).all(-1)[:, None, None], edges, ~np.eye(k, dtype=bool))
        counts = np.triu(rng.integers(1, 4, (n, k, k)))
        return {self.name: (counts + np.triu(counts, 1).swapaxes(1, 2)) * edges}, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        k = shape["K"]
        counts = np.triu(rng.integers(1, 4, (n, k, k)), 1)
        return {self.name: counts + counts.swapaxes(1, 2)}

    def valid(self, raw: Raw) -> np.ndarray:
        x = raw[self.name]
        symmetric = np.all(x == x.swapaxes(-1, -2), (-1, -2)) & np.all(np.diagonal(x, axis1=-1, axis2=-2) == 0, -1)
        return super().valid(raw) & symmetric & (x > 0).any(-1).all(-1)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        if to is SYMBOLIC:
            count = to.number(raw[self.name] * 0)
            for (i, j), x in zip(combinations(range(len(count)), 2), raw[f"{self.name} of a pair"], strict=True):
                count[i, j] = count[j, i] = x
            return {self.name: count}
        return {self.name: to.number(raw[self.name])}

    def symbolic_extra(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """An indeterminate for the count of each pair: a proof is about every graph."""
        return {f"{self.name} of a pair": (shape["K"] * (shape["K"] - 1) // 2,)}


class Integers(Kind):
    """A small integer array (coefficients, gradients): zeros, repeated, parallel and opposite ones included."""

    def __init__(self, *names: str, axes: tuple[str | int, ...] = ("D",), low: int = -3, high: int = 3) -> None:
        self.names = names
        self.fields = tuple(Field(x, axes, low=low, high=high, simplest=0 if low <= 0 else low) for x in names)
        sizes: dict[str, tuple[int, ...]] = {a: (1, 2, 3) for a in axes if isinstance(a, str) and a != "K"}
        self.sizes = sizes | ({"K": (2, 3, 4, 5, 6)} if "K" in axes else {})

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            x = rng.integers(f.low, f.high + 1, (n, *f.shape(shape)))
            zero = rng.random(n) < 0.1
            if f.low <= 0:
                x[zero] = 0
                label[zero] = "zero"
            for other in list(raw.values()):
                parallel = rng.random(n) < 0.2
                x[parallel] = np.clip(
                    other[parallel] * rng.choice([-1, 1, 2], parallel.sum()).reshape(-1, *(1,) * (x.ndim - 1)),
                    f.low,
                    f.high,
                )
                label[parallel] = "parallel"
            raw[f.name] = x
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: rng.integers(f.low, f.high + 1, (n, *f.shape(shape))) for f in self.fields}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.number(raw[f.name]) for f in self.fields}


class Geometric(Kind):
    r"""Policies on the outcomes 0, 1, 2, ...: :math:`\pi(n) = (1-a) a^n`, given by a rational a in (0, 1)."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.fields = tuple(Field(name, (2,)) for name in names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            raw[f.name], names = Numbers(f.name, below_one=True).draw(rng, n, shape, [])[0][f.name], label
            if len(raw) > 1:
                same = rng.random(n) < 0.2
                raw[f.name][same] = next(iter(raw.values()))[same]
                label = np.where(same, "equal", names)
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: Numbers(f.name, below_one=True).plain(rng, n, shape)[f.name] for f in self.fields}

    def valid(self, raw: Raw) -> np.ndarray:
        ok = super().valid(raw)
        for name in self.names:
            ok = ok & (raw[name][..., 0] < raw[name][..., 1])
        return ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {x: to.number(raw[x][..., :1]) / to.number(raw[x][..., 1:]) for x in self.names}


def indeterminates(kinds: Iterable[Kind], shape: Shape) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays that become independent indeterminates in a proof at this size."""
    shapes: dict[str, tuple[int, ...]] = {}
    for kind in kinds:
        shapes |= {f.name: f.shape(shape) for f in kind.fields if f.continuous}
        extra = getattr(kind, "symbolic_extra", None)
        if extra:
            shapes |= extra(shape)
    return shapes


class Ordered(Kind):
    r"""Two policies of which one sharpens the other: their likelihood ratio rises with both of them.

    With ascending weights u and g, the flatter policy is u and the sharper one is u g: mass moves towards the modes of
    the flatter policy (reinforcing), or from those of the sharper one without reversing the order (smoothing).
    With `power` k the sharper one is :math:`u^k g`: at least as sharp as the k-th power of the flatter one. With
    `peaked` the flatter one has a dominant outcome and one that is about 0.
    """

    def __init__(
        self, flatter: str = "reference", sharper: str = "policy", *, power: int = 1, peaked: bool = False
    ) -> None:
        self.names, self.power, self.peaked = (flatter, sharper), power, peaked
        self.fields = (Field(flatter, ("K",)), Field("gain", ("K",)))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = Policies(self.names[0], "gain").draw(rng, n, shape, earlier)
        raw = {name: np.sort(x, -1) for name, x in raw.items()}
        if self.peaked:
            raw[self.names[0]][:, 0], raw[self.names[0]][:, -1] = 1, weights.HIGH
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {name: np.sort(x, -1) for name, x in super().plain(rng, n, shape).items()}

    def valid(self, raw: Raw) -> np.ndarray:
        rising = [(np.diff(raw[f.name], axis=-1) >= 0).all(-1) for f in self.fields]
        return super().valid(raw) & rising[0] & rising[1]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        u, g = to.number(raw[self.names[0]]), to.number(raw["gain"])
        both = dict(zip(self.names, (u, u**self.power * g), strict=True))
        return {name: to.log(w / w.sum(-1, keepdims=True)) for name, w in both.items()}


class Tailed(Kind):
    r"""Objects of another kind, its weights inverted wherever :math:`1/p` has a lower entropy than the named policy p.

    What is left are policies with many unlikely outcomes rather than few (up to the rounding of the inverted weights).
    """

    def __init__(self, inner: Kind, policy: str) -> None:
        self.inner, self.policy, self.fields, self.sizes = inner, policy, inner.fields, inner.sizes

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = self.inner.draw(rng, n, shape, earlier)
        return self._turned(raw), label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self._turned(self.inner.plain(rng, n, shape))

    def _turned(self, raw: Raw) -> Raw:
        p = np.exp(self.inner.lift(raw, FLOAT)[self.policy])
        rows = _entropy(1 / p) < _entropy(p) - 1e-12
        raw = dict(raw)
        for f in self.fields:
            if f.continuous:
                x = raw[f.name]
                turned = np.rint(x.max(-1, keepdims=True) * x.min(-1, keepdims=True) / x).astype(np.int64)[..., ::-1]
                raw[f.name] = np.where(rows[:, None], np.maximum(turned, f.low), x)
        return raw

    def valid(self, raw: Raw) -> np.ndarray:
        return self.inner.valid(raw)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return self.inner.lift(raw, to)


class Ranked(Kind):
    """Two policies, the first of the lower entropy (equal ones included)."""

    def __init__(self, lower: str, higher: str) -> None:
        self.names = (lower, higher)
        self.fields = (Field(lower, ("K",)), Field(higher, ("K",)))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = Policies(*self.names).draw(rng, n, shape, earlier)
        return self._ranked(raw), label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self._ranked(super().plain(rng, n, shape))

    def _ranked(self, raw: Raw) -> Raw:
        a, b = (raw[name] for name in self.names)
        swap = (_entropy(a) > _entropy(b))[..., None]
        return dict(zip(self.names, (np.where(swap, b, a), np.where(swap, a, b)), strict=True))

    def valid(self, raw: Raw) -> np.ndarray:
        a, b = (_entropy(raw[name]) for name in self.names)
        return super().valid(raw) & (a <= b + 1e-12)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {name: to.log_weights(raw[name]) for name in self.names}


def _entropy(x: np.ndarray) -> np.ndarray:
    p = x / x.sum(-1, keepdims=True)
    return np.asarray(-(p * np.log(p)).sum(-1))


class Small(Kind):
    r"""What "about 0" may mean: a threshold :math:`\epsilon = 1/n`, from 1/10 down."""

    def __init__(self, name: str = "epsilon", *, high: int = 9999) -> None:
        self.name = name
        self.fields = (Field(name, (1,), low=10, high=high, simplest=10),)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x = np.exp(rng.uniform(np.log(10), np.log(self.fields[0].high), (n, 1)))
        return {self.name: x.astype(np.int64)}, np.full(
            n, "ordinary", dtype=object
        )

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return self.draw(rng, n, shape, [])[0]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: 1 / to.number(raw[self.name])}
