r"""Which of the two log-likelihoods move, and when together: Case 3, Table 1, and the abstract.

Changes are first-order ones per unit of step, so that only the inner product b and the squared norms a and c matter.
With positive weights Cauchy-Schwarz leaves three cases; which one is decided by b against a and c.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.gradients import Coefficients, Gradients
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram

PAIR = (Gradients(),)
WEIGHTED = (Gradients(), Coefficients(positive=True))
MARGIN = r"\Delta(\log\pi_w - \log\pi_l)"


def together(d_w: Any, d_l: Any) -> Relation:
    """Both rise or both fall."""
    return either(both(greater(d_w, 0, "change of the chosen"), greater(d_l, 0)),
                  both(greater(0, d_w), greater(0, d_l, "0 and the change of the rejected")))


def apart(d_w: Any, d_l: Any) -> Relation:
    """One rises and the other falls."""
    return greater(0, d_w * d_l, "0 and the product of the changes")


# Case 3


@claim("gip.case-3", where="section 3.1, the three cases", title="When the margin grows, it is by one of the three cases",
       draws=PAIR,
       statement=rf"{MARGIN} > 0 \implies {DW} \ge 0 \ge {DL} \text{{ or }} {DL} \le {DW} \le 0 \text{{ or }} "
                 rf"{DL} \ge {DW} \ge 0",
       reading="the third case as printed: both rise, the rejected one more; DPO, to first order; ties count for every case",
       note="If the rejected one rises more the margin falls. The case is that the chosen one rises more, as in Table 1.")
def case_3(chosen_gradient: Any, rejected_gradient: Any) -> Relation:
    d_w, d_l = changes(*gram(chosen_gradient, rejected_gradient))
    return implies(greater(d_w, d_l, "changes of the chosen and of the rejected"),
                   either(both(at_least(d_w, 0), at_least(0, d_l)), both(at_least(0, d_w), at_least(d_w, d_l)),
                          both(at_least(d_l, d_w, "rejected rises more"), at_least(d_w, 0, "chosen rises"))))


@case_3.corrected(
    rf"{MARGIN} > 0 \iff \text{{ one of }} {DW} \ge 0 \ge {DL} \text{{ (not both 0)}},\; 0 > {DW} > {DL},\; {DW} > {DL} > 0; "
    rf"\text{{ and }} {DL} \ge {DW} \ge 0 \text{{ only where }} {MARGIN} = 0",
    neighbours={"the rejected one rises more": {"third": "rejected"}, "no third case": {"third": ""}, "no second case": {"second": False},
                "the first case alone": {"third": "", "second": False}})
def _cases(chosen_gradient: Any, rejected_gradient: Any, *, third: str = "chosen", second: bool = True) -> Relation:
    d_w, d_l = changes(*gram(chosen_gradient, rejected_gradient))
    parts = [both(at_least(d_w, 0), at_least(0, d_l), greater(d_w, d_l))]
    if second:
        parts.append(both(greater(0, d_w), greater(d_w, d_l)))
    if third:
        more, less = (d_w, d_l) if third == "chosen" else (d_l, d_w)
        parts.append(both(greater(more, less, "which rises more"), greater(less, 0)))
    as_printed = implies(both(at_least(d_l, d_w), at_least(d_w, 0)), equal(d_w, d_l))
    return both(iff(greater(d_w, d_l, "changes of the chosen and of the rejected"), either(*parts)), as_printed)


# Table 1


def conditions(a: Any, b: Any, c: Any) -> list[Relation]:
    """The last column of Table 1."""
    return [both(at_least(a, b, "a and b"), at_least(c, b, "c and b")), both(at_least(b, a), at_least(c, b)),
            both(at_least(b, c), at_least(a, b))]


def rows(d_w: Any, d_l: Any) -> list[Relation]:
    """Its second column."""
    return [both(at_least(d_w, 0), at_least(0, d_l)), both(at_least(0, d_w), at_least(d_w, d_l)),
            both(at_least(d_w, d_l), at_least(d_l, 0))]


@claim("gip.table-1", where="Table 1", title="The three cases by their conditions, and no fourth", draws=PAIR,
       statement=rf"{DW} \ge 0 \ge {DL} \iff {B} \le \min({A}, {C}), \quad 0 \ge {DW} \ge {DL} \iff {A} \le {B} \le {C}, \quad "
                 rf"{DW} \ge {DL} \ge 0 \iff {C} \le {B} \le {A}, \quad \text{{one of them always}}",
       reading="the three rows as printed, ties included, for one step of DPO to first order",
       note="The cases share their ties (sub-entry). By Cauchy-Schwarz one inequality decides rows 2 and 3 (sub-entry).",
       neighbours={"rows 2 and 3 exchanged": {"swap": True}, "never row 3": {"only": 2}, "the first always": {"only": 1},
                   "a strict minimum": {"strict": True}})
def table_1(chosen_gradient: Any, rejected_gradient: Any, *, swap: bool = False, only: int = 3, strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    row, condition = rows(*changes(a, b, c)), conditions(a, b, c)
    if swap:
        condition[1:] = condition[:0:-1]
    if strict:
        condition[0] = both(greater(a, b), greater(c, b))
    return both(*(iff(r, t) for r, t in zip(row, condition, strict=True)), either(*condition[:only]))


@claim("gip.table-1.exclusive", where="Table 1", title="The three cases exclude each other", draws=PAIR,
       statement=r"\text{exactly one of the conditions of Table 1 is true}",
       reading="with the inequalities as printed, ties included")
def table_1_exclusive(chosen_gradient: Any, rejected_gradient: Any) -> Relation:
    one, two, three = conditions(*gram(chosen_gradient, rejected_gradient))
    return negation(either(both(one, two), both(one, three), both(two, three)))


@table_1_exclusive.corrected(
    rf"\text{{two conditions are true together}} \iff {B} \in \left\{{{A},\, {C}\right\}} \iff {DW} = 0 \text{{ or }} {DL} = 0",
    neighbours={"iff both changes are 0": {"all_": True}, "never": {"never": True}, "iff the norms are equal": {"norms": True}})
def _shared(chosen_gradient: Any, rejected_gradient: Any, *, all_: bool = False, never: bool = False,
            norms: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    one, two, three = conditions(a, b, c)
    shared = either(both(one, two), both(one, three), both(two, three))
    if never:
        return negation(shared)
    tie = [equal(b, a, "inner product and chosen norm"), equal(b, c)]
    join = both if all_ else either
    still = join(*(equal(x, 0) for x in changes(a, b, c)))
    return both(iff(shared, equal(a, c) if norms else join(*tie)), iff(shared, still))


@claim("gip.table-1.one-inequality", where="Table 1", title="One inequality decides each of the cases 2 and 3", draws=PAIR,
       statement=rf"0 \ge {DW} \ge {DL} \iff {B} \ge {A}, \quad {DW} \ge {DL} \ge 0 \iff {B} \ge {C}",
       reading="our own statement: the second inequality of rows 2 and 3 follows by Cauchy-Schwarz",
       neighbours={"the other norms": {"swap": True}, "strict": {"strict": True}, "from half the norm": {"half": True}})
def table_1_one(chosen_gradient: Any, rejected_gradient: Any, *, swap: bool = False, strict: bool = False,
                half: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    _, two, three = rows(*changes(a, b, c))
    a, c, b = (c, a, b) if swap else (a, c, 2 * b if half else b)
    test = greater if strict else at_least
    return both(iff(two, test(b, a, "inner product and chosen norm")), iff(three, test(b, c, "inner product and rejected norm")))


@claim("gip.table-1.general", where="Table 1 and section 3.2", draws=WEIGHTED,
       title="For general losses too there is no case in which the chosen one falls and the rejected one rises",
       statement=rf"d_w, d_l > 0 \implies \neg\left({DW} < 0 < {DL}\right), \quad {DW} = \eta(d_w {A} - d_l {B}),\; {DL} = \eta(d_w {B} - d_l {C})",
       reading="our own statement: the fourth case, for weights above 0",
       neighbours={"nor the three others": {"case": "ideal"}, "nor both fall": {"case": "fall"}, "nor both rise": {"case": "rise"},
                   "even at 0": {"weak": True}, "weights of the changes exchanged": {"swap": True}})
def table_1_general(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, case: str = "fourth", weak: bool = False,
                    swap: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, d_w, d_l)
    if swap:
        down = changes(a, b, c, d_l, d_w)[1]
    test = at_least if weak else greater
    cases = {"fourth": both(test(0, up, "0 and the change of the chosen"), test(down, 0, "change of the rejected and 0")),
             "ideal": both(greater(up, 0), greater(0, down)), "fall": both(greater(0, up), greater(0, down)),
             "rise": both(greater(up, 0), greater(down, 0))}
    return negation(cases[case])


# The abstract


@claim("gip.abstract.inner-product", where="abstract", draws=(Gradients(), Numbers("threshold")),
       title="Both probabilities move together when the inner product is large",
       statement=rf"{B} \ge T \implies {DW}\cdot{DL} \ge 0",
       reading="large: at least a threshold T, any threshold; DPO, to first order; together: not one up and the other down",
       note="No threshold is large enough: what counts is the smaller squared norm. A large cosine does not suffice either "
            "(sub-entry), and relative to each squared norm the sentence is exact (sub-entry).")
def inner_product(chosen_gradient: Any, rejected_gradient: Any, threshold: Any) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    return implies(at_least(b, threshold, "inner product and threshold"), negation(apart(*changes(a, b, c))))


@inner_product.corrected(
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


@claim("gip.abstract.inner-product.norms", where="section 1, first finding", draws=PAIR,
       title="Both fall when the inner product exceeds the chosen squared norm, both rise when it exceeds the rejected one",
       statement=rf"{DW} < 0,\, {DL} < 0 \iff {B} > {A}, \quad {DW} > 0,\, {DL} > 0 \iff {B} > {C}",
       reading="large relative to the individual norms: above one of the squared norms",
       neighbours={"the norms exchanged": {"swap": True}, "from the norm on": {"weak": True}, "above half the squared norm": {"half": True}})
def inner_product_norms(chosen_gradient: Any, rejected_gradient: Any, *, swap: bool = False, weak: bool = False,
                        half: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = changes(a, b, c)
    a, c, b = (c, a, b) if swap else (a, c, 2 * b if half else b)
    test = at_least if weak else greater
    return both(iff(both(greater(0, d_w), greater(0, d_l)), test(b, a, "inner product and chosen norm")),
                iff(both(greater(d_w, 0), greater(d_l, 0)), test(b, c, "inner product and rejected norm")))


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
