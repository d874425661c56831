r"""Pairs of responses that differ at one token, as a language model sees them: tokens, rows, hidden states."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Raw, Rng, Shape
from .lifts import Lift
from .tokens import FEW, hidden_states, moves, normalised, preferring

__all__ = ["Responses", "after"]


def after(chosen: Any, rejected: Any) -> np.ndarray:
    """Which positions come after the first at which two responses differ, shape (..., L)."""
    differ = np.asarray(chosen) != np.asarray(rejected)
    return (np.cumsum(differ, -1) > 0) & ~differ


class Responses(Kind):
    r"""A chosen and a rejected response of one length L that differ at one token, as a language model sees them.

    The check receives the tokens `chosen` and `rejected` (L), the rows `rows_w` and `rows_l` (L, V), and, with
    `hidden`, the hidden states `hidden_w` and `hidden_l` (L, D). What depends on equal prefixes is equal: rows and
    hidden states agree up to the differing position.

    Args:
        differ: where the differing token is: "last", "inner" (not last), or "any".
        lengths: the lengths L.
        prefers: the rows after the differing token are those of :class:`Preferring`, for the common token: the chosen
            context prefers it; otherwise they are any rows.
        hidden: whether hidden states are drawn.
        concentrated: the row at the differing token is uniform on M tokens: None, "both" (the differing tokens are
            among the M), or "any".
        alike: after the differing token both contexts have the same rows and hidden states.
        turned: in some instances the hidden states of the other positions are orthogonal to those of one: None,
            "differing" (those of the differing position), or "last" (those of the last, which are parallel in the two
            responses).
    """

    def __init__(self, differ: str = "inner", *, lengths: tuple[int, ...] = (2, 3, 4), prefers: bool = False,
                 hidden: bool = False, concentrated: str | None = None,
                 alike: bool = False, turned: str | None = None,
                 vocabulary: tuple[int, ...] = (2, 3)) -> None:
        self.differ, self.prefers, self.hidden, self.concentrated = differ, prefers, hidden, concentrated
        self.alike = alike
        self.turned, self.sizes = turned, {"L": lengths, "K": vocabulary}
        top = max(vocabulary) - 1
        fields = [Field("chosen", ("L",), low=0, high=top, simplest=0, continuous=False),
                  Field("rejected", ("L",), low=0, high=top, simplest=0, continuous=False),
                  Field("common", ("L", "K"), high=weights.EXTREME),
                  Field("moved", ("L", "K"), low=0, simplest=0) if prefers else
                  Field("other", ("L", "K"), high=weights.EXTREME)]
        if hidden:
            fields += [Field(x, ("L", "D"), low=-3, high=3, simplest=0) for x in ("states", "other_states")]
            self.sizes = {**self.sizes, "D": (1, 2)}
        if concentrated:
            fields.append(Field("support", ("K",), low=0, high=1, simplest=0, continuous=False))
        if turned:
            fields.append(Field("turn", (1,), low=0, high=1, simplest=0, continuous=False))
        self.fields = tuple(fields)

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        length, k = shape["L"], shape["K"]
        chosen, rejected, m, label = self._tokens(rng, n, length, k)
        raw: Raw = {"chosen": chosen, "rejected": rejected}
        common, names = weights.table(rng, n * length, k, [])
        raw["common"] = weights.extreme(rng, common)[0].reshape(n, length, k)
        label = np.where(label == "ordinary", names.reshape(n, length)[:, 0], label)
        expected = self._expect(rng, raw["common"], (chosen, rejected), m)
        label = np.where((label == "ordinary") & expected, "a differing token expected everywhere", label)
        if self.prefers:
            raw["moved"], names = moves(rng, (n, length, k))
        else:
            other, names = weights.table(rng, n * length, k, [common])
            raw["other"] = weights.extreme(rng, other)[0].reshape(n, length, k)
            names = names.reshape(n, length)[:, -1]
        label = np.where(label == "ordinary", names, label)
        if self.hidden:
            x, names = hidden_states(rng, n, 2 * length, shape["D"])
            same = rng.random((n, 1, 1)) < 0.4
            raw["states"], raw["other_states"] = x[:, :length], np.where(same, x[:, :length], x[:, length:])
            label = np.where(label == "ordinary", names, label)
        if self.concentrated:
            raw["support"] = self._support(rng, n, k, chosen, rejected, m)
        if self.turned:
            raw["turn"] = (rng.random((n, 1)) < 0.7).astype(np.int64)
        return raw, label

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        length, k = shape["L"], shape["K"]
        chosen, rejected, m, _ = self._tokens(rng, n, length, k)
        raw: Raw = {"chosen": chosen, "rejected": rejected}
        for f in self.fields[2:4]:
            x = rng.integers(0, FEW + 1, (n * length, k)) if f.low == 0 else weights.ordinary(rng, n * length, k)
            raw[f.name] = x.reshape(n, length, k)
        if self.hidden:
            raw |= {x: rng.integers(-3, 4, (n, length, shape["D"])) for x in ("states", "other_states")}
        if self.concentrated:
            raw["support"] = self._support(rng, n, k, chosen, rejected, m)
        if self.turned:
            raw["turn"] = rng.integers(0, 2, (n, 1))
        return raw

    def _tokens(self, rng: Rng, n: int, length: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Tokens, the differing position, and how the other tokens relate to the differing ones."""
        last = length - 1
        low, high = {"last": (last, length), "inner": (0, max(last, 1)), "any": (0, length)}[self.differ]
        m = rng.integers(low, high, n)
        chosen = rng.integers(0, k, (n, length))
        one = chosen[np.arange(n), m]
        two = (one + rng.integers(1, k, n)) % k
        names = np.array(["all others as the chosen", "all others as the rejected", "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 6, n), 2)
        chosen[which == 0] = one[which == 0][:, None]
        chosen[which == 1] = two[which == 1][:, None]
        here = np.arange(length) == m[:, None]
        return (np.where(here, one[:, None], chosen), np.where(here, two[:, None], chosen), m, names[which])

    @staticmethod
    def _expect(rng: Rng, rows: np.ndarray, tokens: tuple[np.ndarray, np.ndarray], m: np.ndarray) -> np.ndarray:
        """Gives one of the differing tokens at least half of every row in some instances; which ones."""
        n, length, k = rows.shape
        which = rng.random(n) < 0.15
        token = np.where(rng.random(n) < 0.5, *(y[np.arange(n), m] for y in tokens))[:, None, None]
        here = np.arange(k) == token
        others = (rows * ~here).sum(-1, keepdims=True)
        heavy = np.where(here, np.minimum(rng.choice([1, 2, 3, 50], (n, length, 1)) * others, weights.HIGH), rows)
        rows[which] = heavy[which]
        return which

    def _support(self, rng: Rng, n: int, k: int, chosen: Any, rejected: Any, m: Any) -> np.ndarray:
        support = (rng.random((n, k)) < rng.choice([0.2, 0.5, 0.9], (n, 1))).astype(np.int64)
        if self.concentrated == "any":
            support[np.arange(n), rng.integers(0, k, n)] = 1
        else:
            for tokens in (chosen, rejected):
                support[np.arange(n), tokens[np.arange(n), m]] = 1
        return support

    def valid(self, raw: Raw) -> np.ndarray:
        chosen, rejected, k = raw["chosen"], raw["rejected"], raw["common"].shape[-1]
        differ = chosen != rejected
        ok = (differ.sum(-1) == 1) & (np.maximum(chosen, rejected) < k).all(-1)
        if self.differ == "last":
            ok = ok & differ[..., -1]
        if self.differ == "inner":
            ok = ok & ~differ[..., -1]
        if self.concentrated:
            support = raw["support"]
            ok = ok & support.any(-1)
            if self.concentrated == "both":
                at = np.arange(k) == np.stack([(chosen * differ).sum(-1), (rejected * differ).sum(-1)], -1)[..., None]
                ok = ok & (at <= support[..., None, :].astype(bool)).all((-1, -2))
        return super().valid(raw) & ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        chosen, rejected = raw["chosen"], raw["rejected"]
        later = after(chosen, rejected)[..., None]
        rows = common = normalised(to.number(raw["common"]))
        out: dict[str, Any] = {"chosen": chosen, "rejected": rejected}
        if self.prefers:
            token = chosen[..., None] == np.arange(common.shape[-1])
            rows, other = preferring(to.number(raw["common"]), to.number(raw["moved"]), token)
            rows = np.where(later, rows, common)
        else:
            other = normalised(to.number(raw["other"]))
        if self.concentrated:
            support = to.number(raw["support"])[..., None, :]
            rows = np.where((chosen != rejected)[..., None], normalised(support), rows)
        out |= {"rows_w": rows, "rows_l": rows if self.alike else np.where(later, other, rows)}
        if self.hidden:
            here = (chosen != rejected)[..., None]
            states, others = (to.number(self._turn(raw, x, here[..., 0])) for x in ("states", "other_states"))
            out |= {"hidden_w": states, "hidden_l": states if self.alike else np.where(later, others, states)}
        return out

    def _turn(self, raw: Raw, name: str, here: np.ndarray) -> np.ndarray:
        """Hidden states, those of the other positions turned to be orthogonal to one position's where asked."""
        states = raw[name]
        if not self.turned:
            return states
        kept = (here if self.turned == "differing" else np.arange(here.shape[-1]) == here.shape[-1] - 1)[..., None]
        center = (raw["states"] * kept).sum(-2, keepdims=True)
        across = np.stack([-center[..., 1], center[..., 0]], -1) if center.shape[-1] == 2 else 0 * center
        turn = raw["turn"][..., None] > 0
        if self.turned == "last" and name == "other_states":
            states = np.where(turn & kept, np.maximum(states[..., :1], 1) * center, states)
        return np.where(turn & ~kept, states[..., :1] * across, states)
