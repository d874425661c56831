"""SPPO: what section 3.3 says that theory predicts for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, greater, iff, implies
from .gip_formulas import DL, DW, A, B, C, changes, gram
from .gip_sppo import BEYOND_STEPS, LARGE, STEPS, weights


@claim("gip.sec-3.3.sppo", where="section 3.3", draws=BEYOND_STEPS,
       title="Section 3.2 predicts that SPPO favours a fall of the rejected log-likelihood",
       statement=rf"{LARGE},\; {B} \le {C} \implies {DL} \le 0",
       reading="favours, compared with DPO: wherever DPO does not raise the rejected one, SPPO (as in Appendix A.1, 1/beta large) does not "
               "either; written as: not DPO's condition, or SPPO's",
       note="Section 3.2 says the opposite, and is right: SPPO makes that fall harder. The other half of the sentence, that the chosen "
            "one rises more easily, is true and judged in gip.ratio.sppo.easier.")
def predicted(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    _, down = changes(a, b, c, *weights(beta, chosen, rejected))
    return both(implies(at_least(c, b, "rejected norm and inner product"), at_least(0, down, "0 and the change of the rejected")))


@predicted.corrected(rf"{DL} \le 0 \implies {B} \le {C} \text{{: wherever SPPO does not raise the rejected one, DPO does not either, whatever }} \beta",
                     draws=STEPS, neighbours={"the converse": {"converse": True}, "DPO lowers it": {"strict": True}, "below half the norm": {"half": True}})
def _harder(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, converse: bool = False,
            strict: bool = False, half: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    _, down = changes(a, b, c, *weights(beta, chosen, rejected))
    falls = at_least(0, down, "0 and the change of the rejected under SPPO")
    dpo = (greater if strict else at_least)(c, 2 * b if half else b, "rejected norm and inner product")
    return both(implies(dpo, falls) if converse else implies(falls, dpo))


@claim("gip.sec-3.3.sppo.absolute", where="section 3.3", draws=BEYOND_STEPS,
       title="SPPO raises the chosen log-likelihood and lowers the rejected one",
       statement=rf"{LARGE} \implies {DW} \ge 0 \ge {DL}", reading="favours: makes happen, to first order, under the loss of Appendix A.1")
def absolute(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any) -> Relation:
    up, down = changes(*gram(chosen_gradient, rejected_gradient), *weights(beta, chosen, rejected))
    return both(at_least(up, 0, "change of the chosen"), at_least(0, down, "0 and the change of the rejected"))


@absolute.corrected(
    rf"{LARGE}: \quad {DW} \ge 0 \ge {DL} \iff {B} \le \min\left(\alpha {A}, \tfrac1\alpha {C}\right)",
    neighbours={"DPO's minimum": {"plain": True}, "alpha turned": {"turn": True}, "strictly": {"strict": True}})
def _absolute(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, plain: bool = False, turn: bool = False,
              strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = weights(beta, chosen, rejected)
    up, down = changes(a, b, c, d_w, d_l)
    alpha = 1 if plain else d_l / d_w if turn else d_w / d_l
    bound = np.minimum(alpha * a, c / alpha)
    return iff(both(at_least(up, 0, "change of the chosen"), at_least(0, down, "0 and the change of the rejected")),
               (greater if strict else at_least)(bound, b, "weighted norms and inner product"))
