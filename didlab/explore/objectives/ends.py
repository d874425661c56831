"""Where losses end: the optimum of each over all policies, and the weights that it gives to one pair at the start."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...information import js_divergence
from ...objectives import Objective
from ...policies import log_probabilities
from ...report.chart import Series, chart
from ...solvers import Optimum, optimum
from ..losses import NAMES
from ..view import Picture, View
from . import python
from .plane import frequent_pair, plane, weigh
from .scene import Scene, State, others, scene
from .section import WAITS, Row, section

__all__ = ["distances", "optima", "takes_long"]

DRAWN = 120  # outcomes
EQUAL = 1e-9  # nats: an optimum this near the target is called the target
KINKS = 40  # outcomes up to which a loss with kinks has its optimum in no time


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
    found = {n: _optimum(state, f) for n, f in losses.items() if slow or not takes_long(state, f)}
    ends = {n: o.policy for n, o in found.items() if o.policy is not None}
    apart = {n: float(js_divergence(here.target, p)) for n, p in ends.items()}
    at = (state.pair[0] - 1, state.pair[1] - 1) if state.pair else frequent_pair(here.problem)
    start = state.protocol().first_logits(here.problem)
    weights = weigh(losses, start, here.problem.reference, at, others(state))
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
    text = python.setting(state) + python.of_optima(state, at)
    heading = "Optima (JS in nats), and weights on the pair at the start"
    return section((picture, plane_picture), measures, ranked + weighed, notes, text, heading)


def _optimum(state: State, objective: Objective) -> Optimum:
    return _remembered(state.alone(objective))


@lru_cache(maxsize=64)
def _remembered(state: State) -> Optimum:
    here, (objective,) = scene(state), state.objectives().values()
    if state.pairs:
        return optimum(objective, reference=here.reference, weights=here.problem.cells)
    return optimum(objective, here.chosen, here.rejected, reference=here.reference)


def takes_long(state: State, objective: Objective) -> bool:
    """Whether a page asks before it computes it."""
    form = objective.form
    return state.size > KINKS and (form.link == "hinge" or form.has("penalty"))


def distances(state: State, names: Sequence[str], slow: bool) -> dict[str, float]:
    """JS to the target of the optima that are there."""
    here, losses = scene(state), state.objectives()
    found = {n: _optimum(state, losses[n]) for n in names if slow or not takes_long(state, losses[n])}
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
