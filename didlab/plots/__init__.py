"""The drawings: one style, and the few kinds of picture that the experiments use."""

from __future__ import annotations

from .curves import draw_band, draw_level, draw_zero, finish_steps, thin
from .style import CHOSEN, REJECTED, look, muted, style

__all__ = [
    "CHOSEN", "REJECTED", "draw_band", "draw_level", "draw_zero", "finish_steps", "look", "muted", "style", "thin",
]
