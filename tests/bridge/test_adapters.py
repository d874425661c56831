"""LoRA adapters: the reference is the base model with the adapter off, and a reference that is not is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from didlab.bridge import Item, audit
from didlab.bridge.did_model import _copy
from didlab.bridge.gradients import geometry, selected
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.load import adapter_off, load_backend
from didlab.errors import ArgumentError, AuditError

from .architectures import build

peft = pytest.importorskip("peft")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
RNG = np.random.default_rng(2)
ITEMS = [
    Item(tuple(RNG.integers(3, 64, RNG.integers(1, 9))), tuple(RNG.integers(3, 64, RNG.integers(2, 9))))
    for _ in range(8)
]


@pytest.fixture(scope="module")
def adapted():
    """A model whose adapter does something."""
    base = build("llama")
    torch.manual_seed(4)
    settings = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(copy.deepcopy(base), settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.5)
    return base, model


def test_adapter_off_is_the_base_model(adapted):
    base, model = adapted
    on, off, plain = HuggingFaceBackend(model), HuggingFaceBackend(model, adapter=False), HuggingFaceBackend(base)
    scored = [b.token_log_probs(ITEMS) for b in (on, off, plain)]
    assert max(np.abs(a - b).max() for a, b in zip(scored[1], scored[2], strict=True)) <= plain.rounding
    assert max(np.abs(a - b).max() for a, b in zip(scored[0], scored[1], strict=True)) > 0.1
    assert audit(on, ITEMS).passed
    found = audit(off, ITEMS)
    assert found.passed
    assert {f.check for f in found.findings if f.run} >= {"adapter off = base model"}
    assert "off" in off.name
    assert on.fingerprint()["weights"] != off.fingerprint()["weights"]


def test_gradients_with_the_adapter_off_are_those_of_the_base_model(adapted):
    base, model = adapted
    backends = HuggingFaceBackend(model, adapter=False), HuggingFaceBackend(base), HuggingFaceBackend(model)
    off, plain, on = (geometry(b, ITEMS[0], ITEMS[1]) for b in backends)
    size = plain.ww + plain.ll
    assert max(abs(a - b) for a, b in zip((off.ww, off.wl, off.ll), (plain.ww, plain.wl, plain.ll), strict=True)) <= (
        1e-5 * size
    )
    assert abs(on.ww - plain.ww) > 1e-3 * size
    assert abs(off.chosen - plain.chosen) <= HuggingFaceBackend(base).rounding * len(ITEMS[0].response)


def test_an_adapter_that_stays_on_is_refused(adapted):
    class Cached(HuggingFaceBackend):
        def _adapters(self):
            import contextlib

            return contextlib.nullcontext()

    with pytest.raises(AuditError, match="adapter off = base model"):
        audit(Cached(adapted[1], adapter=False), ITEMS).require()


def test_a_merged_adapter_can_be_the_policy_and_not_be_switched_off(adapted):
    """Switching it off would take it out of the weights in place, with their rounding, under the policy's feet."""
    model = copy.deepcopy(adapted[1])
    wanted = HuggingFaceBackend(model).token_log_probs(ITEMS)
    model.merge_adapter()
    merged = HuggingFaceBackend(model)
    assert audit(merged, ITEMS).passed
    gaps = [np.abs(a - b).max() for a, b in zip(merged.token_log_probs(ITEMS), wanted, strict=True)]
    assert max(gaps) <= merged.rounding
    with pytest.raises(ArgumentError, match=r"merged into the weights.*unmerge_adapter"):
        HuggingFaceBackend(model, adapter=False)
    left = copy.deepcopy(adapted[1]).merge_and_unload()
    gaps = [np.abs(a - b).max() for a, b in zip(HuggingFaceBackend(left).token_log_probs(ITEMS), wanted, strict=True)]
    assert max(gaps) <= merged.rounding


def test_another_adapter_beside_the_policy_is_the_reference(adapted):
    """Trainers keep the adapter that training began with under a name of its own; the policy's stays the active one."""
    model = copy.deepcopy(adapted[1])
    model.add_adapter("ref", peft.LoraConfig(r=2, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B.ref" in name:
                p.normal_(0, 0.5)
    alone = copy.deepcopy(model)
    alone.set_adapter("ref")
    wanted, policy = (HuggingFaceBackend(m).token_log_probs(ITEMS) for m in (alone, model))
    flags = [p.requires_grad for p in model.parameters()]
    named = HuggingFaceBackend(model, name="m", adapter="ref")
    for _ in range(2):
        assert all(np.array_equal(a, b) for a, b in zip(named.token_log_probs(ITEMS), wanted, strict=True))
        again = HuggingFaceBackend(model).token_log_probs(ITEMS)
        assert all(np.array_equal(a, b) for a, b in zip(again, policy, strict=True))
    assert max(np.abs(a - b).max() for a, b in zip(wanted, policy, strict=True)) > 0.1
    assert [p.requires_grad for p in model.parameters()] == flags and model.active_adapter == "default"
    assert audit(named, ITEMS).passed
    assert named.name == "m (adapter ref)" and named.fingerprint()["adapter"] == "ref"
    made = _copy(named).token_log_probs(ITEMS)  # what learns from there begins there
    assert max(np.abs(a - b).max() for a, b in zip(made, wanted, strict=True)) <= named.rounding
    half = HuggingFaceBackend(model.bfloat16(), adapter="ref")
    assert audit(half, ITEMS).passed
    for unknown in ("reference", "of"):
        with pytest.raises(ArgumentError, match=r"one of the model's \(default, ref\)"):
            HuggingFaceBackend(model, adapter=unknown)
    with pytest.raises(ArgumentError, match=r"one of the model's \(none\)"):
        HuggingFaceBackend(build("llama"), adapter="ref")


def test_gradients_of_the_adapter_only(adapted):
    backend = HuggingFaceBackend(adapted[1])
    names = selected(backend, "lora")
    assert names
    assert all("lora_" in n for n in names)
    some = geometry(backend, ITEMS[0], ITEMS[1], which="lora")
    every = geometry(backend, ITEMS[0], ITEMS[1])
    assert set(some.by_parameter) < set(every.by_parameter)
    for n in some.by_parameter:
        assert np.allclose(some.by_parameter[n], every.by_parameter[n], rtol=1e-5, atol=1e-9)


def test_a_saved_adapter_is_loaded_with_its_base(adapted, tmp_path, monkeypatch):
    base, model = adapted
    base.save_pretrained(tmp_path / "base")
    model.peft_config["default"].base_model_name_or_path = str(tmp_path / "base")
    model.save_pretrained(tmp_path / "adapter")
    loaded = load_backend(str(tmp_path / "adapter"))
    wanted = HuggingFaceBackend(model).token_log_probs(ITEMS)
    assert max(np.abs(a - b).max() for a, b in zip(loaded.token_log_probs(ITEMS), wanted, strict=True)) <= 1e-5
    off = adapter_off(loaded).token_log_probs(ITEMS)
    wanted = HuggingFaceBackend(base).token_log_probs(ITEMS)
    assert max(np.abs(a - b).max() for a, b in zip(off, wanted, strict=True)) <= 1e-5
