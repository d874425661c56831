"""Curves and points as a small SVG: colours of the page's style sheet; dashes and shapes tell them apart too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

__all__ = ["Area", "Series", "chart"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 260, 58, 14, 14, 44
KINDS = 6  # colours, dashes and shapes
GLYPHS = 6  # along a line that carries them
DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Range = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A named curve (`line`) or cloud of points.

    Attributes:
        name: for the legend; empty leaves it out of it.
        x, y: coordinates; none for an entry of the legend alone.
        line: join the points.
        hollow: points as outlines.
        mark: larger points: what the eye should find.
        kind: colour, dash and shape, by number; its place among the series by default; -1 is a broad line in the colour
            of the text, -2 a thin one: what the others are compared with.
        glyph: `up` or `down`: triangles along a line, the second kind as outlines.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    line: bool = True
    hollow: bool = False
    mark: bool = False
    kind: int | None = None
    glyph: str = ""


@dataclass(frozen=True)
class Area:
    """A shaded part of the plane with words in it.

    Attributes:
        name: the words, one or more lines.
        corners: of a polygon, within the span of the chart.
        kind: its colour, by number.
    """

    name: str
    corners: Sequence[tuple[float, float]]
    kind: int = 0


def chart(
    series: Sequence[Series], *, x: str, y: str, words: str, zero: bool = True, log: str = "", floor: float = 0.0,
    span: tuple[Range, Range] | None = None, areas: Sequence[Area] = (),
) -> str:
    """An SVG figure.

    Args:
        series: what is drawn, in the order of the legend.
        x, y: labels of the axes.
        words: what a reader who does not see it should know.
        zero: draw the line y = 0 where it is in sight.
        log: the axes in powers of ten: `x`, `y` or `xy`; what is drawn there is above 0.
        floor: on a logarithmic vertical axis, what is below is drawn here.
        span: the range of each axis, (from, to); by default the series fill it.
        areas: shaded parts, below everything else.
    """
    xs, ys = (
        np.concatenate([_scaled(axis, getattr(s, axis), log, floor) for s in series] or [np.zeros(1)]) for axis in "xy"
    )
    (x0, x1, xt), (y0, y1, yt) = (
        _decades(values) if axis in log else _range(values, zero and axis == "y", span[n] if span else None)
        for n, (axis, values) in enumerate((("x", xs), ("y", ys)))
    )

    def at(u: float, v: float) -> tuple[float, float]:
        return (
            LEFT + (u - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
            TOP + (y1 - v) / (y1 - y0) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [_area(a, [at(u, v) for u, v in a.corners]) for a in areas]
    for t in yt:
        _, h = at(x0, t)
        kind = "zero-line" if t == 0 and "y" not in log else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" y1="{h:.1f}" x2="{WIDTH - RIGHT}" y2="{h:.1f}"/>')
        parts.append(f'<text class="cy" x="{LEFT - 6}" y="{h + 4:.1f}">{_label(t, "y" in log)}</text>')
    for t in xt:
        w, _ = at(t, y0)
        parts.append(f'<text class="cx" x="{w:.1f}" y="{HEIGHT - BOTTOM + 16}">{_label(t, "x" in log)}</text>')
    for i, s in enumerate(series):
        spots = [
            at(u, v) for u, v in zip(_scaled("x", s.x, log, floor), _scaled("y", s.y, log, floor), strict=True)
        ]
        parts.append(_drawn(s, _kind(s, i), spots))
    parts += [_area_words(a, [at(u, v) for u, v in a.corners]) for a in areas]
    parts.append(f'<text class="cx" x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}">{escape(x)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="cx" transform="rotate(-90 13 {middle})" x="13" y="{middle}">{escape(y)}</text>'
    )
    legend = "".join(
        f"<li>{_sample(s, _kind(s, i))}{escape(s.name)}</li>"
        for i, s in enumerate(series)
        if s.name
    )
    return (
        f'<figure class="plot chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="legend">{legend}</ul></figcaption></figure>'
    )


def _kind(s: Series, place: int) -> int:
    kind = place if s.kind is None else s.kind
    return kind if kind < 0 else kind % KINDS


def _drawn(s: Series, kind: int, spots: list[tuple[float, float]]) -> str:
    if not spots:
        return ""
    if not s.line:
        size = 5.0 if s.mark else 2.6
        return "".join(_shape(kind, u, v, size, s.hollow) for u, v in spots)
    d = " ".join(f"{u:.1f},{v:.1f}" for u, v in spots)
    line = f'<polyline class="l{kind} d{kind}" points="{d}"/>'
    if s.glyph:
        at = np.unique(np.linspace(0, len(spots) - 1, GLYPHS + 1).round().astype(int))[1:]
        line += "".join(_triangle(kind, spots[n][0], spots[n][1], s.glyph) for n in at)
    return line


def _shape(kind: int, u: float, v: float, size: float, hollow: bool) -> str:
    """A point: circle, square, diamond, cross, and two triangles, of about the same area."""
    style = f"h{kind}" if hollow else f"s{kind}"
    if kind == 0:
        return f'<circle class="{style}" cx="{u:.1f}" cy="{v:.1f}" r="{size}"/>'
    if kind == 3:
        arm = 1.1 * size
        d = f"M{u - arm:.1f},{v:.1f}h{2 * arm:.1f}M{u:.1f},{v - arm:.1f}v{2 * arm:.1f}"
        return f'<path class="l{kind}" d="{d}"/>'
    if kind > 3:
        return _triangle(kind, u, v, "up" if kind == 4 else "down", 1.25 * size, style)
    turn, half = (45 if kind == 2 else 0), 0.89 * size
    place = f' transform="rotate({turn} {u:.1f} {v:.1f})"' if turn else ""
    return (
        f'<rect class="{style}" x="{u - half:.1f}" y="{v - half:.1f}" width="{2 * half:.1f}" height="{2 * half:.1f}"'
        f"{place}/>"
    )


def _triangle(kind: int, u: float, v: float, way: str, size: float = 4.5, style: str = "") -> str:
    tip = v - size if way == "up" else v + size
    base = v + 0.7 * size if way == "up" else v - 0.7 * size
    style = style or (f"s{kind}" if way == "up" else f"h{kind} paper")
    return (
        f'<polygon class="{style}" points="{u:.1f},{tip:.1f} {u - size:.1f},{base:.1f} {u + size:.1f},{base:.1f}"/>'
    )


def _sample(s: Series, kind: int) -> str:
    """A piece of the series, for the legend."""
    if s.glyph and not len(s.x):
        inner = _triangle(kind, 12, 6, s.glyph)
    elif s.line:
        inner = f'<polyline class="l{kind} d{kind}" points="0,6 24,6"/>'
    else:
        inner = _shape(kind, 12, 6, 4.0, s.hollow)
    return f'<svg class="sample" viewBox="0 0 24 12" width="24" height="12" aria-hidden="true">{inner}</svg>'


def _area(a: Area, corners: list[tuple[float, float]]) -> str:
    points = " ".join(f"{u:.1f},{v:.1f}" for u, v in corners)
    return f'<polygon class="s{a.kind % KINDS} area" points="{points}"/>'


def _area_words(a: Area, corners: list[tuple[float, float]]) -> str:
    """The words at the centre of mass of the polygon."""
    u, v = np.array(corners).T
    cross = u * np.roll(v, -1) - np.roll(u, -1) * v
    total = cross.sum()
    if abs(total) < 3000:  # twice the area, in pixels: too little room
        return ""
    x = float(((u + np.roll(u, -1)) * cross).sum() / (3 * total))
    y = float(((v + np.roll(v, -1)) * cross).sum() / (3 * total))
    lines = a.name.split("\n")
    first = y + 4 - 6.5 * (len(lines) - 1)
    return "".join(
        f'<text class="cx area-words" x="{x:.1f}" y="{first + 13 * n:.1f}">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )


def _scaled(axis: str, values: Sequence[float], log: str, floor: float) -> np.ndarray:
    v = np.asarray(values, float)
    if axis not in log:
        return v
    return np.log10(np.maximum(v, floor) if axis == "y" and floor else v)


def _range(values: np.ndarray, zero: bool, span: Range | None) -> tuple[float, float, list[float]]:
    """A range that covers the values, and round numbers inside it."""
    if span is not None:
        low, high = span
    else:
        low, high = float(values.min()), float(values.max())
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        pad = 0.05 * (high - low) or 1.0
        low, high = low - pad, high + pad
    step = 10 ** np.floor(np.log10(high - low))
    step *= next(m for m in (0.2, 0.5, 1.0, 2.0) if (high - low) / (step * m) <= 6)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return low, high, [0.0 if abs(t) < step / 1e6 else float(t) for t in ticks]


def _decades(values: np.ndarray) -> tuple[float, float, list[float]]:
    """The same for decimal logarithms: whole powers; where there are few, 2 and 5 times them, or any round numbers."""
    low, high = float(values.min()), float(values.max())
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad
    powers = np.arange(np.ceil(low), np.floor(high) + 1)
    if len(powers) > 2:
        return low, high, [float(t) for t in powers[:: -(-len(powers) // 7)]]
    fine = [p + float(np.log10(m)) for p in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 2, 5)]
    inside = [t for t in fine if low <= t <= high]
    if len(inside) < 3:
        inside = [float(np.log10(t)) for t in _range(np.array([10**low, 10**high]), False, (10**low, 10**high))[2]]
    return low, high, inside


def _label(t: float, log: bool) -> str:
    if not log:
        return f"{t:.6g}".replace("-", "−")
    if abs(t - round(t)) < 1e-9 and abs(t) >= 3:
        return f"10{str(round(t)).translate(DIGITS)}"
    return f"{10**t:.4g}"
