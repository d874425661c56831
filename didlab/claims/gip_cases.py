r"""Which of the two log-likelihoods rise and fall: Case 3 and Table 1.

Changes are first-order ones per unit of step, so that only the inner product b and the squared norms a and c matter.
With positive weights Cauchy-Schwarz leaves three cases; which one is decided by b against a and c.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Coefficients, Gradients
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram

PAIR = (Gradients(),)
WEIGHTED = (Gradients(), Coefficients(positive=True))
MARGIN = r"\Delta(\log\pi_w - \log\pi_l)"


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
