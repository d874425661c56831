"""Kinds of objects about labelled data sets: the comparisons of one prompt, and policies over its responses."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift
from .token_pairs import HIGH

__all__ = ["OneToken", "TripleWeights", "Triples"]


class OneToken(Kind):
    """Responses of one token: policy and reference over K of them, as log-probabilities (K)."""

    def __init__(self) -> None:
        self.fields = (Field("policy", ("K",), high=HIGH), Field("reference", ("K",), high=HIGH))
        self.sizes = {"K": (2, 3, 4)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        policy, label = weights.table(rng, n, shape["K"], [])
        reference, names = weights.table(rng, n, shape["K"], [policy])
        raw = {"policy": np.minimum(policy, HIGH), "reference": np.minimum(reference, HIGH)}
        return raw, np.where(label == "ordinary", names, label)

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {f.name: to.log_weights(raw[f.name]) for f in self.fields}


class Triples(Kind):
    """The comparisons of one prompt: M pairs (winner, loser) of K responses.

    Chains, reversed pairs, cycles, duplicates, one winner of many, and a response compared with itself all occur.
    The K responses are those of a `policy` drawn with them. With `different`, no response is compared with itself.
    """

    def __init__(self, name: str = "triples", *, different: bool = False) -> None:
        self.name, self.different = name, different
        self.fields = (Field(name, ("M", 2), low=0, high=3, simplest=0, continuous=False),)
        self.sizes = {"K": (2, 3, 4), "M": (1, 2, 3)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        k, m = shape["K"], shape["M"]
        order = np.argsort(rng.random((n, k)), -1)
        names = np.array(
            ["chain", "reversed", "one winner", "one loser", "duplicate", "cycle", "camps", "ordinary"], dtype=object
        )
        which = rng.integers(0, 8, n)
        step = np.arange(m)
        pairs = rng.integers(0, k, (n, m, 2))
        split = rng.integers(1, k, (n, 1))
        built = {
            0: np.stack([order[:, np.minimum(step, k - 2)], order[:, np.minimum(step, k - 2) + 1]], -1),
            1: np.stack([order[:, step % 2], order[:, (step + 1) % 2]], -1),
            2: np.stack([order[:, 0 * step], order[:, 1 + step % (k - 1)]], -1),
            3: np.stack([order[:, 1 + step % (k - 1)], order[:, 0 * step]], -1),
            4: np.stack([order[:, 0 * step], order[:, 0 * step + 1]], -1),
            5: np.stack([order[:, step % k], order[:, (step + 1) % k]], -1),
            6: np.stack([pairs[..., 0] % split, split + pairs[..., 1] % (k - split)], -1),
        }
        for i, x in built.items():
            pairs[which == i] = x[which == i]
        if self.different:
            pairs[..., 1] = np.where(pairs[..., 0] == pairs[..., 1], (pairs[..., 0] + 1) % k, pairs[..., 1])
        return {self.name: pairs}, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        k = shape["K"]
        first = rng.integers(0, k, (n, shape["M"]))
        return {self.name: np.stack([first, (first + rng.integers(1, k, first.shape)) % k], -1)}

    def valid(self, raw: Raw) -> np.ndarray:
        k = raw["policy"].shape[-1] if "policy" in raw else self.fields[0].high + 1
        pairs = raw[self.name]
        ok = super().valid(raw) & (pairs < k).all((-1, -2))
        return ok & (pairs[..., 0] != pairs[..., 1]).all(-1) if self.different else ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: raw[self.name]}


class TripleWeights(Kind):
    """Whole numbers 0, 1, 2 for both responses of every triple, (M, 2): all 0, by response, by label, or by triple.

    The triples are those of a :class:`Triples` drawn with them.
    """

    def __init__(self, name: str = "weights") -> None:
        self.name = name
        self.fields = (Field(name, ("M", 2), low=0, high=2, simplest=0, continuous=False),)
        self.sizes = {"M": (1, 2, 3)}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x = rng.integers(0, 3, (n, shape["M"], 2))
        which = np.minimum(rng.integers(0, 10, n), 4)  # six in ten free
        tables = rng.integers(0, 3, (n, 2, max(4, shape["K"])))
        for triples in (e for e in earlier if e.shape == x.shape):
            chosen, rejected = triples[..., 0], triples[..., 1]
            first = np.take_along_axis(tables[:, 0], chosen, -1)
            for table, rows in ((tables[:, 0], which == 1), (tables[:, 1], (which == 2) | (which == 3))):
                x[rows] = np.stack([first, np.take_along_axis(table, rejected, -1)], -1)[rows]
        x[which == 0] = 0
        names = np.array(["weights 0", "weights of responses", *["weights of labels"] * 2, "ordinary"], dtype=object)
        return {self.name: x}, names[which]

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {self.name: rng.integers(0, 3, (n, shape["M"], 2))}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {self.name: to.number(raw[self.name])}
