r"""Kinds of objects with parameters: policies near one point of parameter space, and smooth functions.

A policy is known near :math:`\theta = 0` by the value, the slope and the curvature of its logits,
:math:`z_k(\theta) = \log w_k + J_k\theta + \theta^\top U_k \theta`, all integers: gradients and Hessians of
log-likelihoods at 0 are then rational numbers. With :math:`U = 0` log-likelihoods are concave; with :math:`J = 1` and
:math:`U = 0` the parameters are the logits themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Functions", "LocalModel", "cubic", "likelihood_gradient", "likelihood_hessian"]

SMALL = 2  # slopes and curvatures of logits are integers from -2 to 2


def counts(outcomes: Any, k: int) -> np.ndarray:
    """How often each of k outcomes occurs in a batch (..., M): integers (..., k)."""
    return (np.asarray(outcomes)[..., None] == np.arange(k)).sum(-2)


def likelihood_gradient(p: Any, jacobian: Any, frequency: Any) -> Any:
    r"""Gradient at 0 of the mean negative log-likelihood, :math:`J^\top(p - \bar e)`, (..., D)."""
    return ((p - frequency)[..., None] * jacobian).sum(-2)


def likelihood_hessian(p: Any, jacobian: Any, curvature: Any, frequency: Any) -> Any:
    r"""Hessian at 0 of it: :math:`J^\top(\mathrm{diag}\,p - pp^\top)J + \sum_k (p-\bar e)_k\,(U_k + U_k^\top)`."""
    mean = (p[..., None] * jacobian).sum(-2)
    spread = jacobian - mean[..., None, :]
    first = (p[..., None, None] * spread[..., :, None] * spread[..., None, :]).sum(-3)
    second = ((p - frequency)[..., None, None] * (curvature + curvature.swapaxes(-1, -2))).sum(-3)
    return first + second


class LocalModel(Kind):
    r"""A policy near one point of parameter space, and a batch of M preference pairs.

    The check receives `probability` (K), the indices `chosen` and `rejected` (M, different within a pair; batches
    repeat and reverse pairs), `chosen_gradient` and `rejected_gradient` of the mean negative log-likelihoods (D), and,
    as asked, `jacobian` (K, D), `curvature` (K, D, D), `chosen_hessian` and `rejected_hessian` (D, D), and
    `reference`, probabilities (K).

    Args:
        parameters: "any" map from D parameters to logits, or the "logits" themselves (D = K).
        batch: numbers of pairs.
        curved: share of the drawn models whose logits are not linear in the parameters; None leaves curvature out.
        reference: whether a reference policy is drawn.
        at_mode: share of the batches whose chosen outcomes are put at the mode, besides those that are there anyway.
    """

    def __init__(self, parameters: str = "any", *, batch: tuple[int, ...] = (1, 2), curved: float | None = None,
                 reference: bool = False, at_mode: float = 0.0, largest: int = 4) -> None:
        self.free, self.curved, self.reference, self.at_mode = parameters == "any", curved, reference, at_mode
        fields = [Field("weights", ("K",), high=weights.HIGH)]
        if reference:
            fields.append(Field("reference_weights", ("K",)))
        fields.append(Field("pairs", ("M", 2), low=0, high=largest - 1, simplest=0, continuous=False))
        self.sizes = {"K": tuple(range(2, largest + 1)), "M": batch}
        if self.free:
            fields.append(Field("slopes", ("K", "D"), low=-SMALL, high=SMALL, simplest=0))
            self.sizes = {**self.sizes, "D": (1, 2, 3)}
        if self.free and curved is not None:
            fields.append(Field("bends", ("K", "D", "D"), low=-SMALL, high=SMALL, simplest=0))
        self.fields = tuple(fields)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k, m = shape["K"], shape["M"]
        raw: Raw = {}
        raw["weights"], label = weights.table(rng, n, k, [])
        if self.reference:
            raw["reference_weights"], names = weights.table(rng, n, k, [raw["weights"]])
            label = np.where(label == "ordinary", names, label)
        raw["pairs"], names = self._pairs(rng, n, k, m, raw["weights"])
        label = np.where(label == "ordinary", names, label)
        if self.free:
            raw["slopes"], names = _slopes(rng, n, k, shape["D"])
            label = np.where(names == "ordinary", label, names)
        if "bends" in (f.name for f in self.fields):
            raw["bends"] = self._bends(rng, n, k, shape["D"], float(self.curved or 0))
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        k, m = shape["K"], shape["M"]
        raw: Raw = {"weights": weights.ordinary(rng, n, k)}
        if self.reference:
            raw["reference_weights"] = weights.ordinary(rng, n, k)
        raw["pairs"] = _pairs(rng, n, k, m)
        if self.free:
            raw["slopes"] = rng.integers(-SMALL, SMALL + 1, (n, k, shape["D"]))
        if "bends" in (f.name for f in self.fields):
            raw["bends"] = self._bends(rng, n, k, shape["D"], 0.5)
        return raw

    def _pairs(self, rng: Rng, n: int, k: int, m: int, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = _pairs(rng, n, k, m)
        names = np.full(n, "ordinary", dtype=object)
        which = rng.integers(0, 8, n) if m > 1 else np.full(n, 7)
        pairs[which == 0] = pairs[which == 0][:, :1]
        pairs[which == 1, 1:] = pairs[which == 1][:, :1, ::-1]
        names[which == 0], names[which == 1] = "repeated pairs", "reversed pairs"
        if self.at_mode:
            rows = rng.random(n) < self.at_mode
            mode = w.argmax(-1)[:, None]
            other = (mode + 1 + rng.integers(0, k - 1, (n, m))) % k
            moved = np.stack([np.broadcast_to(mode, (n, m)), other], -1)
            pairs[rows], names[rows] = moved[rows], "chosen at the mode"
        return pairs, names

    @staticmethod
    def _bends(rng: Rng, n: int, k: int, d: int, share: float) -> np.ndarray:
        bends = rng.integers(-SMALL, SMALL + 1, (n, k, d, d))
        bends[rng.random(n) < 0.3] *= rng.random((k, 1, 1)) < 0.5
        bends[rng.random(n) >= share] = 0
        return bends

    def valid(self, raw: Raw) -> np.ndarray:
        pairs, k = raw["pairs"], raw["weights"].shape[-1]
        inside = (pairs < k).all((-1, -2)) & (pairs[..., 0] != pairs[..., 1]).all(-1)
        return super().valid(raw) & inside

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        pairs, k = raw["pairs"], raw["weights"].shape[-1]
        p = _normalised(to.number(raw["weights"]))
        out: dict[str, Any] = {"probability": p, "chosen": pairs[..., 0], "rejected": pairs[..., 1]}
        if self.reference:
            out["reference"] = _normalised(to.number(raw["reference_weights"]))
        m = pairs.shape[-2]
        often = [to.number(counts(pairs[..., side], k), np.full((), m)) for side in (0, 1)]
        if not self.free:
            return out | {"chosen_gradient": p - often[0], "rejected_gradient": p - often[1]}
        jacobian = to.number(raw["slopes"])
        out["jacobian"] = jacobian
        out["chosen_gradient"], out["rejected_gradient"] = (likelihood_gradient(p, jacobian, f) for f in often)
        if "bends" in raw:
            out["curvature"] = bends = to.number(raw["bends"])
            out["chosen_hessian"], out["rejected_hessian"] = (likelihood_hessian(p, jacobian, bends, f) for f in often)
        return out


def _normalised(w: Any) -> Any:
    return w / w.sum(-1, keepdims=True)


def _pairs(rng: Rng, n: int, k: int, m: int) -> np.ndarray:
    first = rng.integers(0, k, (n, m))
    return np.stack([first, (first + rng.integers(1, k, (n, m))) % k], -1)


def _slopes(rng: Rng, n: int, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Jacobians of the logits: ordinary, none, all rows equal, of rank one, with one-hot rows (a table of logits)."""
    x = rng.integers(-SMALL, SMALL + 1, (n, k, d))
    names = np.array(["zero", "equal rows", "rank one", "one-hot", "ordinary"], dtype=object)
    which = np.minimum(rng.integers(0, 16, n), 4)
    x[which == 0] = 0
    x[which == 1] = x[which == 1][:, :1]
    x[which == 2] = rng.integers(-1, 2, (n, k, 1))[which == 2] * np.clip(x[which == 2][:, :1], -SMALL, SMALL)
    x[which == 3] = np.arange(k)[:, None] == np.arange(d)
    return x, names[which]


