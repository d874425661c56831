from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from didlab.cli import main
from didlab.engine.verdict import unjudged
from didlab.report.document import document

MINE = Path(__file__).parent / "mine.py"


@pytest.fixture(scope="session")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What a run over a user's file of claims writes: the verdict file, and the folder it lies in."""
    folder = tmp_path_factory.mktemp("mine")
    assert main(["verify", "--claims", str(MINE), "--effort", "quick", "--jobs", "1",
                 "--json", str(folder / "v.json"), "--html", str(folder)]) == 0
    return {"folder": folder, "document": json.loads((folder / "v.json").read_text())}


@pytest.fixture
def every_verdict(mine: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict file in which every verdict occurs, in two papers, with text that could break a page."""
    claims = [dict(c) for c in mine["document"]["claims"]]
    failed = [dict(claims[0], id=f"other.{v}", paper="other", verdict=v, why="<b>because</b> & so on")
              for v in ("vacuous", "undecided", "error")]
    changed = dict(claims[0], id="other.changed", paper="other", recorded="refuted", title='Angles <i> & "quotes"',
                   statement=r"\unknown{a} < \pi_{ref}")
    waiting = [unjudged("other.table", "Table 1", "Scores", "needs-model", "the `bridge` repeats it"),
               unjudged("other.later", "Thm 9", "Later", "not yet judged")]
    made = mine["document"]
    return document([*claims, *failed, changed, *waiting], seed=0, effort="quick", versions=made["versions"])
