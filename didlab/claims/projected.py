r"""Statements about DPO-Projected Gradient: Appendix H of the DID paper.

Gradients are those of mean negative log-likelihoods L, as in Definition H.1, of a policy near one point of its
parameter space; the step is :math:`\Delta\theta = -\eta v` with :math:`\eta > 0`. A direction is a descent direction of
a smooth function if its slope along it is negative, or zero with negative curvature; it is none if the slope is
positive, or zero with positive curvature, or if it is the zero vector. A convex function of slope zero along a direction
does not fall along it at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics.projected import dpo_pg_direction
from ..engine.claim import claim
from ..engine.kinds import Integers, Numbers
from ..engine.models import Functions, LocalModel, cubic
from ..engine.relations import Relation, at_least, both, equal, exists, forall, greater, iff, implies, negation
from .projected_formulas import along, direction, dot, not_multiple, not_zero, one_of, unless_zero

__all__: list[str] = []


# ---------------------------------------------------------------------------------------------- Definition H.1

@claim(
    "did.def-h.1", where="Def H.1", title="The DPO-PG direction is the projection onto what does not help the rejected",
    statement=r"v = \nabla L(y_w) - \frac{\max(0, \nabla L(y_w)\cdot\nabla L(y_l))}{\|\nabla L(y_l)\|^2} \nabla L(y_l)"
              r"\text{ is defined, and is the point of } \{u : u\cdot\nabla L(y_l) \le 0\}"
              r"\text{ nearest to } \nabla L(y_w)",
    draws=(LocalModel(),), symbolic=(),
    reading="Any parameters and batches. The chosen gradient is not 0. Nearest point by its conditions (Karush, Kuhn, "
            "Tucker).",
    neighbours={
        "without the max": dict(form="hyperplane"), "denominator not squared away": dict(form="not normalised"),
        "norm of the other gradient": dict(form="norm of the chosen"), "reflected": dict(form="reflected"),
        "min for max": dict(form="wrong half"),
    },
)
def projection(chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    moved = chosen_gradient - v
    square = dot(rejected_gradient, rejected_gradient)
    share = dot(moved, rejected_gradient)
    return implies(not_zero(chosen=chosen_gradient), both(
        greater(square, 0, "the denominator is not 0"),
        at_least(0, dot(v, rejected_gradient), "v does not help the rejected"),
        at_least(share, 0, "it is moved against the rejected gradient"),
        forall(equal(square * moved, share * rejected_gradient, "and along it")),
        equal(share * dot(v, rejected_gradient), 0, "only as far as needed"),
    ))


@projection.assuming(r"\nabla L(y_l) \ne 0")
def rejected_moves(rejected_gradient: Any):
    return exists(negation(equal(rejected_gradient, 0, "an entry of the rejected gradient is 0")))


def adam(v: Any) -> Any:
    """Adam's first step from the gradient v, over the step size, with its usual epsilon."""
    return v / (abs(v) + one_of(v) / 10**8)




def guarantee(u: Any, g_w: Any, g_l: Any) -> Relation:
    """The step -u lowers L(y_w) and does not lower L(y_l), to first order."""
    return both(greater(dot(u, g_w), 0, "the step lowers L of the chosen"),
                at_least(0, dot(u, g_l), "the step does not lower L of the rejected"))


METRIC = (r"\text{Let } P > 0 \text{ be the diagonal that the optimiser multiplies gradients by. With }"
          r" v_P = \nabla L(y_w)"
          r" - \frac{\max(0, \nabla L(y_w)^\top P\, \nabla L(y_l))}{\nabla L(y_l)^\top P\, \nabla L(y_l)}"
          r" \nabla L(y_l),"
          r" \text{ the step } -\eta P v_P \text{ never lowers } L(y_l) \text{ to first order, and lowers } L(y_w)"
          r" \text{ iff } \nabla L(y_w) \text{ is not a non-negative multiple of } \nabla L(y_l)")
