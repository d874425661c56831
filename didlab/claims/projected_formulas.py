"""What the statements about DPO-Projected Gradient share: inner products, the direction, changes of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics.projected import dpo_pg_direction
from ..engine.relations import Relation, both, either, equal, greater

__all__ = [
    "ANY",
    "MULTIPLE",
    "NOT_ZERO",
    "TABLE",
    "along",
    "at",
    "descends",
    "direction",
    "dot",
    "growth",
    "identity_like",
    "loss_descends",
    "not_multiple",
    "not_zero",
    "one_of",
    "positive",
    "rows",
    "steepness",
    "unless_zero",
    "variance",
]


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


def one_of(v: Any) -> Any:
    return v * 0 + 1


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
