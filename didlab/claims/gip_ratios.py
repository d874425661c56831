"""The ratios of the weights of DPO and KTO in the list of section 3.2; the others have files of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.log_probabilities import LogProbabilities, NotNegative
from ..engine.relations import Relation, both, equal
from ..objectives.table_2 import Constants, row
from .gip_formulas import own_coefficients, tabled
from .gip_table_2 import REFERENCE

BETA, LAM, ONE, BARE = Numbers("beta"), NotNegative("lam"), LogProbabilities(reference=True), LogProbabilities()
SIGMOID = Numbers("sigmoid_w", below_one=True)
RATIO = r"\tfrac{d_w}{d_l}"
LENGTH = r"\tfrac{|y_l|}{|y_w|}"


@claim("gip.ratio.dpo", where="section 3.2, list", title="The ratio of the weights of DPO is 1", draws=(BETA, LAM, ONE, SIGMOID),
       statement=rf"{RATIO} = \tfrac{{d_l}}{{d_w}} = 1", reading="the row of Table 2 as printed, its sigmoid at any value in (0, 1); both ratios are defined everywhere",
       neighbours={"for CPO": {"name": "cpo"}, "for DPOP": {"name": "dpo-positive"}, "a hundredth more": {"factor": (101, 100)}})
@tabled("beta", "lam", *REFERENCE, "sigmoid_w")
def dpo(chosen: Any, rejected: Any, *, k: Constants, name: str = "dpo", factor: tuple[int, int] = (1, 1)) -> Relation:
    d_w, d_l = row(name, k).coefficients(chosen, rejected)
    return both(equal(d_w / d_l * factor[0], factor[1], "d_w / d_l"), equal(d_l / d_w * factor[0], factor[1], "d_l / d_w"))


# KTO

GAINS = (Numbers("lam_w"), Numbers("lam_l"), NotNegative("z"))
KTO = ("beta", "lam_w", "lam_l", "z", *REFERENCE)


@claim("gip.ratio.kto", where="section 3.2, list", title="The ratio of the weights of KTO is determined by its two hyper-parameters",
       draws=(BETA, *GAINS, LogProbabilities(reference=True, other=True)),
       statement=rf"{RATIO}(\theta) = {RATIO}(\theta') = C\,\tfrac{{\lambda_w}}{{\lambda_l}}",
       reading="determined: the same under two policies; the row of Table 2 as printed",
       note="It is proportional to lambda_w / lambda_l at each policy (sub-entry), but the factor moves with the policy, and saturates.")
@tabled(*KTO)
def kto(chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    r = row("kto", k)
    (d_w, d_l), (d_w2, d_l2) = r.coefficients(chosen, rejected), r.coefficients(other_chosen, other_rejected)
    return equal(d_w / d_l, d_w2 / d_l2, "ratio under two policies")


@kto.corrected(
    rf"{RATIO} = \tfrac{{\lambda_w}}{{\lambda_l}} \cdot \tfrac{{\sigma(x_w)\sigma(-x_w)}}{{\sigma(x_l)\sigma(-x_l)}} \text{{ for KTO's own loss}}, \quad "
    r"x = \beta\left(\log\tfrac{\pi}{\pi_{ref}} - z\right); \text{ it is } \tfrac{\lambda_w}{\lambda_l} \text{ where } \pi = \pi_{ref}",
    neighbours={"lambda_w / lambda_l everywhere": {"plain": True}, "a hundredth more": {"factor": (101, 100)}, "without the second factor": {"half": True}})
@tabled(*KTO)
def _kto(chosen: Any, rejected: Any, *, k: Constants, plain: bool = False, factor: tuple[int, int] = (1, 1), half: bool = False) -> Relation:
    c = carrier_of(chosen)
    x_w, x_l = k.beta * (chosen - k.ref_chosen - k.z), k.beta * (rejected - k.ref_rejected - k.z)
    bell_w, bell_l = (c.sigmoid(x) * (1 if half else c.sigmoid(-x)) for x in (x_w, x_l))
    d_w, d_l = own_coefficients("kto", k, chosen, rejected)
    start_w, start_l = own_coefficients("kto", k, k.ref_chosen, k.ref_rejected)
    right = k.lam_w * (1 if plain else bell_w) * d_l * factor[0]
    return both(equal(d_w * k.lam_l * (1 if plain else bell_l) * factor[1], right, "ratio, cross-multiplied"),
                equal(start_w * k.lam_l, start_l * k.lam_w, "ratio at the reference, cross-multiplied"))


@claim("gip.ratio.kto.in-lambda", where="section 3.2, list", title="At a given policy the ratio is proportional to lambda_w / lambda_l",
       draws=(BETA, *GAINS, Numbers("other_w"), Numbers("other_l"), ONE),
       statement=rf"{RATIO}(\lambda_w, \lambda_l) \cdot \tfrac{{\lambda_l}}{{\lambda_w}} = {RATIO}(\lambda_w', \lambda_l') \cdot \tfrac{{\lambda_l'}}{{\lambda_w'}}",
       reading="proportional in the two hyper-parameters, everything else fixed; the row of Table 2 as printed",
       neighbours={"to its inverse": {"turn": True}, "to lambda_w": {"alone": True}, "a hundredth more": {"factor": (101, 100)}})
@tabled(*KTO)
def kto_in_lambda(chosen: Any, rejected: Any, other_w: Any, other_l: Any, *, k: Constants, turn: bool = False, alone: bool = False,
                  factor: tuple[int, int] = (1, 1)) -> Relation:
    parts: list[Any] = []
    for c in (k, replace(k, lam_w=other_w, lam_l=other_l)):
        d_w, d_l = row("kto", c).coefficients(chosen, rejected)
        parts.append(d_w / d_l * (c.lam_w / c.lam_l if turn else 1 / c.lam_w if alone else c.lam_l / c.lam_w))
    return equal(parts[0] * factor[1], parts[1] * factor[0], "ratio over lambda_w / lambda_l")
