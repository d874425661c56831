r"""When the two log-likelihoods move together: the abstract and the first finding of section 1.

A large inner product does not tell, nor does a large cosine: what counts is the inner product against the smaller squared
norm, or the cosine against the ratio of the norms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.gradients import Coefficients, Gradients
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, either, greater, iff, implies, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram

PAIR = (Gradients(),)
WEIGHTED = (Gradients(), Coefficients(positive=True))


def together(d_w: Any, d_l: Any) -> Relation:
    """Both rise or both fall."""
    return either(both(greater(d_w, 0, "change of the chosen"), greater(d_l, 0)),
                  both(greater(0, d_w), greater(0, d_l, "0 and the change of the rejected")))


def apart(d_w: Any, d_l: Any) -> Relation:
    """One rises and the other falls."""
    return greater(0, d_w * d_l, "0 and the product of the changes")


@claim("gip.abstract.inner-product", where="abstract and section 1, first finding", draws=PAIR,
       title="Both fall when the inner product exceeds the chosen squared norm, both rise when it exceeds the rejected one",
       statement=rf"{DW} < 0,\, {DL} < 0 \iff {B} > {A}, \quad {DW} > 0,\, {DL} > 0 \iff {B} > {C}",
       reading="large, in section 1's own sense: relative to the individual norms, above one of the squared norms; DPO, to first order",
       note="Large as a number, or as a cosine, does not suffice (sub-entries); for other losses the norms are weighted (sub-entry).",
       neighbours={"the norms exchanged": {"swap": True}, "from the norm on": {"weak": True}, "above half the squared norm": {"half": True}})
def inner_product(chosen_gradient: Any, rejected_gradient: Any, *, swap: bool = False, weak: bool = False,
                  half: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = changes(a, b, c)
    a, c, b = (c, a, b) if swap else (a, c, 2 * b if half else b)
    test = at_least if weak else greater
    return both(iff(both(greater(0, d_w), greater(0, d_l)), test(b, a, "inner product and chosen norm")),
                iff(both(greater(d_w, 0), greater(d_l, 0)), test(b, c, "inner product and rejected norm")))


@claim("gip.abstract.inner-product.absolute", where="abstract", draws=(Gradients(), Numbers("threshold")),
       title="Both probabilities move together when the inner product is above a threshold",
       statement=rf"{B} \ge T \implies {DW}\cdot{DL} \ge 0",
       reading="the abstract alone, without section 1: large as a number, at least a threshold T, any threshold; DPO, to first order; "
               "together: not one up and the other down",
       note="No threshold is large enough: what counts is the smaller squared norm. Section 1 says so: large is relative to the norms.")
def inner_product_absolute(chosen_gradient: Any, rejected_gradient: Any, threshold: Any) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    return implies(at_least(b, threshold, "inner product and threshold"), negation(apart(*changes(a, b, c))))


@inner_product_absolute.corrected(
    rf"{DW}\cdot{DL} > 0 \iff {B} > \min\left({A}, {C}\right), \quad {DW}\cdot{DL} \ge 0 \iff {B} \ge \min\left({A}, {C}\right)",
    neighbours={"at the minimum too": {"weak": True}, "above the maximum": {"level": "max"}, "above the mean": {"level": "mean"},
                "above the chosen norm": {"level": "chosen"}})
def _minimum(chosen_gradient: Any, rejected_gradient: Any, *, weak: bool = False, level: str = "min") -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    bound = {"min": np.minimum, "max": np.maximum, "mean": lambda x, y: (x + y) / 2, "chosen": lambda x, y: x}[level](a, c)
    d_w, d_l = changes(a, b, c)
    return both(iff(together(d_w, d_l), (at_least if weak else greater)(b, bound, "inner product and smaller norm")),
                iff(negation(apart(d_w, d_l)), at_least(b, bound)))


@claim("gip.abstract.inner-product.cosine", where="abstract, Figure 7", draws=(Gradients(), Numbers("cosine", below_one=True)),
       title="Both probabilities move together when the cosine of the gradients is large",
       statement=rf"\cos(\nabla\log\pi_w, \nabla\log\pi_l) \ge \kappa \implies {DW}\cdot{DL} \ge 0",
       reading="large: a cosine of at least kappa, any kappa below 1",
       note="Between gradients of equal length no cosine is enough.")
def inner_product_cosine(chosen_gradient: Any, rejected_gradient: Any, cosine: Any) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    large = both(greater(b, 0), at_least(b * b, cosine * cosine * a * c, "squared cosine, times the norms"))
    return implies(large, negation(apart(*changes(a, b, c))))


@inner_product_cosine.corrected(
    rf"{DW}\cdot{DL} > 0 \iff \cos(\nabla\log\pi_w, \nabla\log\pi_l) > \tfrac{{\text{{the shorter norm}}}}{{\text{{the longer norm}}}} "
    r"\text{ (both gradients not 0)}",
    neighbours={"at it too": {"weak": True}, "the ratio of squared norms": {"squared": True}, "chosen norm over rejected norm": {"order": True},
                "any positive cosine": {"positive": True}})
def _ratio_of_norms(chosen_gradient: Any, rejected_gradient: Any, *, weak: bool = False, squared: bool = False,
                    order: bool = False, positive: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    short, long = (a, c) if order else (np.minimum(a, c), np.maximum(a, c))
    # cos > |short| / |long|, squared and cleared of divisions
    left, right = b * b * long, a * c * short
    if squared:
        left, right = left * long, right * short
    large = (at_least if weak else greater)(left, right, "squared cosine and ratio of norms")
    return iff(together(*changes(a, b, c)), greater(b, 0) if positive else both(greater(b, 0), large))


@claim("gip.abstract.inner-product.general", where="abstract and section 3.2", draws=WEIGHTED,
       title="For a general loss they move together when the inner product exceeds one of the two weighted norms",
       statement=rf"d_w, d_l > 0:\; {DW}\cdot{DL} > 0 \iff {B} > \min\left(\tfrac{{d_w}}{{d_l}} {A}, \tfrac{{d_l}}{{d_w}} {C}\right)",
       reading="the conditions of Eqs 9 and 10, for weights above 0",
       neighbours={"at the minimum too": {"weak": True}, "the unweighted norms": {"plain": True}, "ratios exchanged": {"swap": True}})
def inner_product_general(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, weak: bool = False,
                          plain: bool = False, swap: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    ratio = d_l / d_w if swap else d_w / d_l
    bound = np.minimum(a, c) if plain else np.minimum(ratio * a, c / ratio)
    return iff(together(*changes(a, b, c, d_w, d_l)), (at_least if weak else greater)(b, bound, "inner product and weighted norm"))
