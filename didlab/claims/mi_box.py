r"""Section 5.2 of Mutual Information DPO on compact domains: the log-odds of one pair within bounds.

Policy and prior have log-odds from -B to B, :math:`e = e^{-B}`, and the data choose one response :math:`n_w` times and
the other :math:`n_l` times. Without bounds the best odds of the policy are :math:`t\,Z`, with :math:`t = n_w/n_l` and
Z the odds of the prior; here they are clipped. alpha = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..engine.claim import claim
from ..engine.kinds import Integers, Numbers
from ..engine.relations import Relation, at_least, both, either, equal, greater, iff, implies, negation
from ..objectives import mi_dpo
from .mi_joint import LOSS

STEPS = 8  # of the way from one bound to the other


def steps(*names: str) -> Integers:
    return Integers(*names, axes=(1,), low=0, high=STEPS)


EDGE = Numbers("edge", below_one=True)
COUNTS = (Integers("wins", axes=(1,), low=1, high=9), Integers("losses", axes=(1,), low=0, high=9))
BOX = (EDGE, *COUNTS, steps("policy", "prior", "other"))
BOUNDS = r"|\log\tfrac{\pi_w}{\pi_l}|, |\log\tfrac{\zeta_w}{\zeta_l}| \le B"
ODDS = r"t = \tfrac{n_w}{n_l},\; Z = \tfrac{\hat\zeta_w}{\hat\zeta_l}"


def odds(edge: Any, steps: Any) -> Any:
    """Odds of the chosen response that many steps of the way from the bound e to the bound 1/e."""
    return edge + steps * (1 / edge - edge) / STEPS


def pair_loss(policy: Any, prior: Any) -> Any:
    """The loss of one pair from the odds of the chosen response under the policy and the prior."""
    c = carrier_of(policy)
    p, z = c.log(policy), c.log(prior)
    return mi_dpo.value(p, 0 * p, z, 0 * z)


def both_ways(policy: Any, prior: Any, wins: Any, losses: Any) -> Any:
    """The mean loss of a pair that is labelled both ways, from the odds of its first response."""
    return (wins * pair_loss(policy, prior) + losses * pair_loss(1 / policy, 1 / prior)) / (wins + losses)


def clipped(prior: Any, wins: Any, losses: Any, edge: Any) -> Any:
    """The odds of the best policy within [edge, 1 / edge] for a prior: its own times wins / losses, clipped."""
    top = np.asarray(prior * wins * edge >= losses).astype(bool)
    low = np.asarray(prior * wins <= losses * edge).astype(bool)
    inside = prior * wins / (losses + np.asarray(losses == 0).astype(int))
    return np.where(top, 1 / edge, np.where(low, edge, inside))


def fixed(edge: Any, prior: Any, wins: Any, losses: Any) -> Any:
    """The least loss within the bounds at a fixed prior."""
    return both_ways(clipped(prior, wins, losses, edge), prior, wins, losses)


def joint(edge: Any, wins: Any, losses: Any) -> Any:
    """The least loss within the bounds over policy and prior: the odds of their ratio lie within [edge^2, 1 / edge^2]."""
    one = 1 + 0 * edge
    return both_ways(clipped(one, wins, losses, edge * edge), one, wins, losses)


def outside(prior: Any, wins: Any, losses: Any, edge: Any) -> Relation:
    """The odds t Z lie outside the bounds."""
    return either(greater(prior * wins * edge, losses), greater(losses * edge, prior * wins))


def opposite(prior: Any, wins: Any, losses: Any, edge: Any) -> Relation:
    """The prior is at the bound that speaks against the data."""
    against = either(both(greater(wins, losses), equal(prior, edge)), both(greater(losses, wins), equal(prior, 1 / edge)))
    return against


@claim(
    "mi.sec-5.2.inequality.better", where="5.2", draws=BOX, symbolic=(),
    title="Optimising the prior gives a lower loss than any fixed prior",
    statement=rf"{BOUNDS}: \quad \hat\zeta \ne \zeta^* \implies \min_{{\pi,\zeta}} J < \min_\pi J(\pi,\hat\zeta), \quad {LOSS}",
    reading="better as strictly lower, on compact domains: one pair, bounds on log-odds; zeta* of any joint minimum, data labelled "
            "both ways or not; mi.sec-5.2.inequality.better.unrestricted has no bounds",
)
def better(edge: Any, wins: Any, losses: Any, prior: Any, other: Any) -> Relation:
    z, star, least = odds(edge, prior), odds(edge, other), joint(edge, wins, losses)
    return implies(equal(fixed(edge, star, wins, losses), least, "the other prior is of a joint minimum"),
                   either(equal(z, star), greater(fixed(edge, z, wins, losses), least, "minimum with the fixed prior and joint minimum")))


@better.corrected(
    rf"\min_{{\pi,\zeta}} J < \min_\pi J(\pi,\hat\zeta) \iff tZ \notin [e^{{-B}}, e^B] \text{{ and }} \hat\zeta \text{{ is not at the bound that speaks against the data}}, \quad {ODDS}",
    neighbours={"iff t Z is outside": {"bound": False}, "iff t is outside": {"own": False}, "by a hundredth at least": {"margin": 1},
                "never, as without bounds": {"never": True}})
def better_iff(edge: Any, wins: Any, losses: Any, policy: Any, prior: Any, other: Any, *, bound: bool = True,
               own: bool = True, never: bool = False, margin: int = 0) -> Relation:
    z, least, p = odds(edge, prior), joint(edge, wins, losses), odds(edge, policy)
    value, rival = fixed(edge, z, wins, losses), both_ways(p, odds(edge, other), wins, losses)
    lower = greater(value, least, "minimum with the fixed prior and joint minimum")
    if margin:
        lower = greater(100 * (value - least), margin)
    far = outside(z if own else 1 + 0 * z, wins, losses, edge)
    condition = both(far, negation(opposite(z, wins, losses, edge))) if bound else far
    return both(negation(lower) if never else iff(lower, condition), at_least(rival, least, "a rival pair and the joint minimum"),
                at_least(both_ways(p, z, wins, losses), value, "a rival policy and the best one at the fixed prior"))


@claim(
    "mi.sec-5.2.inequality.dice", where="5.2, last sentence", draws=BOX, symbolic=(),
    title="Where DICE has not reached the optimal prior, the joint loss is lower",
    statement=rf"{BOUNDS}: \quad \hat\zeta = \pi^{{(t-1)}} \ne \zeta^* \implies \min_{{\pi,\zeta}} J < \min_\pi J(\pi,\hat\zeta), \quad {LOSS}",
    reading="on compact domains: one pair, bounds on log-odds; the previous policy is what an earlier round on the same data found; "
            "zeta* of any joint minimum",
)
def dice(edge: Any, wins: Any, losses: Any, prior: Any, other: Any) -> Relation:
    z, star, least = clipped(odds(edge, prior), wins, losses, edge), odds(edge, other), joint(edge, wins, losses)
    return implies(equal(fixed(edge, star, wins, losses), least, "the other prior is of a joint minimum"),
                   either(equal(z, star), greater(fixed(edge, z, wins, losses), least, "losses of the round and of the joint minimum")))


@dice.corrected(
    r"\min_{\pi,\zeta} J < \min_\pi J(\pi,\pi^{(t-1)}) \iff t^2 Z \notin [e^{-B}, e^B], \quad t = \tfrac{n_w}{n_l},\; Z = \tfrac{\pi^{(t-2)}_w}{\pi^{(t-2)}_l}; "
    r"\text{ from a bound on, where } \pi^{(t-1)} = \pi^{(t)}, \text{ the loss is } \log 2",
    neighbours={"iff t Z is outside": {"power": 1}, "iff t^3 Z is outside": {"power": 3}, "by a hundredth at least": {"margin": 1}})
def dice_iff(edge: Any, wins: Any, losses: Any, policy: Any, prior: Any, other: Any, *, power: int = 2, margin: int = 0) -> Relation:
    z, least = odds(edge, prior), joint(edge, wins, losses)
    previous = clipped(z, wins, losses, edge)
    value, rival = fixed(edge, previous, wins, losses), both_ways(odds(edge, policy), odds(edge, other), wins, losses)
    gap = value - least
    stays = equal(clipped(previous, wins, losses, edge), previous)
    two = carrier_of(edge).log(2 + 0 * edge)
    return both(iff(greater(100 * gap, margin) if margin else greater(gap, 0, "loss of the round less joint minimum"),
                    outside(z, wins**power, losses**power, edge)),
                at_least(rival, least, "a rival pair and the joint minimum"), implies(stays, equal(value, two, "loss at the bound")))


@claim(
    "mi.sec-5.2.alternation", where="5.2", draws=BOX, symbolic=(),
    title="Alternating between policy and prior improves the minimum",
    statement=rf"{BOUNDS}: \quad \hat\pi = \arg\min_\pi J(\pi,\hat\zeta),\; (\hat\pi,\hat\zeta) \ne (\pi^*,\zeta^*) \implies \min_\zeta J(\hat\pi,\zeta) < J(\hat\pi,\hat\zeta), \quad {LOSS}",
    reading="the step of the prior after one of the policy, on compact domains: one pair, bounds on log-odds; (pi*, zeta*) is any joint minimum",
)
def alternation(edge: Any, wins: Any, losses: Any, policy: Any, prior: Any, other: Any) -> Relation:
    z, p, star = odds(edge, prior), odds(edge, policy), odds(edge, other)
    best = clipped(z, wins, losses, edge)
    moved = both_ways(best, after(best, wins, losses, edge), wins, losses)
    return implies(equal(both_ways(p, star, wins, losses), joint(edge, wins, losses), "the other pair is a joint minimum"),
                   either(both(equal(best, p), equal(z, star)), greater(both_ways(best, z, wins, losses), moved, "before and after the step")))


def after(policy: Any, wins: Any, losses: Any, edge: Any) -> Any:
    """The odds of the best prior within the bounds for a policy: its own times losses / wins, clipped."""
    return 1 / clipped(1 / policy, wins, losses, edge)


@alternation.corrected(
    rf"\min_\zeta J(\hat\pi,\zeta) < J(\hat\pi,\hat\zeta) \iff tZ \notin [e^{{-B}}, e^B] \text{{ and }} \hat\zeta \text{{ is not at the bound that speaks against the "
    rf"data}}, \quad {ODDS}; \text{{ the one step of the prior then reaches }} \min_{{\pi,\zeta}} J",
    neighbours={"iff t Z is outside": {"bound": False}, "iff t is outside": {"own": False}, "by a hundredth at least": {"margin": 1},
                "the prior moved the other way": {"back": True}})
def alternation_iff(edge: Any, wins: Any, losses: Any, policy: Any, prior: Any, other: Any, *, bound: bool = True,
                    own: bool = True, margin: int = 0, back: bool = False) -> Relation:
    z, least, rival = odds(edge, prior), joint(edge, wins, losses), odds(edge, other)
    best = clipped(z, wins, losses, edge)
    value, step = both_ways(best, z, wins, losses), after(best, losses if back else wins, wins if back else losses, edge)
    moved, gap = both_ways(best, step, wins, losses), 100 * (value - both_ways(best, step, wins, losses)) - margin
    far = outside(z if own else 1 + 0 * z, wins, losses, edge)
    return both(iff(greater(gap, 0, "gain of the step"), both(far, negation(opposite(z, wins, losses, edge))) if bound else far),
                equal(moved, least, "loss after the step and joint minimum"),
                at_least(both_ways(odds(edge, policy), rival, wins, losses), least, "a rival pair and the joint minimum"))
