"""Kinds of objects about pairs of token sequences.

A pair is drawn as integer weights of the next-token distributions of policy and reference at every prefix of both
responses, so that all probabilities are rational and gradients by the logits are too. Responses of one token, of
different lengths, with a common prefix, one a prefix of the other, and identical ones all occur, and rows that depend
on the position alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["HIGH", "NotNegative", "TokenPairs", "TokenWeights", "agree_at_prefixes"]

HIGH = 20  # weights of next-token distributions: small enough that many logarithms stay cheap


def agree_at_prefixes(rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Rows (..., 2, L, V) or entries (..., 2, L) with those of the second response replaced where prefixes are one."""
    same = (tokens[..., 0, :] == tokens[..., 1, :]).astype(np.int64)
    before = np.concatenate([np.ones_like(same[..., :1]), np.cumprod(same, -1)[..., :-1]], -1).astype(bool)
    second = np.where(before[..., None], rows[..., 0, :, :], rows[..., 1, :, :])
    return np.stack([rows[..., 0, :, :], second], -3)


class TokenPairs(Kind):
    """A chosen and a rejected response, with the rows of policy and reference at their prefixes.

    The check receives `policy` and `reference` (2, L, V), the logits, and `tokens` (2, L) and `lengths` (2): what
    `objectives.token_pair` takes.

    Args:
        different: whether the two responses are never one and the same.
        agree: share of the pairs whose policy is the reference, at all prefixes or at those of one response alone.
        short: share of the pairs whose responses have one token each.
        longest: the largest number of tokens, up to 3.
        vocabulary: sizes of the vocabulary.
    """

    def __init__(self, *, different: bool = False, agree: float = 0.15, short: float = 0.1, longest: int = 3,
                 vocabulary: tuple[int, ...] = (2, 3)) -> None:
        self.different, self.agree, self.short = different, agree, short
        self.fields = (
            Field("policy", (2, "L", "V"), high=HIGH), Field("reference", (2, "L", "V"), high=HIGH),
            Field("tokens", (2, "L"), low=0, high=3, simplest=0, continuous=False),
            Field("lengths", (2,), low=1, high=3, continuous=False),
        )
        self.sizes = {"L": tuple(range(1, longest + 1)), "V": vocabulary}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        length, v = shape["L"], shape["V"]
        tables: list[np.ndarray] = []
        for _ in range(2):
            flat = [x.reshape(-1, v) for x in tables]
            table, _ = weights.table(rng, n * 2 * length, v, flat)
            tables.append(np.minimum(table, HIGH).reshape(n, 2, length, v))
        policy, reference = tables
        raw = {"policy": policy, "reference": reference, **self._responses(rng, n, length, v)}
        label = np.full(n, "ordinary", dtype=object)
        tokens, lengths = raw["tokens"], raw["lengths"]
        label[lengths[:, 0] != lengths[:, 1]] = "unequal lengths"
        label[(lengths == 1).all(-1)] = "one token each"
        rows = rng.random(n) < self.agree
        common = np.cumprod(tokens[:, 0] == tokens[:, 1], -1).astype(bool)  # so is the prefix of the next token
        later = np.concatenate([np.zeros((n, 1), bool), ~common[:, :-1]], -1)[:, None, :, None]
        everywhere = (rng.random(n) < 0.5)[:, None, None, None]
        raw["policy"] = np.where(rows[:, None, None, None] & (everywhere | later), reference, policy)
        label[rows] = "policy agrees with the reference"
        forgetful = rng.random(n) < 0.1
        for name in ("policy", "reference"):
            raw[name][forgetful, 1] = raw[name][forgetful, 0]
        label[forgetful] = "rows by position alone"
        label[_identical(tokens, lengths)] = "identical responses"
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        length, v = shape["L"], shape["V"]
        rows = {x: np.minimum(weights.ordinary(rng, n, 2 * length * v), HIGH).reshape(n, 2, length, v)
                for x in ("policy", "reference")}
        tokens = rng.integers(0, v, (n, 2, length))
        return {**rows, "tokens": tokens, "lengths": rng.integers(1, length + 1, (n, 2))}

    def _responses(self, rng: Rng, n: int, length: int, v: int) -> Raw:
        tokens, lengths = rng.integers(0, v, (n, 2, length)), rng.integers(1, length + 1, (n, 2))
        which = rng.integers(0, 10, n)
        lengths[which < 2, 1] = lengths[which < 2, 0]
        common = (which >= 2) & (which < 5)  # one is a prefix of the other, or they part at the last token
        tokens[common, 1] = tokens[common, 0]
        last = common & (rng.random(n) < 0.5)
        tokens[last, 1, -1] = (tokens[last, 0, -1] + 1) % v
        if not self.different:
            same = which == 5
            tokens[same, 1], lengths[same, 1] = tokens[same, 0], lengths[same, 0]
        lengths[rng.random(n) < self.short] = 1
        if self.different:
            rows = _identical(tokens, lengths)
            tokens[rows, 1, 0] = (tokens[rows, 0, 0] + 1) % v
        return {"tokens": tokens, "lengths": lengths}

    def valid(self, raw: Raw) -> np.ndarray:
        tokens, lengths = raw["tokens"], raw["lengths"]
        v, length = raw["policy"].shape[-1], raw["policy"].shape[-2]
        ok = super().valid(raw) & (tokens < v).all((-1, -2)) & (lengths <= length).all(-1)
        return ok & ~_identical(tokens, lengths) if self.different else ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        tokens = raw["tokens"]
        rows = {x: to.log(to.number(raw[x])) for x in ("policy", "reference")}
        return {x: agree_at_prefixes(y, tokens) for x, y in rows.items()} | {"tokens": tokens,
                                                                             "lengths": raw["lengths"]}


