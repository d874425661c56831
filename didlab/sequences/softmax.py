r"""Residuals of softmax rows: the gradients of the log-probabilities of tokens in their logits.

.. math:: r_t = e_{y_t} - s_t, \qquad s_t = \mathrm{softmax}(z_t), \qquad \nabla_{z_t}\log s_t[y_t] = r_t
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import instance, is_tensor, whole
from ..carriers import NUMPY, carrier_of
from ..errors import ArgumentError

__all__ = ["indicator", "residuals", "softmax_residuals", "softmax_terms"]

Array = Any
SAFE = 300.0  # exponentials of logits up to this size, and their sums and ratios, neither overflow nor vanish


def indicator(index: Any, size: int, like: Array = None) -> Array:
    """The unit vectors of the given indices: 0 and 1, as integers, or as a tensor of the kind of `like`.

    Args:
        index: integers from 0 to size - 1, shape (...).
        size: number of coordinates.
        like: a tensor whose dtype and device the result takes; arrays of any other kind combine with integers.

    Returns:
        shape (..., size).

    Raises:
        ArgumentError: an index outside the range.

    >>> indicator([1, 0], 3).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    unit = (whole("index", index, 0, size)[..., None] == np.arange(size)).astype(np.int64)
    return like.new_tensor(unit) if is_tensor(like) else unit


def residuals(probabilities: Array, tokens: Any) -> Array:
    r"""The residuals :math:`r_t = e_{y_t} - s_t`: the gradients of log-probabilities in the logits.

    In floats :math:`1 - s_t[y_t]` is the sum of the other probabilities, so that no digits are lost where it is small.

    Args:
        probabilities: the rows :math:`s_t`, shape (..., L, V), each of sum 1.
        tokens: :math:`y_t`, integers from 0 to V - 1, shape (..., L).

    Returns:
        shape (..., L, V).

    Raises:
        ArgumentError: tokens outside the vocabulary, or another number of them than of rows.

    >>> residuals(np.array([[0.5, 0.5], [0.25, 0.75]]), [0, 1])
    array([[ 0.5 , -0.5 ],
           [-0.25,  0.25]])

    Ref: "Common pitfalls of margin-based preference optimization", appendix B.2.
    """
    y = _tokens("probabilities", probabilities, tokens)
    unit = indicator(y, probabilities.shape[-1], probabilities)
    if not is_tensor(probabilities) and probabilities.dtype == object:
        return unit - probabilities
    others = probabilities * (1 - unit)  # 1 - s would lose the digits of a row that is nearly certain of its token
    return unit * others.sum(-1)[..., None] - others


def softmax_residuals(logits: Array, tokens: Any, *, out: Array = None) -> Array:
    r"""The residuals of the rows :math:`s_t = \mathrm{softmax}(z_t)`, in one pass over float64 logits.

    Args:
        logits: :math:`z_t`, shape (..., L, V).
        tokens: :math:`y_t`, integers from 0 to V - 1, shape (..., L).
        out: a contiguous float64 array of the shape of the logits to write into, which may be the logits.

    Returns:
        shape (..., L, V).

    Raises:
        ArgumentError: as for `residuals`, or logits that are not finite.

    >>> softmax_residuals(np.zeros((1, 2)), [0])
    array([[ 0.5, -0.5]])
    """
    if carrier_of(logits) is not NUMPY:
        return residuals(carrier_of(logits).softmax(logits), tokens)
    return _softmax_parts(logits, tokens, out)[0]


def softmax_terms(logits: np.ndarray, tokens: Any, *, out: Array = None) -> tuple[np.ndarray, np.ndarray]:
    r"""Log-probabilities :math:`\log s_t[y_t]` and residuals together, from float64 logits.

    Args:
        logits, tokens, out: as for `softmax_residuals`.

    Returns:
        nats, shape (..., L), and residuals, shape (..., L, V).

    Raises:
        ArgumentError: as for `softmax_residuals`.

    >>> softmax_terms(np.zeros((1, 2)), [0])
    (array([-0.69314718]), array([[ 0.5, -0.5]]))
    """
    residual, at_token, own, others = _softmax_parts(logits, tokens, out)
    likely = own >= others
    log_p = np.where(likely, -np.log1p(np.where(likely, others, 0.0) / np.where(likely, own, 1.0)),
                     at_token - np.log(own + others))
    return log_p.reshape(residual.shape[:-1]), residual


def _softmax_parts(logits: np.ndarray, tokens: Any, out: Array) -> tuple[np.ndarray, ...]:
    """Residuals; and of each token the logit, its exponential, and the sum of the others', all on one scale."""
    y = _tokens("logits", logits, tokens)
    z = np.ascontiguousarray(logits, dtype=np.float64).reshape(-1, logits.shape[-1])
    if z.size and not -SAFE < z.min() <= z.max() < SAFE:
        if not np.isfinite(z).all():
            raise ArgumentError("logits", "finite", "a NaN or infinite entry")
        z = z - z.max(-1, keepdims=True)
    here = np.arange(0, z.size, z.shape[-1]) + np.broadcast_to(y, logits.shape[:-1]).ravel()
    at_token = z.reshape(-1)[here]
    with np.errstate(under="ignore"):
        weights = np.exp(z, out=None if out is None else out.reshape(z.shape))
        flat = weights.reshape(-1)
        own, flat[here] = flat[here], 0.0
        others = weights @ np.ones(z.shape[-1])
        share = 1 / (others + own)
        weights *= -share[:, None]
        flat[here] = others * share
    return weights.reshape(logits.shape), at_token, own, others


def _tokens(name: str, rows: Array, tokens: Any) -> np.ndarray:
    if not is_tensor(rows):
        instance(name, rows, np.ndarray, "an array or a tensor of shape (..., L, V)")
    if rows.ndim < 2:
        raise ArgumentError(name, "of shape (..., L, V)", f"shape {tuple(rows.shape)}")
    y = whole("tokens", tokens, 0, rows.shape[-1])
    if not y.ndim or y.shape[-1] != rows.shape[-2]:
        raise ArgumentError("tokens", f"{rows.shape[-2]} on the last axis, as rows", f"shape {y.shape}")
    return y
