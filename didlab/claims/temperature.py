r"""Section 3.5: a temperature below 1 reinforces the reference, one above 1 smooths it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.kinds import Tempered
from ..engine.relations import Relation, at_least, both, forall, greater, iff, implies
from ..information import entropy
from ..policies import probabilities
from .concentration import (
    H_REF,
    TEMPERED,
    UNEVEN,
    together,
    varies,
)


@claim("did.sec-3.5.temperature", where="section 3.5", title="Temperatures below 1 reinforce, above 1 smooth",
       draws=(Tempered(),), measurements=("entropy",),
       statement=rf"{UNEVEN} \implies \left(H(\pi) < {H_REF} \iff \tau < 1\right) \text{{ and }} "
                 rf"\left(H(\pi) > {H_REF} \iff \tau > 1\right), \quad {TEMPERED}",
       reading="reinforcing and smoothing read as a fall and a rise of the entropy; a uniform reference, which no "
               "temperature changes, is left out",
       note="Also true of the stronger readings: majorisation, and the order of the likelihood ratio. With a uniform "
            "reference allowed the strict reading needs the exception; see the sub-entries.",
       neighbours={"threshold weak": {"weak": True}, "threshold at 3/2": {"at": (3, 2)}, "sides swapped": {"swap": True},
                   "uniform references too": {"always": True}})
def temperature(policy: Any, reference: Any, sharpness: Any, *, weak: bool = False, at: tuple[int, int] = (1, 1),
                swap: bool = False, always: bool = False) -> Relation:
    s, n = sharpness[..., 0] * at[1], at[0]
    before, after = entropy(reference), entropy(policy)
    before, after = (after, before) if swap else (before, after)
    sides = both(iff(greater(before, after, "entropies of reference and policy"), at_least(s, n) if weak else greater(s, n)),
                 iff(greater(after, before), greater(n, s)))
    return sides if always else implies(varies(probabilities(reference)), sides)


@claim("did.sec-3.5.temperature.majorisation", where="section 3.5", title="Sharper policies majorise flatter ones",
       draws=(Tempered(),), measurements=("probabilities",),
       statement=rf"\tau \le 1 \implies \pi \succ \pi_{{ref}}, \quad \tau \ge 1 \implies \pi_{{ref}} \succ \pi, "
                 rf"\quad {TEMPERED}",
       reading="reinforcing and smoothing read as majorisation: every sum of the k least probabilities falls, or rises",
       neighbours={"sides swapped": {"swap": True}, "one side for all": {"one": True}, "a hundredth more": {"factor": (101, 100)}})
def temperature_majorisation(policy: Any, reference: Any, sharpness: Any, *, swap: bool = False, one: bool = False,
                             factor: tuple[int, int] = (1, 1)) -> Relation:
    s = sharpness[..., 0]
    a, b = (np.cumsum(np.sort(probabilities(x), -1), -1) for x in (reference, policy))
    a, b = (b, a) if swap else (a, b)
    a, b = a * factor[1], b * factor[0]
    down = forall(at_least(a, b, "sums of the least probabilities"))
    return down if one else both(implies(at_least(s, 1), down), implies(at_least(1, s), forall(at_least(b, a))))


@claim("did.sec-3.5.temperature.likelihood-ratio", where="section 3.5", draws=(Tempered(),), measurements=("log_ratio",),
       title="The likelihood ratio rises with the reference below temperature 1 and falls above",
       statement=rf"\tau \le 1 \implies \tfrac{{\pi}}{{\pi_{{ref}}}} \text{{ rises with }} \pi_{{ref}}, \quad "
                 rf"\tau \ge 1 \implies \text{{it falls}}, \quad {TEMPERED}",
       reading="the reading of Figure 4: mass moves to, or away from, the modes of the reference",
       neighbours={"sides swapped": {"swap": True}, "rises always": {"always": True},
                   "squared reference": {"square": True}})
def temperature_ratio(policy: Any, reference: Any, sharpness: Any, *, swap: bool = False, always: bool = False,
                      square: bool = False) -> Relation:
    s, r, p = sharpness[..., 0], probabilities(reference), probabilities(policy)
    ratio = p / (r * r) if square else p / r
    rises, falls = together(r, ratio, against=swap), together(r, ratio, against=not swap)
    return rises if always else both(implies(at_least(s, 1), rises), implies(at_least(1, s), falls))


@claim("did.sec-3.5.temperature.strict", where="section 3.5", draws=(Tempered(),), measurements=("entropy",),
       title="Every temperature other than 1 changes the entropy",
       statement=rf"\left(H(\pi) < {H_REF} \iff \tau < 1\right) \text{{ and }} \left(H(\pi) > {H_REF} \iff \tau > "
                 rf"1\right), "
                 rf"\quad {TEMPERED}",
       reading="strict, for every reference",
       neighbours={"threshold weak": {"weak": True}, "threshold at 3/2": {"at": (3, 2)}, "sides swapped": {"swap": True}})
def temperature_strict(policy: Any, reference: Any, sharpness: Any, *, weak: bool = False, at: tuple[int, int] = (1, 1),
                       swap: bool = False) -> Relation:
    return temperature(policy, reference, sharpness, weak=weak, at=at, swap=swap, always=True)


@temperature_strict.assuming(UNEVEN)
def _reference_varies(reference: Any) -> Relation:
    return varies(probabilities(reference))
