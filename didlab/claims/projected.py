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

from ..carriers import carrier_of
from ..dynamics.projected import dpo_pg_direction
from ..engine.claim import claim
from ..engine.kinds import Integers, Numbers
from ..engine.models import Functions, LocalModel, cubic
from ..engine.relations import Relation, at_least, both, either, equal, exists, forall, greater, iff, implies, negation

__all__: list[str] = []


def dot(a: Any, b: Any) -> Any:
    """Inner products over the last axis, which stays with length 1."""
    return (a * b).sum(-1, keepdims=True)


def positive(x: Any) -> Any:
    """max(0, x)."""
    return (x + abs(x)) / 2


def along(direction: Any, hessian: Any) -> Any:
    """The second derivative along a direction."""
    return dot(direction, (hessian * direction[..., None, :]).sum(-1))


def variance(p: Any, v: Any) -> Any:
    """The second derivative of a log-likelihood of a softmax policy along a direction of its logits, up to sign."""
    return dot(p, v * v) - dot(p, v) * dot(p, v)


def descends(slope: Any, curvature: Any, of: str) -> Relation:
    """Decided unless slope and curvature are 0 along a direction that is not 0."""
    return either(greater(0, slope, f"the slope of {of} along the step is negative"),
                  both(equal(slope, 0, f"the slope of {of} along the step is 0"),
                       greater(0, curvature, f"the second derivative of {of} along the step is negative")))


def direction(g_w: Any, g_l: Any, form: str = "printed") -> Any:
    """The direction of Definition H.1, or a wrong one next to it."""
    inner, one = dot(g_w, g_l), dot(g_l, g_l)
    match form:
        case "printed":
            return dpo_pg_direction(g_w, g_l)
        case "reflected":
            return g_w + (g_w - dpo_pg_direction(g_w, g_l)) * -2
        case "swapped":
            return dpo_pg_direction(g_l, g_w)
        case "unprojected":
            return g_w
        case "contrast":
            return g_w - g_l
        case "ascent":
            return -dpo_pg_direction(g_w, g_l)
        case "not normalised":
            return g_w - positive(inner) * g_l
        case "norm of the chosen":
            return g_w - positive(inner) / unless_zero(dot(g_w, g_w)) * g_l
        case "wrong half":
            return g_w + positive(-inner) / unless_zero(one) * g_l
        case _:  # "hyperplane": the projection without the max
            return g_w - inner / unless_zero(one) * g_l


def unless_zero(x: Any) -> Any:
    """x, and 1 where it is 0."""
    return np.where(np.asarray(x == 0, dtype=bool), x + 1, x)


def not_zero(**gradients: Any) -> Relation:
    """No gradient vanishes: elsewhere the formula is undefined or the point is stationary."""
    return both(*(greater(dot(g, g), 0, f"the {name} gradient is not 0") for name, g in gradients.items()))


def not_multiple(g_w: Any, g_l: Any) -> Relation:
    """g_w is not c g_l with c >= 0."""
    i, j = np.triu_indices(g_w.shape[-1], 1)
    areas = g_w[..., i] * g_l[..., j] - g_w[..., j] * g_l[..., i]
    return either(greater(0, dot(g_w, g_l), "the gradients point away from each other"),
                  greater(dot(areas, areas), 0, "the gradients are linearly independent"),
                  both(greater(dot(g_w, g_w), 0, "the chosen gradient is not 0"),
                       equal(dot(g_l, g_l), 0, "the rejected gradient is 0")))


MULTIPLE = (r"\nabla L(y_w) \text{ is not a non-negative multiple of } \nabla L(y_l)"
            r"\text{, which is to say that } \Delta\theta \ne 0")
ANY = "Any parameters: a policy given by value, slope and curvature of its logits at one point, batches of pairs. "
TABLE = "The categorical softmax policy of section 3.5, its logits the parameters. "
NOT_ZERO = "Neither gradient is 0, which is less than what is printed. "


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


def one_of(v: Any) -> Any:
    return v * 0 + 1


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

