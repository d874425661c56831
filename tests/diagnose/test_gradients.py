"""The diagnosis with gradients, from the command line, against the pieces it is made of."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from didlab import claims, objectives
from didlab.bridge.data import pairs
from didlab.bridge.gradients import ches, geometry
from didlab.bridge.load import load_backend
from didlab.bridge.step import one_step
from didlab.bridge.table import read_scores
from didlab.cli import main
from didlab.diagnose import diagnose
from didlab.diagnose.silent import SILENT
from didlab.report.document import schema
from tests.bridge.conftest import models, rows, tokenizer  # noqa: F401  (fixtures)


@pytest.fixture
def scored(models, rows, tmp_path, capsys):  # noqa: F811
    data, table = tmp_path / "data.jsonl", tmp_path / "s.parquet"
    data.write_text("".join(json.dumps(r) + "\n" for r in rows))
    columns = {"policy": "policy", "reference": "reference", "rejected-policy": "source", "did-policy": "source"}
    named = [f"--{c}={models / f}" for c, f in columns.items()]
    files = ["--data", str(data), "--out", str(table)]
    assert main(["score", *named, *files, "--samples=3", "--sample-length=4"]) == 0
    capsys.readouterr()
    return data, table


FAMILIES = (
    "did.thm-3.3", "did.thm-3.5", "did.claim-4.1", "did.sec-4.2.displacement", "did.app-e.identity", "did.likelihood",
    "did.app-k", "gip.eq-5", "gip.eq-7", "gip.table-1", "gip.eq-9", "gip.eq-10", "gip.sec-4.2",
)


def test_the_statements_that_a_sample_may_speak_of_are_all_listed():
    """Every entry of these families is listed, or is a reading or a correction of one that is."""
    ids = {c.id for c in claims.load()} | {e["id"] for e in claims.catalogue()}
    for family in FAMILIES:
        members = [i for i in ids if i == family or i.startswith(family + ".")]
        assert members, family
        for i in members:
            assert any(i == c or i.startswith(c + ".") for c in SILENT), i
    assert all(c in ids for c in SILENT)


def test_every_statement_has_an_answer_or_a_reason(scored, models, rows, tokenizer, tmp_path, capsys):  # noqa: F811
    data, table = scored
    out, prompts, count, rate = tmp_path / "d.json", tmp_path / "p.jsonl", 3, 1e-3
    command = [
        "diagnose", str(table), "--gradients", str(count), "--policy", str(models / "policy"), "--data", str(data),
        "--rate", str(rate), "--objective", "dpo", "--beta", "0.3", "--json", str(out), "--prompts", str(prompts),
        "--html", str(tmp_path / "page"),
    ]
    assert main(command) == 0
    printed = capsys.readouterr().out
    made = json.loads(out.read_text())
    jsonschema.validate(made, schema("diagnosis"))
    named = {c for e in made["entries"] for c in e["claims"]}
    for claim in SILENT:
        assert any(c == claim or c.startswith(claim + ".") for c in named) != (claim in made["silent"]), claim
    assert set(made["silent"]) == {
        "did.claim-4.1.assumptions", "did.sec-4.2.displacement-at-mode", "gip.sec-4.2.cosine-suffix"
    }
    for e in made["entries"]:
        assert not e["claims"] or (e["shows"] and e["cannot"]), e["name"]
    value = {e["name"]: e["value"] for e in made["entries"]}

    items = pairs(rows, tokenizer)
    tried = [items[int(k)] for k in np.linspace(0, len(items) - 1, count)]
    backend, p = load_backend(str(models / "policy")), diagnose(table).columns
    grams = [geometry(backend, t.chosen, t.rejected) for t in tried]
    assert np.isclose(value["gradients.cosine"], np.mean([g.cosine for g in grams]), rtol=1e-6)
    assert value["gradients.ideal"] == np.mean([g.case == "ideal" for g in grams])
    assert np.isclose(
        value["gradients.ches"], np.mean([ches(backend, t.chosen, t.rejected)[0] for t in tried]), rtol=1e-6
    )
    slopes = objectives.get("dpo", beta=0.3).slopes(p.chosen, p.rejected, p.ref_chosen, p.ref_rejected)
    at = [list(p.id).index(t.id) for t in tried]
    steps = [
        one_step(backend, t.chosen, t.rejected, d_w=-slopes[0][k], d_l=slopes[1][k], rate=rate)
        for t, k in zip(tried, at, strict=True)
    ]
    agree = [np.array_equal(np.sign(s.predicted), np.sign(s.actual)) for s in steps]
    assert value["gradients.step.signs"] == np.mean(agree)
    total = sum(row["wl"] for row in made["layers"].values())
    assert np.isclose(total, sum(g.wl for g in grams), rtol=1e-6)
    assert all(layer in printed for layer in made["layers"])
    assert "! entropy.did.formula" in printed
    page = (tmp_path / "page" / "index.html").read_text()
    assert "Gradients" in page
    assert "transformer.h" in page

    view = [json.loads(line) for line in prompts.read_text().splitlines()]
    assert len(view) == made["prompts"]
    assert np.isclose(np.mean([r["gain"] for r in view]), value["margin.gain"])
    assert np.isclose(np.mean([r["entropy_policy"] for r in view]), value["entropy.policy"])


def test_ches_is_the_written_formula(models):  # noqa: F811
    import torch

    from didlab.bridge import Item

    backend = load_backend(str(models / "policy"))
    w, l = Item((7, 8), (9, 10, 11)), Item((7, 8), (12, 9))  # noqa: E741
    h = []
    for item in (w, l):
        ids = torch.tensor([item.prompt + item.response])
        states = backend.model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0]
        h.append(states[len(item.prompt) - 1 : -1].detach().double())
    a, b = h[0].sum(0), h[1].sum(0)
    size = float(a @ a + a.norm() * b.norm())
    assert abs(ches(backend, w, l)[0] - float(a @ b - a @ a)) <= 1e-6 * size
    a, b = h[0].mean(0), h[1].mean(0)
    assert abs(ches(backend, w, l)[1] - float(a @ b - a @ a)) <= 1e-6 * size


def test_a_table_without_samples_and_gradients_says_what_is_missing(scored):
    _, table = scored
    full = read_scores(table)
    assert not diagnose(full).of("gip.eq-5")
    d = diagnose(full)
    assert "--gradients" in d.silent["gip.eq-5"]
    assert "did.app-k.entropy" not in d.silent
    jsonschema.validate(json.loads(json.dumps(d.plain())), schema("diagnosis"))


def test_gradients_that_cannot_be_taken(scored, models, tmp_path, capsys):  # noqa: F811
    data, table = scored
    policy = ["--policy", str(models / "policy")]
    other = tmp_path / "other.jsonl"
    other.write_text(data.read_text().replace('"p3"', '"q3"'))
    for arguments, said in (
        (["--gradients", "2"], "give --policy and --data"),
        (["--gradients", "1", *policy, "--data", str(data)], "gradients"),
        (["--gradients", "2", *policy, "--data", str(other)], "'q3'"),
        (["--gradients", "2", *policy, "--data", str(data), "--parameters", "lora"], "lora"),
        (["--gradients", "2", *policy, "--data", str(data), "--rate", "0"], "rate"),
        (["--gradients", "2", *policy, "--data", str(data), "--optimiser", "lion"], "optimiser"),
    ):
        assert main(["diagnose", str(table), *arguments]) == 2, arguments
        assert said in capsys.readouterr().err
