r"""Losses of a pair of responses that see its tokens: a link of the difference of two scores.

.. math:: \ell = f\big(S(y_w) - S(y_l) - c\big), \qquad f(m) = -\log\sigma(m) \text{ or } -m

Every loss of this package whose margin is a difference of scores is one: the losses of log-probabilities
(`on_tokens`), the token-level ones (`tdpo`, `tis_dpo`, `sparse_po`), and MI-DPO under any prior (`under_prior`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..arguments import positive
from ..errors import ArgumentError
from . import mi_dpo
from .links import link
from .objective import Objective
from .score import Score, total
from .token_pair import TokenPair

__all__ = ["PriorObjective", "TokenObjective", "on_tokens", "under_prior"]

Array = Any


@dataclass(frozen=True)
class TokenObjective:
    """A loss of the tokens of two responses.

    Attributes:
        name: of the loss.
        score: the score S of the responses of a pair.
        offset: c, a number or an array (..., 1).
        sigmoid: whether the loss is the negative log-sigmoid of the margin, or else minus the margin.
    """

    name: str
    score: Callable[[TokenPair], Score]
    offset: Any = 0
    sigmoid: bool = True

    def _margin(self, score: Score) -> Array:
        parts = [x[..., :1, :] for x in score.terms] + [-x[..., 1:, :] for x in score.terms]
        if getattr(self.offset, "ndim", 0):
            return total([*parts, -self.offset[..., None]])
        return total(parts) - self.offset if self.offset != 0 else total(parts)

    def margin(self, pair: TokenPair) -> Array:
        """The difference of the scores less the offset, shape (..., 1)."""
        return self._margin(self.score(pair))

    def value(self, pair: TokenPair) -> Array:
        """The loss, shape (..., 1), in nats."""
        x = self.margin(pair)
        return link("logistic", x) if self.sigmoid else -x

    def condition(self, pair: TokenPair) -> Array:
        """By how much relative errors of the terms of the margin grow in the loss, at least 1, shape (..., 1)."""
        size = self.score(pair).size.sum(-1)[..., None] + abs(self.offset)
        return _condition(size, self.slope(self.margin(pair)), self.value(pair))

    def slope(self, margin: Array) -> Array:
        """The derivative of the loss at a margin, of its shape: minus a probability, or -1."""
        return link("logistic", margin, 1) if self.sigmoid else 0 * margin - 1

    def _direction(self, pair: TokenPair, score: Score) -> Array:
        chosen, rejected = pair.jacobian(score.rows)
        return chosen - rejected

    def direction(self, pair: TokenPair) -> Array:
        """The gradient of the margin by the logits, shape (..., 1, 2LV): see `TokenPair.jacobian`."""
        return self._direction(pair, self.score(pair))

    def margin_and_direction(self, pair: TokenPair) -> tuple[Array, Array]:
        """The margin and its gradient by the logits."""
        score = self.score(pair)
        return self._margin(score), self._direction(pair, score)

    def gradient(self, pair: TokenPair) -> Array:
        """The gradient of the loss by the logits, shape (..., 1, 2LV)."""
        margin, direction = self.margin_and_direction(pair)
        return self.slope(margin)[..., None] * direction


@dataclass(frozen=True)
class PriorObjective:
    r"""MI-DPO under a prior of the tokens: -log sigma of alpha times the difference of :math:`\log\pi - \log\zeta`.

    Attributes:
        prior: the log-prior of the responses of a pair, up to a constant.
        alpha: scale of the reward, above 0, a number or an array (..., 1).
        fixed: whether its gradient holds the prior fixed instead of differentiating it.
    """

    prior: Callable[[TokenPair], Score]
    alpha: Any = 1
    fixed: bool = False

    def _logs(self, pair: TokenPair, prior: Score) -> tuple[Array, ...]:
        w, z = pair.log_likelihood().value, prior.value
        return w[..., :1], w[..., 1:], z[..., :1], z[..., 1:]

    def margin(self, pair: TokenPair) -> Array:
        """What is inside the sigmoid, shape (..., 1)."""
        return mi_dpo.margin(*self._logs(pair, self.prior(pair)), alpha=self.alpha)

    def value(self, pair: TokenPair) -> Array:
        """The loss, shape (..., 1), in nats."""
        return mi_dpo.value(*self._logs(pair, self.prior(pair)), alpha=self.alpha)

    def condition(self, pair: TokenPair) -> Array:
        """By how much relative errors of the terms of the margin grow in the loss, at least 1, shape (..., 1)."""
        size = (pair.log_likelihood() + self.prior(pair)).size.sum(-1)[..., None] * self.alpha
        return _condition(size, self.slope(self.margin(pair)), self.value(pair))

    def slope(self, margin: Array) -> Array:
        """The derivative of the loss at a margin, of its shape: minus a probability."""
        return link("logistic", margin, 1)

    def _direction(self, pair: TokenPair, prior: Score | None) -> Array:
        scale = self.alpha if getattr(self.alpha, "ndim", 0) else self.alpha + 0 * pair.token_logs[0][..., 0, :1]
        chosen, rejected = pair.jacobian(pair.log_likelihood().rows)
        if prior is None:
            return mi_dpo.gradient(scale, chosen, rejected)
        rows = dict(zip(("chosen_prior", "rejected_prior"), pair.jacobian(prior.rows), strict=True))
        return mi_dpo.gradient(scale, chosen, rejected, **rows)

    def direction(self, pair: TokenPair) -> Array:
        """The gradient of the margin by the logits, shape (..., 1, 2LV), the prior differentiated or held fixed."""
        return self._direction(pair, None if self.fixed else self.prior(pair))

    def margin_and_direction(self, pair: TokenPair) -> tuple[Array, Array]:
        """The margin and its gradient by the logits."""
        prior = self.prior(pair)
        margin = mi_dpo.margin(*self._logs(pair, prior), alpha=self.alpha)
        return margin, self._direction(pair, None if self.fixed else prior)

    def gradient(self, pair: TokenPair) -> Array:
        """The gradient of the loss by the logits, shape (..., 1, 2LV)."""
        margin, direction = self.margin_and_direction(pair)
        return self.slope(margin)[..., None] * direction


def _condition(size: Array, slope: Array, value: Array) -> Array:
    r""":math:`\sum|t_i|\,|f'(m)| / f(m)` for a margin :math:`m = \sum t_i`: its condition as a sum, times that of f."""
    growth = abs(slope) * size / abs(value)
    return growth + (1 - growth) * (growth < 1)


def on_tokens(objective: Objective) -> TokenObjective:
    """A loss of log-probabilities as a loss of tokens: its scores are sums over them.

    Args:
        objective: from `objectives.get`, logistic and with a margin that is a difference of scores.

    Returns:
        the same loss; a `reference` there is the one of the pair.

    Raises:
        ArgumentError: an objective of another form.

    >>> import numpy as np
    >>> from didlab import objectives
    >>> from didlab.objectives.token_pair import token_pair
    >>> pair = token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), [[0], [1]], [1, 1])
    >>> on_tokens(objectives.get("dpo")).value(pair).round(6)
    array([0.693147])
    """
    form = objective.form
    if not form.is_margin or form.link != "logistic":
        raise ArgumentError("objective", "logistic, its margin a difference of scores", repr(objective.name))

    def score(pair: TokenPair) -> Score:
        out = pair.log_likelihood().times(form.scale)
        if form.has("reference"):
            out = out - pair.reference_likelihood().times(form.reference)
        if form.per_token:
            out = out.times(1 / pair.length)
        if form.has("length"):
            out = out + Score(((form.length * pair.length)[..., None],))
        return out

    return TokenObjective(objective.name, score, form.offset)


def under_prior(prior: Callable[[TokenPair], Score], *, alpha: Any = 1, fixed: bool = False) -> PriorObjective:
    """MI-DPO under a prior.

    Args:
        prior: from pairs to log-priors, as in `objectives.priors`.
        alpha: scale of the reward, above 0.
        fixed: whether the prior is held fixed in the gradient.

    Returns:
        the loss.

    Raises:
        ArgumentError: alpha not above 0.

    >>> from didlab.objectives import priors
    >>> under_prior(priors.reference, alpha=2).alpha
    2
    """
    return PriorObjective(prior, positive("alpha", alpha), fixed)
