r"""Table 2 once more: which way each row pushes the two log-likelihoods, and other readings of its rows.

:math:`d_w > 0` pushes the chosen log-likelihood up, :math:`d_l > 0` the rejected one down, at gradients that are
orthogonal; the weights are those of section 3.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..engine.claim import Claim, claim
from ..engine.kinds import Kind, Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities, NotNegative
from ..engine.relations import Relation, at_least, both, equal, greater, iff
from ..objectives.table_2 import Constants, amended, row
from .gip_formulas import own_coefficients, own_value, tabled
from .gip_table_2 import BETA, LENGTHS, PAIRS, PRINTED, REFERENCE, apart, own_apart, printed_is_own_iff

ONE = LogProbabilities(reference=True)
SIGNS = r"\operatorname{sign} d_w = \operatorname{sign} d_w^{own},\; \operatorname{sign} d_l = \operatorname{sign} d_l^{own}"
READING = "the signs of the weights of section 3.2, at every policy, reference and hyper-parameter"


def same_sign(x: Any, y: Any, label: str) -> Relation:
    """Above 0 together and below 0 together."""
    return both(iff(greater(x, 0, label), greater(y, 0)), iff(greater(0, x), greater(0, y)))


def direction_claim(id: str, name: str, shown: str, draws: tuple[Kind, ...], constants: tuple[str, ...], note: str = "",
                    neighbours: dict[str, dict[str, Any]] | None = None) -> Claim:
    """The printed row pushes both log-likelihoods the way of the objective's own loss."""
    @claim(id, where=f"Table 2, {shown}", title=f"The row of {shown} pushes both log-likelihoods the way its own loss does",
           draws=(*draws, ONE), statement=rf"{PRINTED[name]} \implies {SIGNS}", reading=READING, note=note, neighbours=neighbours)
    @tabled(*constants)
    def check(chosen: Any, rejected: Any, *, k: Constants, sign: int = 1, above: int = 0, larger: bool = False) -> Relation:
        d_w, d_l = row(name, k).coefficients(chosen, rejected)
        own_w, own_l = own_coefficients(name, k, chosen, rejected)
        parts = [same_sign(d_w, sign * own_w, "d_w and that of the own loss"), same_sign(d_l, own_l, "d_l and that of the own loss")]
        if above:
            parts.append(greater(above * own_w, 1, "weight of the own loss and the bound"))
        if larger:
            parts.append(at_least(d_w, own_w))
        return both(*parts)

    return check


POSITIVE = {"and by more than 1e-6": {"above": 10**6}, "the chosen one the other way": {"sign": -1}, "and at least as strongly": {"larger": True}}
dpo = direction_claim("gip.table-2.dpo.direction", "dpo", "DPO", (BETA,), ("beta", *REFERENCE), neighbours=POSITIVE)
rdpo = direction_claim("gip.table-2.rdpo.direction", "r-dpo", "R-DPO", (BETA, NotNegative("alpha"), Lengths()),
                       ("beta", "alpha", *LENGTHS, *REFERENCE), neighbours=POSITIVE)
dpop = direction_claim("gip.table-2.dpop.direction", "dpo-positive", "DPOP", (BETA, NotNegative("lam")), ("beta", "lam", *REFERENCE),
                       neighbours=POSITIVE)
ipo = direction_claim("gip.table-2.ipo.direction", "ipo", "IPO", (BETA,), ("beta", *REFERENCE),
                      "Opposite everywhere but at the target, where both are 0.")


@ipo.corrected(r"d_w = -d_w^{own},\; d_l = -d_l^{own}",
               neighbours={"equal weights": {"sign": 1}, "for the rejected one alone": {"chosen_": 1}, "beta 1 % larger": {"factor": (101, 100)}})
@tabled("beta", *REFERENCE)
def _ipo(chosen: Any, rejected: Any, *, k: Constants, sign: int = -1, factor: tuple[int, int] = (1, 1),
         chosen_: int = 0) -> Relation:
    k2 = replace(k, beta=k.beta * factor[0] / factor[1])
    d_w, d_l = row("ipo", k2).coefficients(chosen, rejected)
    own_w, own_l = own_coefficients("ipo", k, chosen, rejected)
    return both(equal(d_w, (chosen_ or sign) * own_w, "d_w and minus that of the own loss"), equal(d_l, sign * own_l, "d_l"))


