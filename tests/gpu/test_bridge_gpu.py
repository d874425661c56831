"""Scoring and streamed gradients at the shapes of 7B models, random weights in bfloat16; the same code at a small size.

The small size runs anywhere; the others need a CUDA device with 80 GiB and are skipped without one.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from didlab.bridge import Item, audit
from didlab.bridge.data import Pair
from didlab.bridge.gradients import geometry
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.sampling import Sampling
from didlab.bridge.score import Plan, score
from didlab.diagnose import diagnose

GIB = 1 << 30
CUDA = torch.cuda.is_available() and torch.cuda.get_device_properties(0).total_memory > 79 * GIB
LARGE = pytest.mark.skipif(not CUDA, reason="needs a CUDA device with 80 GiB")
SIZES = ["small", pytest.param("mistral-7b", marks=LARGE), pytest.param("llama-3-8b", marks=LARGE)]


@pytest.fixture(scope="module", params=SIZES)
def backend(request):
    import transformers as t

    config = {
        "small": lambda: t.LlamaConfig(
            vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, bos_token_id=1, eos_token_id=2,
        ),
        "mistral-7b": lambda: t.MistralConfig(bos_token_id=1, eos_token_id=2),  # the defaults are its shape
        "llama-3-8b": lambda: t.LlamaConfig(
            vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
            num_attention_heads=32, num_key_value_heads=8, bos_token_id=1, eos_token_id=2,
        ),
    }[request.param]()
    torch.manual_seed(0)
    with torch.device("cpu" if request.param == "small" else "cuda"):
        model = t.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    yield HuggingFaceBackend(model, name=request.param)
    del model
    torch.cuda.empty_cache()


def items(backend, sizes, seed=0):
    rng = np.random.default_rng(seed)

    def ids(n):
        return tuple(map(int, rng.integers(3, backend.vocabulary, n)))

    return [Item(ids(a), ids(b)) for a, b in sizes]


def large(backend):
    return backend.model.device.type == "cuda"


class Peak:
    """Memory above what was there before, in bytes; 0 where it cannot be measured."""

    def __init__(self, backend):
        self.measured = large(backend)

    def __enter__(self):
        if self.measured:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        self.begun = time.perf_counter()
        return self

    def __exit__(self, *_):
        if self.measured:
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self.begun
        self.bytes = torch.cuda.max_memory_allocated() - self.before if self.measured else 0


def test_the_audit_passes(backend):
    found = audit(backend, items(backend, [(5, 9), (17, 4), (3, 21), (11, 11)]))
    assert found.passed, [f for f in found.findings if not f.passed]
    assert any("float32 copy" in f.check for f in found.findings)


def test_scoring_needs_little_memory_above_the_weights(backend):
    """4,096 tokens in a batch: at most 4 GiB above the weights."""
    length = 1024 if large(backend) else 32
    batch = items(backend, [(length // 4, 3 * length // 4)] * 4)
    backend.token_log_probs(batch)
    with Peak(backend) as peak:
        rows = backend.token_log_probs(batch)
    assert all(np.isfinite(r).all() and (r <= 0).all() for r in rows)
    print(f"\n{backend.name}: {4 * length / peak.seconds:,.0f} tokens/s, {peak.bytes / GIB:.2f} GiB above the weights")
    assert peak.bytes <= 4 * GIB


def test_streamed_gradients_need_one_gradient(backend):
    """One gradient, the largest parameter, and 2 GiB for the activations of short responses."""
    w, l = items(backend, [(16, 48), (16, 40)])  # noqa: E741
    parameters = list(backend.model.parameters())
    with Peak(backend) as peak:
        found = geometry(backend, w, l)
    one = sum(p.numel() * p.element_size() for p in parameters)
    print(f"\n{backend.name}: {peak.seconds:.2f} s, {peak.bytes / GIB:.2f} GiB above the weights")
    assert peak.bytes <= one + max(p.numel() * p.element_size() for p in parameters) + 2 * GIB
    assert found.wl**2 <= found.ww * found.ll
    same = geometry(backend, w, w)
    assert np.isclose(same.cosine, 1.0, atol=1e-3)


def test_from_scores_to_a_diagnosis(backend, tmp_path):
    made = items(backend, [(9, 12), (9, 7), (5, 20), (5, 3)])
    data = [
        Pair(name, w, Item(w.prompt, l.response))
        for name, w, l in (("a", made[0], made[1]), ("b", made[2], made[3]))  # noqa: E741
    ]
    table = score(
        data, {"policy": backend, "reference": backend}, tmp_path / "s.parquet", plan=Plan(token_budget=64),
        sampling=Sampling(2, length=6),
    )
    found = diagnose(table)
    assert found["displacement.chosen"].value == 0
    assert found["entropy.policy.per-token"].value > 0
