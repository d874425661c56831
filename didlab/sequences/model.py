r"""What every token model has in common: rows, log-probabilities, exact gradients, and enumeration.

A model says what the frozen features :math:`\phi_t` and offsets :math:`o_t` of each token of a sequence are; the rest
follows, as :math:`s_t = \mathrm{softmax}(o_t + \phi_t^\top\Theta)`:

=====================  =======================================  =============================
`PrefixTable`          :math:`\phi` the indicator of the prefix  every row is free
`SharedLogits`         :math:`\phi = 1`, o by context            one row moves all rows
`LastLayer`            :math:`\phi` a frozen hidden state        the last layer of a network
`Chain`                :math:`\phi` indicates the token before   a Markov chain
=====================  =======================================  =============================

Parameters may be float64, tensors, balls or exact numbers: with integer features and logarithms of integers as
parameters, rows and gradients are rational.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from ..arguments import is_tensor, log_weights, naming
from ..carriers import carrier_of
from ..errors import ArgumentError
from . import linear
from .linear import Gram
from .prefixes import every_sequence, tokens_of

__all__ = [
    "TokenModel", "enumerate_model", "gradient", "log_probability", "pair_gram", "token_gradients",
    "token_log_probabilities", "token_logits", "token_probabilities", "token_residuals", "with_parameters",
]

Array = Any


class TokenModel(Protocol):
    r"""A linear softmax model of the next token.

    Attributes:
        parameters: :math:`\Theta`, shape (D, V), or with batch axes that broadcast with those of the sequences.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def parameters(self) -> Array: ...

    def features(self, sequences: Any) -> Array:
        r""":math:`\phi`, shape (..., L, D)."""
        ...

    def offsets(self, sequences: Any) -> Array:
        """o, shape (..., L, V), or the number 0."""
        ...


M = TypeVar("M", bound=TokenModel)


def checked_parameters(parameters: Any, rows: int | None = None) -> Array:
    """The argument as an array of finite numbers of shape (..., D, V)."""
    x = log_weights("parameters", parameters)
    if x.ndim < 2 or (rows is not None and x.shape[-2] != rows):
        raise ArgumentError("parameters", f"of shape (..., {'D' if rows is None else rows}, V)", f"{tuple(x.shape)}")
    return x


def checked_model(name: str, model: Any) -> TokenModel:
    """The argument as a token model."""
    if not all(hasattr(model, part) for part in ("parameters", "features", "offsets")):
        expected = "a token model, with parameters, features and offsets"
        raise ArgumentError(name, expected, type(model).__name__, "PrefixTable is one.")
    return model


def with_parameters(model: M, parameters: Any) -> M:
    """The same model with other parameters.

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> with_parameters(PrefixTable(np.zeros((1, 2))), np.ones((1, 3))).parameters.shape
    (1, 3)
    """
    return replace(model, parameters=parameters)


def token_logits(model: TokenModel, sequences: Any) -> Array:
    r"""Logits of the next token along each sequence, :math:`o_t + \phi_t^\top\Theta`.

    Args:
        model: a token model.
        sequences: tokens from 0 to V - 1, shape (..., L).

    Returns:
        shape (..., L, V).

    Raises:
        ArgumentError: tokens outside the vocabulary.

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> token_logits(PrefixTable(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])), [1, 0]).tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    """
    checked_model("model", model)
    return model.offsets(sequences) + model.features(sequences) @ model.parameters


