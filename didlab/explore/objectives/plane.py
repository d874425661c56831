r"""The plane of :math:`d_w` and :math:`d_l`: weights of losses on the gradients of a pair.

A small step on one pair moves the parameters along :math:`d_w\nabla\log\pi(y_w) - d_l\nabla\log\pi(y_l)`. Let a and c
be the squared norms of the two gradients and b their inner product. To first order the chosen log-probability rises
where :math:`d_w a > d_l b`, and the rejected one falls where :math:`d_l c > d_w b`: two lines through the origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...dynamics import Problem, cases, first_order
from ...objectives import Objective
from ...policies import log_probabilities
from ...report.chart import Area, Series, chart
from ...sequences.linear import Gram, sequence_gram
from ...sequences.model import token_residuals
from ...sequences.prefix_table import PrefixTable
from ..view import Picture

__all__ = ["Weights", "areas", "frequent_pair", "plane", "weigh"]

ROOM = 1.15  # of the plane; the largest weight of a loss is 1
WORDS = {
    (True, True): "case 1: chosen up,\nrejected down", (False, True): "case 2:\nboth down",
    (True, False): "case 3:\nboth up", (False, False): "chosen down,\nrejected up",
}  # fmt: skip

Point = tuple[float, float]


class Weights(NamedTuple):
    """The weights of some losses.

    Attributes:
        pair: chosen and rejected outcome, from 0.
        gram: inner products of the gradients of this pair.
        of_pair: (d_w, d_l) by loss.
        changes: first-order changes of the two log-probabilities per unit of step size, by loss.
        of_others: (d_w, d_l) of other pairs, by loss, shape (pairs, 2).
    """

    pair: tuple[int, int]
    gram: Gram
    of_pair: dict[str, Point]
    changes: dict[str, Point]
    of_others: dict[str, np.ndarray]


def frequent_pair(problem: Problem) -> tuple[int, int]:
    """The most frequent pair of different outcomes, from 0.

    >>> from didlab.dynamics import pair_problem
    >>> frequent_pair(pair_problem([0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], seed=0))
    (0, 1)
    """
    cells = problem.cells.copy()
    np.fill_diagonal(cells, -1.0)
    at = int(cells.argmax())
    return at // problem.size, at % problem.size


def weigh(
    losses: Mapping[str, Objective], start: np.ndarray, reference: np.ndarray, pair: tuple[int, int],
    others: tuple[np.ndarray, np.ndarray],
) -> Weights:
    """The weights at a policy.

    Args:
        losses: by name.
        start: logits of the policy, shape (K,).
        reference: log-probabilities of the reference, shape (K,).
        pair: chosen and rejected outcome, from 0.
        others: chosen and rejected outcomes of other pairs, each of shape (pairs,).
    """
    model = PrefixTable(start[None])
    parts = [(model.features(y), token_residuals(model, y)) for y in ([pair[0]], [pair[1]])]
    gram = Gram(*(float(x) for x in sequence_gram(*parts[0], *parts[1])))
    # the reference is normalised once more, as the policy is: where they agree, to the bit
    v, r = log_probabilities(start), log_probabilities(reference)
    w, l = np.r_[pair[0], others[0]], np.r_[pair[1], others[1]]  # noqa: E741
    slopes = {n: f.slopes(v[w], v[l], r[w], r[l]) for n, f in losses.items()}
    pulls = {n: np.stack([-a, b], -1) for n, (a, b) in slopes.items()}
    of_pair = {n: (float(d[0, 0]), float(d[0, 1])) for n, d in pulls.items()}
    changes = {n: first_order((d_w, -d_l), gram) for n, (d_w, d_l) in of_pair.items()}
    return Weights(pair, gram, of_pair, changes, {n: d[1:] for n, d in pulls.items()})


def plane(weights: Weights) -> tuple[Picture, list[tuple[object, ...]]]:
    """The picture, and the numbers behind it."""
    clouds: list[Series] = []
    marks: list[Series] = []
    for i, (n, own) in enumerate(weights.of_pair.items()):
        cloud = weights.of_others[n]
        size = max(float(np.abs(cloud).max()), *map(abs, own)) or 1.0
        shown = np.unique((cloud / size).round(3), axis=0)
        clouds.append(Series("", shown[:, 0].tolist(), shown[:, 1].tolist(), line=False, kind=i))
        marks.append(Series(n, [own[0] / size], [own[1] / size], line=False, hollow=True, mark=True, kind=i))
    low = [min(0.0, *(min(s.x if axis == "x" else s.y) for s in clouds + marks)) - 0.12 for axis in "xy"]
    box = [(low[0], low[1]), (ROOM, low[1]), (ROOM, ROOM), (low[0], ROOM)]
    case_1 = [n for n, (a, b) in weights.changes.items() if cases(a, b)[0]]
    picture = Picture(
        "plane", _title(weights, case_1),
        chart(
            clouds + marks, x="weight on the chosen gradient, d_w", y="weight on the rejected one, d_l",
            words="Weights of the losses on the two gradients of a pair. "
            + " ".join(f"{n}: {a:.3g} and {b:.3g}." for n, (a, b) in weights.of_pair.items()),
            span=((low[0], ROOM), (low[1], ROOM)), areas=areas(weights.gram, box),
        ),
        f"Shaded: what a small step on this pair alone does, by Table 1 of the paper on gradient entanglement (inner "
        f"product {weights.gram.wl:.3g}, squares {weights.gram.ww:.3g} and {weights.gram.ll:.3g}). Small marks: other "
        "pairs. Each loss is scaled to a largest weight of 1: only the ratio decides.",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = [("weights: the pair", n, *own) for n, own in weights.of_pair.items()]
    rows += [("weights: other pairs", n, *map(float, d)) for n, cloud in weights.of_others.items() for d in cloud]
    return picture, rows


def _title(weights: Weights, case_1: Sequence[str]) -> str:
    w, l = weights.pair  # noqa: E741
    pair = f"One step on chosen {w + 1}, rejected {l + 1}"
    names = list(weights.changes)
    if len(case_1) == len(names):
        return f"{pair}: chosen up, rejected down" + (" for every loss" if len(names) > 1 else "")
    return f"{pair}: chosen up, rejected down for {', '.join(case_1) or 'no loss'}"


def areas(gram: Gram, box: list[Point]) -> list[Area]:
    """The parts of a rectangle of weights by which of the two log-probabilities rises.

    >>> len(areas(Gram(1.0, -0.5, 1.0), [(0, 0), (1, 0), (1, 1), (0, 1)]))
    1
    """
    found: list[Area] = []
    for kind, (up, down) in enumerate(WORDS):
        rises, falls = (gram.ww, -gram.wl), (-gram.wl, gram.ll)
        part = _clip(_clip(box, rises if up else _minus(rises)), falls if down else _minus(falls))
        if len(part) > 2:
            found.append(Area(WORDS[up, down], part, kind))
    return found


def _minus(n: Point) -> Point:
    return -n[0], -n[1]


def _clip(corners: Sequence[Point], normal: Point) -> list[Point]:
    """The part of a convex polygon where <normal, corner> is at least 0."""
    height = [normal[0] * x + normal[1] * y for x, y in corners]
    kept: list[Point] = []
    for i, (x, y) in enumerate(corners):
        j = (i + 1) % len(corners)
        if height[i] >= 0:
            kept.append((x, y))
        if height[i] * height[j] < 0:
            t = height[i] / (height[i] - height[j])
            kept.append((x + t * (corners[j][0] - x), y + t * (corners[j][1] - y)))
    return kept
