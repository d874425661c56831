r"""Table 2, row by row: put into Eq 8, is it the loss of the objective's own paper?

Two losses are the same here if they differ by a constant that does not depend on the policy: the difference between
two policies, at one reference and with the same hyper-parameters, is the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..engine.claim import Claim, claim
from ..engine.kinds import Kind, Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities, NotNegative
from ..engine.relations import Relation, both, equal, iff, implies, negation
from ..objectives.table_2 import Constants, Row, amended, row
from .gip_formulas import own_value, tabled

PAIRS = LogProbabilities(reference=True, other=True)
BETA, REFERENCE, LENGTHS = Numbers("beta"), ("ref_chosen", "ref_rejected"), ("chosen_length", "rejected_length")
EXACT = r"-\big(m(h_w(\log\pi_w) - h_l(\log\pi_l)) + \Lambda(\log\pi_w)\big) = \ell_{own}(\pi)"
SAME = EXACT + r" + \text{const}"
# The rows as the table prints them; |y_w| and |y_l| where its lengths lost their bars. Where it prints log c_ref^w and log c_ref^l
# (DPOP, KTO), c_ref^w and c_ref^l: they are log-probabilities already, and a logarithm of theirs has no value.
PRINTED = {
    "dpo": r"m(a) = \log\sigma(a - c_{ref}),\; h_w(a) = h_l(a) = \beta a",
    "r-dpo": r"m(a) = \log\sigma(a - (c_{ref} + \alpha(|y_w| - |y_l|))),\; h_w(a) = h_l(a) = \beta a",
    "simpo": r"m(a) = \log\sigma(a - \gamma),\; h_w(a) = \tfrac{\beta}{|y_w|} a,\; h_l(a) = \tfrac{\beta}{|y_l|} a",
    "ipo": r"m(a) = \left(a - (c_{ref} + \tfrac{1}{2\beta})\right)^2,\; h_w(a) = h_l(a) = a",
    "rrhf": r"m(a) = \min(0, a),\; h_w(a) = \tfrac{1}{|y_w|} a,\; h_l(a) = \tfrac{1}{|y_l|} a,\; \Lambda(a) = \lambda a",
    "slic": r"m(a) = \min(0, a - \delta),\; h_w(a) = h_l(a) = a,\; \Lambda(a) = \lambda a",
    "cpo": r"m(a) = \log\sigma(a),\; h_w(a) = h_l(a) = \beta a,\; \Lambda(a) = \lambda a",
    "dpo-positive": r"m(a) = \log\sigma(a - c_{ref}),\; h_w(a) = \beta a - \lambda\max(0, c_{ref}^w - a),\; h_l(a) = \beta a",
    "kto": r"m(a) = a,\; h_w(a) = \lambda_w\sigma(\beta a - (c_{ref}^w + z)),\; h_l(a) = \lambda_l\sigma((c_{ref}^l + z) - a)",
    "sppo": r"m(a) = a,\; h_w(a) = (a - \beta^{-1})^2,\; h_l(a) = (a + \beta^{-1})^2",
}
READING = "the printed functions in Eq 8; const does not depend on the policy; the objective's own loss as in {paper}"


def varied(k: Constants, *, scale: tuple[str, int, int] | None = None, exchange: bool = False) -> Constants:
    """The constants with one of them multiplied by a fraction, or with the lengths exchanged: for false neighbours."""
    if scale:
        name, p, q = scale
        k = replace(k, **{name: getattr(k, name) * p / q})
    return replace(k, chosen_length=k.rejected_length, rejected_length=k.chosen_length) if exchange else k


def apart(r: Row, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any) -> Any:
    """The loss of a row under one policy minus that under another."""
    return r.value(chosen, rejected) - r.value(other_chosen, other_rejected)


def own_apart(name: str, k: Constants, chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, **convention: str) -> Any:
    """The same for the loss of the objective's own paper."""
    return own_value(name, k, chosen, rejected, **convention) - own_value(name, k, other_chosen, other_rejected, **convention)


def row_claim(id: str, name: str, paper: str, draws: tuple[Kind, ...], constants: tuple[str, ...], note: str = "", title: str = "",
              reading: str = "", neighbours: dict[str, dict[str, Any]] | None = None, **convention: str) -> Claim:
    """The printed row of an objective is its own loss."""
    @claim(id, where=f"Table 2, {paper.split(' ')[0]}", title=title or f"The row of {paper.split(' ')[0]} is the loss of its own paper",
           draws=(*draws, PAIRS), statement=rf"{PRINTED[name]} \implies {SAME}",
           reading=READING.format(paper=paper.partition(" ")[2]) + reading, note=note, neighbours=neighbours)
    @tabled(*constants)
    def check(chosen: Any, rejected: Any, other_chosen: Any, other_rejected: Any, *, k: Constants,
              scale: tuple[str, int, int] | None = None, exchange: bool = False) -> Relation:
        policies = chosen, rejected, other_chosen, other_rejected
        return equal(apart(row(name, varied(k, scale=scale, exchange=exchange)), *policies), own_apart(name, k, *policies, **convention),
                     "printed and own loss, difference between two policies")

    return check


