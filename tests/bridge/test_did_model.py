"""Appendix K on real models whose responses can all be listed, so that the DID and its entropy are known."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from didlab.bridge import CallableBackend, Item, TabularBackend
from didlab.bridge.data import Pair
from didlab.bridge.did_model import Protocol, did_model, draw_pairs, split
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.load import load_backend
from didlab.bridge.log_pi import Training, train
from didlab.bridge.sampling import Sampling
from didlab.cli import main
from didlab.diagnose import diagnose
from didlab.errors import ArgumentError, BackendError, FileError

from .architectures import config
from .test_samples import all_responses

V, L, END = 6, 2, 2
SUPPORT = all_responses(L, {END}, V)
PROMPTS = [(1, a, b, c) for a in range(V) for b in range(V) for c in range(V)]
DATA = [Pair(f"p{n}", Item(x, (3, 4)), Item(x, (4, END))) for n, x in enumerate(PROMPTS)]


def tiny(kind="llama", apart=0.0):
    """A reference (apart = 0), or a policy whose weights lie so far from it."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config(kind, vocabulary=V))
    torch.manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.mul_(4.0)
            p.add_(apart * torch.randn_like(p))
    return HuggingFaceBackend(model, name="policy" if apart else "reference")


def listed(backend, prompt):
    """Log-probabilities of all responses."""
    return np.array([r.sum() for r in backend.token_log_probs([Item(prompt, y) for y in SUPPORT])])


def did(policy, reference, prompt):
    return log_softmax(listed(policy, prompt) - listed(reference, prompt))


