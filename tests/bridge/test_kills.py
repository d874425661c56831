"""Processes that are killed, by the operating system and at random moments, leave work that can be finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SLOW = '''
import hashlib
import math
import time


class Slow:
    """Values that are a function of the ids, and take a while."""

    name = "slow"

    def fingerprint(self):
        return {"kind": "slow"}

    def token_log_probs(self, items):
        time.sleep(0.004 * len(items))
        return [[-math.log(1000) for _ in i.response] for i in items]

    def sample(self, prompt, count, *, rng, length):
        from didlab.bridge import Item

        return [Item(prompt, tuple(int(t) for t in rng.integers(1, 1000, rng.integers(1, 6)))) for _ in range(count)]


model = Slow()
'''


@pytest.fixture
def work(tmp_path):
    (tmp_path / "slow_model.py").write_text(SLOW)
    rng = np.random.default_rng(0)
    with open(tmp_path / "data.jsonl", "w") as file:
        for k in range(900):  # four parts of pairs, and some of samples
            ids = {f"{n}_ids": [int(t) for t in rng.integers(1, 1000, rng.integers(1, 9))]
                   for n in ("prompt", "chosen", "rejected")}
            file.write(json.dumps({"id": str(k), **ids}) + "\n")
    return tmp_path


def start(folder, out, rank=0, world=1):
    command = [
        sys.executable, "-m", "didlab", "score", "--policy", "slow_model:model", "--data", "data.jsonl", "--out", out,
        "--samples", "2", "--sample-prompts", "300",
    ]
    ranks = {"RANK": str(rank), "WORLD_SIZE": str(world)}
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, **ranks}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def parts(folder, out):
    return len(list((folder / f"{out}.parts").glob("part-*.parquet")))


def wait(condition, process):
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_two_processes_killed_in_the_middle_go_on(work):
    finish(start(work, "whole.parquet"))
    first, second = (start(work, "shared.parquet", rank, 2) for rank in range(2))
    wait(lambda: parts(work, "shared.parquet") >= 2, first)
    kill(second)
    kill(first)
    assert not (work / "shared.parquet").exists()
    left = parts(work, "shared.parquet")
    assert 2 <= left < 6
    for process in [start(work, "shared.parquet", rank, 2) for rank in range(2)]:
        finish(process)
    assert (work / "shared.parquet").read_bytes() == (work / "whole.parquet").read_bytes()
    assert not (work / "shared.parquet.parts").exists()


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_nothing(work):
    """The moments are drawn over the time that a whole run takes, start and end included."""
    begun = time.monotonic()
    finish(start(work, "whole.parquet"))
    took, rng = time.monotonic() - begun, np.random.default_rng(1)
    kills = 0
    for attempt in range(20):
        out = f"killed-{attempt % 4}.parquet"
        process = start(work, out)
        try:
            process.wait(timeout=float(rng.uniform(0, took)))
            process.communicate()
        except subprocess.TimeoutExpired:
            kill(process)
            kills += 1
    assert kills >= 5
    for k in range(4):
        finish(start(work, f"killed-{k}.parquet"))
        assert (work / f"killed-{k}.parquet").read_bytes() == (work / "whole.parquet").read_bytes()
