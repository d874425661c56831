r"""The head of a language model in blocks: log-probabilities and their gradient, and never all logits at once.

.. math:: \log\pi_t = z_{t,y_t} - \log\sum_v e^{z_{t,v}}, \qquad
    \frac{\partial\log\pi_t}{\partial z_{t,v}} = 1[v = y_t] - \pi_t(v), \qquad z = f(h W^\top + b)

with f what some architectures do to the logits afterwards. Going forward a block is some of the rows, with the whole
vocabulary; going backward it is some of the vocabulary, with all rows, so that every part of the gradient of W, often
the largest there is, is written once and nothing of its size is added up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear

__all__ = ["log_probs", "wide"]

LOGITS = {"cpu": 1 << 20}  # that exist at once: 4 MiB in float32 stay in the cache
ELSEWHERE = 1 << 26  # 256 MiB keep an accelerator busy
LEAST = 64  # rows of a block: fewer would read all of W for little

Function = Callable[[torch.Tensor], torch.Tensor]


def log_probs(head: torch.nn.Module, after: Function, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probabilities of the targets; gradients flow through them where gradients are on.

    Args:
        head: what turns hidden states into logits; it has a `weight` of shape (vocabulary, width).
        after: what is done to the logits then, element by element.
        hidden: shape (tokens, width).
        targets: ids, shape (tokens,); or (tokens, k), several for each position, where gradients are off.

    Returns:
        nats, of the targets' shape, in float32 (float64 for float64 models).
    """
    size = _block(hidden, len(head.weight))  # type: ignore[arg-type]
    if not torch.is_grad_enabled():
        return _forward(head, after, hidden, targets, size)[0]
    if type(head) is torch.nn.Linear:
        made: Any = _Blocks.apply(hidden, head.weight, head.bias, targets, after, size)
        return made
    return _recomputed(head, after, hidden, targets, size)


def wide(z: torch.Tensor) -> torch.Tensor:
    """In float32 where it is narrower."""
    return z if z.dtype == torch.float64 else z.float()


def _block(hidden: torch.Tensor, length: int) -> int:
    """How many rows of this length may exist at once."""
    return max(LEAST, LOGITS.get(hidden.device.type, ELSEWHERE) // length)


def _forward(
    head: Function, after: Function, hidden: torch.Tensor, targets: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the targets and logarithms of the normalisers."""
    values: list[torch.Tensor] = []
    normalisers: list[torch.Tensor] = []
    for h, y in zip(hidden.split(size), targets.split(size), strict=True):
        z = after(wide(head(h)))
        normalisers.append(z.logsumexp(-1))
        values.append(z.gather(-1, y[..., None].flatten(1)) - normalisers[-1][:, None])
    return torch.cat(values).view(targets.shape), torch.cat(normalisers)


def _recomputed(
    head: torch.nn.Module, after: Function, hidden: torch.Tensor, targets: torch.Tensor, size: int
) -> torch.Tensor:
    """For a head that is more than a matrix, such as one with an adapter: autograd, each block computed again."""
    from torch.utils.checkpoint import checkpoint

    def some(h: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return _forward(head, after, h, y, size)[0]

    both = zip(hidden.split(size), targets.split(size), strict=True)
    parts: list[Any] = [checkpoint(some, h, y, use_reentrant=False) for h, y in both]
    return torch.cat(parts)


class _Blocks(torch.autograd.Function):
    """Log-probabilities whose backward pass forms the logits again, some of the vocabulary at a time."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor,
        after: Function, size: int,
    ) -> torch.Tensor:
        values, normalisers = _forward(lambda h: linear(h, weight, bias), after, hidden, targets, size)
        ctx.save_for_backward(hidden, weight, bias, targets, normalisers)
        ctx.after = after
        return values

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        hidden, weight, bias, targets, normalisers = ctx.saved_tensors
        to_hidden, to_weight, to_bias = ctx.needs_input_grad[:3]
        live = gradient.nonzero()[:, 0]  # one token's gradient needs no other row
        h, y, n, g = hidden[live], targets[live], normalisers[live], gradient[live]
        d_h = torch.zeros_like(h, dtype=gradient.dtype)
        d_weight = torch.empty_like(weight) if to_weight else None
        d_bias = torch.empty_like(bias) if to_bias else None
        size = _block(hidden, max(1, len(live)))
        for start in range(0, len(weight), size):
            some = slice(start, start + size)
            raw = wide(linear(h, weight[some], None if bias is None else bias[some]))
            dz = _slope(raw, ctx.after, y - start, n, g).to(hidden.dtype)
            if to_hidden:
                d_h += dz @ weight[some]
            if d_weight is not None:
                torch.mm(dz.T, h, out=d_weight[some])
            if d_bias is not None:
                d_bias[some] = dz.sum(0)
        d_hidden = torch.zeros_like(hidden).index_copy_(0, live, d_h.to(hidden.dtype)) if to_hidden else None
        return d_hidden, d_weight, d_bias, None, None, None


def _slope(
    raw: torch.Tensor, after: Function, targets: torch.Tensor, normalisers: torch.Tensor, gradient: torch.Tensor
) -> torch.Tensor:
    """The gradient with respect to what the head gave for a block of the vocabulary; targets count from its first."""
    with torch.enable_grad():
        z = after(raw.requires_grad_())
    dz = (z.detach() - normalisers[:, None]).exp_().mul_(-gradient[:, None])
    inside = (targets >= 0) & (targets < raw.shape[-1])
    dz.scatter_add_(1, targets.clamp(0, raw.shape[-1] - 1)[:, None], (gradient * inside)[:, None])
    return dz if z is raw else torch.autograd.grad(z, raw, dz)[0]
