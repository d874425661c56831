r"""The general loss (section 3.2): its sign, and its gradient."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Choice, Gradients
from ..engine.kinds import Integers
from ..engine.log_probabilities import LogProbabilities
from ..engine.relations import Relation, both, equal
from ..objectives.table_2 import Constants, amended, row
from .gip_formulas import HYPER, PARTS, by_row, changes, gram, own_value, tabled

PLAIN = ("dpo", "r-dpo", "simpo", "ipo", "dpo-positive", "kto", "sppo")  # the rows without a regulariser


@claim("gip.eq-1.sign", where="Eq 1 and Eq 8", title="Eqs 1 and 8 with the functions of Table 2 are the same loss",
       draws=(Choice("which", len(PLAIN)), *HYPER[:-1], LogProbabilities(reference=True, other=True)),
       statement=r"m(h_w(\log\pi_w) - h_l(\log\pi_l)) = -m(h_w(\log\pi_w) - h_l(\log\pi_l)) + \text{const}, \quad \Lambda = 0",
       reading="both as printed, for the rows of Table 2 without a regulariser; const does not depend on the policy, so that "
               "the difference between two policies is the same",
       note="Eq 8 has a minus in front, and the table is written for it: a row that is right gives its objective's loss in "
            "Eq 8, and the negative of it in Eq 1.")
@tabled(*PARTS)
def eq_1_sign(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    def both_forms(name: str, k: Constants, w: Any, x: Any, w2: Any, x2: Any) -> tuple[Any, Any]:
        r = row(name, k)
        return r.m(r.margin(w, x), 0) - r.m(r.margin(w2, x2), 0), r.value(w, x) - r.value(w2, x2)

    eq_1, eq_8 = by_row(which, PLAIN, both_forms, k, w=chosen, x=rejected, w2=other_chosen, x2=other_rejected)
    return equal(eq_1, eq_8, "Eq 1 and Eq 8, difference between two policies")


@eq_1_sign.corrected(
    r"-m(h_w(\log\pi_w) - h_l(\log\pi_l)) = \ell_{own} + \text{const} \text{ and } m(h_w(\log\pi_w) - h_l(\log\pi_l)) = "
    r"-\ell_{own} + \text{const} \text{ for the amended rows: Eq 8 is the loss, Eq 1 its negative}",
    draws=(Choice("which", len(PLAIN)), *HYPER[:-1], LogProbabilities(reference=True, other=True)),
    neighbours={"the rows as printed": {"rows": "printed"}, "Eq 1 is the loss too": {"sign": 1},
                "a hundredth more": {"factor": (101, 100)}})
@tabled(*PARTS)
def _sign(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants,
          rows: str = "amended", sign: int = -1, factor: tuple[int, int] = (1, 1)) -> Relation:
    def with_own(name: str, k: Constants, w: Any, x: Any, w2: Any, x2: Any) -> tuple[Any, ...]:
        r = (amended if rows == "amended" else row)(name, k)
        eq_1 = r.m(r.margin(w, x), 0) - r.m(r.margin(w2, x2), 0)
        return eq_1, r.value(w, x) - r.value(w2, x2), own_value(name, k, w, x) - own_value(name, k, w2, x2)

    eq_1, eq_8, loss = by_row(which, PLAIN, with_own, k, w=chosen, x=rejected, w2=other_chosen, x2=other_rejected)
    return both(equal(eq_8 * factor[1], loss * factor[0], "Eq 8 and the loss, difference between two policies"),
                equal(eq_1 * factor[1], sign * loss * factor[0], "Eq 1 and minus the loss"))


# The gradient with d_w and d_l

POLYNOMIALS = (Integers("m", "h_w", "h_l", "penalty", axes=(2,)), Integers("log_w", "log_l", axes=(1,), low=-5, high=0), Gradients())


def quadratic(q: Any, x: Any, order: int = 0) -> Any:
    """q_0 x + q_1 x^2, or its derivative."""
    first, second = q[..., :1], q[..., 1:]
    return first * x + second * x * x if order == 0 else first + 2 * second * x


def five_point(f: Any) -> Any:
    """f'(0), exactly so for polynomials of degree up to four."""
    return (f(-2) - 8 * f(-1) + 8 * f(1) - f(2)) / 12


