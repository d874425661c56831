r"""Theorem 3 as a whole: which model it is about, and how exact first order is in it.

The position m is that of the one differing token, i a position before or after it. Changes are those along
:math:`\nabla\log\pi_w - \nabla\log\pi_l`.
"""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Numbers
from ..engine.relations import at_least, both, equal, forall, greater, iff
from ..engine.responses import Responses
from ..engine.tokens import Preferring, Rows
from ..sequences.linear import residuals
from .token_models import (
    POSITIONS,
    dot,
    residual,
    squared,
    token_changes,
    token_products,
    where,
)

__all__: list[str] = []

SETUP = "Responses of L tokens that differ at one token, not the last. "
ANY_ROWS, PAL_ROWS = (Responses(),), (Responses(prefers=True),)
HIDDEN = Responses(hidden=True)
STEP = Numbers("step")


def changes(model: str, **pair: Any) -> tuple[Any, Any]:
    """First-order changes of the tokens of the chosen and of the rejected response, (L) each."""
    return token_changes(token_products(model, **pair))


@claim(
    "gip.thm-3.model", where="App B.2", title="Each position's change depends on its own gradients only",
    statement=r"\sum_{i'}\langle g_w^i, \nabla\mathcal{L}[i']\rangle = \langle g_w^i, g_w^i - g_l^i\rangle"
              r" \text{ at every position, and } 0 \text{ before } m",
    draws=ANY_ROWS, symbolic=(), reading=SETUP + POSITIONS + "The matrix of the sentence-wise gradient as it is displayed: it is the gradient of "
            "this model, and of neither one row for each prefix nor one row for all positions.",
    note="Two different prefixes then move each other's predictions, through the row of their common position.",
    neighbours={"a row for each prefix": dict(model="prefixes"), "one row for all positions": dict(model="logits"),
                "2% more": dict(scale=51), "rejected gradient added": dict(sign=-1)},
)
def model_of_b_2(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, *, model: str = "positions", scale: int = 50,
                 sign: int = 1):
    w, l = residuals(rows_w, chosen), residuals(rows_l, rejected)  # noqa: E741
    change, _ = changes(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l)
    own = scale * (w * (w - sign * l)).sum(-1) / 50
    return both(forall(equal(change, own, "change of each token")),
                forall(equal(where("before", change, chosen, rejected), 0, "changes before the differing token")))


def actual_change(row: Any, move: Any, token: int) -> Any:
    """The change of a token's log-probability when its logits move by a given amount, exactly."""
    c = carrier_of(row)
    lead = move - move[..., token : token + 1]
    return -c.log((row * c.exp(lead)).sum(-1, keepdims=True))


@claim(
    "gip.thm-3.model.exact", where="Thm 3", title="The first-order changes of Theorem 3 are the changes of one step",
    statement=r"\Delta\log\pi(y_w^i) = \lambda\,\langle g_w^i, g_w^i - g_l^i\rangle,\ i > m", symbolic=(),
    draws=(Rows("s_w", "s_l"), STEP),
    reading=POSITIONS + "A position after the differing one; a step of size lambda = eta beta c, any positive number.",
    note="What Theorem 3 calls the amount of the change is an upper bound on it.",
)
def first_order(s_w: Any, s_l: Any, step: Any):
    move = step * (s_l - s_w)
    return equal(actual_change(s_w, move, 0), dot(residual(s_w, 0), move), "change of the chosen response's token")


@first_order.corrected(
    r"0 \le \lambda\,\langle g_w^i, g_w^i - g_l^i\rangle - \Delta\log\pi(y_w^i) \le \tfrac{\lambda^2}8\left(\max_j d_j - \min_j d_j\right)^2,\ "
    r"d = s_l - s_w \text{, with equality on the left only if } s_w = s_l", symbolic=(),
    neighbours={"a tenth of the bound": dict(parts=80), "linear bound": dict(power=1), "never equal": dict(strict=True),
                "below the change": dict(flip=-1)})
def _(s_w: Any, s_l: Any, step: Any, *, parts: int = 8, power: int = 2, strict: bool = False, flip: int = 1):
    move = step * (s_l - s_w)
    gap = flip * (dot(residual(s_w, 0), move) - actual_change(s_w, move, 0))
    spread = move.max(-1, keepdims=True) - move.min(-1, keepdims=True)
    bound = spread * (spread if power == 2 else step / 50)
    least = greater(gap, 0) if strict else both(
        at_least(gap, 0, "first order and the change"),
        iff(greater(gap, 0, "first order and the change"), greater(squared(s_w - s_l), 0, "the rows differ")))
    return both(least, at_least(bound / parts, gap, "the bound and the remainder"))


@claim(
    "gip.thm-3.model.finite", where="Thm 3", title="The directions of Theorem 3 are right for steps of every size",
    statement=r"\lambda > 0 \text{, the assumption of Pal et al.} \implies \Delta\log\pi(y_w^m) > 0,\ \Delta\log\pi(y_l^m) < 0,\ "
              r"\Delta\log\pi(y_w^i) \le 0,\ \Delta\log\pi(y_l^i) \le 0\ (i > m)", symbolic=(),
    draws=(Rows("row"), Preferring("s_w", "s_l"), STEP),
    reading=POSITIONS + "One step of size lambda = eta beta c, any positive number; the change itself, not first order.",
    neighbours={"at the differing token by a tenth of the step": dict(tenths=1), "by half of the step": dict(tenths=5),
                "after it strictly": dict(strict=True), "after it rising": dict(flip=-1)},
)
def finite(row: Any, s_w: Any, s_l: Any, step: Any, *, tenths: int = 0, strict: bool = False, flip: int = 1):
    at = step * (residual(row, 0) - residual(row, 1))
    move = step * (s_l - s_w)
    later = [flip * actual_change(s, move, 0) for s in (s_w, s_l)]
    fall = greater if strict else at_least
    return both(greater(actual_change(row, at, 0), tenths * step / 10, "the chosen token at m"),
                greater(0, actual_change(row, at, 1), "the rejected token at m"),
                *(fall(0, x, f"the token after m in the {name}")
                  for x, name in zip(later, ("chosen", "rejected"), strict=True)))


@claim(
    "gip.thm-3.step", where="Thm 3, App B.2", title="The changes after one DPO step, with its step size",
    statement=r"\text{after one DPO step } \Delta\log\pi(y_w^m) \approx 1 - s[j^*] + s[k^*]", symbolic=(),
    draws=(Rows("row"), STEP),
    reading=POSITIONS + "Eq 21, the value that is derived, for a step of any size lambda = eta beta c(theta), to first order.",
    note="Appendix B.2 sets eta = 1 and leaves out beta c(theta), which is beta/2 at the reference policy.",
)
def one_step(row: Any, step: Any, *, scale: int = 50, sized: bool = False, w: int = -1):
    move = step * (residual(row, 0) - residual(row, 1))
    value = 1 + w * row[..., :1] + row[..., 1:2]
    return equal(dot(residual(row, 0), move), scale * (step * value if sized else value) / 50, "first-order change")


@one_step.corrected(r"\Delta\log\pi(y_w^m) \approx \lambda(1 - s[j^*] + s[k^*]),\ \lambda = \eta\beta c(\theta)",
                    neighbours={"as printed": dict(sized=False), "2% more": dict(scale=51), "other sign": dict(w=1)})
def _(row: Any, step: Any, *, scale: int = 50, sized: bool = True, w: int = -1):
    return one_step(row, step, scale=scale, sized=sized, w=w)
