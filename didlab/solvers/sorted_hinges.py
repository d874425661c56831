r"""The exact optimum of hinge losses over many outcomes: no :math:`K^2` work, the ties from sorted scores.

.. math:: F(\theta) = \sum_{ij} p_i q_j \max(0, y_{ij}) + \lambda \sum_i (e^{\theta_i} - p_i\theta_i),
    \qquad y_{ij} = c - s(\theta_i - \theta_j)

has the minimum of the loss (hinges do not see a common shift; along it F is least where the probabilities sum to 1) and
a sparse Hessian. The hinge is rounded to the parabola :math:`(y + \mu)^2/4\mu` for :math:`|y| < \mu`. At the minimum of
the rounded loss the slopes :math:`(y + \mu)/2\mu` are multipliers in [0, 1], and the pairs within the band are few:
sorted scores list them. Once :math:`\mu` is below the smallest margin that is not tied, the band holds the ties; the
closed form of `piecewise` then gives the minimum, and the multipliers, completed at that point, prove it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Hinges", "Solved", "solve"]

FIRST, LAST, SHRINK, ENOUGH = 1.0, 1e-12, 0.2, 1e-13
PAIRS_FOR_EACH = 400  # the most pairs in the band for each outcome
DIRECT_UP_TO, STIFF = 12, 1e-4  # pairs in the band for each outcome; mu: below it only clusters of ties are left


class Hinges(NamedTuple):
    """The numbers of the loss above."""

    p: np.ndarray
    q: np.ndarray
    s: float
    c: float
    nll: float


class Solved(NamedTuple):
    """The logits, the smallest subgradient found there, Newton steps, and the number of ties (-1: none proved)."""

    theta: np.ndarray
    residual: np.ndarray
    steps: int
    ties: int


class _Rounded:
    """The rounded loss at one point: the pairs within the band, and the gradient."""

    def __init__(self, h: Hinges, theta: np.ndarray, mu: float) -> None:
        self.h, self.theta, self.mu = h, theta, mu
        z, t = h.s * theta, h.s * theta - h.c  # y_ij = z_j - t_i
        order = np.argsort(z, kind="stable")
        sorted_z = z[order]
        self.low, self.high = np.searchsorted(sorted_z, t - mu, "right"), np.searchsorted(sorted_z, t + mu, "left")
        self.order, self.z, self.t = order, z, t

    @property
    def size(self) -> int:
        """How many pairs are within the band."""
        return int((self.high - self.low).sum())

    def compute(self) -> _Rounded:
        h, mu, order = self.h, self.mu, self.order
        count = self.high - self.low
        ends = np.cumsum(count)
        self.i = np.repeat(np.arange(len(count)), count)
        self.j = order[np.arange(self.size) - np.repeat(ends - count, count) + self.low[self.i]]
        self.w = h.p[self.i] * h.q[self.j]
        self.m = np.clip((self.z[self.j] - self.t[self.i] + mu) / (2 * mu), 0.0, 1.0)
        above_q = np.append(np.cumsum(h.q[order][::-1])[::-1], 0.0)[self.high]
        tops = np.argsort(self.t + mu, kind="stable")
        below = np.append(0.0, np.cumsum(h.p[tops]))[np.searchsorted((self.t + mu)[tops], self.z, "right")]
        n, wm = len(h.p), self.w * self.m
        self.outside = h.s * (h.q * below - h.p * above_q)
        inside = h.s * (np.bincount(self.j, wm, n) - np.bincount(self.i, wm, n))
        self.gradient = self.outside + inside + h.nll * (np.exp(self.theta) - h.p)
        return self

    def along(self, mu: float) -> np.ndarray:
        """The logits to expect at another mu: the pairs within the band keep their multipliers to first order."""
        change = self.h.s * self.w * (self.t[self.i] - self.z[self.j]) / (2 * self.mu**2)
        n = len(self.theta)
        pull = np.bincount(self.j, change, n) - np.bincount(self.i, change, n)
        move = (mu - self.mu) * self.step(pull)
        return self.theta + move * min(1.0, 1.0 / float(np.abs(move).max(initial=1.0)))

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """-H^-1 g: H is a Laplacian of the band plus a diagonal, with the slopes added to it.

        An outcome far above the probability it must have then comes down by 1 at most, whatever its curvature.
        """
        from scipy.sparse import coo_matrix, diags
        from scipy.sparse.linalg import cg, splu

        h, n = self.h, len(self.theta)
        bend = h.s**2 * self.w / (2 * self.mu)
        both = coo_matrix((np.append(bend, bend), (np.append(self.i, self.j), np.append(self.j, self.i))), (n, n))
        both = both.tocsc()
        diagonal = np.asarray(both.sum(1)).ravel() + h.nll * np.exp(self.theta) + np.abs(self.gradient)
        matrix = (diags(diagonal) - both).tocsc()
        if self.size <= DIRECT_UP_TO * n or self.mu < STIFF:
            return -splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(gradient)
        size = float(np.linalg.norm(gradient))
        step, _ = cg(matrix, -gradient, rtol=min(0.1, size**0.5), maxiter=400, M=diags(1 / matrix.diagonal()))
        return step


def solve(h: Hinges, start: np.ndarray) -> Solved | None:
    """The minimum of the loss, with its subgradient as proof; None where too many pairs stay within the band.

    >>> found = solve(Hinges(np.array([0.5, 0.5]), np.array([0.2, 0.8]), 1.0, 1.0, 1.0), np.zeros(2))
    >>> bool(abs(found.residual).max() < 1e-15)
    True
    """
    theta, mu, steps = start, FIRST, 0
    most = PAIRS_FOR_EACH * len(theta)
    while _Rounded(h, theta, mu).size > most:
        mu *= SHRINK
        if mu < LAST:
            return None
    best: tuple[np.ndarray, np.ndarray, int] | None = None
    here = _Rounded(h, theta, mu).compute()
    while True:
        here, n = _descend(here, most)
        steps += n
        found = _exact(here) if mu < 1e-2 else None
        if found is not None and (best is None or np.linalg.norm(found[1]) < np.linalg.norm(best[1])):
            best = found
        mu *= SHRINK
        if mu < LAST or (best is not None and np.linalg.norm(best[1]) <= ENOUGH):
            break
        here = _Rounded(h, here.along(mu), mu).compute()
    return Solved(here.theta, here.gradient, steps, -1) if best is None else Solved(best[0], best[1], steps, best[2])


def _descend(here: _Rounded, most: int) -> tuple[_Rounded, int]:
    """Newton's method until a step changes no multiplier by more than a hundredth; the number of steps."""
    for n in range(1, 200):
        step = here.step(here.gradient)
        there = _better(here, step, most)
        if there is None:
            return here, n
        here = there
        if here.h.s * np.abs(step).max() <= here.mu / 100:
            return here, n
    return here, 200


