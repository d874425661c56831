r"""Objectives: where losses end, how gradient flow and noisy training get there, and one step on one pair.

A state says which losses, which reference and target, how pairs come about, and how training goes. What is shown comes
in three sections (`optima`, `training`, `flow`), so that a page can show the quick ones first; `view` is all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..did import ideal_rejected
from ..dynamics import Problem, Protocol, pair_problem, simulate
from ..errors import ArgumentError
from ..information import js_divergence
from ..objectives import Objective
from ..policies import log_probabilities, sample
from ..preference import sample_pairs
from ..report.chart import Series, chart
from ..solvers import Optimum, PopulationLoss, gradient_flow, optimum
from . import objectives_python, policies
from .losses import NAMES, label, read, word
from .paths import Path, at_the_end, divergence, likelihood, path, rows
from .plane import frequent_pair, plane, weigh
from .presets import logits
from .state import choice, whole
from .view import Picture, View

__all__ = ["SECTIONS", "State", "flow", "joined", "optima", "pair", "training", "view", "waiting", "warm"]

MOST = 6  # losses at a time: so many colours, dashes and shapes
DRAWN = 120  # outcomes
OTHERS = 48  # pairs besides the one whose step is shown
RECORDS = 40  # of a path, besides its start
EQUAL = 1e-9  # nats: an optimum this near the target is called the target
TIMES = 0.01, 1000.0  # of the flow, for each outcome: gradients in the logits are of size 1/K
TOLERANCE = 1e-4  # of the flow: an error that no eye sees
# Beyond these something takes longer than a slider may, and waits until it is asked for.
QUICK_FLOW, QUICK_KINKS, QUICK_TRAINING = 64, 40, 2**18  # outcomes, outcomes, steps times outcomes
WAITS = "takes longer here: press “Compute what takes longer”."
STARTS = {"reference": "the reference", "uniform": "the uniform policy", "normal": "Gaussian logits"}

Row = tuple[object, ...]  # picture, series, x, y


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


@lru_cache(maxsize=4)
def _others(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Chosen and rejected outcomes of some pairs, from 0."""
    here, rng = _scene(state), np.random.default_rng(state.data_seed)
    if not state.pairs:
        return sample_pairs(here.chosen, here.rejected, OTHERS, rng=rng)
    cells = here.problem.cells.ravel()
    there = np.flatnonzero(cells)
    drawn = there[sample(np.log(cells[there]), OTHERS, rng=rng)]
    return drawn // state.size, drawn % state.size


# Where losses end, and the weights of one pair.


def optima(state: State, *, slow: bool = True) -> View:
    """The optimum of each loss over all policies, and the weights that it gives to one pair at the start.

    Args:
        state: the state.
        slow: also what takes longer.

    >>> shown = optima(State(losses=("dpo",), k=4)).measures
    >>> bool(shown["JS(target, optimum of DPO)"] < 1e-20)
    True
    """
    here, losses = scene(state), state.objectives()
    found = {n: best(state, f) for n, f in losses.items() if slow or not _optimum_takes_long(state, f)}
    ends = {n: o.policy for n, o in found.items() if o.policy is not None}
    apart = {n: float(js_divergence(here.target, p)) for n, p in ends.items()}
    at = (state.pair[0] - 1, state.pair[1] - 1) if state.pair else frequent_pair(here.problem)
    start = state.protocol().first_logits(here.problem)
    weights = weigh(losses, start, here.problem.reference, at, _others(state.only()))
    measures = {"JS(target, reference)": float(js_divergence(here.target, here.reference))}
    measures |= {f"JS(target, optimum of {n})": v for n, v in apart.items()}
    for n, (d_w, d_l) in weights.of_pair.items():
        measures |= {f"weight on chosen, {n}": d_w, f"weight on rejected, {n}": d_l}
    picture, ranked = _ends(here, {n: (i, ends[n]) for i, n in enumerate(losses) if n in ends}, apart)
    plane_picture, weighed = plane(weights)
    notes = [f"The optimum of {n} {WAITS}" for n in losses if n not in found]
    notes += [f"{n} has no optimum: {o.reason}." for n, o in found.items() if o.policy is None]
    notes += [
        f"The optimum of {n} is not exact (norm of the gradient {o.gradient_norm:.1e}): {o.reason}."
        for n, o in found.items()
        if o.policy is not None and not o.converged
    ]
    same = [NAMES[f.name] for f in losses.values() if f.name in ("r-dpo", "dice")]
    if same:
        notes.append(f"{' and '.join(same)}: on outcomes of one length, in one round of training, this is DPO.")
    text = objectives_python.setting(state) + objectives_python.of_optima(state, at)
    heading = "Optima (JS in nats), and weights on the pair at the start"
    return _section((picture, plane_picture), measures, ranked + weighed, notes, text, heading)


