r"""A pair of responses as a policy and its reference see them, token by token.

A response is a row of tokens, each with the next-token distributions of policy and reference at its prefix. Losses
and log-priors are both sums of three scores of a response (see :mod:`.score`),

.. math::
    \sum_t w_t\log\pi(y_t), \qquad \sum_t w_t\log\pi_{ref}(y_t), \qquad
    \sum_t w_t\,D(\pi_{ref}\|\pi)_t \text{ or } \sum_t w_t\,D(\pi\|\pi_{ref})_t

with residuals :math:`e_{y_t} - s_t`, zero, :math:`s_t - r_t` and
:math:`s_t\,(\log\frac{s_t}{r_t} - D_t)` as derivatives by the logits of the row whose policy is s and reference r.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq

from ..arguments import is_tensor, log_weights, same_outcomes, whole
from ..carriers import carrier_of
from ..errors import ArgumentError
from ..information import kl_divergence
from ..sequences.linear import residuals
from .score import Score

__all__ = ["TokenPair", "token_pair"]

Array = Any


@dataclass(frozen=True, eq=False)
class TokenPair:
    """A chosen and a rejected response to one prompt (build one with `token_pair`).

    Attributes:
        policy, reference: logits of the next token at every prefix, shape (..., 2, L, V), the chosen response first.
        tokens: indices, shape (..., 2, L).
        lengths: numbers of tokens, from 1 to L, shape (..., 2); what lies behind them is not read.
    """

    policy: Array
    reference: Array
    tokens: np.ndarray
    lengths: np.ndarray

    @cached_property
    def present(self) -> Array:
        """1 at the tokens of each response and 0 behind its end, shape (..., 2, L)."""
        there = (np.arange(self.tokens.shape[-1]) < self.lengths[..., None]).astype(np.int64)
        return self.policy.new_tensor(there) if is_tensor(self.policy) else there

    @cached_property
    def length(self) -> Array:
        """The lengths as numbers of the pair's own kind, shape (..., 2)."""
        if is_tensor(self.policy):
            return self.policy.new_tensor(self.lengths)
        if self.policy.dtype == object:
            return np.frompyfunc(lambda n: fmpq(int(n)), 1, 1)(self.lengths)
        return self.lengths.astype(np.float64)

    @cached_property
    def label(self) -> Array:
        """1 for the chosen and -1 for the rejected response, shape (2,)."""
        signs = np.array([1, -1])
        return self.policy.new_tensor(signs) if is_tensor(self.policy) else signs

    @cached_property
    def shared(self) -> np.ndarray:
        """1 at the places where both responses have a token after the same prefix: one row of logits, (..., L)."""
        same = (self.tokens[..., 0, :] == self.tokens[..., 1, :]).astype(np.int64)
        before = np.concatenate([np.ones_like(same[..., :1]), np.cumprod(same, -1)[..., :-1]], -1)
        return before * (np.arange(same.shape[-1]) < self.lengths.min(-1)[..., None])

    @cached_property
    def identical(self) -> np.ndarray:
        """Whether chosen and rejected are one response, shape (...)."""
        here = np.arange(self.tokens.shape[-1]) < self.lengths.max(-1)[..., None]
        same = self.tokens[..., 0, :] == self.tokens[..., 1, :]
        return (same | ~here).all(-1) & (self.lengths[..., 0] == self.lengths[..., 1])

    @cached_property
    def log_policy(self) -> Array:
        """Log-probabilities of the next token, shape (..., 2, L, V)."""
        return carrier_of(self.policy).log_softmax(self.policy)

    @cached_property
    def log_reference(self) -> Array:
        """The same under the reference."""
        return carrier_of(self.reference).log_softmax(self.reference)

    @cached_property
    def probabilities(self) -> Array:
        """Next-token probabilities of the policy."""
        return carrier_of(self.policy).softmax(self.policy)

    @cached_property
    def token_logs(self) -> tuple[Array, Array]:
        """Log-probabilities of the tokens under policy and reference, shape (..., 2, L)."""
        return self._taken(self.log_policy), self._taken(self.log_reference)

    @cached_property
    def residuals(self) -> Array:
        """The derivative of the log-probability of each token by its row, shape (..., 2, L, V)."""
        return residuals(self.probabilities, self.tokens)

    @cached_property
    def forward(self) -> Array:
        """The divergence of the reference from the policy at every prefix, shape (..., 2, L)."""
        return kl_divergence(self.reference, self.policy)

    @cached_property
    def forward_slope(self) -> Array:
        """Its derivative by the row, shape (..., 2, L, V)."""
        return self.probabilities - carrier_of(self.reference).softmax(self.reference)

    @cached_property
    def reverse(self) -> Array:
        """The divergence of the policy from the reference at every prefix, shape (..., 2, L)."""
        return kl_divergence(self.policy, self.reference)

    @cached_property
    def reverse_slope(self) -> Array:
        """Its derivative by the row, shape (..., 2, L, V)."""
        return self.probabilities * (self.log_policy - self.log_reference - self.reverse[..., None])

    def log_likelihood(self, weights: Any = 1) -> Score:
        r""":math:`\sum_t w_t \log\pi(y_t)`, weights of shape (..., 2, L) or a number."""
        w = weights * self.present
        return Score((w * self.token_logs[0],), lambda: w[..., None] * self.residuals)

    def reference_likelihood(self, weights: Any = 1) -> Score:
        r""":math:`\sum_t w_t \log\pi_{ref}(y_t)`, a constant of the policy."""
        return Score((weights * self.present * self.token_logs[1],))

    def divergence(self, weights: Any = 1, *, of: str = "reference") -> Score:
        r"""The sequential divergence :math:`\sum_t w_t\,D(\pi_{ref}\|\pi)_t`, or of the policy from the reference.

        Args:
            weights: shape (..., 2, L) or a number.
            of: "reference" for :math:`D(\pi_{ref}\|\pi)`, "policy" for :math:`D(\pi\|\pi_{ref})`, at every prefix.

        Raises:
            ArgumentError: another name.
        """
        if of not in ("reference", "policy"):
            raise ArgumentError("of", "reference or policy", repr(of))
        w = weights * self.present
        if of == "reference":
            return Score((w * self.forward,), lambda: w[..., None] * self.forward_slope)
        return Score((w * self.reverse,), lambda: w[..., None] * self.reverse_slope)

    def jacobian(self, rows: Array) -> tuple[Array, Array]:
        """Derivatives (..., 2, L, V) as vectors over all logits, (..., 1, 2LV) for each response.

        Where the responses share a prefix they share a row of logits: the rejected response's derivative by it lies in
        the coordinates of the chosen one.
        """
        one = rows if not isinstance(rows, int) else self.policy * rows
        common = self.policy.new_tensor(self.shared) if is_tensor(self.policy) else self.shared
        common = common[..., None]
        chosen, rejected = one[..., 0, :, :], one[..., 1, :, :]
        w = _flat([chosen, chosen * 0])
        return w, _flat([rejected * common, rejected * (1 - common)])

    def _taken(self, rows: Array) -> Array:
        if is_tensor(rows):
            index = rows.new_tensor(self.tokens).long()
            return rows.gather(-1, index[..., None])[..., 0]
        return np.take_along_axis(rows, self.tokens[..., None], -1)[..., 0]


