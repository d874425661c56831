"""The command line. What a command needs is imported when it runs: `didlab replay` starts in a fraction of a second."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import DidlabError
from . import diagnose, did_model, explore, figure, listing, replay, score, show, verify
from .common import BAD_INPUT, DIFFERS, INTERRUPTED

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 where a verdict differs from the recorded one, a claim could not be judged or a certificate fails;
        2 for bad input; 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell
            setattr(sys, name, open(os.open(os.devnull, os.O_WRONLY), "w", closefd=False))  # noqa: SIM115
        with contextlib.suppress(AttributeError, ValueError):
            getattr(sys, name).reconfigure(errors="replace")
    try:
        code = options.command(options)
        sys.stdout.flush()  # here, where an error of it has a message
        return code
    except DidlabError as e:
        print(f"didlab: {e}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"didlab: interrupted; {getattr(options, 'interrupted', 'nothing was written')}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away
        _drop_output()
        return DIFFERS
    except OSError as e:
        if e.filename is not None:  # a file: the command's own business
            raise
        _drop_output()
        print(f"didlab: cannot write the output: {e.strerror}", file=sys.stderr)
        return BAD_INPUT


def _drop_output() -> None:
    """Let what is still to be printed go nowhere, so that nothing fails again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="didlab", description="Checks the theory of preference optimisation by computer.",
        epilog="Begin with `didlab list`, then `didlab show ID`. `didlab COMMAND --help` says what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"didlab {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (verify, listing, show, replay, figure, score, did_model, diagnose, explore):
        command.add(commands)
    return parser
