r"""Expected change of the log-likelihoods of chosen and rejected responses: closed forms, signs and zero cases.

With the ideal rejected policy (Eq 1), :math:`\log\pi_l = \log\pi_{ref} - \beta(\log\pi^* - \log\pi_{ref}) - \log N` and
:math:`\log N = \beta D[\pi_{ref}\|\pi^*] + D[\pi_{ref}\|\pi_l]`; both likelihoods fall, the rejected one by more.
"""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.kinds import PowerLaw
from ..engine.relations import (
    Relation,
    at_least,
    both,
    equal,
    greater,
    iff,
)
from ..information import kl_divergence
from .concentration import changed
from .displacement import CHOSEN, PAIR, change

REJECTED = r"\mathbb{E}_{y_l \sim \pi_l}\!\left[\log \pi^*(y_l) - \log \pi_{ref}(y_l)\right]"
TRIPLE = (PowerLaw(),)
LAW = r"\pi_l \propto \pi_{ref} \left(\tfrac{\pi_{ref}}{\pi^*}\right)^{\beta}"


@claim("did.likelihood.chosen", where="section 4.2", title="Expected change of the chosen log-likelihood", draws=TRIPLE,
       statement=rf"{CHOSEN} = -D_{{KL}}[\pi_{{ref}} \,\|\, \pi^*], \quad {LAW}", measurements=("kl_divergence", "log_ratio"),
       reading="our own statement, for every real beta above 0; the sign and the zero case are sub-entries",
       neighbours={"arguments swapped": {"turn": True}, "sign flipped": {"sign": -1}, "2 % larger": {"factor": (51, 50)}})
def likelihood_chosen(target: Any, reference: Any, *, turn: bool = False, sign: int = 1,
                      factor: tuple[int, int] = (1, 1)) -> Relation:
    d = kl_divergence(target, reference) if turn else kl_divergence(reference, target)
    return equal(factor[1] * change(target, reference, reference), -sign * factor[0] * d, "expected change of the "
                                                                                          "chosen")


@claim("did.likelihood.chosen.sign", where="section 4.2", title="The chosen log-likelihood falls unless nothing "
                                                                "changes", draws=PAIR,
       statement=rf"{CHOSEN} \le 0, \text{{ with equality iff }} \pi^* = \pi_{{ref}}", measurements=("log_ratio",),
       reading="our own statement: the sign and the zero case",
       neighbours={"never 0": {"always": True}, "by a hundredth of a nat": {"margin": 1}, "rises": {"flip": True}})
def likelihood_chosen_sign(target: Any, reference: Any, *, always: bool = False, margin: int = 0, flip: bool = False) -> Relation:
    return _fall(change(target, reference, reference), changed(target, reference), always, margin, flip)


def _fall(c: Any, moved: Relation, always: bool, margin: int, flip: bool) -> Relation:
    c = (-100 if flip else 100) * c
    falls = greater(-margin, c, "0 and the expected change")
    return falls if always else both(at_least(-margin if margin else 0, c), iff(falls, moved))


@claim("did.likelihood.rejected", where="section 4.2 with Eq (1)", title="Expected change of the rejected "
                                                                         "log-likelihood", draws=TRIPLE,
       statement=rf"{REJECTED} = -D_{{KL}}[\pi_{{ref}} \,\|\, \pi^*] - \tfrac1\beta\left(D_{{KL}}[\pi_{{ref}} "
                 rf"\,\|\, \pi_l] + "
                 rf"D_{{KL}}[\pi_l \,\|\, \pi_{{ref}}]\right), \quad {LAW}",
       reading="our own statement, for every real beta above 0 (multiplied by beta in the check); the sign and the "
               "zero case are sub-entries", measurements=("ideal_rejected", "kl_divergence", "log_ratio"),
       neighbours={"one divergence dropped": {"keep": 0}, "sign flipped": {"sign": -1}, "beta dropped": {"free": True},
                   "2 % larger": {"factor": (51, 50)}})
def likelihood_rejected(target: Any, reference: Any, rejected: Any, beta: Any, *, keep: int = 1, sign: int = 1, free: bool = False,
                        factor: tuple[int, int] = (1, 1)) -> Relation:
    b = 1 if free else beta[..., 0]
    c, d = change(target, reference, rejected), kl_divergence(reference, target)
    both_ways = keep * kl_divergence(reference, rejected) + kl_divergence(rejected, reference)
    left, right = b * (c + d), -sign * both_ways
    return equal(factor[1] * left, factor[0] * right, "expected change of the rejected")


@claim("did.likelihood.rejected.sign", where="section 4.2 with Eq (1)", draws=TRIPLE, measurements=("ideal_rejected", "log_ratio"),
       title="The rejected log-likelihood falls unless nothing changes",
       statement=rf"{REJECTED} \le 0, \text{{ with equality iff }} \pi^* = \pi_{{ref}}, \quad {LAW}",
       reading="our own statement: the sign and the zero case",
       neighbours={"never 0": {"always": True}, "by a hundredth of a nat": {"margin": 1}, "rises": {"flip": True}})
def likelihood_rejected_sign(target: Any, reference: Any, rejected: Any, *, always: bool = False, margin: int = 0,
                             flip: bool = False) -> Relation:
    return _fall(change(target, reference, rejected), changed(target, reference), always, margin, flip)


@claim("did.likelihood.rejected.margin", where="section 4.2 with Eq (1)", draws=TRIPLE, measurements=("ideal_rejected", "log_ratio"),
       title="The rejected log-likelihood falls more than the chosen one",
       statement=rf"\beta\left({CHOSEN} - {REJECTED}\right) = D_{{KL}}[\pi_{{ref}} \,\|\, \pi_l] + D_{{KL}}[\pi_l "
                 rf"\,\|\, \pi_{{ref}}]",
       reading="our own statement: the expected gain of the log-margin",
       neighbours={"one divergence only": {"keep": 0}, "sign flipped": {"sign": -1}, "beta dropped": {"free": True},
                   "2 % larger": {"factor": (51, 50)}})
def likelihood_margin(target: Any, reference: Any, rejected: Any, beta: Any, *, keep: int = 1, sign: int = 1, free: bool = False,
                      factor: tuple[int, int] = (1, 1)) -> Relation:
    gain = change(target, reference, reference) - change(target, reference, rejected)
    both_ways = keep * kl_divergence(reference, rejected) + kl_divergence(rejected, reference)
    return equal(factor[1] * ((1 if free else beta[..., 0]) * gain), sign * factor[0] * both_ways, "expected gain "
                                                                                                   "of the margin")
