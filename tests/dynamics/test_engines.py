"""Both engines against the plain loop, on the same pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from didlab.dynamics import (
    Protocol,
    dpo_pg,
    label,
    normalised,
    pair_problem,
    simulate,
    synthetic_problem,
    train_plainly,
)
from didlab.dynamics.draws import draw_cells
from didlab.experiments.grids import printed_configurations, readings_of
from didlab.objectives import get

SHORT = Protocol(steps=80)
OTHERS = [get(n) for n in ("ipo", "r-dpo", "rrhf", "cpo", "kto", "sppo", "dpo-positive")]
RULES = [dpo_pg(), normalised(), normalised(get("simpo", beta=2.0))]
READ = [c for name in ("slic", "orpo", "cal-dpo") for reading in list(readings_of(name).values())[1:] for c in reading]
CLOSE = {"numba": 1e-12, "torch": 1e-9}

# At the reference every log-ratio is exactly 0, and at equal logits every margin is: outcomes drawn as often as chosen
# as they are as rejected have gradient exactly 0 there, and RMSprop moves a logit by 1e5 d for a component d < 1e-8.
STARTS = [(start, pairs) for start in ("reference", "uniform", "normal") for pairs in (None, 1000)]


def compare(problem, configurations, protocol, engine, known):
    """The plain loop is run once for all engines."""
    run = simulate([problem], configurations, protocol=protocol, engine=engine)
    for n, c in enumerate(configurations):
        key = (label(c), problem.key, problem.cells.tobytes(), protocol)
        if key not in known:
            known[key] = train_plainly(problem, c, protocol)
        js, logits = known[key]
        difference = max(np.abs(logits - run.logits[0, n]).max(), np.abs(js - run.js[0, n]).max())
        assert difference <= CLOSE[engine], f"{label(c)}: {difference}"


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("start, pairs", STARTS)
def test_every_kind_of_configuration_follows_the_plain_loop(engine, start, pairs, known):
    q = synthetic_problem(4.0, 42, pairs=pairs)
    configurations = printed_configurations()[::4] + OTHERS + RULES + READ[::4]
    compare(q, configurations, Protocol(steps=40, start=start), engine, known)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_the_kink_of_dpo_positive_away_from_the_reference(engine, known):
    q, protocol = synthetic_problem(0.5, 7), Protocol(steps=80, start="normal")
    compare(q, [get("dpo-positive")], protocol, engine, known)


def test_components_that_cancel_are_exactly_zero():
    """With one pair drawn in both directions equally often nothing moves, by not a bit, whatever the numbers are."""
    z = np.array([0.3, -1.1, 0.7])
    q = pair_problem(z, z, z, z, seed=1)
    swapping = q._replace(cells=np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0.0]]))
    cells = [draw_cells(swapping.table(), swapping.key, step, 2) for step in range(40)]
    fair = next(step for step, pair in enumerate(cells) if pair[0] != pair[1])
    swapping = swapping._replace(key=(swapping.key + 0x9E3779B97F4A7C15 * 2 * fair) % 2**64)  # starts at that step
    cases = [get("dpo", beta=0.3), get("ipo", beta=0.3), get("cal-dpo", beta=0.003), get("kto", lam_w=0.7, lam_l=0.7)]
    run = simulate([swapping], cases, protocol=Protocol(steps=1, batch=2))
    assert np.array_equal(run.logits[0], np.tile(q.reference, (len(cases), 1)))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("temperature, start, pairs", [
    (4.0, "reference", None), (0.5, "reference", 1000), (0.5, "uniform", None), (0.25, "normal", 1000)])
def test_everything_printed_after_1000_steps(engine, temperature, start, pairs, known):
    q = synthetic_problem(temperature, 42, pairs=pairs)
    configurations = printed_configurations() + OTHERS + RULES + READ
    compare(q, configurations, Protocol(steps=1000, start=start), engine, known)


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
