"""Processes that share the work: each shows that it is alive, and who waits for one that does not, ends."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import FileError

__all__ = ["PATIENCE", "Life", "alone", "wait_for"]

PATIENCE = 1800.0  # seconds; as long as processes of torch.distributed wait for each other
SIGN = 1.0  # seconds between two signs of life at least
LOOK = 0.1  # seconds between two looks at the parts of others

Progress = Callable[[int, int], None]
Row = TypeVar("Row")


class Life:
    """Signs of life of a process: a file beside the parts, which is written again with every batch."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.file, self.last = _file(folder, rank), -SIGN

    def sign(self) -> None:
        """The process is at work."""
        now = time.monotonic()
        if now - self.last >= SIGN:
            self.last = now
            with contextlib.suppress(FileNotFoundError):  # another run of the same work has finished it
                self.file.write_text(f"{os.getpid()}\n", encoding="utf-8")

    def during(self, rows: Iterable[Row]) -> list[Row]:
        """The rows, with a sign of life for each that has to be made first."""
        out: list[Row] = []
        for row in rows:
            self.sign()
            out.append(row)
        return out

    def also(self, progress: Progress | None, start: int, total: int) -> Progress:
        """Progress within a part as progress of all, and a sign of life."""

        def step(done: int, _: int) -> None:
            self.sign()
            if progress:
                progress(start + done, total)

        return step


@contextlib.contextmanager
def alone(folder: Path, rank: int) -> Generator[None, None, None]:
    """Keeps other runs from the parts of this process while it is at work; the lock of one that was killed is gone.

    Raises:
        FileError: another run holds them.
    """
    try:
        import fcntl
    except ImportError:  # a system without such locks
        yield
        return
    with contextlib.ExitStack() as held:
        try:
            fcntl.flock(held.enter_context(_file(folder, rank).open("ab")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            said = f"another run is at work in {folder}; let it end, or give another path for the table"
            raise FileError(said) from e
        except OSError:  # a file system without them
            pass
        yield


def _file(folder: Path, rank: int) -> Path:
    return folder / f"rank-{rank:06d}.alive"


def wait_for(files: Sequence[Path], world: int, patience: float) -> None:
    """Until all parts are there, of which each process makes every `world`-th.

    What moves is looked at, by this process's own clock, so that those of other machines may differ.

    Raises:
        FileError: a process whose parts are missing has shown no sign of life for `patience` seconds.
    """
    last: dict[int, tuple[Any, float]] = {}
    while missing := [k for k, f in enumerate(files) if not f.exists()]:
        now = time.monotonic()
        for rank in {k % world for k in missing}:
            own = [k for k in missing if k % world == rank]
            seen = len(own), _moved(_file(files[0].parent, rank))
            if rank not in last or last[rank][0] != seen:
                last[rank] = seen, now
            elif now - last[rank][1] > patience:
                raise FileError(
                    f"process {rank} of {world} has shown no sign of life for {patience:g} seconds, and {len(own)} of "
                    f"the {len(files)} parts are missing which are its own, {files[own[0]]} first. If it has died, run "
                    "the same command again, with as many processes or with one: what is done is kept. If it is slow, "
                    "let this one wait for longer (--patience); if it is on another machine, both must see this folder"
                )
        time.sleep(LOOK)


def _moved(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None
