"""Your data: what is shown against the command line and a recount by hand, its Python, links, and wrong files."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didlab.bridge.table import MODELS, SCHEMA, read_scores, schema
from didlab.cli import main
from didlab.errors import DidlabError, FileError
from didlab.explore import data, statements
from didlab.explore.data import EXAMPLE, State, Table, diagnosis, measured, opened, prompts, view
from didlab.explore.look import link
from didlab.explore.losses import NAMES
from didlab.explore.state import parse
from didlab.report.diagnosis_page import diagnosis_page
from didlab.report.diagnosis_tables import tables

from .reading import printed
from .states import PROMPTS, TABLE, of_data

Rows = list[dict[str, Any]]

@settings(deadline=None)
@given(of_data)
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


def test_the_measures_are_those_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.json"
    assert main(["diagnose", str(EXAMPLE), "--objective", "simpo", "--beta", "2", "--json", str(file)]) == 0
    capsys.readouterr()
    told = {e["name"]: e for e in json.loads(file.read_text())["entries"]}
    shown = view(State(objective="simpo", beta=2.0))
    assert shown.measures == {n: e["value"] for n, e in told.items()}
    assert shown.columns["low"] == [e["interval"][0] for e in told.values()]


def test_a_prompt_is_recounted_by_hand() -> None:
    rows = [r for r in parquet.read_table(EXAMPLE).to_pylist() if r["role"] in ("chosen", "rejected")]
    for name in PROMPTS:
        shown = view(State(prompt=name)).measures
        for role in ("chosen", "rejected"):
            changes = [
                r["policy_sum"] - r["reference_sum"] for r in rows if r["prompt"] == name and r["role"] == role
            ]
            assert len(changes) == 8
            assert shown[f"displacement.{role}"] == pytest.approx(np.mean(changes), rel=1e-12)


def test_the_pages_share_their_drawings_and_tables() -> None:
    found = diagnosis(State(), TABLE)
    page = diagnosis_page(found)
    shown = view(State())
    assert tables(found) in page
    for p in shown.pictures[:3]:
        assert p.svg in page and escape(p.title) in page
    assert [p.name for p in shown.pictures] == ["cloud", "gains", "reliability", "prompts"]


def test_what_a_measurement_bears_on_is_a_link_to_that_statement() -> None:
    found = diagnosis(State(), TABLE)
    ids = {c for e in found.entries for c in e.claims}
    html = measured(State(), TABLE)
    assert ids and set(re.findall('<a href="([^"]*)">', html)) == {link("claims", statements.State(id=c)) for c in ids}
    assert re.sub("</?a[^>]*>", "", html) == tables(found)


def test_the_example_is_small_and_says_what_it_is() -> None:
    assert EXAMPLE.stat().st_size < 200_000
    assert TABLE.example and "The example" in view(State()).notes[0]
    shown = view(State()).measures
    assert shown["displacement.chosen.falls"] > 0.8 and shown["margin.gain"] > 0  # what its card says of it
    scores = TABLE.scores
    assert len(PROMPTS) == 24 and len(scores.of("chosen", "id")) == 192 and len(scores.of("sample", "id")) == 96
    assert not any("/" in m["name"] for m in scores.about["models"].values())  # no folder of a machine


def test_the_chosen_prompt_is_marked_among_the_prompts() -> None:
    drawn = [view(State(prompt=p)).pictures[-1].svg for p in ("", PROMPTS[3])]
    assert [svg.count("the prompt that is shown") for svg in drawn] == [0, 1]


def test_what_the_command_line_gave_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.parquet"
    mine.write_bytes(parquet_of(pairs(6)))
    monkeypatch.setattr(data, "GIVEN", mine)
    assert data.source() == mine
    shown = view(State())
    assert f"read_scores({str(mine)!r})" in shown.python and str(mine) in shown.notes[0]
    assert printed(shown.python) == shown.measures
    assert view(State(table="example")).measures != shown.measures
    mine.write_bytes(parquet_of(pairs(4)))  # scored again meanwhile
    assert view(State()).columns["n"][0] == 4
    mine.unlink()
    with pytest.raises(FileError, match=r"mine\.parquet cannot be read"):
        view(State())


def pairs(count: int) -> Rows:
    rng = np.random.default_rng(3)
    return [
        {"id": str(n), "prompt": "p", "role": role, "tokens": 4, "policy_sum": -rng.random(), "reference_sum": -1.0}
        for n in range(count) for role in ("chosen", "rejected")
    ]  # fmt: skip


def parquet_of(rows: Rows, told: Any = None, columns: Any = None) -> bytes:
    """A file in memory."""
    metadata = json.dumps({"schema": SCHEMA}) if told is None else told
    out = io.BytesIO()
    table = pa.Table.from_pylist([{n: r.get(n) for n in schema().names} for r in rows], schema=columns or schema())
    parquet.write_table(table.replace_schema_metadata({"didlab": metadata}), out)
    return out.getvalue()


def own(content: bytes) -> Table | None:
    return opened(State(table="own"), data.uploaded("mine.parquet", content))


def test_a_file_of_ones_own_is_read_in_memory() -> None:
    assert opened(State(table="own")) is None
    assert view(State(table="own")).measures == {} and "Open a table" in view(State(table="own")).notes[0]
    table = own(EXAMPLE.read_bytes())
    assert table is not None and not table.example
    shown = view(State(table="own"), table)
    assert shown.measures == view(State()).measures
    assert "read_scores('mine.parquet')" in shown.python


def test_a_table_with_one_prompt_or_with_one_pair_each_has_none_to_choose() -> None:
    rows = pairs(6)
    one, each = own(parquet_of(rows)), own(parquet_of([r | {"prompt": r["id"]} for r in rows]))
    assert one is not None and each is not None
    assert prompts(one) == prompts(each) == []
    assert [p.name for p in view(State(table="own"), one).pictures][-1] != "prompts"


def about(**told: Any) -> str:
    return json.dumps({"schema": SCHEMA, **told})


def changed(**values: Any) -> Callable[[], bytes]:
    return lambda: parquet_of([r | values for r in pairs(4)])


def other_type() -> bytes:
    columns = schema()
    place = columns.get_field_index("policy_sum")
    rows = [r | {"policy_sum": "low"} for r in pairs(3)]
    return parquet_of(rows, columns=columns.set(place, pa.field("policy_sum", pa.string())))


def without_a_column() -> bytes:
    return parquet_of(pairs(3), columns=schema().remove(schema().get_field_index("reference_sum")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: b"", "not a readable Parquet file"),
        (lambda: b"prompt,chosen\n", "not a readable Parquet file"),
        (lambda: EXAMPLE.read_bytes()[:-100], "not a readable Parquet file"),
        (lambda: b"PAR1" + b"\0" * 100 + b"PAR1", "not a readable Parquet file"),
        (lambda: parquet_of(pairs(3), told="{"), "no score table"),
        (lambda: parquet_of(pairs(3), told="[1]"), "no score table"),
        (lambda: parquet_of(pairs(3), told=b"\xff\xfe"), "no score table"),
        (lambda: parquet_of(pairs(3), told='{"schema": "didlab/scores/9"}'), "'didlab/scores/9'"),
        (lambda: parquet_of(pairs(3), told=about(models=["a model"])), "no score table"),
        (lambda: parquet_of(pairs(3), told=about(models={"policy": "a model"})), "no score table"),
        (lambda: parquet_of(pairs(3), told=about(audit={"policy": [{"check": "order"}]})), "no score table"),
        (lambda: parquet_of(pairs(3), told=about(audit={"policy": 3})), "no score table"),
        (lambda: parquet_of([]), "lacks rows"),
        (without_a_column, "lacks reference_sum"),
        (other_type, "columns of other types"),
        (changed(role=None), "rows without role"),
        (changed(id=None), "rows without id"),
        (changed(id="same"), "two pairs of one id"),
        (changed(policy_sum=None), "no scores of the policy"),
        (changed(reference_sum=float("inf")), "`reference_sum` is inf, which is no log-probability"),
        (changed(policy_sum=-1e300), "`policy_sum` is -1e"),
        (changed(policy=[-1.0]), "do not add up"),
        (changed(role="sample"), "no scores of the policy"),
        (lambda: parquet_of(pairs(4)[:-1]), "only one response was scored"),
        (lambda: parquet_of(pairs(1)), "at least two pairs"),
    ],
)
def test_a_wrong_file_is_answered_with_what_is_expected(content: Callable[[], bytes], said: str) -> None:
    with pytest.raises(FileError, match=said):
        view(State(table="own"), own(content()))


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "LARGEST", 10)
    with pytest.raises(FileError, match=r"didlab explore mine\.parquet"):
        own(b"x" * 11)


@settings(deadline=None)
@given(st.data())
def test_any_numbers_are_a_diagnosis_or_a_message(draw: st.DataObject) -> None:
    """No table makes anything but a view or a DidlabError, whatever its numbers are."""
    number = st.none() | st.floats() | st.sampled_from([0.0, -1.0, -1.0, -2.5])
    rows = pairs(draw.draw(st.integers(2, 6)))
    for row in rows:
        for name in ("policy_sum", "reference_sum", "rejected_policy_sum"):
            if draw.draw(st.booleans()):
                row[name] = draw.draw(number)
        row["tokens"] = draw.draw(st.sampled_from([4, 4, 4, 1, 0, -1, None]))
        row["prompt"] = draw.draw(st.sampled_from(["p", "q", None]))
    with contextlib.suppress(DidlabError):
        view(State(table="own", objective=draw.draw(st.sampled_from(list(NAMES)))), own(parquet_of(rows)))


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_damaged_files_are_answered(noise: bytes, place: int) -> None:
    whole = EXAMPLE.read_bytes()
    at = (place * len(whole)) // 401
    with contextlib.suppress(DidlabError):
        own(whole[:at] + noise + whole[at + len(noise) :])


@pytest.mark.parametrize(
    "typed",
    [
        {"table": "mine"}, {"objective": "ppo"}, {"objective": "DPO"}, {"beta": "0"}, {"beta": "-1"}, {"beta": "x"},
        {"beta": "nan"}, {"beta": "1e9"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(typed: dict[str, str]) -> None:
    state, problems = parse(State, typed)
    assert state == State() and len(problems) == 1 and f"`{next(iter(typed))}`" in problems[0]


def test_a_prompt_that_is_not_there_is_said() -> None:
    with pytest.raises(FileError, match="no prompt 'nobody said this'"):
        view(State(prompt="nobody said this"))


def test_the_rows_of_a_prompt_are_all_there() -> None:
    parts = [TABLE.scores.of_prompt(p) for p in PROMPTS]
    assert sum(map(len, parts)) == len(TABLE.scores)
    for part, model in product(parts[:3], MODELS):
        assert len(part.per_token[model]) == len(part)
        for row, total in zip(part.per_token[model], part.columns[f"{model}_sum"], strict=True):
            assert not len(row) or row.sum() == pytest.approx(total, rel=1e-6)


def test_a_path_and_its_content_are_one_table() -> None:
    here, there = read_scores(EXAMPLE), read_scores("anything", content=EXAMPLE.read_bytes())
    np.testing.assert_array_equal(here.columns["policy_sum"], there.columns["policy_sum"])
    assert here.about == there.about


def test_a_cloud_of_many_pairs_is_thinned_and_its_title_counts_all_of_them() -> None:
    # Every second pair falls; the picture draws every third.
    rows = [r | {"policy_sum": -2.0 if int(r["id"]) % 2 else -0.5} for r in pairs(1300)]
    table = own(parquet_of(rows))
    assert table is not None
    cloud = view(State(table="own"), table).pictures[0]
    assert cloud.title.startswith("50% of the pairs") and "One pair in 3 is drawn" in cloud.caption
    assert cloud.svg.count("<circle") + cloud.svg.count("<rect") <= 600 + 4  # and the legend
