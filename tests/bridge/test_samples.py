"""Responses that models draw: they follow the model's own distribution, and a killed run draws the same ones."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chi2

from didlab.bridge import CallableBackend, Item, TabularBackend
from didlab.bridge.data import Pair, pairs
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.load import load_backend
from didlab.bridge.sampling import Sampling
from didlab.bridge.score import Plan, score
from didlab.bridge.table import read_scores
from didlab.cli import main
from didlab.diagnose import diagnose
from didlab.errors import ArgumentError, BackendError

from .architectures import build, config


def small(kind, seed=3):
    """A model of six tokens, of which 2 ends a response."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config(kind, vocabulary=6))
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.mul_(4.0)
    return HuggingFaceBackend(model)


def all_responses(length, ends, size):
    done, open_ = [], [()]
    for _ in range(length):
        grown = [(*y, t) for y in open_ for t in range(size)]
        done += [y for y in grown if y[-1] in ends]
        open_ = [y for y in grown if y[-1] not in ends]
    return done + open_


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_drawn_responses_follow_the_scores(kind):
    """A chi-squared test of all responses of up to three tokens, against the model's own log-probabilities, at 1e-6."""
    backend, prompt, n = small(kind), (1, 4), 3000
    drawn = backend.sample(prompt, n, rng=np.random.default_rng(0), length=3)
    support = all_responses(3, {2}, 6)
    p = np.exp([r.sum() for r in backend.token_log_probs([Item(prompt, y) for y in support])])
    assert abs(p.sum() - 1) < 1e-5
    index = {y: k for k, y in enumerate(support)}
    seen = np.bincount([index[i.response] for i in drawn], minlength=len(support))
    large = n * p >= 5
    groups = [(seen[k], n * p[k]) for k in np.flatnonzero(large)] + [(seen[~large].sum(), n * p[~large].sum())]
    statistic = sum((o - e) ** 2 / e for o, e in groups)
    assert statistic < chi2.isf(1e-6, len(groups) - 1)
    again = backend.sample(prompt, n, rng=np.random.default_rng(0), length=3)
    assert again == drawn


def test_settings_that_come_with_a_model_do_not_change_its_draws():
    plain, cold = small("gpt2"), small("gpt2")
    cold.model.generation_config.temperature, cold.model.generation_config.top_k = 0.01, 1
    draws = [b.sample((1,), 50, rng=np.random.default_rng(1), length=4) for b in (plain, cold)]
    assert draws[0] == draws[1]
    assert len(set(draws[0])) > 1


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
def test_the_adapter_is_off_while_a_reference_draws():
    peft = pytest.importorskip("peft")
    import torch

    base = small("llama")
    drawn = base.sample((1, 4), 64, rng=np.random.default_rng(0), length=3)
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(base.model, settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 3.0)
    on, off = HuggingFaceBackend(model), HuggingFaceBackend(model, adapter=False)
    assert off.sample((1, 4), 64, rng=np.random.default_rng(0), length=3) == drawn
    assert on.sample((1, 4), 64, rng=np.random.default_rng(0), length=3) != drawn


class Interrupted(Exception):
    pass


def test_a_killed_run_draws_the_same_responses(models, rows, tokenizer, tmp_path):
    data = pairs([*rows, {**rows[0], "id": "again"}], tokenizer)
    backends = {c: load_backend(str(models / c)) for c in ("policy", "reference")}
    plan, how = Plan(pairs_per_part=5, token_budget=128), Sampling(3, length=6, seed=4)
    whole = score(data, backends, tmp_path / "whole.parquet", plan=plan, sampling=how)

    counts = []

    def stop(done, total):
        counts.append((done, total))
        if done > 2 * len(data) + 10:
            raise Interrupted

    out = tmp_path / "again.parquet"
    with pytest.raises(Interrupted):
        score(data, backends, out, plan=plan, sampling=how, progress=stop)
    score(data, backends, out, plan=plan, sampling=how)
    assert out.read_bytes() == whole.read_bytes()
    assert all(a <= b for (a, _), (b, _) in pairwise(counts))

    scores = read_scores(whole)
    assert counts[-1][1] == len(scores) == 2 * len(data) + 2 * 3 * len(rows)  # the prompt that comes twice draws once
    assert scores.of("chosen", "prompt")[-1] == "p0"
    for role in ("sample", "reference-sample"):
        assert list(scores.of(role, "prompt")) == [p.id for p in data[:-1] for _ in range(3)]
        assert scores.of(role, "tokens").max() <= 6
    found = diagnose(scores)
    assert found["entropy.policy"].units == len(rows)
    assert found["displacement.chosen"].units == len(rows)
    assert found["displacement.chosen"].count == len(data)


