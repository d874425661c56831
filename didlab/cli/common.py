"""What several commands share: exit codes, the options of choosing and of judging."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import FileError

__all__ = ["BAD_INPUT", "DIFFERS", "FINE", "INTERRUPTED", "choosing", "integer", "judging", "own_file", "writable"]

FINE, DIFFERS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
EMPTY: Mapping[str, Path | None] = {}


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


def integer(name: str, least: int, most: float = float("inf")) -> Callable[[str], int]:
    """The type of an option: whole numbers from the least on, up to the most."""
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            expected = f"of at least {least}" if most == float("inf") else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{name} must be an integer {expected}; got {text!r}")
        return value

    return parse


def writable(*, files: Mapping[str, Path | None] = EMPTY, folders: Mapping[str, Path | None] = EMPTY) -> None:
    """Refuse at once what could not be written at the end; the keys are the options that named the paths.

    Raises:
        FileError: a folder for a file or the other way round, or a place where nothing can be written.
    """
    for option, path in files.items():
        if path is not None and path.is_dir():
            raise FileError(f"{option} {path} is a folder; give a file")
    for option, path in folders.items():
        if path is not None and path.exists() and not path.is_dir():
            raise FileError(f"{option} {path} is a file; give a folder")
    for path in (*files.values(), *folders.values()):
        if path is None or (path.exists() and not path.is_file() and not path.is_dir()):  # a pipe or a device
            continue
        target = path.resolve()
        there = next(p for p in (target, *target.parents) if p.exists() and (p != target or p.is_dir()))
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as e:
            raise FileError(f"cannot write {path}: {there} is not a folder one may write to") from e
