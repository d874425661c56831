r"""What one step on one preference pair does to log-probabilities, predicted to first order and exactly.

Every update here moves the parameters along the two gradients of the pair,

.. math:: \Theta' = \Theta + \eta\,(p_w \nabla\log\pi(y_w) + p_l \nabla\log\pi(y_l)),

with pulls p that depend on the update: :math:`(-d_w, -d_l)` for a loss of slopes d,
:math:`(1, -\max(0, G_{wl})/G_{ll})` for DPO-PG, :math:`(-d_w/\sqrt{G_{ww}}, -d_l/\sqrt{G_{ll}})` for
pairwise-normalised gradients. On a linear softmax layer the step changes the logits of token t by exactly
:math:`\eta\delta_t`, :math:`\delta_t = \phi_t^\top(\Theta'-\Theta)/\eta`, and the log-probability of any token by

.. math:: \Delta\log s[y] = \underbrace{\eta\,\langle r, \delta\rangle}_{\text{first order}}
    - \underbrace{\log E_s\,e^{\eta(\delta - E_s\delta)}}_{\ge 0},
    \qquad \log E_s\,e^{\eta(\delta - E_s\delta)} = \tfrac{\eta^2}{2}\mathrm{Var}_s\,\delta + O(\eta^3),

so that no log-probability of any response ever rises by more, or falls by less, than the first order says. Both parts
are computed without cancellation: the second as :math:`\log(1 + E_s[e^u - 1 - u])` where u is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import broadcasts, combining, instance, is_tensor, naming, number, rectangular, several
from ..carriers import Floats, carrier_of
from ..errors import ArgumentError
from ..objectives import Objective
from ..sequences import linear
from ..sequences.linear import Gram
from ..sequences.model import (
    TokenModel,
    checked_model,
    log_probability,
    token_logits,
    token_probabilities,
    token_residuals,
)
from ..sequences.prefixes import tokens_of
from .rules import Rule

__all__ = ["PairStep", "cases", "first_order", "pair_step", "pulls", "table_1"]

Array = Any


def pulls(update: Objective | Rule, gram: Gram, slopes: tuple[Array, Array]) -> tuple[Array, Array]:
    r"""How far an update moves along each of the two gradients, :math:`(p_w, p_l)`.

    Args:
        update: an objective, or one of the rules of `dynamics.rules`.
        gram: inner products of the gradients of :math:`\log\pi(y_w)` and :math:`\log\pi(y_l)`.
        slopes: :math:`d_w, d_l` of the loss (of that which supplies the weights of a rule).

    Returns:
        the pair; an update that moves along no gradient of norm 0.

    >>> from didlab.dynamics.rules import dpo_pg
    >>> [float(x) for x in pulls(dpo_pg(), Gram(*np.array([1.0, 0.5, 2.0])), (None, None))]
    [1.0, -0.25]

    Ref: "Common pitfalls of margin-based preference optimization", Eqs 9 and 10; Won et al. 2025, Definition H.1.
    """
    if isinstance(update, Objective):
        return -slopes[0], -slopes[1]
    if update.form.link == "none":
        return 0 * gram.ww + 1, -(gram.wl * (gram.wl > 0)) / _or_one(gram.ll)
    return -slopes[0] / _root(_or_one(gram.ww)), -slopes[1] / _root(_or_one(gram.ll))


def first_order(pull: tuple[Array, Array], gram: Gram) -> tuple[Array, Array]:
    r"""First-order changes of :math:`\log\pi(y_w)` and :math:`\log\pi(y_l)` per unit of step size.

    .. math:: (p_w G_{ww} + p_l G_{wl},\; p_w G_{wl} + p_l G_{ll})

    Args:
        pull: the pulls of an update, :math:`(-d_w, -d_l)` for a loss.
        gram: inner products of the gradients.

    Returns:
        the changes of the chosen and of the rejected log-probability, in nats per unit of step size.

    Raises:
        ArgumentError: not a pair, or not inner products.

    >>> first_order((0.5, -0.5), Gram(1.0, 2.0, 5.0))
    (-0.5, -1.5)

    Ref: "Common pitfalls of margin-based preference optimization", Eq 5.
    """
    instance("gram", gram, Gram, "a Gram")
    parts = several("pull", pull, object, "a pair of numbers or arrays")
    kinds = {"f" if is_tensor(p) else rectangular("pull", p).dtype.kind for p in parts}
    if len(parts) != 2 or not kinds <= {*"fiuO"}:
        raise ArgumentError("pull", "a pair of numbers or arrays", f"{len(parts)} of {type(pull).__name__}")
    p_w, p_l = parts
    with combining("pull"):
        return p_w * gram.ww + p_l * gram.wl, p_w * gram.wl + p_l * gram.ll


def cases(change_w: Array, change_l: Array) -> Array:
    r"""Which of the three cases of Table 1 two changes fall under, as printed: at a tie under several.

    ======  ====================================
    case 1  :math:`\Delta_w \ge 0 \ge \Delta_l`
    case 2  :math:`0 \ge \Delta_w \ge \Delta_l`
    case 3  :math:`\Delta_w \ge \Delta_l \ge 0`
    ======  ====================================

    Args:
        change_w, change_l: changes of the chosen and the rejected log-probability.

    Returns:
        booleans, shape (..., 3); none is true where the margin falls.

    Raises:
        ArgumentError: not real numbers, or shapes that do not broadcast.

    >>> cases(np.array([1.0, -1.0, 0.0]), np.array([-1.0, -2.0, 0.0])).tolist()
    [[True, False, False], [False, True, False], [True, True, True]]

    Ref: "Common pitfalls of margin-based preference optimization", Table 1.
    """
    w, l = _ordered("change_w", change_w), _ordered("change_l", change_l)  # noqa: E741
    broadcasts("change_l", l.shape, w.shape)
    rows = ((w >= 0) & (l <= 0), (w <= 0) & (w >= l), (l >= 0) & (w >= l))
    return np.stack([np.asarray(x, dtype=bool) for x in rows], -1)


def _ordered(name: str, x: Any) -> np.ndarray:
    """An array of numbers that can be compared."""
    out = rectangular(name, x)
    if out.dtype.kind not in "fiuO":
        raise ArgumentError(name, "an array of real numbers", f"dtype {out.dtype}")
    with combining(name):
        bool(np.all(out >= 0))
    return out


def table_1(gram: Gram) -> Array:
    r"""The three conditions of Table 1 on the gradients, for a step of DPO, as printed.

    Args:
        gram: inner products of the gradients.

    Returns:
        booleans, shape (..., 3).

    Raises:
        ArgumentError: not inner products.

    >>> table_1(Gram(1.0, 2.0, 5.0)).tolist()
    [False, True, False]

    Ref: "Common pitfalls of margin-based preference optimization", Table 1.
    """
    ww, wl, ll = (np.asarray(x) for x in instance("gram", gram, Gram, "a Gram"))
    rows = ((wl <= ww) & (wl <= ll), (ww <= wl) & (wl <= ll), (ll <= wl) & (wl <= ww))
    return np.stack([np.asarray(x, dtype=bool) for x in rows], -1)


@dataclass(frozen=True, eq=False)
class PairStep:
    r"""A step of a token model on pairs of sequences, of any size :math:`\eta` (build one with `pair_step`).

    Attributes:
        model: the token model before the step.
        chosen, rejected: tokens, shapes (..., Lw) and (..., Ll).
        pull: :math:`(p_w, p_l)`, each of shape (...).
        gram: inner products of the gradients, each of shape (...).
        direction: :math:`(\Theta' - \Theta)/\eta`, shape (..., D, V).
    """

    model: TokenModel
    chosen: np.ndarray
    rejected: np.ndarray
    pull: tuple[Array, Array]
    gram: Gram
    direction: Array

    def predicted(self, sequences: Any) -> Array:
        """First-order change of the log-probability of each token, per unit of step size, shape (..., L)."""
        return (token_residuals(self.model, sequences) * self.shift(sequences)).sum(-1)

    def predicted_by_gram(self, sequences: Any) -> Array:
        """The same from inner products of gradients of tokens alone, without the direction."""
        mine = (self.model.features(sequences), token_residuals(self.model, sequences))
        total: Array = 0
        for p, y in zip(self.pull, (self.chosen, self.rejected), strict=True):
            inner = linear.token_inner_products(*mine, self.model.features(y), token_residuals(self.model, y))
            total = total + p[..., None] * inner.sum(-1)
        return total

    def shift(self, sequences: Any) -> Array:
        r"""Changes of the logits along sequences per unit of step size, :math:`\delta`, shape (..., L, V)."""
        return self.model.features(sequences) @ self.direction

    def spread(self, sequences: Any) -> tuple[Array, Array]:
        r"""The rows s along sequences, and :math:`\delta - E_s\delta`, each of shape (..., L, V)."""
        s, delta = token_probabilities(self.model, sequences), self.shift(sequences)
        # differences to one entry first: what is common to a row is no change at all
        delta = delta - delta[..., :1]
        return s, delta - (s * delta).sum(-1)[..., None]

    def curvature(self, sequences: Any) -> Array:
        r"""Second-order coefficient of each token, :math:`-\tfrac12\mathrm{Var}_s\,\delta`, shape (..., L)."""
        s, u = self.spread(sequences)
        return -(s * u * u).sum(-1) / 2

    def remainder(self, sequences: Any, size: Any) -> Array:
        r"""Change less its first-order prediction, of each token, in nats, shape (..., L): never above 0.

        Args:
            sequences: tokens, shape (..., L).
            size: :math:`\eta`, a number.
        """
        number("size", size)
        s, u = self.spread(sequences)
        c, u = carrier_of(s), size * u
        if not isinstance(c, Floats):
            return -c.log((s * c.exp(u)).sum(-1))
        u = u + 0 * s
        small = c.where(abs(u) <= 1, u, 0 * u)
        excess = c.kl_terms(s + 0 * u, s * c.exp(small), -small).sum(-1)  # s (e^u - 1 - u)
        near = (abs(u) <= 1).all(-1)
        z = token_logits(self.model, sequences)
        far = c.log_sum_exp(c.log_softmax(z) + u)
        return -c.where(near, c.log1p(c.where(near, excess, 0 * excess)), far)

    def change(self, sequences: Any, size: Any) -> Array:
        r"""The actual change of each token's log-probability after a step of a finite size, in nats, shape (..., L).

        Args:
            sequences: tokens, shape (..., L).
            size: :math:`\eta`, a number.
        """
        return size * self.predicted(sequences) + self.remainder(sequences, size)

    def moved(self, size: Any) -> Array:
        """The parameters after a step of the given size, shape (..., D, V)."""
        return self.model.parameters + number("size", size) * self.direction


def pair_step(
    model: TokenModel, chosen: Any, rejected: Any, update: Objective | Rule, *, reference: TokenModel | None = None
) -> PairStep:
    r"""The step of an objective or an update rule on preference pairs, one step for each pair.

    Args:
        model: a token model.
        chosen, rejected: tokens, shapes (..., Lw) and (..., Ll), batch axes alike.
        update: an objective, `dpo_pg()` or `normalised(...)`.
        reference: another token model for the losses that use one; the model itself if left out.

    Returns:
        the step, for any size and any sequences.

    Raises:
        ArgumentError: tokens outside the vocabulary, or a model or an update of another type.

    >>> from didlab.objectives import get
    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> step = pair_step(PrefixTable(np.zeros((1, 2))), [0], [1], get("dpo", beta=1.0))
    >>> step.predicted([0]).tolist(), step.change([0], 0.1).round(4).tolist()
    ([0.5], [0.0488])

    Ref: "Common pitfalls of margin-based preference optimization", sections 3.1 and 3.2.
    """
    if not isinstance(update, Objective | Rule):
        raise ArgumentError("update", "an objective or an update rule", type(update).__name__)
    vocabulary, ref = checked_model("model", model).parameters.shape[-1], model
    if reference is not None:
        ref = checked_model("reference", reference)
    with naming(sequences="chosen"):
        w = tokens_of(chosen, vocabulary)
    with naming(sequences="rejected"):
        l = tokens_of(rejected, vocabulary)  # noqa: E741
    parts: list[tuple[Array, Array]] = []
    for name, y in (("chosen", w), ("rejected", l)):
        with naming(index=name, sequences=name):
            parts.append((model.features(y), token_residuals(model, y)))
    gram = linear.sequence_gram(*parts[0], *parts[1])
    v_w, v_l, r_w, r_l = (log_probability(m, y)[..., None] for m, y in ((model, w), (model, l), (ref, w), (ref, l)))
    slopes = update.form.slopes(v_w, v_l, r_w, r_l, w.shape[-1], l.shape[-1])
    p_w, p_l = pulls(update, gram, (slopes[0][..., 0], slopes[1][..., 0]))
    gradients = [linear.sequence_gradient(*part) for part in parts]
    direction = p_w[..., None, None] * gradients[0] + p_l[..., None, None] * gradients[1]
    return PairStep(model, w, l, (p_w, p_l), gram, direction)


def _or_one(x: Array) -> Array:
    """x, and 1 where x is 0: there its numerator is 0 too."""
    return x + 1 * (x == 0)


def _root(x: Array) -> Array:
    if is_tensor(x) or np.asarray(x).dtype != object:
        return x**0.5
    from ..exact import to_arb

    return np.frompyfunc(lambda v: to_arb(v).sqrt(), 1, 1)(x)
