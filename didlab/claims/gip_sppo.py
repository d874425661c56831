r"""SPPO: its ratio of weights. The derivation is in `gip_appendix_a`, what section 3.3 says in `gip_sppo_predicted`.

Appendix A.1 takes the loss :math:`(\log\pi_w - \beta^{-1})^2 + (\log\pi_l + \beta^{-1})^2`, with the weights
:math:`d_w = 2(\beta^{-1} - \log\pi_w)` and :math:`d_l = 2(\beta^{-1} + \log\pi_l)`; their ratio is alpha.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Gradients
from ..engine.kinds import Numbers
from ..engine.log_probabilities import LogProbabilities
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from ..objectives.table_2 import Constants, row
from .gip_formulas import DL, DW, A, B, C, changes, gram, own_coefficients, safe

BETA = Numbers("beta")
DRAWS, STEPS = (BETA, LogProbabilities()), (Gradients(), BETA, LogProbabilities())
BEYOND, BEYOND_STEPS = (LogProbabilities(beyond="beta"),), (Gradients(), LogProbabilities(beyond="beta"))
ALPHA = r"\alpha = \tfrac{\beta^{-1} - \log\pi_w}{\beta^{-1} + \log\pi_l}"
LARGE = r"\beta^{-1} > -\log\pi_l"


def weights(beta: Any, chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """The weights d_w and d_l of the loss of Appendix A.1: SPPO without a reference, at half of beta."""
    return own_coefficients("sppo", Constants(beta=beta / 2), chosen, rejected)


def large(beta: Any, rejected: Any) -> Relation:
    """The assumption of the appendix."""
    return greater(1 / beta + rejected, 0, "1/beta + log pi_l")


# The ratio


@claim("gip.ratio.sppo", where="section 3.2, list, with Appendix A.1", title="The ratio of the weights of SPPO", draws=BEYOND,
       statement=rf"{LARGE} \implies \tfrac{{d_w}}{{d_l}} = \alpha > 1, \quad {ALPHA}",
       reading="the loss of Appendix A.1, to which the ratio's footnote refers; 1/beta large: above minus the rejected log-likelihood, "
               "so that d_l is above 0",
       note="The row of Table 2 gives the opposite sign, and the loss of SPPO's own paper has a reference (sub-entries). Without the "
            "bound on 1/beta, alpha is not above 1 (gip.ratio.sppo.row).",
       neighbours={"turned": {"turn": True}, "a hundredth more": {"factor": (101, 100)}, "above 2": {"above": 2}, "below 10": {"below": 10}})
def ratio(beta: Any, chosen: Any, rejected: Any, *, turn: bool = False, factor: tuple[int, int] = (1, 1), above: int = 1,
          below: int = 0) -> Relation:
    d_w, d_l = weights(beta, chosen, rejected)
    top, bottom = 1 / beta - chosen, 1 / beta + rejected
    alpha = bottom / top if turn else top / safe(bottom)
    parts = [equal(d_w / safe(d_l) * factor[1], alpha * factor[0], "d_w / d_l and alpha"), greater(alpha, above, "alpha")]
    return implies(large(beta, rejected), both(*parts, *((greater(below, alpha),) if below else ())))


@claim("gip.ratio.sppo.row", where="section 3.2, list, with Table 2", title="The ratio of the weights of SPPO, by its row", draws=DRAWS,
       statement=rf"\tfrac{{d_w}}{{d_l}} = \alpha > 1, \quad {ALPHA} \text{{ defined}}",
       reading="the weights of the row of Table 2 by the formulas of section 3.2, as printed",
       note="The row gives the opposite sign, since Eq 8 puts a minus before its chosen square: a fault of the row (gip.table-2.sppo), not of "
            "the ratio. Alpha is above 1 exactly if 1/beta exceeds minus the rejected log-likelihood.")
def of_row(beta: Any, chosen: Any, rejected: Any) -> Relation:
    d_w, d_l = row("sppo", Constants(beta=beta)).coefficients(chosen, rejected)
    bottom = 1 / beta + rejected
    alpha = (1 / beta - chosen) / safe(bottom)
    return implies(negation(equal(bottom, 0, "1/beta + log pi_l")),
                   both(equal(d_w / safe(d_l), alpha, "d_w / d_l and alpha"), greater(alpha, 1, "alpha")))


@of_row.corrected(
    rf"\tfrac{{d_w}}{{d_l}} = -\alpha \text{{ for the row}},\; \tfrac{{d_w}}{{d_l}} = \alpha \text{{ for the loss of Appendix A.1}},\; "
    rf"\alpha > 1 \iff {LARGE}",
    neighbours={"alpha for the row": {"sign": 1}, "above 1 always": {"always": True}, "a hundredth more": {"factor": (101, 100)},
                "above 2": {"above": 2}})
def _of_row(beta: Any, chosen: Any, rejected: Any, *, sign: int = -1, always: bool = False, factor: tuple[int, int] = (1, 1),
            above: int = 1) -> Relation:
    d_w, d_l = row("sppo", Constants(beta=beta)).coefficients(chosen, rejected)
    own_w, own_l = weights(beta, chosen, rejected)
    top, bottom = 1 / beta - chosen, 1 / beta + rejected
    alpha = top / safe(bottom)
    more = greater(alpha, above, "alpha")
    return implies(negation(equal(bottom, 0, "1/beta + log pi_l")),
                   both(equal(d_w * bottom, sign * d_l * top, "row"), equal(own_w * bottom * factor[1], own_l * top * factor[0], "appendix"),
                        more if always else iff(more, large(beta, rejected))))


INCLUSIONS = rf"\left({B} \le {A} \Rightarrow {DW} \ge 0\right) \text{{ and }} \left({DL} \le 0 \Rightarrow {B} \le {C}\right)"
LESS_EASY = {"the chosen one rises strictly": {"strict": True}, "and the rejected one falls as easily": {"both_": True},
             "from 11/10 of the norm": {"percent": 110}, "from twice the norm": {"percent": 200}}


def inclusions(chosen_gradient: Any, rejected_gradient: Any, beta: Any, chosen: Any, rejected: Any, *, strict: bool = False,
               both_: bool = False, percent: int = 100) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, *weights(beta, chosen, rejected))
    rises = (greater if strict else at_least)(up, 0, "change of the chosen under SPPO")
    parts = [implies(at_least(percent * a, 100 * b, "chosen norm and inner product"), rises),
             implies(at_least(0, down, "0 and the change of the rejected"), at_least(c, b, "rejected norm and inner product"))]
    return both(*parts, *((implies(at_least(c, b), at_least(0, down)),) if both_ else ()))


easier = claim(
    "gip.ratio.sppo.easier", where="section 3.2, list, and Appendix A.1", draws=BEYOND_STEPS, neighbours=LESS_EASY,
    title="Compared with DPO, SPPO makes it easier for the chosen one to rise and harder for the rejected one to fall",
    statement=rf"{LARGE} \implies {INCLUSIONS}",
    reading="the changes under the loss of Appendix A.1, the conditions those of DPO: inclusions of the pairs of gradients; 1/beta large as in "
            "gip.ratio.sppo",
    note="That the bound on 1/beta is needed: gip.ratio.sppo.easier.any-beta.")(inclusions)
easier_any = claim(
    "gip.ratio.sppo.easier.any-beta", where="section 3.2, list", draws=STEPS, neighbours=LESS_EASY,
    title="Whatever beta is, SPPO makes it easier for the chosen one to rise and harder for the rejected one to fall",
    statement=INCLUSIONS, reading="ours, without the printed bound, to show that it is needed; the second half holds without it")(inclusions)


@easier_any.assuming(r"\text{the printed bound, } \beta^{-1} \ge -\log\pi_l", own_setting=True, draws=BEYOND_STEPS)
def _large_enough(beta: Any, rejected: Any) -> Relation:
    return at_least(1 / beta + rejected, 0, "1/beta + log pi_l")


@claim("gip.ratio.sppo.limit", where="section 3.2, list, and Appendix A.1", draws=BEYOND,
       title="The larger 1/beta, the closer SPPO is to DPO",
       statement=rf"{LARGE}: \quad \alpha - 1 = \tfrac{{-\log\pi_w - \log\pi_l}}{{\beta^{{-1}} + \log\pi_l}} > 0, \text{{ and smaller for a smaller }} \beta",
       reading="our own statement: the assumption that the comparison needs is the one under which it says least",
       neighbours={"growing with 1/beta": {"turn": True}, "a hundredth more": {"factor": (101, 100)}, "at most 100": {"most": True}})
def limit(beta: Any, chosen: Any, rejected: Any, *, turn: bool = False, factor: tuple[int, int] = (1, 1), most: bool = False) -> Relation:
    (d_w, d_l), (d_w2, d_l2) = weights(beta, chosen, rejected), weights(beta / 2, chosen, rejected)
    excess = (-chosen - rejected) / (1 / beta + rejected)
    near, far = (d_w / d_l, d_w2 / d_l2) if turn else (d_w2 / d_l2, d_w / d_l)
    return both(equal((d_w / d_l - 1) * factor[1], excess * factor[0], "alpha - 1"), greater(excess, 0), greater(far, near, "alpha at beta and at half of it"),
                *((at_least(100, excess),) if most else ()))


@claim("gip.ratio.sppo.reference", where="section 3.2, list", draws=(BETA, LogProbabilities(reference=True)),
       title="With the reference of its own paper the ratio of SPPO is above 1",
       statement=r"h = \log\tfrac{\pi}{\pi_{ref}},\; \tfrac{1}{2\beta} > -h_l \implies \tfrac{d_w}{d_l} > 1",
       reading="the weights of SPPO's own loss; written as: 1/(2 beta) at most -h_l, or the ratio above 1",
       note="At the start the policy is the reference, and the ratio is 1: SPPO's conditions are those of DPO.")
def reference(beta: Any, chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any) -> Relation:
    d_w, d_l = own_coefficients("sppo", Constants(beta=beta, ref_chosen=ref_chosen, ref_rejected=ref_rejected), chosen, rejected)
    return both(implies(greater(d_l, 0, "d_l"), greater(d_w / safe(d_l), 1, "d_w / d_l")))


@reference.corrected(
    r"\tfrac{d_w}{d_l} = \tfrac{\frac{1}{2\beta} - h_w}{\frac{1}{2\beta} + h_l}, \text{ and for } d_l > 0: \; \tfrac{d_w}{d_l} > 1 \iff h_w + h_l < 0",
    neighbours={"iff h_w < 0": {"of": "chosen"}, "iff h_l < 0": {"of": "rejected"}, "from 0 on": {"weak": True}, "iff the margin is below 0": {"of": "margin"}})
def _reference(beta: Any, chosen: Any, rejected: Any, ref_chosen: Any, ref_rejected: Any, *, of: str = "sum", weak: bool = False) -> Relation:
    d_w, d_l = own_coefficients("sppo", Constants(beta=beta, ref_chosen=ref_chosen, ref_rejected=ref_rejected), chosen, rejected)
    h_w, h_l = chosen - ref_chosen, rejected - ref_rejected
    level = {"sum": h_w + h_l, "chosen": h_w, "rejected": h_l, "margin": h_w - h_l}[of]
    half = 1 / (2 * beta)
    return both(equal(d_w * (half + h_l), d_l * (half - h_w), "ratio, cross-multiplied"),
                implies(greater(d_l, 0, "d_l"), iff(greater(d_w / safe(d_l), 1, "d_w / d_l"), (at_least if weak else greater)(0, level, "0 and h_w + h_l"))))
