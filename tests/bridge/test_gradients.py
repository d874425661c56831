"""Streamed inner products against gradients written out in full, and the step an optimiser really takes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from didlab.bridge import Item, gradients
from didlab.bridge.gradients import Geometry, ches, geometry, selected, token_geometry
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.step import one_step
from didlab.errors import ArgumentError

from .architectures import build

FAMILIES = ("gpt2", "llama", "mistral", "qwen2", "gemma2", "cohere", "granite", "neox")
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


@pytest.mark.parametrize("kind", [f"{family}-{ties}" for family in FAMILIES for ties in ("tied", "untied")])
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


def brute(backend, item):
    """Whole gradients by name, as one plain backward pass leaves them."""
    backend.model.zero_grad()
    backend.differentiable(item).sum().backward()
    found = {n: p.grad for n, p in backend.model.named_parameters()}
    backend.model.zero_grad()
    return {n: torch.zeros(1) if g is None else g.double() for n, g in found.items()}


def furthest(found, w, l):  # noqa: E741
    """How far streamed products are from those of whole gradients, in units of the products of the norms."""
    pairs = (found.ww, w, w), (found.wl, w, l), (found.ll, l, l)
    return max(abs(got - float(a @ b)) / float(a.norm() * b.norm()) for got, a, b in pairs)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ties", ["tied", "untied"])
@pytest.mark.parametrize("vocabulary", [64, 2048])
def test_streamed_products_in_float32(family, ties, vocabulary, monkeypatch):
    """Within 1e-6 of the product of the norms of whole gradients; the larger embedding is most of the model."""
    backend = HuggingFaceBackend(build(f"{family}-{ties}", vocabulary=vocabulary))
    head, embedding = backend.model.get_output_embeddings().weight, backend.model.get_input_embeddings().weight
    assert (head is embedding) == (ties == "tied")
    parameters = list(backend.model.parameters())
    matrices = sum(p.numel() for p in parameters if any(p is e for e in (head, embedding)))
    assert (2 * matrices > sum(p.numel() for p in parameters)) == (vocabulary == 2048)
    whole = [torch.cat([g.reshape(-1) for g in brute(backend, i).values()]) for i in (CHOSEN, REJECTED)]
    assert furthest(geometry(backend, CHOSEN, REJECTED), *whole) <= 1e-6
    if vocabulary == 64:  # with more logits, float32 rounds the gradient itself by as much
        assert furthest(geometry(backend, CHOSEN, REJECTED), *(dense(backend, i) for i in (CHOSEN, REJECTED))) <= 1e-6

    monkeypatch.setattr(gradients, "_growth", lambda before, part: gradients._product(part, part))
    forgotten = furthest(geometry(backend, CHOSEN, REJECTED), *whole)  # what the head's part has with the embedding's
    assert (forgotten > 1e-6) == (ties == "tied")


@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_every_other_parameter(ties):
    """Those that are left out, and those that were frozen, change nothing of the others."""
    backend = HuggingFaceBackend(build(f"qwen2-{ties}", dtype=torch.float64))
    full = geometry(backend, CHOSEN, REJECTED).by_parameter
    for p in list(backend.model.parameters())[::3]:
        p.requires_grad_(False)
    for every in (2, 5):
        some = geometry(backend, CHOSEN, REJECTED, every=every).by_parameter
        assert list(some) == list(full)[::every]
        for n, products in some.items():
            assert np.allclose(products, full[n], rtol=1e-9, atol=1e-12 * full[n][0])


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


def activations(backend, parameters):
    """The most that both ways hold where the trunk keeps what all gradients need, and only a small one is formed."""
    head = backend.model.get_output_embeddings().weight  # whose gradient would be formed whether it is asked for or not
    small = next(p for n, p in parameters.items() if n.endswith(("0.input_layernorm.weight", "0.ln_1.weight")))
    with gradients._differentiable(backend, {n: p for n, p in parameters.items() if p is not head}):
        return peak_bytes(lambda: torch.autograd.grad(backend.differentiable(CHOSEN).sum(), small))


LARGE = [
    *((f, torch.float32, 4096) for f in FAMILIES[:5]), ("llama", torch.bfloat16, 2048), ("llama", torch.float32, 512)
]


@pytest.mark.parametrize(("family", "dtype", "vocabulary"), LARGE)
@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_memory_is_one_gradient_and_the_largest_parameter(family, ties, dtype, vocabulary, monkeypatch):
    """Beside the activations; and of an embedding that is not the head some rows only, where there might be all."""
    monkeypatch.setitem(gradients.SLICE, "cpu", slice_ := 1 << 12)
    shape = {"vocabulary": vocabulary, "hidden_size": 128, "intermediate_size": 512}
    backend = HuggingFaceBackend(build(f"{family}-{ties}", dtype=dtype, **shape))
    everything, head = selected(backend), backend.model.get_output_embeddings().weight
    tables = [m.weight for m in backend.model.modules() if isinstance(m, torch.nn.Embedding) and m.weight is not head]
    sizes = [p.nbytes for p in everything.values()]
    gradient = sum(sizes) - sum(t.nbytes for t in tables)
    read = max(i.tokens for i in (CHOSEN, REJECTED))
    small = 4 * 64 * len(sizes) + 20 * slice_  # totals; two copies and a product in float32, one in float64
    small += 2 * read * (head[0].nbytes + 8) * (1 + len(tables))  # rows and ids: kept, and of the head what they meet
    bound = gradient + max(sizes) + activations(backend, everything) + small
    assert gradient < peak_bytes(lambda: geometry(backend, CHOSEN, REJECTED)) <= bound

    with monkeypatch.context() as planted:  # the embedding's gradient as autograd makes it
        planted.setattr(gradients, "alone", lambda *_: contextlib.nullcontext({}))
        peak = peak_bytes(lambda: geometry(backend, CHOSEN, REJECTED))
    assert peak > bound or dtype == torch.bfloat16  # whose products copy weights on a CPU, among the activations
    kept, taken = [], gradients._taken
    monkeypatch.setattr(gradients, "_taken", lambda p: kept.append(taken(p)) or kept[-1])
    assert peak_bytes(lambda: geometry(backend, CHOSEN, REJECTED) and kept.clear()) > bound  # with both gradients kept


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_streamed_products_in_half_precision(ties, dtype):
    """An entry is rounded when tokens that are there twice are added up, and when head and embedding are: once each."""
    backend = HuggingFaceBackend(build(f"qwen2-{ties}", dtype=dtype, spread=2.0))
    found = geometry(backend, CHOSEN, REJECTED)
    w, l = (brute(backend, i) for i in (CHOSEN, REJECTED))  # noqa: E741
    for n, products in found.by_parameter.items():
        for got, a, b in zip(products, (w[n], w[n], l[n]), (w[n], l[n], l[n]), strict=True):
            bound = 4 * torch.finfo(dtype).eps if "embed" in n else 1e-6
            assert abs(got - float((a * b).sum())) <= bound * float(a.norm() * b.norm())


def state(model):
    """All that taking gradients may touch, by identity."""
    mine = [(id(m.weight), m.sparse) for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    leaves = [
        (n, id(p), p.requires_grad, id(p.grad), len(p._post_accumulate_grad_hooks or ()))
        for n, p in model.named_parameters()
    ]
    return mine, hooks, leaves


@pytest.mark.parametrize("ties", ["tied", "untied"])
@pytest.mark.parametrize("failure", ["none", "forward", "backward", "second backward"])
def test_the_model_is_left_as_it_was(ties, failure, monkeypatch):
    """Also when something raises, with parameters that were frozen and gradients that were there."""
    backend = HuggingFaceBackend(build(f"gpt2-{ties}"))
    first, *others = backend.model.parameters()
    others[0].requires_grad_(False)
    first.grad, others[3].grad = torch.ones_like(first), torch.ones_like(others[3])
    backend.model.get_input_embeddings().sparse = True
    before, weights = state(backend.model), [p.detach().clone() for p in backend.model.parameters()]
    calls, product = [], gradients._product

    def fails(a, b):
        calls.append(0)
        if len(calls) == {"backward": 3, "second backward": 3 * len(others) // 2}.get(failure):
            raise FloatingPointError
        return product(a, b)

    monkeypatch.setattr(gradients, "_product", fails)
    expected = {"none": None, "forward": IndexError}.get(failure, FloatingPointError)
    with contextlib.nullcontext() if expected is None else pytest.raises(expected):
        geometry(backend, CHOSEN, Item((5, 64), (7,)) if failure == "forward" else REJECTED)
    assert state(backend.model) == before
    assert all(torch.equal(p, w) for p, w in zip(backend.model.parameters(), weights, strict=True))
    assert torch.equal(first.grad, torch.ones_like(first))


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
