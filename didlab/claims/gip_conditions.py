r"""Eqs 9 and 10 over all weights that losses reach: rows of Table 2 as printed, and the losses of their own papers.

Both conditions divide by a weight. They say what they should where that weight is above 0, and nowhere else: hinges
make it 0, IPO past its target, SPPO below its, and the printed KTO row make it negative.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import Claim, claim
from ..engine.gradients import Choice, Coefficients, Gradients
from ..engine.kinds import Numbers
from ..engine.log_probabilities import NotNegative
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from ..objectives.table_2 import ROWS, Constants, amended, row
from .gip_formulas import DL, DW, PAIR, PARTS, SIGMOIDS, TAKEN, A, B, C, by_row, changes, gram, safe, tabled

EVERY = (Choice("which", len(ROWS)), Gradients(), *(Numbers(x) for x in ("beta", "delta", "lam_w", "lam_l")), NotNegative("lam"), *PAIR,
         *SIGMOIDS)  # at given sigmoids the weights do not depend on gamma, alpha and z
HELD = tuple(x for x in PARTS if x not in ("gamma", "alpha", "z"))
ANY = (Gradients(), Coefficients())
EQ_9 = rf"{B} \le \tfrac{{d_w}}{{d_l}} {A} \iff {DW} \ge 0"
EQ_10 = rf"{B} \le \tfrac{{d_l}}{{d_w}} {C} \iff {DL} \le 0"
STEPPED = rf"{DW} = \eta(d_w{A} - d_l{B}),\; {DL} = \eta(d_w{B} - d_l{C})"
CHOSEN = {"strict on one side": {"strict": True}, "DPO's condition": {"plain": True}, "the ratio turned": {"turn": True},
          "a hundredth to spare": {"factor": (100, 101)}}


def reached(which: Any, k: Constants, chosen: Any, rejected: Any, own: bool) -> tuple[Any, Any]:
    """The weights d_w and d_l of the rows as printed, or of the amended ones: the losses of their own papers."""
    def weights(name: str, k: Constants, w: Any, x: Any) -> tuple[Any, Any]:
        return (amended if own else row)(name, k).coefficients(w, x)

    d_w, d_l = by_row(which, ROWS, weights, k, w=chosen, x=rejected)
    return d_w, d_l


def condition(a: Any, b: Any, d_w: Any, d_l: Any, rises: Any, *, strict: bool = False, plain: bool = False, turn: bool = False,
              factor: tuple[int, int] = (1, 1)) -> Relation:
    """Eq 9, and Eq 10 with the roles exchanged: b <= (d_w / d_l) a iff `rises` is not negative, where d_l is not 0."""
    ratio = 1 if plain else d_l / safe(d_w) if turn else d_w / safe(d_l)
    return implies(negation(equal(d_l, 0, "the weight that is divided by")),
                   iff(at_least(ratio * a * factor[0], b * factor[1], "weighted norm and inner product"),
                       (greater if strict else at_least)(rises, 0, "first-order change, in the wanted direction")))


def condition_claim(id: str, title: str, note: str, *, own: bool) -> Claim:
    """Eq 9, of the chosen response, or Eq 10, of the rejected one, over the rows of Table 2 as printed or of their own papers."""
    ninth = id.startswith("gip.eq-9")
    divisor, where, equation = ("d_l", "Eq 9", EQ_9) if ninth else ("d_w", "Eq 10", EQ_10)

    @claim(id, where=where, title=title, draws=EVERY, statement=rf"{equation}, \quad {STEPPED}", neighbours=CHOSEN, note=note,
           reading=f"the weights of {'the losses of the objectives own papers' if own else 'the ten rows of Table 2 as printed'}, by the "
                   f"formulas of section 3.2, where {divisor} is not 0 (which: the row, counted from 0; the sigmoids take any value in (0, 1)); Delta is the first-order change as printed beside d_w and d_l")
    @tabled(*HELD, *TAKEN)
    def check(which: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *, k: Constants,
              strict: bool = False, plain: bool = False, turn: bool = False, factor: tuple[int, int] = (1, 1)) -> Relation:
        a, b, c = gram(chosen_gradient, rejected_gradient)
        d_w, d_l = reached(which, k, chosen, rejected, own)
        up, down = changes(a, b, c, d_w, d_l)
        sides = (a, b, d_w, d_l, up) if ninth else (c, b, d_l, d_w, -down)
        return condition(*sides, strict=strict, plain=plain, turn=turn, factor=factor)

    @check.assuming(r"d_l > 0 \text{: the loss rises with } \log\pi_l" if ninth else
                    r"d_w > 0 \text{: the loss falls as } \log\pi_w \text{ rises}")
    @tabled(*HELD, *TAKEN)
    def _positive(which: Any, chosen: Any, rejected: Any, *, k: Constants) -> Relation:
        return greater(reached(which, k, chosen, rejected, own)[ninth], 0, divisor)

    return check


eq_9 = condition_claim(
    "gip.eq-9", "When the chosen log-likelihood does not fall, for every row of Table 2",
    "Where d_l is negative (the printed KTO row everywhere, IPO and SPPO on one side) the condition decides the wrong way; "
    "that d_l > 0 is needed for every such pair of weights is a sub-entry.", own=False)
eq_9_own = condition_claim(
    "gip.eq-9.own-losses", "When the chosen log-likelihood does not fall, for the losses of the objectives' own papers",
    "IPO past its target, and SPPO where the rejected one lost more than 1/(2 beta), have d_l < 0.", own=True)
eq_10 = condition_claim(
    "gip.eq-10", "When the rejected log-likelihood does not rise, for every row of Table 2",
    "Where d_w is negative (the printed SPPO row everywhere, IPO on one side) the condition decides the wrong way.", own=False)
eq_10_own = condition_claim(
    "gip.eq-10.own-losses", "When the rejected log-likelihood does not rise, for the losses of the objectives' own papers",
    "IPO and SPPO past their targets have d_w < 0; inactive hinges without a regulariser have d_w = 0.", own=True)


# The weakest assumption


@claim("gip.eq-9.weakest", where="Eq 9", title="Eq 9 is true of every pair of gradients exactly for the weights with d_l > 0", draws=ANY,
       statement=rf"d_l \ne 0:\; \left(\text{{for every pair of gradients }} {EQ_9}\right) \iff d_l > 0",
       reading="our own statement; the gradients against it: l = t w with t next to d_w / d_l",
       neighbours={"iff d_w > 0": {"of": "chosen"}, "iff both are above 0": {"of": "both"}, "always": {"of": "always"}})
def eq_9_weakest(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, of: str = "rejected") -> Relation:
    a, b, _ = gram(chosen_gradient, rejected_gradient)
    return _weakest(a, b, d_w, d_l, of)


@claim("gip.eq-10.weakest", where="Eq 10", title="Eq 10 is true of every pair of gradients exactly for the weights with d_w > 0", draws=ANY,
       statement=rf"d_w \ne 0:\; \left(\text{{for every pair of gradients }} {EQ_10}\right) \iff d_w > 0",
       reading="our own statement; the gradients against it: w = t l with t next to d_l / d_w",
       neighbours={"iff d_l > 0": {"of": "chosen"}, "iff both are above 0": {"of": "both"}, "always": {"of": "always"}})
def eq_10_weakest(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, of: str = "rejected") -> Relation:
    _, b, c = gram(chosen_gradient, rejected_gradient)
    return _weakest(c, b, d_l, d_w, of)


def _weakest(a: Any, b: Any, d_w: Any, d_l: Any, of: str) -> Relation:
    """The drawn gradients, and proportional ones (squared norm 1, inner product t) on either side of the ratio."""
    ratio = d_w / safe(d_l)
    pairs = [(a, b), *((1, ratio + t) for t in (-1, 1))]
    true = both(*(iff(at_least(ratio * n, p, "weighted norm and inner product"), at_least(d_w * n - d_l * p, 0, "change"))
                  for n, p in pairs))
    if of == "always":
        return implies(negation(equal(d_l, 0)), true)
    signs = {"rejected": greater(d_l, 0, "weight divided by"), "chosen": greater(d_w, 0), "both": both(greater(d_l, 0), greater(d_w, 0))}
    return implies(negation(equal(d_l, 0, "weight divided by")), iff(true, signs[of]))


@claim("gip.eq-9.inactive", where="Eq 9", title="Where d_l is 0, as for an inactive hinge, the sign of d_w alone decides",
       draws=(Gradients(), Coefficients("d_w", "unused")),
       statement=rf"d_l = 0:\; {DW} \ge 0 \iff d_w \ge 0 \text{{ or }} \nabla\log\pi_w = 0, \text{{ and }} {DL} \text{{ has the sign of }} d_w {B}",
       reading="our own statement, for the case that Eq 9 leaves undefined; there the rejected one follows the inner product",
       neighbours={"for every gradient": {"zero": False}, "strictly": {"strict": True}, "the rejected one never rises": {"falls": True}})
def eq_9_inactive(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, *, zero: bool = True, strict: bool = False,
                  falls: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, d_w, 0)
    allowed = either(at_least(d_w, 0, "d_w"), *((equal(a, 0, "chosen norm"),) if zero else ()))
    along = at_least(0, down) if falls else both(iff(greater(down, 0, "change of the rejected"), greater(d_w * b, 0)),
                                                 iff(greater(0, down), greater(0, d_w * b)))
    return both(iff((greater if strict else at_least)(up, 0, "change of the chosen"), allowed), along)
