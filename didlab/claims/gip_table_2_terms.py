r"""Table 2, the rows whose functions are not linear: DPOP, KTO and SPPO put into Eq 8."""

from __future__ import annotations

from typing import Any

from ..engine.kinds import Numbers
from ..engine.log_probabilities import NotNegative
from ..engine.relations import Relation, equal
from ..objectives.table_2 import Constants, amended, row
from .gip_formulas import own_value, tabled
from .gip_table_2 import BETA, EXACT, NEAR, REFERENCE, amended_is_own, row_claim, varied

LOGS = "; the printed logarithms of c_ref^w and c_ref^l taken as these log-probabilities themselves"
dpop = row_claim("gip.table-2.dpop", "dpo-positive", "DPOP Pal et al., Eq 3", (BETA, NotNegative("lam")), ("beta", "lam", *REFERENCE),
                 "beta is missing before the reference and before the penalty. Read to the letter the row has no value: the logarithm of "
                 "c_ref^w, which is itself a log-probability, is that of a number below 0.", reading=LOGS)


@dpop.corrected(
    rf"{EXACT} \text{{ with }} \beta c_{{ref}} \text{{ for }} c_{{ref}} \text{{ and }} \beta\lambda \text{{ for }} \lambda",
    neighbours={**NEAR, "lambda 1 % larger": {"scale": ("lam", 101, 100)}})
@tabled("beta", "lam", *REFERENCE)
def _dpop(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False,
          scale: tuple[str, int, int] | None = None) -> Relation:
    return amended_is_own("dpo-positive", k, chosen, rejected, printed=printed, scale=scale)


KTO = ("beta", "lam_w", "lam_l", "z")
kto = row_claim("gip.table-2.kto", "kto", "KTO Ethayarajh et al., Eq 8", (BETA, Numbers("lam_w"), Numbers("lam_l"), NotNegative("z")),
                (*KTO, *REFERENCE),
                "The rejected term has the wrong sign and beta is missing in three places. With the sign as printed the loss falls when the "
                "rejected response becomes likelier (sub-entry). Read to the letter it has no value either, for the same reason as DPOP's.", reading=LOGS)


@kto.corrected(
    r"h_w(a) = \lambda_w\sigma(\beta(a - c_{ref}^w - z)),\; h_l(a) = -\lambda_l\sigma(\beta(c_{ref}^l + z - a)) \implies "
    r"\ell = \ell_{own} - \lambda_w - \lambda_l",
    neighbours={"as printed": {"printed": True}, "beta 1 % larger": {"scale": ("beta", 101, 100)}, "twice z": {"scale": ("z", 2, 1)},
                "lambda_w 1 % larger": {"scale": ("lam_w", 101, 100)}})
@tabled(*KTO, *REFERENCE)
def _kto(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False,
         scale: tuple[str, int, int] | None = None) -> Relation:
    r = (row if printed else amended)("kto", varied(k, scale=scale))
    return equal(r.value(chosen, rejected), own_value("kto", k, chosen, rejected) - k.lam_w - k.lam_l, "amended row and own loss")


sppo = row_claim("gip.table-2.sppo", "sppo", "SPPO Wu et al., Eq 4.5, with 1/(2 beta) as TRL has it", (BETA,), ("beta", *REFERENCE),
                 "Eq 8 puts a minus before the chosen square, the reference is missing, and the target is twice as far.")


@sppo.corrected(
    r"m(a) = a,\; h_w(a) = -\left(a - c_{ref}^w - \tfrac{1}{2\beta}\right)^2,\; h_l(a) = \left(a - c_{ref}^l + \tfrac{1}{2\beta}\right)^2 \implies "
    r"\ell = \ell_{own}",
    neighbours={"as printed": {"printed": True}, "beta 1 % larger": {"scale": ("beta", 101, 100)}, "half beta": {"scale": ("beta", 1, 2)}})
@tabled("beta", *REFERENCE)
def _sppo(chosen: Any, rejected: Any, *, k: Constants, printed: bool = False,
          scale: tuple[str, int, int] | None = None) -> Relation:
    r = (row if printed else amended)("sppo", varied(k, scale=scale))
    return equal(r.value(chosen, rejected), own_value("sppo", k, chosen, rejected), "amended row and own loss")
