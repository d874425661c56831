"""Gradients of embeddings as rows: what kinds of lookups there are, and who else uses the weights."""

from __future__ import annotations

import pytest
import torch

from didlab.bridge.gradients import geometry, selected
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.rows import alone, common, rows
from didlab.errors import BackendError

from .architectures import build
from .test_gradients import CHOSEN, REJECTED, dense, furthest


class Scaled(torch.nn.Embedding):
    def forward(self, ids):
        return super().forward(ids) * 3.0


class Own(torch.nn.Embedding):
    """Looks rows up in a way of its own, so that its gradient is dense."""

    def forward(self, ids):
        return self.weight[ids]


class Shifted(torch.nn.Embedding):
    """Looks up other rows than those of the tokens."""

    def forward(self, ids):
        return super().forward((ids + 30) % self.num_embeddings)


class Twice(torch.nn.Embedding):
    """Has its matrix looked up by itself, and multiplied by what is no lookup."""

    def forward(self, ids):
        return super().forward(ids) + (self.weight * 0.1).sum(0)


def with_embedding(kind, family="llama-tied", **options):
    """A backend whose embedding is one of these."""
    model = build(family, dtype=torch.float64)
    old = model.get_input_embeddings()
    new = kind(*old.weight.shape, dtype=old.weight.dtype, **options)
    new.weight = old.weight
    model.set_input_embeddings(new)
    return HuggingFaceBackend(model)


@pytest.mark.parametrize("family", ["llama-tied", "llama-untied"])
@pytest.mark.parametrize(
    ("kind", "options", "stands_in"),
    [
        (Scaled, {}, True), (Own, {}, True), (Shifted, {}, True), (Twice, {}, True),
        (torch.nn.Embedding, {"padding_idx": 8}, True), (torch.nn.Embedding, {"sparse": False}, True),
        (torch.nn.Embedding, {"scale_grad_by_freq": True}, False), (torch.nn.Embedding, {"max_norm": 1e9}, False),
    ],
)
def test_every_kind_of_lookup(kind, options, stands_in, family):
    """Products are those of whole gradients, or the model is refused where they cannot be had."""
    backend = with_embedding(kind, family, **options)
    with alone(backend.model, selected(backend)) as made:
        assert bool(made) == stands_in
    if kind in (Shifted, Twice) and family == "llama-tied":
        with pytest.raises(BackendError, match=r"model\.embed_tokens\.weight that are no tokens"):
            geometry(backend, CHOSEN, REJECTED)
        return
    w, l = (dense(backend, i) for i in (CHOSEN, REJECTED))  # noqa: E741
    assert furthest(geometry(backend, CHOSEN, REJECTED), w, l) <= 1e-6


def test_common_rows_give_the_products_of_whole_matrices():
    torch.manual_seed(0)
    a, b = torch.randn(2, 9, 4, dtype=torch.float64)
    i, j = torch.tensor([0, 3, 4, 8]), torch.tensor([1, 3, 8])
    some, others = rows(a, i), rows(b, j)
    assert torch.equal(some.to_dense()[i], a[i])
    assert some.to_dense().count_nonzero() == 16
    assert rows(some, j) is some
    for x, y in ((a, others), (some, b), (some, others), (some, some)):
        whole = [z.to_dense() if z.is_sparse else z for z in (x, y)]
        u, v = common(x, y)
        assert torch.isclose((u * v).sum(), (whole[0] * whole[1]).sum(), rtol=1e-14)


def test_a_stand_in_is_there_for_its_embedding_only():
    """The head, and whoever looks before and after, meets the parameter."""
    backend = HuggingFaceBackend(build("gpt2-tied"))
    embedding, head = backend.model.get_input_embeddings(), backend.model.get_output_embeddings()
    weight, everything = embedding.weight, selected(backend)
    with alone(backend.model, everything) as made:
        assert set(made) == {"transformer.wte.weight", "transformer.wpe.weight"}
        value = backend.differentiable(CHOSEN).sum()
        assert embedding.weight is head.weight is weight
        value.backward()
    stand_in = made["transformer.wte.weight"]
    assert stand_in.data_ptr() == weight.data_ptr()
    assert set(stand_in.grad.coalesce().indices()[0].tolist()) == {*CHOSEN.prompt, *CHOSEN.response}
    apart = weight.grad + stand_in.grad
    backend.model.zero_grad()
    backend.differentiable(CHOSEN).sum().backward()
    assert torch.allclose(apart, weight.grad, rtol=0, atol=1e-6 * float(weight.grad.norm()))
    del everything["transformer.wte.weight"]
    with alone(backend.model, everything) as made:
        assert set(made) == {"transformer.wpe.weight"}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
@pytest.mark.parametrize("tokens", [None, [7, 20]])
@pytest.mark.parametrize("ties", ["tied", "untied"])
def test_an_adapter_of_the_embedding(ties, tokens):
    """Low-rank, and of single tokens: both look up matrices of their own, in their own way."""
    peft = pytest.importorskip("peft")
    torch.manual_seed(4)
    settings = peft.LoraConfig(
        r=4, target_modules=["q_proj"] if tokens else ["q_proj", "embed_tokens"], trainable_token_indices=tokens,
        task_type="CAUSAL_LM", ensure_weight_tying=ties == "tied" and not tokens,
    )
    model = peft.get_peft_model(build(f"llama-{ties}", dtype=torch.float64), settings)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "trainable" in name or "lora" in name:
                p.normal_(0, 0.1)
    backend = HuggingFaceBackend(model.requires_grad_(True))
    for which in ("all", "lora"):
        w, l = (dense(backend, i, which) for i in (CHOSEN, REJECTED))  # noqa: E741
        assert furthest(geometry(backend, CHOSEN, REJECTED, which=which), w, l) <= 1e-6
