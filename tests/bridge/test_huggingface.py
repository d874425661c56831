"""Scores of real architectures against the plain log-softmax of the model's own logits."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from didlab.bridge import Item, audit
from didlab.bridge.data import pairs
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.errors import ArgumentError, BackendError

from .architectures import build

RNG = np.random.default_rng(5)
ITEMS = [
    Item(tuple(RNG.integers(3, 64, RNG.integers(1, 9))), tuple(RNG.integers(3, 64, RNG.integers(1, 12))))
    for _ in range(10)
]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2", "cohere", "granite", "neox"])
@pytest.mark.parametrize("padding", ["left", "right"])
def test_batched_scores_are_the_models_own(kind, padding):
    backend = HuggingFaceBackend(build(kind), padding=padding)
    for item, row in zip(ITEMS, backend.token_log_probs(ITEMS), strict=True):
        assert np.abs(row - backend.plain(item)).max() <= backend.rounding
    found = audit(backend, ITEMS)
    assert found.passed, found
    idle = {f.check for f in found.findings if not f.run}
    assert idle == {"float32 against the working dtype", "adapter off = base model"}


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral", "qwen2-tied"])
@pytest.mark.parametrize("padding", ["left", "right"])
def test_every_batch_size_within_a_hundred_thousandth(kind, padding):
    """float32 models as they are initialised, ragged batches of 1 to 16, against a full softmax in float64."""
    backend = HuggingFaceBackend(build(kind, spread=1.0), padding=padding)
    items = [*ITEMS, *ITEMS[:6]]
    wanted = [backend.plain(i) for i in items]
    for size in range(1, 17):
        for k in range(0, 16, size):
            rows = backend.token_log_probs(items[k : k + size])
            for row, right in zip(rows, wanted[k : k + size], strict=True):
                assert np.abs(row - right).max() <= 1e-5


def gathered(model, item):
    """The obvious way, with the whole model in float64 and nothing of the backend."""
    ids = torch.tensor([item.prompt + item.response])
    with torch.no_grad():
        rows = model(input_ids=ids).logits[0].double().log_softmax(-1)
    return np.array([float(rows[len(item.prompt) - 1 + t, y]) for t, y in enumerate(item.response)])


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an old name
@pytest.mark.parametrize("adapter", ["none", "on", "off"])
@pytest.mark.parametrize("source", ["plain", "chat"])
@pytest.mark.parametrize("padding", ["left", "right"])
def test_text_and_chats_with_and_without_an_adapter(adapter, source, padding, rows, tokenizer):
    """As above from text, for a model, its adapter, and the base below the adapter, against a float64 copy."""
    peft = pytest.importorskip("peft")
    model = build("llama", spread=1.0)
    oracle = copy.deepcopy(model)
    if adapter != "none":
        settings = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        model = peft.get_peft_model(model, settings)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "lora_B" in name:
                    p.normal_(0, 0.5)
        oracle = copy.deepcopy(model) if adapter == "on" else oracle
    oracle = oracle.double().eval()
    if source == "chat":
        rows = [
            {"prompt": [{"role": "user", "content": r["prompt"].strip()}],
             **{k: [{"role": "assistant", "content": r[k]}] for k in ("chosen", "rejected")}}
            for r in rows
        ]
    items = [item for p in pairs(rows[:8], tokenizer) for _, item in p.items()]
    assert len({i.tokens for i in items}) > 4
    backend = HuggingFaceBackend(model, padding=padding, adapter=adapter != "off")
    wanted = [gathered(oracle, i) for i in items]
    for size in range(1, 17):
        scored = [r for k in range(0, 16, size) for r in backend.token_log_probs(items[k : k + size])]
        assert max(np.abs(a - b).max() for a, b in zip(scored, wanted, strict=True)) <= 1e-5


def test_float64_models_keep_float64():
    backend = HuggingFaceBackend(build("llama", dtype=torch.float64))
    worst = max(
        np.abs(r - backend.plain(i)).max() for i, r in zip(ITEMS, backend.token_log_probs(ITEMS), strict=True)
    )
    assert worst <= 1e-11


def test_no_tensor_of_batch_time_vocabulary(monkeypatch):
    """The head sees one position in the trunk's pass, and response positions in blocks."""
    import didlab.bridge.head as module

    backend = HuggingFaceBackend(build("gpt2"))
    shapes = []
    head = backend.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda m, a, out: shapes.append(tuple(out.shape)))
    monkeypatch.setitem(module.LOGITS, "cpu", 7 * 64)
    monkeypatch.setattr(module, "LEAST", 1)
    backend.token_log_probs(ITEMS)
    handle.remove()
    assert shapes[0][:2] == (len(ITEMS), 1)
    assert all(len(s) == 2 and s[0] <= 7 for s in shapes[1:])
    assert sum(s[0] for s in shapes[1:]) == sum(len(i.response) for i in ITEMS)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers has a new name for it
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_gradient_checkpointing_changes_nothing(kind):
    """Scores, draws and gradients of a model that is set up for training with checkpoints."""
    from didlab.bridge.gradients import geometry

    plain, saving = HuggingFaceBackend(build(kind)), build(kind)
    saving.gradient_checkpointing_enable()
    saving.train()
    saving = HuggingFaceBackend(saving)
    for a, b in zip(plain.token_log_probs(ITEMS), saving.token_log_probs(ITEMS), strict=True):
        assert np.array_equal(a, b)
    draws = [b.sample((3, 4), 5, rng=np.random.default_rng(0), length=4) for b in (plain, saving)]
    assert draws[0] == draws[1]
    found = [geometry(b, ITEMS[0], ITEMS[1]) for b in (plain, saving)]
    assert np.isclose(found[0].wl, found[1].wl, rtol=1e-6)


