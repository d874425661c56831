r"""The general loss (section 3.2): its sign, its gradient, the margin, and how one condition pays for the other."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Choice, Coefficients, Gradients, LogProbabilities
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, equal, forall, greater, iff, implies, negation
from ..objectives.table_2 import Constants, amended, row
from .gip_formulas import DL, DW, HYPER, PARTS, A, B, C, by_row, changes, gram, own_value, safe, tabled

PLAIN = ("dpo", "r-dpo", "simpo", "ipo", "dpo-positive", "kto", "sppo")  # the rows without a regulariser
ANY, POSITIVE = (Gradients(), Coefficients()), (Gradients(), Coefficients(positive=True))
STEPPED = rf"{DW} = \eta(d_w{A} - d_l{B}),\; {DL} = \eta(d_w{B} - d_l{C})"


@claim("gip.eq-1.sign", where="Eq 1 and Eq 8", title="Eqs 1 and 8 with the functions of Table 2 are the same loss",
       draws=(Choice("which", len(PLAIN)), *HYPER, LogProbabilities(other=True)),
       statement=r"m(h_w(\log\pi_w) - h_l(\log\pi_l)) = -m(h_w(\log\pi_w) - h_l(\log\pi_l)) + \text{const}, \quad \Lambda = 0",
       reading="both as printed, for the rows of Table 2 without a regulariser; const does not depend on the policy, so that "
               "the difference between two policies is the same",
       note="Eq 8 has a minus in front, and the table is written for it: a row that is right gives its objective's loss in "
            "Eq 8, and the negative of it in Eq 1.")
@tabled(*PARTS)
def eq_1_sign(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    def both_forms(name: str, k: Constants, w: Any, x: Any, w2: Any, x2: Any) -> tuple[Any, Any]:
        r = row(name, k)
        eq_8 = r.value(w, x) - r.value(w2, x2)
        return r.m(r.margin(w, x), 0) - r.m(r.margin(w2, x2), 0), eq_8

    eq_1, eq_8 = by_row(which, PLAIN, both_forms, k, w=chosen, x=rejected, w2=other_chosen, x2=other_rejected)
    return equal(eq_1, eq_8, "Eq 1 and Eq 8, difference between two policies")


@eq_1_sign.corrected(
    r"-m(h_w(\log\pi_w) - h_l(\log\pi_l)) = \ell_{own} + \text{const} \text{ and } m(h_w(\log\pi_w) - h_l(\log\pi_l)) = "
    r"-\ell_{own} + \text{const} \text{ for the amended rows: Eq 8 is the loss, Eq 1 its negative}",
    draws=(Choice("which", len(PLAIN)), *HYPER, LogProbabilities(other=True)),
    neighbours={"the rows as printed": {"rows": "printed"}, "Eq 1 is the loss too": {"sign": 1},
                "a hundredth more": {"factor": (101, 100)}})
@tabled(*PARTS)
def _sign(which: Any, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants,
          rows: str = "amended", sign: int = -1, factor: tuple[int, int] = (1, 1)) -> Relation:
    def with_own(name: str, k: Constants, w: Any, x: Any, w2: Any, x2: Any) -> tuple[Any, ...]:
        r = (amended if rows == "amended" else row)(name, k)
        loss = own_value(name, k, w, x) - own_value(name, k, w2, x2)
        return r.m(r.margin(w, x), 0) - r.m(r.margin(w2, x2), 0), r.value(w, x) - r.value(w2, x2), loss

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
    def loss(w: Any, x: Any) -> Any:
        return -(quadratic(m, quadratic(h_w, w) - quadratic(h_l, x)) + quadratic(penalty, w))

    slopes = five_point(lambda e: loss(log_w + e, log_l)), five_point(lambda e: loss(log_w, log_l + e))
    outer = quadratic(m, quadratic(h_w, log_w) - quadratic(h_l, log_l), 1)
    d_w = outer * quadratic(h_w, log_w, 1) + (quadratic(penalty, log_w, 1) if regularised else 0)
    d_l = outer * quadratic(h_w if same else h_l, log_l, 1)
    return equal((slopes[0] * chosen_gradient + slopes[1] * rejected_gradient) * factor[1],
                 sign * (d_w * chosen_gradient - d_l * rejected_gradient) * factor[0], "gradient and the printed one")


CONSTANT = ("dpo", "r-dpo", "simpo", "ipo", "cpo", "slic")


@claim("gip.sec-3.2.coefficients.constants", where="section 3.2", title="d_w and d_l do not depend on the parameters",
       draws=(Choice("which", len(CONSTANT)), *HYPER, LogProbabilities(other=True)),
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


# The margin


@claim("gip.sec-3.2.margin", where="section 3.2, with 3.1", title="The margin does not fall under general losses", draws=POSITIVE,
       statement=rf"\Delta(\log\pi_w - \log\pi_l) \ge 0, \quad {STEPPED},\; d_w, d_l > 0",
       reading="what Eq 6 shows for DPO, for any weights above 0; to first order",
       note="Cauchy-Schwarz covers equal weights only. The printed implication from the ideal case is a sub-entry.")
def margin(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any) -> Relation:
    up, down = changes(*gram(chosen_gradient, rejected_gradient), d_w, d_l)
    return at_least(up, down, "changes of the chosen and of the rejected")


@margin.corrected(
    rf"\left(\text{{for every pair of gradients }} \Delta(\log\pi_w - \log\pi_l) \ge 0\right) \iff d_w = d_l \ge 0, \quad {STEPPED}",
    draws=ANY,
    neighbours={"any equal weights": {"any_": True}, "weights from 0": {"unequal": True}, "d_w from d_l on": {"above": True},
                "never": {"never": True}})
def _equal_weights(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, any_: bool = False, unequal: bool = False,
                   above: bool = False, never: bool = False) -> Relation:
    """With equal weights the drawn pair bears it out; otherwise one of four pairs l = t w does not."""
    up, down = changes(*gram(chosen_gradient, rejected_gradient), d_w, d_l)
    ratio = d_w / safe(d_l)
    probes = (0 * ratio, 0 * ratio + 2, (1 + ratio) / 2, 2 * ratio + 2, -1 - abs(ratio))
    gains = [(d_w - d_l * t) * (1 - t) for t in probes]  # the change of the margin for l = t w, |w| = 1
    grows = both(*(at_least(g, 0, "change of the margin for proportional gradients") for g in (*gains, d_w, d_l)), at_least(up, down))
    if never:
        return negation(grows)
    same = both(equal(d_w, d_l, "the two weights"), *(() if any_ else (at_least(d_w, 0),)))
    same = both(at_least(d_w, 0), at_least(d_l, 0)) if unequal else both(at_least(d_w, d_l), at_least(d_l, 0)) if above else same
    return iff(grows, same)


@claim("gip.sec-3.2.margin.ideal", where="section 3.2, before Eq 9", title="In the ideal case the margin does not fall",
       draws=(Coefficients("chosen_change", "rejected_change"),),
       statement=rf"{DW} \ge 0 \ge {DL} \implies \Delta(\log\pi_w - \log\pi_l) \ge 0",
       reading="the printed implication, for any two changes; written as: not ideal, or the margin does not fall",
       neighbours={"the converse": {"converse": True}, "strictly": {"strict": True}, "from one half of it": {"half": True}})
def margin_ideal(chosen_change: Any, rejected_change: Any, *, converse: bool = False, strict: bool = False, half: bool = False) -> Relation:
    ideal = at_least(chosen_change, 0) if half else both(at_least(chosen_change, 0), at_least(0, rejected_change))
    grows = (greater if strict else at_least)(chosen_change, rejected_change, "changes of the chosen and of the rejected")
    return both(implies(grows, ideal) if converse else implies(ideal, grows))


# More lenient, more strict


@claim("gip.sec-3.2.trade-off", where="section 3.2, after Eq 10", title="A condition more lenient than DPO's makes the other stricter",
       draws=ANY,
       statement=r"\tfrac{d_w}{d_l} > 1 \implies \tfrac{d_l}{d_w} < 1 \quad \text{where both are defined}",
       reading="as printed, by the ratios, for weights of any sign; written as: not above 1, or the other below 1",
       neighbours={"the converse too": {"converse": True}, "ratio from 1": {"weak": True}, "below 1/2": {"half": True}})
def trade_off(d_w: Any, d_l: Any, *, converse: bool = False, weak: bool = False, half: bool = False) -> Relation:
    winner, loser = d_w / safe(d_l), d_l / safe(d_w)
    lenient = (at_least if weak else greater)(winner, 1, "d_w / d_l")
    strict = greater(1, 2 * loser if half else loser, "d_l / d_w")
    defined = negation(equal(d_w * d_l, 0, "the product of the weights"))
    return implies(defined, iff(lenient, strict) if converse else implies(lenient, strict))


@claim("gip.sec-3.2.trade-off.events", where="section 3.2, after Eq 10", draws=ANY,
       title="With d_w / d_l above 1 the chosen one rises at least as often as under DPO, the rejected one falls at most as often",
       statement=rf"\tfrac{{d_w}}{{d_l}} > 1 \implies \left({B} \le {A} \Rightarrow {DW} \ge 0\right) \text{{ and }} "
                 rf"\left({DL} \le 0 \Rightarrow {B} \le {C}\right), \quad {STEPPED}",
       reading="lenient and strict as inclusions of the pairs of gradients for which the log-likelihoods move as wanted",
       neighbours={"ratios from 1/2": {"from_": 2}, "ratios below 1": {"below": True}, "the chosen one rises strictly": {"strict": True}})
def trade_off_events(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, from_: int = 1, below: bool = False,
                     strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, d_w, d_l)
    ratio = from_ * d_w / safe(d_l)
    lenient = both(negation(equal(d_l, 0, "d_l")), greater(1, ratio) if below else greater(ratio, 1, "d_w / d_l"))
    rises = (greater if strict else at_least)(up, 0, "change of the chosen")
    return both(implies(lenient, both(implies(at_least(a, b, "chosen norm and inner product"), rises),
                                      implies(at_least(0, down, "0 and the change of the rejected"), at_least(c, b)))))


@trade_off_events.assuming(r"d_l > 0 \text{: the loss rises with } \log\pi_l",
                           draws=(Gradients(), Coefficients(above=("d_l",))))
def _loser_positive(d_l: Any) -> Relation:
    return greater(d_l, 0, "d_l")
