"""Inner products of exact gradients over all parameters of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .batches import Pairs, Rows

__all__ = ["pair_products", "token_cosines"]


def pair_products(model: Any, pairs: Pairs) -> np.ndarray:
    r"""Of each pair :math:`\langle a, b\rangle, \|a\|^2, \|b\|^2`; a, b: gradients of the chosen, the rejected one.

    Returns:
        shape (pairs, 3).
    """
    import torch

    n, out = len(pairs.chosen.tokens), np.zeros((len(pairs.chosen.tokens), 3))
    for g in _gradients(model, pairs.stacked(), lambda tokens, marked: tokens.sum()):
        a, b = g[:n].flatten(1), g[n:].flatten(1)
        out += torch.stack([(a * b).sum(1), (a * a).sum(1), (b * b).sum(1)], dim=1).numpy()
    return out


def token_cosines(model: Any, pairs: Pairs) -> np.ndarray:
    r"""Cosines of the gradients of :math:`\log\pi(y_w^i|x, y_w^{<i})` and :math:`\log\pi(y_l^j|x, y_l^{<j})`.

    Args:
        model: all of its parameters count.
        pairs: responses of one common length T.

    Returns:
        shape (pairs, T, T): the i-th token of the chosen response by the j-th of the rejected one.
    """
    import torch

    n, length = len(pairs.chosen.tokens), int(pairs.chosen.marked[0].sum())

    def response(tokens: Any, marked: Any) -> Any:
        return tokens.gather(0, marked.topk(length).indices.sort().values)

    product, chosen, rejected = (torch.zeros(n, length, length, dtype=torch.float64) for _ in range(3))
    for g in _gradients(model, pairs.stacked(), response):
        a, b = g[:n].flatten(2), g[n:].flatten(2)
        product += a @ b.transpose(1, 2)
        chosen += (a * a).sum(2)[:, :, None]
        rejected += (b * b).sum(2)[:, None, :]
    return (product / (chosen * rejected).sqrt()).numpy()


def _gradients(model: Any, rows: Rows, read: Callable[[Any, Any], Any]) -> list[Any]:
    """For each parameter, the derivative of what is read from a row's token log-likelihoods; rows on the first axis."""
    from torch.func import functional_call, jacrev, vmap

    weights = {name: p.detach() for name, p in model.named_parameters()}

    def values(w: Any, tokens: Any, marked: Any) -> Any:
        logits = functional_call(model, w, (tokens[None],)).logits[0, :-1]
        return read(logits.log_softmax(-1).gather(-1, tokens[1:, None])[:, 0] * marked[1:], marked[1:])

    return list(vmap(jacrev(values), in_dims=(None, 0, 0))(weights, rows.tokens, rows.marked).values())
