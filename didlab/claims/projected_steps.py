"""DPO-PG lowers the loss of the chosen responses and not that of the rejected ones: Theorems H.4 and H.5."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.models import LocalModel
from ..engine.relations import equal, forall, greater, iff, implies, negation
from .projected_formulas import (
    ANY,
    MULTIPLE,
    NOT_ZERO,
    TABLE,
    along,
    descends,
    direction,
    dot,
    not_multiple,
    not_zero,
    positive,
    variance,
)

__all__: list[str] = []


# ---------------------------------------------------------------------------------------------- Theorem H.4

H4 = r"\Delta\theta \text{ is a descent direction of } L(y_w)"
H4_NEIGHBOURS = {"max dropped": dict(form="hyperplane"), "roles swapped": dict(form="swapped"),
                 "sign flipped": dict(form="ascent"), "difference of the gradients": dict(form="contrast"),
                 "not normalised": dict(form="not normalised"),
                 "norm of the other gradient": dict(form="norm of the chosen")}
CLEAR = ("max dropped", "roles swapped", "sign flipped")  # false for one pair of a softmax policy too


@claim("did.thm-h.4", where="Thm H.4", title="DPO-PG makes the chosen likelier", statement=H4,
       draws=(LocalModel(curved=0.4),), symbolic=(), reading=ANY + NOT_ZERO,
       neighbours={name: H4_NEIGHBOURS[name] for name in (*CLEAR, "difference of the gradients")},
       note="The printed Cauchy-Schwarz step is strict; it is an equality for parallel gradients, and where they point "
            "the same way the step is 0.")
def chosen_descends(chosen_gradient: Any, rejected_gradient: Any, chosen_hessian: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return implies(not_zero(chosen=chosen_gradient, rejected=rejected_gradient),
                   descends(-dot(v, chosen_gradient), along(v, chosen_hessian), "L of the chosen"))


@chosen_descends.assuming(MULTIPLE)
def moves(chosen_gradient: Any, rejected_gradient: Any):
    return not_multiple(chosen_gradient, rejected_gradient)


@claim("did.thm-h.4.exactly", where="Thm H.4", title="Exactly when DPO-PG makes the chosen likelier",
       statement=H4 + r" \text{ iff } \nabla L(y_w) \text{ is not a non-negative multiple of } \nabla L(y_l)",
       draws=(LocalModel(),), symbolic=(),
       reading=ANY + "Where the rejected gradient is 0, the direction is the chosen gradient. Not in the paper: the sharp form.",
       neighbours={"roles swapped": dict(form="swapped"), "max dropped": dict(form="hyperplane"),
                   "not normalised": dict(form="not normalised"), "difference of the gradients": dict(form="contrast"),
                   "not projected": dict(form="unprojected")})
def chosen_exactly(chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return iff(greater(dot(v, chosen_gradient), 0, "the step lowers L of the chosen"),
               not_multiple(chosen_gradient, rejected_gradient))


@claim("did.thm-h.4.softmax", where="Thm H.4", title="DPO-PG makes the chosen likelier: softmax policy, batches",
       statement=H4, draws=(LocalModel("logits", batch=(1, 2, 3)),), symbolic=(), reading=TABLE + NOT_ZERO,
       neighbours=H4_NEIGHBOURS)
def chosen_descends_softmax(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return implies(not_zero(chosen=chosen_gradient, rejected=rejected_gradient),
                   descends(-dot(v, chosen_gradient), variance(probability, v), "L of the chosen"))


chosen_descends_softmax.assuming(MULTIPLE)(moves)


@claim("did.thm-h.4.softmax-pair", where="Thm H.4", title="DPO-PG makes the chosen likelier: softmax policy, one pair",
       statement=H4, draws=(LocalModel("logits", batch=(1,)),), symbolic=(),
       reading=TABLE + "One pair of different responses.",
       neighbours={name: H4_NEIGHBOURS[name] for name in CLEAR})
def chosen_descends_pair(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed"):
    return chosen_descends_softmax(probability, chosen_gradient, rejected_gradient, form=form)


# ---------------------------------------------------------------------------------------------- Theorem H.5

H5 = r"\Delta\theta \text{ is not a descent direction of } L(y_l)"
H5_NEIGHBOURS = {"not projected": dict(form="unprojected"), "roles swapped": dict(form="swapped"),
                 "min for max": dict(form="wrong half"),
                 "norm of the other gradient": dict(form="norm of the chosen")}


@claim("did.thm-h.5", where="Thm H.5", title="DPO-PG does not make the rejected likelier", statement=H5,
       draws=(LocalModel(curved=0.3),), symbolic=(), reading=ANY + "The rejected gradient is not 0.",
       neighbours=H5_NEIGHBOURS,
       note="The printed proof shows that the slope is not negative. A direction of slope 0 is a descent direction "
            "where the second derivative is negative: the projection leaves slope exactly 0 whenever it acts. Half of the "
            "ordinary models are drawn with linear logits, which is what the share of the assumption counts: the table of "
            "section 3.5 has them, a language model does not.")
def rejected_not_descending(chosen_gradient: Any, rejected_gradient: Any, rejected_hessian: Any, *,
                            form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return implies(greater(dot(rejected_gradient, rejected_gradient), 0, "the rejected gradient is not 0"),
                   negation(descends(-dot(v, rejected_gradient), along(v, rejected_hessian), "L of the rejected")))


@rejected_not_descending.assuming(
    r"\text{the logits are linear in } \theta \text{, so that } -\log\pi_\theta(y) \text{ is convex}",
    draws=(LocalModel(curved=0.1),))
def linear_logits(curvature: Any):
    c = curvature + curvature.swapaxes(-1, -2)
    return forall(equal(c, 0, "the second derivatives of the logits"))


@claim("did.thm-h.5.first-order", where="Thm H.5, proof",
       title="DPO-PG is orthogonal to the rejected gradient or ascends",
       statement=r"\Delta\theta\cdot\nabla L(y_l) = \eta\max(0, -\nabla L(y_w)\cdot\nabla L(y_l)) \ge 0",
       draws=(LocalModel(),), symbolic=(), reading="Any parameters and batches; what the printed proof shows.",
       neighbours={"without the max": dict(form="hyperplane"), "not projected": dict(form="unprojected"),
                   "norm of the other gradient": dict(form="norm of the chosen"), "reflected": dict(form="reflected")})
def rejected_slope(chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return equal(-dot(v, rejected_gradient), positive(-dot(chosen_gradient, rejected_gradient)),
                 "the slope of L of the rejected")


@claim("did.thm-h.5.softmax", where="Thm H.5", title="DPO-PG does not make the rejected likelier: softmax policy",
       statement=H5, draws=(LocalModel("logits", batch=(1, 2, 3)),), symbolic=(), reading=TABLE,
       neighbours=H5_NEIGHBOURS)
def rejected_not_descending_softmax(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *,
                                    form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    return negation(descends(-dot(v, rejected_gradient), variance(probability, v), "L of the rejected"))


# ---------------------------------------------------------------------------------------------- Corollary H.5.1