H51 = (r"f' < 0,\ \beta > 0 \implies \Delta\theta \text{ is a descent direction of }"
       r" f\left(\beta\log\frac{\pi_\theta(y_w)}{\pi_{ref}(y_w)}"
       r" - \beta\log\frac{\pi_\theta(y_l)}{\pi_{ref}(y_l)}\right)")
H51_NEIGHBOURS = {"max dropped": dict(form="hyperplane"), "roles swapped": dict(form="swapped"),
                  "sign flipped": dict(form="ascent")}


def at(table: Any, index: Any) -> Any:
    return np.take_along_axis(table, np.asarray(index), -1)


def steepness(probability: Any, reference: Any, chosen: Any, rejected: Any) -> Any:
    r"""-f'(margin) of f = -log sigmoid with beta = 1, sigma(-margin) for each pair: a rational number."""
    kept = at(probability, rejected) * at(reference, chosen)
    return kept / (kept + at(probability, chosen) * at(reference, rejected))


def rows(jacobian: Any, index: Any) -> Any:
    """Gradients of the logits of the given outcomes, shape (..., M, D)."""
    return np.take_along_axis(jacobian, np.asarray(index)[..., None], -2)


def growth(v: Any, jacobian: Any, chosen: Any, rejected: Any) -> Any:
    """The slope of each margin along v."""
    return ((rows(jacobian, chosen) - rows(jacobian, rejected)) * v[..., None, :]).sum(-1)


def loss_descends(v: Any, s: Any, jacobian: Any, chosen: Any, rejected: Any) -> Relation:
    """Whether -v is a descent direction of the mean of -log sigmoid of margins that are linear in the parameters."""
    grow = growth(v, jacobian, chosen, rejected)
    return descends(dot(s, grow), dot(s * (1 - s), grow * grow), "the loss")


def identity_like(p: Any) -> Any:
    """The Jacobian of the logits in themselves."""
    return p[..., None] * 0 + np.eye(p.shape[-1], dtype=np.int64)


@claim("did.cor-h.5.1", where="Cor H.5.1", title="DPO-PG lowers every decreasing loss of the margin: one pair",
       statement=H51, draws=(LocalModel(batch=(1,), reference=True),), symbolic=(),
       neighbours={**H51_NEIGHBOURS, "not projected": dict(form="unprojected"), "reflected": dict(form="reflected")},
       reading=ANY + "One pair, f = -log sigmoid, beta = 1: another f or beta changes the slope by a positive factor. "
               + "Neither gradient is 0, nor that of the margin, which is less than what is printed.")
