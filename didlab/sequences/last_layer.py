"""A learnable last linear layer over frozen hidden states, which may be anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance, is_tensor, naming, rectangular
from ..carriers import NUMPY, carrier_of
from ..errors import ArgumentError
from .linear import Gram, by_tokens, gradient_gram, sequence_gradient, sequence_gram, softmax_residuals
from .model import checked_parameters
from .prefixes import tokens_of

__all__ = ["LastLayer", "last_layer_gram"]

TOGETHER = 1 << 18  # logits, or entries of gradients, that are worked on at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class LastLayer:
    r"""The last layer of a language model, :math:`s_t = \mathrm{softmax}(h(y_{<t})^\top\Theta)`.

    Attributes:
        parameters: :math:`\Theta`, shape (..., D, V).
        hidden: sequences (..., L) to hidden states (..., L, D), such as `hidden.Recurrent` or `prefixes.ByPrefix`.

    Raises:
        ArgumentError: parameters that are not finite numbers, or no function.

    >>> import numpy as np
    >>> from didlab.sequences.prefixes import ByPrefix
    >>> LastLayer(np.zeros((1, 2)), ByPrefix(np.array([[1.0], [2.0], [3.0]]), 2)).features([1, 0]).tolist()
    [[1.0], [3.0]]

    Ref: "Common pitfalls of margin-based preference optimization", section 4.1.1.
    """

    parameters: Any
    hidden: Callable[[Any], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", checked_parameters(self.parameters))
        instance("hidden", self.hidden, Callable, "a function of sequences")

    def features(self, sequences: Any) -> Any:
        """The hidden states, shape (..., L, D)."""
        return self.hidden(sequences)

    def offsets(self, sequences: Any) -> Any:
        """None."""
        return 0


def last_layer_gram(parameters: Any, hidden_w: Any, chosen: Any, hidden_l: Any, rejected: Any) -> Gram:
    r"""Gradient inner products of many pairs under one last layer, from the hidden states themselves.

    The hidden states are those of any network; its last layer alone is differentiated.

    Args:
        parameters: :math:`\Theta`, shape (D, V).
        hidden_w, hidden_l: hidden states before each token, shapes (n, Lw, D) and (n, Ll, D).
        chosen, rejected: tokens, shapes (n, Lw) and (n, Ll).

    Returns:
        `Gram`, each of shape (n,).

    Raises:
        ArgumentError: shapes that do not fit, logits that are not finite, or tokens outside the vocabulary.

    >>> h = np.ones((5, 1, 1))
    >>> last_layer_gram(np.zeros((1, 2)), h, np.zeros((5, 1), int), h, np.ones((5, 1), int)).wl
    array([-0.5, -0.5, -0.5, -0.5, -0.5])

    Ref: "Common pitfalls of margin-based preference optimization", section 4.1.1 and Figure 4 (a).
    """
    theta = checked_parameters(parameters)
    (d, v), parts, n = theta.shape[-2:], [], 0
    sides = (("hidden_w", hidden_w, "chosen", chosen), ("hidden_l", hidden_l, "rejected", rejected))
    for name, h, side, y in sides:
        with naming(sequences=side):
            tokens = tokens_of(y, v)
        states = h if is_tensor(h) else rectangular(name, h)
        n = n if parts or not states.ndim else len(states)
        if theta.ndim != 2 or tokens.ndim != 2 or len(tokens) != n or tuple(states.shape) != (*tokens.shape, d):
            raise ArgumentError(name, f"of shape {(*tokens.shape, d)} for {n} pairs", f"{tuple(states.shape)}")
        parts.append((states, tokens))
    lengths = [y.shape[1] for _, y in parts]
    if carrier_of(theta, *(h for h, _ in parts)) is not NUMPY or by_tokens(lengths[0], lengths[1], d, v):
        return sequence_gram(*(x for h, y in parts for x in (h, softmax_residuals(h @ theta, y))))
    size = max(1, TOGETHER // (v * max(d, *lengths)))
    logits = [np.empty((size, y.shape[1], v)) for _, y in parts]
    gradients = np.empty((2, size, d, v))
    out = Gram(*np.empty((3, n)))
    for start in range(0, n, size):
        count = min(size, n - start)
        rows = slice(start, start + count)
        for (h, y), z, g in zip(parts, logits, gradients, strict=True):
            np.matmul(h[rows].reshape(-1, d), theta, out=z[:count].reshape(-1, v))
            r = softmax_residuals(z[:count], y[rows], out=z[:count])
            sequence_gradient(h[rows], r, out=g[:count])
        for whole, part in zip(out, gradient_gram(*gradients[:, :count]), strict=True):
            whole[rows] = part
    return out
