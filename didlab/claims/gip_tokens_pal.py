r"""The assumption of Pal et al., what it ensures and what it takes (section 4.1.2, appendix B.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import at_least, both, exists, forall, greater, iff, implies
from . import gip_tokens_after as later
from .gip_tokens_rows import (
    AFTER,
    AVERAGE,
    PAIR,
    PAL,
    PREFERRING,
    SOFTMAX,
    after_changes,
    at_change,
)
from .token_models import residual

__all__: list[str] = []

@claim(
    "gip.app-b.2.pal", where="App B.2, last paragraph", title="The assumption of Pal et al. fixes the sign of (22)",
    statement=rf"{PAL} \implies g_w^i - g_l^i = (\ge 0, \dots, \le 0, \dots, \ge 0),\ (22) \le 0,\ \text{{and }} (21) \ge 0",
    draws=(*PREFERRING, *SOFTMAX), symbolic=(), reading=AFTER + "Equality allowed, as in the display.",
    neighbours={"(22) strictly": dict(strict=True), "entries of the other sign": dict(flip=-1), "(21) at least 1/10":
                dict(tenths=1), "(22) for the rejected context rising": dict(rising=True)},
)
def pal_sign(s_w: Any, s_l: Any, row: Any, *, strict: bool = False, flip: int = 1, tenths: int = 0, rising: bool = False):
    difference = flip * (residual(s_w, 0) - residual(s_l, 0))
    w, l = after_changes(s_w, s_l)  # noqa: E741
    change = -l if rising else w
    return both(at_least(0, difference[..., :1], "the entry of the token"),
                forall(at_least(difference[..., 1:], 0, "the other entries")),
                greater(0, change) if strict else at_least(0, change, "Eq 22"),
                at_least(10 * at_change(row), tenths, "Eq 21"))


@claim(
    "gip.app-b.2.pal.reduced", where="App B.2, last paragraph", title="The chosen token then has a reduced log-likelihood",
    statement=rf"{PAL} \implies \log\pi(y_w^i) \text{{ is reduced}}", draws=PREFERRING, symbolic=(),
    reading=AFTER + "Reduced: strictly, to first order.",
    neighbours={"below -1/100": dict(parts=100), "below -1/4": dict(parts=4), "the chosen rises": dict(flip=-1)},
)
def reduced(s_w: Any, s_l: Any, *, parts: int = 0, flip: int = 1):
    return later.strict_13(s_w, s_l, parts=parts, flip=flip)


reduced.assuming(r"s_w \ne s_l")(later.differ)


@claim(
    "gip.app-b.2.pal.rejected", where="App B.2, last display", title="The rejected token falls too, and by more",
    statement=rf"{PAL} \implies \Delta\log\pi(y_l^i) \le \Delta\log\pi(y_w^i) \le 0", draws=PREFERRING, symbolic=(),
    reading=AFTER + "The heading speaks of both responses, the formulas of the chosen one.",
    neighbours={"the chosen by more": dict(swap=True), "strictly": dict(strict=True), "twice as much": dict(twice=2)},
)
def rejected_falls(s_w: Any, s_l: Any, *, swap: bool = False, strict: bool = False, twice: int = 1):
    w, l = after_changes(s_w, s_l)  # noqa: E741
    more = at_least(l, w) if swap else greater(w, l) if strict else at_least(twice * w, l, "chosen and rejected change")
    return both(more, at_least(0, w, "change of the chosen"), at_least(0, l, "change of the rejected"))


@claim(
    "gip.app-b.2.pal.redundant", where="section 4.1.2", title="The half of the assumption that the other half implies",
    statement=r"s_w[j] \le s_l[j]\ (j \ne j^*) \iff s_w[j] \le s_l[j]\ (j \ne j^*),\ s_w[j^*] \ge s_l[j^*]",
    draws=PAIR, symbolic=(), reading="Rows sum to 1. Not in the paper.",
    neighbours={"the other half": dict(half="first"), "some token": dict(half="some"),
                "with strict inequality": dict(strict=True)},
)
def redundant(s_w: Any, s_l: Any, *, half: str = "second", strict: bool = False):
    others = at_least(s_l[..., 1:], s_w[..., 1:], "the other tokens' probabilities")
    first = at_least(s_w[..., :1], s_l[..., :1], "the token's probabilities")
    halves = {"first": first, "some": exists(others), "second": forall(others)}
    whole = both(forall(others), greater(s_w[..., :1], s_l[..., :1]) if strict else first)
    return iff(halves[half], whole)


@claim(
    "gip.app-b.2.pal.first-half", where="App B.2, last paragraph", title="The first half of the assumption is enough",
    statement=r"s_w[j^*] \ge s_l[j^*] \implies (22) \le 0", draws=PAIR, symbolic=(),
    reading=AFTER + "Ours, without the second half of the printed hypothesis: what a model that prefers the right continuation after "
                    "the right word would give.",
    neighbours={"strictly": dict(strict=True), "below -1/9999": dict(below=True), "rising": dict(flip=-1)},
)
def first_half(s_w: Any, s_l: Any, *, strict: bool = False, below: bool = False, flip: int = 1):
    return implies(at_least(s_w[..., :1], s_l[..., :1], "the token's probabilities"),
                   later.sign_13(s_w, s_l, strict=strict, below=below, flip=flip))


@first_half.assuming(r"\text{the second half of the printed hypothesis, } s_w[j] \le s_l[j]\ (j \ne j^*)", draws=PREFERRING)
def _(s_w: Any, s_l: Any):
    return forall(at_least(s_l[..., 1:], s_w[..., 1:], "the other tokens' probabilities"))


@claim(
    "gip.app-b.2.pal.only-if", where="App B.2, last paragraph", title="The sign of (22) needs the assumption",
    statement=rf"(22) \le 0 \implies {PAL}", draws=PAIR, symbolic=(),
    reading=AFTER + "The converse of the display, a reading of: the assumption ensures the sign.",
)
def only_if(s_w: Any, s_l: Any):
    return implies(at_least(0, after_changes(s_w, s_l)[0], "Eq 22"), later.pal(s_w, s_l))


@only_if.corrected(
    r"s_l[j^*] - s_w[j^*] \le s_l[j] - s_w[j] \text{ for all } j \implies (22) \le 0\text{: it is enough that no token gains less than }"
    rf"j^*; \text{{ and }} (22) \le 0 \iff {AVERAGE}", symbolic=(),
    neighbours={**later.exactly_13.printed.neighbours, "no token but one gains less": dict(but=1), "the most": dict(most=True)})
def _(s_w: Any, s_l: Any, *, of: str = "chosen", but: int = 0, most: bool = False):
    gain = s_l - s_w
    own = gain[..., :1]
    others = np.where(np.arange(gain.shape[-1]) == but, own, gain)  # the one left out
    least = forall(at_least(*((own, others) if most else (others, own)), "gains of the others and of the token"))
    return both(later.exactly_13(s_w, s_l, of=of), implies(least, at_least(0, after_changes(s_w, s_l)[0], "Eq 22")))
