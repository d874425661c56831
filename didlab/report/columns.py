"""Distributions over the same outcomes, side by side: groups of columns, or outlines where there are many outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

__all__ = ["columns"]

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 190, 58, 12, 38
GROUPED = 48  # columns in all, up to which each is drawn by itself


def columns(series: Mapping[str, np.ndarray], *, words: str, y: str = "probability") -> str:
    """An SVG figure of distributions by name, each of shape (K,).

    Args:
        series: the distributions, in the order of the legend.
        words: what a reader who does not see it should know.
        y: label of the vertical axis.
    """
    named = {name: np.asarray(p, float) for name, p in series.items()}
    k = max(len(p) for p in named.values())
    most = max(float(p.max()) for p in named.values()) or 1.0
    inner, low = WIDTH - LEFT - 8, TOP + HEIGHT
    parts: list[str] = []
    for share in (0.0, 0.5, 1.0):
        h = low - share * HEIGHT
        kind = "grid" if share else "base"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - 8}" y1="{h}" y2="{h}"/>')
        parts.append(f'<text class="cy" x="{LEFT - 6}" y="{h + 4}">{share * most:.3g}</text>')
    slot = inner / k
    grouped = k * len(named) <= GROUPED
    for i, (name, p) in enumerate(named.items()):
        heights = low - p / most * HEIGHT
        if grouped:
            width = 0.82 * slot / len(named)
            for j, h in enumerate(heights):
                x = LEFT + j * slot + 0.09 * slot + i * width
                parts.append(
                    f'<rect class="s{i % 6}" x="{x:.1f}" y="{h:.1f}" width="{max(width - 1.5, 1):.1f}" '
                    f'height="{low - h:.1f}"><title>{escape(name)}, outcome {j + 1}: {p[j]:.6g}</title></rect>'
                )
        else:
            xs = LEFT + np.arange(k + 1) * slot
            path = f"M{xs[0]:.1f},{low}" + "".join(
                f"V{h:.1f}H{x:.1f}" for h, x in zip(heights, xs[1:], strict=True)
            )
            parts.append(f'<path class="l{i % 6} d{i % 6}" d="{path}"/>')
    shown = range(1, k + 1) if k <= 16 else np.unique(np.linspace(1, k, 9).astype(int))
    parts += [
        f'<text class="cx" x="{LEFT + (j - 0.5) * slot:.1f}" y="{low + 15}">{j}</text>' for j in shown
    ]
    parts.append(f'<text class="cx" x="{LEFT + inner / 2}" y="{low + 32}">outcome</text>')
    middle = TOP + HEIGHT / 2
    parts.append(f'<text class="cx" transform="rotate(-90 11 {middle})" x="11" y="{middle}">{escape(y)}</text>')
    legend = "".join(f'<li><span class="key s{i % 6}"></span>{escape(n)}</li>' for i, n in enumerate(named))
    return (
        f'<figure class="plot chart"><svg viewBox="0 0 {WIDTH} {low + BOTTOM}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="legend">{legend}</ul></figcaption></figure>'
    )
