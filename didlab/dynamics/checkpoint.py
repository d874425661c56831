"""A file from which a killed run goes on, to the same bits."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError
from ..files import whole
from .rules import label

__all__ = ["digest", "read_checkpoint", "write_checkpoint"]


def digest(problems: Any, configurations: Any, protocol: Any, goals: np.ndarray, engine: str) -> str:
    """A text that differs for every run with other inputs."""
    h = hashlib.sha256(f"{protocol} {engine} {[label(c) for c in configurations]}".encode())
    for q in problems:
        h.update(f"{q.key}".encode())
        for x in (q.reference, q.goal, q.cells):
            h.update(np.ascontiguousarray(x).tobytes())
    h.update(np.ascontiguousarray(goals).tobytes())
    return h.hexdigest()


def write_checkpoint(path: str | Path, mark: str, step: int, state: dict[str, np.ndarray]) -> None:
    """Write a checkpoint: a killed run leaves the old file or the new one."""
    with whole(Path(path)) as file:
        np.savez(file, mark=np.array(mark), step=np.array(step), **state)  # type: ignore[arg-type]


def read_checkpoint(path: str | Path, mark: str) -> tuple[int, dict[str, np.ndarray]]:
    """The step and the state.

    Raises:
        FileError: not a checkpoint, or one of another run.
    """
    try:
        with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        found, step = str(data.pop("mark")), int(data.pop("step"))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        raise FileError(f"{path} is not a readable checkpoint; delete it to start again") from None
    if found != mark:
        raise FileError(f"{path} belongs to a run with other inputs; delete it or choose another name")
    return step, data
