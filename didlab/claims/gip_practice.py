r"""What section 3.3 takes from the conditions: explicit regularisation, and margins that are guaranteed to grow."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Choice, Coefficients, Gradients
from ..engine.kinds import Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies
from ..objectives.table_2 import Constants, row
from .gip_formulas import DL, DW, PAIR, SIGMOIDS, by_row, changes, gram, own_coefficients, tabled
from .gip_table_2 import LENGTHS, REFERENCE

REGULARISED = ("cpo", "dpo-positive", "rrhf", "slic")
DRAWS = (Choice("which", len(REGULARISED)), Gradients(), *(Numbers(x) for x in ("beta", "delta", "lam")), *PAIR, SIGMOIDS[0])
HELD = ("beta", "delta", "lam", *LENGTHS, *REFERENCE, "sigmoid_w")
NAMES = r"\text{CPO, DPOP, RRHF and SLiC}"


def weights_of(which: Any, k: Constants, chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """The weights of the rows with explicit regularisation."""
    def weights(name: str, k: Constants, w: Any, x: Any) -> tuple[Any, Any]:
        return row(name, k).coefficients(w, x)

    d_w, d_l = by_row(which, REGULARISED, weights, k, w=chosen, x=rejected)
    return d_w, d_l


@claim("gip.sec-3.3.regularisation", where="section 3.3", title="Explicit regularisation ensures that the chosen log-likelihood rises",
       draws=DRAWS, statement=rf"{DW} \ge 0 \text{{ for }} {NAMES}",
       reading="ensures: for every pair of gradients, policy and lambda above 0; rows as printed (which: from 0, in this order), sigmoids at any "
               "value in (0, 1); to first order",
       note="It only makes the rise larger (gip.ratio.cpo.helps). How much is enough depends on the norms, and DPOP's regulariser is off "
            "until the chosen response has lost probability (sub-entry).")
@tabled(*HELD)
def regularisation(which: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    up, _ = changes(*gram(chosen_gradient, rejected_gradient), *weights_of(which, k, chosen, rejected))
    return at_least(up, 0, "change of the chosen log-likelihood")


@regularisation.corrected(
    rf"d_w\|\nabla\log\pi_w\| \ge d_l\|\nabla\log\pi_l\| \implies {DW} \ge 0, \quad \text{{and for }} "
    rf"\nabla\log\pi_l = t\,\nabla\log\pi_w \ne 0,\, t > 0: \quad {DW} \ge 0 \iff d_w \ge t\,d_l, \quad \text{{for }} {NAMES}",
    draws=(*DRAWS, Numbers("t")),
    neighbours={"up to 101/100 of it": {"bound": (101, 100)}, "up to twice it": {"bound": (2, 1)}, "strictly": {"strict": True}})
@tabled(*HELD)
def _norms(which: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, t: Any, *, k: Constants,
           bound: tuple[int, int] = (1, 1), strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    d_w, d_l = weights_of(which, k, chosen, rejected)
    p, q = bound
    enough = at_least(p * p * d_w * d_w * a, q * q * d_l * d_l * c, "squared norms, weighted")
    up, _ = changes(a, b, c, d_w, d_l)
    parallel, _ = changes(1, t, t * t, d_w, d_l)
    return both(implies(enough, (greater if strict else at_least)(up, 0, "change of the chosen log-likelihood")),
                iff(at_least(parallel, 0, "its change for parallel gradients"), at_least(p * d_w, q * t * d_l, "d_w and t d_l")))


@claim("gip.sec-3.3.regularisation.dpop", where="section 3.3", title="The regulariser of DPOP puts its ratio above DPO's",
       draws=(Numbers("beta"), Numbers("lam"), LogProbabilities(reference=True), SIGMOIDS[0]),
       statement=r"\tfrac{d_w}{d_l} > 1 \text{ for DPOP}", reading="the row as printed, its sigmoid at any value in (0, 1), lambda above 0",
       note="At the start, where policy and reference agree, and wherever the chosen response has gained, DPOP is DPO.")
@tabled("beta", "lam", *REFERENCE, "sigmoid_w")
def dpop(chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    d_w, d_l = row("dpo-positive", k).coefficients(chosen, rejected)
    return greater(d_w, d_l, "d_w and d_l")


@dpop.corrected(
    r"\tfrac{d_w}{d_l} = 1 + \tfrac{\lambda}{\beta} \text{ where } \log\pi(y_w) < \log\pi_{ref}(y_w), \text{ else } 1",
    neighbours={"everywhere": {"everywhere": True}, "a hundredth more": {"factor": (101, 100)}, "where they agree too": {"weak": True},
                "where the rejected one has lost": {"other": True}})
@tabled("beta", "lam", *REFERENCE, "sigmoid_w")
def _dpop(chosen: Any, rejected: Any, *, k: Constants, everywhere: bool = False, factor: tuple[int, int] = (1, 1), weak: bool = False,
          other: bool = False) -> Relation:
    d_w, d_l = row("dpo-positive", k).coefficients(chosen, rejected)
    raised = equal(d_w * k.beta * factor[1], d_l * (k.beta + k.lam) * factor[0], "ratio, cross-multiplied")
    before, after = (k.ref_rejected, rejected) if other else (k.ref_chosen, chosen)
    lost, kept = greater(before, after, "reference and policy"), at_least(after, before)
    if weak:
        lost, kept = at_least(before, after), greater(after, before)
    return raised if everywhere else both(implies(lost, raised), implies(kept, equal(d_w, d_l)))


@claim("gip.sec-3.3.both-fall", where="section 3.3, DPO and R-DPO", title="Where both fall under DPO, the rejected one falls more",
       draws=(Gradients(), Coefficients("slope", positive=True)),
       statement=rf"{DW} < 0,\, {DL} < 0 \implies {DL} < {DW}, \quad \text{{and where both rise, the chosen one rises more}}",
       reading="any loss of the margin that falls, such as DPO and R-DPO; to first order; written as: one does not fall, or the rejected one falls more",
       neighbours={"for weights 1 and 2": {"d_l": 2}, "for weights 2 and 1": {"d_w": 2}, "twice as much": {"times": 2}})
def both_fall(chosen_gradient: Any, rejected_gradient: Any, slope: Any, *, d_w: int = 1, d_l: int = 1, times: int = 1) -> Relation:
    up, down = changes(*gram(chosen_gradient, rejected_gradient), d_w * slope, d_l * slope)
    return both(implies(both(greater(0, up, "0 and the change of the chosen"), greater(0, down)), greater(times * up, down, "changes")),
                implies(both(greater(up, 0), greater(down, 0)), greater(up, times * down)))


@claim("gip.sec-3.3.margin-guaranteed", where="section 3.3", title="SimPO and IPO guarantee that the averaged margin grows",
       draws=(Choice("which", 2), Gradients(), Numbers("beta"), Numbers("gamma"), Lengths(), LogProbabilities(reference=True)),
       statement=r"\Delta\left(\tfrac{1}{|y_w|}\log\pi_w - \tfrac{1}{|y_l|}\log\pi_l\right) \ge 0",
       reading="the losses of their own papers, IPO with log-likelihoods per token (which: SimPO, IPO); to first order",
       note="SimPO always; IPO shrinks a margin that is past its target.",
       neighbours={"the plain margin": {"plain": True}, "the chosen one": {"chosen_": True}, "strictly": {"strict": True}})
@tabled("beta", "gamma", *LENGTHS, *REFERENCE)
def guaranteed(which: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *, k: Constants, plain: bool = False,
               chosen_: bool = False, strict: bool = False) -> Relation:
    up, down = changes(*gram(chosen_gradient, rejected_gradient), *averaged(which, k, chosen, rejected))
    n_w, n_l = (1, 1) if plain else (k.chosen_length, k.rejected_length)
    test = greater if strict else at_least
    return test(up if chosen_ else up / n_w - down / n_l, 0, "change of the averaged margin")


def averaged(which: Any, k: Constants, chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """The weights of SimPO's and of IPO's loss per token."""
    def weights(name: str, k: Constants, w: Any, x: Any) -> tuple[Any, Any]:
        return own_coefficients(name, k, w, x, **({"convention": "trl"} if name == "ipo" else {}))

    d_w, d_l = by_row(which, ("simpo", "ipo"), weights, k, w=chosen, x=rejected)
    return d_w, d_l


@guaranteed.assuming(r"\text{for IPO, the averaged margin is at most its target}")
@tabled("beta", "gamma", *LENGTHS, *REFERENCE)
def _not_past(which: Any, chosen: Any, rejected: Any, *, k: Constants) -> Relation:
    h_w, h_l = (chosen - k.ref_chosen) / k.chosen_length, (rejected - k.ref_rejected) / k.rejected_length
    return implies(equal(which, 1, "IPO"), at_least(1 / (2 * k.beta), h_w - h_l, "target and margin"))
