r"""Theorem 3 with separate variables to optimise, the literal readings of section 4.1.2."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.relations import at_least, both, equal, forall, greater
from ..engine.tokens import Preferring, Rows
from ..sequences.linear import indicator, residuals
from .gip_tokens_edit import ANY_ROWS, PAL_ROWS, SETUP, changes
from .token_models import (
    at_position,
    dot,
    residual_gap,
    squared,
    where,
)

__all__: list[str] = []

@claim(
    "gip.thm-3.separate", where="section 4.1.2", title="Eq 13 when the rows are separate variables to optimise",
    statement=r"\text{assumption of Pal et al.} \implies \Delta\log\pi(y_w^i) \le 0,\ i > m", draws=PAL_ROWS, symbolic=(),
    reading=SETUP + "The literal reading: the logits of s_{w,i} and of s_{l,i} are variables of their own, equal up to m, where the "
            "prefixes are equal.",
    note="A table of logits is the one model in which nothing is shared, and there the tokens of the chosen response rise, all.",
)
def separate(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any):
    change, _ = changes("prefixes", chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    return forall(at_least(0, where("after", change, chosen, rejected), "changes after the differing token"))


@separate.corrected(
    r"\Delta\log\pi(y_w^i) = \|r_w^i\|^2 > 0,\ \Delta\log\pi(y_l^i) = -\|r_l^i\|^2 < 0\ (i > m);\ "
    r"\Delta\log\pi(y_w^m) = 1 - s[j^*] + s[k^*] > 0;\ 0 \text{ before } m", draws=ANY_ROWS, symbolic=(),
    neighbours={"2% more": dict(scale=51), "at m as printed": dict(sign=-1), "rows shared by position": dict(model="positions"),
                "above 1/20": dict(twentieths=1)})
def _(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, scale: int = 50, sign: int = 1, model: str = "prefixes",
      twentieths: int = 0):
    pair = (chosen, rejected)
    change, other = changes(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    w, l = ((residuals(rows, y) ** 2).sum(-1) for rows, y in ((rows_w, chosen), (rows_l, rejected)))  # noqa: E741
    value = 1 + sign * at_position(residual_gap(-rows_w, *pair), *pair)
    return both(forall(equal(where("after", change, *pair), where("after", scale * w / 50, *pair), "chosen, after m")),
                forall(equal(where("after", other, *pair), where("after", -l, *pair), "rejected, after m")),
                forall(greater(20 * where("after", change, *pair, 2), twentieths, "chosen, after m")),
                equal(at_position(change, *pair), value, "chosen, at m"), greater(value, 0, "chosen, at m"),
                forall(equal(where("before", change, *pair), 0, "chosen, before m")))


@claim(
    "gip.thm-3.separate.probabilities", where="section 4.1.2", title="Theorem 3 when the variables are the probabilities",
    statement=r"\Delta\log\pi(y_w^m) \approx 1 - s[j^*] + s[k^*],\ \Delta\log\pi(y_w^i) \le 0\ (i > m)", symbolic=(),
    draws=(Rows("row"), Preferring("s_w", "s_l")),
    reading="The other literal reading: the entries of s_{w,i} and s_{l,i} themselves are the variables, on the simplex "
            "(gradients projected onto vectors of sum 0), equal up to m. Eq 12 as it is derived in Eq 21.",
)
def probabilities(row: Any, s_w: Any):
    at, later = simplex_changes(row, s_w)
    return both(equal(at, 1 - row[..., :1] + row[..., 1:2], "chosen, at m"), at_least(0, later, "chosen, after m"))


def simplex_gradient(row: Any, token: int) -> Any:
    """Gradient of log s[token] in the entries of s, projected onto the vectors of sum 0."""
    gradient = indicator(token, row.shape[-1]) / row[..., token : token + 1]
    return gradient - gradient.sum(-1, keepdims=True) / row.shape[-1]


def simplex_changes(row: Any, s_w: Any) -> tuple[Any, Any]:
    """Changes of the chosen tokens at the differing position and after it, rows being variables."""
    w, l, later = simplex_gradient(row, 0), simplex_gradient(row, 1), simplex_gradient(s_w, 0)  # noqa: E741
    return dot(w, w - l), squared(later)


@probabilities.corrected(
    r"\Delta\log\pi(y_w^m) \approx \frac{1}{s[j^*]}\Big(\frac{V-1}{V}\cdot\frac1{s[j^*]} + \frac1V\cdot\frac{1}{s[k^*]}\Big) > 1,\ "
    r"\Delta\log\pi(y_w^i) \approx \frac{V-1}{V}\cdot\frac1{s_w[j^*]^2} > 0\ (i > m)",
    neighbours={"2% more": dict(scale=51), "without the projection": dict(free=True), "as on the logits": dict(logits=True),
                "above 3": dict(above=3)}, symbolic=())
def _(row: Any, s_w: Any, *, scale: int = 50, free: bool = False, logits: bool = False, above: int = 1):
    v = row.shape[-1]
    w, l, s = row[..., :1], row[..., 1:2], s_w[..., :1]  # noqa: E741
    at, later = simplex_changes(row, s_w)
    value = 1 - w + l if logits else (v - 1 + free) / (v * w * w) + (1 - free) / (v * w * l)
    return both(equal(at, scale * value / 50, "chosen, at m"), greater(at, above, "chosen, at m"),
                equal(later, (v - 1 + free) / (v * s * s), "chosen, after m"))
