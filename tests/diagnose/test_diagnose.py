"""A diagnosis of tables whose truth is known: an exact tabular model, sampled and scored through the same path."""

from __future__ import annotations

import io
import json
from html import escape, unescape
from itertools import pairwise

import numpy as np
import pytest

from didlab import entropy, log_ratio
from didlab.bridge import Item, TabularBackend
from didlab.bridge.data import Pair
from didlab.bridge.score import score
from didlab.bridge.table import read_scores, scores_of, write_table
from didlab.cli import main
from didlab.diagnose import diagnose
from didlab.errors import ArgumentError, FileError
from didlab.report import text
from didlab.report.diagnosis import lines, write_diagnosis
from didlab.report.diagnosis import row as row_of
from didlab.report.diagnosis_tables import tables

V, L, BETA = 4, 3, 2.0


def row(seed, prefix):
    return np.random.default_rng([seed, len(prefix), *prefix]).normal(size=V)


REFERENCE = TabularBackend(lambda p: row(0, p), vocabulary=V, length=L, name="reference")
POLICY = TabularBackend(lambda p: row(0, p) + row(1, p), vocabulary=V, length=L, name="policy")


def rejected_row(p):
    return REFERENCE.row(p) - BETA * (POLICY.row(p) - REFERENCE.row(p))


REJECTED = TabularBackend(rejected_row, vocabulary=V, length=L, name="rejected")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(7)
    chosen = REFERENCE.sample((), 4000, rng=rng, length=L)
    other = REFERENCE.sample((), 4000, rng=rng, length=L)
    data = [Pair(str(k), a, b) for k, (a, b) in enumerate(zip(chosen, other, strict=True))]
    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    return score(data, {"policy": POLICY, "reference": REFERENCE, "rejected_policy": REJECTED}, out)


def within(e, truth, sigmas=5.5):
    """Five and a half standard errors: the chance of a false alarm is below 1e-7 for each estimate."""
    assert abs(e.value - truth) <= sigmas * e.standard_error, (e, truth)


def test_estimates_meet_the_enumerated_truth(table):
    d = diagnose(table, beta=1.0)
    pi, ref = POLICY.policy(), REFERENCE.policy()
    q = np.exp(ref)
    gain = (pi - ref)[:, None] - (pi - ref)[None]
    pairs = q[:, None] * q[None]
    for name, truth in (
        ("displacement.chosen", float(q @ log_ratio(pi, ref))),
        ("displacement.rejected", float(q @ (pi - ref))),
        ("displacement.chosen.falls", float(q @ (pi < ref))),
        ("margin.gain", 0.0),
        ("order.implicit-reward", float((pairs * (gain > 0)).sum())),
        ("movement.both-fall", float(q @ (pi < ref)) ** 2),
        ("loss.value", float((pairs * np.logaddexp(0, -gain)).sum())),
    ):
        within(d[name], truth)
    assert d["margin.gain"].count == 4000


def test_the_power_law_is_found_where_it_is_exact_and_not_where_it_is_not(tmp_path):
    """With one token per response the rows are the policies, so the law is exact up to float32."""
    one = {
        c: TabularBackend(f, vocabulary=V, length=1, name=c)
        for c, f in (("policy", POLICY.row), ("reference", REFERENCE.row), ("rejected_policy", rejected_row))
    }
    data = [Pair(f"{a}{b}", Item((), (a,)), Item((), (b,))) for a in range(V) for b in range(V)]
    d = diagnose(score(data, one, tmp_path / "exact.parquet"))
    # float32 scores of size up to 16 are off by 2^-21 at most; four of them enter each difference
    assert abs(d["power-law.exponent"].value - BETA) <= 8 * 2.0**-21 / 0.1
    assert d["power-law.fit"].value > 1 - 1e-9
    other = {**one, "rejected_policy": TabularBackend(lambda p: row(9, p), vocabulary=V, length=1, name="r")}
    assert diagnose(score(data, other, tmp_path / "other.parquet"))["power-law.fit"].value < 0.9


def test_movement_is_a_partition(table):
    d = diagnose(table)
    hits = [round(e.value * e.count) for e in d.entries if e.name.startswith("movement.")]
    assert sum(hits) == d.pairs