def check_draws(backend, prompt, length):
    """Each token of a draw is where its random number falls among the model's own probabilities, without a cache."""
    drawn, seen = backend.sample(prompt, 5, rng=np.random.default_rng(0), length=length), 0
    for n, item in enumerate(drawn):
        rng = np.random.default_rng(0)
        with torch.no_grad():
            logits = backend.model(input_ids=torch.tensor([item.prompt + item.response])).logits[0]
        for p, y in zip(logits[len(prompt) - 1 : -1].double().softmax(-1).numpy(), item.response, strict=True):
            number = rng.random(5)[n]
            assert p[:y].sum() - backend.rounding <= number <= p[: y + 1].sum() + backend.rounding
            seen += 1
    assert seen > length


@pytest.mark.parametrize(("kind", "attention"), [("mistral", "sdpa"), ("mistral", "eager"), ("gemma2", "eager")])
def test_prompts_longer_than_a_sliding_window(kind, attention):
    """A window of 8 tokens, prompts of up to 40: scores, both paddings, and draws whose cache forgets."""
    model = build(kind, sliding_window=8)
    model.set_attn_implementation(attention)
    items = [Item(tuple(RNG.integers(3, 64, n)), tuple(RNG.integers(3, 64, m))) for n, m in ((40, 12), (9, 3), (3, 20))]
    for padding in ("right", "left"):
        backend = HuggingFaceBackend(model, padding=padding)
        found = audit(backend, items)
        assert found.passed, [f for f in found.findings if not f.passed]
        if kind == "mistral":  # what is out of the window of both layers is forgotten, and what is in it is not
            far, near = (Item((*items[0].prompt[:k], 3, *items[0].prompt[k + 1 :]), (5,)) for k in (20, 30))
            last = Item(items[0].prompt, (5,))
            values = [backend.token_log_probs([i])[0][0] for i in (last, far, near)]
            assert values[0] == values[1] != values[2]
    check_draws(backend, items[0].prompt, 12)


def test_dropout_stays_off_whatever_mode_the_model_is_put_into():
    model = build("gpt2")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    backend = HuggingFaceBackend(model)
    wanted = backend.token_log_probs(ITEMS)
    draws = backend.sample((3, 4), 5, rng=np.random.default_rng(0), length=4)
    model.train()
    modes = [m.training for m in model.modules()]
    for rows in (backend.token_log_probs(ITEMS), [backend.plain(i) for i in ITEMS]):
        assert max(np.abs(a - b).max() for a, b in zip(rows, wanted, strict=True)) <= backend.rounding
    assert backend.sample((3, 4), 5, rng=np.random.default_rng(0), length=4) == draws
    assert [m.training for m in model.modules()] == modes and any(modes)


@pytest.mark.parametrize("kind", ["gpt2", "llama-tied", "llama-untied"])
def test_embeddings_that_were_resized_after_training(kind):
    """Rows for tokens that no tokenizer has belong to the vocabulary, and count in the normaliser."""
    model = build(kind)
    before = HuggingFaceBackend(model).token_log_probs(ITEMS)
    model.resize_token_embeddings(72, mean_resizing=False)
    backend = HuggingFaceBackend(model)
    assert backend.vocabulary == 72
    found = audit(backend, [*ITEMS, Item((70, 3), (71, 4))])
    assert found.passed, [f for f in found.findings if not f.passed]
    after = backend.token_log_probs(ITEMS)
    assert all((b < a + backend.rounding).all() for a, b in zip(before, after, strict=True))
    gap = max(np.abs(r - gathered(copy.deepcopy(model).double(), i)).max() for r, i in zip(after, ITEMS, strict=True))
    assert gap <= backend.rounding


