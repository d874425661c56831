"""Curves and points as a small SVG: colours are classes of the page's style sheet, shapes tell series apart too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

__all__ = ["Series", "chart"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 260, 58, 14, 14, 44


@dataclass(frozen=True)
class Series:
    """A named curve (`line`) or cloud of points.

    Attributes:
        name: for the legend; empty leaves it out of it.
        x, y: coordinates.
        line: join the points.
        hollow: points as rings.
        mark: larger points: what the eye should find.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    line: bool = True
    hollow: bool = False
    mark: bool = False


def chart(series: Sequence[Series], *, x: str, y: str, words: str, zero: bool = True) -> str:
    """An SVG figure.

    Args:
        series: what is drawn, in the order of the legend.
        x, y: labels of the axes.
        words: what a reader who does not see it should know.
        zero: draw the line y = 0 where it is in sight.
    """
    xs = np.concatenate([np.asarray(s.x, float) for s in series])
    ys = np.concatenate([np.asarray(s.y, float) for s in series])
    (x0, x1, xt), (y0, y1, yt) = _range(xs, False), _range(ys, zero)

    def at(u: float, v: float) -> tuple[float, float]:
        return (
            LEFT + (u - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
            TOP + (y1 - v) / (y1 - y0) * (HEIGHT - TOP - BOTTOM),
        )

    parts: list[str] = []
    for t in yt:
        _, h = at(x0, t)
        kind = "zero-line" if t == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" y1="{h:.1f}" x2="{WIDTH - RIGHT}" y2="{h:.1f}"/>')
        parts.append(f'<text class="cy" x="{LEFT - 6}" y="{h + 4:.1f}">{_label(t)}</text>')
    for t in xt:
        w, _ = at(t, y0)
        parts.append(f'<text class="cx" x="{w:.1f}" y="{HEIGHT - BOTTOM + 16}">{_label(t)}</text>')
    for i, s in enumerate(series):
        spots = [at(u, v) for u, v in zip(s.x, s.y, strict=True)]
        if s.line:
            d = " ".join(f"{u:.1f},{v:.1f}" for u, v in spots)
            parts.append(f'<polyline class="l{i % 6} d{i % 6}" points="{d}"/>')
        else:
            size = 5 if s.mark else 2.6
            kind = f"h{i % 6}" if s.hollow else f"s{i % 6}"
            parts += [f'<circle class="{kind}" cx="{u:.1f}" cy="{v:.1f}" r="{size}"/>' for u, v in spots]
    parts.append(f'<text class="cx" x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}">{escape(x)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="cx" transform="rotate(-90 13 {middle})" x="13" y="{middle}">{escape(y)}</text>'
    )
    legend = "".join(
        f'<li><span class="key s{i % 6}"></span>{escape(s.name)}</li>' for i, s in enumerate(series) if s.name
    )
    return (
        f'<figure class="plot chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="legend">{legend}</ul></figcaption></figure>'
    )


def _range(values: np.ndarray, zero: bool) -> tuple[float, float, list[float]]:
    """A range that covers the values, and round numbers inside it."""
    low, high = float(values.min()), float(values.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.05 * (high - low) or 1.0
    low, high = low - pad, high + pad
    step = 10 ** np.floor(np.log10(high - low))
    step *= next(m for m in (0.2, 0.5, 1.0, 2.0) if (high - low) / (step * m) <= 6)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return low, high, [0.0 if abs(t) < step / 1e6 else float(t) for t in ticks]


def _label(t: float) -> str:
    return f"{t:.6g}".replace("-", "−")