def test_entropy_from_samples(tmp_path):
    rng = np.random.default_rng(3)
    samples = POLICY.sample((), 3000, rng=rng, length=L)
    rows = []
    for n, item in enumerate(samples):
        values = {"policy": POLICY.token_log_probs([item])[0], "reference": REFERENCE.token_log_probs([item])[0]}
        for role in ("sample", *(("chosen", "rejected") if n < 3 else ())):
            filled = {c: v.astype(np.float32) for c, v in values.items()}
            rows.append(
                {"id": f"{n}", "role": role, "prompt_tokens": 0, "tokens": L, "response_ids": list(item.response)}
                | {c: v.tolist() for c, v in filled.items()}
                | {f"{c}_sum": float(v.astype(float).sum()) for c, v in filled.items()}
            )
    write_table(tmp_path / "samples.parquet", rows, {"models": {}})
    d = diagnose(tmp_path / "samples.parquet")
    within(d["entropy.policy"], float(entropy(POLICY.policy())))
    within(d["entropy.policy.per-token"], float(entropy(POLICY.policy())) / L)


def test_every_named_claim_exists(table):
    from didlab.claims import catalogue, load

    ids = {c.id for c in load()} | {e["id"] for e in catalogue()}
    for e in diagnose(table).entries:
        for c in e.claims:
            assert any(i == c or i.startswith(c + ".") for i in ids), c


