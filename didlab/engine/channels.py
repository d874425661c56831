r"""Kinds about prompts: conditional policies, priors, rewards in units of 1 / beta, fixed points of the alternation.

Rows of integer weights with zeros: prompts that never come, deterministic rows, responses that nobody gives or that
are copies of each other, priors that exclude responses. A check gets probabilities, not logits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import weights
from .kinds import Field, Kind, Numbers, Raw, Rng, Shape
from .lifts import Lift

__all__ = ["Channels", "FixedPoints", "Gains"]

PROMPTS, RESPONSES = (1, 2, 3), (2, 3)


class Channels(Kind):
    r"""A distribution of prompts, conditional policies over K responses, and priors.

    Args:
        policies: names of the conditional policies, one row for each prompt.
        priors: names of the priors on responses alone, one row each.
        prompts: name of the prompt distribution; "" leaves it out.
        zeros: whether weights may be 0 ("prompts": those of the prompts only).
        sizes: numbers of prompts.
    """

    def __init__(self, *policies: str, priors: tuple[str, ...] = (), prompts: str = "prompts",
                 zeros: bool | str = True, sizes: tuple[int, ...] = PROMPTS,
                 responses: tuple[int, ...] = RESPONSES) -> None:
        low = 0 if zeros is True else 1
        self.prompts, self.policies, self.priors, self.zeros = prompts, policies, priors, zeros is True
        own = (Field(prompts, ("X",), low=0 if zeros else 1),) if prompts else ()
        far = weights.EXTREME
        tables = tuple(Field(name, ("X", "K"), low=low, high=far) for name in policies)
        self.fields = (*own, *tables, *(Field(name, ("K",), low=low, high=far) for name in priors))
        self.sizes = {"X": sizes, "K": responses}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x, k = shape["X"], shape["K"]
        raw: Raw = {}
        label = np.full(n, "ordinary", dtype=object)
        pool: list[np.ndarray] = []
        for f in self.fields:
            rows = int(np.prod(f.shape(shape)[:-1]))
            related = [e for e in pool if e.shape == (n * rows, f.shape(shape)[-1])]
            table, names = weights.table(rng, n * rows, f.shape(shape)[-1], related)
            pool.append(table.copy())
            if f.high > weights.HIGH:
                table, _ = weights.extreme(rng, table)
            table = table.reshape(n, *f.shape(shape))
            if f.name in self.policies:
                names = self._shape_rows(rng, table, label, f.low)
            elif f.low == 0:
                names = self._exclude(rng, table)
            else:
                names = np.where(names.reshape(n, rows)[:, 0] == "ordinary", "ordinary", names.reshape(n, rows)[:, 0])
            label = np.where(label == "ordinary", names, label)
            raw[f.name] = np.minimum(table, f.high)
        self._rival(rng, raw, label, earlier)
        self._copy(rng, raw, label, x, k)
        return raw, label

    def _rival(self, rng: Rng, raw: Raw, label: np.ndarray, earlier: list[np.ndarray]) -> None:
        """A conditional policy that is one drawn before it, with or without its last response, or next to that one."""
        n = len(label)
        for i, name in enumerate(self.policies):
            table = raw[name]
            for old in [e for e in earlier + [raw[x] for x in self.policies[:i]] if e.shape == table.shape]:
                rows, how = np.flatnonzero(rng.random(n) < 0.2), rng.integers(0, 4, n)
                table[rows] = old[rows]
                if self.zeros:
                    table[rows[how[rows] == 0], :, -1] = 0
                beside = rows[how[rows] == 1]
                at = tuple(rng.integers(0, size, len(beside)) for size in table.shape[1:])
                table[(beside, *at)] = np.clip(table[(beside, *at)] + rng.choice([-1, 1], len(beside)), 1, weights.HIGH)
                label[rows] = np.where(label[rows] == "ordinary", "a policy drawn before, or next to it", label[rows])

    def _shape_rows(self, rng: Rng, table: np.ndarray, label: np.ndarray, low: int) -> np.ndarray:
        """Hard classes of a conditional policy, filled in place."""
        n, x, k = table.shape
        names = np.array(["equal rows", "duplicated responses", "deterministic", "zeros", "unused response",
                          "rows permuted", "nearly equal rows", "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 13, n), 7)
        which = np.where((low > 0) & np.isin(which, (2, 3, 4)), 7, which)
        table[which == 0] = table[which == 0][:, :1]
        table[which == 1, :, -1] = table[which == 1, :, 0]
        one = (np.arange(k) == rng.integers(0, k, (n, x, 1))).astype(np.int64)
        table[which == 2] = one[which == 2]
        kept = (rng.random((n, x, k)) < 0.6) | (one > 0)
        table[which == 3] *= kept[which == 3]
        table[which == 4, :, -1] = 0
        turned = np.take_along_axis(table, (np.arange(k) + np.arange(x)[:, None])[None] % k, -1)
        table[which == 5] = turned[which == 5]
        table[which == 6] = rng.choice([30, 98], (n, 1, 1))[which == 6] + rng.integers(0, 2, (n, x, k))[which == 6]
        return names[which]

    @staticmethod
    def _exclude(rng: Rng, table: np.ndarray) -> np.ndarray:
        """Zeros in single rows, one entry kept."""
        n, k = table.shape
        rows = rng.random(n) < 0.2
        kept = (rng.random((n, k)) < 0.6) | (np.arange(k) == rng.integers(0, k, (n, 1)))
        table[rows] *= kept[rows]
        return np.where(rows, "zero weights", "ordinary").astype(object)

    def _copy(self, rng: Rng, raw: Raw, label: np.ndarray, x: int, k: int) -> None:
        """A prior that is a row of a policy, or its marginal for equally weighted rows of equal sums."""
        n = len(label)
        for prior in self.priors:
            for name in self.policies[:1]:
                rows = rng.random(n) < 0.15
                raw[prior][rows] = raw[name][rows][:, 0]
                label[rows & (label == "ordinary")] = "prior is a row"
                totals = raw[name].sum(-1)
                fits = (totals == totals[:, :1]).all(-1) & (rng.random(n) < 0.5)
                mean = (raw[self.prompts][:, :, None] * raw[name]).sum(1) if self.prompts else raw[name].sum(1)
                mean = mean // np.maximum(np.gcd.reduce(mean, axis=-1, keepdims=True), 1)
                fits &= (mean.max(-1) <= weights.HIGH) & (mean.max(-1) > 0)
                raw[prior][fits] = mean[fits]
                label[fits] = "prior is the marginal"

    def valid(self, raw: Raw) -> np.ndarray:
        ok = super().valid(raw)
        for f in self.fields:
            some = raw[f.name].max(-1) > 0
            ok = ok & (some.all(-1) if f.name in self.policies else some)
        return ok

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        numbers = {f.name: to.number(raw[f.name]) for f in self.fields}
        return {name: w / w.sum(-1, keepdims=True) for name, w in numbers.items()}


class Gains(Kind):
    r"""Rewards :math:`r = \tfrac1\beta \log g` with rational g, so that :math:`e^{\beta r} = g` is exact.

    They are real numbers of any sign; ties, rewards that do not depend on the response, copies of a response, rewards
    that differ in one response only and those that make a policy drawn with them optimal are drawn on purpose.
    """

    def __init__(self, reward: str = "reward", beta: str = "beta", *, sizes: tuple[int, ...] = PROMPTS,
                 responses: tuple[int, ...] = RESPONSES) -> None:
        self.reward, self.beta = reward, beta
        self.fields = (Field("gain", ("X", "K")), Field("unit", (1,)), Field(beta, (2,)))
        self.sizes = {"X": sizes, "K": responses}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        x, k = shape["X"], shape["K"]
        g = weights.table(rng, n * x, k, [])[0].reshape(n, x, k)
        names = np.array(["constant rewards", "same for all prompts", "duplicated responses", "one best response",
                          "ordinary"], dtype=object)
        which = np.minimum(rng.integers(0, 12, n), 4)
        g[which == 0] = g[which == 0][:, :, :1]
        g[which == 1] = g[which == 1][:, :1]
        g[which == 2, :, -1] = g[which == 2, :, 0]
        g[which == 3] = 1 + 8 * (np.arange(k) == rng.integers(0, k, (n, x, 1)))[which == 3]
        label = names[which]
        optimal = self._optimal(earlier, n, x, k)
        rows = (optimal > 0).any((1, 2)) & (rng.random(n) < 0.2)
        g[rows], label[rows] = np.where(optimal > 0, optimal, g)[rows], "the policy is the optimum where prompts come"
        raw, _ = Numbers(self.beta).draw(rng, n, shape, [])
        return {"gain": g, "unit": units(rng, (n, 1)), **raw}, label

    @staticmethod
    def _optimal(earlier: list[np.ndarray], n: int, x: int, k: int) -> np.ndarray:
        """Gains for which the first policy drawn is the optimum under the last prior; 0 for prompts that never come."""
        prompts, policy, prior = ([e for e in earlier if e.shape == size] for size in ((n, x), (n, x, k), (n, k)))
        if not (prompts and policy and prior):
            return np.zeros((n, x, k), dtype=np.int64)
        whole = np.maximum(prior[-1], 1)
        out = policy[0] * (np.lcm.reduce(whole, axis=-1)[:, None] // whole)[:, None, :]
        out = out // np.maximum(np.gcd.reduce(out, axis=-1), 1)[..., None]
        there = (prior[-1] > 0).all(-1, keepdims=True) & (prompts[0] > 0)
        fits = there & (out.min(-1) > 0) & (out.max(-1) <= weights.HIGH)
        return out * fits[..., None]

    def logs(self, raw: Raw, to: Lift) -> Any:
        """The rewards in units of 1 / beta."""
        return to.log(to.number(raw["gain"])) - to.log(to.number(raw["unit"]))[..., None]

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        beta = Numbers(self.beta).lift(raw, to)[self.beta]
        return {self.beta: beta, self.reward: self.logs(raw, to) / beta[..., None]}


def units(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """What rewards are measured from: 1, which makes none of them negative, or more."""
    return np.where(rng.random((shape[0], 1)) < 0.4, 1, rng.integers(1, weights.HIGH + 1, shape))


class FixedPoints(Kind):
    r"""A policy that the alternation of best prior and best policy leaves as it is, with the rewards that make it so.

    With the marginal m of the drawn rows, :math:`e^{\beta r} = \pi(y|x)/m(y)`, up to a factor for each prompt. In part
    of the draws nobody gives the last response: its rewards are then free, and their mean excess
    :math:`\sum_x \rho(x)\,e^{\beta r(x,y)}/Z(x)` is drawn below, at and, where `beyond`, above 1. Full support where
    `used`.

    The check receives `prompts`, `policy`, `reward`, `beta`.
    """

    def __init__(self, *, beyond: bool = False, used: bool = False, sizes: tuple[int, ...] = PROMPTS,
                 responses: tuple[int, ...] = RESPONSES) -> None:
        self.beyond, self.used = beyond, used
        self.inner = Channels("policy", zeros=False, sizes=sizes, responses=responses)
        self.fields = (*self.inner.fields, Field("offer", ("X",), high=99), Field("excess", (2,)), Field("beta", (2,)),
                       Field("unit", ("X",)),
                       Field("unused", (1,), low=0, high=0 if used else 1, simplest=0, continuous=False))
        self.sizes = {"X": sizes, "K": responses}

    def draw(self, rng: Rng, n: int, shape: Shape, earlier: list[np.ndarray]) -> tuple[Raw, np.ndarray]:
        raw, label = self.inner.draw(rng, n, shape, [])
        raw["offer"] = weights.table(rng, n, shape["X"], [])[0]
        raw["excess"] = self._inside(Numbers("excess").draw(rng, n, shape, [])[0]["excess"])
        raw["excess"][rng.random(n) < 0.2] = 1
        raw["beta"] = Numbers("beta").draw(rng, n, shape, [])[0]["beta"]
        raw["unit"] = units(rng, (n, shape["X"]))
        raw["unused"] = rng.integers(0, 1 if self.used else 2, (n, 1))
        return raw, np.where(raw["unused"][:, 0] > 0, "unused response", label).astype(object)

    def plain(self, rng: Rng, n: int, shape: Shape) -> Raw:
        raw = super().plain(rng, n, shape)
        return {**raw, "excess": self._inside(raw["excess"]), "unused": rng.integers(0, 1 if self.used else 2, (n, 1))}

    def _inside(self, x: np.ndarray) -> np.ndarray:
        return x if self.beyond else np.sort(x, -1)

    def valid(self, raw: Raw) -> np.ndarray:
        return super().valid(raw) & (True if self.beyond else raw["excess"][..., 0] <= raw["excess"][..., 1])

    def lift(self, raw: Raw, to: Lift) -> dict[str, Any]:
        lifted = self.inner.lift(raw, to)
        rho, policy = lifted["prompts"], lifted["policy"]
        none = np.asarray(raw["unused"] > 0)[..., None] & (np.arange(policy.shape[-1]) == policy.shape[-1] - 1)
        used = np.where(none, 0 * policy, policy)
        used = used / used.sum(-1, keepdims=True)
        m = (rho[..., None] * used).sum(-2)[..., None, :]
        offer = to.number(raw["offer"])
        share = to.ratio(raw["excess"])
        free = (share * offer / (rho * offer).sum(-1, keepdims=True))[..., None]
        gain = np.where(none, free, used / np.where(none, 1 + 0 * m, m)) / to.number(raw["unit"])[..., None]
        beta = Numbers("beta").lift(raw, to)["beta"]
        return {"prompts": rho, "policy": used, "beta": beta, "reward": to.log(gain) / beta[..., None]}
