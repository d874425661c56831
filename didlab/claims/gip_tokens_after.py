r"""The change after the differing position, position by position: Eqs 13 and 22."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, both, either, equal, forall, greater, iff
from .gip_tokens_rows import (
    AFTER,
    AVERAGE,
    PAIR,
    PAL,
    PREFERRING,
    PRINTED_13,
    after_changes,
    printed_13,
)
from .token_models import dot, residual, squared

__all__: list[str] = []

VALUE = {"2% more": dict(scale=51), "the sum added": dict(sign=1), "j* in the sum too": dict(start=0)}


def value_check(s_w: Any, s_l: Any, *, scale: int = 50, sign: int = -1, start: int = 1) -> Relation:
    value = printed_13(s_w, s_l, sign=sign, start=start)
    return equal(after_changes(s_w, s_l)[0], scale * value / 50, "change of the chosen response's token")


claim_13 = claim(
    "gip.eq-13.value", where="Eq 13", title="The change after the differing position",
    statement=rf"\Delta\log\pi(y_w^i) \approx {PRINTED_13}", draws=PAIR, reading=AFTER + "The value as printed.",
    neighbours=VALUE,
)(value_check)
claim_22 = claim(
    "gip.eq-22", where="Eq 22", title="The derivation after the differing position",
    statement=rf"\langle g_w^i, g_w^i - g_l^i\rangle = {PRINTED_13}", draws=PAIR,
    reading=AFTER + "Its two last lines; that the sum over positions reduces to one term is gip.thm-3.model.",
    neighbours=VALUE,
)(value_check)


@claim(
    "gip.eq-13.sign", where="Eq 13", title="The chosen tokens after the differing position do not rise",
    statement=rf"{PAL} \implies {PRINTED_13} \le 0", draws=PREFERRING, symbolic=(), reading=AFTER + "With equality, as printed.",
    neighbours={"strictly": dict(strict=True), "below -1/9999": dict(below=True), "the other context's": dict(swap=True),
                "rising": dict(flip=-1)},
)
def sign_13(s_w: Any, s_l: Any, *, strict: bool = False, below: bool = False, swap: bool = False, flip: int = 1):
    value = flip * (printed_13(s_l, s_w) if swap else printed_13(s_w, s_l))
    return greater(0, value) if strict else at_least(-1, 9999 * value) if below else at_least(0, value, "the value")


@claim(
    "gip.eq-13.sign.strict", where="Thm 3, before Eq 13", title="The chosen tokens after the differing position decrease",
    statement=rf"{PAL} \implies \Delta\log\pi(y_w^i) < 0", draws=PREFERRING, symbolic=(),
    reading=AFTER + "The words: will decrease.",
    neighbours={"below -1/100": dict(parts=100), "below -1/4": dict(parts=4), "the chosen rises": dict(flip=-1)},
)
def strict_13(s_w: Any, s_l: Any, *, parts: int = 0, flip: int = 1):
    change = flip * after_changes(s_w, s_l)[0]
    return greater(-1, parts * change) if parts else greater(0, change, "change of the chosen response's token")


def differ(s_w: Any, s_l: Any) -> Relation:
    return greater(squared(s_w - s_l), 0, "the two contexts predict differently")


strict_13.assuming(r"s_w \ne s_l")(differ)


@claim(
    "gip.eq-13.sign.any-rows", where="Eq 13", title="The sign of Eq 13 without its hypothesis",
    statement=r"\Delta\log\pi(y_w^i) \le 0", draws=PAIR, symbolic=(),
    reading=AFTER + "Ours, without the printed hypothesis, to show that it is needed: any two rows. The paper prints it, and then the "
                    "sign holds: gip.eq-13.sign.",
    neighbours={"strictly": dict(strict=True), "below -1/9999": dict(below=True), "rising": dict(flip=-1)},
)
def any_13(s_w: Any, s_l: Any, *, strict: bool = False, below: bool = False, flip: int = 1):
    return sign_13(s_w, s_l, strict=strict, below=below, flip=flip)


def pal(s_w: Any, s_l: Any) -> Relation:
    return both(at_least(s_w[..., :1], s_l[..., :1], "the token's probabilities"),
                forall(at_least(s_l[..., 1:], s_w[..., 1:], "the other tokens' probabilities")))


any_13.assuming(rf"\text{{the printed hypothesis, }} {PAL}", draws=PREFERRING)(pal)


@claim(
    "gip.eq-13.sign.exactly", where="Eq 13", title="Exactly when a token after the differing position does not rise",
    statement=rf"\Delta\log\pi(y_w^i) \le 0 \iff {AVERAGE}", draws=PAIR, symbolic=(),
    reading=AFTER + "Not in the paper: Eq 13 rewritten, which is the weakest assumption on the two rows.",
    neighbours={"weighted by the rejected context": dict(of="rejected"), "by both": dict(of="both"),
                "plain average, which is 0": dict(of="none")},
)
def exactly_13(s_w: Any, s_l: Any, *, of: str = "chosen"):
    gain = s_l - s_w
    mean = dot({"chosen": s_w, "rejected": s_l, "both": (s_w + s_l) / 2, "none": 0 * s_w}[of], gain)
    return iff(at_least(0, after_changes(s_w, s_l)[0], "change of the token"), at_least(mean, gain[..., :1], "gains"))


def one_direction(s_w: Any, s_l: Any, *, strict: bool = False, above: bool = False, flip: int = 1) -> Relation:
    w, l = after_changes(s_w, s_l)  # noqa: E741
    product = flip * w * l
    return greater(product, 0) if strict else at_least(9999 * product, 1) if above else at_least(product, 0, "the product")


TOGETHER = r"\Delta\log\pi(y_w^i)\;\Delta\log\pi(y_l^i) \ge 0"
APART = {"strictly": dict(strict=True), "at least 1/9999": dict(above=True), "opposite": dict(flip=-1)}
one_way = claim(
    "gip.eq-22.one-direction", where="after Eq 22", title="Chosen and rejected move in one direction after the difference",
    statement=rf"{PAL} \implies {TOGETHER}", draws=PREFERRING, symbolic=(), neighbours=APART,
    reading=AFTER + "Both log-likelihoods of the common token, under the hypothesis that section 4.1.2 makes before Theorem 3, "
                    "which this proves.",
    note="That the hypothesis is needed: gip.eq-22.one-direction.any-rows.",
)(one_direction)
one_way_any = claim(
    "gip.eq-22.one-direction.any-rows", where="after Eq 22", title="Chosen and rejected move in one direction at any two contexts",
    statement=TOGETHER, draws=PAIR, symbolic=(), neighbours=APART,
    reading=AFTER + "Ours, without the printed hypothesis, to show that it is needed: any two rows.",
    note="With two tokens in the vocabulary it holds for all rows.",
)(one_direction)
one_way_any.assuming(rf"\text{{the printed hypothesis, }} {PAL}", draws=PREFERRING)(pal)


@claim(
    "gip.eq-22.one-direction.exactly", where="after Eq 22", title="Exactly when chosen and rejected move apart",
    statement=r"\Delta\log\pi(y_w^i) > 0 > \Delta\log\pi(y_l^i) \iff \langle g_w^i, g_l^i\rangle <"
              r" \min(\|g_w^i\|^2, \|g_l^i\|^2) \text{, and they never move towards each other}",
    draws=PAIR, symbolic=(), reading=AFTER + "Not in the paper: what is true of any two rows.",
    neighbours={"below the larger": dict(largest=True), "inner product negative": dict(zero=True),
                "below half of the smaller": dict(half=True)},
)
def moves_apart(s_w: Any, s_l: Any, *, largest: bool = False, zero: bool = False, half: bool = False):
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    ww, wl, ll = squared(w), dot(w, l), squared(l)
    change_w, change_l = after_changes(s_w, s_l)
    apart = both(greater(change_w, 0, "change of the chosen"), greater(0, change_l, "change of the rejected"))
    inner = 2 * wl if half else wl
    low = (greater(0, wl) if zero else either(greater(ww, wl), greater(ll, wl)) if largest else
           both(greater(ww, inner, "chosen norm and product"), greater(ll, inner, "rejected norm and product")))
    towards = both(greater(0, change_w), greater(change_l, 0))
    return both(iff(apart, low), iff(towards, greater(0, 1)))
