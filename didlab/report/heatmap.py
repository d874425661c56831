"""A matrix as a small SVG: colour by sign, shade by size; small matrices also show their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["heatmap"]

SIDE, LEFT, TOP = 320, 46, 40
NUMBERED = 8  # rows or columns up to which the numbers fit
LETTER = 6.2  # the width of one
SHADES = 24
FULL, BEHIND = 0.8, 0.45  # opacity of the strongest colour; and behind numbers, so that they can be read on it


def heatmap(
    values: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], down: str, across: str, words: str,
    middle: float = 0.0, digits: int = 2, mark: tuple[float, float] | None = None,
    full: float | None = None,
) -> str:
    """An SVG figure of a matrix.

    Args:
        values: shape (R, C); not finite entries are left blank.
        rows, columns: names of the rows and columns, shown where there is room.
        down, across: what the rows and the columns are.
        words: what a reader who does not see it should know.
        middle: the value that is drawn without colour; above it one colour, below it another.
        digits: decimals of the numbers.
        mark: row and column, which may lie between two, of a ring.
        full: how far from the middle the colour is full; the largest distance by default.
    """
    v = np.asarray(values, float)
    r, c = v.shape
    cell = max(3.0, min(56.0, SIDE / max(r, c)))
    off = v - middle
    finite = np.isfinite(v)
    most = full or float(np.abs(off[finite]).max(initial=0.0)) or 1.0
    strength = np.where(finite, np.clip(np.abs(off) / most, 0, 1), 0.0)
    numbered = max(r, c) <= NUMBERED
    step = max(1, -(-max(r, c) // 16))
    # Long names need room: those of the rows to the left, those of the columns, turned, above.
    long = LETTER * max(map(len, columns))
    turned = long > step * cell + 6
    left = LEFT + max(0.0, LETTER * max(map(len, rows)) - (LEFT - 24))
    top = TOP + (max(0.0, long - 12) if turned else 0.0)
    corner = left, top
    parts = _cells(v, off, strength, cell, corner, rows, columns, digits) if numbered else _runs(
        off, strength, cell, corner
    )
    width, height = left + c * cell + 8, top + r * cell + 8
    for j in range(0, c, step):
        x, y = left + (j + 0.5) * cell, top - 6
        place = (
            f'class="start" transform="rotate(-90 {x + 4:.1f} {y:.1f})" x="{x + 4:.1f}"' if turned
            else f'class="cx" x="{x:.1f}"'
        )
        parts.append(f'<text {place} y="{y:.1f}">{escape(columns[j])}</text>')
    for i in range(0, r, step):
        parts.append(
            f'<text class="cy" x="{left - 6:.1f}" y="{top + (i + 0.5) * cell + 4:.1f}">{escape(rows[i])}</text>'
        )
    parts.append(f'<text class="cx" x="{left + c * cell / 2:.1f}" y="13">{escape(across)}</text>')
    turn = top + r * cell / 2
    parts.append(f'<text class="cx" transform="rotate(-90 11 {turn:.1f})" x="11" y="{turn:.1f}">{escape(down)}</text>')
    parts.append(
        f'<rect class="frame" x="{left:.1f}" y="{top:.1f}" width="{c * cell:.1f}" height="{r * cell:.1f}"/>'
    )
    if mark is not None:
        y, x = (start + (at + 0.5) * cell for start, at in zip((top, left), mark, strict=True))
        for kind, size in (("ring", 7), ("dot", 2)):
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>')
    return (
        f'<figure class="plot chart"><svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{escape(words)}">{"".join(parts)}</svg></figure>'
    )


def _cells(
    v: np.ndarray, off: np.ndarray, strength: np.ndarray, cell: float, corner: tuple[float, float],
    rows: Sequence[str], columns: Sequence[str], digits: int,
) -> list[str]:
    """Each cell by itself, with its number."""
    parts: list[str] = []
    for i, j in zip(*np.nonzero(np.isfinite(v)), strict=True):
        x, y = corner[0] + j * cell, corner[1] + i * cell
        parts.append(
            f'<rect class="{"over" if off[i, j] >= 0 else "under"}" x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" '
            f'height="{cell:.1f}" fill-opacity="{BEHIND * strength[i, j]:.3f}">'
            f"<title>{escape(f'{rows[i]}, {columns[j]}: {v[i, j]:.4g}')}</title></rect>"
            f'<text class="v" x="{x + cell / 2:.1f}" y="{y + cell / 2 + 4:.1f}">{v[i, j]:.{digits}f}</text>'
        )
    return parts


def _runs(off: np.ndarray, strength: np.ndarray, cell: float, corner: tuple[float, float]) -> list[str]:
    """One path for each shade: a thousand cells would take the browser longer than the mathematics."""
    level = np.rint(SHADES * strength).astype(int) * np.where(off >= 0, 1, -1)
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(level):
        edges = np.flatnonzero(np.diff(row)) + 1
        for start, end in zip([0, *edges], [*edges, len(row)], strict=True):
            if row[start]:
                x, w = corner[0] + start * cell, (end - start) * cell
                paths.setdefault(int(row[start]), []).append(
                    f"M{x:.1f},{corner[1] + i * cell:.1f}h{w:.1f}v{cell:.1f}h{-w:.1f}z"
                )
    return [
        f'<path class="{"over" if n > 0 else "under"}" fill-opacity="{FULL * abs(n) / SHADES:.3f}" d="{"".join(d)}"/>'
        for n, d in sorted(paths.items())
    ]
