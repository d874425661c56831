"""The drawings of a diagnosis: where its pairs went, how its margins grew, how sure it is and how often right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .chart import Series, chart

if TYPE_CHECKING:
    from ..diagnose import Diagnosis

__all__ = ["Drawing", "drawings", "finding"]

SHOWN = 600  # points of a cloud; more would only cover each other
CASES = ("chosen up, rejected down", "both down", "both up", "chosen down, rejected up")
HAPPENED = (
    "the chosen response became likelier and the rejected one less likely", "both responses became less likely",
    "both responses became likelier", "the chosen response became less likely and the rejected one likelier",
)


@dataclass(frozen=True)
class Drawing:
    """A drawing of the pairs.

    Attributes:
        name: a permanent name.
        title: what one sees, in words.
        svg: the figure.
        caption: how to read it.
    """

    name: str
    title: str
    svg: str
    caption: str


def drawings(d: Diagnosis) -> list[Drawing]:
    """Every drawing that a diagnosis has enough pairs for."""
    return [x for x in (cloud(d), gains(d), reliability(d)) if x is not None]


def finding(d: Diagnosis) -> str:
    """What happened to most pairs, in a sentence."""
    case = _cases(d)
    most = int(np.bincount(case).argmax())
    return f"On {float((case == most).mean()):.0%} of the pairs {HAPPENED[most]}"


def _cases(d: Diagnosis) -> np.ndarray:
    """Which of CASES each pair is."""
    w, l = d.columns.chosen_change, d.columns.rejected_change  # noqa: E741
    return np.where(w >= 0, np.where(l <= 0, 0, 2), np.where(l < 0, 1, 3))


def cloud(d: Diagnosis) -> Drawing:
    """Change of the chosen against change of the rejected: the quadrants are the cases of Table 1."""
    p, case, names = d.columns, _cases(d), CASES
    step = max(1, -(-len(p) // SHOWN))
    w, l = p.chosen_change, p.rejected_change  # noqa: E741
    drawn = np.arange(len(p)) % step == 0
    series = [
        Series(n, w[here].tolist(), l[here].tolist(), line=False, hollow=k in (1, 2), kind=k)
        for k, n in enumerate(names)
        if (here := drawn & (case == k)).any()
    ]
    most = max(names, key=lambda n: float((case == names.index(n)).mean()))
    share = float((case == names.index(most)).mean())
    words = f"Change of log-likelihood of chosen and rejected responses, a point for each pair; most: {most}."
    return Drawing(
        "cloud",
        f"{share:.0%} of the pairs: {most}",
        chart(series, x="change of log π(chosen), nats", y="change of log π(rejected), nats", words=words),
        "One point for each pair, against the reference."
        + (f" One pair in {step} is drawn." if step > 1 else ""),
    )


def gains(d: Diagnosis) -> Drawing:
    """How the gain in log-margin is distributed."""
    gain = np.sort(d.columns.gain)
    k = np.unique(np.linspace(0, len(gain) - 1, 200).astype(int))
    share = (k + 0.5) / len(gain)
    right = float((gain > 0).mean())
    return Drawing(
        "gains",
        f"The margin grew on {right:.0%} of the pairs",
        chart(
            [Series("", gain[k].tolist(), share.tolist())],
            x="gain in log-margin, nats", y="share of pairs below", words="Distribution of the gain in log-margin.",
        ),
        "Cumulative distribution; left of 0 the policy moved against the label.",
    )


def reliability(d: Diagnosis) -> Drawing | None:
    """How often the policy is right, by how sure it is; None for too few pairs."""
    beta = float(d.settings["beta"])
    sure = 1 / (1 + np.exp(-beta * np.abs(d.columns.gain)))
    right = d.columns.gain > 0
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, min(10, max(2, len(sure) // 20)) + 1)))
    if len(edges) < 3:
        return None
    which = np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, len(edges) - 2)
    bins = [which == b for b in range(len(edges) - 1)]
    x = [float(sure[b].mean()) for b in bins if b.any()]
    y = [float(right[b].mean()) for b in bins if b.any()]
    line = [min(0.5, *x), 1.0]
    return Drawing(
        "reliability",
        "How sure, and how often right",
        chart(
            [
                Series("as sure as right", line, line),
                Series("pairs, in bins of equal size", x, y, line=False, mark=True),
            ],
            x=f"mean confidence at β = {beta:g}",
            y="share that is right",
            words="Reliability of the implied preference.",
            zero=False,
        ),
        "Below the line the policy is surer than it is right.",
    )
