"""The head in blocks against autograd through all logits at once."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import didlab.bridge.head as head_module
from didlab.bridge import Item
from didlab.bridge.gradients import geometry
from didlab.bridge.head import log_probs
from didlab.bridge.huggingface import HuggingFaceBackend

from .architectures import build

ROWS, WIDTH, WORDS = 11, 6, 23
AFTER = {
    "nothing": lambda z: z,
    "a scale": lambda z: z * 0.25,
    "a soft cap": lambda z: torch.tanh(z / 3) * 3,
}


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks in both directions, the last one shorter."""
    monkeypatch.setitem(head_module.LOGITS, "cpu", 4 * WORDS)
    monkeypatch.setattr(head_module, "LEAST", 1)


class Wrapped(torch.nn.Module):
    """A head that is more than a matrix."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    @property
    def weight(self):
        return self.inner.weight

    def forward(self, h):
        return self.inner(h) + 0.1 * h.sum(-1, keepdim=True) * torch.arange(WORDS)


def plain(head, after, hidden, targets):
    return after(head(hidden)).log_softmax(-1).gather(-1, targets[:, None])[:, 0]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("after", "bias", "wrapped", "frozen"), [*itertools.product(AFTER, (False, True), (False, True), (False, True))]
)
def test_values_and_gradients_are_those_of_all_logits(after, bias, wrapped, frozen):
    torch.manual_seed(0)
    head = torch.nn.Linear(WIDTH, WORDS, bias=bias, dtype=torch.float64).requires_grad_(not frozen)
    head = Wrapped(head) if wrapped else head
    hidden = torch.randn(ROWS, WIDTH, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, WORDS - 1, *torch.randint(WORDS, (ROWS - 2,)).tolist()])
    inputs = [hidden, *(p for p in head.parameters() if p.requires_grad)]
    for cotangent in (torch.randn(ROWS, dtype=torch.float64), torch.eye(ROWS, dtype=torch.float64)[7]):
        pair = []
        for way in (log_probs, plain):
            values = way(head, AFTER[after], hidden, targets)
            pair.append((values.detach(), *torch.autograd.grad(values, inputs, cotangent)))
        for ours, wanted in zip(*pair, strict=True):
            assert (ours - wanted).abs().max() <= 1e-13 * max(1.0, float(wanted.abs().max()))
    with torch.no_grad():
        assert torch.equal(log_probs(head, AFTER[after], hidden, targets), pair[0][0])


class Shapes(TorchDispatchMode):
    """Notes the shape of everything that is made."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.seen |= {tuple(t.shape) for t in torch.utils._pytree.tree_leaves(out) if isinstance(t, torch.Tensor)}
        return out


@pytest.mark.parametrize("kind", ["llama", "qwen2-tied", "gemma2"])
def test_gradients_never_hold_logits_of_every_token(kind, monkeypatch):
    """Nothing of shape (..., time, vocabulary) for the 21 response tokens, nor for the 30 of both, is ever there."""
    backend = HuggingFaceBackend(build(kind))
    w, l = Item(tuple(range(3, 12)), tuple(range(5, 26))), Item(tuple(range(3, 12)), tuple(range(7, 28)))  # noqa: E741
    monkeypatch.setattr(head_module, "LEAST", 1)
    monkeypatch.setitem(head_module.LOGITS, "cpu", 5 * 64)
    with Shapes() as made:
        geometry(backend, w, l)
    logits = {s for s in made.seen if len(s) > 1 and s[-1] == backend.vocabulary and s[-2] != 32}
    assert (5, 64) in logits  # the forward pass: some of the rows
    assert max(s[-2] for s in logits) == 5
    backward = {s for s in made.seen if len(s) == 2 and s[0] == 21 and s[1] not in (32, 48, 16, 64)}
    assert (21, 5 * 64 // 21) in backward  # the other way: all rows, some of the vocabulary
    monkeypatch.setitem(head_module.LOGITS, "cpu", 1 << 20)
    with Shapes() as made:
        geometry(backend, w, l)
    assert (21, 64) in made.seen  # what the test above would see without blocks
