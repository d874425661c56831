r"""Inner products of identical tokens in two contexts (section 4.2, Figure 4b)."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import at_least, both, equal, greater, iff, implies
from ..engine.tokens import Hidden, Rows
from ..sequences.linear import token_inner_products
from .token_models import (
    LAST_LAYER,
    dot,
    residual,
    squared,
)

__all__: list[str] = []

SAME = "One token in two contexts, with rows s_w and s_l and hidden states h and h' there. " + LAST_LAYER
ANY = (Rows("s_w", "s_l"), Hidden("h", "other_h"))


def product(s_w: Any, s_l: Any, h: Any, other_h: Any) -> Any:
    """Inner product of the gradients of token 0 in two contexts."""
    w, l = residual(s_w, 0), residual(s_l, 0)  # noqa: E741
    return token_inner_products(h[..., None, :], w[..., None, :], other_h[..., None, :], l[..., None, :])[..., 0]


@claim(
    "gip.sec-4.2.identical-tokens", where="section 4.2, Fig 4b", title="The inner product of identical tokens is positive",
    statement=r"h, h' \ne 0 \implies \langle\nabla\log\pi(y^i|x, y_w^{<i}), \nabla\log\pi(y^i|x, y_l^{<i})\rangle > 0",
    draws=ANY, symbolic=(), reading=SAME + "Neither hidden state is 0, which is less than what is printed.",
    neighbours={"above 1/20 of the product of the states": dict(parts=20), "above all of it": dict(parts=1),
                "negative": dict(flip=-1)},
)
def identical(s_w: Any, s_l: Any, h: Any, other_h: Any, *, parts: int = 0, flip: int = 1):
    inner = flip * product(s_w, s_l, h, other_h)
    above = greater(parts * inner, dot(h, other_h)) if parts else greater(inner, 0, "inner product of the gradients")
    return implies(both(greater(squared(h), 0, "norm of h"), greater(squared(other_h), 0, "norm of h'")), above)


@identical.assuming(r"\langle h, h'\rangle > 0", draws=(Rows("s_w", "s_l"), Hidden("h", "other_h", acute=True)))
def _(h: Any, other_h: Any):
    return greater(dot(h, other_h), 0, "inner product of the hidden states")


@claim(
    "gip.sec-4.2.identical-tokens.exactly", where="section 4.2, Fig 4b", title="Exactly when it is positive",
    statement=r"\langle g, g'\rangle > 0 \iff \langle h, h'\rangle > 0", draws=ANY, symbolic=(),
    reading=SAME + "Not in the paper: the predictions do not matter, only the hidden states do.",
    neighbours={"not negative": dict(weak=True), "neither state 0": dict(test="states"), "above 1/20": dict(twentieths=1)},
)
def identical_exactly(s_w: Any, s_l: Any, h: Any, other_h: Any, *, weak: bool = False, test: str = "product", twentieths: int = 0):
    angle = dot(h, other_h)
    tests = {"product": at_least(angle, 0) if weak else greater(angle, 0, "inner product of the hidden states"),
             "states": both(greater(squared(h), 0), greater(squared(other_h), 0))}
    inner = product(s_w, s_l, h, other_h)
    return iff(greater(inner, (0 * inner + twentieths) / 20, "inner product of the gradients"), tests[test])


@claim(
    "gip.sec-4.2.identical-tokens.high", where="section 4.2, Fig 4b",
    title="The cosine of identical tokens is at least half the cosine of the states",
    statement=r"\langle h, h'\rangle > 0 \implies \cos(g, g') > \tfrac12\cos(h, h')",
    draws=(Rows("s_w", "s_l"), Hidden("h", "other_h", acute=True)), symbolic=(),
    reading=SAME + "The figure shows a high cosine; this is what is true of any two contexts, strictly. With equal hidden states "
                   "more than one half, whatever the predictions.",
    neighbours={"3/5 for 1/2": dict(over=3, under=5), "9/10 for 1/2": dict(over=9, under=10), "above it": dict(over=1, under=1)},
)
def identical_high(s_w: Any, s_l: Any, h: Any, other_h: Any, *, over: int = 1, under: int = 2):
    inner, angle = product(s_w, s_l, h, other_h), dot(h, other_h)
    norms = squared(residual(s_w, 0)) * squared(residual(s_l, 0))
    return implies(greater(angle, 0, "inner product of the hidden states"), both(
        greater(inner, 0, "inner product of the gradients"),
        greater(under**2 * inner * inner, over**2 * norms * angle * angle, "squares of the cosines, times the norms")))


@claim(
    "gip.sec-4.fn-7", where="section 4, footnote 7", title="Gradients of probabilities or of log-probabilities of tokens",
    statement=r"\langle\nabla\pi_i, \nabla\pi_j\rangle > 0 \iff \langle\nabla\log\pi_i, \nabla\log\pi_j\rangle > 0,\ "
              r"\cos(\nabla\pi_i, \nabla\pi_j) = \cos(\nabla\log\pi_i, \nabla\log\pi_j)",
    draws=(Rows("s_w", "s_l"), Integers("token", axes=(1,), low=0, high=1)), symbolic=(),
    reading="The footnote says that the token-wise gradient is that of the probability; Theorem 3 is about that of its logarithm. "
            "Signs and cosines are the same, inner products are not. Gradients in the logits, the same or two different tokens.",
    neighbours={"inner products too": dict(plain=True), "2% more": dict(scale=51), "one of each": dict(mixed=True),
                "and less than a quarter in size": dict(quarter=True)},
)
def footnote(s_w: Any, s_l: Any, token: Any, *, plain: bool = False, scale: int = 50, mixed: bool = False,
             quarter: bool = False):
    logs = [residual(s_w, 0), token * residual(s_l, 1) + (1 - token) * residual(s_l, 0)]
    masses = [s_w[..., :1], token * s_l[..., 1:2] + (1 - token) * s_l[..., :1]]
    slopes = [s * g for s, g in zip(masses, logs, strict=True)]
    inner, log_inner = dot(*slopes), dot(*logs)
    if plain:
        return equal(inner, log_inner)
    norm = squared(slopes[0]) * squared(logs[1] if mixed else slopes[1])
    log_norm = squared(logs[0]) * squared(logs[1])
    small = [greater(log_inner * log_inner, 16 * inner * inner)] if quarter else []
    return both(*small, iff(greater(inner, 0, "inner product"), greater(log_inner, 0, "that of the logarithms")),
                equal(inner * inner * log_norm, scale * log_inner * log_inner * norm / 50, "squared cosines, times the norms"))
