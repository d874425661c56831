"""Scores, diagnosis and gradients at the shapes of 7B models, random weights in bfloat16, and the same at a small size.

What is run is benchmarks/bridge_gpu.py, so that nothing in it runs on a GPU for the first time.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

from didlab.bridge import audit
from didlab.bridge.gradients import geometry

FILE = Path(__file__).parents[2] / "benchmarks" / "bridge_gpu.py"
CUDA = torch.cuda.is_available() and torch.cuda.get_device_properties(0).total_memory > 79 << 30
LARGE = [pytest.mark.skipif(not CUDA, reason="needs a CUDA device with 80 GiB"), pytest.mark.slow]
SIZES = ["tiny", *(pytest.param(name, marks=LARGE) for name in ("mistral-7b", "llama-3-8b"))]


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bridge_gpu", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bridge_gpu"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bridge_gpu"]


@pytest.fixture(scope="module", params=SIZES)
def found(request, bench):
    """The model, how much is done with it, and what the benchmark says."""
    device, size = ("cpu", bench.TINY) if request.param == "tiny" else ("cuda", bench.Size())
    model = bench.backend(request.param, device)
    peak = bench.matrix_peak(torch.device(device), size)
    yield model, size, peak
    del model
    if device == "cuda":
        torch.cuda.empty_cache()


def test_the_shapes_are_those_of_the_models(bench):
    """7.24 and 8.03 thousand millions of parameters, counted without making them."""
    import transformers

    for name, millions in (("mistral-7b", 7242), ("llama-3-8b", 8030)):
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(bench.configuration(name))
        assert round(sum(p.numel() for p in model.parameters()) / 1e6) == millions


def test_the_audit_passes(bench, found):
    model, *_ = found
    said = audit(model, bench.items(model, [(5, 9), (17, 4), (3, 21), (11, 11)]))
    assert said.passed, [f for f in said.findings if not f.passed]


def test_scoring(bench, found):
    """At most 4 GiB above the weights, and half of the peak of the device."""
    model, size, peak = found
    s = bench.scoring(model, size, peak)
    assert s["share_of_matrix_peak"] > 0 and s["tokens_per_second"] > 0
    if model.model.device.type == "cuda":
        assert s["gib_above_weights"] <= 4
    shape = bench.items(model, [(2, 3), (1, 2)])
    head = model.vocabulary * model.model.config.hidden_size
    more = bench.operations(model, shape) - bench.operations(model, shape[:1])
    assert more > 2 * head * 2  # two response tokens meet the head


def test_gradients(bench, found):
    model, size, _ = found
    g = bench.gradients(model, size)
    assert g["times_two_passes"] > 0
    assert 0 < g["gib_of_the_largest_parameter"] < g["gib_of_one_gradient"]
    if model.model.device.type == "cuda":
        assert g["gib_above_weights"] <= g["gib_of_a_plain_pass"] + g["gib_of_the_largest_parameter"]
    assert all(p.grad is None for p in model.model.parameters())
    w = bench.items(model, [(4, 9)])[0]
    assert abs(geometry(model, w, w).cosine - 1) <= 1e-3


def test_from_pairs_to_a_diagnosis(bench, found, tmp_path):
    model, size, _ = found
    d = bench.diagnosis(model, size, tmp_path)
    assert d["entropy_per_token"] > 0
    if model.model.device.type == "cuda":  # the audit, in float32 too, and all that follows
        assert d["gib_above_weights_with_audit"] <= 4


def test_without_a_device_it_says_so(bench, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench.main(["--json", str(tmp_path / "no.json")])
    assert "no CUDA device" in capsys.readouterr().out
    assert not (tmp_path / "no.json").exists()


def test_what_only_a_device_runs_with_the_device_played(bench, monkeypatch, capsys, tmp_path):
    """The meter asks CUDA, and every shape is measured and written; here CUDA is played and the shapes are small."""
    measured, held = bench.measured, iter(range(0, 1 << 40, bench.GIB))
    for name in ("synchronize", "reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    for name in ("memory_allocated", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda: next(held))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a played device")
    with bench.Meter(torch.device("cuda")) as m:
        pass
    assert m.bytes == bench.GIB and m.seconds >= 0
    monkeypatch.setattr(bench, "measured", lambda name, device, size: measured("tiny", "cpu", bench.TINY))
    bench.main(["--json", str(tmp_path / "out.json")])
    told = json.loads((tmp_path / "out.json").read_text())
    assert set(told["results"]) == set(bench.MODELS) and told["device"] == "a played device" and told["date"]
    assert capsys.readouterr().out.count("times two passes") == 2
