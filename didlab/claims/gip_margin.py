r"""The margin under general losses (section 3.2), and how one of the two conditions pays for the other."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.gradients import Coefficients, Gradients
from ..engine.relations import Relation, at_least, both, equal, greater, iff, implies, negation
from .gip_formulas import DL, DW, A, B, C, changes, gram, safe

ANY, POSITIVE = (Gradients(), Coefficients()), (Gradients(), Coefficients(positive=True))
STEPPED = rf"{DW} = \eta(d_w{A} - d_l{B}),\; {DL} = \eta(d_w{B} - d_l{C})"


@claim("gip.sec-3.2.margin", where="section 3.2, before Eq 9", title="In the ideal case the margin does not fall",
       draws=(Coefficients("chosen_change", "rejected_change"),),
       statement=rf"{DW} \ge 0 \ge {DL} \implies \Delta(\log\pi_w - \log\pi_l) \ge 0",
       reading="the printed implication, for any two changes; written as: not ideal, or the margin does not fall",
       note="Outside the ideal case it can fall: what Eq 6 shows for DPO is true of equal weights only (sub-entry).",
       neighbours={"the converse": {"converse": True}, "strictly": {"strict": True}, "from one half of it": {"half": True}})
def margin(chosen_change: Any, rejected_change: Any, *, converse: bool = False, strict: bool = False, half: bool = False) -> Relation:
    ideal = at_least(chosen_change, 0) if half else both(at_least(chosen_change, 0), at_least(0, rejected_change))
    grows = (greater if strict else at_least)(chosen_change, rejected_change, "changes of the chosen and of the rejected")
    return both(implies(grows, ideal) if converse else implies(ideal, grows))


@claim("gip.sec-3.2.margin.any-weights", where="section 3.2, with 3.1", title="The margin does not fall under general losses", draws=POSITIVE,
       statement=rf"\Delta(\log\pi_w - \log\pi_l) \ge 0, \quad {STEPPED},\; d_w, d_l > 0",
       reading="ours, not printed: what Eq 6 shows for DPO carried over to any weights above 0; to first order",
       note="Cauchy-Schwarz covers equal weights only.")
def any_weights(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any) -> Relation:
    up, down = changes(*gram(chosen_gradient, rejected_gradient), d_w, d_l)
    return at_least(up, down, "changes of the chosen and of the rejected")


@any_weights.corrected(
    rf"\left(\text{{for every pair of gradients }} \Delta(\log\pi_w - \log\pi_l) \ge 0\right) \iff d_w = d_l \ge 0, \quad {STEPPED}",
    draws=ANY,
    neighbours={"any equal weights": {"any_": True}, "weights from 0": {"unequal": True}, "d_w from d_l on": {"above": True},
                "never": {"never": True}})
def _equal_weights(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, any_: bool = False, unequal: bool = False,
                   above: bool = False, never: bool = False) -> Relation:
    """With equal weights the drawn pair bears it out; otherwise one of four pairs l = t w does not."""
    up, down = changes(*gram(chosen_gradient, rejected_gradient), d_w, d_l)
    ratio = d_w / safe(d_l)
    probes = (0 * ratio, 0 * ratio + 2, (1 + ratio) / 2, 2 * ratio + 2, -1 - abs(ratio))
    gains = [(d_w - d_l * t) * (1 - t) for t in probes]  # the change of the margin for l = t w, |w| = 1
    grows = both(*(at_least(g, 0, "change of the margin for proportional gradients") for g in (*gains, d_w, d_l)), at_least(up, down))
    if never:
        return negation(grows)
    same = both(equal(d_w, d_l, "the two weights"), *(() if any_ else (at_least(d_w, 0),)))
    same = both(at_least(d_w, 0), at_least(d_l, 0)) if unequal else both(at_least(d_w, d_l), at_least(d_l, 0)) if above else same
    return iff(grows, same)


# More lenient, more strict


@claim("gip.sec-3.2.trade-off", where="section 3.2, after Eq 10", title="A condition more lenient than DPO's makes the other stricter",
       draws=ANY,
       statement=r"\tfrac{d_w}{d_l} > 1 \implies \tfrac{d_l}{d_w} < 1 \quad \text{where both are defined}",
       reading="as printed, by the ratios, for weights of any sign; written as: not above 1, or the other below 1",
       neighbours={"the converse too": {"converse": True}, "ratio from 1": {"weak": True}, "below 1/2": {"half": True}})
def trade_off(d_w: Any, d_l: Any, *, converse: bool = False, weak: bool = False, half: bool = False) -> Relation:
    winner, loser = d_w / safe(d_l), d_l / safe(d_w)
    lenient = (at_least if weak else greater)(winner, 1, "d_w / d_l")
    strict = greater(1, 2 * loser if half else loser, "d_l / d_w")
    defined = negation(equal(d_w * d_l, 0, "the product of the weights"))
    return implies(defined, iff(lenient, strict) if converse else implies(lenient, strict))


@claim("gip.sec-3.2.trade-off.events", where="section 3.2, after Eq 10", draws=ANY,
       title="With d_w / d_l above 1 the chosen one rises at least as often as under DPO, the rejected one falls at most as often",
       statement=rf"\tfrac{{d_w}}{{d_l}} > 1 \implies \left({B} \le {A} \Rightarrow {DW} \ge 0\right) \text{{ and }} "
                 rf"\left({DL} \le 0 \Rightarrow {B} \le {C}\right), \quad {STEPPED}",
       reading="lenient and strict as inclusions of the pairs of gradients for which the log-likelihoods move as wanted",
       neighbours={"ratios from 1/2": {"from_": 2}, "ratios below 1": {"below": True}, "the chosen one rises strictly": {"strict": True}})
def trade_off_events(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, from_: int = 1, below: bool = False,
                     strict: bool = False) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, down = changes(a, b, c, d_w, d_l)
    ratio = from_ * d_w / safe(d_l)
    lenient = both(negation(equal(d_l, 0, "d_l")), greater(1, ratio) if below else greater(ratio, 1, "d_w / d_l"))
    rises = (greater if strict else at_least)(up, 0, "change of the chosen")
    return both(implies(lenient, both(implies(at_least(a, b, "chosen norm and inner product"), rises),
                                      implies(at_least(0, down, "0 and the change of the rejected"), at_least(c, b)))))


@trade_off_events.assuming(r"d_l > 0 \text{: the loss rises with } \log\pi_l",
                           draws=(Gradients(), Coefficients(above=("d_l",))))
def _loser_positive(d_l: Any) -> Relation:
    return greater(d_l, 0, "d_l")


@claim("gip.sec-3.2.trade-off.weakest", where="section 3.2, after Eq 10", draws=ANY,
       title="For d_w / d_l above 1 the inclusions hold for every pair of gradients exactly if d_l > 0",
       statement=rf"\tfrac{{d_w}}{{d_l}} > 1:\; \left(\text{{for every pair of gradients }} {B} \le {A} \Rightarrow {DW} \ge 0\right) \iff d_l > 0",
       reading="our own statement; the pair against it: two equal gradients",
       neighbours={"always": {"always": True}, "iff d_l > 1": {"above": 1}, "for ratios above 1/2": {"from_": 2}})
def trade_off_weakest(chosen_gradient: Any, rejected_gradient: Any, d_w: Any, d_l: Any, *, always: bool = False, above: int = 0,
                      from_: int = 1) -> Relation:
    a, b, c = gram(chosen_gradient, rejected_gradient)
    up, _ = changes(a, b, c, d_w, d_l)
    included = both(implies(at_least(a, b, "chosen norm and inner product"), at_least(up, 0, "change of the chosen")),
                    at_least(d_w - d_l, 0, "its change for equal gradients"))
    lenient = both(negation(equal(d_l, 0, "d_l")), greater(from_ * d_w / safe(d_l), 1, "d_w / d_l"))
    return both(implies(lenient, included if always else iff(included, greater(d_l, above, "d_l"))))