def _better(here: _Rounded, step: np.ndarray, most: int) -> _Rounded | None:
    """A point along the step where the slope has not turned to more than a tenth upwards.

    The loss is convex: its slopes tell on which side of the minimum a point is, with digits that values do not have.
    """
    slope = float(here.gradient @ step)
    t = min(1.0, 2.0 / float(np.abs(step).max(initial=2.0)))
    while slope < 0 and t > 1e-12:
        there = _Rounded(here.h, here.theta + t * step, here.mu)
        if there.size <= 4 * most and float(there.compute().gradient @ step) <= -0.1 * slope:
            return there
        t /= 2
    return None


def _exact(here: _Rounded) -> tuple[np.ndarray, np.ndarray, int] | None:
    """The minimum if the pairs within the band are tied, its subgradient, and the number of ties; else None."""
    h, n = here.h, len(here.theta)
    forest = _Forest(here.i, here.j, n)
    if h.c and not forest.consistent:
        return None
    mass = np.bincount(forest.group, h.p - here.outside / h.nll)
    if not (mass > 0).all():
        return None
    shift = forest.level * (h.c / h.s)
    theta = shift + (np.log(mass) - np.log(np.bincount(forest.group, np.exp(shift))))[forest.group]
    there = _Rounded(h, theta, 1e-14 * n**0.5 * (1 + h.s * float(np.abs(theta).max())))
    if there.size > 4 * (here.size + n):
        return None
    there.compute()
    y = here.z[there.j] - here.t[there.i]
    free = np.abs(y) < here.mu
    if free.sum() != here.size:
        return None
    # levels that are whole numbers tie more pairs than are needed: those have multipliers 0 or 1
    forest = _Forest(there.i, there.j, n, free)
    rest = there.outside + h.nll * (np.exp(theta) - h.p)
    residual = forest.complete(rest, h.s * there.w, np.clip((y + here.mu) / (2 * here.mu), 0.0, 1.0))
    return theta, residual, int((there.i != there.j).sum())


class _Forest:
    """The ties as a graph: groups, the level of each outcome in its group (theta is level c/s up to a common shift).

    Only the `free` ones of the pairs (i, j) are edges.
    """

    def __init__(self, i: np.ndarray, j: np.ndarray, n: int, free: np.ndarray | None = None) -> None:
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import breadth_first_order, connected_components

        self.i, self.j, self.n = i, j, n
        self.other = np.flatnonzero((i != j) & (free if free is not None else True))
        a, b = i[self.other], j[self.other]
        tied = coo_matrix((np.ones(len(a)), (a, b)), (n, n))
        count, self.group = connected_components(tied, directed=False)
        _, first = np.unique(self.group, return_index=True)
        ends = np.append(a, np.full(count, n)), np.append(b, first)  # one more node, joined to each group
        whole = coo_matrix((np.ones(len(ends[0])), ends), (n + 1, n + 1)).tocsr()
        order, parent = breadth_first_order(whole, n, directed=False)
        self.order = order[1:]
        keys = a * n + b
        by = np.argsort(keys)
        up = parent[self.order]
        self.edge, self.sign = np.full(n, -1), np.zeros(n, dtype=np.int64)
        for sign, key in ((1, self.order * n + up), (-1, up * n + self.order)):
            at = np.minimum(np.searchsorted(keys[by], key), max(len(keys) - 1, 0))
            found = (up < n) & (self.sign[self.order] == 0) & (keys[by][at] == key if len(keys) else False)
            self.edge[self.order[found]], self.sign[self.order[found]] = self.other[by[at[found]]], sign
        self.parent = parent
        level = np.zeros(n + 1, dtype=np.int64)
        for k in self.order:
            if self.edge[k] >= 0:
                level[k] = level[parent[k]] + self.sign[k]
        self.level = level[:n]
        self.consistent = bool((self.level[a] == self.level[b] + 1).all())

    def complete(self, rest: np.ndarray, w: np.ndarray, m: np.ndarray) -> np.ndarray:
        """rest + the slopes of the ties, their multipliers in [0, 1] corrected along the forest from its leaves."""
        m = m.copy()
        left = rest + self._slopes(w, m)
        for k in self.order[::-1]:
            e = self.edge[k]
            if e >= 0:
                m[e] += self.sign[k] * left[k] / w[e]
                left[self.parent[k]] += left[k]
        return rest + self._slopes(w, np.clip(m, 0.0, 1.0))

    def _slopes(self, w: np.ndarray, m: np.ndarray) -> np.ndarray:
        wm = w * m
        return np.bincount(self.j, wm, self.n) - np.bincount(self.i, wm, self.n)
