r"""Gradients of one-token responses for a uniform row (appendix B.1, Eqs 16-20).

The vocabulary is numbered so that the chosen token comes first and the rejected one second. With the hidden state h and
the row s of probabilities, :math:`\langle g_w, g_l\rangle = \|h\|^2(\|s\|^2 - s_w - s_l)`, and the change of
:math:`\log\pi_w` is :math:`\|h\|^2(1 - s_w + s_l)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.gradients import Choice
from ..engine.relations import Relation, both, equal, forall, greater
from ..engine.tokens import Concentrated, Hidden, Rows
from ..sequences.linear import sequence_gradient, token_inner_products
from .token_models import residual, squared

__all__: list[str] = []

ONE = "Both responses are one token; the hidden state is any vector with integer entries. "
INSIDE = r"y_w \text{ and } y_l \text{ are both among the } M \text{ tokens, as App B.1 supposes before (18)}"
NOT_ZERO = r"h \ne 0"
NAMES = ("chosen", "rejected", "chosen at any row", "rejected at any row")


def inner(h: Any, a: Any, b: Any) -> Any:
    """Inner product of the gradients of two tokens at one hidden state, by their residuals."""
    return token_inner_products(h[..., None, :], a[..., None, :], h[..., None, :], b[..., None, :])[..., 0]


def products(row: Any, h: Any) -> tuple[Any, Any, Any]:
    """Inner products chosen with chosen, chosen with rejected, rejected with rejected."""
    w, l = residual(row, 0), residual(row, 1)  # noqa: E741
    return inner(h, w, w), inner(h, w, l), inner(h, l, l)


def changes(row: Any, h: Any) -> tuple[Any, Any]:
    """First-order changes of both log-likelihoods along the difference of the gradients."""
    ww, wl, ll = products(row, h)
    return ww - wl, wl - ll


def not_zero(h: Any) -> Relation:
    return greater(squared(h), 0, "the hidden state is not 0")


def below(row: Any, h: Any, *, parts: int = 0, flip: bool = False) -> Relation:
    """The inner product is negative, or below a part of the square of h."""
    wl = products(row, h)[1] * (-1 if flip else 1)
    return greater(0, parts * wl + squared(h) if parts else wl, "the inner product")


def values_printed(row: Any, m: Any, h: Any, *, scale: int = 50, off: int = 1, sign: int = 1) -> Relation:
    ww, wl, ll = products(row, h)
    size = scale * squared(h) / 50
    return both(equal(wl, -sign * size / m, "the inner product"),
                equal(ww, (m - off) / m * size, "the chosen norm"),
                equal(ll, (m - off) / m * size, "the rejected norm"))


@claim(
    "gip.app-b.1", where="App B.1, Eqs 16-20", title="Gradients, their inner product and norms for a uniform row",
    statement=r"(16), (17) \text{ at any row};\ s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies (18), (19),"
              r"\ \langle g_w, g_l\rangle = \tfrac{M-2}{M^2}\|h\|^2 - 2\cdot\tfrac1M\cdot\tfrac{M-1}{M}\|h\|^2"
              r" = -\tfrac1M\|h\|^2,\ \|g\|^2 = \tfrac{M-1}{M^2}\|h\|^2 + (1-\tfrac1M)^2\|h\|^2 = \tfrac{M-1}{M}\|h\|^2",
    draws=(Concentrated(first=2), Rows("general"), Hidden("h")), symbolic=(),
    reading=ONE + "Both tokens are among the M, as the display before Eq 18 supposes; rows with zeros are taken as they "
            "are printed. Eqs 16 and 17 are about any softmax row.",
    neighbours={"2% more": dict(scale=51), "inner product over V": dict(over="V"), "norm of one residual": dict(norm=0),
                "sign of the inner product": dict(sign=-1)},
)
def app_b_1(row: Any, m: Any, general: Any, h: Any, *, scale: int = 50, over: str = "M", norm: int = 1, sign: int = 1):
    support = (np.asarray(row) != 0).astype(np.int64)
    token = np.arange(row.shape[-1])
    entries = [(token == t).astype(np.int64) - support / m for t in (0, 1)]
    entries += [(token == t).astype(np.int64) - general for t in (0, 1)]
    gradients = [sequence_gradient(h[..., None, :], residual(s, t)[..., None, :]) for s in (row, general) for t in (0, 1)]
    ww, wl, ll = products(row, h)
    size = squared(h)
    count = m * 0 + row.shape[-1] if over == "V" else m
    steps = (count - 2) / count**2 * size - 2 * (1 / count) * ((count - 1) / count) * size
    length = (count - 1) / count**2 * size + norm * (1 - 1 / count) ** 2 * size
    return both(
        *(forall(equal(g, h[..., :, None] * e[..., None, :], f"the gradient of the {name} token"))
          for g, e, name in zip(gradients, entries, NAMES, strict=True)),
        equal(wl, scale * sign * steps / 50, "the inner product, first line"),
        equal(wl, -scale * sign * size / count / 50, "the inner product"),
        equal(ww, scale * length / 50, "the chosen norm, first line"),
        equal(ll, scale * (count - 1) / count * size / 50, "the rejected norm"),
        equal(ww, scale * (count - 1) / count * size / 50, "the chosen norm"),
    )


@claim(
    "gip.app-b.1.negative", where="App B.1, after Eq 20", title="The inner product is negative",
    statement=r"s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies \langle g_w, g_l\rangle < 0",
    draws=(Concentrated(first=2), Hidden("h")), symbolic=(), reading=ONE,
    neighbours={"below a quarter of the square of h": dict(parts=4), "below half of it": dict(parts=2),
                "positive": dict(flip=True)},
)
def negative(row: Any, h: Any, *, parts: int = 0, flip: bool = False):
    return below(row, h, parts=parts, flip=flip)


@negative.assuming(NOT_ZERO)
def _(h: Any):
    return not_zero(h)


@claim(
    "gip.app-b.1.large", where="App B.1, after Eq 20", title="In comparison, the norms are large",
    statement=r"s = \tfrac1M \text{ on } M \text{ tokens, } y_w, y_l \text{ among them} \implies"
              r" \|g_w\|^2 = \|g_l\|^2 > |\langle g_w, g_l\rangle|",
    draws=(Concentrated(first=2), Hidden("h")), symbolic=(),
    reading=ONE + "Large in comparison: above the inner product's size, which is the least that the words can say.",
    note="At M = 2 the two gradients are opposite, and norm and inner product are of one size.",
    neighbours={"by more than 1": dict(more=1), "twice as large": dict(times=2), "three times": dict(times=3),
                "smaller": dict(flip=True)},
)
def large(row: Any, h: Any, *, more: int = 0, times: int = 1, flip: bool = False):
    ww, wl, ll = products(row, h)
    small = times * abs(wl) + more
    left, right = (small, ww) if flip else (ww, small)
    return both(equal(ww, ll, "the norms"), greater(left, right, "norm and inner product"))


@large.assuming(r"M \ge 3,\ h \ne 0", draws=(Concentrated(first=3), Hidden("h")))
def _(m: Any, h: Any):
    return both(not_zero(h), greater(m, 2, "M and 2"))


def reordered(row: Any, places: Any, kept: int) -> Any:
    """The row with its tokens from `kept` on moved round by that many places."""
    count = row.shape[-1] - kept
    moved = kept + (np.arange(count) + np.asarray(places)) % max(count, 1)
    index = np.concatenate([np.broadcast_to(np.arange(kept), (*moved.shape[:-1], kept)), moved], -1)
    return np.take_along_axis(row, index, -1)


@claim(
    "gip.app-b.1.indices", where="App B.1, before Eq 18", title="Which other tokens have probability 1/M does not matter",
    statement=r"s, s' \text{ uniform on } M \text{ tokens, } y_w, y_l \text{ among both} \implies \langle g_w, g_l\rangle,\ \|g_w\|^2,\ "
              r"\|g_l\|^2 \text{ are the same at } s \text{ and at } s'",
    draws=(Concentrated(first=2), Choice("places", 4), Hidden("h")), symbolic=(),
    reading=ONE + "In its place: the sentence before it puts both tokens among the M, so that it is about the others. s' is s with "
                  "its other tokens moved round.",
    note="Without that sentence the values depend on whether the two tokens are among the M: gip.app-b.1.indices.any.",
    neighbours={"all tokens moved": dict(kept=0), "all but the chosen moved": dict(kept=1), "2% more": dict(scale=51)},
)
def indices(row: Any, places: Any, h: Any, *, kept: int = 2, scale: int = 50):
    before, there = products(row, h), products(reordered(row, places, kept), h)
    return both(*(equal(x, scale * y / 50, name) for x, y, name in zip(
        before, there, ("the chosen norm", "the inner product", "the rejected norm"), strict=True)))


@claim(
    "gip.app-b.1.indices.any", where="App B.1, before Eq 18",
    title="Nor does it matter whether the two tokens are among the M",
    statement=r"s = \tfrac1M \text{ on any } M \text{ tokens} \implies \langle g_w, g_l\rangle = -\tfrac1M\|h\|^2,\ "
              r"\|g_w\|^2 = \|g_l\|^2 = \tfrac{M-1}{M}\|h\|^2",
    draws=(Concentrated(), Hidden("h")), symbolic=(),
    reading=ONE + "Ours, the sentence taken alone: the values are the same wherever the M tokens are. A token of probability 0, which the "
                  "appendix allows, has the gradient that its formula gives.",
)
def indices_any(row: Any, m: Any, h: Any):
    return values_printed(row, m, h)


@indices_any.corrected(
    r"\text{With } a, b = 1 \text{ where } y_w, y_l \text{ are among the } M \text{ and 0 elsewhere: } "
    r"\langle g_w, g_l\rangle = \tfrac{1-a-b}{M}\|h\|^2,\ \|g_w\|^2 = (1 + \tfrac{1-2a}{M})\|h\|^2,\ "
    r"\|g_l\|^2 = (1 + \tfrac{1-2b}{M})\|h\|^2", symbolic=(),
    neighbours={"2% more": dict(scale=51), "as printed": dict(inside=True), "a and b swapped": dict(swap=True)})
def _(row: Any, m: Any, h: Any, *, scale: int = 50, inside: bool = False, swap: bool = False):
    a, b = ((np.asarray(row[..., t : t + 1]) != 0).astype(np.int64) for t in ((1, 0) if swap else (0, 1)))
    a, b = (0 * a + 1, 0 * b + 1) if inside else (a, b)
    ww, wl, ll = products(row, h)
    size = scale * squared(h) / 50
    return both(equal(wl, (1 - a - b) / m * size, "the inner product"),
                equal(ww, (1 + (1 - 2 * a) / m) * size, "the chosen norm"),
                equal(ll, (1 + (1 - 2 * b) / m) * size, "the rejected norm"))
