"""What several commands share: exit codes, the options of judging."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

__all__ = ["BAD_INPUT", "DIFFERS", "FINE", "INTERRUPTED", "integer", "judging"]

FINE, DIFFERS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def judging(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that judge."""
    parser.add_argument(
        "--claims", type=Path, metavar="FILE.py", help="judge the claims that this Python file declares instead"
    )
    parser.add_argument(
        "--effort",
        choices=("quick", "standard", "deep"),
        default="standard",
        help="quick for the editor, deep for ten times the instances (default: standard)",
    )
    parser.add_argument(
        "--seed",
        type=integer("seed", 0),
        default=0,
        metavar="N",
        help="every random choice follows from it (default: 0)",
    )


def integer(name: str, least: int) -> Callable[[str], int]:
    """The type of an option: whole numbers from the least on."""
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{name} must be an integer of at least {least}; got {text!r}")
        return value

    return parse
