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
import os
import time

with open(f"rank-{os.environ.get('RANK', 0)}.pid", "w") as file:
    file.write(str(os.getpid()))


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
ARGUMENTS = [
    "score", "--policy", "slow_model:model", "--data", "data.jsonl", "--samples", "2", "--sample-prompts", "300",
]


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


def start(folder, out, rank=0, world=1, more=()):
    command = [sys.executable, "-m", "didlab", *ARGUMENTS, "--out", out, *more]
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


def test_a_process_that_waits_for_a_dead_one_ends_and_says_what_to_do(work):
    """Started by hand, nobody takes the others along: the first gives up the second, and another run goes on."""
    finish(start(work, "whole.parquet"))
    first, second = (start(work, "shared.parquet", rank, 2, ["--patience", "2"]) for rank in range(2))
    wait(lambda: (work / "shared.parquet.parts" / "rank-000001.alive").exists(), second)
    kill(second)
    said = first.communicate(timeout=300)
    assert first.returncode == 2, said
    assert "process 1 of 2 has shown no sign of life for 2 seconds" in said[1]
    assert "run the same command again" in said[1] and "Traceback" not in said[1]
    assert not (work / "shared.parquet").exists()
    left = parts(work, "shared.parquet")
    assert 3 <= left < 6  # its own parts are kept
    finish(start(work, "shared.parquet"))
    assert (work / "shared.parquet").read_bytes() == (work / "whole.parquet").read_bytes()
    assert not (work / "shared.parquet.parts").exists()


def together(folder, out):
    """Two processes under torchrun, in a group of their own."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "didlab"]
    return subprocess.Popen(
        [*command, *ARGUMENTS, "--out", out], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_under_torchrun_takes_the_others_along_and_the_next_run_goes_on(work, rank):
    finish(start(work, "whole.parquet"))
    launcher = together(work, "shared.parquet")
    try:
        wait(lambda: parts(work, "shared.parquet") >= 1, launcher)
        ranks = [int((work / f"rank-{r}.pid").read_text()) for r in range(2)]
        os.kill(ranks[rank], signal.SIGKILL)
        said = launcher.communicate(timeout=120)
        assert launcher.returncode != 0, said
        with pytest.raises(ProcessLookupError):  # nobody is left behind waiting for the dead
            os.kill(ranks[1 - rank], 0)
    finally:
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)
    assert not (work / "shared.parquet").exists()
    assert 1 <= parts(work, "shared.parquet") < 6
    finish(together(work, "shared.parquet"))
    assert (work / "shared.parquet").read_bytes() == (work / "whole.parquet").read_bytes()
    assert not (work / "shared.parquet.parts").exists()


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_nothing(work):
    """The moments are drawn over the time that a run takes, start and end included; the quickest run sets the time.

    A run that was quicker than its moment is no kill: another is tried, however busy the machine is.
    """
    begun = time.monotonic()
    finish(start(work, "whole.parquet"))
    quickest, rng = time.monotonic() - begun, np.random.default_rng(1)
    killed: set[str] = set()
    kills = 0
    while kills < 20:
        out, begun = f"killed-{kills % 4}.parquet", time.monotonic()
        process = start(work, out)
        try:
            process.wait(timeout=float(rng.uniform(0, quickest)))
            finish(process)
            quickest = min(quickest, time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            kill(process)
            if process.returncode == -signal.SIGKILL:
                kills += 1
                killed.add(out)
    for out in sorted(killed):
        finish(start(work, out))
        assert (work / out).read_bytes() == (work / "whole.parquet").read_bytes()
        assert not (work / f"{out}.parts").exists()
    assert len(killed) == 4
