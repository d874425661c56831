r"""One step of DPO (section 3.1): its gradient, the first-order changes of the two log-likelihoods, and the margin.

With :math:`a = \|\nabla\log\pi_w\|^2`, b the inner product and :math:`c = \|\nabla\log\pi_l\|^2`, all of it is algebra. The
step length :math:`\eta\beta c(\theta)` is any positive number s.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Gradients
from ..engine.kinds import Numbers
from ..engine.relations import Relation, at_least, both, equal, forall, greater, iff, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram

PAIR = (Gradients(),)
STEP = (Gradients(), Numbers("step"))
LOGISTIC = (Gradients(), Numbers("odds"), Numbers("beta"))
GRADIENT = r"\nabla\ell_{DPO} = -\beta\,\sigma(\hat r(y_l) - \hat r(y_w))\left[\nabla\log\pi_w - \nabla\log\pi_l\right]"


def dpo_gradient(w: Any, x: Any, odds: Any, beta: Any) -> Any:
    r"""The gradient of :math:`-\log\sigma`, by the quotient rule for :math:`\sigma = o/(1+o)`.

    The odds are :math:`o = e^{\hat r_w - \hat r_l} = (\pi_w\pi_{ref,l}/\pi_l\pi_{ref,w})^\beta`, so that
    :math:`\nabla o = \beta o(\nabla\log\pi_w - \nabla\log\pi_l)`.
    """
    slope = beta * odds * (w - x)
    sigma, rise = odds / (1 + odds), (slope * (1 + odds) - odds * slope) / ((1 + odds) * (1 + odds))
    return -rise / sigma


@claim("gip.eq-3", where="Eq 3", title="The gradient of the DPO loss", draws=LOGISTIC, statement=GRADIENT,
       reading="for any gradients of the two log-likelihoods, any odds exp of the difference of implicit rewards, any beta",
       neighbours={"sigmoid turned": {"turn": True}, "without beta": {"bare": True}, "sum of gradients": {"plus": True},
                   "a hundredth more": {"factor": (101, 100)}})
def eq_3(chosen_gradient: Any, rejected_gradient: Any, odds: Any, beta: Any, *, turn: bool = False, bare: bool = False,
         plus: bool = False, factor: tuple[int, int] = (1, 1)) -> Relation:
    w, x = chosen_gradient, rejected_gradient
    sigma = (odds if turn else 1) / (1 + odds)
    printed = -(1 if bare else beta) * sigma * (w + x if plus else w - x)
    return equal(dpo_gradient(w, x, odds, beta) * factor[1], printed * factor[0], "gradient and the printed one")


@claim("gip.eq-4", where="Eq 4", title="The DPO gradient is -beta c(theta) times the difference, with c(theta) > 0",
       draws=LOGISTIC,
       statement=r"\nabla\ell_{DPO} = -\beta\,c(\theta)(\nabla\log\pi_w - \nabla\log\pi_l), \quad c(\theta) = \sigma(\hat r(y_l) - \hat r(y_w)) > 0",
       reading="both parts; the odds are exp of the difference of the implicit rewards, chosen minus rejected",
       neighbours={"above 1/99": {"above": (1, 99)}, "above 1/2": {"above": (1, 2)}, "sign of the gradient": {"sign": -1},
                   "a hundredth more": {"factor": (101, 100)}})
def eq_4(chosen_gradient: Any, rejected_gradient: Any, odds: Any, beta: Any, *, above: tuple[int, int] = (0, 1),
         sign: int = 1, factor: tuple[int, int] = (1, 1)) -> Relation:
    w, x = chosen_gradient, rejected_gradient
    c = 1 / (1 + odds)
    return both(equal(dpo_gradient(w, x, odds, beta) * factor[1], -sign * factor[0] * beta * c * (w - x), "gradient"),
                greater(c * above[1], above[0], "c(theta)"))


@claim("gip.eq-5", where="Eq 5", title="The first-order changes, each printed equality", draws=STEP,
       statement=rf"\langle\nabla\log\pi_w, \eta\nabla\ell_{{DPO}}\rangle = \eta\beta c(\theta)\left({A} - {B}\right) \text{{ and }} "
                 rf"\langle\nabla\log\pi_l, \eta\nabla\ell_{{DPO}}\rangle = \eta\beta c(\theta)\left({B} - {C}\right), \quad "
                 r"\nabla\ell_{DPO} = -\beta c(\theta)(\nabla\log\pi_w - \nabla\log\pi_l)",
       reading="as printed, with the gradient of Eq 4; step = eta beta c(theta)",
       note="The inner products with the gradient have the opposite sign of the right sides; descent moves along minus the "
            "gradient, and for that the right sides are right (sub-entry).")
def eq_5(chosen_gradient: Any, rejected_gradient: Any, step: Any) -> Relation:
    return _eq_5(chosen_gradient, rejected_gradient, step, sign=1)


@eq_5.corrected(
    rf"\langle\nabla\log\pi_w, -\eta\nabla\ell_{{DPO}}\rangle = \eta\beta c(\theta)\left({A} - {B}\right),\; "
    rf"\langle\nabla\log\pi_l, -\eta\nabla\ell_{{DPO}}\rangle = \eta\beta c(\theta)\left({B} - {C}\right)",
    neighbours={"with the sign as printed": {"sign": 1}, "a hundredth more": {"factor": (101, 100)},
                "rejected norm for the chosen": {"swap": True}, "twice the inner product": {"twice": 2}})
def _eq_5(chosen_gradient: Any, rejected_gradient: Any, step: Any, *, sign: int = -1, factor: tuple[int, int] = (1, 1),
          swap: bool = False, twice: int = 1) -> Relation:
    w, x = chosen_gradient, rejected_gradient
    a, b, c = gram(w, x)
    gradient = -step * (w - x)
    d_w, d_l = ((v * (sign * gradient)).sum(-1, keepdims=True) * factor[1] for v in (w, x))
    up, down = changes(c if swap else a, b, c)
    up = up + (1 - twice) * b
    return both(equal(d_w, step * up * factor[0], "change of the chosen log-likelihood"),
                equal(d_l, step * down * factor[0], "change of the rejected one"))


@claim("gip.eq-5.first-order", where="Eq 5", draws=STEP,
       title="What a step of descent changes to first order is the right side of Eq 5",
       statement=rf"{DW} = \eta\beta c(\theta)\left({A} - {B}\right),\; {DL} = \eta\beta c(\theta)\left({B} - {C}\right) "
                 r"\text{ for } \theta' = \theta - \eta\nabla\ell_{DPO}",
       reading="the outer sides of Eq 5 alone; Delta is the first-order term of the change",
       neighbours={"ascent": {"sign": 1}, "a hundredth more": {"factor": (101, 100)}, "norms exchanged": {"swap": True}})
def eq_5_first_order(chosen_gradient: Any, rejected_gradient: Any, step: Any, *, sign: int = -1,
                     factor: tuple[int, int] = (1, 1), swap: bool = False) -> Relation:
    return _eq_5(chosen_gradient, rejected_gradient, step, sign=sign, factor=factor, swap=swap)


@claim("gip.eq-6", where="Eq 6", title="The margin does not fall, to first order, by Cauchy-Schwarz", draws=STEP,
       statement=rf"\Delta(\log\pi_w - \log\pi_l) = \eta\beta c(\theta)\left({A} - 2{B} + {C}\right) \ge 0",
       reading="Delta is the first-order term; the equality and the inequality",
       neighbours={"above 0": {"strict": True}, "three times the inner product": {"times": 3}, "without the inner product": {"times": 0},
                   "the plain difference of the norms": {"norms": True}})
def eq_6(chosen_gradient: Any, rejected_gradient: Any, step: Any, *, strict: bool = False, times: int = 2,
         norms: bool = False) -> Relation:
    w, x = chosen_gradient, rejected_gradient
    a, b, c = gram(w, x)
    d_w, d_l = changes(a, b, c)
    change = step * (a - times * b + c)
    if norms:
        change = step * (a - c)
    return both(equal(step * (d_w - d_l), change, "change of the margin"),
                greater(change, 0) if strict else at_least(change, 0, "change of the margin and 0"))


@claim("gip.eq-6.strict", where="Eq 6", title="The margin grows unless the two gradients are equal", draws=PAIR,
       statement=rf"{A} - 2{B} + {C} > 0 \iff \nabla\log\pi_w \ne \nabla\log\pi_l",
       reading="enlarging the difference, read strictly",
       neighbours={"unless they are parallel": {"unless": "parallel"}, "unless their norms are equal": {"unless": "norms"},
                   "always": {"unless": "never"}})
def eq_6_strict(chosen_gradient: Any, rejected_gradient: Any, *, unless: str = "equal") -> Relation:
    w, x = chosen_gradient, rejected_gradient
    a, b, c = gram(w, x)
    grows = greater(a - 2 * b + c, 0, "change of the margin")
    same = {"equal": forall(equal(w, x, "gradients")), "parallel": equal(b * b, a * c), "norms": equal(a, c)}
    return grows if unless == "never" else iff(grows, negation(same[unless]))


@claim("gip.eq-7", where="Eq 7", title="When the chosen log-likelihood does not fall and the rejected one does not rise",
       draws=STEP,
       statement=rf"{B} \le {A} \iff {DW} \ge 0 \text{{ and }} {B} \le {C} \iff {DL} \le 0",
       reading="Delta is the first-order term of the change; arrows as the signs printed beside them, ties included",
       neighbours={"strict on one side": {"strict": True}, "the other norm": {"swap": True}, "sign of the product alone": {"sign": True},
                   "a hundredth to spare": {"factor": (100, 101)}})
def eq_7(chosen_gradient: Any, rejected_gradient: Any, step: Any, *, strict: bool = False, swap: bool = False,
         sign: bool = False, factor: tuple[int, int] = (1, 1)) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = (step * x for x in changes(a, b, c))
    above, below = (0 * a, 0 * a) if sign else (c, a) if swap else (a, c)
    up = greater(d_w, 0) if strict else at_least(d_w, 0, "first-order change of the chosen")
    return both(iff(at_least(above * factor[0], b * factor[1], "chosen norm and inner product"), up),
                iff(at_least(below * factor[0], b * factor[1], "rejected norm and inner product"), at_least(0, d_l)))


@claim("gip.eq-7.strict", where="Eq 7", title="The arrows of Eq 7, read as strict rise and fall", draws=STEP,
       statement=rf"{B} \le {A} \iff {DW} > 0 \text{{ and }} {B} \le {C} \iff {DL} < 0",
       reading="an arrow up is a rise, an arrow down a fall, to first order",
       note="At a tie nothing moves to first order; with strict inequalities on both sides the arrows are right.")
def eq_7_strict(chosen_gradient: Any, rejected_gradient: Any, step: Any) -> Relation:
    return _arrows(chosen_gradient, rejected_gradient, step, weak=True)


@eq_7_strict.corrected(rf"{B} < {A} \iff {DW} > 0 \text{{ and }} {B} < {C} \iff {DL} < 0",
                       neighbours={"weak on the left": {"weak": True}, "the other norm": {"swap": True},
                                   "chosen only if orthogonal or opposed": {"product": True}})
def _arrows(chosen_gradient: Any, rejected_gradient: Any, step: Any, *, weak: bool = False, swap: bool = False,
            product: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = (step * x for x in changes(a, b, c))
    a, c = (c, a) if swap else (0 * a, c) if product else (a, c)
    test = at_least if weak else greater
    return both(iff(test(a, b, "chosen norm and inner product"), greater(d_w, 0, "first-order change of the chosen")),
                iff(test(c, b, "rejected norm and inner product"), greater(0, d_l)))


