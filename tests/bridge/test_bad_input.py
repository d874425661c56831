"""Input that cannot be used: an error that names it and says what to do, and nothing half-written."""

from __future__ import annotations

import json
import math
import os
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from didlab.cli import main

GOOD = {"prompt_ids": [1], "chosen_ids": [2, 3], "rejected_ids": [4]}
MODELS = '''
import math


def fine(prompt, response):
    return [-math.log(100)] * len(response)


def not_a_number(prompt, response):
    return [math.nan] * len(response)


def short(prompt, response):
    return [-1.0]


def words(prompt, response):
    return ["a"] * len(response)
'''


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f"m_{tmp_path.name}.py").write_text(MODELS)
    (tmp_path / "good.jsonl").write_text("".join(json.dumps(GOOD | {"id": n}) + "\n" for n in "ab"))
    return tmp_path


def score(folder, data="good.jsonl", policy="fine", out="out.parquet", more=()):
    made = f"m_{folder.name}"
    named = ["--policy", f"{made}:{policy}", "--reference", f"{made}:fine", "--data", str(data), "--out", str(out)]
    return main(["score", *named, *more])


def line(**changed):
    return json.dumps({k: v for k, v in (GOOD | changed).items() if v is not ...}).encode() + b"\n"


LINES = [
    (line()[:-10] + b"\n", "line 2 of .* cut off.*mend the line"),
    (b"\xff\xfe\n", "line 2 of .* not UTF-8.*mend the line"),
    (b"[1, 2]\n", "line 2 of .* not a JSON object"),
    (line(id="0"), "'0' again in row 2"),
    (line(chosen_ids=["x"]), "row 2.*token ids"),
    (line(chosen_ids=[2.5]), "row 2.*token ids"),
    (line(rejected_ids=[math.nan]), "row 2.*token ids"),
    (line(chosen_ids=5), "row 2: 5"),
    (line(chosen_ids=[]), "row 2.*at least one token"),
    (line(rejected_ids=...), "`rejected_ids` is a list.*row 2"),
]


@pytest.mark.parametrize(("bad", "said"), LINES)
def test_rows_that_cannot_be_used_are_refused_or_left_out_and_named(folder, capsys, bad, said):
    (folder / "bad.jsonl").write_bytes(line() + bad + line(id="last"))
    before = sorted(os.listdir())
    assert score(folder, "bad.jsonl") == 2
    assert re.search(said, capsys.readouterr().err)
    assert [f for f in sorted(os.listdir()) if f != "__pycache__"] == [f for f in before if f != "__pycache__"]
    assert score(folder, "bad.jsonl", more=["--skip-bad-rows"]) == 0
    shown = capsys.readouterr()
    assert re.search(said, shown.err) and shown.err.count("skipped:") == 1
    assert "4 responses of 2 pairs" in shown.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": "empty.jsonl"}, "holds no row; give one"), ({"data": "none.jsonl"}, "is not there"),
        ({"data": "."}, "is a folder"), ({"data": "good.txt"}, "ends in .txt"), ({"data": "cut.parquet"}, "Parquet"),
        ({"out": "."}, "is a folder"), ({"out": "good.jsonl/x.parquet"}, "give another path"),
        ({"policy": "nothing"}, "is not there"), ({"policy": "short"}, "gave shape"), ({"policy": "words"}, "<U1"),
        ({"policy": "not_a_number"}, "failed the self-audit"), ({"more": ["--token-budget", "0"]}, "token_budget"),
        ({"more": ["--samples", "2"]}, "cannot draw responses"),
    ],
)
def test_what_cannot_be_scored_is_refused_and_leaves_nothing(folder, capsys, options, said):
    for name in ("empty.jsonl", "good.txt"):
        (folder / name).touch()
    (folder / "cut.parquet").write_bytes(b"PAR1 and then nothing")
    before = {f for f in os.listdir() if f != "__pycache__"}
    assert score(folder, **options) == 2
    assert said in capsys.readouterr().err
    assert {f for f in os.listdir() if f != "__pycache__"} == before


def test_a_run_that_fails_at_once_is_not_in_the_way_of_the_next(folder, capsys):
    insist = ["--insist", f"m_{folder.name}:not_a_number"]
    assert score(folder, policy="not_a_number", more=insist) == 2
    assert "not finite for pair 'a', chosen" in capsys.readouterr().err
    assert not (folder / "out.parquet").exists()
    assert score(folder) == 0
    assert not (folder / "out.parquet.parts").exists()


def change(table, column, row, value):
    values = table[column].to_pylist()
    values[row] = value
    at = table.column_names.index(column)
    made = table.set_column(at, column, pa.array(values, table.schema.field(column).type))
    return made.replace_schema_metadata(table.schema.metadata)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: change(t, "policy_sum", 0, math.nan), "row 1"),
        (lambda t: change(t, "policy_sum", 1, -3.0), "row 2"),
        (lambda t: change(t, "policy", 0, [math.nan] * 2), "row 1"), (lambda t: t.drop_columns(["role"]), "lacks role"),
        (lambda t: change(t, "role", 0, "good"), "only one response"), (lambda t: t.slice(0, 0), "lacks rows"),
        (lambda t: t.slice(0, 3), "only one response"), (lambda t: t.slice(0, 2), "at least two pairs"),
        (lambda t: t.replace_schema_metadata({}), "no score table"),
        (lambda t: t.replace_schema_metadata({"didlab": "{cut"}), "no score table"),
        (lambda t: pa.concat_tables([t, t]), "one id"),
    ],
)
def test_tables_that_were_tampered_with_are_refused(folder, capsys, spoil, said):
    assert score(folder) == 0
    spoilt = spoil(parquet.read_table("out.parquet"))
    parquet.write_table(spoilt, "spoilt.parquet")
    capsys.readouterr()
    assert main(["diagnose", "spoilt.parquet", "--json", "d.json"]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "d.json").exists()


def test_files_that_are_no_tables(folder, capsys):
    assert score(folder) == 0
    (folder / "cut.parquet").write_bytes((folder / "out.parquet").read_bytes()[:-100])
    for name in ("good.jsonl", "cut.parquet", "none.parquet", "."):
        assert main(["diagnose", name]) == 2
        assert "didlab: " in capsys.readouterr().err


def test_a_policy_that_is_its_reference_has_no_changes_and_says_that_rarer_ones_may_be_missing(folder, capsys):
    assert score(folder) == 0
    assert main(["diagnose", "out.parquet", "--json", "d.json"]) == 0
    entries = {e["name"]: e for e in json.loads((folder / "d.json").read_text())["entries"]}
    assert entries["margin.gain"]["value"] == 0.0 and "rarer ones" in entries["margin.gain"]["caution"]
    assert np.isclose(entries["loss.value"]["value"], np.log(2), rtol=1e-12)
    assert "NaN" not in (folder / "d.json").read_text()
    capsys.readouterr()
    for options in (["--json", "."], ["--html", "good.jsonl"], ["--prompts", "."]):
        assert main(["diagnose", "out.parquet", *options]) == 2
        assert re.search(r"is a (folder; give a file|file; give a folder)", capsys.readouterr().err)
