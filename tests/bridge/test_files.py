"""Tables from scores that other programs wrote; the sample log is one that lm-evaluation-harness wrote just now."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from didlab.bridge.data import pairs
from didlab.bridge.files import read_file, table_from_files
from didlab.bridge.load import load_backend
from didlab.bridge.table import read_scores
from didlab.cli import main
from didlab.diagnose import diagnose
from didlab.errors import FileError

TASK = """task: preferences
dataset_path: json
dataset_kwargs:
  data_files: {{test: {data}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: "{{{{[chosen, rejected]}}}}"
doc_to_target: 0
target_delimiter: " "
metric_list:
  - metric: acc
"""


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def scored(seed, count=12):
    rng = np.random.default_rng(seed)
    return [
        {"id": f"p{k}", "role": role, "log_probs": (-rng.exponential(size=1 + (k + (role == "chosen")) % 4)).tolist(),
         "prompt": f"x{k // 2}"}
        for k in range(count)
        for role in ("chosen", "rejected")
    ]


def test_tokens_and_sums_become_a_table(tmp_path, capsys):
    policy, reference = scored(0), scored(1)
    sums = [{"id": r["id"], "role": r["role"], "sum": sum(r["log_probs"]), "prompt": r["prompt"]} for r in reference]
    files = {"policy": write(tmp_path / "policy.jsonl", policy), "reference": write(tmp_path / "ref.jsonl", sums[::-1])}
    out = tmp_path / "s.parquet"
    named = [f"--{c}-scores={p}" for c, p in files.items()]
    assert main(["score", *named, "--out", str(out)]) == 0
    assert "24 responses" in capsys.readouterr().out
    table = read_scores(out)
    assert [len(r) for r in table.per_token["policy"]] == [len(r["log_probs"]) for r in policy]
    assert not any(len(r) for r in table.per_token["reference"])
    assert np.allclose(table.columns["policy_sum"], [sum(r["log_probs"]) for r in policy], atol=1e-5)
    d = diagnose(out)
    gain = [
        sum(policy[k]["log_probs"]) - sums[k]["sum"] - sum(policy[k + 1]["log_probs"]) + sums[k + 1]["sum"]
        for k in range(0, 24, 2)
    ]
    assert np.isclose(d["margin.gain"].value, np.mean(gain), atol=1e-5)
    assert (d["margin.gain"].count, d["margin.gain"].units) == (12, 6)


def test_sums_alone_have_no_values_per_token(tmp_path):
    rows = [{"id": r["id"], "role": r["role"], "sum": sum(r["log_probs"])} for r in scored(0)]
    file = write(tmp_path / "a.jsonl", rows)
    d = diagnose(table_from_files({"policy": file, "reference": file}, tmp_path / "s.parquet"), objective="simpo")
    names = {e.name for e in d.entries}
    assert "displacement.chosen" in names
    assert not {n for n in names if "per-token" in n or n.startswith("loss.")}  # SimPO divides by lengths


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "only one of its responses"),
        (lambda rows: [*rows, rows[0]], "chosen response already"),
        (lambda rows: [{**rows[0], "log_probs": [0.5]}, *rows[1:]], "at most 0"),
        (lambda rows: [{**rows[0], "log_probs": []}, *rows[1:]], "one for each token"),
        (lambda rows: [{**rows[0], "log_probs": ["-1"]}, *rows[1:]], "finite number"),
        (lambda rows: [{**rows[0], "log_probs": None}, *rows[1:]], "finite number"),
        (lambda rows: [{**rows[0], "sum": -50.0}, *rows[1:]], "the sum is not"),
        (lambda rows: [{**rows[0], "role": "good"}, *rows[1:]], "row 1 .* role"),
        (lambda rows: [{"filtered_resps": [["-1", "False"]], "target": "0"}], "two choices"),
        (lambda rows: [{"filtered_resps": [["-1", "0"], ["x", "0"]], "target": "0"}], "not a number"),
        (lambda rows: [{"filtered_resps": [["-1", "0"], ["-2", "0"]], "target": "2"}], "0 or 1"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path, change, said):
    with pytest.raises(FileError, match=said):
        read_file(write(tmp_path / "a.jsonl", change(scored(0))))


def test_files_that_do_not_fit_together(tmp_path, capsys):
    a, b = write(tmp_path / "a.jsonl", scored(0)), write(tmp_path / "b.jsonl", scored(1, 11))
    with pytest.raises(FileError, match="hold different responses: p11"):
        table_from_files({"policy": a, "reference": b}, tmp_path / "s.parquet")
    longer = [{**r, "log_probs": [*r["log_probs"], -1.0]} for r in scored(0)]
    with pytest.raises(FileError, match="number of tokens of 'p0'"):
        table_from_files({"policy": a, "reference": write(tmp_path / "c.jsonl", longer)}, tmp_path / "s.parquet")
    with pytest.raises(FileError, match="files are named"):
        table_from_files({"teacher": a}, tmp_path / "s.parquet")
    for arguments, said in (
        (["--policy", "m", "--policy-scores", str(a)], "either"), (["--reference-scores", str(a)], "--policy"),
        (["--policy", "m"], "--data"),
    ):
        assert main(["score", *arguments, "--out", str(tmp_path / "s.parquet")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "s.parquet").exists()


def test_the_prompt_of_a_log_is_read_however_its_arguments_are_written(tmp_path):
    """By name, as a list, or not at all: then each document is a prompt of its own."""
    ways = [
        {"gen_args_0": {"arg_0": "the film", "arg_1": " good"}}, [["the film", " good"], ["the film", " bad"]], None,
        [],
    ]
    answers = {"filtered_resps": [["-1", "False"], ["-2", "False"]], "target": "0"}
    rows = [{"doc_id": k, "arguments": way, **answers} for k, way in enumerate(ways)]
    found = read_file(write(tmp_path / "a.jsonl", rows))
    prompts = [found[str(k), "chosen"]["prompt"] for k in range(4)]
    assert prompts[0] == prompts[1]
    assert len(set(prompts)) == 3


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm-eval is not installed: didlab[test]")
def test_a_log_that_the_harness_wrote(models, rows, tmp_path):
    """The harness scores the same text under the same models; sums agree with ours up to float32 rounding."""
    data = [{**r, "prompt": r["prompt"].strip()} for r in rows]
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "t.yaml").write_text(TASK.format(data=write(tmp_path / "data.jsonl", data)))
    logs = {}
    for name in ("policy", "reference"):
        command = [
            sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={models / name}",
            "--tasks", "preferences", "--include_path", str(tmp_path / "task"), "--log_samples", "--output_path",
            str(tmp_path / name), "--device", "cpu", "--batch_size", "3",
        ]
        offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **offline})
        assert done.returncode == 0, done.stderr[-2000:]
        (logs[name],) = (tmp_path / name).rglob("samples_*.jsonl")
    table = read_scores(table_from_files(logs, tmp_path / "s.parquet"))
    from didlab.bridge.load import load_tokenizer

    spaced = [{**r, "chosen": f" {r['chosen']}", "rejected": f" {r['rejected']}"} for r in data]
    items = [i for p in pairs(spaced, load_tokenizer(str(models / "policy")), end=False) for _, i in p.items()]
    for name in logs:
        backend = load_backend(str(models / name))
        ours = [r.sum() for r in backend.token_log_probs(items)]
        assert np.allclose(table.columns[f"{name}_sum"], ours, rtol=0, atol=9 * backend.rounding)
    d = diagnose(table)
    assert d.pairs == len(rows)
    assert not d.columns.lengths