class Functions(Kind):
    r"""A function on :math:`R^D` and a direction :math:`\Delta`, both seen from the point 0:

    :math:`f(\theta) = g\cdot\theta + \theta^\top U\theta + (t\cdot\theta)^3 + (u\cdot\theta)\,|u\cdot\theta|`, a
    polynomial plus a term that is differentiable once and not twice. The directions point down or are orthogonal to g.
    """

    def __init__(self) -> None:
        self.fields = tuple(Field(name, axes, low=-3, high=3, simplest=0) for name, axes in (
            ("slope", ("D",)), ("bend", ("D", "D")), ("cube", ("D",)), ("kink", ("D",)), ("direction", ("D",))))
        self.sizes = {"D": (1, 2, 3)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw = self.plain(rng, n, shape)
        names = np.array(["flat", "no bend", "steep bend", "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 12, n), 3)
        raw["slope"][which == 0] = 0
        raw["bend"][which == 1] = 0
        raw["slope"][which == 2] = np.sign(raw["slope"][which == 2])
        down = (raw["slope"] * raw["direction"]).sum(-1, keepdims=True) > 0
        raw["direction"] = np.where(down, -raw["direction"], raw["direction"])
        return raw, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        raw = {f.name: rng.integers(-3, 4, (n, *f.shape(shape))) for f in self.fields}
        up = (raw["slope"] * raw["direction"]).sum(-1, keepdims=True) > 0
        raw["direction"] = np.where(up, -raw["direction"], raw["direction"])
        return raw

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.number(raw[f.name]) for f in self.fields}


def cubic(theta: Any, slope: Any, bend: Any, cube: Any, kink: Any) -> Any:
    """The value of the function of :class:`Functions` at theta, (..., D) -> (..., 1)."""
    t, u = (cube * theta).sum(-1, keepdims=True), (kink * theta).sum(-1, keepdims=True)
    pull = slope + (bend * theta[..., None, :]).sum(-1)
    return (pull * theta).sum(-1, keepdims=True) + t * t * t + u * abs(u)