def test_command_line(table, tmp_path, capsys):
    out = tmp_path / "d.json"
    assert main(["diagnose", str(table), "--objective", "simpo", "--hyper", "gamma=0.5", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    made = json.loads(out.read_text())
    assert made["schema"] == "didlab/diagnosis/1"
    assert made["settings"]["gamma"] == 0.5
    for e in made["entries"]:
        assert e["name"] in printed
    for arguments, said in (
        ([str(tmp_path / "none.parquet")], "not there"), ([str(tmp_path)], "is a folder"),
        ([str(table), "--objective", "dpoo"], "one of dpo"),
        ([str(table), "--beta", "0"], "beta"), ([str(table), "--hyper", "gamma"], "NAME=X"),
        ([str(table), "--hyper", "delta=1"], "delta"),
    ):
        assert main(["diagnose", *arguments]) == 2
        assert said in capsys.readouterr().err


def test_sums_in_memory_are_a_table_and_a_loss_that_needs_lengths_is_said_to_be_missing():
    sums = {"chosen": (-9.0, -10.0), "rejected": (-14.0, -12.0)}
    rows = [{"id": n, "role": role, "policy_sum": p - n, "reference_sum": r} for n in (1, 2)
            for role, (p, r) in sums.items()]
    d = diagnose(scores_of(rows), objective="simpo")
    assert d["margin.gain"].value == 3.0 and not d.of("gip.eq-9")
    assert lines(d)[-1] == "! loss: simpo depends on the numbers of tokens, which this table does not hold"
    assert not any("numbers of tokens" in line for line in lines(diagnose(scores_of(rows))))
    tokens = [{"id": r["id"], "role": r["role"], "tokens": 2, "policy": [r["policy_sum"], 0.0],
               "reference": [r["reference_sum"], 0.0]} for r in rows]
    assert diagnose(scores_of(tokens))["margin.gain"].value == 3.0
    assert repr(d) == f"<Diagnosis of 2 pairs: {len(d.entries)} measurements>" and text(d).splitlines() == lines(d)
    assert repr(scores_of(rows)) == "<Scores of 4 responses: policy, reference>"
    for wrong, message in (([{"id": 1}], "row 1 needs an id and a role"), ([], "at least one row")):
        with pytest.raises(FileError, match=message):
            scores_of(wrong)


def samples(first, second):
    """Two pairs, and five samples of each of two prompts of the policy and of the reference."""
    rng = np.random.default_rng(0)
    rows = [{"id": n, "role": role, "policy_sum": -n, "reference_sum": -1.0} for n in (1, 2)
            for role in ("chosen", "rejected")]
    for role, prompts in (("sample", first), ("reference-sample", second)):
        for n in range(10):
            drawn = ord("a") - 1.0 - ord(prompts[n % 2]) + rng.normal() / 10
            one = {"prompt": prompts[n % 2], "policy_sum": drawn, "reference_sum": drawn}
            rows.append({"id": f"{role} {n}", "role": role, **one})
    return scores_of(rows)


@pytest.mark.parametrize(("first", "second"), [("ab", "cd"), ("ab", "bc")])
def test_samples_of_different_prompts_are_compared_with_a_caution(first, second):
    d = diagnose(samples(first, second))
    assert "different prompts" in d["entropy.change"].caution
    assert "different prompts" not in diagnose(samples("ab", "ab"))["entropy.change"].caution
    assert "different prompts" not in diagnose(samples("aa", "aa"))["entropy.change"].caution


@pytest.mark.parametrize(("prompts", "count"), [("abc", 0), ("aab", 2), ("aaa", 3)])
def test_partition_functions_of_different_prompts_are_not_mixed(prompts, count):
    rows = [{"id": n, "role": role, "policy_sum": -n, "reference_sum": -1.0} for n in (1, 2)
            for role in ("chosen", "rejected")]
    for n, prompt in enumerate(prompts):
        sums = {"policy_sum": -1.0, "reference_sum": -2.0 if prompt == "a" else -9.0}
        rows.append({"id": f"s{n}", "role": "sample", "prompt": prompt, **sums})
    found = [e for e in diagnose(scores_of(rows)).entries if e.name == "entropy.did.formula"]
    assert [e.count for e in found] == [count] * (count > 0)
    assert all(e.value == pytest.approx(1.0) for e in found)  # log of the mean of exp 2, less the log-ratio


def test_beta_has_one_place():
    with pytest.raises(ArgumentError, match="`hyper` must be without beta"):
        diagnose(samples("ab", "ab"), hyper={"beta": 0.5})


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_terminal_cuts_no_name_and_no_number(width, table, monkeypatch):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", str(width))
    screen, d = Screen(), diagnose(table)
    write_diagnosis(d, screen)
    for e in d.entries:
        name, value, interval, _, title = row_of(e)
        assert all(part in screen.getvalue() for part in (name, value, interval, title.split()[0]))
    assert "…" not in screen.getvalue()


def test_the_page_holds_every_measurement_and_needs_no_network(table, tmp_path, capsys):
    assert main(["diagnose", str(table), "--html", str(tmp_path / "page")]) == 0
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    d = diagnose(table)
    assert all(f">{escape(e.title)}<" in text for e in d.entries)
    assert text.count('<figure class="plot chart">') == 3
    assert "http" not in text
    assert "<h1>On " in text and "--objective dpo --beta 0.1" in text
    assert all(why.split("`")[0] in unescape(text) for why in d.silent.values())
    arguments = ["--objective", "simpo", "--beta", "0.5", "--hyper", "gamma=0.5", "--html", str(tmp_path / "other")]
    assert main(["diagnose", str(table), *arguments]) == 0
    text = (tmp_path / "other" / "index.html").read_text(encoding="utf-8")
    assert "--objective simpo --beta 0.5 --hyper gamma=0.5" in text
    capsys.readouterr()


def test_a_page_says_once_what_neighbouring_measurements_share(table):
    d = diagnose(table)
    shared = [a.cannot for a, b in pairwise(d.entries)
              if a.cannot and a.cannot == b.cannot and a.name.split(".")[0] == b.name.split(".")[0]]
    html = unescape(tables(d))
    rows = [e.cannot for e in d.entries]
    assert shared and all(html.count(f"Limits: {text}.") < rows.count(text) for text in shared)


def test_tables_that_cannot_be_diagnosed(tmp_path, table):
    lone = TabularBackend(lambda p: row(0, p), vocabulary=V, length=L, name="policy")
    data = [Pair("a", Item((), (0, 1, 2)), Item((), (1, 1, 1))), Pair("b", Item((), (0, 0, 0)), Item((), (2, 1, 0)))]
    with pytest.raises(FileError, match="no scores of the reference"):
        diagnose(score(data, {"policy": lone}, tmp_path / "lone.parquet"))
    both = score(data[:1], {"policy": lone, "reference": lone}, tmp_path / "one.parquet")
    with pytest.raises(FileError, match="at least two pairs"):
        diagnose(both)
    assert len(read_scores(both)) == 2
    with pytest.raises(ArgumentError):
        diagnose(table, beta=float("nan"))
