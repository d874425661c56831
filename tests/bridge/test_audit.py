"""Every way in which log-probability code is known to go wrong is planted, and the self-audit rejects it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from didlab.bridge import CallableBackend, Item, TabularBackend, audit
from didlab.bridge.backend import checked
from didlab.bridge.huggingface import HuggingFaceBackend
from didlab.errors import ArgumentError, AuditError, BackendError

from .architectures import build

RNG = np.random.default_rng(1)
V = 7
ITEMS = [
    Item(tuple(RNG.integers(0, V, RNG.integers(1, 5))), tuple(RNG.integers(0, V, RNG.integers(2, 6)))) for _ in range(9)
]


def logits(prefix):
    """Depends on every token of the prefix and on their order."""
    return np.random.default_rng([len(prefix), *prefix]).normal(size=V) * 2


TRUE = TabularBackend(logits, vocabulary=V, length=6)


class Broken:
    """The true table, with one mistake."""

    name, vocabulary = "broken", V

    def __init__(self, mistake):
        self.mistake = mistake

    def fingerprint(self):
        return {"kind": "broken"}

    def token_log_probs(self, items):
        return self.mistake(items)


def each(function):
    return lambda items: [function(i, TRUE.token_log_probs([i])[0]) for i in items]


def row(prefix):
    return TRUE.row(tuple(prefix))


def padded_counted(items):
    """Padding tokens get a value that is added to the last token of short rows."""
    width = max(len(i.response) for i in items)
    out = TRUE.token_log_probs(items)
    for r, i in zip(out, items, strict=True):
        r[-1] -= 0.3 * (width - len(i.response))
    return out


def packed(items):
    """The sequences of a batch lie one behind the other, and each sees those before it."""
    out, before = [], ()
    for i in items:
        out.append(TRUE.token_log_probs([Item(before + i.prompt, i.response)])[0])
        before += i.prompt + i.response
    return out


def batch_noise(items):
    return [r + 0.01 * len(items) for r in TRUE.token_log_probs(items)]


STATE = np.random.default_rng(3)

MISTAKES = {
    "padding tokens counted": padded_counted,
    "left padding shifts positions": lambda items: [
        TRUE.token_log_probs([Item((0,) * (max(j.tokens for j in items) - i.tokens) + i.prompt, i.response)])[0]
        for i in items
    ],
    "off by one between logits and labels": each(
        lambda i, r: np.array([row(i.prompt + i.response[: t + 1])[y] for t, y in enumerate(i.response)])
    ),
    "off by one the other way": each(
        lambda i, r: np.array([row((i.prompt + i.response[:t])[:-1])[y] for t, y in enumerate(i.response)])
    ),
    "packed sequences leak": packed,
    "prompt ignored": each(lambda i, r: TRUE.token_log_probs([Item((), i.response)])[0]),
    "prompt scored too": each(lambda i, r: r + np.arange(len(r) - 1, -1, -1) * 0.1 * len(i.prompt)),
    "value depends on the batch size": batch_noise,
    "a token put between prompt and response": each(
        lambda i, r: np.array([row((*i.prompt, 1, *i.response[:t]))[y] for t, y in enumerate(i.response)])
    ),
    "end of text scored in place of the last token": each(
        lambda i, r: np.append(r[:-1], row(i.prompt + i.response[:-1])[0] - 0.01)
    ),
    "half precision log-softmax": each(lambda i, r: r + 0.02 * len(i.response)),
    "positive log-probabilities": each(lambda i, r: r + 3.0),
    "not normalised": each(lambda i, r: r + 0.05),
    "logits instead of log-probabilities": each(
        lambda i, r: np.array([logits(i.prompt + i.response[:t])[y] for t, y in enumerate(i.response)])
    ),
    "dropout left on": lambda items: [r + STATE.normal(size=len(r)) * 0.01 for r in TRUE.token_log_probs(items)],
    "results of a sorted batch not put back": lambda items: [
        np.resize(r, len(i.response))
        for i, r in zip(
            items, TRUE.token_log_probs(sorted(items, key=lambda i: (len(i.response), i.response))), strict=True
        )
    ],
    "temperature applied": each(
        lambda i, r: np.array(
            [
                (row(i.prompt + i.response[:t]) * 0.7)[y] for t, y in enumerate(i.response)
            ]
        )
    ),
    "looks ahead": each(lambda i, r: r - 0.01 * i.response[-1]),
    "rounded to half precision": each(lambda i, r: np.float16(r).astype(float)),
    "not a number": each(lambda i, r: np.where(np.arange(len(r)) == 1, np.nan, r)),
}


def test_the_true_table_passes():
    found = audit(TRUE, ITEMS)
    assert found.passed
    found.require()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_rejected(name):
    found = audit(Broken(MISTAKES[name]), ITEMS)
    assert not found.passed
    with pytest.raises(AuditError, match="broken failed the self-audit"):
        found.require()
    found.require(insist=True)


def test_mistakes_in_a_transformer_are_rejected():
    class Unmasked(HuggingFaceBackend):
        def _batch(self, items):
            ids, mask, *rest = super()._batch(items)
            return ids, mask * 0 + 1, *rest

    items = [
        Item(tuple(RNG.integers(3, 64, RNG.integers(1, 9))), tuple(RNG.integers(3, 64, RNG.integers(2, 9))))
        for _ in range(8)
    ]
    found = audit(Unmasked(build("llama"), padding="left"), items)
    assert {f.check for f in found.findings if not f.passed} >= {"padding left = right", "the model's own logits"}


def rounded(self, hidden, targets):
    return HuggingFaceBackend._log_probs(self, hidden, targets).bfloat16().float()


def shortened(self, hidden, targets):
    """The normaliser leaves out the last two tokens of the vocabulary."""
    z = self.model.get_output_embeddings()(hidden).float()
    values = z.gather(-1, targets.view(len(z), -1)) - z[:, :-2].logsumexp(-1)[:, None]
    return torch.minimum(values, torch.tensor(0.0)).view(targets.shape)


def unmasked(self, items):
    ids, mask, *rest = HuggingFaceBackend._batch(self, items)
    return ids, mask * 0 + 1, *rest


def swapped(self, items):
    """The first token of the longest prompt is overwritten by padding."""
    ids, *rest = HuggingFaceBackend._batch(self, items)
    k = max(range(len(items)), key=lambda i: len(items[i].prompt))
    ids[k, 0] = self.pad if len(items) > 1 else ids[k, 0]
    return ids, *rest


@pytest.mark.parametrize(
    ("method", "mistake", "options"),
    [("_log_probs", rounded, {}), ("_log_probs", shortened, {}), ("_batch", unmasked, {"padding": "left"}),
     ("_batch", swapped, {})],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_mistakes_below_the_rounding_of_half_precision_are_rejected(method, mistake, options):
    """On a model whose logits are nearly flat each mistake is smaller than what bfloat16 alone may differ by."""
    items = [
        Item(tuple(RNG.integers(3, 64, RNG.integers(2, 9))), tuple(RNG.integers(3, 64, RNG.integers(2, 9))))
        for _ in range(8)
    ]
    model = build("llama", dtype=torch.bfloat16, spread=1.5)
    honest = HuggingFaceBackend(model, **options)
    found = audit(honest, items)
    assert found.passed, [f for f in found.findings if not f.passed]
    half = [f.check for f in found.findings if not f.check.endswith(", in float32")]
    assert [f"{c}, in float32" for c in half if not c.startswith("float32 against")] == [
        f.check for f in found.findings if f.check.endswith(", in float32")
    ]
    broken = type("Broken", (HuggingFaceBackend,), {method: mistake})(model, **options)
    pairs = zip(honest.token_log_probs(items), broken.token_log_probs(items), strict=True)
    assert 0 < max(np.abs(a - b).max() for a, b in pairs) < honest.rounding
    assert not audit(broken, items).passed


def test_the_sum_over_a_large_vocabulary_is_complete():
    """Tokens above 4,000 get the value of another: no probe and no token of the sample is one that shows it."""

    class Aliased(HuggingFaceBackend):
        def _log_probs(self, hidden, targets):
            return super()._log_probs(hidden, torch.where((targets > 4000) & (targets % 16 != 0), 7, targets))

    model = build("llama", vocabulary=4096)
    items = [Item(tuple(RNG.integers(8, 4000, 5)), tuple(RNG.integers(8, 4000, n))) for n in (2, 4, 7)]
    found = audit(HuggingFaceBackend(model), items)
    assert found.passed, [f for f in found.findings if not f.passed]
    (total,) = (f for f in found.findings if f.check == "next tokens add up")
    assert "over" not in total.words and "1" in total.words
    assert {f.check for f in audit(Aliased(model), items).findings if not f.passed} == {"next tokens add up"}

    class Other(HuggingFaceBackend):
        def next_tokens(self, prompt):
            return super().next_tokens(prompt)[::-1]

    assert {f.check for f in audit(Other(model), items).findings if not f.passed} == {"one token as among all"}
    large = Broken(lambda items: [np.full(len(i.response), -np.log(5000)) for i in items])
    large.vocabulary = 5000
    (told,) = (f for f in audit(large, ITEMS).findings if f.check == "next tokens add up")
    assert told.passed and "cannot be seen" in told.words


@pytest.mark.parametrize("budget", [8, 24, 4096])
def test_no_batch_of_the_audit_is_larger_than_those_of_the_scoring(budget):
    sizes = []

    def watched(items):
        sizes.append((len(items), len(items) * max(i.tokens for i in items)))
        return TRUE.token_log_probs(items)

    assert audit(Broken(watched), ITEMS, token_budget=budget).passed
    assert all(padded <= budget for count, padded in sizes if count > 1)
    assert max(count for count, _ in sizes) > 1 or budget == 8


def test_what_cannot_be_scores_at_all():
    with pytest.raises(BackendError, match="one log-probability per token"):
        audit(CallableBackend(lambda x, y: -1.0), ITEMS)
    with pytest.raises(BackendError, match="entries of type"):
        audit(CallableBackend(lambda x, y: ["a"] * len(y)), ITEMS)
    for dtype in (np.float16, "bfloat16"):
        half = [torch.zeros(len(y)).bfloat16() if dtype == "bfloat16" else np.zeros(len(y), dtype) for y in ("ab", "c")]
        with pytest.raises(BackendError, match="log-softmax in float32"):
            checked("half", [Item((), (1, 2)), Item((), (1,))], half)
    with pytest.raises(ArgumentError, match="two responses"):
        audit(TRUE, ITEMS[:1])
