"""Both engines against the plain loop, on the same pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from didlab.dynamics import Protocol, dpo_pg, label, normalised, simulate, synthetic_problem, train_plainly
from didlab.experiments.grids import printed_configurations, readings_of
from didlab.objectives import get

SHORT, LONG = Protocol(steps=80), Protocol(steps=1000, start="normal")
OTHERS = [get(n) for n in ("ipo", "r-dpo", "rrhf", "cpo", "kto", "sppo")]
RULES = [dpo_pg(), normalised(), normalised(get("simpo", beta=2.0))]
READ = [c for name in ("slic", "orpo", "cal-dpo") for reading in readings_of(name).values() for c in reading[:2]]
CLOSE = {"numba": 1e-12, "torch": 1e-9}


def compare(q, configurations, protocol, run, engine, known):
    """A step of RMSprop moves a logit by up to 1e5 d for a gradient's component d below 1e-8, hence by 1e-12 for the
    rounding error 1e-17 of a component that ought to be 0. At the reference, an outcome that a batch holds as often as
    chosen as it does as rejected has gradient exactly 0 under Cal-DPO; the plain loop, which adds and subtracts
    1/(2 beta), has up to 4e-17 there.
    """
    for n, c in enumerate(configurations):
        key = (label(c), q.key)
        if key not in known:
            known[key] = train_plainly(q, c, protocol)
        js, logits = known[key]
        difference = max(np.abs(logits - run.logits[0, n]).max(), np.abs(js - run.js[0, n]).max())
        exempt = c.name == "cal-dpo" and protocol.start == "reference"
        assert difference <= max(CLOSE[engine], 1e-11 if exempt else 0.0), label(c)


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_every_kind_of_configuration_follows_the_plain_loop(engine, known):
    q = synthetic_problem(4.0, 42)
    configurations = printed_configurations()[::4] + OTHERS + RULES + READ[1::2]
    compare(q, configurations, SHORT, simulate([q], configurations, protocol=SHORT, engine=engine), engine, known)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_the_kink_of_dpo_positive_away_from_the_reference(engine, known):
    q, c, protocol = synthetic_problem(0.5, 7), [get("dpo-positive")], Protocol(steps=80, start="normal")
    compare(q, c, protocol, simulate([q], c, protocol=protocol, engine=engine), engine, known)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("temperature", [4.0, 0.5])
def test_the_printed_grids_after_1000_steps(engine, temperature):
    q, configurations = synthetic_problem(temperature, 42), printed_configurations() + READ
    compare(q, configurations, LONG, simulate([q], configurations, protocol=LONG, engine=engine), engine, {})


def test_a_loss_of_the_user_follows_its_built_in_twin():
    def mine(w, l, rw, rl):  # noqa: E741
        return torch.nn.functional.softplus(l - rl - w + rw)

    run = simulate([synthetic_problem(4.0, 1)], [get("slic"), mine, get("dpo")], protocol=SHORT, engine="torch")
    assert np.abs(run.logits[0, 1] - run.logits[0, 2]).max() <= 1e-12


def test_float32_is_the_plain_loop_in_float32():
    # 120 first steps of up to 1e-2, each off by the rounding of float32 and by the amplified rounding of the gradient.
    protocol = Protocol(steps=120, dtype="float32")
    q = synthetic_problem(4.0, 42, generator="torch")
    run = simulate([q], [get("dpo")], protocol=protocol)
    js, logits = train_plainly(q, get("dpo"), protocol)
    assert np.abs(logits - run.logits[0, 0]).max() <= 2e-4
    assert np.abs(js / run.js[0, 0] - 1).max() <= 1e-2


def test_workers_blocks_and_company_change_nothing():
    problems = [synthetic_problem(t, s) for t in (0.5, 4.0) for s in range(3)]
    few, many = printed_configurations()[:3], printed_configurations()
    one = simulate(problems, many, protocol=SHORT)
    two = simulate(problems, many, protocol=SHORT, workers=2)
    alone = simulate(problems[4:5], few, protocol=SHORT)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert np.array_equal(one.js[4:5, :3], alone.js)


def test_a_callback_sees_the_run_and_does_not_disturb_it():
    seen = {}
    q, c = [synthetic_problem(4.0, 5)], [get("dpo"), get("orpo")]
    run = simulate(q, c, protocol=SHORT, callback=lambda step, x: seen.__setitem__(step, x), callback_every=50)
    assert sorted(seen) == [0, 50, 80]
    assert np.array_equal(seen[80], run.logits)
    assert np.array_equal(run.js, simulate(q, c, protocol=SHORT).js)
    assert np.array_equal(seen[50], simulate(q, c, protocol=Protocol(steps=50)).logits)
