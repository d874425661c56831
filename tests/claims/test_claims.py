"""Each claim as one Hypothesis test, so that a failing run names what broke; and what every claim must have."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, target
from hypothesis import strategies as st

from didlab.claims import catalogue, load, recorded, stored
from didlab.engine.certificate import replay
from didlab.engine.instances import Undefined, decide, evaluate
from didlab.engine.judge import judge
from didlab.engine.lifts import FLOAT
from didlab.engine.relations import robustness
from didlab.strategies import instances

CLAIMS = load()
RECORD = recorded()
VIOLATED = [c for c in CLAIMS if RECORD.get(c.id) in ("refuted", "conditional")]


def standing(claim):
    """The statement that the record says is true: as printed, under its assumption, or corrected."""
    return claim.printed if RECORD[claim.id] == "holds" else claim.amended


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_what_stands_is_never_violated(claim):
    statement = standing(claim)

    @settings(max_examples=30, deadline=None, derandomize=True, database=None,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large])
    @given(st.data())
    def attack(data):
        raw = data.draw(instances(statement, largest=3))
        try:
            target(-float(robustness(evaluate(statement, raw, FLOAT), False)), label="violation")
        except Undefined:
            pytest.fail(f"{claim.id} divides by zero at {raw}")
        assert decide(statement, raw).truth >= 0, raw

    attack()


@pytest.mark.parametrize("claim", VIOLATED, ids=lambda c: c.id)
def test_stored_counterexample_replays(claim):
    certificate = stored(claim.id)
    assert certificate is not None
    assert replay(claim, certificate).decision.truth < 0


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_verdict_is_found_again_without_the_store(claim):
    judgement = judge(claim, seed=11, effort="quick")
    assert judgement.verdict == RECORD[claim.id], judgement.why
    assert len(judgement.neighbours) >= 3
    assert all(n["refuted"] for n in judgement.neighbours)
    assert any(n["near"] for n in judgement.neighbours)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102, 103, 104, 105])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_standard_effort_finds_every_counterexample(claim, seed):
    judgement = judge(claim, seed=seed, effort="standard")
    assert judgement.verdict == RECORD[claim.id], judgement.why
    if RECORD[claim.id] != "holds":
        assert judgement.found_again
    evidence = judgement.evidence or judgement.amended
    assert evidence is not None
    assert evidence.instances >= 2_000
    assert 2 * evidence.met > evidence.instances


def test_every_statement_of_the_catalogue_is_accounted_for():
    listed = {row["id"] for row in catalogue()}
    assert not listed & {c.id for c in CLAIMS}
    assert set(RECORD) == {c.id for c in CLAIMS}


def test_at_least_half_of_the_identities_that_hold_are_proved():
    levels = [judge(c, seed=0, effort="quick") for c in CLAIMS if RECORD[c.id] == "holds"]
    exact = [j.evidence.level for j in levels if j.evidence and j.evidence.level in ("symbolic", "exact")]
    assert 2 * exact.count("symbolic") >= len(exact)
