"""Paths of policies towards a target, by training or by gradient flow: pictures, numbers, and the rows behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...information import js_divergence
from ...policies import log_probabilities
from ...report.chart import Series, chart
from ..view import Picture

__all__ = ["Path", "at_the_end", "divergence", "likelihood", "path", "rows"]

FLOOR = 1e-10  # nats: the smallest divergence that is drawn at its place


class Path(NamedTuple):
    """What is shown of one loss.

    Attributes:
        kind: its colour, dash and shape.
        x: steps or times, shape (R,).
        js: divergence to the target, shape (R,).
        chosen, rejected: expected log-likelihood of the two kinds of responses, shape (R,).
        last: these three for the last policy by itself: the bits that one call gives.
    """

    kind: int
    x: np.ndarray
    js: np.ndarray
    chosen: np.ndarray
    rejected: np.ndarray
    last: tuple[float, float, float]


def path(kind: int, x: np.ndarray, logits: np.ndarray, target: np.ndarray, cells: np.ndarray) -> Path:
    """A path from its policies.

    Args:
        kind: see `Path`.
        x: steps or times, shape (R,).
        logits: of the policies, shape (R, K).
        target: logits, shape (K,).
        cells: probabilities of the pairs, shape (K, K).

    >>> found = path(0, np.arange(2), np.zeros((2, 2)), np.zeros(2), np.full((2, 2), 0.25))
    >>> found.js.tolist(), found.chosen.round(6).tolist()
    ([0.0, 0.0], [-0.693147, -0.693147])
    """
    p, q, log_p = cells.sum(1), cells.sum(0), log_probabilities(logits)
    end = log_probabilities(logits[-1])
    last = (float(js_divergence(logits[-1], target)), float(end @ p), float(end @ q))
    return Path(kind, x, js_divergence(logits, target), log_p @ p, log_p @ q, last)


def divergence(
    name: str, title: str, x: str, paths: Mapping[str, Path], ends: Mapping[str, float], how: str
) -> Picture:
    """JS to the target along the paths, and at the optimum of each loss (`ends`)."""
    series = [Series(n, p.x.tolist(), p.js.tolist(), kind=p.kind) for n, p in paths.items()]
    series += [
        Series("", [float(paths[n].x[-1])], [v], line=False, hollow=True, mark=True, kind=paths[n].kind)
        for n, v in ends.items()
    ]
    words = " ".join(f"{n}: {p.js[0]:.3g} to {p.js[-1]:.3g} nats." for n, p in paths.items())
    floor = max(FLOOR, min(float(p.js.min()) for p in paths.values()) / 3)
    drawn = chart(
        series, x=x, y="JS to the target, nats", words=f"{title}. {words}", log="xy" if x == "time" else "y",
        floor=floor,
    )  # fmt: skip
    caption = f"{how} Marks at the right edge: the optimum of each loss (at the lower edge where it is below it)."
    return Picture(name, title, drawn, caption)


def likelihood(name: str, title: str, x: str, paths: Mapping[str, Path]) -> Picture:
    """Expected log-likelihood of chosen and rejected responses along the paths."""
    series: list[Series] = []
    for n, p in paths.items():
        series.append(Series(n, p.x.tolist(), p.chosen.tolist(), kind=p.kind, glyph="up"))
        series.append(Series("", p.x.tolist(), p.rejected.tolist(), kind=p.kind, glyph="down"))
    first = next(iter(paths.values())).kind
    series += [Series("chosen", [], [], kind=first, glyph="up"), Series("rejected", [], [], kind=first, glyph="down")]
    words = " ".join(
        f"{n}: chosen {p.chosen[0]:.3g} to {p.chosen[-1]:.3g}, rejected {p.rejected[0]:.3g} to {p.rejected[-1]:.3g}."
        for n, p in paths.items()
    )
    drawn = chart(
        series, x=x, y="expected log π, nats", words=f"{title}. {words}", zero=False, log="x" if x == "time" else ""
    )
    return Picture(name, title, drawn, "Expected over the pairs. Both can fall while the margin between them grows.")


def at_the_end(paths: Mapping[str, Path], when: str) -> dict[str, float]:
    """The measures of the last policies."""
    measures: dict[str, float] = {}
    for n, p in paths.items():
        names = f"JS(target, {n} {when})", f"E log π(chosen), {n} {when}", f"E log π(rejected), {n} {when}"
        measures |= dict(zip(names, p.last, strict=True))
    return measures


def rows(section: str, paths: Mapping[str, Path]) -> list[tuple[object, ...]]:
    """The numbers of the pictures: section and kind, loss, x, y."""
    return [
        (f"{section}: {what}", n, float(x), float(y))
        for n, p in paths.items()
        for what, values in (("JS", p.js), ("chosen", p.chosen), ("rejected", p.rejected))
        for x, y in zip(p.x, values, strict=True)
    ]
