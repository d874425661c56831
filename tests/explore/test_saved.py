"""A link and a saved file lead back to their state, a table comes along to the bit, and what is damaged is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didlab.bridge.table import MODELS, Scores, read_scores, scores_of
from didlab.cli import main
from didlab.diagnose import Diagnosis, diagnose
from didlab.errors import DidlabError, FileError
from didlab.explore import data, look, saved
from didlab.explore.data import EXAMPLE, State, Table, diagnosis, opened, view
from didlab.explore.state import parse, query

from .reading import printed
from .states import PROMPTS, STATES, of_data

SCORES = read_scores(EXAMPLE)
MINE = Table("mine.parquet", SCORES)
FILE = data.file(State(table="own", objective="simpo", beta=2.0, prompt=PROMPTS[1]), MINE)


def test_every_part_has_states() -> None:
    assert list(STATES) == list(look.PARTS)


@pytest.mark.parametrize("part", STATES)
@settings(max_examples=50, deadline=None)
@given(draw=st.data())
def test_a_link_and_a_file_lead_back(part: str, draw: st.DataObject) -> None:
    state = draw.draw(STATES[part])
    asked = query(state)
    assert parse(type(state), dict(parse_qsl(asked))) == (state, [])
    found = saved.read("a state.json", content=saved.write(part, asked))
    assert (found.part, found.state, found.scores) == (part, state, None)


def same(a: Diagnosis, b: Diagnosis) -> None:
    """Equal in everything, to the bit."""
    assert (a.about, a.settings, a.entries, a.layers) == (b.about, b.settings, b.entries, b.layers)
    for f in dataclasses.fields(a.columns):
        x, y = (getattr(d.columns, f.name) for d in (a, b))
        assert (x is None) == (y is None)
        if x is not None:
            assert x.dtype == y.dtype and x.tolist() == y.tolist()


@settings(max_examples=25, deadline=None)
@given(of_data)
def test_a_table_comes_along_and_the_view_is_the_same_to_the_bit(state: State) -> None:
    own = dataclasses.replace(state, table="own")
    found = saved.read("again.parquet", content=data.file(own, MINE))
    assert found.part == "data" and found.scores is not None
    again = opened(State(table="own"), found)
    assert again is not None and dataclasses.replace(found.state, table="own") == own
    same(diagnosis(own, MINE), diagnosis(own, again))
    before, after = view(own, MINE), view(own, again)
    for f in ("pictures", "measures", "columns", "heading"):
        assert getattr(before, f) == getattr(after, f)
    # What names the file names the one at hand: the Python reads it.
    assert before.python.replace(MINE.name, again.name) == after.python
    assert [n.replace(MINE.name, again.name) for n in before.notes] == list(after.notes)
    assert data.measured(own, MINE) == data.measured(own, again)


def test_a_saved_table_is_a_table_of_scores_for_every_command(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "kept.parquet"
    path.write_bytes(FILE)
    same(diagnose(path), diagnose(EXAMPLE))
    assert main(["diagnose", str(path)]) == main(["diagnose", str(EXAMPLE)]) == 0
    said = capsys.readouterr().out.splitlines()
    half = len(said) // 2
    assert said[:half] == said[half:] != []
    shown = view(State(table="own"), Table(str(path), read_scores(path)))
    assert printed(shown.python) == shown.measures


def test_it_is_smaller_than_the_table_and_keeps_no_response() -> None:
    assert len(FILE) < EXAMPLE.stat().st_size / 4
    kept = saved.read("x", content=FILE).scores
    assert kept is not None and not any(len(row) for m in MODELS for row in kept.per_token[m])
    assert MINE.size == len(saved.write_with_table("", SCORES))


def test_the_example_is_no_longer_than_its_link() -> None:
    """Every app has it: a file of its states is text, and says which table it is whatever the next app is given."""
    table = opened(State())
    assert table is not None and table.example and table.size == 0
    found = saved.read("x", content=data.file(State(beta=2.0), table))
    assert (found.state, found.scores) == (State(table="example", beta=2.0), None)


numbers = st.none() | st.sampled_from([0.0, -0.0, -5e-324, -1e9, -1 / 3]) | st.floats(-1e9, 0)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            "prompt": st.none() | st.text("pπ\0", max_size=3), "prompt_tokens": st.none(),
            "role": st.sampled_from(["chosen", "rejected", "sample", "did-sample"]),
            "tokens": st.none() | st.integers(0, 2**31 - 1), **{f"{m}_sum": numbers for m in MODELS},
        }
    ),
    min_size=1, max_size=6,
)  # fmt: skip


def bits(scores: Scores) -> list[Any]:
    names = [scores.columns[n].tolist() for n in ("id", "prompt", "role", "tokens")]
    return [dict(scores.about), names, [scores.columns[f"{m}_sum"].tobytes() for m in MODELS]]


@settings(deadline=None)
@given(rows, st.dictionaries(st.text("ab\"\\é"), st.integers() | st.text() | st.lists(st.floats(allow_nan=False))))
def test_any_table_is_read_back_to_the_bit(made: list[dict[str, Any]], about: dict[str, Any]) -> None:
    scores = scores_of(made, {**about, "schema": "didlab/scores/1"})
    found = saved.read("x", content=saved.write_with_table("beta=0.5", scores)).scores
    assert found is not None and bits(found) == bits(scores)


def test_a_plain_table_is_one_without_a_state() -> None:
    found = saved.read(EXAMPLE)
    assert (found.part, found.state) == ("data", None) and found.scores is not None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_byte_that_changed_never_changes_the_diagnosis(place: int, by: int) -> None:
    """The file is refused, or it is read as it was, or as a plain table where the name of its state is what broke."""
    content = FILE[:place] + bytes([FILE[place] ^ by]) + FILE[place + 1 :]
    whole = saved.read("x", content=FILE)
    try:
        found = saved.read("x", content=content)
    except DidlabError as e:
        assert str(e).startswith(("x is ", "x lacks ", "x has ", "x holds ", "row "))
        return
    assert found.state in (None, whole.state)
    assert found.scores is not None and whole.scores is not None and bits(found.scores) == bits(whole.scores)


def text(**changes: Any) -> bytes:
    told = {"schema": saved.SCHEMA, "part": "policies", "query": "tau=0.25"} | changes
    return json.dumps({n: v for n, v in told.items() if v is not None}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text()[:-5], "damaged: its state cannot be read"),
        (b"{" + b"[" * 10**5, "damaged: its state cannot be read"),
        (b'{"schema": "didlab/state/1\xff"}', "damaged: its state cannot be read"),
        (text(schema="didlab/state/2"), "no state of the app .didlab/state/1.; its schema is 'didlab/state/2'"),
        (text(schema=None), "its schema is None"),
        (text(schema="didlab/verdicts/1"), "its schema is 'didlab/verdicts/1'"),
        (text(part="polices"), "a state of 'polices'; a part is one of policies, claims"),
        (text(part=["tour"]), "a part is one of"),
        (text(part=None), "a state of None"),
        (text(query=None), "damaged: it has no query"),
        (text(query={"tau": 0.25}), "damaged: it has no query"),
        (text(query="tau=warm"), "no state of policies: `tau` must be a number; got 'warm'"),
        (text(query="colour=red"), "no state of policies: nothing here is called `colour`"),
        (text(part="claims", query="id=did.thm-9.9"), "no state of claims: `id` must be"),
        (b"", "not a readable Parquet file"),
        (b"policies", "not a readable Parquet file"),
        (FILE[:-9], "not a readable Parquet file"),
    ],
)
def test_what_is_damaged_or_of_another_kind_is_refused(content: bytes, said: str, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(FileError, match=f"^mine .*{said}"):
        saved.read("mine", content=content)
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    assert main(["explore", "--no-browser", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"didlab: {path} ")


def test_a_table_that_is_not_the_one_that_was_saved_is_refused() -> None:
    other = scores_of([{"id": "1", "prompt": None, "role": "chosen", "prompt_tokens": None, "tokens": 3}], SCORES.about)
    made = saved.write_with_table("", other)
    digest = saved._digest("", SCORES).encode()  # type: ignore[attr-defined]
    mixed = made.replace(saved._digest("", other).encode(), digest)  # type: ignore[attr-defined]
    assert mixed != made
    with pytest.raises(FileError, match="x is damaged: its table is not the one that was saved"):
        saved.read("x", content=mixed)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(FileError, match=r"^nowhere\.json cannot be read: No such file"):
        saved.read("nowhere.json")
