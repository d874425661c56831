"""DPO-PG lowers every decreasing loss of the margin: Corollary H.5.1, its batches and its proof."""

from __future__ import annotations

from typing import Any

from ..dynamics.projected import dpo_pg_direction
from ..engine.claim import claim
from ..engine.models import LocalModel
from ..engine.relations import at_least, both, equal, forall, greater, iff, implies
from .projected_formulas import (
    ANY,
    MULTIPLE,
    TABLE,
    direction,
    dot,
    growth,
    identity_like,
    loss_descends,
    not_multiple,
    not_zero,
    one_of,
    positive,
    rows,
    steepness,
)
from .projected_steps import moves

__all__: list[str] = []


# ---------------------------------------------------------------------------------------------- Corollary H.5.1

H51 = (r"f' < 0,\ \beta > 0 \implies \Delta\theta \text{ is a descent direction of }"
       r" f\left(\beta\log\frac{\pi_\theta(y_w)}{\pi_{ref}(y_w)}"
       r" - \beta\log\frac{\pi_\theta(y_l)}{\pi_{ref}(y_l)}\right)")
H51_NEIGHBOURS = {"max dropped": dict(form="hyperplane"), "roles swapped": dict(form="swapped"),
                  "sign flipped": dict(form="ascent")}




@claim("did.cor-h.5.1", where="Cor H.5.1", title="DPO-PG lowers every decreasing loss of the margin: one pair",
       statement=H51, draws=(LocalModel(batch=(1,), reference=True),), symbolic=(),
       neighbours={**H51_NEIGHBOURS, "not projected": dict(form="unprojected"), "reflected": dict(form="reflected")},
       reading=ANY + "One pair, f = -log sigmoid, beta = 1: another f or beta changes the slope by a positive factor. "
               + "Neither gradient is 0, nor that of the margin, which is less than what is printed.")