def weights_and_slopes(m: Any, h_w: Any, h_l: Any, penalty: Any, log_w: Any, log_l: Any, *, regularised: bool = True,
                       same: bool = False) -> tuple[tuple[Any, Any], Any, Any]:
    """The slopes of the loss of Eq 8 by differences, and d_w and d_l by their formulas."""
    def loss(w: Any, x: Any) -> Any:
        return -(quadratic(m, quadratic(h_w, w) - quadratic(h_l, x)) + quadratic(penalty, w))

    slopes = five_point(lambda e: loss(log_w + e, log_l)), five_point(lambda e: loss(log_w, log_l + e))
    outer = quadratic(m, quadratic(h_w, log_w) - quadratic(h_l, log_l), 1)
    d_w = outer * quadratic(h_w, log_w, 1) + (quadratic(penalty, log_w, 1) if regularised else 0)
    return slopes, d_w, outer * quadratic(h_w if same else h_l, log_l, 1)


@claim("gip.sec-3.2.coefficients", where="section 3.2", title="The gradient of the general loss, with d_w and d_l",
       draws=POLYNOMIALS,
       statement=r"\nabla\ell = d_w\nabla\log\pi_w - d_l\nabla\log\pi_l, \quad d_w = m'h_w' + \Lambda',\; d_l = m'h_l', \quad "
                 r"\ell = -\left(m(h_w(\log\pi_w) - h_l(\log\pi_l)) + \Lambda(\log\pi_w)\right)",
       reading="as printed, with the loss of Eq 8; m, h_w, h_l and Lambda quadratic, so that the derivatives of the loss are "
               "known without the chain rule",
       note="The minus of Eq 8 is lost. That the coefficients do not depend on the parameters is judged in a sub-entry.")
def coefficients(m: Any, h_w: Any, h_l: Any, penalty: Any, log_w: Any, log_l: Any, chosen_gradient: Any,
                 rejected_gradient: Any) -> Relation:
    return _gradient(m, h_w, h_l, penalty, log_w, log_l, chosen_gradient, rejected_gradient, sign=1)


@coefficients.corrected(
    r"\nabla\ell = -\left(d_w\nabla\log\pi_w - d_l\nabla\log\pi_l\right) \text{ with the same } d_w, d_l",
    symbolic=(2,),
    neighbours={"as printed": {"sign": 1}, "without the regulariser": {"regularised": False}, "a hundredth more": {"factor": (101, 100)},
                "h_w' for both": {"same": True}})
def _gradient(m: Any, h_w: Any, h_l: Any, penalty: Any, log_w: Any, log_l: Any, chosen_gradient: Any, rejected_gradient: Any, *,
              sign: int = -1, regularised: bool = True, factor: tuple[int, int] = (1, 1), same: bool = False) -> Relation:
    slopes, d_w, d_l = weights_and_slopes(m, h_w, h_l, penalty, log_w, log_l, regularised=regularised, same=same)
    return equal((slopes[0] * chosen_gradient + slopes[1] * rejected_gradient) * factor[1],
                 sign * (d_w * chosen_gradient - d_l * rejected_gradient) * factor[0], "gradient and the printed one")


