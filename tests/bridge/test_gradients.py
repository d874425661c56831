"""Streamed inner products against gradients written out in full, and the step an optimiser really takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from didlab.bridge import Item, gradients
from didlab.bridge.gradients import Geometry, backward_pass, ches, geometry, selected, token_geometry
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.step import one_step
from didlab.errors import ArgumentError

from .architectures import build

CHOSEN, REJECTED = Item((5, 9, 4), (7, 8, 11, 8)), Item((5, 9, 4), (7, 12, 11))


def dense(backend, item, which="all", token=None):
    """The gradient of one response as one long float64 vector, the obvious way."""
    parameters = list(selected(backend, which).values())
    ids = torch.tensor([item.prompt + item.response])
    rows = backend.model(input_ids=ids).logits[0].log_softmax(-1)[len(item.prompt) - 1 : -1]
    values = rows[torch.arange(len(item.response)), torch.tensor(item.response)]
    value = values.sum() if token is None else values[token]
    got = torch.autograd.grad(value, parameters, allow_unused=True)
    filled = [torch.zeros_like(p) if g is None else g for g, p in zip(got, parameters, strict=True)]
    return torch.cat([g.double().reshape(-1) for g in filled])


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("which", ["all", "last-layer"])
def test_streamed_products_are_the_dense_ones(kind, which, monkeypatch):
    """Products taken in many slices too."""
    monkeypatch.setitem(gradients.SLICE, "cpu", 100)
    backend = HuggingFaceBackend(build(kind, dtype=torch.float64))
    found = geometry(backend, CHOSEN, REJECTED, which=which)
    w, l = (dense(backend, i, which) for i in (CHOSEN, REJECTED))  # noqa: E741
    for got, wanted in ((found.ww, w @ w), (found.wl, w @ l), (found.ll, l @ l)):
        assert abs(got - float(wanted)) <= 1e-12 * float(w.norm() * l.norm() + w @ w + l @ l)
    for k, total in enumerate((found.ww, found.wl, found.ll)):
        assert np.isclose(sum(v[k] for v in found.by_parameter.values()), total, rtol=1e-12)
        assert np.isclose(sum(v[k] for v in found.layers().values()), total, rtol=1e-12)
    assert all(p.grad is None and p.requires_grad for p in backend.model.parameters())


@pytest.mark.parametrize("family", ["gpt2", "llama", "mistral", "qwen2"])
@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_streamed_products_in_float32(family, ties):
    """Within 1e-6 of the product of the norms of gradients written out in full."""
    backend = HuggingFaceBackend(build(f"{family}-{ties}"))
    head, embedding = backend.model.get_output_embeddings().weight, backend.model.get_input_embeddings().weight
    assert (head is embedding) == (ties == "tied")
    found = geometry(backend, CHOSEN, REJECTED)
    w, l = (dense(backend, i) for i in (CHOSEN, REJECTED))  # noqa: E741
    for got, wanted, size in (
        (found.ww, w @ w, w @ w), (found.wl, w @ l, w.norm() * l.norm()), (found.ll, l @ l, l @ l)
    ):
        assert abs(got - float(wanted)) <= 1e-6 * float(size)


def test_cosine_and_case_by_hand():
    """The norms are those of the two gradients, and Table 1's cases compare the product with their squares."""
    backend = HuggingFaceBackend(build("gpt2", dtype=torch.float64))
    found = geometry(backend, CHOSEN, REJECTED)
    w, l = (dense(backend, i) for i in (CHOSEN, REJECTED))  # noqa: E741
    assert abs(found.cosine - float(torch.cosine_similarity(w, l, dim=0))) <= 1e-12
    for ww, wl, ll, case in ((2, 1, 3, "ideal"), (1, 2, 3, "both-fall"), (3, 2, 1, "both-rise"), (1, 1, 1, "ideal")):
        assert Geometry(ww, wl, ll, {}, 0.0, 0.0).case == case
        moved = Geometry(ww, wl, ll, {}, 0.0, 0.0).prediction(1.0, 1.0)
        assert np.sign(moved).tolist() == {
            "ideal": [float(ww > wl), -float(ll > wl)], "both-fall": [-1, -1], "both-rise": [1, 1]
        }[case]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("padding", ["left", "right"])
def test_ches_by_hand(kind, padding):
    """Sums and means of the last hidden states at the positions before the response's tokens, from the model itself."""
    backend = HuggingFaceBackend(build(kind, dtype=torch.float64), padding=padding)
    hidden = []
    for item in (CHOSEN, REJECTED):
        ids = torch.tensor([item.prompt + item.response])
        with torch.no_grad():
            states = backend.model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0]
        hidden.append(states[len(item.prompt) - 1 : -1].double())
    assert backend.hidden(REJECTED).shape == (3, 32)
    for value, (w, l) in zip(  # noqa: E741
        ches(backend, CHOSEN, REJECTED), ([h.sum(0) for h in hidden], [h.mean(0) for h in hidden]), strict=True
    ):
        wanted = float((w * l).sum() - (w * w).sum())
        assert abs(value - wanted) <= 1e-6 * float(w.norm() * (w.norm() + l.norm()))


