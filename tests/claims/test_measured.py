"""Claims about training runs: the exact test, its record, and that it depends on nothing but the seed."""

from __future__ import annotations

import json
import subprocess
import sys
from math import comb

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from didlab.claims import load, recorded
from didlab.engine.judge import judge
from didlab.engine.measured import ALARM, MeasuredClaim, decide, interval, look, measured, tail
from didlab.engine.run import run
from didlab.engine.verdict import as_data
from didlab.errors import ClaimError
from didlab.report import terminal
from didlab.report.document import document, schema, to_text
from didlab.report.page import page

CLAIMS = [c for c in load() if isinstance(c, MeasuredClaim)]
RECORD = recorded()


def coin(id="mine.coin", *, share, count=24, **how):
    """A claim that is true in about this share of its runs."""

    @measured(id, where="nowhere", title="a coin", statement="x < p", protocol="one uniform number for each seed",
              effect="p minus the number", count=count, **how)
    def check(seeds, *, p=share):
        return {"": np.array([p - np.random.default_rng(s).random() for s in seeds])}

    return check


@pytest.mark.parametrize("n", [1, 7, 24])
def test_the_tail_is_the_binomial_one(n):
    for k in range(n + 1):
        assert tail(k, n) == sum(comb(n, i) for i in range(k, n + 1)) / 2**n


def test_the_interval_holds_the_median_at_its_level(n=29, miss=0.05):
    rng = np.random.default_rng(1)
    ends = np.array([interval(rng.exponential(size=n), miss) for _ in range(4_000)])
    missed = ((ends[:, 0] > np.log(2)) | (ends[:, 1] < np.log(2))).mean()
    assert 0 < missed < miss
    assert interval(rng.normal(size=24)) is not None


def test_decisions():
    ones = np.ones(24)
    assert decide({"": ones}).truth == 1
    assert decide({"": -ones}).truth == -1
    assert decide({"a": ones, "b": -ones}).truth == -1
    assert decide({"a": ones, "b": -ones}).part == "b"
    assert decide({"": np.where(np.arange(24) < 2, -1.0, 1.0)}).truth == 0
    assert decide({"": 0 * ones}).truth == -1, "a tie is no success of a strict statement"
    parts = decide({"": np.stack((ones, np.where(np.arange(24) % 2 > 0, -1.0, 1.0)), axis=1)})
    assert (parts.truth, parts.true_share) == (0, 0.75)
    assert decide({str(i): -ones for i in range(17)}).truth == 0, "seventeen parts are corrected for"


def test_what_decides_nothing():
    with pytest.raises(ClaimError, match="19 runs cannot decide"):
        coin(share=1, count=19)
    with pytest.raises(ClaimError, match="not a number"):
        decide({"": np.full(24, np.nan)})
    with pytest.raises(ClaimError, match="no outcomes"):
        decide({})
    assert judge(coin(share=0.5)).verdict == "undecided"
    assert judge(coin(share=-1)).verdict == "undecided", "false, and nothing is put in its place"
    assert judge(coin(share=2, neighbours={"also true": {"p": 3}})).verdict == "undecided"


def test_every_verdict():
    assert judge(coin(share=2, neighbours={"never": {"p": -1}})).verdict == "holds"
    corrected, assumed, wrong = (coin(share=-1) for _ in range(3))
    below = dict(protocol="the same", effect="2 minus the number", neighbours={"never": {"p": -1}})

    def at(seeds, *, p=2.0):
        return {"": np.array([p - np.random.default_rng(s).random() for s in seeds])}

    corrected.instead("x < 2", **below)(at)
    assumed.holds_when(r"\text{with 2 for } p", **below)(at)
    wrong.instead("x < -2", **below)(lambda seeds, *, p=-2.0: at(seeds, p=p))
    assert judge(corrected).verdict == "refuted"
    assert judge(assumed).verdict == "conditional"
    assert judge(wrong).verdict == "undecided"
    verdicts = [as_data(judge(c)) for c in (coin(share=2), corrected, assumed, wrong)]
    made = document(verdicts, seed=0, effort="quick", versions={"didlab": "0", "python": "3"})
    Draft202012Validator(schema()).validate(json.loads(to_text(made)))
    html = page(made)
    for v in verdicts:
        text = "\n".join(line for _, line in terminal.show(v))
        assert "one uniform number for each seed" in text
        assert "independent runs" in text
        assert "counterexample" not in text
    assert "one uniform number for each seed" in html


