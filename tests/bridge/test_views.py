"""The same model in float32 and without its adapters: to the bit what a copy gives, without a copy, and undone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from didlab.bridge import Item, audit
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.bridge.views import in_float32, without_adapters

from .architectures import build
from .test_gradients import peak_bytes

RNG = np.random.default_rng(8)
ITEMS = [
    Item(tuple(RNG.integers(3, 64, RNG.integers(2, 9))), tuple(RNG.integers(3, 64, RNG.integers(1, 12))))
    for _ in range(6)
]
HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def weights(model):
    """Every tensor by its place, and its own identity."""
    places = (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False))
    return {n: (id(t), t.dtype) for place in places for n, t in place}


def check_against_a_copy(model, **options):
    """Scores, the model's own logits and hidden states of the view are those of a copy; the model is as it was."""
    model.eval()
    before, bits = weights(model), {n: p.detach().clone() for n, p in model.named_parameters()}
    wide = HuggingFaceBackend(model, **options).in_float32()
    copied = HuggingFaceBackend(copy.deepcopy(model).float(), **options)
    assert wide.dtype == torch.float32 and wide.rounding == copied.rounding
    assert same(wide.token_log_probs(ITEMS), copied.token_log_probs(ITEMS))
    assert same([wide.plain(i) for i in ITEMS], [copied.plain(i) for i in ITEMS])
    assert same([wide.hidden(i).numpy() for i in ITEMS], [copied.hidden(i).numpy() for i in ITEMS])
    assert not same(wide.token_log_probs(ITEMS), HuggingFaceBackend(model, **options).token_log_probs(ITEMS))
    assert weights(model) == before
    assert all(torch.equal(p, bits[n]) for n, p in model.named_parameters())


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(
    "kind",
    ["gpt2", "gpt2-untied", "llama", "llama-tied", "mistral", "qwen2", "qwen2-tied", "gemma", "gemma2", "cohere",
     "granite", "neox"],
)
def test_in_float32_a_model_is_its_float32_copy(kind, attention, dtype):
    model = build(kind, dtype=HALF[dtype])
    model.set_attn_implementation("eager" if kind == "gemma2" else attention)  # it has no other
    for padding in ("left", "right"):
        check_against_a_copy(model, padding=padding)


