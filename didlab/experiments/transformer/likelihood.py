"""Log-likelihoods of responses, token by token."""

from __future__ import annotations

from typing import Any

from .batches import Pairs, Rows

__all__ = ["pair_likelihoods", "response_tokens", "token_likelihoods"]


def token_likelihoods(model: Any, rows: Rows) -> Any:
    r""":math:`\log\pi(y^i \mid x, y^{<i})` of every marked token but the first, else 0; (rows, length - 1), nats."""
    logits = model(input_ids=rows.tokens).logits[:, :-1]
    return logits.log_softmax(-1).gather(-1, rows.tokens[:, 1:, None])[..., 0] * rows.marked[:, 1:]


def pair_likelihoods(model: Any, pairs: Pairs) -> tuple[Any, Any]:
    """Log-likelihoods of the chosen and of the rejected responses, sums over their tokens; shapes (pairs,)."""
    total = token_likelihoods(model, pairs.stacked()).sum(1)
    return total[: len(total) // 2], total[len(total) // 2 :]


def response_tokens(model: Any, pairs: Pairs) -> Any:
    """Log-likelihoods of the tokens of responses of one common length T, shape (2, pairs, T), the chosen ones first."""
    rows = pairs.stacked()
    found = token_likelihoods(model, rows)[rows.marked[:, 1:] > 0]
    return found.reshape(2, len(pairs.chosen.tokens), -1)
