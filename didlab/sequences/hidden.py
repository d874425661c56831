r"""Frozen hidden states: a random recurrent network for sequences of any length, and adversarial tables for short ones.

A recurrent network with frozen random weights is what a last layer sees of a deep model: states of equal prefixes are
equal, and states after a difference keep it for a while,

.. math:: h_1 = b, \qquad h_{t+1} = \tanh\big(g A h_t + E_{y_t}\big).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import one_of, one_positive, one_whole
from ..policies import generator
from .prefixes import ByPrefix, count_prefixes, tokens_of

__all__ = ["ADVERSARIAL", "Recurrent", "adversarial_hidden", "random_hidden", "recurrent_hidden"]

ADVERSARIAL = ("zero", "constant", "huge", "opposite", "one-hot", "parallel", "mixed sizes")


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Hidden states of a frozen recurrent network (see the module; draw one with `recurrent_hidden`).

    Attributes:
        start: the state before the first token, shape (D,); or one for each sequence, (..., n, D).
        transition: g A, shape (D, D); or of several networks, (..., D, D).
        embedding: E, shape (V, D), or (..., V, D).

    Several networks take sequences of shape (..., n, L), n for each network.
    """

    start: np.ndarray
    transition: np.ndarray
    embedding: np.ndarray

    def after(self, state: np.ndarray, tokens: Any) -> np.ndarray:
        """The states (..., n, D) once each has read a token (..., n).

        >>> net = Recurrent(np.zeros(1), np.zeros((1, 1)), np.array([[0.0], [9.0]]))
        >>> net.after(net.start, 1).round(3).tolist()
        [1.0]
        """
        e = self.embedding
        read = e[tokens] if e.ndim == 2 else np.take_along_axis(e, np.asarray(tokens)[..., None], -2)
        return np.tanh(state @ self.transition.swapaxes(-1, -2) + read)

    def __call__(self, sequences: Any) -> np.ndarray:
        """The states before each token, shape (..., L, D).

        >>> net = recurrent_hidden(3, 4, rng=np.random.default_rng(0))
        >>> h = net([[0, 1, 2], [0, 1, 1], [2, 1, 2]])
        >>> bool((h[0] == h[1]).all()), bool((h[0, 1:] == h[2, 1:]).any())
        (True, False)
        """
        y = tokens_of(sequences, self.embedding.shape[-2])
        out = np.empty((*y.shape, self.start.shape[-1]))
        out[..., 0, :] = self.start
        for t in range(1, y.shape[-1]):
            out[..., t, :] = self.after(out[..., t - 1, :], y[..., t - 1])
        return out


def recurrent_hidden(vocabulary: int, dimension: int, *, gain: float = 0.9, rng: np.random.Generator) -> Recurrent:
    """A frozen recurrent network with Gaussian weights, whose memory fades where `gain` is below 1.

    Args:
        vocabulary: V.
        dimension: D.
        gain: g, above 0: the size of the transition.
        rng: a numpy generator.

    Returns:
        a `Recurrent` network, to be called with sequences.

    Raises:
        ArgumentError: sizes below 1, or a gain that is not above 0.

    >>> recurrent_hidden(3, 4, rng=np.random.default_rng(0))([[0, 1]]).shape
    (1, 2, 4)
    """
    v, d = one_whole("vocabulary", vocabulary, 1), one_whole("dimension", dimension, 1)
    g, draw = one_positive("gain", gain), generator("rng", rng).normal
    return Recurrent(np.tanh(draw(size=d)), g / np.sqrt(d) * draw(size=(d, d)), draw(size=(v, d)))


def random_hidden(vocabulary: int, length: int, dimension: int, *, rng: np.random.Generator) -> ByPrefix:
    """Gaussian hidden states, drawn for each prefix on its own: no context resembles another.

    Args:
        vocabulary, length, dimension: V, L, D.
        rng: a numpy generator.

    Returns:
        hidden states by prefix.

    Raises:
        ArgumentError: sizes below 1, or no generator.

    >>> random_hidden(2, 3, 5, rng=np.random.default_rng(0)).table.shape
    (7, 5)
    """
    d, rows = one_whole("dimension", dimension, 1), _prefixes(vocabulary, length)
    return ByPrefix(generator("rng", rng).normal(size=(rows, d)), vocabulary)


def adversarial_hidden(
    kind: str, vocabulary: int, length: int, dimension: int, *, rng: np.random.Generator
) -> ByPrefix:
    """Integer hidden states that break what holds for random ones.

    ============  ==========================================================================
    zero          a third of the states are 0: no gradient, and a uniform row
    constant      all states equal: every context shares all parameters
    huge          up to 2^20 times the others: rows that are nearly certain
    opposite      states of signs that alternate from prefix to prefix: gradients turn around
    one-hot       few states, mutually orthogonal: a hash of the prefix
    parallel      one direction, other lengths
    mixed sizes   lengths from 1 to 2^20 within a sequence
    ============  ==========================================================================

    Args:
        kind: one of `ADVERSARIAL`.
        vocabulary, length, dimension: V, L, D.
        rng: a numpy generator.

    Returns:
        hidden states by prefix; integers as float64.

    Raises:
        ArgumentError: an unknown kind, sizes below 1, or no generator.

    >>> adversarial_hidden("constant", 2, 2, 3, rng=np.random.default_rng(0)).table.std(0).tolist()
    [0.0, 0.0, 0.0]
    """
    one_of("kind", kind, ADVERSARIAL)
    rng, n, d = generator("rng", rng), _prefixes(vocabulary, length), one_whole("dimension", dimension, 1)
    h = rng.integers(-3, 4, (n, d))
    row = np.where(h[:1].any(), h[:1], 1)
    if kind == "zero":
        h[rng.random(n) < 1 / 3] = 0
    elif kind == "constant":
        h = np.repeat(row, n, 0)
    elif kind == "huge":
        h = h << 20
    elif kind == "opposite":
        h = row * (1 - 2 * (np.arange(n) % 2))[:, None]
    elif kind == "one-hot":
        h = np.eye(d, dtype=np.int64)[rng.integers(0, d, n)]
    elif kind == "parallel":
        h = row * rng.integers(-3, 4, (n, 1))
    else:
        h = h << rng.integers(0, 21, (n, 1))
    return ByPrefix(h.astype(np.float64), vocabulary)


def _prefixes(vocabulary: Any, length: Any) -> int:
    return count_prefixes(one_whole("vocabulary", vocabulary, 1), one_whole("length", length, 1))
