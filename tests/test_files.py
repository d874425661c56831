"""Files that are written whole or not at all."""

from __future__ import annotations

import os
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


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("file")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "file").read_text() == "new"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "through")
    assert os.read(end, 99) == b"through" and pipe.is_fifo()
    os.close(end)


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_text(tmp_path / "mine", "")
    finally:
        os.umask(before)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(FileError, match="cannot write"):
        write_text(tmp_path / "file" / "x", "a")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
