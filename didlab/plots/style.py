"""One style for every figure: readable in print, in grey and by colour-blind readers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["CHOSEN", "GREY", "INK", "LINES", "REJECTED", "look", "muted", "style"]

INK, GREY, PALE = "#222222", "#767676", "#d9d9d9"

# Okabe and Ito's colours; every name also has a dash pattern of its own.
LINES: dict[str, dict[str, Any]] = {
    "dpo": {"color": "#7b3294", "linestyle": "-", "linewidth": 2.0},
    "log-pi": {"color": "#000000", "linestyle": "-", "linewidth": 1.6},
    "slic": {"color": "#0072b2", "linestyle": (0, (5, 1.5)), "linewidth": 1.5},
    "orpo": {"color": "#e69f00", "linestyle": (0, (1, 1)), "linewidth": 1.8},
    "simpo": {"color": "#009e73", "linestyle": (0, (4, 1.5, 1, 1.5)), "linewidth": 1.5},
    "cal-dpo": {"color": "#d55e00", "linestyle": (0, (7, 2, 1, 2, 1, 2)), "linewidth": 1.5},
    "dpo-pg": {"color": "#0072b2", "linestyle": (0, (5, 1.5)), "linewidth": 1.8},
}
CHOSEN: dict[str, Any] = {"color": "#0072b2", "linestyle": "-", "linewidth": 1.8}
REJECTED: dict[str, Any] = {"color": "#d55e00", "linestyle": (0, (5, 1.5)), "linewidth": 1.8}
ORDERED = ("#440154", "#3b528b", "#21918c", "#5ec962", "#c8b400")
ORDERED_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (1, 1)), (0, (7, 2, 1, 2, 1, 2)))


def look(name: str) -> dict[str, Any]:
    """How an objective is drawn.

    >>> look("dpo")["linestyle"]
    '-'
    """
    return dict(LINES.get(name, {"color": INK, "linestyle": "-", "linewidth": 1.5}))


def muted(index: int) -> dict[str, Any]:
    """How the n-th of up to five ordered curves is drawn.

    >>> muted(0)["color"]
    '#440154'
    """
    return {"color": ORDERED[index % 5], "linestyle": ORDERED_DASHES[index % 5], "linewidth": 1.6}


@contextmanager
def style() -> Generator[Any, None, None]:
    """Matplotlib's `pyplot` in the style of the gallery, without a display.

    >>> with style() as plt:
    ...     figure = plt.figure()
    ...     plt.close(figure)
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(
        {
            "figure.dpi": 130,
            "savefig.dpi": 130,
            "figure.constrained_layout.use": True,
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.labelsize": 9,
            "legend.fontsize": 8,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.grid": True,
            "grid.color": PALE,
            "grid.linewidth": 0.5,
            "lines.solid_capstyle": "round",
            "svg.hashsalt": "didlab",
            "axes.axisbelow": True,
        }
    ):
        yield plt
