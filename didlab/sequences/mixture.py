r"""Jensen-Shannon divergence of two Markov policies, exact in polynomial time although their mixture is not Markov.

.. math:: JS(p, q) = \frac{1}{2\pi}\int k(t)\,\mathrm{Re}(1 - M(t))\,dt, \qquad
    k(t) = \frac{\pi}{\cosh \pi t}\,\frac{1/2}{1/4 + t^2}, \qquad M(t) = \sum_y p(y)^{1/2+it}\, q(y)^{1/2-it}

M is a product of transfer matrices :math:`A = \sqrt{pq}\,e^{it\delta}`. What is propagated is :math:`1 - M`, whose parts
:math:`\sqrt{pq}\,(2\sinh^2\tfrac\delta4 + 2\sin^2\tfrac{t\delta}2 + i(2t\sinh\tfrac\delta2 - \sin t\delta))` do not cancel, so
that nearly equal policies keep their digits.

The trapezoid rule is exact to rounding: k is below 1e-16 beyond :math:`|t| = 12`, and nodes :math:`2\pi/X` apart add
:math:`\sqrt{pq}\,\phi(X - |x|)` for a sequence of log-ratio x, :math:`\phi(x) \le \tfrac12(1+x)e^{-x/2}` the transform of k.
As :math:`\sqrt{pq} = \max(p, q)\,e^{-|x|/2}`, that is at most :math:`(1+X)e^{-X/2}` in sum, whatever the policies: X = 84.
"""

from __future__ import annotations

import numpy as np

from ..carriers import NUMPY
from .markov import MarkovPolicy, _together

__all__ = ["js_divergence"]

REACH, PERIOD = 12.0, 84.0
TOGETHER = 1 << 20  # complex elements of transfer matrices held at once


def js_divergence(policy: MarkovPolicy, other: MarkovPolicy) -> float:
    r"""Jensen-Shannon divergence over sequences, :math:`\tfrac12 D(p\|m) + \tfrac12 D(q\|m)`, :math:`m = \tfrac{p+q}2`, in nats.

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
    _together(policy, other)
    start = _parts(policy.first[None], other.first[None])
    same = policy.conditional and other.conditional and policy.step.ndim == other.step.ndim == 2
    steps = [_parts(policy.next(0), other.next(0))] if same and policy.length > 1 else [
        _parts(policy.next(t), other.next(t)) for t in range(policy.length - 1)
    ]
    spacing = 2 * np.pi / PERIOD
    t = spacing * np.arange(int(REACH / spacing) + 1)
    k = np.pi / np.cosh(np.pi * t) * 0.5 / (0.25 + t * t)
    k[1:] *= 2
    size = max(1, TOGETHER // policy.vocabulary**2)
    total = 0.0
    for low in range(0, len(t), size):
        part = slice(low, low + size)
        total += float(k[part] @ _deficit(start, steps, policy.length, t[part]))
    return max(0.0, total * spacing / (2 * np.pi))


def _parts(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sqrt(pq) and log p - log q of the rows of two tables of logits."""
    delta = NUMPY.contrast(a, b)[2]
    return np.exp((NUMPY.log_softmax(a) + NUMPY.log_softmax(b)) / 2), delta


def _deficit(
    start: tuple[np.ndarray, np.ndarray], steps: list[tuple[np.ndarray, np.ndarray]], length: int, t: np.ndarray
) -> np.ndarray:
    """Re(1 - M(t)) at each t, from the last token to the first: e = (1 - sum A) + A e.

    Where every step has the same A, 1 - e tends to its leading eigenvector, and the remaining steps are a power.
    """
    v = start[0].shape[-1]
    e = np.zeros((len(t), v, 1), dtype=complex)
    made: tuple[np.ndarray, np.ndarray] | None = None
    for n in range(length - 2, -1, -1):
        if made is None or len(steps) > 1:
            made = _transfer(*steps[n if len(steps) > 1 else 0], t)
        before, e = e, made[1] + made[0] @ e
        if len(steps) == 1 and n > 8 and n % 4 == 0:
            settled = _settled(before, e, n)
            if settled is not None:
                e = settled
                break
    a, lost = _transfer(*start, t)
    return (lost + a @ e)[:, 0, 0].real


def _settled(before: np.ndarray, e: np.ndarray, left: int) -> np.ndarray | None:
    """The e that is `left` steps on, if 1 - e only shrinks by a factor 1 - d at every t."""
    x = 1 - before
    d = (x.conj() * (e - before)).sum(1, keepdims=True) / (np.abs(x) ** 2).sum(1, keepdims=True)
    if (np.abs(e - before - d * x) > 2e-15 * np.abs(e).max(1, keepdims=True)).any():
        return None
    rest = left * np.log1p(-d)
    return np.exp(rest) * e - np.expm1(rest)


def _transfer(root: np.ndarray, delta: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A at each t, and 1 - its row sums."""
    angle = t[:, None, None] * delta
    sine = np.sin(angle)
    a = np.empty(angle.shape, dtype=complex)
    a.real, a.imag = root * np.cos(angle), root * sine
    half = root * 2 * np.sinh(delta / 4) ** 2
    lost = np.empty((*angle.shape[:2], 1), dtype=complex)
    lost.real = (half + 2 * root * np.sin(angle / 2) ** 2).sum(-1, keepdims=True)
    lost.imag = t[:, None, None] * (2 * root * np.sinh(delta / 2)).sum(-1, keepdims=True) - a.imag.sum(-1, keepdims=True)
    return a, lost