METRIC_NEIGHBOURS = {
    "Euclidean projection, then the optimiser": dict(form="before"),
    "Euclidean projection of the optimiser's step": dict(form="after"),
    "inverse metric": dict(form="inverse"), "strict": dict(strict=True), "no projection": dict(form="none"),
}


def in_metric(chosen_gradient: Any, rejected_gradient: Any, preconditioner: Any, *, form: str = "metric",
              strict: bool = False):
    g_w, g_l, p = chosen_gradient, rejected_gradient, preconditioner
    match form:
        case "metric":
            u = p * dpo_pg_direction(g_w, g_l, preconditioner=p)
        case "before":
            u = p * dpo_pg_direction(g_w, g_l)
        case "after":
            u = dpo_pg_direction(p * g_w, g_l)
        case "inverse":
            u = p * dpo_pg_direction(g_w, g_l, preconditioner=one_of(p) / p)
        case _:
            u = p * g_w
    compare = greater if strict else at_least
    return both(iff(greater(dot(u, g_w), 0, "the step lowers L of the chosen"), not_multiple(g_w, g_l)),
                compare(0, dot(u, g_l), "the step does not lower L of the rejected"))


PRECONDITIONER = Integers("preconditioner", low=1, high=9)


@claim(
    "did.app-h.adaptive", where="Def H.1", title="DPO-PG inside Adam keeps the guarantee of DPO-PG",
    statement=r"\text{With } v \ne 0 \text{ handed to Adam as the gradient, the first step lowers } L(y_w)"
              r" \text{ and does not lower } L(y_l), \text{ to first order in the step size}",
    draws=(LocalModel(batch=(1,)),), symbolic=(),
    reading="Adam's first step, v / (|v| + epsilon) per parameter with epsilon = 1e-8; that of RMSprop is proportional "
            "to it as epsilon vanishes.",
    note="The corrected direction needs P before the gradient is known: the second moments of the earlier steps. "
         "Momentum, which mixes in earlier directions, is a further change and is not judged here.",
)
def adam_first(chosen_gradient: Any, rejected_gradient: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return implies(greater(dot(v, v), 0, "the direction is not 0"),
                   guarantee(adam(v), chosen_gradient, rejected_gradient))


adam_first.corrected(METRIC, draws=(LocalModel(batch=(1,)), PRECONDITIONER), symbolic=(),
                     neighbours=METRIC_NEIGHBOURS)(in_metric)


@claim(
    "did.app-h.adaptive.state", where="Def H.1",
    title="DPO-PG inside RMSprop, at any step, keeps the guarantee of DPO-PG",
    statement=r"\text{With } v \ne 0 \text{ as the gradient, the step } -\eta P v \text{ lowers } L(y_w)"
              r" \text{ and does not lower } L(y_l), \text{ to first order in the step size}",
    draws=(LocalModel(batch=(1,)), PRECONDITIONER), symbolic=(),
    reading="The optimiser's second moments are any positive numbers; P is one over their square roots.",
)
def preconditioned(chosen_gradient: Any, rejected_gradient: Any, preconditioner: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return implies(greater(dot(v, v), 0, "the direction is not 0"),
                   guarantee(preconditioner * v, chosen_gradient, rejected_gradient))


preconditioned.corrected(METRIC, symbolic=(), neighbours=METRIC_NEIGHBOURS)(in_metric)


@claim(
    "did.app-h.clipping", where="Def H.1", title="L2 clipping of the DPO-PG direction keeps its guarantee",
    statement=r"\text{For every threshold } c > 0, \text{ clipping } v \text{ to L2 norm } c"
              r"\text{ gives a step that lowers } L(y_w) \text{ iff } v \text{ does, by } \|v\|\min(\|v\|, c)"
              r"\text{ per unit step size, and does not lower } L(y_l), \text{ to first order}",
    draws=(LocalModel(), Numbers("threshold")), symbolic=(),
    reading="The threshold is written as a multiple t of the norm of v: c = t |v|, which is every threshold where v "
            "is not 0.",
    neighbours={"clipped entry by entry": dict(form="by value"), "always scaled to the threshold": dict(form="scaled"),
                "clipped, not projected": dict(form="unprojected"), "strict": dict(strict=True),
                "each entry shrunk": dict(form="shrunk")},
)
def clipping(chosen_gradient: Any, rejected_gradient: Any, threshold: Any, *, form: str = "norm", strict: bool = False):
    g_w, g_l = chosen_gradient, rejected_gradient
    v = g_w if form == "unprojected" else dpo_pg_direction(g_w, g_l)
    t = threshold
    least = (t + 1 - abs(t - 1)) / 2
    match form:
        case "by value":  # each entry to at most t times the largest
            bound = threshold * abs(v).max(-1, keepdims=True)
            u = (abs(v + bound) - abs(v - bound)) / 2
        case "shrunk":
            bound = threshold * abs(v).max(-1, keepdims=True) / 10**3
            u = (abs(v + bound) + abs(v - bound)) / 2 - bound
            u = v - (v - v * abs(u) / unless_zero(abs(v)))
        case "scaled":
            u = threshold * v
        case _:
            u = least * v
    size, compare = dot(v, v), greater if strict else at_least
    return both(
        iff(greater(dot(u, g_w), 0, "the clipped step lowers L of the chosen"),
            greater(dot(v, g_w), 0, "the step lowers L of the chosen")),
        equal(dot(u, g_w), least * size, "by the clipped amount"),
        compare(0, dot(u, g_l), "the clipped step does not lower L of the rejected"),
        at_least(t * t * size, dot(u, u), "the clipped direction is no longer than the threshold"),
    )


# ---------------------------------------------------------------------------------------------- Lemma H.3

@claim(
    "did.lemma-h.3", where="Lemma H.3", title="A direction of negative slope is a descent direction",
    statement=r"\Delta\theta\cdot\nabla f(\theta) < 0 \implies \exists \bar\alpha > 0:"
              r"\ f(\theta + \alpha\Delta\theta) < f(\theta)\ \forall \alpha \in (0, \bar\alpha)",
    draws=(Functions(),), symbolic=(),
    reading="f is cubic plus a term that is differentiable once and not twice. The bound found for the step proves the "
            "sign between the points at which f is evaluated, too.",
    neighbours={"slope 0 is enough": dict(form="weak"), "only if": dict(form="converse"),
                "every step up to the direction itself": dict(form="whole"),
                "slope 0 and negative curvature never descend": dict(form="never")},
)
def negative_slope(slope: Any, bend: Any, cube: Any, kink: Any, direction: Any, *, form: str = "printed"):
    a, t, u = dot(slope, direction), dot(cube, direction), dot(kink, direction)
    b = along(direction, bend) + u * abs(u)
    size = abs(a) + abs(b) + abs(t * t * t)
    first = np.where(np.asarray(a != 0, bool), abs(a), np.where(np.asarray(b != 0, bool), abs(b), abs(t * t * t)))
    reach = one_of(a) if form == "whole" else first / unless_zero(size)
    steps = [reach * j / 8 for j in range(1, 8)]
    values = [cubic(s * direction, slope, bend, cube, kink) for s in steps]
    lower = both(*(greater(0, v, f"f at {j}/8 of the largest step, less f at 0") for j, v in enumerate(values, 1)))
    down = greater(0, a, "the slope of f along the direction is negative")
    match form:
        case "weak":
            return implies(at_least(0, a, "the slope is not positive"), lower)
        case "converse":
            return implies(lower, down)
        case "never":
            return implies(at_least(a, 0, "the slope is not negative"), negation(lower))
        case _:
            return implies(down, lower)