# Rows of the margin alone


dpo = row_claim("gip.table-2.dpo", "dpo", "DPO Rafailov et al., Eq 7", (BETA,), ("beta", *REFERENCE),
                "The reference inside the sigmoid lacks the factor beta. The two log-likelihoods are still pushed the right way (sub-entry).")
NEAR = {"as printed": {"printed": True}, "beta 1 % larger": {"scale": ("beta", 101, 100)}, "twice beta": {"scale": ("beta", 2, 1)}}


@dpo.corrected(rf"{EXACT} \text{{ with }} \beta c_{{ref}} \text{{ for }} c_{{ref}}; \text{{ as printed, for every policy, iff }} (\beta - 1)\,c_{{ref}} = 0",
               neighbours={**NEAR, "as printed iff beta = 1": {"only": "beta"}, "as printed iff c_ref = 0": {"only": "shift"}})
@tabled("beta", *REFERENCE)
def _dpo(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False,
         scale: tuple[str, int, int] | None = None, only: str = "") -> Relation:
    gap = {"": (k.beta - 1) * k.shift, "beta": k.beta - 1, "shift": k.shift}[only]
    return both(amended_is_own("dpo", k, chosen, rejected, printed=printed, scale=scale), printed_is_own_iff("dpo", k, k.beta * k.shift, k.shift, gap))


def amended_is_own(name: str, k: Constants, chosen: Any, rejected: Any, *, printed: bool = False,
                   scale: tuple[str, int, int] | None = None) -> Relation:
    """The amended row is the own loss, without a constant."""
    r = (row if printed else amended)(name, varied(k, scale=scale))
    return equal(r.value(chosen, rejected), own_value(name, k, chosen, rejected), "amended and own loss")


def printed_is_own(name: str, k: Constants, own_shift: Any, shift: Any, **convention: str) -> Relation:
    """The printed row is the own loss under the two policies whose margins are at the shifts.

    The difference of the two losses is monotone in the margin, so that these two policies tell them apart.
    """
    margins = own_shift / k.beta, shift / k.beta
    rejected = -10 - abs(margins[0]) - abs(margins[1])
    policies = rejected + margins[0], rejected, rejected + margins[1], rejected
    return equal(apart(row(name, k), *policies), own_apart(name, k, *policies, **convention), "printed and own loss")


def printed_is_own_iff(name: str, k: Constants, own_shift: Any, shift: Any, gap: Any, **convention: str) -> Relation:
    """It is, iff the gap is 0."""
    return iff(printed_is_own(name, k, own_shift, shift, **convention), equal(gap, 0, "difference of the shifts"))


def balanced(k: Constants, times: int, turn: bool) -> Constants:
    r"""Constants with :math:`(\beta - 1)\,c_{ref} = 2\alpha(|y_w| - |y_l|)`, which drawn ones hardly meet: for other false ones, that many times."""
    gap = (k.beta - 1) * k.shift
    exchanged = np.asarray(gap * k.longer < 0, dtype=bool) != turn
    w, l = np.where(exchanged, k.rejected_length, k.chosen_length), np.where(exchanged, k.chosen_length, k.rejected_length)  # noqa: E741
    return replace(k, chosen_length=w, rejected_length=l, alpha=abs(gap) / (times * abs(k.longer) + 1 * (k.longer == 0)))


rdpo = row_claim("gip.table-2.rdpo", "r-dpo", "R-DPO Park et al., Eq 9", (BETA, NotNegative("alpha"), Lengths()),
                 ("beta", "alpha", *LENGTHS, *REFERENCE),
                 "The reference lacks the factor beta, and the length term has the opposite sign: a longer chosen response loses margin here "
                 "and gains it there. With the opposite sign for the own loss as well, beta remains (sub-entry).")