def margin_descends(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                    chosen: Any, rejected: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    grow = (rows(jacobian, chosen) - rows(jacobian, rejected)).sum(-2)
    return implies(both(not_zero(chosen=chosen_gradient, rejected=rejected_gradient),
                        greater(dot(grow, grow), 0, "the gradient of the margin is not 0")),
                   loss_descends(v, s, jacobian, chosen, rejected))


margin_descends.assuming(MULTIPLE)(moves)


@claim("did.cor-h.5.1.softmax", where="Cor H.5.1",
       title="DPO-PG lowers every decreasing loss of the margin: softmax policy, one pair",
       statement=H51, draws=(LocalModel("logits", batch=(1,), reference=True),), symbolic=(), neighbours=H51_NEIGHBOURS,
       reading=TABLE + "One pair, f = -log sigmoid, beta = 1.")
def margin_descends_softmax(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any,
                            chosen: Any, rejected: Any, *, form: str = "printed"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    return loss_descends(v, s, identity_like(probability), chosen, rejected)


@claim(
    "did.app-h.margin", where="App H, before Def H.1", title="DPO-PG raises the log-margin",
    statement=r"\Delta\theta \ne 0 \implies \text{the mean log-margin }"
              r" \frac1M\sum_i \log\frac{\pi_\theta(y_w^{(i)})}{\pi_\theta(y_l^{(i)})}"
              r" \text{ increases, to first order}",
    draws=(LocalModel(batch=(1, 2, 3)),), symbolic=(),
    reading="Any parameters and batches; the mean over the batch, as in Definition H.1.",
    note="The mean of the margins rises; a loss of the margins need not fall: did.cor-h.5.1.batch.",
    neighbours={"each margin": dict(each=True), "roles swapped": dict(form="swapped"),
                "not projected": dict(form="unprojected"),
                "by more than the square of the direction": dict(more=True)},
)
def margin_rises(chosen_gradient: Any, rejected_gradient: Any, jacobian: Any, chosen: Any, rejected: Any, *,
                 form: str = "printed", each: bool = False, more: bool = False):
    v = direction(chosen_gradient, rejected_gradient, form)
    gain = growth(v, jacobian, chosen, rejected) * -1 if each else dot(v, chosen_gradient - rejected_gradient)
    square = dot(v, v)
    return implies(greater(square, 0, "the step is not 0"),
                   forall(greater(gain, square if more else 0, "first-order gain of the margin")))


WEIGHTED = (r"\text{With } s_i = -\beta f'(m_i) \text{ at the margin } m_i \text{ of pair } i,\ "
            r"G_w = \frac{1}{M}\sum_i s_i \nabla(-\log\pi(y_w^{(i)})),"
            r"\ G_l = \frac{1}{M}\sum_i s_i \nabla(-\log\pi(y_l^{(i)})),"
            r"\ \text{the step } -\eta\left(G_w - \frac{\max(0, G_w\cdot G_l)}{\|G_l\|^2} G_l\right)"
            r"\text{ is a descent direction of the batch loss iff } G_w \text{ is not a non-negative multiple of } G_l")
BATCH = (r"\Delta\theta \ne 0 \implies \Delta\theta \text{ is a descent direction of }"
         r" \frac{1}{M}\sum_{i=1}^M f\left(\beta\log\frac{\pi_\theta(y_w^{(i)})}{\pi_{ref}(y_w^{(i)})}"
         r" - \beta\log\frac{\pi_\theta(y_l^{(i)})}{\pi_{ref}(y_l^{(i)})}\right)")
WEIGHTED_NEIGHBOURS = {"as printed: not weighted": dict(weigh="none"), "inverse weights": dict(weigh="inverse"),
                       "only the chosen weighted": dict(weigh="chosen"),
                       "weights squared": dict(weigh="squared"), "sign flipped": dict(weigh="flipped")}


def weighted_gradients(p: Any, jacobian: Any, chosen: Any, rejected: Any, s: Any, *,
                       only: str = "both") -> tuple[Any, Any]:
    """Sums over the pairs of weight times gradient of the negative log-likelihood."""
    mean = (p[..., None] * jacobian).sum(-2)[..., None, :]
    g_w = (s[..., None] * (mean - rows(jacobian, chosen))).sum(-2)
    g_l = ((one_of(s) if only == "chosen" else s)[..., None] * (mean - rows(jacobian, rejected))).sum(-2)
    return g_w, g_l


def batch_descends(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                   chosen: Any, rejected: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    s = steepness(probability, reference, chosen, rejected)
    return implies(greater(dot(v, v), 0, "the step is not 0"), loss_descends(v, s, jacobian, chosen, rejected))


def weighted_descends(probability: Any, reference: Any, jacobian: Any, chosen: Any, rejected: Any, *,
                      weigh: str = "slope"):
    s = steepness(probability, reference, chosen, rejected)
    w = {"slope": s, "none": one_of(s), "inverse": one_of(s) / s, "chosen": s,
         "squared": s * s, "flipped": s}[weigh]
    g_w, g_l = weighted_gradients(probability, jacobian, chosen, rejected, w, only=weigh)
    v = dpo_pg_direction(g_w, g_l)
    if weigh == "flipped":
        v = g_w * 2 - v
    return iff(loss_descends(v, s, jacobian, chosen, rejected), not_multiple(g_w, g_l))


batch = claim(
    "did.cor-h.5.1.batch", where="Cor H.5.1", title="DPO-PG lowers every decreasing loss of the margin: batches",
    statement=BATCH, draws=(LocalModel(batch=(2, 3), reference=True),), symbolic=(),
    reading="Any parameters, f = -log sigmoid (the DPO loss), beta = 1, and only where the step is not 0, which is "
            "less than what is printed.",
    note="The proof is for one pair: the slopes f' of different pairs differ, and Definition H.1 weighs the pairs "
         "equally. Where all the slopes are equal, as at the start of training, the corrected direction is the printed one.",
)(batch_descends)
batch.corrected(WEIGHTED, symbolic=(), neighbours=WEIGHTED_NEIGHBOURS)(weighted_descends)


@claim(
    "did.cor-h.5.1.batch.softmax", where="Cor H.5.1", symbolic=(),
    title="DPO-PG lowers every decreasing loss of the margin: softmax policy, batches", statement=BATCH,
    draws=(LocalModel("logits", batch=(2, 3), reference=True),),
    reading=TABLE + "f = -log sigmoid, beta = 1, and only where the step is not 0.",
)
def batch_descends_softmax(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any,
                           chosen: Any, rejected: Any):
    jacobian = identity_like(probability)
    return batch_descends(chosen_gradient, rejected_gradient, probability, reference, jacobian, chosen, rejected)


@batch_descends_softmax.corrected(WEIGHTED, symbolic=(), neighbours=WEIGHTED_NEIGHBOURS)
def weighted_descends_softmax(probability: Any, reference: Any, chosen: Any, rejected: Any, *, weigh: str = "slope"):
    return weighted_descends(probability, reference, identity_like(probability), chosen, rejected, weigh=weigh)


@claim(
    "did.cor-h.5.1.proof", where="Cor H.5.1, proof", title="The displayed steps of the proof of Corollary H.5.1",
    statement=r"\Delta\theta\cdot\nabla f = \beta f'\, \Delta\theta\cdot(\nabla L(y_w) - \nabla L(y_l)),\quad"
              r" \Delta\theta\cdot\nabla L(y_w) > 0,\quad \Delta\theta\cdot\nabla L(y_l) \le 0",
    draws=(LocalModel(batch=(1,), reference=True),), symbolic=(),
    reading="L is the negative log-likelihood of Definition H.1, as it is called there; one pair, f = -log sigmoid, "
            "beta = 1, the step not 0.",
    note="With L the log-likelihood all three have the right sign, and with L the negative one the two slips cancel in "
         "the proof's conclusion.",
)
def displayed(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
              chosen: Any, rejected: Any):
    v = dpo_pg_direction(chosen_gradient, rejected_gradient)
    s = steepness(probability, reference, chosen, rejected)
    change = dot(s, growth(v, jacobian, chosen, rejected))  # along -v, of f: f' = -s, the margin grows by -v.grow
    return implies(greater(dot(v, v), 0, "the step is not 0"), both(
        equal(change, -s * dot(-v, chosen_gradient - rejected_gradient), "the gradient of f along the step"),
        greater(dot(-v, chosen_gradient), 0, "the slope of L of the chosen"),
        at_least(0, dot(-v, rejected_gradient), "the slope of L of the rejected"),
    ))


@displayed.corrected(
    r"\Delta\theta\cdot\nabla f = -\beta f'\, \Delta\theta\cdot(\nabla L(y_w) - \nabla L(y_l)),\quad"
    r" \Delta\theta\cdot\nabla L(y_w) = -\eta\|v\|^2 \le 0,\quad"
    r" \Delta\theta\cdot\nabla L(y_l) = \eta\max(0, -\nabla L(y_w)\cdot\nabla L(y_l)) \ge 0",
    symbolic=(),
    neighbours={"printed sign of the first step": dict(sign=-1), "max dropped": dict(form="hyperplane"),
                "norm of the chosen gradient": dict(size="chosen"), "not projected": dict(form="unprojected"),
                "roles swapped": dict(form="swapped")})
def displayed_corrected(chosen_gradient: Any, rejected_gradient: Any, probability: Any, reference: Any, jacobian: Any,
                        chosen: Any, rejected: Any, *,
                        sign: int = 1, form: str = "printed", size: str = "direction"):
    v = direction(chosen_gradient, rejected_gradient, form)
    s = steepness(probability, reference, chosen, rejected)
    change = dot(s, growth(v, jacobian, chosen, rejected))
    length = dot(chosen_gradient, chosen_gradient) if size == "chosen" else dot(v, v)
    return both(
        equal(change, sign * s * dot(-v, chosen_gradient - rejected_gradient), "the gradient of f along the step"),
        equal(dot(v, chosen_gradient), length, "minus the slope of L of the chosen"),
        equal(dot(-v, rejected_gradient), positive(-dot(chosen_gradient, rejected_gradient)),
              "the slope of L of the rejected"),
    )