def adapted(model, narrow=False, **changed):
    """With an adapter that does something, in float32 as peft has it, or as narrow as the model."""
    peft = pytest.importorskip("peft")
    torch.manual_seed(4)
    settings = peft.LoraConfig(**{"r": 4, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", **changed})
    made = peft.get_peft_model(model, settings, autocast_adapter_dtype=not narrow)
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                p.normal_(0, 0.5)
    return made


KINDS = {
    "as peft has it": {}, "narrow": {"narrow": True}, "dora": {"use_dora": True},
    "on the head too": {"target_modules": ["q_proj", "lm_head"]}, "a head of its own": {"modules_to_save": ["lm_head"]},
}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
@pytest.mark.parametrize("adapter", [True, False])
@pytest.mark.parametrize("how", KINDS)
def test_in_float32_a_model_with_an_adapter_is_its_float32_copy(how, adapter):
    check_against_a_copy(adapted(build("llama", dtype=torch.bfloat16), **KINDS[how]), adapter=adapter)


def test_whoever_asks_inside_is_told_float32():
    """Some architectures, and adapters, cast what they are given to the dtype that model or weight say they have."""
    model, told = build("gpt2", dtype=torch.bfloat16), []
    wide = HuggingFaceBackend(model).in_float32()

    def ask(module, given):
        told.extend([model.dtype, module.weight.dtype, model.transformer.wte.weight.dtype, given[0].dtype])
        assert model.lm_head.weight.shape == (64, 32) and model.lm_head.weight.device.type == "cpu"

    handle = model.transformer.h[1].mlp.c_fc.register_forward_pre_hook(ask)
    wide.token_log_probs(ITEMS)
    handle.remove()
    assert len(told) == 4 and set(told) == {torch.float32}
    assert model.dtype == torch.bfloat16


def test_a_kernel_that_reads_memory_itself_finds_float32_there():
    """Fused kernels, of norms, are called with the weight's address: a tensor that only says what it is has none."""
    model, plain = build("llama", dtype=torch.bfloat16), {}

    def fused(module):
        def forward(x):
            weight, rows = module.weight.detach().numpy(), x.numpy()
            assert weight.dtype == np.float32 and module.weight.data_ptr()
            plain[type(module.weight)] = True
            scale = 1 / np.sqrt((rows.astype(np.float64) ** 2).mean(-1, keepdims=True) + module.variance_epsilon)
            return torch.from_numpy((weight * rows * scale).astype(np.float32))

        return forward

    for layer in model.model.layers:
        layer.input_layernorm.forward = fused(layer.input_layernorm)
    wide = HuggingFaceBackend(model).in_float32()
    copied = HuggingFaceBackend(copy.deepcopy(build("llama", dtype=torch.bfloat16)).float())
    for a, b in zip(wide.token_log_probs(ITEMS), copied.token_log_probs(ITEMS), strict=True):
        assert np.abs(a - b).max() <= wide.rounding
    assert set(plain) == {torch.Tensor}


def test_all_is_undone_when_the_model_fails():
    model = build("llama", dtype=torch.bfloat16)
    before, wide = weights(model), HuggingFaceBackend(model).in_float32()

    def fail(module, given):
        raise ZeroDivisionError

    handle = model.model.layers[1].mlp.register_forward_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        wide.token_log_probs(ITEMS)
    handle.remove()
    assert weights(model) == before
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())
    wide.token_log_probs(ITEMS)


def test_a_buffer_that_the_model_replaces_stays_replaced():
    model = build("llama", dtype=torch.bfloat16)
    rotary = model.model.rotary_emb.bfloat16()
    new = torch.ones_like(rotary.inv_freq, dtype=torch.float32)
    with in_float32(model):
        assert rotary.inv_freq.dtype == torch.float32
        rotary.register_buffer("inv_freq", new, persistent=False)
    assert rotary.inv_freq is new


SHAPE = {"vocabulary": 2048, "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 3}


def test_the_largest_weight_alone_is_there_in_float32():
    """Beyond what scoring with a float32 model takes anyway; a copy of the model takes more than that, and is seen."""
    model = build("llama-untied", dtype=torch.bfloat16, **SHAPE)
    narrow, copied = HuggingFaceBackend(model), HuggingFaceBackend(copy.deepcopy(model).float())
    wide, sizes = narrow.in_float32(), [4 * p.numel() for p in model.parameters()]
    scoring = peak_bytes(lambda: copied.token_log_probs(ITEMS))
    bound = scoring + max(sizes)
    assert bound < sum(sizes)
    assert scoring < peak_bytes(lambda: wide.token_log_probs(ITEMS)) <= bound
    assert peak_bytes(lambda: narrow._like(model=copy.deepcopy(model).float()).token_log_probs(ITEMS)) > bound


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_base_below_an_adapter_needs_no_copy_and_is_put_back():
    base = build("llama-untied", **SHAPE)
    model = adapted(copy.deepcopy(base))
    before = {n: id(m) for n, m in model.named_modules()}
    off = HuggingFaceBackend(model, adapter=False)
    wanted = HuggingFaceBackend(base).token_log_probs(ITEMS)
    assert same(off.base().token_log_probs(ITEMS), wanted)
    assert {n: id(m) for n, m in model.named_modules()} == before
    smallest = min(4 * p.numel() for n, p in base.named_parameters() if p.ndim > 1)
    more = peak_bytes(lambda: off.base().token_log_probs(ITEMS)) - peak_bytes(lambda: off.token_log_probs(ITEMS))
    assert more < smallest
    with pytest.raises(ZeroDivisionError), without_adapters(model.get_base_model()):
        assert not any("lora" in n for n, _ in model.named_parameters())
        raise ZeroDivisionError
    assert {n: id(m) for n, m in model.named_modules()} == before


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("how", KINDS)
def test_an_honest_reference_below_any_adapter_passes(how, dtype):
    """A head that was trained beside the original is not part of the base model."""
    base = build("llama", dtype=dtype)
    model = adapted(copy.deepcopy(base), **KINDS[how])
    off = HuggingFaceBackend(model, adapter=False)
    found = audit(off, ITEMS)
    assert found.passed, [f for f in found.findings if not f.passed]
    assert sum(f.check.startswith("adapter off = base model") and f.run for f in found.findings) == (
        1 if dtype == torch.float32 else 2
    )
    gaps = [np.abs(a - b).max() for a, b in zip(
        off.token_log_probs(ITEMS), HuggingFaceBackend(base).token_log_probs(ITEMS), strict=True
    )]
    assert max(gaps) <= off.rounding
