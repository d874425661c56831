"""The verdict file and its schema."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from didlab.report.document import document, failures, schema, summary, to_text

VERDICTS = Draft202012Validator(schema())
CERTIFICATE = Draft202012Validator(schema("certificate"))


@pytest.mark.parametrize("name", ["verdicts", "certificate"])
def test_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


def test_what_is_written_is_valid(mine: Mapping[str, Any], every_verdict: dict[str, Any]) -> None:
    VERDICTS.validate(mine["document"])
    VERDICTS.validate(every_verdict)
    found = [c["certificate"] for c in mine["document"]["claims"] if c["certificate"]]
    assert len(found) == 2
    for certificate in found:
        CERTIFICATE.validate(certificate)


MISTAKES = {
    "an unknown verdict": lambda d: d["claims"][0].update(verdict="true"),
    "a missing key": lambda d: d["claims"][0].pop("why"),
    "a key too many": lambda d: d["claims"][0].update(time=1.0),
    "holds without evidence": lambda d: d["claims"][0].update(evidence=None),
    "refuted without a certificate": lambda d: d["claims"][1].update(certificate=None),
    "refuted without a corrected statement": lambda d: d["claims"][1].update(corrected=None),
    "conditional without an assumption": lambda d: d["claims"][2].update(assumption=None),
    "an unknown level": lambda d: d["claims"][0]["evidence"].update(level="certain"),
    "a float for a fraction": lambda d: d["claims"][1]["counterexample"]["objects"]["p"].update(values=["0.5", "0.5"]),
    "a certificate of floats": lambda d: d["claims"][1]["certificate"]["instance"].update(p=[0.5, 0.5]),
    "a negative seed": lambda d: d.update(seed=-1),
    "another schema": lambda d: d.update(schema="didlab/verdicts/2"),
    "an unknown verdict in the summary": lambda d: d["summary"]["mine"].update(wrong=1),
    "a share above 1": lambda d: d["claims"][2]["assumption"].update(share=1.2),
    "a comparison of one side": lambda d: d["claims"][1]["counterexample"]["comparisons"][0].update(left=[]),
    "an error without a reason": lambda d: d["claims"][0].update(verdict="error", why=""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_schema_catches(mistake: str, mine: Mapping[str, Any]) -> None:
    wrong = copy.deepcopy(mine["document"])
    MISTAKES[mistake](wrong)
    assert not VERDICTS.is_valid(wrong)


def test_summary_counts_by_paper_and_verdict(every_verdict: dict[str, Any]) -> None:
    assert every_verdict["summary"] == summary(every_verdict["claims"]) == {
        "mine": {"refuted": 1, "conditional": 1, "holds": 2},
        "other": {"holds": 1, "needs-model": 1, "not yet judged": 1, "vacuous": 1, "undecided": 1, "error": 1},
    }


def test_what_fails_a_run(every_verdict: dict[str, Any]) -> None:
    reasons = {v["id"]: why for v, why in failures(every_verdict["claims"])}
    assert set(reasons) == {"other.vacuous", "other.undecided", "other.error", "other.changed"}
    assert "refuted" in reasons["other.changed"]


def test_a_number_that_is_none_is_refused() -> None:
    made = document([], seed=0, effort="quick", versions={"didlab": "0"})
    with pytest.raises(ValueError):
        to_text({**made, "x": float("nan")})
