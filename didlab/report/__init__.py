"""What a person or a program reads of the verdicts: the JSON, the terminal, the page."""

from .terminal import text

__all__ = ["text"]