def test_samples_from_the_command_line_reach_the_diagnosis(models, rows, tmp_path, capsys):
    data, out = tmp_path / "data.jsonl", tmp_path / "s.parquet"
    data.write_text("".join(json.dumps(r) + "\n" for r in rows))
    columns = (("policy", "policy"), ("reference", "reference"), ("did-policy", "source"))
    named = [f"--{c}={models / f}" for c, f in columns]
    draw = ["--samples", "4", "--sample-length", "5", "--sample-prompts", "6", "--seed", "2"]
    assert main(["score", *named, "--data", str(data), "--out", str(out), *draw]) == 0
    assert "4 drawn per prompt and model" in capsys.readouterr().out
    found = diagnose(out)
    for name in (
        "entropy.policy", "entropy.reference", "entropy.did.trained", "entropy.did.formula", "entropy.policy.per-token",
        "entropy.policy.cut", "did.slope-accuracy", "did.identity.residual", "displacement.predicted",
    ):
        assert found[name].units <= 6
        assert found[name].count <= 24 + 23 * 2
    assert found["entropy.did.formula"].caution
    assert main(["score", *named, "--data", str(data), "--out", str(out), "--samples", "-1"]) == 2
    assert "count" in capsys.readouterr().err


def test_the_stand_in_for_the_did_is_recognised(tmp_path):
    """A policy that is q by construction has no residual and rises with the log-ratio; another one does not."""
    logits = {k: (lambda p, k=k: np.random.default_rng([k, *p]).normal(size=4)) for k in range(3)}
    reference = TabularBackend(logits[0], vocabulary=4, length=1, name="reference")
    policy = TabularBackend(lambda p: logits[0](p) + logits[1](p), vocabulary=4, length=1, name="policy")
    q = TabularBackend(logits[1], vocabulary=4, length=1, name="q")
    against = TabularBackend(lambda p: -logits[1](p), vocabulary=4, length=1, name="against")
    prompts = [(a, b, c) for a in range(3) for b in range(4) for c in range(4)]
    data = [Pair(f"{x}", Item(x, (0,)), Item(x, (1,))) for x in prompts]
    for trained, exact in ((q, True), (against, False)):
        models = {"policy": policy, "reference": reference, "did_policy": trained}
        d = diagnose(score(data, models, tmp_path / f"{trained.name}.parquet", sampling=Sampling(50, length=1)))
        left = d["did.identity.residual"]
        assert (abs(left.value) <= 5.5 * left.standard_error) == exact
        assert d["did.slope-accuracy"].value == (1.0 if exact else 0.0)


def test_what_cannot_be_drawn(tmp_path):
    data = [Pair("a", Item((1,), (2, 3)), Item((1,), (3,)))]
    fixed = CallableBackend(lambda x, y: [-5.0] * len(y), name="fixed")
    with pytest.raises(BackendError, match="fixed cannot draw responses"):
        score(data, {"policy": fixed}, tmp_path / "x.parquet", sampling=Sampling(2))
    with pytest.raises(BackendError, match="without a prompt"):
        HuggingFaceBackend(build("gpt2")).sample((), 1, rng=np.random.default_rng(0), length=2)
    for wrong in ({"count": 0}, {"count": 1, "length": 0}, {"count": 1, "seed": -1}, {"count": 1, "prompts": 0}):
        with pytest.raises(ArgumentError):
            Sampling(**wrong)
