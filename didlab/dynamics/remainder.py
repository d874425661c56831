r"""The order in the step size of what the first-order prediction misses: measured, and classified where there is none.

The remainder of a log-probability is :math:`-\sum_t \log E_{s_t} e^{\eta u_t}` with :math:`u_t = \delta_t -
E_{s_t}\delta_t`, so its coefficients are cumulants: it vanishes for every step size if its second-order coefficient
does. That of the margin is a difference of two, whose second-order terms may cancel while others stay. With
:math:`\lvert\eta u\rvert \le \epsilon`, terms beyond the second order are at most :math:`\epsilon/3` of it (and of the
sum of both, for a margin), to first order in :math:`\epsilon`: the range of step sizes is chosen by that bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arguments import instance
from ..sequences.model import token_residuals
from .one_step import PairStep

__all__ = ["KINDS", "Order", "measure_order"]

KINDS = ("quadratic", "no step", "no remainder", "cancels")
TOP = 0.05  # the largest |eta u|: higher orders then bend the slope by at most 0.05 / 3 at the top of the range
DECADES, PER_DECADE = 4, 4
CANCELS = 1e-7  # a margin whose second-order terms agree to this share is not told from one where they cancel
ROUNDING = 2.0**-48  # of the largest entry: differences below it are rounding


@dataclass(frozen=True, eq=False)
class Order:
    """How the remainder of one log-probability, or of the margin, goes with the step size, for each pair.

    ============  ==============================================================================
    quadratic     it has a second-order term; `order` is the fitted exponent
    no step       the update does not move the parameters at all, as of an inactive hinge
    no remainder  the step shifts each row of logits by a constant or not at all: it is 0
    cancels       (margin) second-order terms cancel: the order is higher, or there is no remainder
    ============  ==============================================================================

    Attributes:
        kind: one of `KINDS` for each pair, shape (n,).
        order: slope of log remainder over log step size, not a number unless quadratic, shape (n,).
        sizes: step sizes, over four decades, shape (n, points).
        values: remainders in nats, shape (n, points).
    """

    kind: np.ndarray
    order: np.ndarray
    sizes: np.ndarray
    values: np.ndarray

    def counts(self) -> dict[str, int]:
        """How many pairs are of each kind.

        >>> Order(np.array(["quadratic", "no step"]), np.zeros(2), np.ones((2, 1)), np.ones((2, 1))).counts()
        {'quadratic': 1, 'no step': 1, 'no remainder': 0, 'cancels': 0}
        """
        return {kind: int((self.kind == kind).sum()) for kind in KINDS}


def measure_order(step: PairStep) -> dict[str, Order]:
    r"""The order of the remainder of the chosen and rejected log-probabilities and of their margin.

    Step sizes go over four decades from the largest that keeps :math:`\lvert\eta u\rvert` at 0.05 along the pair (for a
    margin, at 0.05 of the share of the second-order terms that does not cancel). Remainders are evaluated without
    cancellation in float64, see `one_step`.

    Args:
        step: a step on a batch of pairs of float64 parameters, tokens of shape (n, L).

    Returns:
        `Order` by "chosen", "rejected" and "margin".

    Raises:
        ArgumentError: not a step.

    >>> from didlab.dynamics.one_step import pair_step
    >>> from didlab.objectives import get
    >>> from didlab.sequences.prefix_table import PrefixTable
    >>> found = measure_order(pair_step(PrefixTable(np.zeros((1, 3))), [[0]], [[1]], get("dpo")))
    >>> found["chosen"].order.round(2).tolist(), found["margin"].kind.tolist()
    ([2.0], ['cancels'])
    """
    instance("step", step, PairStep, "a PairStep", "Make it with pair_step.")
    sides = {"chosen": step.chosen, "rejected": step.rejected}
    reach = {name: _reach(step, y) for name, y in sides.items()}
    second = {name: step.curvature(y).sum(-1) for name, y in sides.items()}
    still = _still(step)
    out = {}
    for name, y in sides.items():
        kind = np.where(still, "no step", np.where(reach[name] == 0, "no remainder", "quadratic"))
        out[name] = _fit(kind, step, (y,), np.where(reach[name] == 0, 1, reach[name]))
    total, difference = -sum(second.values()), second["chosen"] - second["rejected"]
    share = abs(difference) / np.where(total == 0, 1, total)
    far = np.maximum(*reach.values())
    kind = np.where(share > CANCELS, "quadratic", "cancels")
    kind = np.where(still, "no step", np.where(far == 0, "no remainder", kind))
    scale = np.where(far == 0, 1, far) / np.where(share > CANCELS, share, 1)
    return {**out, "margin": _fit(kind, step, tuple(sides.values()), scale)}


def _reach(step: PairStep, sequences: np.ndarray) -> np.ndarray:
    """The largest |u| along each sequence; 0 where rows of logits are shifted by constants, up to rounding."""
    s, u = step.spread(sequences)
    entries = abs(step.model.features(sequences))[..., None] * _size(step)[..., None, :, :]
    noise = ROUNDING * entries.max((-1, -2, -3))
    largest = np.where(s > 0, abs(u), 0).max((-1, -2))
    return np.where((largest > noise) & ((s * u * u).sum((-1, -2)) > 0), largest, 0.0)


def _size(step: PairStep) -> np.ndarray:
    """How large the entries of the direction could be if its two parts did not cancel."""
    p_w, p_l = (abs(p)[..., None, None] for p in step.pull)
    return p_w * _terms(step, step.chosen) + p_l * _terms(step, step.rejected)


def _terms(step: PairStep, y: np.ndarray) -> np.ndarray:
    return abs(step.model.features(y)).swapaxes(-1, -2) @ abs(token_residuals(step.model, y))


def _still(step: PairStep) -> np.ndarray:
    """Whether the direction is 0, up to the rounding of the two parts it is the sum of."""
    return (abs(step.direction) <= ROUNDING * _size(step)).all((-1, -2))


def _fit(kind: np.ndarray, step: PairStep, sequences: tuple[np.ndarray, ...], scale: np.ndarray) -> Order:
    """Remainders of one response, or of a first less a second, and their least-squares slopes in logarithms."""
    unit = replace(step, direction=step.direction / scale[:, None, None])  # |u| is at most 1, the share that counts
    sizes = TOP * np.logspace(0, -DECADES, DECADES * PER_DECADE + 1)
    values = np.stack([_less([unit.remainder(y, size).sum(-1) for y in sequences]) for size in sizes], -1)
    fitted = kind == "quadratic"
    x, y = np.log(sizes), np.log(np.where(fitted[:, None], abs(values), 1.0))
    x = x - x.mean()
    slope = (x * y).sum(-1) / (x * x).sum()
    return Order(kind, np.where(fitted, slope, np.nan), sizes / scale[:, None], values)


def _less(x: list[np.ndarray]) -> np.ndarray:
    return x[0] if len(x) == 1 else x[0] - x[1]