def best(state: State, objective: Objective) -> Optimum:
    """The optimum of a loss, remembered."""
    return _best(state.alone(objective))


@lru_cache(maxsize=64)
def _best(state: State) -> Optimum:
    here, (objective,) = scene(state), state.objectives().values()
    if state.pairs:
        return optimum(objective, reference=here.reference, weights=here.problem.cells)
    return optimum(objective, here.chosen, here.rejected, reference=here.reference)


def _optimum_takes_long(state: State, objective: Objective) -> bool:
    form = objective.form
    return state.size > QUICK_KINKS and (form.link == "hinge" or form.has("penalty"))


def _distances(state: State, names: Sequence[str], slow: bool) -> dict[str, float]:
    """JS to the target of the optima that are there."""
    here, losses = scene(state), state.objectives()
    found = {n: best(state, losses[n]) for n in names if slow or not _optimum_takes_long(state, losses[n])}
    return {n: float(js_divergence(here.target, o.policy)) for n, o in found.items() if o.policy is not None}


def _ends(
    here: Scene, ends: dict[str, tuple[int, np.ndarray]], apart: dict[str, float]
) -> tuple[Picture, list[Row]]:
    """Target, reference and optima, outcomes in the order of the target."""
    target, reference = log_probabilities(here.target), log_probabilities(here.reference)
    order = np.argsort(-target, kind="stable")
    rank = np.unique(np.linspace(0, len(order) - 1, min(len(order), DRAWN)).round().astype(int))
    some = order[rank]
    # what is smaller than a thousandth of both is drawn at the lower edge
    floor = 1e-3 * float(np.exp(min(target.min(), reference.min())))
    named = [("target", -1, target), ("reference", -2, reference), *((n, i, p) for n, (i, p) in ends.items())]
    series = [Series(n, (rank + 1).tolist(), np.exp(p[some]).tolist(), kind=kind) for n, kind, p in named]
    words = " ".join(f"{n}: {v:.3g} nats from the target." for n, v in apart.items())
    drawn = chart(
        series, x="outcome, the most probable under the target first", y="probability", log="y", floor=floor,
        words=f"Probabilities under target, reference and the optimum of each loss. {words}",
    )  # fmt: skip
    caption = "The best of all policies for each loss. Where its line lies on the broad one, it is the target."
    title = _title(list(apart), [n for n, v in apart.items() if v <= EQUAL])
    ranked: list[Row] = [("optima", s.name, x, y) for s in series for x, y in zip(s.x, s.y, strict=True)]
    return Picture("optima", title, drawn, caption), ranked


def _title(names: Sequence[str], right: Sequence[str]) -> str:
    if len(names) == 1:
        return f"The optimum of {names[0]} is {'' if right else 'not '}the target"
    if len(right) == len(names):
        return "The optimum of every loss is the target" if names else "None of the losses has an optimum to compare"
    return f"The target is the optimum of {' and '.join(right) or 'none of the losses'}"


# Training with noise.


def training(state: State, *, slow: bool = True) -> View:
    """Simulated training: divergence to the target, and likelihoods, over the steps.

    Args:
        state: the state.
        slow: also where it takes longer.

    >>> shown = training(State(losses=("dpo",), k=4, steps=1000)).measures
    >>> shown["JS(target, DPO after training)"] < 0.01
    True
    """
    text = objectives_python.setting(state)
    if not slow and _training_takes_long(state):
        return _section((), {}, [], [f"Training {WAITS}"], text)
    here, losses = scene(state), state.objectives()
    steps, trained = _trained(state.only("losses", "steps", "batch", "rate", "start"))
    found = {n: path(i, steps, trained[:, i], here.target, here.problem.cells) for i, n in enumerate(losses)}
    how = f"RMSprop at rate {state.rate:g}, {state.batch} pairs a step, from {STARTS[state.start]}."
    pictures = (
        divergence("training-js", "Training with noise", "step", found, _distances(state, list(losses), slow), how),
        likelihood("training-likelihood", "Training: how likely the responses become", "step", found),
    )
    text += objectives_python.of_training()
    after = f"After {state.steps} steps, in nats"
    return _section(pictures, at_the_end(found, "after training"), rows("training", found), [], text, after)


