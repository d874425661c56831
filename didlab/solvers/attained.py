r"""Is there a best policy, and only one? Decided from the objective and from which outcomes met in pairs.

A convex loss has a minimum iff no direction d of the logits lowers it forever: iff its slope at infinity is positive,
or 0 because the loss does not depend on d. For the losses of a margin of the logits and a likelihood that slope is
:math:`s\sum_{ij} W_{ij}\max(0, d_j - d_i) + \lambda\sum_i p_i(\max d - d_i)`:

* with a likelihood, 0 iff d is largest at every chosen outcome: the minimum exists iff every outcome is chosen
  sometimes, and is then the only one;
* without, 0 iff no outcome of a set that grows ever lost to one outside: the minimum exists and is the only one iff the
  graph "was chosen over" is strongly connected (Zermelo 1929, Ford 1957); the hinge, flat from its margin on, and the
  square, which is bounded by no direction, differ as told below.

ORPO is not convex in the logits, and yet its minimum is the only one. Write :math:`o_i` for the log-odds, with
:math:`o' = 1/(1-\pi)` and :math:`o'' = \pi o'^2`, and :math:`\ell_{ij} = f(a(o_i - o_j))` with f convex and falling.
The gradient in :math:`\log\pi` is :math:`G_i = -\lambda p_i + a\,o_i' T_i` with :math:`\sum_i T_i = 0`; where the
gradient in the logits is 0, :math:`G_i = S\pi_i` with :math:`S = \sum_i G_i`. There :math:`S < 0`: otherwise all
:math:`T_i = (S\pi_i + \lambda p_i)/(a\,o_i')` were positive. For directions y with :math:`\sum_i \pi_i y_i = 0` the
Hessian there is

.. math:: \sum_{ij} W_{ij} f''_{ij} a^2 (o_i' y_i - o_j' y_j)^2 + \lambda\sum_i o_i' \pi_i p_i y_i^2
    - S \sum_i \pi_i \frac{1 - 2\pi_i}{1 - \pi_i} y_i^2

and the last sum is not negative: at most one outcome, say the first, has :math:`\pi_1 > 1/2`, and then
:math:`\pi_1^2 y_1^2 = (\sum_{i>1} \pi_i y_i)^2` is at most the sum over i > 1 times
:math:`\sum_{i>1} \pi_i(1-\pi_i)/(1-2\pi_i) \le \pi_1(1-\pi_1)/(2\pi_1-1)`, as :math:`x(1-x)/(1-2x)` is convex and
0 at 0. So every stationary point is a strict minimum of a loss that grows in every direction; between two such minima
lies a stationary point that is none (a mountain pass): there is only one.

Regressions of each log-ratio (Cal-DPO, SPPO) grow along every direction. KTO is a sum of one sigmoid per outcome:
outcomes that are rejected more than chosen can lose their probability for free, so nothing attains the infimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance
from .population import PopulationLoss

__all__ = ["Existence", "existence"]


@dataclass(frozen=True)
class Existence:
    """Whether a loss has a minimum over all policies.

    Attributes:
        attained: some policy attains the infimum; None where this is not decided.
        unique: it is the only one; None where this is not decided before the minimum is known, or at all.
        escape: where the infimum is not attained, a direction of the logits along which the loss falls towards it.
        reason: why, in words.
    """

    attained: bool | None
    unique: bool | None
    escape: np.ndarray | None
    reason: str


def existence(loss: PopulationLoss) -> Existence:
    r"""Decides whether the population loss has a minimum over all policies, and whether it is unique.

    Args:
        loss: a population loss.

    Returns:
        the answer, with the direction of escape where there is no minimum.

    Raises:
        ArgumentError: not a population loss.

    >>> from didlab import objectives
    >>> found = existence(PopulationLoss(objectives.get("dpo"), weights=[[0, 1], [0, 0]]))
    >>> found.attained, found.escape
    (False, array([1., 0.]))
    >>> existence(PopulationLoss(objectives.get("dpo"), weights=[[0, 1], [2, 0]])).unique
    True
    """
    form = instance("loss", loss, PopulationLoss, "a PopulationLoss").objective.form
    seen = (loss.p > 0) | (loss.q > 0)
    if form.has("gain_w") or form.has("gain_l"):
        return _sigmoids(loss)
    if form.has("pull"):
        if seen.all():
            return Existence(True, None, None, "each log-ratio is regressed to a constant: the loss grows everywhere")
        return Existence(None, None, None, "outcomes that never occur can hold any probability; not decided")
    if form.has("nll"):
        if not (loss.p > 0).all():
            escape = (loss.p > 0).astype(float)
            return Existence(False, None, escape, "outcomes that are never chosen lose probability without end")
        if form.has("odds"):
            only = True if not form.has("scale") and not form.uses_reference else None
            return Existence(True, only, None, "the likelihood grows in every direction; stationary points are minima")
        return Existence(True, True, None, "the likelihood term is strictly convex and grows in every direction")
    if loss.weights is None:
        if form.link == "hinge":
            return Existence(True, None, None, "all pairs occur: the hinges grow in every direction")
        return Existence(True, True, None, "all pairs occur: the loss is strictly convex and grows in every direction")
    return _graph(loss)


def _graph(loss: PopulationLoss) -> Existence:
    """A margin without a likelihood, over a table of pairs."""
    from scipy.sparse.csgraph import connected_components

    form = loss.objective.form
    pairs = loss.weights > 0
    pairs = pairs & ~np.eye(len(pairs), dtype=bool)
    parts, _ = connected_components(pairs, directed=False)
    joined = parts == 1
    if form.link == "square":
        return Existence(True, joined, None, "a least-squares problem" + ("" if joined else " of unconnected outcomes"))
    if form.link == "hinge":
        return Existence(True, None if joined else False, None, "hinges are bounded below and piecewise linear")
    strong, component = connected_components(pairs, directed=True, connection="strong")
    if strong == 1:
        return Existence(True, True, None, "the outcomes beat one another in cycles that reach all of them")
    if strong == parts:
        return Existence(True, False, None, "no outcome of one group ever met one of another group")
    if form.has("penalty"):
        return Existence(None, None, None, "a group was never beaten from outside, at a penalty; not decided")
    edges = np.argwhere(pairs)
    links = {(component[i], component[j]) for i, j in edges if component[i] != component[j]}
    losers = {j for _, j in links}
    top = next(c for c in range(strong) if c not in losers and any(i == c for i, _ in links))
    return Existence(False, None, (component == top).astype(float), "a group of outcomes was never beaten from outside")


def _sigmoids(loss: PopulationLoss) -> Existence:
    """KTO: the loss is constant - sum of c_i sigma(beta h_i - z), with c_i = lam_w p_i - lam_l q_i."""
    form = loss.objective.form
    c: Any = form.gain_w * loss.p - form.gain_l * loss.q
    small = 1e-15 * (form.gain_w * loss.p + form.gain_l * loss.q)
    if (np.abs(c) <= small).all():
        return Existence(True, False, None, "chosen and rejected weights balance: the loss is constant")
    if (c < -small).any() and (c > small).any():
        return Existence(False, None, (c >= -small).astype(float), "outcomes rejected more than chosen vanish for free")
    return Existence(None, None, None, "weights of one sign on outcomes: the loss is not convex; not decided")
