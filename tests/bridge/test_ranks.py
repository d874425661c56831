"""Processes that wait for each other, with a clock that the test moves."""

from __future__ import annotations

import os

import pytest

from didlab.bridge import ranks
from didlab.errors import FileError


class Clock:
    """Time that passes only when somebody sleeps, and what happens then."""

    def __init__(self, then):
        self.now, self.then = 0.0, then

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.then(self.now)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Five parts of which two are there, and a clock to be started."""
    files = [tmp_path / f"part-{k}" for k in range(5)]
    for k in (0, 3):
        files[k].touch()

    def started(then):
        clock = Clock(then)
        monkeypatch.setattr(ranks, "time", clock)
        return clock

    return files, started


def test_a_process_that_shows_nothing_is_given_up_and_named(work):
    files, started = work

    def then(now):  # process 1 goes on; process 2 was there once
        if now < 20:
            os.utime(files[0].parent / "rank-000001.alive", ns=(int(now * 1e9),) * 2)

    for rank in (1, 2):
        (files[0].parent / f"rank-{rank:06d}.alive").touch()
    clock = started(then)
    with pytest.raises(FileError, match=r"process 2 of 3 .* 10 seconds, and 1 of the 5 parts .*part-2 first.*--patien"):
        ranks.wait_for(files, 3, 10.0)
    assert 10 < clock.now < 10 + 2 * ranks.LOOK


def test_a_process_that_was_never_there_is_given_up_too(work):
    files, started = work
    clock = started(lambda now: None)
    with pytest.raises(FileError, match=r"process 1 of 2 .* no sign of life for 3 seconds"):
        ranks.wait_for([files[0], files[1]], 2, 3.0)
    assert clock.now > 3


def test_whoever_shows_signs_or_finishes_parts_is_waited_for(work):
    """Each part takes longer than the patience, and so does all of it; clocks of other machines may stand anywhere."""
    files, started = work
    alive = files[0].parent / "rank-000001.alive"

    def then(now):
        if round(now * 10) % 40 == 0 and now < 70:
            alive.touch()
            os.utime(alive, ns=(int((1e6 - now) * 1e9),) * 2)
        for part, at in ((1, 62.0), (4, 72.0)):
            if now >= at:
                files[part].touch()

    files[2].touch()
    clock = started(then)
    ranks.wait_for(files, 3, 5.0)
    assert clock.now >= 72


def test_signs_are_given_at_most_once_a_second_and_with_every_row_and_batch(work, monkeypatch):
    files, started = work
    clock = started(lambda now: None)
    life = ranks.Life(files[0].parent, 7)
    written = []
    monkeypatch.setattr(type(life.file), "write_text", lambda *a, **k: written.append(clock.now))
    seen = []
    step = life.also(lambda *a: seen.append(a), 10, 50)

    def rows():
        for n in range(4):
            clock.now += 0.4
            yield n

    assert life.during(rows()) == [0, 1, 2, 3]
    assert written == [0.4, 1.6]
    clock.now = 9.0
    step(3, 40)
    assert written[-1] == 9.0 and seen == [(13, 50)]
    life.also(None, 0, 1)(1, 1)


def test_signs_after_the_folder_is_gone_hurt_nobody(tmp_path):
    ranks.Life(tmp_path / "gone", 1).sign()
    assert not (tmp_path / "gone").exists()


def test_two_runs_are_not_at_work_on_the_same_parts(tmp_path):
    refused = pytest.raises(FileError, match="another run is at work in")
    with ranks.alone(tmp_path, 0), ranks.alone(tmp_path, 1), refused, ranks.alone(tmp_path, 0):
        pass
    with ranks.alone(tmp_path, 0):
        pass
