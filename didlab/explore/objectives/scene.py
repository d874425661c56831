"""The state of the page of objectives, and the policies and pairs that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...did import ideal_rejected
from ...dynamics import Problem, Protocol, pair_problem
from ...errors import ArgumentError
from ...objectives import Objective
from ...policies import sample
from ...preference import sample_pairs
from .. import policies
from ..losses import label, read, word
from ..presets import logits
from ..state import choice, whole

__all__ = ["MOST", "STARTS", "Scene", "State", "others", "pair", "scene"]

MOST = 6  # losses at a time: so many colours, dashes and shapes
OTHERS = 48  # pairs besides the one whose step is shown
STARTS = {"reference": "the reference", "uniform": "the uniform policy", "normal": "Gaussian logits"}


@dataclass(frozen=True)
class State:
    """Losses, policies, pairs, and a way of training.

    Attributes:
        losses: up to six, each a name, or a name with hyper-parameters: `dpo:beta:0.5`.
        preset, k, seed, reference, policy, tau: the policies, as on their own page (`policies.State`).
        target: without `policy`: `temperature` (the reference at `tau`) or `random` (Gaussian logits of `target_seed`).
        target_seed: of the random target.
        chosen: where chosen responses come from: `reference` or `target`.
        rejected: where rejected ones come from: `ideal` (the ideal rejected policy) or `reference`.
        ideal_beta: beta of the ideal rejected policy.
        pairs: size of the data set; 0 for all pairs with their probabilities.
        data_seed: of the data set, of the draws in training and of its random start.
        steps, batch, rate, start: see `dynamics.Protocol`.
        pair: chosen and rejected outcome, from 1, of the pair whose step is shown; empty for the most frequent one.
    """

    losses: tuple[str, ...] = ("dpo", "simpo", "orpo")
    preset: str = "gaussian"
    k: int = 32
    seed: int = 0
    reference: tuple[Fraction, ...] = ()
    policy: tuple[Fraction, ...] = ()
    target: str = "temperature"
    target_seed: int = 1
    tau: float = 2.0
    chosen: str = "reference"
    rejected: str = "ideal"
    ideal_beta: float = 1.0
    pairs: int = 0
    data_seed: int = 0
    steps: int = 2000
    batch: int = 512
    rate: float = 0.001
    start: str = "reference"
    pair: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.policies()
        named = [label(read(text)) for text in self.losses]
        if not 1 <= len(set(named)) == len(named) <= MOST:
            raise ArgumentError("losses", f"one to {MOST} losses that differ", ", ".join(named) or "none")
        choice("target", self.target, ("temperature", "random"))
        choice("chosen", self.chosen, ("reference", "target"))
        choice("rejected", self.rejected, ("ideal", "reference"))
        choice("start", self.start, list(STARTS))
        for name, low, high in (
            ("target_seed", 0, 10**6), ("ideal_beta", 0.01, 100), ("pairs", 0, 10**6), ("data_seed", 0, 10**6),
            ("steps", 1, 20_000), ("batch", 1, 4096), ("rate", 1e-5, 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ArgumentError(name, f"from {low:g} to {high:g}", str(getattr(self, name)))
        if self.pair and not (len(self.pair) == 2 and 1 <= min(self.pair) < max(self.pair) <= self.size):
            got = ", ".join(map(str, self.pair))
            raise ArgumentError("pair", f"two different outcomes from 1 to {self.size}", got)

    @property
    def size(self) -> int:
        """How many outcomes there are."""
        return len(self.reference) or self.k

    def policies(self) -> policies.State:
        """The state of the page of policies with the same policies."""
        return policies.State(self.preset, self.k, self.seed, self.reference, self.policy, self.tau)

    def logits(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits of reference and target, each of shape (K,)."""
        reference, target = self.policies().logits()
        if self.target == "random" and not self.policy:
            target = logits("gaussian", len(reference), self.target_seed)
        return reference, target

    def objectives(self) -> dict[str, Objective]:
        """The losses by the names they have on the page."""
        return {label(f): f for f in map(read, self.losses)}

    def protocol(self) -> Protocol:
        """How training goes."""
        return Protocol(steps=self.steps, batch=self.batch, rate=self.rate, start=self.start, every=self.steps)

    def only(self, *names: str) -> State:
        """The policies, the pairs and these fields; the others at their defaults: a key for what depends on no more."""
        others = {"losses", "steps", "batch", "rate", "start", "pair"} - set(names)
        return replace(self, **{f.name: f.default for f in fields(self) if f.name in others})

    def alone(self, objective: Objective, *names: str) -> State:
        """The same with one loss."""
        return replace(self.only(*names), losses=(word(objective),))


class Scene(NamedTuple):
    """The policies and the pairs of a state; logits of shape (K,)."""

    reference: np.ndarray
    target: np.ndarray
    chosen: np.ndarray
    rejected: np.ndarray
    problem: Problem


def scene(state: State) -> Scene:
    """What the losses learn from."""
    return _scene(state.only())


@lru_cache(maxsize=4)
def _scene(state: State) -> Scene:
    reference, target = state.logits()
    chosen = target if state.chosen == "target" else reference
    rejected = ideal_rejected(target, reference, state.ideal_beta) if state.rejected == "ideal" else reference
    problem = pair_problem(reference, chosen, rejected, target, seed=state.data_seed, pairs=state.pairs or None)
    return Scene(reference, target, chosen, rejected, problem)


def others(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Chosen and rejected outcomes of some pairs, from 0."""
    return _others(state.only())


@lru_cache(maxsize=4)
def _others(state: State) -> tuple[np.ndarray, np.ndarray]:
    here, rng = _scene(state), np.random.default_rng(state.data_seed)
    if not state.pairs:
        return sample_pairs(here.chosen, here.rejected, OTHERS, rng=rng)
    cells = here.problem.cells.ravel()
    there = np.flatnonzero(cells)
    drawn = there[sample(np.log(cells[there]), OTHERS, rng=rng)]
    return drawn // state.size, drawn % state.size


def pair(text: str) -> tuple[int, ...]:
    """The outcomes that a person typed.

    >>> pair("3, 7")
    (3, 7)
    """
    return tuple(whole("pair", part) for part in text.replace(",", " ").split())
