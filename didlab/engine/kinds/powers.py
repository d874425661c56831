"""Policies tied by a power law: three in one law, a reference and its tempering, its mixture with uniform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...carriers import carrier_of
from ...exact import Exponent
from .. import weights
from ..lifts import SYMBOLIC, Lift
from .kind import Field, Kind, Raw, Rng, Shape
from .policies import Policies

__all__ = ["Mixed", "NearPowerLaw", "PowerLaw", "Tempered"]


_PLAIN = np.array([(1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (3, 2), (2, 3), (4, 1), (1, 4)])
_NEAR_AND_FAR = np.array([(4, 3), (3, 4), (6, 5), (5, 6), (10, 1), (1, 10), (20, 1), (1, 20)])
_EXPONENTS = np.concatenate([_PLAIN, _NEAR_AND_FAR])


class PowerLaw(Kind):
    r"""Three policies with :math:`q_{ref/l} \propto q_{*/ref}^\beta`, built from a ratio g: :math:`\beta = m/n`.

    Half of the exponents lie next to 1 or as far from it as those that are trained with, down to 1/20 and up to 20.
    """

    def __init__(
        self, target: str = "target", reference: str = "reference", rejected: str = "rejected", beta: str = "beta"
    ) -> None:
        self.names = (target, reference, rejected, beta)
        self.fields = (
            Field(reference, ("K",)),
            Field("ratio", ("K",)),
            Field("exponents", (2,), high=20, continuous=False),
        )
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = Policies(self.names[1], "ratio", high=weights.HIGH).draw(rng, n, shape, earlier)
        return {**base, "exponents": _EXPONENTS[rng.integers(0, len(_EXPONENTS), n)]}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        base = Policies(self.names[1], "ratio", high=weights.HIGH).plain(rng, n, shape)
        return {**base, "exponents": _PLAIN[rng.integers(0, len(_PLAIN), n)]}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        target, reference, rejected, beta = self.names
        f, g, e = to.log(to.number(raw[reference])), to.log(to.number(raw["ratio"])), raw["exponents"]
        m, n = to.number(e[..., :1]), to.number(e[..., 1:])
        if to is SYMBOLIC:
            u = raw["ratio to the beta"]
            power = np.array([Exponent(dict(zip(raw["ratio"], u, strict=True)))], dtype=object)
            logs = (f + g, f, f - to.log(u))
        else:
            power, logs = m / n, (f + n * g, f, f - m * g)
        policies = zip((target, reference, rejected), map(carrier_of(f).log_softmax, logs), strict=True)
        return {beta: power, **dict(policies)}

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
        out = super().lift(raw, to)
        off = to.log(to.number(raw["off"]))
        return out | {self.names[2]: carrier_of(off).log_softmax(out[self.names[2]] + off)}


class Tempered(Kind):
    r"""A reference and its tempering, :math:`\pi \propto \pi_{ref}^{s}`; sharpness :math:`s = 1/\tau = m/n` or 0.

    A third of them lie next to 1/2, 1 or 2, down to 1/6 away: what a statement says of all powers, and of those on one
    side of a threshold, differs there by little. A tenth lie beyond 6 or below 1/6. `side` keeps to sharper (s > 1),
    flatter (s < 1) or all tempered policies; `beyond` = 2 to those with s > 2.
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
        self.fields = (Field("base", ("K",), high=9), Field("powers", (2,), low=0, high=14, continuous=False))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = weights.table(rng, n, shape["K"], [])
        near = rng.random((n, 1)) < 0.5
        powers = np.where(near, 4 + rng.integers(-1, 2, (n, 2)), np.c_[rng.integers(0, 7, n), rng.integers(1, 5, n)])
        fine, close = rng.random(n) < 1 / 3, _next_to_thresholds(rng, n)
        powers = np.where(fine[:, None], close, powers)
        powers = np.where(rng.random((n, 1)) < 0.1, _far_from_thresholds(rng, n), powers)
        return {"base": np.minimum(base, 9), "powers": self._turned(powers)}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {"base": rng.integers(1, 10, (n, shape["K"])), "powers": self._turned(rng.integers(1, 5, (n, 2)))}

    def _turned(self, powers: np.ndarray) -> np.ndarray:
        if self.side == "both":
            return powers
        if self.beyond > 1:
            m, n = powers.max(-1), np.maximum(powers.min(-1), 1)
            near = 1 + powers[:, 1] % 2
            return np.where((m > self.beyond * n)[:, None], np.stack([m, n], -1),
                            np.stack([self.beyond * near + 1 + powers.sum(-1) % 2, near], -1))
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
        policy, reference, sharpness = self.names
        g = to.log(to.number(raw["base"]))
        m, n = to.number(raw["powers"][..., :1]), to.number(raw["powers"][..., 1:])
        normal = carrier_of(g).log_softmax
        return {policy: normal(m * g), reference: normal(n * g), sharpness: m / n}


def _next_to_thresholds(rng: Rng, n: int) -> np.ndarray:
    """Powers m/n = t + 1/n or t - 1/n with n from 2 to 6, t = 1 or 2, or the inverse of such a power."""
    below = rng.integers(2, 7, n)
    above = below * rng.integers(1, 3, n) + rng.choice([-1, 1], n)
    turned = rng.random(n) < 0.25
    return np.where(turned[:, None], np.c_[below, above], np.c_[above, below])


def _far_from_thresholds(rng: Rng, n: int) -> np.ndarray:
    """Powers from 7 to 14 and their inverses."""
    far = np.c_[rng.integers(7, 15, n), np.ones(n, dtype=np.int64)]
    return np.where(rng.random((n, 1)) < 0.5, far, far[:, ::-1])


_EDGES = np.array([(1, 10), (1, 50), (1, 99), (9, 10), (49, 50), (98, 99)])


class Mixed(Kind):
    r"""A reference and its mixture with the uniform policy.

    :math:`\pi = (1-\lambda)\pi_{ref} + \lambda/K` with :math:`\lambda` in (0, 1]; a third of the shares lie within a
    tenth of 0 or 1.
    """

    def __init__(self, policy: str = "policy", reference: str = "reference", share: str = "share") -> None:
        self.names = (policy, reference, share)
        self.fields = (Field(reference, ("K",)), Field("mixing", (2,), high=weights.HIGH, continuous=False))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        base, label = weights.table(rng, n, shape["K"], [])
        part = np.sort(rng.integers(1, 10, (n, 2)), -1)
        edge = _EDGES[rng.integers(0, len(_EDGES), n)]
        return {self.names[1]: base, "mixing": np.where(rng.random((n, 1)) < 1 / 3, edge, part)}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.names[1]: weights.ordinary(rng, n, shape["K"]), "mixing": np.sort(rng.integers(1, 10, (n, 2)), -1)}

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (raw["mixing"][..., 0] <= raw["mixing"][..., 1])

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        policy, reference, share = self.names
        w = to.number(raw[reference])
        p = w / w.sum(-1, keepdims=True)
        part = to.ratio(raw["mixing"])
        return {policy: to.log((1 - part) * p + part / p.shape[-1]), reference: to.log(p), share: part}
