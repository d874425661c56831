"""DPO-PG moves mass to the modes of the reference: the last paragraph of Appendix H."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..dynamics.projected import dpo_pg_direction
from ..engine.claim import claim
from ..engine.models import LocalModel
from ..engine.relations import Relation, equal, forall, greater, implies
from .projected_formulas import TABLE, at, direction, dot

__all__: list[str] = []


# ---------------------------------------------------------------------------------------------- Reinforcement

FIRST = LocalModel("logits", batch=(1,), at_mode=0.7)
UNEVEN = "the reference is not uniform"
AT_MODE = r"y_w \text{ is a mode of } \pi_{ref}"


def first_change(p: Any, v: Any) -> Any:
    """Change of the probabilities of a softmax policy along the step -v of its logits, to first order."""
    return p * (dot(p, v) - v)


def modes(p: Any) -> Any:
    """1 at the modes, 0 elsewhere."""
    return np.asarray(p == p.max(-1, keepdims=True)).astype(np.int64)


def uneven(p: Any) -> Relation:
    return greater(p.max(-1, keepdims=True), p.min(-1, keepdims=True), UNEVEN)


@claim(
    "did.app-h.reinforcement", where="App H, last paragraph", title="DPO-PG moves mass to the modes of the reference",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies"
              r"\text{the step } \Delta\theta \text{ raises the mass on the modes of } \pi_{ref}",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order in the step size; reinforcing as defined in section 4.1, "
            "'concentrating probability mass on modes of the reference'.",
    note="The appendix does not ask for it; section 4.2 says of chosen responses that they are often close to regions that the "
         "reference finds likely, which is less.",
    neighbours={"the opposite": dict(form="ascent"), "projection of the rejected": dict(form="swapped"),
                "by half the square of the step": dict(quarters=2), "by a quarter of it": dict(quarters=1),
                "the least likely for the modes": dict(least=True)},
)
def mass_on_modes(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed",
                  quarters: int = 0, least: bool = False):
    v = direction(chosen_gradient, rejected_gradient, form)
    change = first_change(probability, v)
    at_modes = modes(-probability if least else probability)
    return implies(uneven(probability), greater(dot(at_modes, change), quarters * dot(v, v) / 4,
                                                "first-order change of the mass on the modes"))


@mass_on_modes.assuming(AT_MODE)
def chosen_is_mode(probability: Any, chosen: Any):
    return equal(at(modes(probability), chosen), 1, "the chosen response is a mode")


@claim(
    "did.app-h.reinforcement.exactly", where="App H, last paragraph",
    title="Exactly when DPO-PG moves mass to the modes",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies \text{the mass on the modes of } \pi_{ref}"
              r"\text{ rises if } y_w \text{ is a mode, and falls if it is not}",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order; not in the paper: the sharp form.",
    neighbours={"falls if the rejected is a mode": dict(test="rejected"),
                "rises if the chosen is not the least likely": dict(test="least"),
                "difference of the gradients": dict(form="contrast"),
                "rises if likelier than the rejected": dict(test="likelier")},
)
def mass_exactly(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, rejected: Any, *,
                 form: str = "printed", test: str = "mode"):
    v = direction(chosen_gradient, rejected_gradient, form)
    gain = dot(modes(probability), first_change(probability, v))
    match test:
        case "mode":
            sign = 2 * at(modes(probability), chosen) - 1
        case "rejected":
            sign = 1 - 2 * at(modes(probability), rejected)
        case "least":
            sign = 1 - 2 * at(modes(-probability), chosen)
        case _:
            sign = 2 * np.asarray(at(probability, chosen) > at(probability, rejected)).astype(np.int64) - 1
    return implies(uneven(probability), greater(sign * gain, 0, "the gain of the modes, with the sign that is claimed"))


@claim(
    "did.app-h.reinforcement.entropy", where="App H, last paragraph", title="DPO-PG lowers the entropy of the policy",
    statement=r"\pi_\theta = \pi_{ref} \text{ not uniform} \implies"
              r"\text{the step } \Delta\theta \text{ lowers } H(\pi_\theta)",
    draws=(FIRST,), symbolic=(),
    reading=TABLE + "The first step, one pair, to first order in the step size.",
    neighbours={"the opposite": dict(form="ascent"), "projection of the rejected": dict(form="swapped"),
                "by the square of the step": dict(quarters=4), "by a quarter of it": dict(quarters=1)},
)
def entropy_falls(probability: Any, chosen_gradient: Any, rejected_gradient: Any, *, form: str = "printed",
                  quarters: int = 0):
    v = direction(chosen_gradient, rejected_gradient, form)
    change = first_change(probability, v)
    fall = dot(change, carrier_of(probability).log(probability))
    return implies(uneven(probability), greater(fall, quarters * dot(v, v) / 4, "first-order fall of the entropy"))


entropy_falls.assuming(AT_MODE)(chosen_is_mode)


@claim(
    "did.app-h.reinforcement.each", where="App H, last paragraph", title="DPO-PG makes each chosen response likelier",
    statement=r"\Delta\theta \ne 0 \implies \text{each } \log\pi(y_w^{(i)}) \text{ of the batch increases, to first order}",
    draws=(LocalModel("logits", batch=(2, 3)),), symbolic=(),
    reading=TABLE + "Every response of the batch by itself, not their mean as in Theorem H.4.",
)
def each_chosen(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    return implies(greater(dot(v, v), 0, "the step is not 0"),
                   forall(greater(dot(probability, v) - at(v, chosen), 0, "first-order change of each log-likelihood")))


@each_chosen.corrected(
    r"\text{The mean of the } \log\pi(y_w^{(i)}) \text{ increases by } \eta\|v\|^2 \text{, to first order}", symbolic=(),
    neighbours={"difference of the gradients": dict(form="contrast"), "roles swapped": dict(form="swapped"),
                "norm of the other gradient": dict(form="norm of the chosen"), "reflected": dict(form="reflected"),
                "the sum": dict(sums=True)})
def mean_chosen(probability: Any, chosen_gradient: Any, rejected_gradient: Any, chosen: Any, *, form: str = "printed",
                sums: bool = False):
    v = direction(chosen_gradient, rejected_gradient, form)
    total = (dot(probability, v) - at(v, chosen)).sum(-1, keepdims=True)
    return equal(total, dot(v, v) * (1 if sums else chosen.shape[-1]), "first-order change of the sum of the log-likelihoods")
