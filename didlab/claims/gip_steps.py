r"""Steps of any length: what is left of Eqs 6 and 7 when the change is the actual one.

Logits are linear in the parameters, :math:`z_k = \log w_k + J_k\theta`, so that a margin loss moves them along
:math:`J_w - J_l`. With a step of :math:`\log t` every probability after it is rational.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Threshold
from ..engine.models import LocalModel
from ..engine.relations import Relation, at_least, both, greater, iff, implies
from .gip_formulas import A, B, C, gram

DRAWS = (LocalModel(batch=(1,), largest=3), Threshold("step"))
AFTER = r"\theta' = \theta + s(\nabla\log\pi_w - \nabla\log\pi_l),\; s > 0"


def of(table: Any, outcome: Any) -> Any:
    """The row of an outcome (..., 1) in a table (..., K, D); or its entry in (..., K)."""
    if np.ndim(table) > np.ndim(outcome):
        return np.take_along_axis(table, outcome[..., None], -2)[..., 0, :]
    return np.take_along_axis(table, outcome, -1)


def after(probability: Any, jacobian: Any, chosen: Any, rejected: Any, step: Any) -> Any:
    """Probabilities after a step along the difference of the two gradients, which is that of the slopes."""
    direction = of(jacobian, chosen) - of(jacobian, rejected)
    weights = probability * carrier_of(step).exp(step * (jacobian * direction[..., None, :]).sum(-1))
    return weights / weights.sum(-1, keepdims=True)


def gram_of(probability: Any, jacobian: Any, chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """The squared norms and the inner product of the two gradients at the start."""
    mean = (probability[..., None] * jacobian).sum(-2)
    return gram(of(jacobian, chosen) - mean, of(jacobian, rejected) - mean)


@claim("gip.eq-6.finite", where="Eq 6", title="The margin grows by a step of any length", draws=DRAWS,
       statement=rf"\log\tfrac{{\pi_{{\theta'}}(y_w)}}{{\pi_{{\theta'}}(y_l)}} \ge \log\tfrac{{\pi_\theta(y_w)}}{{\pi_\theta(y_l)}}, \quad {AFTER}",
       reading="the actual change, for logits linear in the parameters; any step of a loss of the margin that descends",
       neighbours={"above": {"strict": True}, "the chosen one rises": {"of_": "chosen"}, "the rejected one falls": {"of_": "rejected"}})
def eq_6_finite(probability: Any, jacobian: Any, chosen: Any, rejected: Any, step: Any, *, strict: bool = False,
                of_: str = "margin") -> Relation:
    moved = after(probability, jacobian, chosen, rejected, step)
    w, x, w2, x2 = of(probability, chosen), of(probability, rejected), of(moved, chosen), of(moved, rejected)
    pair = {"margin": (w2 * x, w * x2), "chosen": (w2, w), "rejected": (x, x2)}[of_]
    return (greater if strict else at_least)(*pair, "after and before, cross-multiplied")


@claim("gip.eq-7.finite", where="Eq 7", title="The conditions of Eq 7 decide what a step of any length does", draws=DRAWS,
       statement=rf"{B} \le {A} \iff \log\pi_{{\theta'}}(y_w) \ge \log\pi_\theta(y_w) \text{{ and }} "
                 rf"{B} \le {C} \iff \log\pi_{{\theta'}}(y_l) \le \log\pi_\theta(y_l), \quad {AFTER}",
       reading="increase and decrease of the log-likelihoods themselves, for logits linear in the parameters",
       note="Log-likelihoods are concave there, so that long steps can lower what first rises; what the conditions say about "
            "a fall is true of every step, what they say about a rise of short ones only.")
def eq_7_finite(probability: Any, jacobian: Any, chosen: Any, rejected: Any, step: Any) -> Relation:
    a, b, c = gram_of(probability, jacobian, chosen, rejected)
    moved = after(probability, jacobian, chosen, rejected, step)
    return both(iff(at_least(a, b, "chosen norm and inner product"), at_least(of(moved, chosen), of(probability, chosen), "chosen")),
                iff(at_least(c, b, "rejected norm and inner product"), at_least(of(probability, rejected), of(moved, rejected), "rejected")))


@eq_7_finite.corrected(
    rf"{B} \ge {A} \implies \log\pi_{{\theta'}}(y_w) \le \log\pi_\theta(y_w) \text{{ and }} "
    rf"{B} \le {C} \implies \log\pi_{{\theta'}}(y_l) \le \log\pi_\theta(y_l) \text{{ at every step length}}",
    neighbours={"the chosen one rises otherwise": {"rise": "chosen"}, "the rejected one rises otherwise": {"rise": "rejected"},
                "from half the chosen norm": {"half": True}, "strictly": {"strict": True}})
def _falls(probability: Any, jacobian: Any, chosen: Any, rejected: Any, step: Any, *, rise: str = "", half: bool = False,
           strict: bool = False) -> Relation:
    a, b, c = gram_of(probability, jacobian, chosen, rejected)
    moved = after(probability, jacobian, chosen, rejected, step)
    w, x, w2, x2 = of(probability, chosen), of(probability, rejected), of(moved, chosen), of(moved, rejected)
    test = greater if strict else at_least
    parts = [implies(at_least(2 * b if half else b, a, "inner product and chosen norm"), test(w, w2, "chosen before and after")),
             implies(at_least(c, b, "rejected norm and inner product"), test(x, x2, "rejected before and after"))]
    if rise == "chosen":
        parts.append(implies(greater(a, b), greater(w2, w)))
    if rise == "rejected":
        parts.append(implies(greater(b, c), greater(x2, x)))
    return both(*parts)
