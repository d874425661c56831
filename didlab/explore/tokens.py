"""Tokens: a pair of short responses, the gradients of their tokens, and what one step does to both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dynamics import PairStep, cases, first_order, table_1
from ..report.chart import Series, chart
from ..report.columns import columns
from ..report.heatmap import heatmap
from ..sequences import log_probability, token_inner_products
from ..sequences.model import token_residuals
from . import losses
from .responses import State, differing, model_python
from .view import Picture, View

__all__ = ["State", "view"]

SHARED = {
    "logits": "All contexts share one row of logits, and nothing else is in the model.",
    "offsets": "All contexts share one row of learnable logits, on top of frozen logits for each prefix.",
    "positions": "Each position has a row of learnable logits, which both responses share, on top of frozen logits for "
    "each prefix.",
    "prefixes": "Each prefix has a row of its own: contexts share nothing but their common beginning.",
    "last-layer": "Contexts share the last layer of a network, as far as their frozen hidden states are alike.",
    "chain": "Contexts that end in the same token share a row.",
}
POINTS = 33  # of the curves over the learning rate
CASES = {
    0: "no case of Table 1: the margin falls",
    1: "case 1 of Table 1: the chosen response rises and the rejected one falls",
    2: "case 2 of Table 1: both fall, the rejected one further",
    3: "case 3 of Table 1: both rise, the chosen one further",
}


def view(state: State) -> View:
    """What the gradients of a pair are, and what one step does.

    Raises:
        ArgumentError: a token that is not of the vocabulary.

    >>> round(view(State(spread=0.0)).measures["inner product"], 6)
    0.333333
    """
    step, eta = state.step(), state.rate
    w, l = state.tokens()  # noqa: E741
    predicted = [eta * step.predicted(y) for y in (w, l)]
    actual = [step.change(y, eta) for y in (w, l)]
    to_first_order = first_order(step.pull, step.gram)
    moved = [float(x.sum()) for x in actual]
    measures = {
        "squared norm, chosen": float(step.gram.ww),
        "squared norm, rejected": float(step.gram.ll),
        "inner product": float(step.gram.wl),
        "pull along the chosen": float(step.pull[0]),
        "pull along the rejected": float(step.pull[1]),
        "log π(chosen), nats": float(log_probability(step.model, w)),
        "log π(rejected), nats": float(log_probability(step.model, l)),
        "change of log π(chosen) to first order, nats": float(eta * to_first_order[0]),
        "change of log π(rejected) to first order, nats": float(eta * to_first_order[1]),
        "change of log π(chosen), nats": moved[0],
        "change of log π(rejected), nats": moved[1],
    }
    marked = [
        [f"{t}*" if d else t for t, d in zip(y, there, strict=True)]
        for y, there in zip((state.chosen, state.rejected), differing(w, l), strict=True)
    ]
    return View(
        pictures=(_products(state, step, marked), *_changes(marked, predicted, actual), _rates(step, state)),
        measures=measures,
        columns=_columns(state, predicted, actual),
        python=_python(state),
        heading="Numbers",
        notes=_notes(state, step, to_first_order, moved),
    )


def _case(change_w: float, change_l: float) -> int:
    """The first case of Table 1 that two changes fall under; 0 for none."""
    found = cases(change_w, change_l)
    return int(np.argmax(found)) + 1 if found.any() else 0


def _notes(
    state: State, step: PairStep, to_first_order: tuple[float, float], moved: Sequence[float]
) -> tuple[str, ...]:
    expected, found = _case(*to_first_order), _case(*moved)
    words = f"To first order, {CASES[expected]}."
    if found != expected:
        words += f" At this learning rate the step itself is in {CASES[found]}."
    conditions = [str(n + 1) for n in np.flatnonzero(table_1(step.gram))]
    printed = (
        f"The gradients meet the condition of {'cases' if len(conditions) > 1 else 'case'} {' and '.join(conditions)}."
        if conditions
        else "The gradients meet none of its conditions."
    )
    if state.objective().name != "dpo":
        printed = printed[:-1] + ", which is for steps of DPO."
    return f"{words} {printed}", *(("Both responses are the same.",) if state.chosen == state.rejected else ())


def _products(state: State, step: PairStep, marked: Sequence[Sequence[str]]) -> Picture:
    parts = [(step.model.features(y), token_residuals(step.model, y)) for y in (step.chosen, step.rejected)]
    products = np.asarray(token_inner_products(*parts[0], *parts[1]), float)
    against = float(products.sum())
    way = "pull together: what raises one raises the other" if against > 0 else (
        "pull apart" if against < 0 else "have nothing to do with each other"
    )
    return Picture(
        "products",
        f"On the whole the two responses {way}",
        heatmap(
            products, rows=marked[0], columns=marked[1], down="token of the chosen", across="token of the rejected",
            words="Inner products of the gradient of each chosen token with that of each rejected token.",
        ),
        "Inner products of the gradients of log-probabilities, token by token: blue above 0, orange below. They add up "
        f"to that of the responses. A star marks where the responses differ. {SHARED[state.model]}",
    )


def _changes(
    marked: Sequence[Sequence[str]], predicted: Sequence[np.ndarray], actual: Sequence[np.ndarray]
) -> list[Picture]:
    together = np.concatenate([*predicted, *actual])
    span = min(0.0, float(together.min())), max(0.0, float(together.max()))
    pictures: list[Picture] = []
    for name, names, first, then in zip(("chosen", "rejected"), marked, predicted, actual, strict=True):
        total = float(then.sum())
        way = "rises" if total > 0 else "falls" if total < 0 else "stays"
        by = f" by {abs(total):.3g} nats" if total else ""
        pictures.append(Picture(
            f"{name}-tokens",
            f"The {name} response {way}{by}",
            columns(
                {"first order": first, "the step": then}, names=names, span=span, x=f"token of the {name} response",
                y="change, nats", words=f"Change of the log-probability of each token of the {name} response.",
            ),
            "Change of the log-probability of each token, predicted from the gradients and after the step; both "
            "responses on one scale. The step never does better than its prediction.",
        ))
    return pictures


def _rates(step: PairStep, state: State) -> Picture:
    """The changes over the learning rate, from 0 to twice the present one."""
    etas = np.linspace(0, 2 * state.rate, POINTS)
    series: list[Series] = []
    for kind, (name, y) in enumerate((("chosen", step.chosen), ("rejected", step.rejected))):
        slope = float(step.predicted(y).sum())
        at = [float(step.change(y, float(e)).sum()) for e in etas]
        series += [
            Series(f"{name}, the step", etas.tolist(), at, kind=3 * kind),
            Series(f"{name}, first order", etas[[0, -1]].tolist(), [0.0, 2 * state.rate * slope], kind=3 * kind + 1),
        ]
        series.append(Series("", [state.rate], [at[POINTS // 2]], line=False, mark=True, kind=3 * kind))
    return Picture(
        "rates",
        "What a shorter or longer step would do",
        chart(
            series, x="learning rate", y="change of log π, nats",
            words="Changes of both log-probabilities over the learning rate, to first order and after the step.",
        ),
        "The large marks are the present learning rate. To first order the changes are straight lines; a step that is "
        "long enough falls below them.",
    )


def _columns(
    state: State, predicted: Sequence[np.ndarray], actual: Sequence[np.ndarray]
) -> dict[str, Sequence[object]]:
    both = (state.chosen, state.rejected)
    there = differing(*both)
    return {
        "response": [n for n, y in zip(("chosen", "rejected"), both, strict=True) for _ in y],
        "position": [t + 1 for y in both for t in range(len(y))],
        "token": [t for y in both for t in y],
        "differs": [int(d) for part in there for d in part],
        "first order": [float(x) for part in predicted for x in part],
        "step": [float(x) for part in actual for x in part],
    }


def _python(state: State) -> str:
    """Statements that print the measures."""
    w, l = state.tokens()  # noqa: E741
    return (
        "import numpy as np; from didlab import dynamics, objectives, sequences as seq\n"
        f"w, l, eta = {w}, {l}, {state.rate!r}\n"
        f"{model_python(state)}\n"
        f"step = dynamics.pair_step(model, w, l, {losses.python(state.objective())})\n"
        "first = dynamics.first_order(step.pull, step.gram)\n"
        "print({\n"
        '    "squared norm, chosen": float(step.gram.ww),\n'
        '    "squared norm, rejected": float(step.gram.ll),\n'
        '    "inner product": float(step.gram.wl),\n'
        '    "pull along the chosen": float(step.pull[0]),\n'
        '    "pull along the rejected": float(step.pull[1]),\n'
        '    "log π(chosen), nats": float(seq.log_probability(model, w)),\n'
        '    "log π(rejected), nats": float(seq.log_probability(model, l)),\n'
        '    "change of log π(chosen) to first order, nats": float(eta * first[0]),\n'
        '    "change of log π(rejected) to first order, nats": float(eta * first[1]),\n'
        '    "change of log π(chosen), nats": float(step.change(w, eta).sum()),\n'
        '    "change of log π(rejected), nats": float(step.change(l, eta).sum()),\n'
        "})"
    )
