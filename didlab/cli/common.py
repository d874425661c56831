"""What several commands share: exit codes, the options of choosing and of judging."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

__all__ = ["BAD_INPUT", "DIFFERS", "FINE", "INTERRUPTED", "choosing", "integer", "judging", "own_file"]

FINE, DIFFERS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def choosing(parser: argparse.ArgumentParser) -> None:
    """Add what chooses among the statements."""
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="which statements: ids or patterns such as 'did.thm-3.*' (default: all)"
    )
    parser.add_argument(
        "--paper", metavar="NAME", help="only the statements of one paper (the first part of their ids)"
    )


def own_file(parser: argparse.ArgumentParser) -> None:
    """Add the option that puts a user's file in the place of didlab's statements."""
    parser.add_argument(
        "--claims", type=Path, metavar="FILE.py", help="the claims that this Python file declares, and not didlab's"
    )


def judging(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that judge."""
    own_file(parser)
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