def test_runs_depend_on_seed_and_id_alone():
    seeds = [judge(coin(id, share=2), seed=s).evidence.seeds for id in ("mine.a", "mine.b") for s in (0, 1)]
    assert len({tuple(s) for s in seeds}) == 4
    assert judge(coin("mine.a", share=2)).evidence.seeds == seeds[0]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_claims_are_measured_as_recorded(claim):
    judgement = judge(claim, seed=0)
    assert judgement.verdict == RECORD[claim.id], judgement.why
    for e in filter(None, (judgement.evidence, judgement.amended)):
        assert e.level == "measured"
        assert e.error_rate < ALARM
        assert e.instances == len(set(e.seeds)) >= 24
        low, high = e.interval
        assert low <= e.effect["median"] <= high
    names = [n["name"] for n in judgement.neighbours]
    assert len(names) >= 3
    assert any(n.startswith("wrong protocol") for n in names)
    assert all(n["refuted"] for n in judgement.neighbours)
    assert any(n["near"] for n in judgement.neighbours)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 101, 102])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_other_seeds_find_the_same(claim, seed):
    judgement = judge(claim, seed=seed)
    assert judgement.verdict == RECORD[claim.id], judgement.why


@pytest.mark.slow
def test_the_number_of_processes_changes_no_byte():
    def text(jobs):
        return to_text(document(run(CLAIMS[-2:], source=load, jobs=jobs), seed=0, effort="standard",
                                versions={"didlab": "0", "python": "3"}))

    assert text(1) == text(2)


def test_loading_the_claims_compiles_nothing():
    code = "import sys, didlab.claims as c; c.load(); print([m for m in ('numba', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_second_look_is_taken_only_where_the_first_does_not_decide():
    """19 of 24 runs are undecided; with 24 more that are all true, 43 of 48 are decided at half the level."""
    asked = []

    def runs(seeds):
        asked.append(seeds)
        return {"": np.array([-1.0 if s < 5 else 1.0 for s in seeds])}

    first, second = tuple(range(24)), tuple(range(24, 48))
    decision, used = look(runs, first, second)
    assert (decision.truth, used, asked) == (1, first + second, [first, second])
    assert decision.error_rate == tail(43, 48) < ALARM / 2
    assert look(runs, second, first)[1] == second
    assert look(runs, first)[0].truth == 0


def test_two_looks_keep_the_level():
    """For a fair coin: the chance that either look decides is at most the level, counted exactly."""
    n = 24
    one = [k for k in range(n + 1) if tail(k, n) < ALARM / 2]
    two = [k for k in range(2 * n + 1) if tail(k, 2 * n) < ALARM / 2]
    assert tail(min(one), n) + tail(min(two), 2 * n) < ALARM


def test_the_note_on_figure_4_counts_the_runs_of_one_way_of_fine_tuning():
    from didlab.claims.gip_repeat_cosines import MAIN, PROTOCOL, SEEDS, _cosines

    note = next(c.note for c in CLAIMS if c.id == "gip.fig-4.repeat")
    gaps = [np.diff(_cosines(SEEDS, MAIN, k), axis=0).min(0) for k in range(PROTOCOL.pair_steps // PROTOCOL.every + 1)]
    assert f"in {(np.array(gaps) > 0).all(0).sum()} of {len(SEEDS)} runs, before DPO in {(gaps[0] > 0).sum()}." in note
    assert decide({"": np.array(gaps).T}, ALARM / 2).truth == 0
