"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import FileError

__all__ = ["whole", "write_bytes", "write_text"]


@contextmanager
def whole(path: Path) -> Generator[IO[bytes], None, None]:
    """A file to write to, under a temporary name beside the path; it gets its name when all is written.

    Raises:
        FileError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as e:
        raise FileError(f"cannot write {path}: {e.strerror}") from e


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file or nothing."""
    with whole(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing, in UTF-8."""
    write_bytes(path, text.encode())