def test_ches_in_half_precision_does_not_overflow():
    """Products of hidden states of about 100 are beyond float16's 65,504 when 32 of them are added up for 4 tokens."""
    model = build("llama", dtype=torch.float16)
    with torch.no_grad():
        model.model.norm.weight.fill_(100)
    value, _ = ches(HuggingFaceBackend(model), CHOSEN, REJECTED)
    assert np.isfinite(value) and abs(value) > 65_504


def peak_bytes(call):
    """The most that torch had allocated at once during a call, beyond what it had before, by its own account."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as watch:
        call()
    events = [e for e in watch.profiler.kineto_results.events() if e.name() == "[memory]"]
    changes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
    assert sum(changes) == 0  # nothing is left, and no event is missing
    return int(np.cumsum(changes).max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_memory_is_one_gradient_and_the_largest_parameter(ties, dtype, monkeypatch):
    """Beyond the activations, which are measured where one small gradient is taken, and the slices of the products."""
    monkeypatch.setitem(gradients.SLICE, "cpu", slice_ := 1 << 12)
    backend = HuggingFaceBackend(
        build(f"llama-{ties}", dtype=dtype, vocabulary=2048, hidden_size=128, intermediate_size=512)
    )
    sizes = [p.numel() * p.element_size() for p in backend.model.parameters()]
    everything = selected(backend)
    name = next(n for n in everything if n.endswith("layers.0.input_layernorm.weight"))
    small = {name: everything[name]}
    activations = peak_bytes(lambda: backward_pass(backend, small, CHOSEN, lambda n, p: None))
    numbers = 4 * 64 * len(sizes) + 20 * slice_  # totals; two copies and a product in float32, one in float64
    waiting = sorted(sizes)[-2] if ties == "tied" else 0  # the head's part of a tied gradient waits for the embedding's
    bound = sum(sizes) + max(sizes) + waiting + activations + numbers
    peak = peak_bytes(lambda: geometry(backend, CHOSEN, REJECTED))
    assert sum(sizes) < peak <= bound

    kept, taken = [], gradients._taken
    monkeypatch.setattr(gradients, "_taken", lambda p: kept.append(taken(p)) or kept[-1])
    assert peak_bytes(lambda: geometry(backend, CHOSEN, REJECTED) and kept.clear()) > bound  # with both gradients kept


def test_tokens_add_up_to_sequences():
    backend = HuggingFaceBackend(build("gpt2", dtype=torch.float64))  # Llama's norms round to float32
    table = token_geometry(backend, CHOSEN, REJECTED)
    found = geometry(backend, CHOSEN, REJECTED)
    n = len(CHOSEN.response)
    size = found.ww + found.ll
    assert abs(table[:n, :n].sum() - found.ww) <= 1e-12 * size
    assert abs(table[:n, n:].sum() - found.wl) <= 1e-12 * size
    assert abs(table[n:, n:].sum() - found.ll) <= 1e-12 * size
    w, l = dense(backend, CHOSEN, token=1), dense(backend, REJECTED, token=2)  # noqa: E741
    for product in (table[1, n + 2], geometry(backend, CHOSEN, REJECTED, tokens=(1, 2)).wl):
        assert abs(product - float(w @ l)) <= 1e-12 * float(w.norm() * l.norm())


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "rmsprop"])
def test_a_small_step_does_what_was_predicted(optimiser):
    """The remainder is of second order: a tenth of the rate leaves a hundredth of it, within a factor of two."""
    backend = HuggingFaceBackend(build("gpt2", dtype=torch.float64, spread=2.0))
    before = [p.detach().clone() for p in backend.model.parameters()]
    gaps = []
    for rate in (1e-5, 1e-6):
        step = one_step(backend, CHOSEN, REJECTED, d_w=0.7, d_l=0.4, rate=rate, optimiser=optimiser)
        gaps.append(np.abs(np.subtract(step.predicted, step.actual)).max())
        assert gaps[-1] < 0.2 * np.abs(step.actual).max()
    assert 50 < gaps[0] / gaps[1] < 200
    for p, b in zip(backend.model.parameters(), before, strict=True):
        assert torch.equal(p, b)
        assert p.grad is None


def test_sgd_follows_the_gram_matrix():
    backend = HuggingFaceBackend(build("llama", dtype=torch.float64))
    found = geometry(backend, CHOSEN, REJECTED)
    step = one_step(backend, CHOSEN, REJECTED, d_w=0.7, d_l=0.4, rate=1e-3)
    wanted = found.prediction(0.7, 0.4, step=1e-3)
    assert np.allclose(step.predicted, wanted, rtol=0, atol=1e-9 * (found.ww + found.ll) * 1e-3 + 1e-12)


def test_bad_choices():
    backend = HuggingFaceBackend(build("gpt2"))
    with pytest.raises(ArgumentError, match="which"):
        geometry(backend, CHOSEN, REJECTED, which="first")
    with pytest.raises(ArgumentError, match="lora"):
        geometry(backend, CHOSEN, REJECTED, which="lora")
    with pytest.raises(ArgumentError, match="every"):
        geometry(backend, CHOSEN, REJECTED, every=0)
    with pytest.raises(ArgumentError, match="optimiser"):
        one_step(backend, CHOSEN, REJECTED, d_w=1, d_l=1, rate=1e-3, optimiser="lion")
    with pytest.raises(ArgumentError, match="rate"):
        one_step(backend, CHOSEN, REJECTED, d_w=1, d_l=1, rate=0.0)
