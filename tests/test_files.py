"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from didlab.errors import FileError
from didlab.files import whole, write_text


def test_a_file_that_is_not_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), whole(path) as file:
        file.write(b"half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    write_text(path, "π")
    assert path.read_text(encoding="utf-8") == "π"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(FileError, match="cannot write"):
        write_text(tmp_path / "file" / "x", "a")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
