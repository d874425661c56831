"""The bounds once more in ball arithmetic: what is certain about a solution, with nothing proved by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...arguments import one_whole, several
from .solve import Solution

__all__ = ["Certificate", "certify"]


@dataclass(frozen=True)
class Certificate:
    r"""Balls for one solution.

    Attributes:
        value: :math:`F(q)`, in units of the rewards: the policy attains at least this.
        gap: :math:`\log\max_y g_y`, a bound on :math:`\beta(F^* - F(q))`, in nats.
        upper: value + gap / beta: the optimum is at most this.
    """

    value: Any
    gap: Any
    upper: Any


def certify(solutions: Sequence[Solution], *, precision: int = 64) -> tuple[Certificate, ...]:
    r"""Value and gap of solutions in ball arithmetic, from their priors, the rewards and the weights, taken as exact.

    Args:
        solutions: of one problem or several.
        precision: bits of the balls.

    Returns:
        one certificate for each.

    Raises:
        ArgumentError: not solutions, or a precision below 53.

    >>> from didlab.solvers.rate_distortion import rate_distortion
    >>> found = certify([rate_distortion([[1.0, 0.0], [0.0, 1.0]], 1.0)])[0]
    >>> bool(found.gap < 1e-15), found.value
    (True, [0.62011450695...])
    """
    from flint import ctx

    bits = one_whole("precision", precision, 53)
    solutions = several("solutions", solutions, Solution, "solutions of rate_distortion")
    made: dict[int, Any] = {}
    with ctx.workprec(bits):
        return tuple(_certify(s, made) for s in solutions)


def _certify(solution: Solution, made: dict[int, Any]) -> Certificate:
    from flint import arb, arb_mat

    p = solution.problem
    if id(p) not in made:
        rows: Any = p.rewards[p.seen].tolist()
        made[id(p)] = [[arb(x) - arb(max(row)) for x in row] for row in rows]
    beta = arb(solution.beta)
    table = arb_mat([[(beta * d).exp() for d in row] for row in made[id(p)]])
    q = arb_mat([[arb(x)] for x in solution.prior.tolist()])
    weights = [arb(w) for w in p.prompts[p.seen].tolist()]
    total = sum(weights, arb(0))
    z: list[Any] = [row[0] for row in (table * q).tolist()]
    g = (arb_mat([[w / total / x for w, x in zip(weights, z, strict=True)]]) * table).tolist()[0]
    mass: Any = sum((arb(x) for x in solution.prior.tolist()), arb(0))
    largest = g[0]
    for x in g[1:]:
        largest = largest.max(x)
    tops = p.rewards[p.seen].max(1).tolist()
    value: Any = sum((w * (arb(m) + x.log() / beta) for w, m, x in zip(weights, tops, z, strict=True)), arb(0)) / total
    value -= mass.log() / beta
    gap = (largest * mass).log()
    return Certificate(value, gap, value + gap / beta)