def _flat(parts: list[Array]) -> Array:
    flat = [x.reshape(*x.shape[:-2], 1, x.shape[-2] * x.shape[-1]) for x in parts]
    if is_tensor(flat[0]):
        import sys

        return sys.modules["torch"].cat(flat, -1)
    return np.concatenate(flat, -1)


def token_pair(policy: Any, reference: Any, tokens: Any, lengths: Any) -> TokenPair:
    r"""A chosen and a rejected response with the rows of logits at their prefixes.

    Args:
        policy, reference: logits (or log-probabilities) of the next token, shape (..., 2, L, V), the chosen response
            first; rows at a common prefix must agree.
        tokens: indices of the tokens, from 0 to V - 1, shape (..., 2, L).
        lengths: numbers of tokens, from 1 to L, shape (..., 2).

    Returns:
        a `TokenPair`.

    Raises:
        ArgumentError: shapes that do not fit, a token or length out of range, or two rows for one prefix.

    >>> pair = token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), [[0], [1]], [1, 1])
    >>> pair.log_likelihood().value.round(6)
    array([-0.693147, -0.693147])
    """
    p, r = log_weights("policy", policy), log_weights("reference", reference)
    same_outcomes(policy=p, reference=r)
    if p.ndim < 3 or p.shape[-3] != 2 or p.shape != r.shape:
        raise ArgumentError("policy", "of shape (..., 2, L, V), as the reference", f"{tuple(p.shape)}")
    y, n = whole("tokens", tokens, 0, p.shape[-1]), whole("lengths", lengths, 1, p.shape[-2] + 1)
    if y.shape[-2:] != tuple(p.shape[-3:-1]):
        raise ArgumentError("tokens", f"of shape (..., 2, {p.shape[-2]})", f"{y.shape}")
    if n.shape != y.shape[:-1]:
        raise ArgumentError("lengths", f"of shape {y.shape[:-1]}", f"{n.shape}")
    pair = TokenPair(p, r, y, n)
    for name, rows in (("policy", p), ("reference", r)):
        data = rows.detach().cpu().numpy() if is_tensor(rows) else rows
        a, b = data[..., 0, :, :], data[..., 1, :, :]
        if np.asarray(_differ(a, b) & (pair.shared[..., None] > 0)).any():
            raise ArgumentError(name, "one row of logits for one prefix", "rows that differ after the same tokens")
    return pair


def _differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype != object:
        return a != b
    return np.asarray(np.frompyfunc(lambda x, y: x is not y and not bool(x == y), 2, 1)(a, b), dtype=bool)