def margin_descends(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                    chosen: Any, rejected: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    grow = (rows(jacobian, chosen) - rows(jacobian, rejected)).sum(-2)
    return implies(both(not_zero(chosen=chosen_gradient, rejected=rejected_gradient),
                        greater(dot(grow, grow), 0, "the gradient of the margin is not 0")),
                   loss_descends(v, s, jacobian, chosen, rejected))


margin_descends.assuming(MULTIPLE)(moves)


@claim("did.cor-h.5.1.softmax", where="Cor H.5.1",
       title="DPO-PG lowers every decreasing loss of the margin: softmax policy, one pair",
       statement=H51, draws=(LocalModel("logits", batch=(1,), reference=True),), symbolic=(), neighbours=H51_NEIGHBOURS,
       reading=TABLE + "One pair, f = -log sigmoid, beta = 1.")
def margin_descends_softmax(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any,
                            chosen: Any, rejected: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    return loss_descends(v, s, identity_like(probability), chosen, rejected)


WEIGHTED = (r"\text{With } s_i = -\beta f'(m_i) \text{ at the margin } m_i \text{ of pair } i,\ "
            r"G_w = \frac{1}{M}\sum_i s_i \nabla(-\log\pi(y_w^{(i)})),"
            r"\ G_l = \frac{1}{M}\sum_i s_i \nabla(-\log\pi(y_l^{(i)})),"
            r"\ \text{the step } -\eta\left(G_w - \frac{\max(0, G_w\cdot G_l)}{\|G_l\|^2} G_l\right)"
            r"\text{ is a descent direction of the batch loss iff } G_w \text{ is not a non-negative multiple of } G_l")
BATCH = (r"\Delta\theta \ne 0 \implies \Delta\theta \text{ is a descent direction of }"
         r" \frac{1}{M}\sum_{i=1}^M f\left(\beta\log\frac{\pi_\theta(y_w^{(i)})}{\pi_{ref}(y_w^{(i)})}"
         r" - \beta\log\frac{\pi_\theta(y_l^{(i)})}{\pi_{ref}(y_l^{(i)})}\right)")
WEIGHTED_NEIGHBOURS = {"as printed: not weighted": dict(weigh="none"), "inverse weights": dict(weigh="inverse"),
                       "only the chosen weighted": dict(weigh="chosen"),
                       "weights squared": dict(weigh="squared"), "sign flipped": dict(weigh="flipped")}


def weighted_gradients(p: Any, jacobian: Any, chosen: Any, rejected: Any, s: Any, *,
                       only: str = "both") -> tuple[Any, Any]:
    """Sums over the pairs of weight times gradient of the negative log-likelihood."""
    mean = (p[..., None] * jacobian).sum(-2)[..., None, :]
    g_w = (s[..., None] * (mean - rows(jacobian, chosen))).sum(-2)
    g_l = ((one_of(s) if only == "chosen" else s)[..., None] * (mean - rows(jacobian, rejected))).sum(-2)
    return g_w, g_l


def batch_descends(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                   chosen: Any, rejected: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    s = steepness(probability, reference, chosen, rejected)
    return implies(greater(dot(v, v), 0, "the step is not 0"), loss_descends(v, s, jacobian, chosen, rejected))


def weighted_descends(probability: Any, reference: Any, jacobian: Any, chosen: Any, rejected: Any, *,
                      weigh: str = "slope"):
    s = steepness(probability, reference, chosen, rejected)
    w = {"slope": s, "none": one_of(s), "inverse": one_of(s) / s, "chosen": s,
         "squared": s * s, "flipped": s}[weigh]
    g_w, g_l = weighted_gradients(probability, jacobian, chosen, rejected, w, only=weigh)
    v = dpo_pg_direction(g_w, g_l)
    if weigh == "flipped":
        v = g_w * 2 - v
    return iff(loss_descends(v, s, jacobian, chosen, rejected), not_multiple(g_w, g_l))


batch = claim(
    "did.cor-h.5.1.batch", where="Cor H.5.1", title="DPO-PG lowers every decreasing loss of the margin: batches",
    statement=BATCH, draws=(LocalModel(batch=(2, 3), reference=True),), symbolic=(),
    reading="Any parameters, f = -log sigmoid (the DPO loss), beta = 1, and only where the step is not 0, which is "
            "less than what is printed.",
    note="The proof is for one pair: the slopes f' of different pairs differ, and Definition H.1 weighs the pairs "
         "equally. Where all the slopes are equal, as at the start of training, the corrected direction is the printed one.",
)(batch_descends)
batch.corrected(WEIGHTED, symbolic=(), neighbours=WEIGHTED_NEIGHBOURS)(weighted_descends)


@claim(
    "did.cor-h.5.1.batch.softmax", where="Cor H.5.1", symbolic=(),
    title="DPO-PG lowers every decreasing loss of the margin: softmax policy, batches", statement=BATCH,
    draws=(LocalModel("logits", batch=(2, 3), reference=True),),
    reading=TABLE + "f = -log sigmoid, beta = 1, and only where the step is not 0.",
)
def batch_descends_softmax(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any,
                           chosen: Any, rejected: Any):
    jacobian = identity_like(probability)
    return batch_descends(chosen_gradient, rejected_gradient, probability, reference, jacobian, chosen, rejected)


@batch_descends_softmax.corrected(WEIGHTED, symbolic=(), neighbours=WEIGHTED_NEIGHBOURS)
def weighted_descends_softmax(probability: Any, reference: Any, chosen: Any, rejected: Any, *, weigh: str = "slope"):
    return weighted_descends(probability, reference, identity_like(probability), chosen, rejected, weigh=weigh)


@claim(
    "did.cor-h.5.1.proof", where="Cor H.5.1, proof", title="The displayed steps of the proof of Corollary H.5.1",
    statement=r"\Delta\theta\cdot\nabla f = \beta f'\, \Delta\theta\cdot(\nabla L(y_w) - \nabla L(y_l)),\quad"
              r" \Delta\theta\cdot\nabla L(y_w) > 0,\quad \Delta\theta\cdot\nabla L(y_l) \le 0",
    draws=(LocalModel(batch=(1,), reference=True),), symbolic=(),
    reading="L is the negative log-likelihood of Definition H.1, as it is called there; one pair, f = -log sigmoid, "
            "beta = 1, the step not 0.",
    note="With L the log-likelihood all three have the right sign, and with L the negative one the two slips cancel in "
         "the proof's conclusion.",
)
def displayed(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
              chosen: Any, rejected: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    s = steepness(probability, reference, chosen, rejected)
    change = dot(s, growth(v, jacobian, chosen, rejected))  # along -v, of f: f' = -s, the margin grows by -v.grow
    return implies(greater(dot(v, v), 0, "the step is not 0"), both(
        equal(change, -s * dot(-v, chosen_gradient - rejected_gradient), "the gradient of f along the step"),
        greater(dot(-v, chosen_gradient), 0, "the slope of L of the chosen"),
        at_least(0, dot(-v, rejected_gradient), "the slope of L of the rejected"),
    ))


@displayed.corrected(
    r"\Delta\theta\cdot\nabla f = -\beta f'\, \Delta\theta\cdot(\nabla L(y_w) - \nabla L(y_l)),\quad"
    r" \Delta\theta\cdot\nabla L(y_w) = -\eta\|v\|^2 \le 0,\quad"
    r" \Delta\theta\cdot\nabla L(y_l) = \eta\max(0, -\nabla L(y_w)\cdot\nabla L(y_l)) \ge 0",
    symbolic=(),
    neighbours={"printed sign of the first step": dict(sign=-1), "max dropped": dict(form="hyperplane"),
                "norm of the chosen gradient": dict(size="chosen"), "not projected": dict(form="unprojected"),
                "roles swapped": dict(form="swapped")})
def displayed_corrected(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                        chosen: Any, rejected: Any, *,
                        sign: int = 1, form: str = "printed", size: str = "direction"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    change = dot(s, growth(v, jacobian, chosen, rejected))
    length = dot(chosen_gradient, chosen_gradient) if size == "chosen" else dot(v, v)
    return both(
        equal(change, sign * s * dot(-v, chosen_gradient - rejected_gradient), "the gradient of f along the step"),
        equal(dot(v, chosen_gradient), length, "minus the slope of L of the chosen"),
        equal(dot(-v, rejected_gradient), positive(-dot(chosen_gradient, rejected_gradient)),
              "the slope of L of the rejected"),
    )


# ---------------------------------------------------------------------------------------------- Reinforcement

FIRST = LocalModel("logits", batch=(1,), at_mode=0.7)
UNEVEN = "the reference is not uniform"
AT_MODE = r"y_w \text{ is a mode of } \pi_{ref}"


def first_change(p: Any, v: Any) -> Any:
    """Change of the probabilities of a softmax policy along the step -v of its logits, to first order."""
    return p * (dot(p, v) - v)


def modes(p: Any) -> Any:
    """1 at the modes, 0 elsewhere."""
    return np.asarray(p == p.max(-1, keepdims=True)).astype(np.int64)


def uneven(p: Any) -> Relation:
    return greater(p.max(-1, keepdims=True), p.min(-1, keepdims=True), UNEVEN)


@claim(
    "did.app-h.reinforcement", where="App H, last paragraph", title="DPO-PG moves mass to the modes of the reference",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies"
              r"\text{the step } \Delta\theta \text{ raises the mass on the modes of } \pi_{ref}",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order in the step size; reinforcing as defined in section 4.1, "
            "'concentrating probability mass on modes of the reference'.",
    neighbours={"the opposite": dict(form="ascent"), "projection of the rejected": dict(form="swapped"),
                "by half the square of the step": dict(quarters=2), "by a quarter of it": dict(quarters=1),
                "the least likely for the modes": dict(least=True)},
)
def mass_on_modes(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed",
                  quarters: int = 0, least: bool = False):
    v = direction(chosen_gradient, rejected_gradient, form)
    change = first_change(probability, v)
    at_modes = modes(-probability if least else probability)
    return implies(uneven(probability), greater(dot(at_modes, change), quarters * dot(v, v) / 4,
                                                "first-order change of the mass on the modes"))


@mass_on_modes.assuming(AT_MODE)
def chosen_is_mode(probability: Any, chosen: Any):
    return equal(at(modes(probability), chosen), 1, "the chosen response is a mode")


@claim(
    "did.app-h.reinforcement.exactly", where="App H, last paragraph",
    title="Exactly when DPO-PG moves mass to the modes",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies \text{the mass on the modes of } \pi_{ref}"
              r"\text{ rises if } y_w \text{ is a mode, and falls if it is not}",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order; not in the paper: the sharp form.",
    neighbours={"falls if the rejected is a mode": dict(test="rejected"),
                "rises if the chosen is not the least likely": dict(test="least"),
                "difference of the gradients": dict(form="contrast"),
                "rises if likelier than the rejected": dict(test="likelier")},
)
def mass_exactly(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *,
                 form: str = "printed", test: str = "mode"):
    v = direction(chosen_gradient, rejected_gradient, form)
    gain = dot(modes(probability), first_change(probability, v))
    match test:
        case "mode":
            sign = 2 * at(modes(probability), chosen) - 1
        case "rejected":
            sign = 1 - 2 * at(modes(probability), rejected)
        case "least":
            sign = 1 - 2 * at(modes(-probability), chosen)
        case _:
            sign = 2 * np.asarray(at(probability, chosen) > at(probability, rejected)).astype(np.int64) - 1
    return implies(uneven(probability), greater(sign * gain, 0, "the gain of the modes, with the sign that is claimed"))


@claim(
    "did.app-h.reinforcement.entropy", where="App H, last paragraph", title="DPO-PG lowers the entropy of the policy",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies"
              r"\text{the step } \Delta\theta \text{ lowers } H(\pi_\theta)",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order in the step size.",
    neighbours={"the opposite": dict(form="ascent"), "projection of the rejected": dict(form="swapped"),
                "by the square of the step": dict(quarters=4), "by a quarter of it": dict(quarters=1)},
)
def entropy_falls(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed",
                  quarters: int = 0):
    v = direction(chosen_gradient, rejected_gradient, form)
    change = first_change(probability, v)
    fall = dot(change, carrier_of(probability).log(probability))
    return implies(uneven(probability), greater(fall, quarters * dot(v, v) / 4, "first-order fall of the entropy"))


entropy_falls.assuming(AT_MODE)(chosen_is_mode)


@claim(
    "did.app-h.reinforcement.each", where="App H, last paragraph", title="DPO-PG makes each chosen response likelier",
    statement=r"\Delta\theta \ne 0 \implies \text{each } \log\pi(y_w^{(i)}) \text{ of the batch increases, to first order}",
    draws=(LocalModel("logits", batch=(2, 3)),), symbolic=(),
    reading=TABLE + "Every response of the batch by itself, not their mean as in Theorem H.4.",
)
def each_chosen(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return implies(greater(dot(v, v), 0, "the step is not 0"),
                   forall(greater(dot(probability, v) - at(v, chosen), 0, "first-order change of each log-likelihood")))


@each_chosen.corrected(
    r"\text{The mean of the } \log\pi(y_w^{(i)}) \text{ increases by } \eta\|v\|^2 \text{, to first order}", symbolic=(),
    neighbours={"difference of the gradients": dict(form="contrast"), "roles swapped": dict(form="swapped"),
                "norm of the other gradient": dict(form="norm of the chosen"), "reflected": dict(form="reflected"),
                "the sum": dict(sums=True)})
def mean_chosen(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, *, form: str = "printed",
                sums: bool = False):
    v = direction(chosen_gradient, rejected_gradient, form)
    total = (dot(probability, v) - at(v, chosen)).sum(-1, keepdims=True)
    return equal(total, dot(v, v) * (1 if sums else chosen.shape[-1]), "first-order change of the sum of the log-likelihoods")