WEIGHTS = (Numbers("lam_w"), Numbers("lam_l"), NotNegative("z"))
kto = direction_claim("gip.table-2.kto.direction", "kto", "KTO", (BETA, *WEIGHTS), ("beta", "lam_w", "lam_l", "z", *REFERENCE),
                      "The row pushes the rejected log-likelihood up, always.")


@kto.corrected(r"d_w > 0,\; d_w^{own} > 0,\; d_l < 0 < d_l^{own}: \text{ the row pushes both up, the own loss the rejected one down}",
               neighbours={"as printed": {"sign": -1}, "by more than 1e-12": {"above": 10**12}, "the chosen one down": {"chosen_": -1}})
@tabled("beta", "lam_w", "lam_l", "z", *REFERENCE)
def _kto(chosen: Any, rejected: Any, *, k: Constants, sign: int = 1, chosen_: int = 1, above: int = 0) -> Relation:
    d_w, d_l = row("kto", k).coefficients(chosen, rejected)
    own_w, own_l = own_coefficients("kto", k, chosen, rejected)
    parts = [greater(chosen_ * d_w, 0, "d_w of the row"), greater(own_w, 0), greater(0, sign * d_l, "0 and d_l of the row"), greater(own_l, 0)]
    return both(*parts, *((greater(above * own_w, 1), greater(above * own_l, 1)) if above else ()))


sppo = direction_claim("gip.table-2.sppo.direction", "sppo", "SPPO", (BETA,), ("beta", *REFERENCE),
                       "The row pushes the chosen log-likelihood down, always.")


@sppo.corrected(
    r"d_w < 0 \text{ always, but } d_w^{own} > 0 \iff \log\tfrac{\pi(y_w)}{\pi_{ref}(y_w)} < \tfrac{1}{2\beta}; \quad "
    r"d_l > 0 \iff \log\pi(y_l) > -\tfrac1\beta, \text{ but } d_l^{own} > 0 \iff \log\tfrac{\pi(y_l)}{\pi_{ref}(y_l)} > -\tfrac{1}{2\beta}",
    neighbours={"the own loss pushes the chosen one up always": {"always": True}, "the target 1/beta": {"target": 1}, "target 0": {"target": 0},
                "from the target on": {"weak": True}})
@tabled("beta", *REFERENCE)
def _sppo(chosen: Any, rejected: Any, *, k: Constants, always: bool = False, target: int = 2, weak: bool = False) -> Relation:
    d_w, d_l = row("sppo", k).coefficients(chosen, rejected)
    own_w, own_l = own_coefficients("sppo", k, chosen, rejected)
    goal = 1 / (target * k.beta) if target else 0 * k.beta
    test = at_least if weak else greater
    rises = greater(own_w, 0, "d_w of the own loss")
    return both(greater(0, d_w, "0 and d_w of the row"), rises if always else iff(rises, test(goal, chosen - k.ref_chosen, "target")),
                iff(greater(d_l, 0, "d_l of the row"), greater(rejected, -1 / k.beta)),
                iff(greater(own_l, 0, "d_l of the own loss"), greater(rejected - k.ref_rejected, -goal)))


# Other readings of three rows


@claim("gip.table-2.rdpo.penalty", where="Table 2, R-DPO", title="The row of R-DPO is the loss with the length as a penalty",
       draws=(BETA, NotNegative("alpha"), Lengths(), PAIRS),
       statement=r"-\log\sigma\big(\beta\log\pi_w - \beta\log\pi_l - c_{ref} - \alpha(|y_w| - |y_l|)\big) = \ell(\pi) + \text{const}",
       reading="the own loss with the opposite sign before its length terms: alpha (|y_w| - |y_l|) taken off the margin",
       note="With that sign only the factor beta of the reference is missing.")
