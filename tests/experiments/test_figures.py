"""The figures' numbers, on small versions of their protocols; not their pixels."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from didlab import experiments
from didlab.did import did_entropy
from didlab.dynamics import Protocol, simulate, synthetic_problem
from didlab.errors import ArgumentError
from didlab.experiments import app_k, displacement, fig_1, judge, phase, sweep
from didlab.experiments.grids import TEMPERATURES, printed_configurations, readings_of
from didlab.information import entropy, kl_divergence
from didlab.objectives import get


def test_the_printed_grids_have_their_printed_sizes():
    names = [c.name for c in printed_configurations()]
    sizes = {"dpo": 1, "log-pi": 1, "slic": 16, "orpo": 4, "simpo": 12, "cal-dpo": 5}
    assert {n: names.count(n) for n in sizes} == sizes
    assert [c.form for c in readings_of("slic")["margin"]] != [c.form for c in readings_of("slic")["swapped"]]


def test_choice_by_minimum_and_by_final_value():
    configurations = [get("orpo", beta=0.1), get("dpo"), get("orpo", beta=2.0)]
    js = np.array([[[3.0, 0.1, 3.0], [1.0, 1.0, 1.0], [2.0, 2.0, 0.5]]] * 3)
    assert sweep.choose(js, configurations, "orpo", "minimum").index == 0
    assert sweep.choose(js, configurations, "orpo", "final").index == 2


def test_the_level_is_where_the_curve_ends():
    # 16,000 steps from the optimum's neighbourhood; RMSprop's step of 1e-3 keeps JS within a few 1e-4 of the level.
    q, c = synthetic_problem(4.0, 3), [get("slic", beta=1.0, lam=1.0), get("orpo", beta=2.0), get("cal-dpo", beta=0.1)]
    run = simulate([q], c, protocol=Protocol(steps=16000, every=1000))
    for n, objective in enumerate(c):
        assert abs(run.js[0, n, -4:].mean() - sweep.level(objective, [q])[0]) <= 5e-4
    assert sweep.level(get("dpo"), [q])[0] <= 1e-24


def test_phase_diagram_changes_sign_at_one_half():
    # The DID of a tempered policy is the reference at temperature tau / (1 - tau).
    logits = np.random.default_rng(0).normal(size=(20, 32))
    for tau in (0.2, 0.4, 0.49):
        assert (phase.gap(logits, tau) < 0).all()
        assert np.abs(phase.gap(logits, tau) - (entropy(logits * (1 - tau) / tau) - entropy(logits))).max() <= 1e-12
    for tau in (0.51, 0.7, 0.99, 1.0):
        assert (phase.gap(logits, tau) > 0).all()
    inverted = 3.0 * (np.arange(32) < 28)
    assert phase.gap(inverted, 10.0) < 0 < phase.gap(inverted[::-1] * 0.1, 1.2)


def test_chosen_responses_from_the_reference_cannot_become_likelier():
    q = synthetic_problem(0.25, 1)
    x = np.random.default_rng(2).normal(size=(1, 5, 32))
    chosen, _, loss = displacement.measure([q], x)
    assert np.abs(chosen[0] + kl_divergence(np.broadcast_to(q.reference, (5, 32)), x[0])).max() <= 1e-14
    assert (loss > 0).all()


def test_estimators_of_appendix_k_meet_their_exact_values():
    rows = app_k._sampled(app_k.CASES[0])
    # 16 prompts x 400 repeats: the standard error of a mean is sd / 80, of a standard deviation about 1 / 113 (tails of
    # Z are heavier: from 64 draws on); six of them.
    for n in (64, 1024):
        assert abs(rows[n]["entropy_bias"]) <= 6 * rows[n]["entropy_sd"] / 80
        assert abs(rows[n]["entropy_sd"] / rows[n]["entropy_sd_exact"] - 1) <= 6 / 113
        assert abs(rows[n]["z_bias"]) <= 6 * rows[n]["z_sd"] / 80
        assert abs(rows[n]["z_sd"] / rows[n]["z_sd_exact"] - 1) <= 0.15
    ref, policy = app_k._policies(app_k.CASES[1], 0)
    every = np.arange(32).repeat(np.round(np.exp(policy) * 1e6).astype(int))
    z, h = app_k.from_z(policy, ref, every)
    assert abs(h - did_entropy(policy, ref)) <= 1e-3
    assert abs(z / np.exp(policy - ref).sum() - 1) <= 1e-3


def test_greedy_pairs_of_equal_modes_teach_nothing():
    q = app_k._greedy(app_k.CASES[0], 0)
    run = simulate([q], [get("log-pi")], protocol=Protocol(steps=50))
    # the gradient is exactly 0 in the compiled loop
    assert np.abs(run.logits[0, 0] - q.reference).max() <= 1e-15


def test_a_reading_in_which_another_is_lower_is_named():
    configurations = [c for c in printed_configurations() if c.name != "log-pi"]
    js = np.array([[[0.1 if c.name == "dpo" else 0.2] for c in configurations]] * 10)
    found = {}
    judge.judge(found, "a", js, configurations)
    assert set(judge.lowest(found).values()) == {"DPO lowest at every temperature"}
    js[4:6, -1] = 0.01
    judge.judge(found, "b", js, configurations)
    assert judge.lowest(found)["b, by final"] == "below DPO: Cal-DPO at τ = 2"


def test_cheap_figures_are_made_whole_and_to_the_same_bytes(tmp_path):
    said = []
    for folder in ("a", "b"):
        for name in ("fig-4", "phase-4.1"):
            image = experiments.make(name, tmp_path / folder, lambda text, share: said.append(share))
            assert image.stat().st_size <= 200_000
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert {"README.md", "fig-4.csv", "fig-4.json", "fig-4.png", "phase-4.1.csv"} <= set(files)
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    facts = json.loads((tmp_path / "a" / "phase-4.1.json").read_text())["facts"]
    assert facts["τ between ½ and 1: share of Gaussian references with H(DID) > H(ref)"] == 1.0
    assert facts["τ below ½: the same"] == 0.0
    assert said[-1] == 1.0


class Killed(Exception):
    pass


@pytest.mark.slow
def test_a_killed_figure_resumes_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(fig_1, "BASE", sweep.Reading("base", steps=5000))
    monkeypatch.setattr(judge, "OTHERS", (sweep.Reading("uniform", start="uniform", steps=200),))
    monkeypatch.setattr(judge, "symbol_readings", list)

    def kill(text, share):
        if share >= 0.8:
            raise Killed

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    experiments.make("fig-1-right", whole)
    with pytest.raises(Killed):
        experiments.make("fig-1-right", killed, kill)
    assert [p.name for p in killed.iterdir()] == [".checkpoints"]
    experiments.make("fig-1-right", killed)
    names = sorted(p.name for p in whole.iterdir())
    assert names == sorted(p.name for p in killed.iterdir())
    assert all((whole / n).read_bytes() == (killed / n).read_bytes() for n in names)


def test_committed_figures_say_what_their_numbers_say(request):
    folder = request.config.rootpath / "figures"
    if not (folder / "fig-7-readings.csv").exists():
        pytest.skip("the figures are not drawn")
    rows = list(csv.DictReader((folder / "fig-7-readings.csv").read_text().splitlines()))
    assert {float(r["temperature"]) for r in rows} == set(TEMPERATURES)
    facts = json.loads((folder / "fig-7.json").read_text())["facts"]["who is lowest"]
    for key, text in facts.items():
        reading, by = key.rsplit(", by ", 1)
        mine = [r for r in rows if r["reading"] == reading and r["chosen_by"] == by]
        dpo = {r["temperature"]: float(r["js_median"]) for r in mine if r["objective"] == "dpo"}
        beaten = any(float(r["js_median"]) < dpo[r["temperature"]] for r in mine)
        assert beaten == text.startswith("below DPO")
    for path in folder.glob("*.png"):
        assert path.stat().st_size <= 200_000


def test_unknown_figures_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="fig-1-left"):
        experiments.make("fig-99", tmp_path)
    assert not list(tmp_path.iterdir())
