"""What a person or a program reads of the verdicts: the JSON, the terminal, the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

if TYPE_CHECKING:
    from .plain import text

__all__ = ["text"]

__getattr__, __dir__ = attach(__name__, {"plain": ("text",)})
