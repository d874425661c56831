"""The drawings: one style, and the few kinds of picture that the experiments use."""

from __future__ import annotations

from .curves import draw_band, draw_level, finish_steps, thin
from .style import look, muted, style

__all__ = ["draw_band", "draw_level", "finish_steps", "look", "muted", "style", "thin"]
