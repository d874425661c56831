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
from .token_pair import Score, TokenPair, total

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

    def margin(self, pair: TokenPair) -> Array:
        """The difference of the scores less the offset, shape (..., 1)."""
        terms = self.score(pair).terms
        parts = [x[..., :1, :] for x in terms] + [-x[..., 1:, :] for x in terms]
        if getattr(self.offset, "ndim", 0):
            parts.append(-self.offset[..., None])
            return total(parts)
        return total(parts) - self.offset if self.offset != 0 else total(parts)

    def value(self, pair: TokenPair) -> Array:
        """The loss, shape (..., 1), in nats."""
        x = self.margin(pair)
        return link("logistic", x) if self.sigmoid else -x

    def direction(self, pair: TokenPair) -> Array:
        """The gradient of the margin by the logits, shape (..., 1, 2LV): see `TokenPair.jacobian`."""
        chosen, rejected = pair.jacobian(self.score(pair).rows)
        return chosen - rejected

    def slope(self, pair: TokenPair) -> Array:
        """The derivative of the loss by the margin, shape (..., 1): minus a probability, or -1."""
        x = self.margin(pair)
        return link("logistic", x, 1) if self.sigmoid else 0 * x - 1

    def gradient(self, pair: TokenPair) -> Array:
        """The gradient of the loss by the logits, shape (..., 1, 2LV)."""
        return self.slope(pair)[..., None] * self.direction(pair)


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

    def _logs(self, pair: TokenPair) -> tuple[Array, ...]:
        w, z = pair.log_likelihood().value, self.prior(pair).value
        return w[..., :1], w[..., 1:], z[..., :1], z[..., 1:]

    def margin(self, pair: TokenPair) -> Array:
        """What is inside the sigmoid, shape (..., 1)."""
        return mi_dpo.margin(*self._logs(pair), alpha=self.alpha)

    def value(self, pair: TokenPair) -> Array:
        """The loss, shape (..., 1), in nats."""
        return mi_dpo.value(*self._logs(pair), alpha=self.alpha)

    def slope(self, pair: TokenPair) -> Array:
        """The derivative of the loss by the margin, shape (..., 1): minus a probability."""
        return link("logistic", self.margin(pair), 1)

    def direction(self, pair: TokenPair) -> Array:
        """The gradient of the margin by the logits, shape (..., 1, 2LV), the prior differentiated or held fixed."""
        alpha = self.alpha if getattr(self.alpha, "ndim", 0) else self.alpha + 0 * pair.log_likelihood().value[..., :1]
        chosen, rejected = pair.jacobian(pair.log_likelihood().rows)
        if self.fixed:
            return mi_dpo.gradient(alpha, chosen, rejected)
        prior = dict(zip(("chosen_prior", "rejected_prior"), pair.jacobian(self.prior(pair).rows), strict=True))
        return mi_dpo.gradient(alpha, chosen, rejected, **prior)

    def gradient(self, pair: TokenPair) -> Array:
        """The gradient of the loss by the logits, shape (..., 1, 2LV)."""
        return self.slope(pair)[..., None] * self.direction(pair)


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