@rdpo.corrected(
    rf"{EXACT} \text{{ with }} \beta c_{{ref}} - \alpha(|y_w| - |y_l|) \text{{ for }} c_{{ref}} + \alpha(|y_w| - |y_l|); \text{{ as printed, for every "
    r"policy, iff } (\beta - 1)\,c_{ref} = 2\alpha(|y_w| - |y_l|)",
    neighbours={**NEAR, "as printed iff alpha(|y_w| - |y_l|) = 0": {"only": "alpha"}, "as printed iff c_ref and the lengths cancel": {"only": "once"},
                "as printed for the other sign of the lengths": {"turn": True}, "three times": {"times": 3}})
@tabled("beta", "alpha", *LENGTHS, *REFERENCE)
def _rdpo(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False,
          scale: tuple[str, int, int] | None = None, only: str = "", times: int = 2, turn: bool = False) -> Relation:
    extra = k.alpha * k.longer
    gap = {"": (k.beta - 1) * k.shift - 2 * extra, "alpha": extra, "once": k.shift - extra}[only]
    tied = balanced(k, times, turn)
    same = printed_is_own("r-dpo", tied, k.beta * k.shift - tied.alpha * tied.longer, k.shift + tied.alpha * tied.longer)
    return both(amended_is_own("r-dpo", k, chosen, rejected, printed=printed, scale=scale),
                printed_is_own_iff("r-dpo", k, k.beta * k.shift - extra, k.shift + extra, gap),
                implies(negation(equal(k.longer, 0, "difference of the lengths")), same))


simpo = row_claim("gip.table-2.simpo", "simpo", "SimPO Meng et al., Eq 6", (BETA, Numbers("gamma"), Lengths()), ("beta", "gamma", *LENGTHS),
                  neighbours={"gamma 1 % larger": {"scale": ("gamma", 101, 100)}, "beta 1 % larger": {"scale": ("beta", 101, 100)},
                              "lengths exchanged": {"exchange": True}, "no gamma": {"scale": ("gamma", 0, 1)}})
ipo = row_claim("gip.table-2.ipo", "ipo", "IPO Azar et al., Eq 17", (BETA,), ("beta", *REFERENCE),
                "Eq 8 puts a minus before the square: the row is the negative of the loss, and drives the margin away from its target. With "
                "log-likelihoods per token, as the paper's experiments use it, the lengths are missing too (sub-entry).")


@ipo.corrected(
    r"-m(\log\pi_w - \log\pi_l) = -\ell_{own}(\pi) \text{ exactly}; \text{ with } m(a) = -\left(a - (c_{ref} + \tfrac{1}{2\beta})\right)^2 "
    r"\text{ the row is the loss}",
    neighbours={"the row is the loss": {"sign": 1}, "beta 1 % larger": {"scale": ("beta", 101, 100)}, "twice it": {"sign": -2}})
@tabled("beta", *REFERENCE)
def _ipo(chosen: Any, rejected: Any, *, k: Constants, sign: int = -1,
         scale: tuple[str, int, int] | None = None) -> Relation:
    own = own_value("ipo", k, chosen, rejected)
    changed = varied(k, scale=scale)
    return both(equal(row("ipo", changed).value(chosen, rejected), sign * own, "printed row and minus the own loss"),
                equal(amended("ipo", changed).value(chosen, rejected), own, "amended row and own loss"))


rrhf = row_claim("gip.table-2.rrhf", "rrhf", "RRHF Yuan et al., Eqs 2 to 4", (NotNegative("lam"), Lengths()), ("lam", *LENGTHS),
                 "RRHF's own paper has lambda = 1.", reading=", any lambda from 0",
                 neighbours={"lambda 1 % larger": {"scale": ("lam", 101, 100)}, "lengths exchanged": {"exchange": True},
                             "no regulariser": {"scale": ("lam", 0, 1)}})
slic = row_claim("gip.table-2.slic", "slic", "SLiC Zhao et al., Eq 3", (Numbers("delta"), NotNegative("lam")), ("delta", "lam"),
                 "In SLiC's own paper the regularising target is y_ref, a response of supervised fine-tuning; with another target than y_w the row is "
                 "not its loss.", reading=", with y_ref = y_w",
                 neighbours={"delta 1 % larger": {"scale": ("delta", 101, 100)}, "lambda 1 % larger": {"scale": ("lam", 101, 100)},
                             "no regulariser": {"scale": ("lam", 0, 1)}})
cpo = row_claim("gip.table-2.cpo", "cpo", "CPO Xu et al., Eqs 3 to 5", (BETA, NotNegative("lam")), ("beta", "lam"),
                "CPO's own paper has lambda = 1.", reading=", any lambda from 0",
                neighbours={"beta 1 % larger": {"scale": ("beta", 101, 100)}, "lambda 1 % larger": {"scale": ("lam", 101, 100)},
                            "no regulariser": {"scale": ("lam", 0, 1)}})
