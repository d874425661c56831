r"""The inner product of the gradients of two different tokens after equal prefixes (section 4.2)."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.relations import at_least, both, either, equal, greater, iff, implies
from ..engine.tokens import Hidden, Rows
from .gip_tokens_single import below, not_zero, products
from .token_models import dot, squared

__all__: list[str] = []

TOKEN = ("The shared last layer; the hidden state before the differing token is that of both responses, since their prefixes "
         "are equal. Any softmax row. ")
MASS = r"s_w + s_l > \textstyle\sum_j s_j^2"


@claim(
    "gip.sec-4.2.differing-token", where="section 4.2", title="The inner product at the differing token is negative",
    statement=r"h \ne 0 \implies \langle\nabla\log\pi(y_w^m), \nabla\log\pi(y_l^m)\rangle < 0",
    draws=(Rows("row"), Hidden("h")), symbolic=(),
    reading=TOKEN + "The hidden state is not 0, which is less than what is printed.",
    note="Two unlikely tokens have gradients that agree: both take mass from the token that has it.",
    neighbours={"below 1/20 of the square of h": dict(parts=20), "below 1/2 of it": dict(parts=2),
                "positive": dict(flip=True)},
)
def differing(row: Any, h: Any, *, parts: int = 0, flip: bool = False):
    return implies(not_zero(h), below(row, h, parts=parts, flip=flip))


def best(row: Any) -> Any:
    """The larger of the probabilities of the two tokens."""
    return (row[..., :1] + row[..., 1:2] + abs(row[..., :1] - row[..., 1:2])) / 2


@differing.assuming(r"\max(s_w, s_l) = \max_j s_j\text{: one of the two tokens is the likeliest}",
                    draws=(Rows("row", sizes=(2, 3, 4)), Hidden("h")))
def _(row: Any):
    return at_least(best(row), row.max(-1, keepdims=True), "the likelier of the two and the likeliest")


@claim(
    "gip.sec-4.2.differing-token.exactly", where="section 4.2", title="Exactly when the inner product is negative",
    statement=rf"h \ne 0 \implies \left(\langle g_w, g_l\rangle < 0 \iff {MASS}\right)",
    draws=(Rows("row"), Hidden("h")), symbolic=(), reading=TOKEN + "Not in the paper: the weakest condition on the row, that the two tokens together are likelier than "
                    "that two draws from it agree.",
    neighbours={"mass above 1/2": dict(test="half"), "likelier than the largest probability": dict(test="largest"),
                "either above the sum of squares": dict(test="either"), "always": dict(test="always")},
)
def differing_exactly(row: Any, h: Any, *, test: str = "mass"):
    w, l, collide = row[..., :1], row[..., 1:2], squared(row)  # noqa: E741
    falls = greater(0, products(row, h)[1], "the inner product")
    tests = {"mass": greater(w + l, collide, "mass of the two tokens"), "half": greater(2 * (w + l), 1),
             "largest": greater(w + l, row.max(-1, keepdims=True)),
             "either": either(greater(w, collide), greater(l, collide)), "always": greater(1, 0)}
    return implies(not_zero(h), iff(falls, tests[test]))


@claim(
    "gip.sec-4.2.differing-token.mode", where="section 4.2",
    title="How likely one of the tokens has to be",
    statement=r"h \ne 0,\ \max(s_w, s_l) = \max_j s_j \implies \langle g_w, g_l\rangle < 0",
    draws=(Rows("row", sizes=(2, 3, 4)), Hidden("h")), symbolic=(),
    reading=TOKEN + "The assumption, which is that of the paper's example, where the model knows the right answer: less than the "
                    "likeliest is not enough, as the neighbours show.",
    neighbours={"one of them above the average": dict(test="average"), "below 1/4 of the square of h": dict(parts=4),
                "one of them not the least likely": dict(test="least")},
)
def differing_mode(row: Any, h: Any, *, test: str = "mode", parts: int = 0):
    k = row.shape[-1]
    tests = {"mode": at_least(best(row), row.max(-1, keepdims=True), "the likelier of the two and the likeliest"),
             "average": greater(k * best(row), 1), "least": greater(best(row), row.min(-1, keepdims=True))}
    return implies(both(not_zero(h), tests[test]), below(row, h, parts=parts))


@claim(
    "gip.sec-4.2.differing-token.value", where="section 4.2", title="The inner product of two tokens at one context",
    statement=r"\langle g_w, g_l\rangle = \|h\|^2\Big(\textstyle\sum_j s_j^2 - s_w - s_l\Big),\ "
              r"\|g_w\|^2 = \|h\|^2\Big(1 - 2 s_w + \textstyle\sum_j s_j^2\Big)",
    draws=(Rows("row"), Hidden("h", sizes=(1, 2))), reading=TOKEN + "Not in the paper: Eq 20 for any row.",
    neighbours={"2% more": dict(scale=51), "as for a uniform row": dict(uniform=True), "one mass only": dict(one=True)},
)
def differing_value(row: Any, h: Any, *, scale: int = 50, uniform: bool = False, one: bool = False):
    ww, wl, _ = products(row, h)
    w, l, size = row[..., :1], row[..., 1:2], scale * squared(h) / 50  # noqa: E741
    value = -w if uniform else dot(row, row) - w - (0 if one else l)
    return both(equal(wl, size * value, "the inner product"),
                equal(ww, size * (1 - 2 * w + dot(row, row)), "the chosen norm"))
