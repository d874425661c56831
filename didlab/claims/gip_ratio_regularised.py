"""The ratio of the weights with explicit regularisation (section 3.2, list): CPO, and what its regulariser does."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.gradients import Choice, Coefficients, Gradients
from ..engine.kinds import Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities, NotNegative
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from ..objectives.table_2 import Constants, row
from .gip_formulas import DW, A, B, C, by_row, changes, gram, own_coefficients, safe, tabled
from .gip_table_2 import LENGTHS, REFERENCE

BETA, LAM, ONE, BARE = Numbers("beta"), NotNegative("lam"), LogProbabilities(reference=True), LogProbabilities()
SIGMOID = Numbers("sigmoid_w", below_one=True)
RATIO = r"\tfrac{d_w}{d_l}"
LENGTH = r"\tfrac{|y_l|}{|y_w|}"



@claim("gip.ratio.cpo", where="section 3.2, list", title="With explicit regularisation the ratio is always above 1", draws=(BETA, LAM, BARE),
       statement=rf"\Lambda' = \lambda \ge 0 \implies {RATIO} > 1",
       reading="CPO, the example given; lambda from 0, as the reason given (Lambda' not negative) allows",
       note="CPO alone, narrower than the printed class: of the other two with a regulariser, RRHF can have a ratio below 1 with lambda > 0 too, and "
            "a hinge that is not active has no ratio. gip.ratio.cpo.hinges judges SLiC and RRHF and refutes the sentence for them.",
       neighbours={"above 101/100": {"above": (101, 100)}, "above 2": {"above": (2, 1)}, "below 10": {"below": 10}})
@tabled("beta", "lam")
def cpo(chosen: Any, rejected: Any, *, k: Constants, above: tuple[int, int] = (1, 1), below: int = 0) -> Relation:
    d_w, d_l = row("cpo", k).coefficients(chosen, rejected)
    more = greater(d_w * above[1], d_l * above[0], "d_w and d_l")
    return both(more, greater(below * d_l, d_w)) if below else more


@cpo.assuming(r"\lambda > 0", draws=(BETA, Numbers("lam"), BARE))
def _regularised(lam: Any) -> Relation:
    return greater(lam, 0, "lambda")


@claim("gip.ratio.cpo.hinges", where="section 3.2, list", title="With explicit regularisation the ratio of RRHF and SLiC is above 1",
       draws=(Choice("which", 2), Numbers("lam"), Numbers("delta"), Lengths(), BARE),
       statement=rf"\lambda > 0,\; d_l \ne 0 \implies {RATIO} > 1", reading="the rows of SLiC and RRHF as printed (which), where their hinges are active",
       note="SLiC's is; RRHF divides by the lengths before it regularises, so that a long chosen response can have the smaller weight.")
@tabled("lam", "delta", *LENGTHS)
def hinges(which: Any, chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    d_w, d_l = hinge_weights(which, k, chosen, rejected)
    return implies(negation(equal(d_l, 0, "d_l")), greater(d_w, d_l, "d_w and d_l"))


def hinge_weights(which: Any, k: Constants, chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """The weights of the rows of SLiC and RRHF."""
    def weights_of(name: str, k: Constants, w: Any, x: Any) -> tuple[Any, Any]:
        return row(name, k).coefficients(w, x)

    d_w, d_l = by_row(which, ("slic", "rrhf"), weights_of, k, w=chosen, x=rejected)
    return d_w, d_l


@hinges.corrected(
    rf"d_l \ne 0:\; {RATIO} > 1 \text{{ for SLiC; for RRHF iff }} \tfrac{{1}}{{|y_w|}} + \lambda > \tfrac{{1}}{{|y_l|}}",
    neighbours={"for both always": {"always": True}, "for RRHF iff the rejected one is longer": {"lengths": True}, "from equality on": {"weak": True}})
@tabled("lam", "delta", *LENGTHS)
def _hinges(which: Any, chosen: Any, rejected: Any, *, k: Constants, always: bool = False, lengths: bool = False, weak: bool = False) -> Relation:
    d_w, d_l = hinge_weights(which, k, chosen, rejected)
    more, slic = greater(d_w, d_l, "d_w and d_l"), equal(which, 0, "SLiC")
    n_w, n_l = k.chosen_length, k.rejected_length
    bound = greater(n_l, n_w) if lengths else (at_least if weak else greater)(1 / n_w + k.lam, 1 / n_l, "inverse lengths")
    active = greater(d_l, 0, "d_l")
    return both(implies(both(active, slic), more), implies(both(active, negation(slic)), more if always else iff(more, bound)))


@claim("gip.ratio.cpo.same-weight", where="section 3.2, list", title="The weight d_l of CPO is the same as in DPO", draws=(BETA, LAM, ONE),
       statement=r"d_l^{CPO} = d_l^{DPO}", reading="the losses of their own papers, at the same policy and beta",
       note="CPO has no reference, DPO has.")
@tabled("beta", "lam", *REFERENCE)
def same_weight(chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    return equal(own_coefficients("cpo", k, chosen, rejected)[1], own_coefficients("dpo", k, chosen, rejected)[1], "d_l of CPO and of DPO")


@same_weight.corrected(
    r"\text{it is, for every policy, iff } c_{ref} = 0; \text{ where } \log\pi_w = \log\pi_l:\; d_l^{CPO} > d_l^{DPO} \iff c_{ref} < 0",
    neighbours={"always": {"always": True}, "the other side": {"turn": True}, "iff the chosen reference is e^-1": {"of": "chosen"}})
@tabled("beta", "lam", *REFERENCE)
def _same_weight(chosen: Any, rejected: Any, *, k: Constants, always: bool = False, turn: bool = False, of: str = "shift") -> Relation:
    level = chosen - 1  # two responses of this log-probability leave room for others
    cpo_l, dpo_l = (own_coefficients(name, k, level, level)[1] for name in ("cpo", "dpo"))
    drawn_cpo, drawn_dpo = (own_coefficients(name, k, chosen, rejected)[1] for name in ("cpo", "dpo"))
    everywhere = equal(drawn_cpo, drawn_dpo, "d_l of CPO and of DPO")
    if always:
        return equal(cpo_l, dpo_l)
    shift = k.shift if of == "shift" else k.ref_chosen + 1
    low, high = (shift, 0 * shift) if turn else (0 * shift, shift)
    return both(iff(greater(cpo_l, dpo_l, "d_l of CPO and of DPO"), greater(low, high, "0 and c_ref")),
                iff(greater(dpo_l, cpo_l), greater(high, low)), implies(equal(k.shift, 0, "c_ref"), everywhere))


@claim("gip.ratio.cpo.helps", where="section 3.2, list", title="The regulariser always helps the chosen log-likelihood",
       draws=(Gradients(), Coefficients("d_w", "d_l"), LAM),
       statement=rf"{DW}(d_w + \lambda, d_l) \ge {DW}(d_w, d_l)", reading="for weights of any sign and lambda from 0, to first order",
       neighbours={"strictly": {"strict": True}, "and the rejected one falls more": {"rejected": True}, "by lambda": {"by": True}})
def helps(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, lam: Any, *, strict: bool = False, rejected: bool = False,
          by: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    (up, down), (up2, down2) = changes(a, b, c, d_w, d_l), changes(a, b, c, d_w + lam, d_l)
    more = (greater if strict else at_least)(up2, up + lam if by else up, "change of the chosen, with and without")
    return both(more, at_least(down, down2)) if rejected else more


@claim("gip.ratio.cpo.while-10", where="section 3.2, list", draws=(Gradients(ordered=True), Coefficients("weight", "penalty", positive=True)),
       title="If the rejected gradient is the longer one, Eq 10 remains true with the regulariser",
       statement=rf"{C} \ge {A},\; {B} \le {C} \implies {B} \le \tfrac{{d}}{{d + \lambda}} {C}",
       reading="remains: for every lambda; DPO's weight d for both before, d + lambda for the chosen one after",
       note="It remains true up to a lambda that depends on the gradients, and there is always one that makes both conditions true (sub-entry).")
def while_10(chosen_gradient: Any, rejected_gradient: Any, weight: Any, penalty: Any) -> Relation:
    _, b, c = gram(chosen_gradient, rejected_gradient)
    return implies(at_least(c, b, "rejected norm and inner product"), at_least(weight * c, (weight + penalty) * b, "Eq 10 with the regulariser"))


@while_10.corrected(
    rf"(d + \lambda)\,\|\nabla\log\pi_w\| \le d\,\|\nabla\log\pi_l\| \implies {B} \le \tfrac{{d}}{{d + \lambda}} {C}, \quad "
    r"\text{and for } \nabla\log\pi_l = t\,\nabla\log\pi_w \ne 0,\, t > 0 \text{ the two are equivalent}",
    draws=(Gradients(ordered=True), Coefficients("weight", "penalty", positive=True), Numbers("t")),
    neighbours={"up to twice that weight": {"bound": 2}, "strictly": {"strict": True}, "without the weights": {"plain": True}})
def _norms_10(chosen_gradient: Any, rejected_gradient: Any, weight: Any, penalty: Any, t: Any, *, bound: int = 1, strict: bool = False,
              plain: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    top = weight + penalty
    bounded = at_least(c, a) if plain else at_least(bound * weight * weight * c, top * top * a, "squared norms, weighted")
    eq_10 = (greater if strict else at_least)(weight * c, top * b, "Eq 10 with the regulariser")
    return both(implies(bounded, eq_10), iff(at_least(bound * weight * t, top, "bound on lambda"), at_least(weight * t * t, top * t, "Eq 10")))


@claim("gip.ratio.cpo.can-help", where="section 3.2, list", draws=(Gradients(ordered=True),),
       title="If the rejected gradient is the longer one, some lambda makes both conditions true",
       statement=rf"{C} \ge {A} \implies \exists\, r \ge 1:\; {B} \le r {A} \text{{ and }} {B} \le \tfrac1r {C}",
       reading="can help, for every such pair of gradients; r = d_w / d_l = 1 + lambda / d_l, and r = max(1, b / a) will do",
       note="By Cauchy-Schwarz. Without the assumption on the norms it needs b to be at most the rejected squared norm.",
       neighbours={"r = 1": {"r": "one"}, "r = 2": {"r": "two"}, "twice that r": {"r": "twice"}, "strictly": {"strict": True}})
def can_help(chosen_gradient: Any, rejected_gradient: Any, *, r: str = "needed", strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    needed = np.maximum(1 + 0 * a, b / safe(a))
    chosen = {"needed": needed, "one": 1 + 0 * a, "two": 2 + 0 * a, "twice": 2 * needed}[r]
    test = greater if strict else at_least
    return both(test(chosen * a, b, "Eq 9"), test(c, chosen * b, "Eq 10"))