@claim("gip.sec-3.2.coefficients.changes", where="section 3.2, before Eq 9", draws=POLYNOMIALS, symbolic=(2,),
       title="The first-order changes of the general loss",
       statement=r"\langle\nabla\log\pi_w, -\eta\nabla\ell\rangle = \eta\left(d_w\|\nabla\log\pi_w\|^2 - d_l\langle\nabla\log\pi_w,\nabla\log\pi_l\rangle\right), \quad "
                 r"\langle\nabla\log\pi_l, -\eta\nabla\ell\rangle = \eta\left(d_w\langle\nabla\log\pi_w,\nabla\log\pi_l\rangle - d_l\|\nabla\log\pi_l\|^2\right)",
       reading="the outer sides as printed, for a step of descent on the loss of Eq 8; quadratic functions as above",
       note="Right: the minus that the gradient lost and the minus that the step lost cancel.",
       neighbours={"ascent": {"sign": 1}, "without the regulariser": {"regularised": False}, "a hundredth more": {"factor": (101, 100)}})
def coefficients_changes(m: Any, h_w: Any, h_l: Any, penalty: Any, log_w: Any, log_l: Any, chosen_gradient: Any, rejected_gradient: Any, *,
                         sign: int = -1, regularised: bool = True, factor: tuple[int, int] = (1, 1)) -> Relation:
    slopes, d_w, d_l = weights_and_slopes(m, h_w, h_l, penalty, log_w, log_l, regularised=regularised)
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, d_w, d_l)
    return both(equal(sign * (slopes[0] * a + slopes[1] * b) * factor[1], up * factor[0], "change of the chosen log-likelihood"),
                equal(sign * (slopes[0] * b + slopes[1] * c) * factor[1], down * factor[0], "change of the rejected one"))


CONSTANT = ("dpo", "r-dpo", "simpo", "ipo", "cpo", "slic")


@claim("gip.sec-3.2.coefficients.constants", where="section 3.2", title="d_w and d_l do not depend on the parameters",
       draws=(Choice("which", len(CONSTANT)), *HYPER[:-1], LogProbabilities(reference=True, other=True)),
       statement=r"d_w(\theta) = d_w(\theta') \text{ and } d_l(\theta) = d_l(\theta')",
       reading="the same pair, reference and hyper-parameters under two policies, for rows of Table 2 with linear h_w, h_l",
       note="They carry m' and with it the margin, the c(theta) of section 3.1 (where it is written as a function of theta). "
            "Without a regulariser their ratio is constant where it is defined.")
@tabled(*PARTS)
def coefficients_constants(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    return _ratio_constant(which=which, chosen=chosen, rejected=rejected, other_chosen=other_chosen,
                           other_rejected=other_rejected, plain=True, **{n: getattr(k, n) for n in PARTS})


@coefficients_constants.corrected(
    r"d_w(\theta)\,d_l(\theta') = d_w(\theta')\,d_l(\theta) \text{ for DPO, R-DPO, SimPO and IPO: only the ratio is constant}",
    neighbours={"for CPO and SLiC too": {"rows": CONSTANT}, "the weights themselves": {"plain": True}, "the product": {"product": True},
                "for CPO too, and 1 % more": {"rows": (*CONSTANT[:4], "cpo", "cpo"), "factor": (101, 100)}})
@tabled(*PARTS)
def _ratio_constant(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants,
                    rows: tuple[str, ...] = (*CONSTANT[:4], "dpo", "simpo"), plain: bool = False, product: bool = False,
                    factor: tuple[int, int] = (1, 1)) -> Relation:
    def weights(name: str, k: Constants, w: Any, x: Any) -> tuple[Any, Any]:
        return row(name, k).coefficients(w, x)

    rows = CONSTANT if plain else rows
    d_w, d_l = by_row(which, rows, weights, k, w=chosen, x=rejected)
    d_w2, d_l2 = by_row(which, rows, weights, k, w=other_chosen, x=other_rejected)
    if plain:
        return both(equal(d_w, d_w2, "d_w under two policies"), equal(d_l, d_l2, "d_l under two policies"))
    if product:
        return equal(d_w * d_l, d_w2 * d_l2)
    return equal(d_w * d_l2 * factor[1], d_w2 * d_l * factor[0], "ratio under two policies, cross-multiplied")
