r"""The three signs of Theorem 3 (Eqs 11, 12, 13) in models whose positions share parameters or share none."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..engine.claim import claim
from ..engine.relations import Relation, at_least, equal, forall
from ..engine.responses import Responses
from ..sequences.linear import residuals
from .gip_tokens_edit import ANY_ROWS, HIDDEN, PAL_ROWS, SETUP, changes
from .token_models import (
    LAST_LAYER,
    LOGITS,
    POSITIONS,
    PREFIXES,
    at_position,
    features,
    residual_gap,
    token_changes,
    token_products,
    where,
)

__all__: list[str] = []

def value_of_changes(model: str, chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any, hidden_l: Any, *,
                     suffix: int = 1, crossed: int = 1) -> Any:
    """First-order changes of the chosen's tokens, without what cancels: the products with the common prefix."""
    f_w, f_l = features(model, chosen, rejected, hidden_w, hidden_l)
    w, l = residuals(rows_w, chosen), residuals(rows_l, rejected)  # noqa: E741
    differ = (chosen != rejected)[..., None, :]
    overlap = ((f_w @ f_w.swapaxes(-1, -2)) * differ).sum(-1)
    later = where("after", np.ones(chosen.shape[-1], dtype=np.int64), chosen, rejected)[..., None, :]
    own = (f_w @ f_w.swapaxes(-1, -2)) * (w @ w.swapaxes(-1, -2))
    other = (f_w @ f_l.swapaxes(-1, -2)) * (w @ l.swapaxes(-1, -2))
    return overlap * residual_gap(w, chosen, rejected) + suffix * ((own - crossed * other) * later).sum(-1)


VALUE = (r"\Delta\log\pi(y_w^i) = \langle\phi_i, \phi_m\rangle\,(r_w^i[j^*] - r_w^i[k^*]) + \sum_{t>m}"
         r"\langle r_w^i, \langle\phi_i, \phi_w^t\rangle r_w^t - \langle\phi_i, \phi_l^t\rangle r_l^t\rangle"
         r" \text{ at every } i \text{: the gradients of the common prefix cancel}")


def shared_value(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
                 model: str, scale: int = 50, suffix: int = 1, crossed: int = 1) -> Relation:
    pair = dict(chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w, hidden_l=hidden_l)
    value = value_of_changes(model, suffix=suffix, crossed=crossed, **pair)
    return forall(equal(changes(model, **pair)[0], scale * value / 50, "change of each token"))


SHARED = {"2% more": dict(scale=51), "without the suffix": dict(suffix=0), "without the rejected suffix": dict(crossed=0)}


def before_unchanged(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
                     model: str = "positions", at: bool = False, other: bool = True) -> Relation:
    p = token_products(model, chosen, rejected, rows_w, rows_l, hidden_w, hidden_l)
    change = token_changes(p)[0] if other else p.ww.sum(-1)
    part = change * (chosen != rejected) if at else where("before", change, chosen, rejected)
    return forall(equal(part, 0, "changes before the differing token"))


def at_rises(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
             model: str) -> Relation:
    change, _ = changes(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w,
                        hidden_l=hidden_l)
    return at_least(at_position(change, chosen, rejected), 0, "change at the differing token")


def after_falls(chosen: Any, rejected: Any, rows_w: Any, rows_l: Any, hidden_w: Any = None, hidden_l: Any = None, *,
                model: str) -> Relation:
    change, _ = changes(model, chosen=chosen, rejected=rejected, rows_w=rows_w, rows_l=rows_l, hidden_w=hidden_w,
                        hidden_l=hidden_l)
    return forall(at_least(0, where("after", change, chosen, rejected), "changes after the differing token"))


UNCHANGED = r"\Delta\log\pi(y_w^i) \approx 0,\ i < m"
BEFORE = {"at the differing token too": dict(at=True), "the chosen gradient alone": dict(other=False),
          "one row for all positions": dict(model="logits")}

eq_11 = claim(
    "gip.eq-11", where="Eq 11", title="Nothing changes before the differing token", statement=UNCHANGED, draws=ANY_ROWS,
    symbolic=(), reading=SETUP + POSITIONS + "To first order, and exactly: the rows of these positions do not move.",
    neighbours=BEFORE,
)(before_unchanged)
eq_11_prefixes = claim(
    "gip.eq-11.own-logits", where="Eq 11", title="Nothing changes before the differing token: a row for each prefix",
    statement=UNCHANGED, draws=ANY_ROWS, symbolic=(), reading=SETUP + PREFIXES, neighbours=BEFORE,
)(partial(before_unchanged, model="prefixes"))

READINGS = {"shared-logits": ("logits", LOGITS, ANY_ROWS, PAL_ROWS, "one row of logits for all positions"),
            "last-layer": ("last layer", LAST_LAYER, (HIDDEN,), (Responses(hidden=True, prefers=True),), "the shared last layer")}
PAL = r"\text{assumption of Pal et al.} \implies "
SIGNS = {"eq-11": ("Eq 11", "Nothing changes before the differing token", UNCHANGED, before_unchanged),
         "eq-12": ("Eq 12", "The chosen token at the differing position rises", r"\Delta\log\pi(y_w^m) \ge 0", at_rises),
         "eq-13.sign": ("Eq 13", "The chosen tokens after the differing position do not rise",
                        r"\Delta\log\pi(y_w^i) \le 0,\ i > m", after_falls)}


def in_shared_model(name: str, reading: str) -> Any:
    """One of the three signs of Theorem 3 in a model whose positions share parameters, and what is true there."""
    where_, title, statement, check = SIGNS[name]
    model, text, plain, meets, short = READINGS[reading]
    made = claim(
        f"gip.{name}.{reading}", where=where_, title=f"{title}: {short}", statement=PAL + statement, draws=meets, symbolic=(),
        reading=SETUP + text + "To first order.",
    )(partial(check, model=model))
    made.corrected(VALUE, draws=plain, symbolic=(), neighbours=SHARED)(partial(shared_value, model=model))
    return made


eq_11_logits, eq_11_layer = (in_shared_model("eq-11", r) for r in READINGS)
eq_12_logits, eq_12_layer = (in_shared_model("eq-12", r) for r in READINGS)
eq_13_logits, eq_13_layer = (in_shared_model("eq-13.sign", r) for r in READINGS)
