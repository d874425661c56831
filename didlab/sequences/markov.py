r"""Markov policies over sequences of fixed length, and their measures in polynomial time.

A Markov policy is a product of potentials over neighbours, normalised by messages from the end:

.. math:: \log\pi(y) = a(y_1) + \sum_t \psi_t(y_t, y_{t+1}) - \log Z, \qquad
    m_t(y) = \log\sum_{y'} e^{\psi_t(y, y') + m_{t+1}(y')}

Ratios and tilts of Markov policies are again Markov (their potentials are differences), so the DID and the ideal
rejected policy need no enumeration. A mixture of two is not, yet its divergence is an integral of transfer products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import information
from ..arguments import floats, one_positive, one_whole, whole
from ..carriers import NUMPY
from ..errors import ArgumentError
from ..policies import generator

__all__ = [
    "MarkovPolicy", "did_entropy", "did_policy", "entropy", "ideal_rejected", "kl_divergence", "log_partition",
    "markov_policy",
]

TOGETHER = 1 << 21  # elements of transition tables that are worked on at once


@dataclass(frozen=True, eq=False)
class MarkovPolicy:
    """A Markov policy over sequences of `length` tokens (see the module; build one with `markov_policy`).

    Attributes:
        start: potentials of the first token, shape (V,).
        step: potentials of neighbours, shape (V, V), row the earlier token; or one table per step, (length - 1, V, V).
        length: number of tokens.
        conditional: the potentials are logits of the next token, so that no messages are needed.
    """

    start: np.ndarray
    step: np.ndarray
    length: int
    conditional: bool = False

    @property
    def vocabulary(self) -> int:
        """V."""
        return len(self.start)

    def potentials(self, t: int) -> np.ndarray:
        """The table of step t, from token t to token t + 1, counted from 0."""
        return self.step if self.step.ndim == 2 else self.step[t]

    @cached_property
    def messages(self) -> np.ndarray:
        """m, shape (length, V): the log-sum of what can follow each token at each place."""
        out = np.zeros((self.length, self.vocabulary))
        if self.conditional:
            return out
        wide = np.ptp(self.step) > 300
        top = self.step.max(-1)
        weights = None if wide else np.exp(self.step - top[..., None])
        for t in range(self.length - 2, -1, -1):
            if weights is None or np.ptp(out[t + 1]) > 300:
                out[t] = NUMPY.log_sum_exp(self.potentials(t) + out[t + 1])
                continue
            table, high = (weights, top) if weights.ndim == 2 else (weights[t], top[t])
            peak = out[t + 1].max()
            out[t] = high + (np.log(table @ np.exp(out[t + 1] - peak)) + peak)
        return out

    @cached_property
    def log_partition(self) -> float:
        """log Z of the potentials."""
        return float(NUMPY.log_sum_exp(self.start + self.messages[0]))

    @property
    def first(self) -> np.ndarray:
        """Logits of the first token."""
        return self.start + self.messages[0]

    def next(self, t: int) -> np.ndarray:
        """Logits of token t + 1 given token t, shape (V, V)."""
        return self.potentials(t) if self.conditional else self.potentials(t) + self.messages[t + 1]

    def blocks(self) -> list[range]:
        """The steps, in blocks whose tables fit together; a homogeneous chain of conditionals is one table."""
        size = max(1, TOGETHER // self.vocabulary**2)
        if self.conditional and self.step.ndim == 2:
            size = self.length
        return [range(t, min(t + size, self.length - 1)) for t in range(0, self.length - 1, size)]

    def tables(self, block: range) -> np.ndarray:
        """Logits of the next token for the steps of a block, shape (steps or 1, V, V)."""
        if self.conditional and self.step.ndim == 2:
            return self.step[None]
        steps = self.step[None] if self.step.ndim == 2 else self.step[block.start : block.stop]
        return steps if self.conditional else steps + self.messages[block.start + 1 : block.stop + 1, None, :]

    @cached_property
    def marginals(self) -> np.ndarray:
        """Probability of each token at each place, shape (length, V)."""
        out = np.empty((self.length, self.vocabulary))
        out[0] = NUMPY.softmax(self.first)
        for block in self.blocks():
            p = NUMPY.softmax(self.tables(block))
            for n, t in enumerate(block):
                out[t + 1] = out[t] @ p[n if len(p) > 1 else 0]
        return out

    def log_probability(self, sequences: Any) -> np.ndarray:
        """log-probabilities of sequences of token indices, shape (..., length).

        >>> p = markov_policy([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]], 3)
        >>> float(p.log_probability([0, 1, 1]) / np.log(2))
        -3.0
        """
        y = whole("sequences", sequences, 0, self.vocabulary)
        if y.ndim == 0 or y.shape[-1] != self.length:
            raise ArgumentError("sequences", f"of length {self.length}", f"shape {y.shape}")
        total = NUMPY.log_softmax(self.first)[y[..., 0]]
        for block in self.blocks():
            logs = NUMPY.log_softmax(self.tables(block))
            for n, t in enumerate(block):
                total = total + logs[n if len(logs) > 1 else 0][y[..., t], y[..., t + 1]]
        return total

    def enumerate(self) -> np.ndarray:
        """log-probabilities of all V^length sequences, the last token fastest: a policy like any other.

        >>> markov_policy([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]], 3).enumerate().shape
        (8,)
        """
        if self.vocabulary**self.length > 1 << 26:
            raise ArgumentError("length", "short enough to enumerate", f"{self.vocabulary}^{self.length} sequences")
        total = NUMPY.log_softmax(self.first)
        for t in range(self.length - 1):
            logs = NUMPY.log_softmax(self.next(t))
            total = (total.reshape(-1, self.vocabulary, 1) + logs).reshape(-1)
        return total

    def sample(self, size: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent sequences, shape (size, length).

        >>> markov_policy([9.0, 0.0], [[0.0, 99.0], [99.0, 0.0]], 4).sample(1, rng=np.random.default_rng(0)).tolist()
        [[0, 1, 0, 1]]
        """
        y = np.empty((one_whole("size", size, 0), self.length), dtype=np.int64)
        rng = generator("rng", rng)
        y[:, 0] = _draw(NUMPY.softmax(self.first)[None], np.zeros(len(y), dtype=np.int64), rng)
        for block in self.blocks():
            p = NUMPY.softmax(self.tables(block))
            for n, t in enumerate(block):
                y[:, t + 1] = _draw(p[n if len(p) > 1 else 0], y[:, t], rng)
        return y