def _identical(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    behind = np.arange(tokens.shape[-1]) >= lengths.max(-1)[..., None]
    same = ((tokens[..., 0, :] == tokens[..., 1, :]) | behind).all(-1)
    return same & (lengths[..., 0] == lengths[..., 1])


class TokenWeights(Kind):
    """Numbers for the tokens of both responses, (2, L): multiples of 1/2 from 0 to 2, all 0, all 1 and equal included.

    With `of_tokens` a weight belongs to a token after a prefix, so that both responses have it where they share both;
    it needs the tokens of :class:`TokenPairs`.
    """

    def __init__(self, *names: str, of_tokens: bool = False, longest: int = 3) -> None:
        self.names, self.of_tokens = names, of_tokens
        self.fields = tuple(Field(x, (2, "L"), low=0, high=4, simplest=2, continuous=False) for x in names)
        self.sizes = {"L": tuple(range(1, longest + 1))}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        names = np.array(["weights 0", "weights 1", "equal weights", "weights 0 and 1", "ordinary"], dtype=object)
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            x = rng.integers(0, 5, (n, 2, shape["L"]))
            which = np.minimum(rng.integers(0, 12, n), 4)
            x[which == 0], x[which == 1] = 0, 2
            x[which == 2] = x[which == 2][:, :1]
            x[which == 3] = 2 * (x[which == 3] % 2)
            raw[f.name], label = x, np.where(which < 4, names[which], label)
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: rng.integers(0, 5, (n, 2, shape["L"])) for f in self.fields}

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name in self.names:
            x = raw[name]
            if self.of_tokens:
                tokens = raw["tokens"]
                same = np.cumprod(tokens[..., 0, :] == tokens[..., 1, :], -1).astype(bool)
                x = np.stack([x[..., 0, :], np.where(same, x[..., 0, :], x[..., 1, :])], -2)
            out[name] = to.number(x, np.full((), 2))
        return out


class NotNegative(Kind):
    """A rational number from 0, with a trailing axis; 0, 1 and numbers next to them among the hard ones.

    With `positive` it is above 0.
    """

    _HARD = np.array([(0, 1), (1, 1), (1, 2), (2, 1), (9, 10), (10, 9), (1, 9), (9, 1)])

    def __init__(self, *names: str, positive: bool = False) -> None:
        self.names, low = names, int(positive)
        self.fields = tuple(Field(x, (2,), low=low, high=20, simplest=1, continuous=False) for x in names)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        for f in self.fields:
            hard = rng.random((n, 1)) < 0.5
            x = np.where(hard, self._HARD[rng.integers(0, len(self._HARD), n)], rng.integers(1, 10, (n, 2)))
            raw[f.name] = np.maximum(x, f.low)
            label = np.where(hard[:, 0], "hard number", label)
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        return {f.name: rng.integers(1, 10, (n, 2)) for f in self.fields}

    def valid(self, raw: Raw) -> np.ndarray:
        ok = super().valid(raw)
        for name in self.names:
            ok = ok & (raw[name][..., 1] >= 1)
        return ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        return {x: to.ratio(raw[x]) for x in self.names}