def token_probabilities(model: TokenModel, sequences: Any) -> Array:
    """The rows :math:`s_t` that each token of a sequence is drawn from, shape (..., L, V).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> token_probabilities(PrefixTable(np.zeros((3, 2))), [1, 0]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    z = token_logits(model, sequences)
    return carrier_of(z).softmax(z)


def token_residuals(model: TokenModel, sequences: Any) -> Array:
    """The residuals :math:`r_t = e_{y_t} - s_t` of each token, shape (..., L, V).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> token_residuals(PrefixTable(np.zeros((3, 2))), [1, 0]).tolist()
    [[-0.5, 0.5], [0.5, -0.5]]
    """
    return linear.softmax_residuals(token_logits(model, sequences), sequences)


def token_log_probabilities(model: TokenModel, sequences: Any) -> Array:
    r""":math:`\log\pi(y_t \mid y_{<t})` of every token.

    Args:
        model, sequences: as for `token_logits`.

    Returns:
        nats, shape (..., L).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> (token_log_probabilities(PrefixTable(np.zeros((3, 2))), [1, 0]) / np.log(2)).tolist()
    [-1.0, -1.0]
    """
    z = token_logits(model, sequences)
    log_p = carrier_of(z).log_softmax(z)
    index = tokens_of(sequences, z.shape[-1])
    if is_tensor(log_p):
        return log_p.gather(-1, log_p.new_tensor(index).long().expand(log_p.shape[:-1])[..., None])[..., 0]
    return np.take_along_axis(log_p, np.broadcast_to(index, log_p.shape[:-1])[..., None], -1)[..., 0]


def log_probability(model: TokenModel, sequences: Any) -> Array:
    r"""The log-probability of whole sequences, :math:`\log\pi(y)`.

    Args:
        model, sequences: as for `token_logits`.

    Returns:
        nats, shape (...).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> float(log_probability(PrefixTable(np.zeros((3, 2))), [1, 0]) / np.log(2))
    -2.0
    """
    return token_log_probabilities(model, sequences).sum(-1)


def token_gradients(model: TokenModel, sequences: Any) -> Array:
    r"""The gradient of every token's log-probability, :math:`\phi_t \otimes r_t`, dense.

    Args:
        model, sequences: as for `token_logits`.

    Returns:
        shape (..., L, D, V).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> token_gradients(PrefixTable(np.zeros((1, 2))), [1]).tolist()
    [[[-0.5, 0.5]]]

    Ref: "Common pitfalls of margin-based preference optimization", Eqs 16 and 17.
    """
    phi, r = _parts(model, sequences)
    return phi[..., :, None] * r[..., None, :]


def gradient(model: TokenModel, sequences: Any) -> Array:
    r"""The gradient of :math:`\log\pi(y)`, dense.

    Args:
        model, sequences: as for `token_logits`.

    Returns:
        shape (..., D, V), that of the parameters.

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> gradient(PrefixTable(np.zeros((3, 2))), [1, 0]).tolist()
    [[-0.5, 0.5], [0.0, 0.0], [0.5, -0.5]]
    """
    return linear.sequence_gradient(*_parts(model, sequences))


def pair_gram(model: TokenModel, chosen: Any, rejected: Any) -> Gram:
    """The Gram matrix of the gradients of the log-probabilities of a chosen and a rejected sequence.

    Args:
        model: a token model.
        chosen, rejected: tokens, shapes (..., Lw) and (..., Ll).

    Returns:
        `Gram`, each of shape (...).

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> [float(x) for x in pair_gram(PrefixTable(np.zeros((3, 2))), [1, 0], [1, 1])]
    [1.0, 0.0, 1.0]

    Ref: "Common pitfalls of margin-based preference optimization", Eq 5.
    """
    with naming(sequences="chosen"):
        w = _parts(model, chosen)
    with naming(sequences="rejected"):
        l = _parts(model, rejected)  # noqa: E741
    return linear.sequence_gram(*w, *l)


def enumerate_model(model: TokenModel, length: int) -> tuple[np.ndarray, Array]:
    """All sequences of `length` tokens and their log-probabilities: a policy like any other.

    Args:
        model: a token model.
        length: number of tokens.

    Returns:
        tokens (V^L, L), the last fastest, and nats (V^L,).

    Raises:
        ArgumentError: too many sequences.

    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> float(np.exp(enumerate_model(PrefixTable(np.zeros((3, 2))), 2)[1]).sum())
    1.0
    """
    y = every_sequence(checked_model("model", model).parameters.shape[-1], length)
    return y, log_probability(model, y)


def _parts(model: TokenModel, sequences: Any) -> tuple[Array, Array]:
    checked_model("model", model)
    return model.features(sequences), token_residuals(model, sequences)