def _draw(table: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    edges = np.cumsum(table, axis=-1)
    u = rng.random(len(row)) * edges[row, -1]
    out = np.empty(len(row), dtype=np.int64)
    for r in np.unique(row):
        at = row == r
        out[at] = np.searchsorted(edges[r], u[at], side="right")
    return np.minimum(out, table.shape[-1] - 1)


def markov_policy(start: Any, step: Any, length: int) -> MarkovPolicy:
    r"""The policy :math:`\pi(y) = \pi_1(y_1)\prod_t \pi_t(y_{t+1} \mid y_t)` with the given logits.

    Args:
        start: logits of the first token, shape (V,).
        step: logits of the next token, shape (V, V), row the token before; or one table per step, (length - 1, V, V).
        length: number of tokens, at least 1.

    Returns:
        a `MarkovPolicy`.

    Raises:
        ArgumentError: shapes that do not fit, or entries that are not finite.

    >>> markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 5).vocabulary
    2
    """
    a, b = floats("start", start), floats("step", step)
    n = one_whole("length", length, 1)
    v = a.shape[-1]
    if a.ndim != 1:
        raise ArgumentError("start", "a vector of logits", f"shape {a.shape}")
    if b.shape != (v, v) and b.shape != (n - 1, v, v):
        raise ArgumentError("step", f"of shape {(v, v)} or {(n - 1, v, v)}", f"{b.shape}")
    return MarkovPolicy(NUMPY.log_softmax(a), NUMPY.log_softmax(b), n, conditional=True)


def together(p: MarkovPolicy, q: MarkovPolicy) -> None:
    for name in ("vocabulary", "length"):
        if getattr(p, name) != getattr(q, name):
            raise ArgumentError("reference", f"of {name} {getattr(p, name)}", str(getattr(q, name)))


def entropy(policy: MarkovPolicy) -> float:
    r"""Entropy over sequences, :math:`H = H(\pi_1) + \sum_t \sum_a \pi_t(a)\,H(\pi_t(\cdot \mid a))`, in nats.

    >>> float(entropy(markov_policy([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]], 10)) / np.log(2))
    10.0

    Ref: Cover and Thomas 2006, Theorem 4.2.1.
    """
    total = float(information.entropy(policy.first))
    for block in policy.blocks():
        h = information.entropy(policy.tables(block))
        total += float((policy.marginals[block.start : block.stop] * h).sum())
    return total


def kl_divergence(policy: MarkovPolicy, reference: MarkovPolicy) -> float:
    r"""Kullback-Leibler divergence over sequences, in nats.

    .. math:: D(\pi_1\|\rho_1) + \sum_t\sum_a \pi_t(a)\,D(\pi_t(\cdot|a)\|\rho_t(\cdot|a))

    Args:
        policy, reference: Markov policies over the same sequences.

    Raises:
        ArgumentError: different vocabularies or lengths.

    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 5)
    >>> kl_divergence(p, p)
    0.0

    Ref: Cover and Thomas 2006, Theorem 2.5.3.
    """
    together(policy, reference)
    total = float(information.kl_divergence(policy.first, reference.first))
    one = policy if len(policy.blocks()) >= len(reference.blocks()) else reference
    for block in one.blocks():
        d = information.kl_divergence(policy.tables(block), reference.tables(block))
        total += float((policy.marginals[block.start : block.stop] * d).sum())
    return total


def _combine(p: MarkovPolicy, q: MarkovPolicy, a: float, b: float) -> MarkovPolicy:
    """The policy proportional to p^a q^b."""
    together(p, q)
    return MarkovPolicy(a * p.start + b * q.start, a * p.step + b * q.step, p.length)


def did_policy(policy: MarkovPolicy, reference: MarkovPolicy) -> MarkovPolicy:
    r"""The DID as a Markov policy, :math:`q(y) \propto \pi(y)/\pi_{ref}(y)`.

    Args:
        policy, reference: Markov policies over the same sequences.

    Raises:
        ArgumentError: different vocabularies or lengths.

    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 3)
    >>> bool(abs(did_policy(p, p).enumerate() + 3 * np.log(2)).max() < 1e-14)
    True

    Ref: Won et al. 2025, Theorem 3.2.
    """
    return _combine(policy, reference, 1.0, -1.0)


def log_partition(policy: MarkovPolicy, reference: MarkovPolicy) -> float:
    r""":math:`\log Z`, :math:`Z = \sum_y \pi(y)/\pi_{ref}(y)`, over all sequences.

    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 3)
    >>> round(float(log_partition(p, p) / np.log(2)), 12)
    3.0

    Ref: Won et al. 2025, Theorem 3.2.
    """
    return did_policy(policy, reference).log_partition + (reference.log_partition - policy.log_partition)


def did_entropy(policy: MarkovPolicy, reference: MarkovPolicy) -> float:
    r"""Entropy of the DID over sequences, :math:`H(q_{\pi/\pi_{ref}})`, in nats.

    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 3)
    >>> round(float(did_entropy(p, p) / np.log(2)), 12)
    3.0

    Ref: Won et al. 2025, section 4.
    """
    return entropy(did_policy(policy, reference))


def ideal_rejected(target: MarkovPolicy, reference: MarkovPolicy, beta: float) -> MarkovPolicy:
    r"""The policy to sample rejected sequences from, :math:`\pi_l \propto \pi_{ref}(\pi_{ref}/\pi^*)^\beta`.

    Args:
        target, reference: Markov policies over the same sequences.
        beta: the exponent, above 0.

    Raises:
        ArgumentError: beta not above 0, or different vocabularies or lengths.

    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 3)
    >>> kl_divergence(ideal_rejected(p, p, 1.0), p) < 1e-15
    True

    Ref: Won et al. 2025, Eq 1.
    """
    beta = one_positive("beta", beta)
    return _combine(target, reference, -beta, 1 + beta)