def test_a_head_in_float32_over_a_narrow_trunk():
    """Some trainers keep the head alone in float32; the numbers are rounded as the trunk rounds."""
    model = build("llama", dtype=torch.bfloat16)
    model.lm_head.float().register_forward_pre_hook(lambda module, given: (given[0].float(),))
    backend = HuggingFaceBackend(model)
    assert backend.dtype == torch.bfloat16
    found = audit(backend, ITEMS)
    assert found.passed, [f for f in found.findings if not f.passed]
    assert any(f.check.endswith(", in float32") for f in found.findings)


def test_models_without_keys_and_values_to_keep_can_draw():
    """A state-space model reads the whole prefix again for each token; each is where its random number falls."""
    model = build("mamba")
    backend = HuggingFaceBackend(model)
    found = audit(backend, ITEMS)
    assert found.passed, [f for f in found.findings if not f.passed]
    check_draws(backend, (5, 6, 7), 6)


def test_memory_that_is_not_enough_is_said_with_the_batch(monkeypatch):
    backend = HuggingFaceBackend(build("gpt2"))

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(backend.model, "forward", full)
    with pytest.raises(BackendError, match=r"no memory for a batch of 10 times \d+ tokens.*--token-budget"):
        backend.token_log_probs(ITEMS)
    with pytest.raises(BackendError, match=r"no memory for 7 draws of 5 tokens.*--samples"):
        backend.sample((3, 4), 7, rng=np.random.default_rng(0), length=5)


def test_the_context_is_what_the_configuration_says():
    assert HuggingFaceBackend(build("gpt2")).context == 64
    stretched = build("llama", rope_scaling={"rope_type": "linear", "factor": 2.0})
    assert HuggingFaceBackend(stretched).context == 128
    audit_at = [Item(tuple(RNG.integers(3, 64, n)), (3, 4)) for n in (100, 60)]
    assert audit(HuggingFaceBackend(stretched), audit_at).passed
    whole = Item(tuple(RNG.integers(3, 64, 60)), tuple(RNG.integers(3, 64, 4)))
    assert len(HuggingFaceBackend(build("gpt2")).token_log_probs([whole])[0]) == 4


def test_fingerprint_tells_weights_apart():
    first, again, other = (HuggingFaceBackend(build("gpt2", s)).fingerprint() for s in (1, 1, 2))
    assert first == again
    assert first["weights"] != other["weights"]


def test_bad_input():
    backend = HuggingFaceBackend(build("gpt2"))
    with pytest.raises(BackendError, match="beginning-of-text"):
        backend.token_log_probs([Item((), (3,))])
    with pytest.raises(BackendError, match="another model"):
        backend.token_log_probs([Item((3,), (64,))])
    with pytest.raises(BackendError, match="reads at most 64 tokens at once, and here are 65"):
        backend.token_log_probs([Item((3,) * 60, (4,) * 5)])
    with pytest.raises(BackendError, match="cannot draw 5 tokens: it reads at most 64 tokens"):
        backend.sample((3,) * 60, 2, rng=np.random.default_rng(0), length=5)
    with pytest.raises(ArgumentError, match="padding"):
        HuggingFaceBackend(backend.model, padding="both")
    with pytest.raises(ArgumentError, match="adapter"):
        HuggingFaceBackend(backend.model, adapter=False)
    with pytest.raises(ArgumentError, match="pad"):
        HuggingFaceBackend(backend.model, pad=64)
    with torch.device("meta"), pytest.raises(ArgumentError, match="weights that are kept elsewhere"):
        HuggingFaceBackend(build("llama"))
    headless = build("llama")
    headless.lm_head.weight = None
    with pytest.raises(ArgumentError, match="a language-modelling head"):
        HuggingFaceBackend(headless)
    import transformers

    shape = {"d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    with pytest.raises(ArgumentError, match="without an encoder"):
        HuggingFaceBackend(transformers.T5ForConditionalGeneration(transformers.T5Config(vocab_size=64, **shape)))
    with pytest.raises(ArgumentError, match="causal"):
        HuggingFaceBackend(torch.nn.Linear(2, 2))