def protocol(**changed):
    training = Training(**{"rate": 3e-4, "warm_up": 10, "batch": 32, "epochs": 2, "seed": 3, **changed})
    return Protocol(training, Sampling(8, length=L, seed=3), held_out=40, draws=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("did") / "out"
    policy, reference = tiny(apart=0.15), tiny()
    return did_model(DATA, policy, reference, out, protocol=protocol()), policy, reference, out


def test_the_stand_in_comes_nearer_to_the_did_on_prompts_it_has_not_seen(made):
    _, policy, reference, out = made
    student = load_backend(str(out / "model"))
    unseen = {p.chosen.prompt for p in split(DATA, protocol())[1]}
    assert len(unseen) == 40

    def away(model):
        """Mean KL divergence of the DID from a model, over unseen prompts."""
        q = [did(policy, reference, x) for x in unseen]
        return np.mean([np.exp(a) @ (a - listed(model, x)) for a, x in zip(q, unseen, strict=True)])

    uniform = TabularBackend(lambda prefix: [0.0] * V, vocabulary=V, length=L, end=END)
    assert away(student) < 0.5 * min(away(reference), away(uniform))


def test_the_entropy_of_the_did_is_met_or_said_to_be_unsure(made):
    table, policy, reference, _ = made
    unseen = [p.chosen.prompt for p in split(DATA, protocol())[1]]
    truth = np.mean([-np.exp(q) @ q for q in (did(policy, reference, x) for x in unseen)])
    found = diagnose(table)
    for name in ("entropy.did.trained", "entropy.did.reweighted", "entropy.did.formula"):
        e = found[name]
        # 5.5 standard errors: a false alarm has a chance below 1e-7
        assert e.caution or abs(e.value - truth) <= 5.5 * e.standard_error, (name, e, truth)
    for claim in ("trained", "formula", "entropy", "partition", "1"):
        assert found.of(f"did.app-k.{claim}")
    low, _ = found["did.slope-accuracy"].interval
    assert low > 0.5  # a stand-in that knows nothing of the pairs rises and falls alike
    assert found["did.stand-in.slope"].interval[0] > 0


def test_the_first_loss_is_that_of_the_reference(made):
    _, policy, reference, out = made
    rows = [json.loads(x) for x in (out / "training.jsonl").read_text().splitlines()]
    how = protocol()
    drawn = draw_pairs(split(DATA, how)[0], policy, reference, out, how)
    assert len(drawn) == 4 * (len(DATA) - 40)
    assert len(rows) == how.training.steps(len(drawn))
    order = np.random.default_rng((3, 0)).permutation(len(drawn))[:32]
    sums = [[reference.token_log_probs([i])[0].sum() for i in (drawn[k].chosen, drawn[k].rejected)] for k in order]
    w, l = np.array(sums).T  # noqa: E741
    # float32 log-probabilities of two tokens each, off by their rounding at most
    close = {"rtol": 0, "atol": 4 * L * reference.rounding}
    assert np.allclose([rows[0][k] for k in ("chosen", "rejected")], [w.mean(), l.mean()], **close)
    assert np.isclose(rows[0]["loss"], np.logaddexp(0, l - w).mean(), **close)


def test_drawn_pairs_come_from_the_policy_and_from_the_reference(tmp_path):
    """Each side of the pairs is likelier under its own model, by the divergence between them."""
    policy, reference = tiny(apart=0.15), tiny()
    how = Protocol(sampling=Sampling(4, length=L), draws=100)
    drawn = draw_pairs(DATA[:10], policy, reference, tmp_path, how)
    assert [p.id for p in drawn[:2]] == ["p0:0", "p0:1"]
    for side, own, other in (("chosen", policy, reference), ("rejected", reference, policy)):
        items = [getattr(p, side) for p in drawn]
        ratio = [a.sum() - b.sum() for a, b in
                 zip(own.token_log_probs(items), other.token_log_probs(items), strict=True)]
        truth = np.mean([
            np.exp(listed(own, p.chosen.prompt)) @ (listed(own, p.chosen.prompt) - listed(other, p.chosen.prompt))
            for p in DATA[:10]
        ])
        assert abs(np.mean(ratio) - truth) <= 5.5 * np.std(ratio) / np.sqrt(len(ratio))
        assert truth > 5.5 * np.std(ratio) / np.sqrt(len(ratio))  # the sides swapped would show


class Interrupted(Exception):
    pass


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_that_is_killed_anywhere_ends_with_the_same_bytes(tmp_path):
    policy, reference, data = tiny(apart=0.15), tiny(), DATA[:34]
    how = Protocol(Training(rate=1e-3, warm_up=3, batch=4, every=2), Sampling(2, length=L), held_out=10)
    calls = []
    did_model(data, policy, reference, tmp_path / "whole", protocol=how, progress=lambda *a: calls.append(a))
    assert not list((tmp_path / "whole").glob("*.tmp")) and not (tmp_path / "whole" / "state.safetensors").exists()
    attempts = 0
    for stop in range(1, len(calls), max(1, len(calls) // 5)):
        left = [stop]

        def count(done, total, left=left):
            left[0] -= 1
            if not left[0]:
                raise Interrupted

        with pytest.raises(Interrupted):
            did_model(data, policy, reference, tmp_path / f"cut-{stop}", protocol=how, progress=count)
        did_model(data, policy, reference, tmp_path / f"cut-{stop}", protocol=how)
        assert contents(tmp_path / f"cut-{stop}") == contents(tmp_path / "whole")
        attempts += 1
    assert attempts >= 4
    before = contents(tmp_path / "whole")
    did_model(data, policy, reference, tmp_path / "whole", protocol=how)  # once more: nothing is done again
    assert contents(tmp_path / "whole") == before


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_activations_that_are_computed_again_change_nothing(kind, tmp_path):
    data = [Pair(str(n), Item((1, n), (3, 4)), Item((1, n), (5, END))) for n in range(6)]
    histories = []
    for recompute in (False, True):
        how = Training(rate=1e-3, warm_up=0, batch=2, recompute=recompute)
        histories.append(train(tiny(kind), data, how, tmp_path / "none.safetensors"))
    assert np.array_equal(*histories)
    assert not list(tmp_path.iterdir())


def test_pairs_that_are_batched_are_those_that_are_alone(tmp_path, monkeypatch):
    """Ragged pairs, one at a time, a few at a time and all at once: the same history up to rounding, in the budget."""
    rng = np.random.default_rng(4)

    def item(k):
        return Item((1, k), tuple(int(t) for t in rng.integers(3, V, rng.integers(1, 9))))

    data, seen = [Pair(str(k), item(k % V), item(k % V)) for k in range(8)], []
    summed = HuggingFaceBackend.differentiable_sums
    monkeypatch.setattr(
        HuggingFaceBackend, "differentiable_sums", lambda self, items: seen.append(items) or summed(self, items)
    )
    histories, passes = {}, {}
    for budget in (1, 50, 2048):
        seen.clear()
        how = Training(rate=1e-4, warm_up=0, batch=8, epochs=3, token_budget=budget)
        histories[budget] = train(tiny(), data, how, tmp_path / "none.safetensors")
        padded = [len(items) * max(i.tokens for i in items) for items in seen]
        assert all(n <= budget or len(items) == 2 for n, items in zip(padded, seen, strict=True))
        passes[budget] = len(seen)
    assert passes[1] == 24 > passes[50] > passes[2048] == 3
    # the first step sees one set of weights; later ones sets that differ by steps whose size rounding may change
    close = {"rtol": 0, "atol": 2 * 8 * tiny().rounding}  # two sums of at most 8 tokens each
    for budget in (50, 2048):
        assert np.allclose(histories[budget][0], histories[1][0], **close)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
def test_the_base_of_an_adapter_is_what_learns_and_the_policy_stays_as_it_is(tmp_path):
    peft = pytest.importorskip("peft")
    base = tiny()
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(copy.deepcopy(base.model), settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 3.0)
    policy, reference = HuggingFaceBackend(model, name="lora"), HuggingFaceBackend(model, adapter=False, name="lora")
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    did_model(DATA[:60], policy, reference, tmp_path / "out", protocol=Protocol(
        Training(rate=1e-4, warm_up=0, batch=16), Sampling(3, length=L), held_out=10
    ))
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    kept = load_backend(str(tmp_path / "out" / "model"))
    wanted = {n: p.shape for n, p in base.model.named_parameters()}
    assert {n: p.shape for n, p in kept.model.named_parameters()} == wanted


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_head_that_was_trained_beside_the_base_is_not_what_learns(tmp_path):
    """The stand-in starts at the reference: the base model, whose head the adapter replaced by one of its own."""
    peft = pytest.importorskip("peft")
    base = tiny()
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(copy.deepcopy(base.model), settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "modules_to_save" in name:
                p.normal_(0, 3.0)
    policy, reference = HuggingFaceBackend(model, name="lora"), HuggingFaceBackend(model, adapter=False, name="lora")
    frozen = Training(rate=1e-30, warm_up=0, batch=16)  # so small that no float32 weight moves
    did_model(DATA[:60], policy, reference, tmp_path / "out", protocol=Protocol(
        frozen, Sampling(3, length=L), held_out=10
    ))
    kept = dict(load_backend(str(tmp_path / "out" / "model")).model.named_parameters())
    assert all(torch.equal(p, kept[n]) for n, p in base.model.named_parameters())


def test_the_command_reports_what_is_to_be_believed(tmp_path, capsys):
    for name, backend in (("policy", tiny(apart=0.15)), ("reference", tiny())):
        backend.model.save_pretrained(tmp_path / name)
    rows = [
        {"id": p.id, "prompt_ids": p.chosen.prompt, "chosen_ids": p.chosen.response,
         "rejected_ids": p.rejected.response} for p in DATA[:60]
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    command = [
        "did-model", "--policy", str(tmp_path / "policy"), "--reference", str(tmp_path / "reference"), "--data",
        str(tmp_path / "data.jsonl"), "--out", str(tmp_path / "out"), "--rate", "1e-4", "--sample-length", str(L),
    ]
    assert main([*command, "--held-out", "20"]) == 0
    said = capsys.readouterr().out
    for name in (
        "entropy.policy.per-token", "entropy.reference", "entropy.did.trained", "entropy.did.reweighted",
        "entropy.did.formula", "did.slope-accuracy", "did.stand-in.slope", "did.stand-in.followed",
    ):
        assert f"\n{name} " in said
    assert not list((tmp_path / "out").rglob("*.bin"))
    for more, words in (
        (["--held-out", "10"], "other data, models or settings"), (["--held-out", "1"], "held_out"),
        (["--rate", "-1"], "rate"), (["--batch", "0"], "batch"), (["--step-tokens", "0"], "token_budget"),
        (["--held-out", "60", "--out", str(tmp_path / "other")], "60 prompts that are held out"),
        (["--out", str(tmp_path / "data.jsonl")], "is a file"), (["--out", str(tmp_path)], "is not empty"),
        (["--reference", "math:sqrt", "--out", str(tmp_path / "other")], "model of transformers"),
        (["--policy", "math:sqrt", "--out", str(tmp_path / "other")], "cannot draw"),
        (["--reference", "adapter-off"], "no adapter"),
    ):
        assert main([*command, *more]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_what_cannot_be_trained(tmp_path, monkeypatch, capsys):
    coin = TabularBackend(lambda prefix: [0.0] * V, vocabulary=V, length=L)
    fixed = CallableBackend(lambda x, y: [-1.0] * len(y))
    for policy, reference, said in ((coin, coin, "must be a model"), (fixed, tiny(), "cannot draw")):
        with pytest.raises(BackendError, match=said):
            did_model(DATA, policy, reference, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    half = tiny()
    half.model.bfloat16()
    with pytest.raises(BackendError, match="needs float32"):
        train(half, DATA[:2], Training(), tmp_path / "state")
    with pytest.raises(BackendError, match="no number at step"):
        train(tiny(), DATA[:64], Training(rate=1e30, warm_up=0, batch=1), tmp_path / "state")
    (tmp_path / "state").write_bytes(b"cut off")
    with pytest.raises(FileError, match="no checkpoint"):
        train(tiny(), DATA[:2], Training(), tmp_path / "state")
    with pytest.raises(ArgumentError, match="all held-out prompts"):
        Protocol(sampling=Sampling(2, prompts=3))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["did-model", "--policy", "a:b", "--reference", "c", "--data", "d", "--out", str(tmp_path / "x")]) == 2
    assert "one process" in capsys.readouterr().err


def test_half_precision_models_have_a_stand_in_in_float32(tmp_path):
    policy, reference = tiny(apart=0.15), tiny()
    for b in (policy, reference):
        b.model.bfloat16()
    did_model(DATA[:30], policy, reference, tmp_path / "out", protocol=Protocol(
        Training(rate=1e-4, batch=8), Sampling(3, length=L), held_out=10
    ))
    assert load_backend(str(tmp_path / "out" / "model")).dtype == torch.float32
