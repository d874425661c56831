"""The ratios of the weights of losses per token (section 3.2, list): SimPO, RRHF, and IPO with averaging."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Gradients
from ..engine.kinds import Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities, NotNegative
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from ..objectives.table_2 import Constants, row
from .gip_formulas import DL, DW, A, B, C, changes, gram, own_coefficients, safe, tabled
from .gip_table_2 import LENGTHS, REFERENCE

BETA, LAM, ONE, BARE = Numbers("beta"), NotNegative("lam"), LogProbabilities(reference=True), LogProbabilities()
SIGMOID = Numbers("sigmoid_w", below_one=True)
RATIO = r"\tfrac{d_w}{d_l}"
LENGTH = r"\tfrac{|y_l|}{|y_w|}"



@claim("gip.ratio.simpo", where="section 3.2, list", title="The ratio of the weights of SimPO is that of the lengths", draws=(BETA, Numbers("gamma"), Lengths(), BARE, SIGMOID),
       statement=rf"{RATIO} = {LENGTH}, \quad |y_w| > |y_l| \iff {RATIO} < 1, \quad |y_w| < |y_l| \iff {RATIO} > 1",
       reading="the row of Table 2 as printed, its sigmoid at any value in (0, 1); the two cases as equivalences",
       note="The ratio only. What the text draws from it, that the log-likelihoods rise less and fall more, is true of when they do "
            "(gip.ratio.simpo.cases), not of by how much: gip.ratio.simpo.amounts refutes it.",
       neighbours={"turned": {"turn": True}, "a hundredth more": {"factor": (101, 100)}, "the ratio of squares": {"square": True},
                   "equal lengths count as longer": {"weak": True}})
@tabled("beta", "gamma", *LENGTHS, "sigmoid_w")
def simpo(chosen: Any, rejected: Any, *, k: Constants, turn: bool = False, factor: tuple[int, int] = (1, 1), square: bool = False,
          weak: bool = False) -> Relation:
    d_w, d_l = row("simpo", k).coefficients(chosen, rejected)
    n_w, n_l = (k.rejected_length, k.chosen_length) if turn else (k.chosen_length, k.rejected_length)
    if square:
        n_w, n_l = n_w * n_w, n_l * n_l
    longer = (at_least if weak else greater)(n_w, n_l, "lengths")
    return both(equal(d_w * n_w * factor[1], d_l * n_l * factor[0], "ratio of weights and lengths, cross-multiplied"),
                iff(longer, greater(d_l, d_w, "weights")), iff(greater(n_l, n_w), greater(d_w, d_l)))


@claim("gip.ratio.simpo.cases", where="section 3.2, list", title="A longer chosen response rises less easily under SimPO, the shorter rejected one falls more easily",
       draws=(Gradients(), Lengths()),
       statement=rf"|y_w| \ge |y_l| \implies \left({DW} \ge 0 \Rightarrow {B} \le {A}\right),\; \left({B} \le {C} \Rightarrow {DL} \le 0\right); \quad "
                 rf"|y_w| \le |y_l| \implies \left({B} \le {A} \Rightarrow {DW} \ge 0\right),\; \left({DL} \le 0 \Rightarrow {B} \le {C}\right)",
       reading="easily: the pairs of gradients for which it happens, against DPO's; weights 1/|y_w| and 1/|y_l| up to a positive factor",
       neighbours={"the cases exchanged": {"turn": True}, "strictly": {"strict": True}, "a token more or not": {"slack": 1}})
def simpo_cases(chosen_gradient: Any, rejected_gradient: Any, chosen_length: Any, rejected_length: Any, *, turn: bool = False,
                strict: bool = False, slack: int = 0) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, 1 / chosen_length, 1 / rejected_length)
    rises, falls = at_least(up, 0, "change of the chosen"), at_least(0, down, "0 and the change of the rejected")
    test = greater if strict else at_least
    dpo_rises, dpo_falls = test(a, b, "chosen norm and inner product"), test(c, b, "rejected norm and inner product")
    n_w, n_l = (rejected_length, chosen_length) if turn else (chosen_length, rejected_length)
    return both(implies(at_least(n_w + slack, n_l, "lengths"), both(implies(rises, dpo_rises), implies(dpo_falls, falls))),
                implies(at_least(n_l + slack, n_w), both(implies(dpo_rises, rises), implies(falls, dpo_falls))))


@claim("gip.ratio.simpo.amounts", where="section 3.2, list", title="A longer chosen response rises less than under DPO, the shorter rejected one falls more",
       draws=(Gradients(), Lengths()),
       statement=rf"|y_w| > |y_l|,\; \nabla\log\pi_w, \nabla\log\pi_l \ne 0 \implies {DW}^{{SimPO}} < {DW}^{{DPO}},\; {DL}^{{SimPO}} < {DL}^{{DPO}}",
       reading="amounts, at equal slopes of the sigmoid and equal beta: weights 1/|y_w|, 1/|y_l| against 1, 1",
       note="Dividing by lengths makes both steps shorter. Per unit of the other response's weight the sentence is right.")
def simpo_amounts(chosen_gradient: Any, rejected_gradient: Any, chosen_length: Any, rejected_length: Any) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    (up, down), (dpo_up, dpo_down) = changes(a, b, c, 1 / chosen_length, 1 / rejected_length), changes(a, b, c)
    given = both(greater(chosen_length, rejected_length, "lengths"), greater(a, 0), greater(c, 0))
    return implies(given, both(greater(dpo_up, up, "changes of the chosen"), greater(dpo_down, down, "changes of the rejected")))


@simpo_amounts.corrected(
    rf"\nabla\log\pi_w, \nabla\log\pi_l \ne 0:\; |y_w| > |y_l| \iff \tfrac{{{DW}^{{SimPO}}}}{{d_l}} < \tfrac{{{DW}^{{DPO}}}}{{d_l}} \iff "
    rf"\tfrac{{{DL}^{{SimPO}}}}{{d_w}} < \tfrac{{{DL}^{{DPO}}}}{{d_w}}, \text{{ each with its own weights}}",
    neighbours={"not divided": {"plain": True}, "divided by its own weight": {"same": True}, "from equal lengths on": {"weak": True}})
def _per_weight(chosen_gradient: Any, rejected_gradient: Any, chosen_length: Any, rejected_length: Any, *, plain: bool = False,
                same: bool = False, weak: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = 1 / chosen_length, 1 / rejected_length
    (up, down), (dpo_up, dpo_down) = changes(a, b, c, d_w, d_l), changes(a, b, c)
    for_w, for_l = (1, 1) if plain else (d_w, d_l) if same else (d_l, d_w)
    longer = (at_least if weak else greater)(chosen_length, rejected_length, "lengths")
    given = both(greater(a, 0, "chosen norm"), greater(c, 0, "rejected norm"))
    return implies(given, both(iff(longer, greater(dpo_up, up / for_w, "changes of the chosen, weighted")),
                               iff(longer, greater(dpo_down, down / for_l, "changes of the rejected, weighted"))))


@claim("gip.ratio.rrhf", where="section 3.2, list", title="The reasoning for SimPO applies to RRHF", draws=(LAM, Lengths(), BARE),
       statement=rf"{RATIO} = {LENGTH} \text{{ where }} d_l \ne 0",
       reading="the row of Table 2 with its regulariser, as printed; where the hinge is active",
       note="RRHF has a regulariser, which the comparison leaves out; and its hinge is inactive once the pair is in order.")
@tabled("lam", *LENGTHS)
def rrhf(chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    d_w, d_l = row("rrhf", k).coefficients(chosen, rejected)
    return implies(negation(equal(d_l, 0, "d_l")), equal(d_w * k.chosen_length, d_l * k.rejected_length, "ratio of weights and lengths, cross-multiplied"))


@rrhf.corrected(
    rf"{RATIO} = {LENGTH} + \lambda|y_l| \text{{ where }} \tfrac{{\log\pi_w}}{{|y_w|}} < \tfrac{{\log\pi_l}}{{|y_l|}}, \text{{ else }} d_l = 0,\, d_w = \lambda; "
    rf"\text{{ below 1 iff }} \tfrac{{1}}{{|y_w|}} + \lambda < \tfrac{{1}}{{|y_l|}}",
    neighbours={"without the regulariser": {"bare": True}, "below 1 iff the chosen one is longer": {"longer": True},
                "active where the log-likelihoods are out of order": {"summed": True}, "a hundredth more": {"factor": (101, 100)}})
@tabled("lam", *LENGTHS)
def _rrhf(chosen: Any, rejected: Any, *, k: Constants, bare: bool = False, longer: bool = False, summed: bool = False,
          factor: tuple[int, int] = (1, 1)) -> Relation:
    d_w, d_l = row("rrhf", k).coefficients(chosen, rejected)
    n_w, n_l = k.chosen_length, k.rejected_length
    active = greater(rejected, chosen) if summed else greater(rejected / n_l, chosen / n_w, "log-likelihoods per token")
    ratio = n_l / n_w + (0 if bare else k.lam * n_l)
    short = greater(n_w, n_l) if longer else greater(1 / n_l, 1 / n_w + k.lam, "inverse lengths")
    return both(implies(active, both(equal(d_w * factor[1], ratio * d_l * factor[0], "ratio"), iff(greater(d_l, d_w, "d_l and d_w"), short))),
                implies(negation(active), both(equal(d_l, 0, "d_l"), equal(d_w, k.lam, "d_w"))))


@claim("gip.ratio.ipo", where="section 3.2, list, and footnote 4", title="The ratio of the weights of IPO with averaging is that of the lengths",
       draws=(BETA, Lengths(), ONE), statement=rf"{RATIO} = {LENGTH} \text{{ where }} d_l \ne 0",
       reading="IPO with log-likelihoods per token; away from its target, where both weights are 0",
       note="That the reasoning for SimPO applies needs the margin to be below its target (sub-entry). The row of Table 2 has no lengths, and ratio 1.",
       neighbours={"turned": {"turn": True}, "a hundredth more": {"factor": (101, 100)}, "without averaging": {"convention": "paper"}})
@tabled("beta", *LENGTHS, *REFERENCE)
def ipo(chosen: Any, rejected: Any, *, k: Constants, turn: bool = False, factor: tuple[int, int] = (1, 1), convention: str = "trl") -> Relation:
    d_w, d_l = own_coefficients("ipo", k, chosen, rejected, convention=convention)
    n_w, n_l = (k.rejected_length, k.chosen_length) if turn else (k.chosen_length, k.rejected_length)
    return implies(negation(equal(d_l, 0, "d_l")), equal(d_w / safe(d_l) * factor[1], n_l / n_w * factor[0], "d_w / d_l"))


@claim("gip.ratio.ipo.cases", where="section 3.2, list, and footnote 4", title="The reasoning for SimPO applies to IPO with averaging",
       draws=(Gradients(), BETA, Lengths(), ONE),
       statement=rf"|y_w| \ge |y_l| \implies \left({DW} \ge 0 \Rightarrow {B} \le {A}\right) \text{{ and }} \left({B} \le {C} \Rightarrow {DL} \le 0\right)",
       reading="a longer chosen response rises less easily than under DPO, the shorter rejected one falls more easily, as pairs of gradients",
       neighbours={"for a shorter one": {"turn": True}, "strictly": {"strict": True}, "a token less or not": {"slack": 1}})
@tabled("beta", *LENGTHS, *REFERENCE)
def ipo_cases(chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *, k: Constants, turn: bool = False,
              strict: bool = False, slack: int = 0) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, *own_coefficients("ipo", k, chosen, rejected, convention="trl"))
    n_w, n_l = (k.rejected_length, k.chosen_length) if turn else (k.chosen_length, k.rejected_length)
    test = greater if strict else at_least
    return both(implies(at_least(n_w + slack, n_l, "lengths"),
                        both(implies(at_least(up, 0, "change of the chosen"), test(a, b, "chosen norm and inner product")),
                             implies(test(c, b, "rejected norm and inner product"), at_least(0, down, "0 and the change of the rejected")))))


@ipo_cases.assuming(
    r"\tfrac{1}{|y_w|}\log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)} - \tfrac{1}{|y_l|}\log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)} < \tfrac{1}{2\beta} "
    r"\text{: the margin is below its target}")
@tabled("beta", *LENGTHS, *REFERENCE)
def _below(chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    h_w, h_l = (chosen - k.ref_chosen) / k.chosen_length, (rejected - k.ref_rejected) / k.rejected_length
    return greater(1 / (2 * k.beta), h_w - h_l, "target and margin")
