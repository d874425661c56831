"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import FileError

__all__ = ["whole", "write_bytes", "write_text"]


@contextmanager
def whole(path: Path) -> Generator[IO[bytes], None, None]:
    """A file to write to, under a temporary name beside the path; it gets its name when all is written.

    A link is followed, and what is no file, such as /dev/stdout or a pipe, is written to as it is.

    Raises:
        FileError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        target = path.resolve()
        made = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with made.open("xb") as file:
                yield file
            os.replace(made, target)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise FileError(f"cannot write {path}: {e.strerror or e}") from e


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file or nothing."""
    with whole(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing, in UTF-8."""
    write_bytes(path, text.encode())
