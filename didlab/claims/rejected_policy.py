r"""The policy of the rejected responses: Eq (1), section 3.5, Theorem L.1."""

from __future__ import annotations

from typing import Any

from ..carriers import carrier_of
from ..did import did_distribution
from ..engine.claim import claim
from ..engine.kinds import NearPowerLaw, Policies, PowerLaw
from ..engine.relations import Relation, both, equal, forall, iff, implies
from .formulas import differences, eq_1, population_stationary

OPTIMUM = r"\arg\max_\pi \mathbb{E}_{\mathcal{D}}[\log p(y_w \succ y_l \mid r)] = \pi^*"
EQ_1 = r"\pi_l \propto \pi_{ref}\left(\tfrac{\pi_{ref}}{\pi^*}\right)^{\beta}"


@claim(
    "did.eq-1",
    where="Eq (1)",
    title="The ideal policy for rejected responses",
    draws=(PowerLaw(),),
    statement=r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\beta} \iff \pi_l \propto \pi_{ref} \left(\frac{\pi_{ref}}{\pi^*}\right)^{\beta}",
    neighbours={
        "ratio inverted": {"invert": True},
        "exponent doubled": {"double": True},
        "reference dropped": {"drop": True},
        "3% off": {"slip": True},
    },
    measurements=("ideal_rejected",),
)
def ideal_policy(
    target: Any, reference: Any, rejected: Any, beta: Any, *, invert: bool = False, double: bool = False,
    drop: bool = False, slip: bool = False,
) -> Relation:
    a, b = (reference, target) if invert else (target, reference)
    ideal = eq_1(a, b, beta + beta if double else beta) - (reference if drop else 0 * reference)
    margins = differences(rejected)
    law = differences(beta * (target - reference))
    return both(
        equal(margins * 33 / 32 if slip else margins, differences(ideal), "log-margins of pi_l and Eq (1)"),
        equal(differences(reference - rejected), law, "log-margins of the two DIDs"),
    )


@claim(
    "did.thm-l.1",
    where="Theorem L.1",
    title="DPO's optimum is the target exactly when rejected responses follow Eq (1)",
    draws=(NearPowerLaw(),),
    statement=rf"{OPTIMUM},\; r = \beta\log\tfrac{{\pi}}{{\pi_{{ref}}}} \iff {EQ_1}",
    reading="population loss over independent pairs; the maximum is where the gradient is 0, by strict concavity",
    neighbours={
        "exponent squared": {"power": 2},
        "reward without beta": {"drop": True},
        "reference inverted": {"invert": True},
        "reward 1% off": {"slip": True},
    },
)
def optimum_iff_eq_1(
    target: Any, reference: Any, rejected: Any, beta: Any, *, power: int = 1, drop: bool = False, invert: bool = False,
    slip: bool = False,
) -> Relation:
    ratio = target - reference
    reward = ratio if drop else beta * ratio
    exponent = beta if power == 1 else beta * beta
    ideal = eq_1(reference - ratio if invert else target, reference, exponent)
    optimal = forall(population_stationary(reference, rejected, reward * 101 / 100 if slip else reward))
    return iff(optimal, forall(equal(differences(rejected), differences(ideal), "log-margins of pi_l and Eq (1)")))


@claim(
    "did.thm-l.1.uniqueness",
    where="Appendix L, last sentence",
    title="The rejected distribution is uniquely determined",
    draws=(NearPowerLaw(),),
    statement=rf"\text{{given }} \pi_{{ref}}, \pi^*, \beta: \quad {OPTIMUM} \implies {EQ_1}",
    reading="chosen and rejected responses drawn independently; dependent pairs are outside this reading",
    neighbours={
        "exponent dropped": {"drop": True},
        "ratio inverted": {"invert": True},
        "margins 3% off": {"slip": True},
    },
)
def rejected_is_unique(
    target: Any, reference: Any, rejected: Any, beta: Any, *, drop: bool = False, invert: bool = False,
    slip: bool = False,
) -> Relation:
    ratio = target - reference
    exponent = beta / beta if drop else beta
    ideal = differences(eq_1(reference - ratio if invert else target, reference, exponent))
    optimal = forall(population_stationary(reference, rejected, beta * ratio))
    return implies(
        optimal, forall(equal(differences(rejected), ideal * 33 / 32 if slip else ideal, "log-margins of pi_l"))
    )


@claim(
    "did.sec-3.5.construction",
    where="Section 3.5",
    title="theta_l = 2 theta_ref - theta* makes the two DIDs equal",
    draws=(Policies("target", "reference"),),
    statement=r"\theta_l = 2\theta_{ref} - \theta^* \implies q_{\pi_{ref}/\pi_l} = q_{\pi^*/\pi_{ref}}",
    neighbours={"coefficient 3": {"coefficient": 3}, "arguments swapped": {"swap": True}, "3% off": {"slip": True}},
)
def construction(
    target: Any, reference: Any, *, coefficient: int = 2, swap: bool = False, slip: bool = False
) -> Relation:
    c = carrier_of(target)
    rejected = coefficient * reference - target
    q = c.exp(did_distribution(target, reference))
    other = did_distribution(rejected, reference) if swap else did_distribution(reference, rejected)
    return equal(c.exp(other), q * 33 / 32 if slip else q, "DID")
