"""The derivation for SPPO in Appendix A.1: its flow, and when the two log-likelihoods rise and fall."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Coefficients, Gradients
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram, safe
from .gip_general import five_point
from .gip_sppo import ALPHA, BEYOND_STEPS, LARGE, STEPS, large, weights


@claim("gip.app-a.1", where="Appendix A.1", title="The flow of the loss of Appendix A.1", draws=STEPS,
       statement=r"-\nabla\ell = -(\log\pi_w - \beta^{-1})\nabla\log\pi_w - (\log\pi_l + \beta^{-1})\nabla\log\pi_l, \quad "
                 r"\ell = (\log\pi_w - \beta^{-1})^2 + (\log\pi_l + \beta^{-1})^2",
       reading="the display as printed, with the loss in the sentence before it",
       note="A factor 2 is missing: the loss should carry one half, or time run half as fast. The conditions that follow do not depend on it; "
            "they are sub-entries.")
def flow(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any) -> Relation:
    return _flow(chosen_gradient, rejected_gradient, beta, chosen, rejected, factor=(1, 1))


@flow.corrected(r"-\tfrac12\nabla\ell = -(\log\pi_w - \beta^{-1})\nabla\log\pi_w - (\log\pi_l + \beta^{-1})\nabla\log\pi_l",
                neighbours={"as printed": {"factor": (1, 1)}, "a hundredth more": {"factor": (101, 200)}, "beta for its inverse": {"inverse": False}})
def _flow(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, factor: tuple[int, int] = (1, 2),
          inverse: bool = True) -> Relation:
    def loss(w: Any, x: Any) -> Any:
        return (w - 1 / beta) ** 2 + (x + 1 / beta) ** 2

    slopes = five_point(lambda e: loss(chosen + e, rejected)), five_point(lambda e: loss(chosen, rejected + e))
    target = 1 / beta if inverse else beta
    printed = -(chosen - target) * chosen_gradient - (rejected + target) * rejected_gradient
    return equal(-(slopes[0] * chosen_gradient + slopes[1] * rejected_gradient) * factor[0], printed * factor[1], "flow and the printed one")


RISES = rf"\tfrac{{{B}}}{{{A}}} < \alpha \iff {DW} > 0, \quad {ALPHA}"
OTHER_BOUNDS = {"from alpha on": {"weak": True}, "1/alpha": {"turn": True}, "below 1": {"plain": True}}


def rises_below_alpha(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, weak: bool = False,
                      turn: bool = False, plain: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = weights(beta, chosen, rejected)
    up, _ = changes(a, b, c, d_w, d_l)
    alpha = 1 if plain else d_l / safe(d_w) if turn else d_w / safe(d_l)
    defined = both(negation(equal(a, 0, "chosen norm")), negation(equal(d_l, 0, "1/beta + log pi_l")))
    return implies(defined, iff((at_least if weak else greater)(alpha, b / safe(a), "alpha and the ratio"), greater(up, 0, "change of the chosen")))


winner = claim(
    "gip.app-a.1.winner", where="Appendix A.1", title="When the chosen log-likelihood rises under SPPO", draws=BEYOND_STEPS,
    statement=rf"{LARGE},\; \nabla\log\pi_w \ne 0: \quad {RISES}", neighbours=OTHER_BOUNDS,
    reading="the loss of Appendix A.1, to first order in the step, with the bound on 1/beta that the appendix adds to the display",
    note="That the bound is needed: gip.app-a.1.winner.any-beta.")(rises_below_alpha)
winner_any = claim(
    "gip.app-a.1.winner.any-beta", where="Appendix A.1", draws=STEPS, neighbours=OTHER_BOUNDS,
    title="When the chosen log-likelihood rises under SPPO, whatever beta is",
    statement=rf"\nabla\log\pi_w \ne 0,\; \beta^{{-1}} + \log\pi_l \ne 0: \quad {RISES}",
    reading="the display alone, without the sentence after it, to show that the bound is needed")(rises_below_alpha)
winner_any.assuming(rf"\text{{the bound that is printed after it, }} {LARGE}", own_setting=True, draws=BEYOND_STEPS)(large)


@claim("gip.app-a.1.loser", where="Appendix A.1", title="When the rejected log-likelihood falls under SPPO", draws=STEPS,
       statement=rf"\nabla\log\pi_l \ne 0: \quad \tfrac{{{B}}}{{{C}}} < \alpha^{{-1}} \iff {DL} < 0, \quad "
                 r"\alpha^{-1} = \tfrac{\beta^{-1} + \log\pi_l}{\beta^{-1} - \log\pi_w}",
       reading="the loss of Appendix A.1, to first order in the step",
       note="This half needs no assumption on beta: the denominator is above 0 for every policy.",
       neighbours={"from its inverse on": {"weak": True}, "alpha": {"turn": True}, "below 1": {"plain": True}})
def loser(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, weak: bool = False, turn: bool = False,
          plain: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = weights(beta, chosen, rejected)
    _, down = changes(a, b, c, d_w, d_l)
    inverse = 1 if plain else d_w / safe(d_l) if turn else d_l / d_w
    return implies(negation(equal(c, 0, "rejected norm")),
                   iff((at_least if weak else greater)(inverse, b / safe(c), "1/alpha and the ratio"), greater(0, down, "0 and the change of the rejected")))


@claim("gip.app-a.1.pairwise", where="Appendix A.1", title="For every pairwise loss the two inner products decide the directions",
       draws=(Gradients(), Coefficients("fall")),
       statement=r"\Delta\log\pi_w > 0 \iff \langle\mathbf a, \mathbf a - \mathbf b\rangle > 0, \quad "
                 r"\Delta\log\pi_l > 0 \iff \langle\mathbf b, \mathbf a - \mathbf b\rangle > 0 \quad \text{for the loss } \ell(\log\pi_w - \log\pi_l)",
       reading="for any slope -fall of the loss at the margin; to first order",
       note="An increasing part, as IPO has past its target, turns both directions round, and an inactive hinge stops them.",
       neighbours={"from 0 on": {"weak": True}, "the signs of the products with b": {"product": True}, "exchanged": {"swap": True}})
def pairwise(chosen_gradient: Any, rejected_gradient: Any, fall: Any, *, weak: bool = False, product: bool = False,
             swap: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, fall, fall)
    first, second = (a, -b) if product else (b - c, a - b) if swap else (a - b, b - c)
    test = at_least if weak else greater
    return both(iff(greater(up, 0, "change of the chosen"), test(first, 0, "<a, a - b>")),
                iff(greater(down, 0, "change of the rejected"), test(second, 0, "<b, a - b>")))


@pairwise.assuming(r"\ell' < 0 \text{ at the margin}", draws=(Gradients(), Coefficients("fall", positive=True)))
def _decreasing(fall: Any) -> Relation:
    return greater(fall, 0, "minus the slope")
