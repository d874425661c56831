r"""Jensen-Shannon divergence of two Markov policies, exact in polynomial time although their mixture is not Markov.

.. math:: JS(p, q) = \frac{1}{2\pi}\int k(t)\,\mathrm{Re}(1 - M(t))\,dt, \qquad
    k(t) = \frac{\pi}{\cosh \pi t}\,\frac{1/2}{1/4 + t^2}, \qquad M(t) = \sum_y p(y)^{1/2+it}\, q(y)^{1/2-it}

M is a product of transfer matrices :math:`A = \sqrt{pq}\,e^{it\delta}`. What is propagated is 1 - M, whose parts

.. math:: \sqrt{pq}\,\big(2\sinh^2\tfrac\delta4 + 2\sin^2\tfrac{t\delta}2 + i(2t\sinh\tfrac\delta2 - \sin t\delta)\big)

do not cancel, so that nearly equal policies keep their digits.

The trapezoid rule is exact to rounding: k is below 1e-16 beyond \|t\| = 12, and nodes :math:`2\pi/X` apart add
:math:`\sqrt{pq}\,\phi(X - |x|)` for a sequence of log-ratio x, with :math:`\phi(x) \le \tfrac12(1+x)e^{-x/2}` the
transform of k. As :math:`\sqrt{pq} = \max(p, q)\,e^{-|x|/2}`, that is at most :math:`(1+X)e^{-X/2}` in sum, whatever
the policies: X = 84.
"""

from __future__ import annotations

import numpy as np

from ..carriers import NUMPY
from .markov import MarkovPolicy, together

__all__ = ["js_divergence"]

REACH, PERIOD, TURNS = 12.0, 84.0, 8
FAR = 600.0  # a log-ratio beyond which sqrt(pq) is nothing beside p + q, and sinh may overflow
TOGETHER = 1 << 20  # complex elements of transfer matrices held at once


def js_divergence(policy: MarkovPolicy, other: MarkovPolicy) -> float:
    r"""Jensen-Shannon divergence over sequences, :math:`\tfrac12 D(p\|m) + \tfrac12 D(q\|m)`, :math:`m = \tfrac{p+q}2`.

    Args:
        policy, other: Markov policies over the same sequences.

    Returns:
        nats, between 0 and log 2.

    Raises:
        ArgumentError: different vocabularies or lengths.

    >>> from didlab.sequences.markov import markov_policy
    >>> p = markov_policy([0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], 5)
    >>> js_divergence(p, p)
    0.0
    """
    together(policy, other)
    start = _Transfer(policy.first[None], other.first[None])
    same = policy.conditional and other.conditional and policy.step.ndim == other.step.ndim == 2
    count = min(1, policy.length - 1) if same else policy.length - 1
    steps = [_Transfer(policy.next(n), other.next(n)) for n in range(count)]
    spacing = 2 * np.pi / PERIOD
    t = spacing * np.arange(int(REACH / spacing) + 1)
    k = np.pi / np.cosh(np.pi * t) * 0.5 / (0.25 + t * t)
    k[1:] *= 2
    size = max(1, TOGETHER // policy.vocabulary**2)
    total = 0.0
    for low in range(0, len(t), size):
        part = slice(low, low + size)
        total += float(k[part] @ _deficit(start, steps, policy.length, t[part], low // size))
    return max(0.0, total * spacing / (2 * np.pi))


class _Transfer:
    """The transfer matrices of one step, at blocks of nodes: sqrt(pq) and delta = log p - log q, turned by t."""

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.delta = NUMPY.contrast(a, b)[2]
        log_p, log_q = NUMPY.log_softmax(a), NUMPY.log_softmax(b)
        self.root = np.exp((log_p + log_q) / 2)
        far = np.abs(self.delta) > FAR
        near = np.where(far, 0.0, self.delta)
        p, q = np.exp(log_p), np.exp(log_q)
        self.still = 2 * np.where(far, (p + q) / 4, self.root * np.sinh(near / 4) ** 2).sum(-1)
        self.drift = 2 * np.where(far, (p - q) / 2, self.root * np.sinh(near / 2)).sum(-1)
        self.half = self.turn = np.empty((0, 0, 0))

    def __call__(self, t: np.ndarray, keep: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """A at each t, and 1 - its row sums. Given the number of its block, a block is the one before, turned."""
        if keep is None or keep % TURNS == 0 or len(t) != len(self.half):
            self.half = half = _phase(self.delta, t[:, None, None] / 2)
            if keep == 0:
                self.turn = _phase(self.delta, np.array(len(t) * (2 * np.pi / PERIOD) / 2))
            if keep is None:
                self.half = np.empty((0, 0, 0))
        else:
            half = self.half
            half *= self.turn
        a = half * half
        a *= self.root
        sine, imaginary = np.imag(half), np.imag(a)
        real = self.still + 2 * np.einsum("ab,tab,tab->ta", self.root, sine, sine)
        return a, (real + 1j * (t[:, None] * self.drift - imaginary.sum(-1)))[..., None]


def _phase(delta: np.ndarray, t: np.ndarray) -> np.ndarray:
    """exp(i t delta)."""
    angle = t * delta
    return np.cos(angle) + 1j * np.sin(angle)


def _deficit(start: _Transfer, steps: list[_Transfer], length: int, t: np.ndarray, block: int) -> np.ndarray:
    """Re(1 - M(t)) at each t, from the last token to the first: e = (1 - sum A) + A e.

    Where every step has the same A, 1 - e tends to its leading eigenvector, and the remaining steps are a power.
    """
    v = start.root.shape[-1]
    e = np.zeros((len(t), v, 1), dtype=complex)
    made: tuple[np.ndarray, np.ndarray] | None = None
    for n in range(length - 2, -1, -1):
        if made is None or len(steps) > 1:
            made = steps[n](t) if len(steps) > 1 else steps[0](t, block)
        before, e = e, made[1] + made[0] @ e
        if len(steps) == 1 and n > 8 and n % 4 == 0:
            settled = _settled(before, e, n)
            if settled is not None:
                e = settled
                break
    a, lost = start(t, None)
    return np.real(lost + a @ e)[:, 0, 0]


def _settled(before: np.ndarray, e: np.ndarray, left: int) -> np.ndarray | None:
    """The e that is `left` steps on, if 1 - e only shrinks by a factor 1 - d at every t."""
    x = 1 - before
    d = (x.conj() * (e - before)).sum(1, keepdims=True) / (np.abs(x) ** 2).sum(1, keepdims=True)
    if (np.abs(e - before - d * x) > 2e-15 * np.abs(e).max(1, keepdims=True)).any():
        return None
    rest = left * np.log1p(-d)
    return np.exp(rest) * e - np.expm1(rest)
