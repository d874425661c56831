"""A killed run goes on to the same bits; a foreign or broken checkpoint is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest

from didlab.dynamics import Protocol, simulate, synthetic_problem
from didlab.errors import FileError
from didlab.objectives import get

Q, C, P = [synthetic_problem(4.0, s) for s in range(2)], [get("dpo"), get("slic"), get("kto")], Protocol(steps=60)


class Killed(Exception):
    pass


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path, engine):
    def kill(step, logits):
        if step == 40:
            raise Killed

    options = {"protocol": P, "engine": engine, "checkpoint_every": 20}
    whole = simulate(Q, C, **options)
    path = tmp_path / "run.npz"
    with pytest.raises(Killed):
        simulate(Q, C, **options, checkpoint=path, callback=kill, callback_every=20)
    assert path.exists()
    again = simulate(Q, C, **options, checkpoint=path)
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    assert list(tmp_path.iterdir()) == [path]


def test_a_foreign_or_broken_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    simulate(Q, C, protocol=P, checkpoint=path)
    with pytest.raises(FileError, match="other inputs"):
        simulate(Q, C, protocol=Protocol(steps=61), checkpoint=path)
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for broken in (path.read_bytes()[:100], b"", array.getvalue()):
        path.write_bytes(broken)
        with pytest.raises(FileError, match="not a readable checkpoint"):
            simulate(Q, C, protocol=P, checkpoint=path)
