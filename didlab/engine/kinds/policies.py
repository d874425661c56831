"""Policies with full support, alone or in a relation of order: sharper, ranked by entropy, ordered alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import weights
from ..lifts import FLOAT, Lift
from .kind import Field, Kind, Raw, Rng, Shape

__all__ = ["Comonotone", "Ordered", "Policies", "Ranked", "Rewards", "Tailed"]


class Policies(Kind):
    """Policies with full support over the same K outcomes, by integer weights; a few leave an outcome 1 in 10,000."""

    def __init__(self, *names: str, high: int = weights.EXTREME) -> None:
        self.fields = tuple(Field(name, ("K",), high=high) for name in names)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "", dtype=object)
        pool = [e for e in earlier if e.shape == (n, shape["K"])]
        for f in self.fields:
            raw[f.name], names = weights.table(rng, n, shape["K"], pool)
            label = np.where(names == "ordinary", label, names)
            pool = [*pool, raw[f.name]]
        for f in self.fields:
            if f.high > weights.HIGH:
                raw[f.name], far = weights.extreme(rng, raw[f.name])
                label = np.where(far, "extreme", label)
            raw[f.name] = np.minimum(raw[f.name], f.high)
        return raw, np.where(label == "", "ordinary", label)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.log_weights(raw[f.name]) for f in self.fields}


class Rewards(Policies):
    r"""Real-valued rewards, of any size and sign, not normalised: :math:`\log w`, and :math:`-\log|w|` for w below 0.

    The integers w are those of policies; a quarter of the rewards fall below 0 at some or all outcomes.
    """

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = super().draw(rng, n, shape, earlier)
        for name, w in raw.items():
            which = rng.integers(0, 8, n)
            below = (which == 0)[:, None] | ((which == 1)[:, None] & (rng.random(w.shape) < 0.5))
            raw[name] = np.where(below & (w > 1), -w, w)
            label = np.where((which < 2) & (label == "ordinary"), "below 0", label)
        return raw, label

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid({f.name: abs(raw[f.name]) for f in self.fields})

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: _signed_log(raw[f.name], to) for f in self.fields}


def _signed_log(w: np.ndarray, to: Lift) -> Any:
    """log w, and -log(-w) of a negative integer; indeterminates are positive."""
    if w.dtype == object:
        return to.log(to.number(w))
    return np.sign(w) * to.log(to.number(abs(w)))


class Comonotone(Kind):
    """A reference and a distribution that orders the outcomes as the reference does."""

    def __init__(self, reference: str = "reference", other: str = "other") -> None:
        self.names = (reference, other)
        self.fields = tuple(Field(name, ("K",), high=weights.EXTREME) for name in self.names)
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = Policies(*self.names).draw(rng, n, shape, earlier)
        return {name: np.sort(x, -1) for name, x in raw.items()}, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {name: np.sort(x, -1) for name, x in super().plain(rng, n, shape).items()}

    def repaired(self, raw: Raw) -> Raw:
        return {name: np.sort(raw[name], -1) for name in self.names}

    def valid(self, raw: Raw) -> np.ndarray:
        sorted_ = [(np.diff(raw[name], axis=-1) >= 0).all(-1) for name in self.names]
        return super().valid(raw) & sorted_[0] & sorted_[1]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {name: to.log_weights(raw[name]) for name in self.names}


class Ordered(Kind):
    r"""Two policies of which one sharpens the other: their likelihood ratio rises with both of them.

    With ascending weights u and g, the flatter policy is u and the sharper one is u g: mass moves towards the modes of
    the flatter policy (reinforcing), or from those of the sharper one without reversing the order (smoothing).
    With `power` k the sharper one is :math:`u^k g`: at least as sharp as the k-th power of the flatter one. With
    `peaked` the flatter one has a dominant outcome and one that is about 0. `high` bounds u and g.
    """

    def __init__(
        self, flatter: str = "reference", sharper: str = "policy", *, power: int = 1, peaked: bool = False,
        high: int = weights.EXTREME,
    ) -> None:
        self.names, self.power, self.peaked = (flatter, sharper), power, peaked
        self.fields = tuple(Field(name, ("K",), high=high) for name in (flatter, "gain"))
        self.sizes = {"K": (2, 3, 4, 5, 6)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = Policies(self.names[0], "gain", high=self.fields[0].high).draw(rng, n, shape, earlier)
        return self.repaired(raw), label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {name: np.sort(x, -1) for name, x in super().plain(rng, n, shape).items()}

    def repaired(self, raw: Raw) -> Raw:
        raw = {f.name: np.sort(raw[f.name], -1) for f in self.fields}
        if self.peaked:
            flatter = raw[self.names[0]]
            flatter[..., 0], flatter[..., -1] = 1, np.maximum(flatter[..., -1], weights.HIGH)
        return raw

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

    def repaired(self, raw: Raw) -> Raw:
        return self._turned({**raw, **self.inner.repaired(raw)})

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return self.inner.lift(raw, to)


class Ranked(Kind):
    """Two policies, the first of the lower entropy (equal ones included)."""

    def __init__(self, lower: str, higher: str) -> None:
        self.names = (lower, higher)
        self.fields = tuple(Field(name, ("K",), high=weights.EXTREME) for name in self.names)
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

    def repaired(self, raw: Raw) -> Raw:
        return self._ranked(raw)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {name: to.log_weights(raw[name]) for name in self.names}


def _entropy(x: np.ndarray) -> np.ndarray:
    p = x / x.sum(-1, keepdims=True)
    return np.asarray(-(p * np.log(p)).sum(-1))
