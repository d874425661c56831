"""Distributions, or other numbers, over the same outcomes, side by side: groups of columns, or outlines of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

__all__ = ["columns"]

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 190, 58, 12, 38
LETTER = 6.2  # the width of one
GROUPED = 48  # columns in all, up to which each is drawn by itself


def columns(
    series: Mapping[str, np.ndarray], *, words: str, y: str = "probability", x: str = "outcome",
    names: Sequence[str] = (), span: tuple[float, float] | None = None,
) -> str:
    """An SVG figure of distributions, or of numbers of any sign, by name, each of shape (K,).

    Args:
        series: the distributions, in the order of the legend.
        words: what a reader who does not see it should know.
        y, x: labels of the axes.
        names: of the outcomes; by default their numbers.
        span: the least, 0 or below, and the largest number that there is room for; by default those of the series.
    """
    named = {name: np.asarray(p, float) for name, p in series.items()}
    k = max(len(p) for p in named.values())
    least, most = span or (
        min(0.0, *(float(p.min()) for p in named.values())), max(0.0, *(float(p.max()) for p in named.values()))
    )
    most = most if most > least else 1.0
    inner, low = WIDTH - LEFT - 8, TOP + HEIGHT
    zero = TOP + most / (most - least) * HEIGHT
    parts: list[str] = []
    for tick in (0.0, least, most) if least else (0.0, 0.5 * most, most):
        h = zero - tick / (most - least) * HEIGHT
        kind = "grid" if tick else "base"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - 8}" y1="{h:.1f}" y2="{h:.1f}"/>')
        if not tick or abs(h - zero) > 14:
            parts.append(f'<text class="cy" x="{LEFT - 6}" y="{h + 4:.1f}">{_label(tick)}</text>')
    slot = inner / k
    grouped = k * len(named) <= GROUPED
    for i, (name, p) in enumerate(named.items()):
        heights = zero - p / (most - least) * HEIGHT
        if grouped:
            width = 0.82 * slot / len(named)
            for j, h in enumerate(heights):
                at = LEFT + j * slot + 0.09 * slot + i * width
                which = names[j] if names else f"outcome {j + 1}"
                parts.append(
                    f'<rect class="s{i % 6}" x="{at:.1f}" y="{min(h, zero):.1f}" width="{max(width - 1.5, 1):.1f}" '
                    f'height="{abs(zero - h):.1f}"><title>{escape(f"{name}, {which}: {p[j]:.6g}")}</title></rect>'
                )
        else:
            xs = LEFT + np.arange(k + 1) * slot
            path = f"M{xs[0]:.1f},{zero:.1f}" + "".join(
                f"V{h:.1f}H{at:.1f}" for h, at in zip(heights, xs[1:], strict=True)
            )
            parts.append(f'<path class="l{i % 6} d{i % 6}" d="{path}"/>')
    shown = range(1, k + 1) if k <= 16 else np.unique(np.linspace(1, k, 9).astype(int))
    labels = names or [str(j) for j in range(1, k + 1)]
    long = LETTER * max(len(labels[j - 1]) for j in shown)
    turned = bool(names) and long > slot
    more = 0.6 * long - 6 if turned else 0.0
    for j in shown:
        at, below = LEFT + (j - 0.5) * slot, low + 15
        place = f'class="cy" transform="rotate(-40 {at:.1f} {below})"' if turned else 'class="cx"'
        parts.append(f'<text {place} x="{at:.1f}" y="{below}">{escape(labels[j - 1])}</text>')
    parts.append(f'<text class="cx" x="{LEFT + inner / 2}" y="{low + 32 + more:.0f}">{escape(x)}</text>')
    middle = TOP + HEIGHT / 2
    parts.append(f'<text class="cx" transform="rotate(-90 11 {middle})" x="11" y="{middle}">{escape(y)}</text>')
    legend = "".join(f'<li><span class="key s{i % 6}"></span>{escape(n)}</li>' for i, n in enumerate(named))
    return (
        f'<figure class="plot chart"><svg viewBox="0 0 {WIDTH} {low + BOTTOM + more:.0f}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="legend">{legend}</ul></figcaption></figure>'
    )


def _label(tick: float) -> str:
    return f"{tick:.3g}".replace("-", "−")
