r"""Token models of section 4 of the pitfalls paper, and first-order changes of token log-likelihoods in them.

All are linear softmax layers and differ in their features only:

============  =======================================  ==========================================================
model         features of token i                      parameters
============  =======================================  ==========================================================
"positions"   the position i                           a row of logits for each position, shared by both responses,
                                                       on top of frozen logits that depend on the prefix
"prefixes"    the prefix                               a row of logits for each prefix
"logits"      the constant 1                           one row of logits, on top of frozen logits
"last layer"  the hidden state                         the last linear layer (section 4.1.1)
============  =======================================  ==========================================================

One DPO step moves the parameters along :math:`\nabla\log\pi_w - \nabla\log\pi_l`; changes are those for a factor
:math:`\eta\beta c(\theta) = 1` in front of it, to first order unless said otherwise. The paper does not print the frozen
logits of the first model; without them both responses would have one row at each position, and Eq 13 would be 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine.responses import after
from ..sequences.linear import residuals, token_inner_products

__all__ = [
    "LAST_LAYER", "LOGITS", "POSITIONS", "PREFIXES", "Products", "at_position", "dot", "features", "residual", "residual_gap", "squared",
    "token_changes", "token_products", "total", "where",
]

POSITIONS = "Each position has a row of logits of its own, which both responses share, on top of frozen logits: the one model of " \
            "ours in which the displays of App B.2 are gradients. "
PREFIXES = "A row of logits for each prefix, which are the variables. "
LOGITS = "One row of logits shared by all positions, on top of frozen logits. "
LAST_LAYER = "The shared last linear layer over frozen hidden states, any hidden states. "


class Products(NamedTuple):
    """Inner products of token gradients, chosen with chosen, chosen with rejected, rejected with rejected: (L, L)."""

    ww: Any
    wl: Any
    ll: Any


def dot(a: Any, b: Any) -> Any:
    """Inner products over the last axis, which stays with length 1."""
    return (a * b).sum(-1, keepdims=True)


def squared(a: Any) -> Any:
    """Squared norms over the last axis, which stays with length 1."""
    return dot(a, a)


def residual(row: Any, token: int) -> Any:
    """The residual of one token at one row (V)."""
    return residuals(row[..., None, :], [token])[..., 0, :]


def total(products: Any) -> Any:
    """The sum over all pairs of tokens (L, L), with a last axis of length 1."""
    return products.sum(-1).sum(-1, keepdims=True)


def features(model: str, chosen: Any, rejected: Any, hidden_w: Any, hidden_l: Any) -> tuple[Any, Any]:
    """Features of the tokens of both responses, (L, D) each."""
    eye = np.eye(chosen.shape[-1], dtype=np.int64)
    match model:
        case "positions":
            return eye, eye
        case "prefixes":
            later = after(chosen, rejected)[..., None].astype(np.int64)
            none = eye * (0 * later)
            return np.concatenate([eye + none, none], -1), np.concatenate([eye * (1 - later), eye * later], -1)
        case "logits":
            one = np.ones((chosen.shape[-1], 1), dtype=np.int64)
            return one, one
        case _:  # "last layer"
            return hidden_w, hidden_l


def token_products(model: str, chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None,
                   hidden_l: Any = None) -> Products:
    """Inner products of the token gradients of a pair of responses in one of the models."""
    f_w, f_l = features(model, chosen, rejected, hidden_w, hidden_l)
    w, l = (f_w, residuals(rows_w, chosen)), (f_l, residuals(rows_l, rejected))  # noqa: E741
    return Products(token_inner_products(*w, *w), token_inner_products(*w, *l), token_inner_products(*l, *l))


def token_changes(products: Products) -> tuple[Any, Any]:
    r"""First-order changes of the log-likelihoods of each token of both responses, (L) each.

    :math:`\langle\nabla\log\pi(y^i), \nabla\log\pi_w - \nabla\log\pi_l\rangle`.
    """
    p = products
    return p.ww.sum(-1) - p.wl.sum(-1), p.wl.sum(-2) - p.ll.sum(-1)


def at_position(x: Any, chosen: Any, rejected: Any) -> Any:
    """The entry of x (L) at the differing position, with a last axis of length 1."""
    return (x * (chosen != rejected)).sum(-1, keepdims=True)


def residual_gap(r: Any, chosen: Any, rejected: Any) -> Any:
    """Entry of the residuals r (L, V) at the chosen differing token less that at the rejected one, (L)."""
    token = np.arange(r.shape[-1])
    differ = (chosen != rejected)[..., None]
    unit = ((chosen[..., None] == token) * differ).sum(-2) - ((rejected[..., None] == token) * differ).sum(-2)
    return (r * unit[..., None, :]).sum(-1)


def where(part: str, x: Any, chosen: Any, rejected: Any, otherwise: Any = 0) -> Any:
    """x (L) at the positions before or after the differing one, and another value elsewhere."""
    later = after(chosen, rejected)
    keep = later if part == "after" else ~later & (chosen == rejected)
    return np.where(keep, x, otherwise)
