r"""Appendix G: log-margin orderings with scales, and the power law (x and y as in `orderings`)."""

from __future__ import annotations

from typing import Any

from ..engine.claim import claim
from ..engine.kinds import Numbers, PowerLaw
from ..engine.relations import Relation, equal, forall, iff, implies
from .formulas import margin_gains
from .orderings import THREE, every_threshold, proportional, same_order


@claim(
    "did.app-g.order-implies-power-law",
    where="Appendix G, (1) to (2)",
    title="Scaled log-margin orderings imply a power law",
    draws=(*THREE, Numbers("alpha"), Numbers("beta")),
    statement=r"\exists \alpha, \beta > 0\; \forall y_w, y_l:\; (\alpha x > 0 \iff \beta y > 0) \implies \exists \gamma > 0:\; "
    r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\gamma}",
    reading="plain order; for a given pair of scales",
)
def scaled_order_implies_power_law(target: Any, reference: Any, rejected: Any, alpha: Any, beta: Any) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    return implies(same_order(alpha[..., None] * x, beta[..., None] * y), proportional(x, y))


@scaled_order_implies_power_law.corrected(
    r"\left(\forall T > 0\; \forall y_w, y_l:\; \alpha x > T \iff \beta y > T\right) \iff \alpha x = \beta y, "
    r"\text{ the power law with } \gamma = \beta/\alpha",
    draws=(PowerLaw(beta="gamma"), Numbers("alpha"), Numbers("beta")),
    neighbours={"scales exchanged": {"swap": True}, "plain order": {"plain": True}, "scales ignored": {"ignore": True}},
)
def every_scaled_threshold(
    target: Any, reference: Any, rejected: Any, gamma: Any, alpha: Any, beta: Any, *, swap: bool = False,
    plain: bool = False, ignore: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    a, b = (beta, alpha) if swap else (alpha, beta)
    left, right = alpha[..., None] * x, beta[..., None] * y
    law = forall(equal(x, y)) if ignore else forall(equal(a[..., None] * x, b[..., None] * y))
    return iff(same_order(left, right) if plain else every_threshold(left, right), law)


@claim(
    "did.app-g.power-law-implies-order",
    where="Appendix G, (2) to (1)",
    title="A power law makes suitably scaled log-margins equal",
    draws=(PowerLaw(beta="gamma"), Numbers("alpha")),
    statement=r"q_{\pi_{ref}/\pi_l} \propto q_{\pi^*/\pi_{ref}}^{\gamma} \implies \alpha x = \beta y \text{ for } \beta = \alpha\gamma, "
    r"\text{ hence } \alpha x > T \iff \beta y > T \text{ for every } T",
    neighbours={"exponent inverted": {"invert": True}, "exponent dropped": {"drop": True}, "3% off": {"slip": True}},
)
def power_law_scales(
    target: Any, reference: Any, rejected: Any, gamma: Any, alpha: Any, *, invert: bool = False, drop: bool = False,
    slip: bool = False,
) -> Relation:
    x, y = margin_gains(target, reference, rejected)
    a = alpha[..., None]
    g = gamma[..., None]
    right = y if drop else y / g if invert else g * y
    return forall(equal(a * x, a * (right * 33 / 32 if slip else right), "scaled gains"))