@tabled("beta", "alpha", *LENGTHS, *REFERENCE)
def rdpo_penalty(chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    policies = chosen, rejected, other_chosen, other_rejected
    return equal(apart(row("r-dpo", k), *policies), own_apart("r-dpo", k, *policies, convention="penalty"),
                 "printed and own loss, difference between two policies")


@rdpo_penalty.corrected(r"\text{it is, for every policy, iff } (\beta - 1)\,c_{ref} = 0",
                        neighbours={"iff beta = 1": {"only": "beta"}, "iff c_ref = 0": {"only": "shift"}, "with the own paper's sign": {"own": "paper"}})
@tabled("beta", "alpha", *LENGTHS, *REFERENCE)
def _penalty(k: Constants, *, only: str = "", own: str = "penalty") -> Relation:
    gap = {"": (k.beta - 1) * k.shift, "beta": k.beta - 1, "shift": k.shift}[only]
    extra = k.alpha * k.longer
    own_shift = k.beta * k.shift + (extra if own == "penalty" else -extra)
    return printed_is_own_iff("r-dpo", k, own_shift, k.shift + extra, gap, convention=own)


@claim("gip.table-2.ipo.averaged", where="Table 2, IPO, and footnote 4", title="The row of IPO is the loss with averaged log-likelihoods",
       draws=(BETA, Lengths(), PAIRS), statement=r"-m(\log\pi_w - \log\pi_l) = \ell_{own}(\pi) + \text{const}",
       reading="the own loss with log-likelihoods per token, as the paper's experiments use it")
@tabled("beta", *LENGTHS, *REFERENCE)
def ipo_averaged(chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    policies = chosen, rejected, other_chosen, other_rejected
    return equal(apart(row("ipo", k), *policies), own_apart("ipo", k, *policies, convention="trl"),
                 "printed and own loss, difference between two policies")


@ipo_averaged.corrected(
    r"\left(\tfrac{\log\pi_w}{|y_w|} - \tfrac{\log\pi_l}{|y_l|} - \left(\tfrac{c_{ref}^w}{|y_w|} - \tfrac{c_{ref}^l}{|y_l|} + \tfrac{1}{2\beta}\right)"
    r"\right)^2 = \ell_{own}(\pi): \text{ the amended row at the log-likelihoods per token}",
    neighbours={"the printed row": {"printed": True}, "the reference not divided": {"whole": True}, "beta 1 % larger": {"factor": (101, 100)}})
@tabled("beta", *LENGTHS, *REFERENCE)
def _averaged(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False, whole: bool = False,
              factor: tuple[int, int] = (1, 1)) -> Relation:
    n_w, n_l = k.chosen_length, k.rejected_length
    per_token = replace(k, beta=k.beta * factor[0] / factor[1])
    if not whole:
        per_token = replace(per_token, ref_chosen=k.ref_chosen / n_w, ref_rejected=k.ref_rejected / n_l)
    return equal((row if printed else amended)("ipo", per_token).value(chosen / n_w, rejected / n_l),
                 own_value("ipo", k, chosen, rejected, convention="trl"), "amended row per token and own loss")


@claim("gip.table-2.sppo.appendix", where="Table 2 and Appendix A.1, SPPO", title="The SPPO loss of Appendix A.1 is the one of its own paper",
       draws=(BETA, PAIRS),
       statement=r"(\log\pi_w - \beta^{-1})^2 + (\log\pi_l + \beta^{-1})^2 = \ell_{own}(\pi) + \text{const}",
       reading="const does not depend on the policy")
@tabled("beta", *REFERENCE)
def sppo_appendix(chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants) -> Relation:
    policies = chosen, rejected, other_chosen, other_rejected
    return equal(_squares(k.beta, chosen, rejected) - _squares(k.beta, other_chosen, other_rejected), own_apart("sppo", k, *policies),
                 "loss of Appendix A.1 and own loss, difference between two policies")


def _squares(beta: Any, chosen: Any, rejected: Any) -> Any:
    return (chosen - 1 / beta) ** 2 + (rejected + 1 / beta) ** 2


@sppo_appendix.corrected(
    r"(\log\pi_w - \beta^{-1})^2 + (\log\pi_l + \beta^{-1})^2 = \ell_{own}(\pi) \text{ with } \beta/2 \text{ for } \beta \text{ and without the reference}",
    neighbours={"with beta": {"half": 1}, "with the reference": {"reference": True}, "beta 1 % larger": {"factor": (101, 100)},
                "minus the chosen square": {"table": True}})
@tabled("beta", *REFERENCE)
def _appendix(chosen: Any, rejected: Any, *, k: Constants, half: int = 2, reference: bool = False, factor: tuple[int, int] = (1, 1),
              table: bool = False) -> Relation:
    other = replace(k, beta=k.beta / half * factor[0] / factor[1])
    if not reference:
        other = replace(other, ref_chosen=0, ref_rejected=0)
    squares = row("sppo", k).value(chosen, rejected) if table else _squares(k.beta, chosen, rejected)
    return equal(squares, own_value("sppo", other, chosen, rejected), "loss of Appendix A.1 and own loss")