@lru_cache(maxsize=8)
def _trained(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the records, shape (R,), and logits, shape (R, losses, K)."""
    steps: list[int] = []
    logits: list[np.ndarray] = []

    def record(step: int, now: np.ndarray) -> None:
        steps.append(step)
        logits.append(now[0].copy())

    simulate(
        [scene(state).problem], list(state.objectives().values()), protocol=state.protocol(), callback=record,
        callback_every=-(-state.steps // RECORDS),
    )  # fmt: skip
    return np.array(steps), np.stack(logits)


def _training_takes_long(state: State) -> bool:
    return state.steps * state.size > QUICK_TRAINING


# The gradient flow.


def flow(state: State, *, slow: bool = True, progress: Callable[[str], None] | None = None) -> View:
    """The path of gradient flow: divergence to the target, and likelihoods, over time.

    Args:
        state: the state.
        slow: also where it takes longer.
        progress: called with the name of each loss before its path is computed.

    >>> shown = flow(State(losses=("dpo",), k=4)).measures
    >>> shown["JS(target, DPO after the flow)"] < 1e-9
    True
    """
    text = objectives_python.setting(state)
    if not slow and state.size > QUICK_FLOW:
        return _section((), {}, [], [f"The gradient flow {WAITS}"], text)
    here, found, notes = scene(state), dict[str, Path](), list[str]()
    times = _times(state)
    for i, (n, f) in enumerate(state.objectives().items()):
        if not f.form.is_smooth:
            notes.append(f"{n} has kinks, where a gradient flow has no direction: no path is drawn.")
            continue
        if progress:
            progress(n)
        try:
            found[n] = path(i, np.geomspace(*times), _flowed(state.alone(f, "start")), here.target, here.problem.cells)
        except ArgumentError as e:
            notes.append(f"The gradient flow of {n} was not found: {e}.")
    if not found:
        return _section((), {}, [], notes, text)
    how = f"Small steps without noise, from {STARTS[state.start]}."
    pictures = (
        divergence("flow-js", "Gradient flow", "time", found, _distances(state, list(found), slow), how),
        likelihood("flow-likelihood", "Gradient flow: how likely the responses become", "time", found),
    )
    text += objectives_python.of_flow(state, list(found), times, TOLERANCE)
    after = f"At time {times[1]:g} of the flow, in nats"
    return _section(pictures, at_the_end(found, "after the flow"), rows("flow", found), notes, text, after)


def _times(state: State) -> tuple[float, float, int]:
    return TIMES[0] * state.size, TIMES[1] * state.size, RECORDS + 1


@lru_cache(maxsize=64)
def _flowed(state: State) -> np.ndarray:
    """Logits along the flow, shape (R, K)."""
    here, (objective,) = scene(state), state.objectives().values()
    if state.pairs:
        loss = PopulationLoss(objective, None, None, here.reference, here.problem.cells)
    else:
        loss = PopulationLoss(objective, here.chosen, here.rejected, here.reference, dense=True)
    start = state.protocol().first_logits(here.problem)
    return gradient_flow(loss, start, np.geomspace(*_times(state)), tolerance=TOLERANCE)


# The whole.

SECTIONS: tuple[Callable[..., View], ...] = (optima, training, flow)
COLUMNS = ("picture", "series", "x", "y")


def view(state: State, *, slow: bool = True) -> View:
    """All sections in one.

    >>> [p.name for p in view(State(losses=("dpo",), k=3, steps=50)).pictures][:3]
    ['optima', 'plane', 'training-js']
    """
    return joined([section(state, slow=slow) for section in SECTIONS])


def joined(sections: Sequence[View]) -> View:
    """Sections of one state as one view."""
    return View(
        tuple(p for s in sections for p in s.pictures),
        {n: v for s in sections for n, v in s.measures.items()},
        {n: [v for s in sections for v in s.columns[n]] for n in COLUMNS},
        objectives_python.joined([s.python for s in sections]),
        "Numbers",
        tuple(n for s in sections for n in s.notes),
    )


def pair(text: str) -> tuple[int, ...]:
    """The outcomes that a person typed.

    >>> pair("3, 7")
    (3, 7)
    """
    return tuple(whole("pair", part) for part in text.replace(",", " ").split())


def warm() -> bool:
    """Whether training has run in this process: the first time the simulator is loaded, or even compiled."""
    return _trained.cache_info().currsize > 0


def waiting(state: State) -> bool:
    """Whether something of a state takes longer, so that a page asks before it computes it."""
    return (
        state.size > QUICK_FLOW
        or _training_takes_long(state)
        or any(_optimum_takes_long(state, f) for f in state.objectives().values())
    )


def _section(
    pictures: tuple[Picture, ...], measures: dict[str, float], numbers: list[Row], notes: list[str], text: str,
    heading: str = "",
) -> View:
    columns = {name: [row[i] for row in numbers] for i, name in enumerate(COLUMNS)}
    return View(pictures, measures, columns, text, heading, tuple(notes))
