"""The closed-form gradient of many objectives at once, as tensors: the formulas of `kernel`, configurations last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..objectives import scalars as s
from .kernel import HINGE, LOGISTIC, NORMALISED, PROJECTED, SQUARE
from .tiles import kind_of

__all__ = ["FormGradient", "policy"]

Tensor = torch.Tensor


def policy(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and log-probabilities of logits, outcomes on axis 1."""
    p = torch.softmax(theta, 1)
    return p, theta - (theta.amax(1, keepdim=True) - p.amax(1, keepdim=True).log_())


class FormGradient:
    """Gradients in the logits of a list of objectives and update rules, which must be sorted by link."""

    def __init__(self, configurations: list[Any], tensor: Callable[[Any], Tensor]) -> None:
        links = np.array([kind_of(c)[0] for c in configurations])
        self.rows = tensor(np.array([c.form.row() for c in configurations]).T)[:, None, None, :]
        self.odds = self._columns(s.ODDS)
        self.penalty = self._columns(s.PENALTY)
        self.nll = self._columns(s.NLL)
        self.pull = self._columns(s.PULL)
        self.gain = self._columns(s.GAIN_W, s.GAIN_L)
        self.parts = {}
        for link in (LOGISTIC, HINGE, SQUARE, PROJECTED, NORMALISED):
            where = np.flatnonzero(links == link)
            if len(where):
                self.parts[link] = slice(int(where[0]), int(where[-1]) + 1)

    def _columns(self, *coefficients: int) -> tuple[slice, Tensor] | None:
        """The columns from the first to the last that has a coefficient, and their rows."""
        found = (self.rows[list(coefficients)] != 0).any(0)[0, 0].nonzero()
        if not len(found):
            return None
        here = slice(int(found.min()), int(found.max()) + 1)
        return here, self.rows[..., here]

    def __call__(
        self,
        theta: Tensor,
        reference: Tensor,
        chosen: Tensor,
        rejected: Tensor,
        number: Tensor,
        batch: int,
    ) -> Tensor:
        """The mean gradient, shape (problems, K, configurations)."""
        shape = theta.shape
        ref = reference.reshape(-1, shape[1], 1)
        p, log_p = policy(theta)
        a, b, da, db = self._scores(log_p, p, ref)
        for link in (LOGISTIC, NORMALISED):
            if link in self.parts:
                self._exponentiate(a, b, self.parts[link])
        own = a.reshape(-1, shape[2]).index_select(0, chosen)
        met = b.reshape(-1, shape[2] + 1).index_select(0, rejected)  # to hold phi, and a column of ones for the numbers
        for link, meet in ((LOGISTIC, _logistic), (NORMALISED, _logistic), (HINGE, _hinge), (SQUARE, _square)):
            if link in self.parts:
                meet(own[:, self.parts[link]], met[:, self.parts[link]])
        met.mul_(number)
        down, up = (torch.zeros_like(b) for _ in range(2))
        down.flatten(0, 1).index_add_(0, chosen, met)
        up.flatten(0, 1).index_add_(0, rejected, met)
        rows, cols, down, up = down[..., -1:], up[..., -1:], down[..., :-1], up[..., :-1]
        pull = up.mul_(db).sub_(down.mul_(da))
        g = self._add_terms(pull.clone() if NORMALISED in self.parts else pull, log_p, ref, rows, cols)
        g = g.addcmul_(p, g.sum(1, keepdim=True), value=-1.0).mul_(1 / batch)
        self._rules(g, p, pull, rows / batch, cols / batch, batch)
        return g

    def _scores(self, v: Tensor, p: Tensor, ref: Tensor) -> tuple[Tensor, ...]:
        r = self.rows
        b, da = (
            torch.addcmul(r[s.SCALE] * v, r[s.REFERENCE], ref, value=-1.0),
            (r[s.SCALE] * r[s.WEIGHT]).expand(v.shape),
        )
        if self.odds is not None:
            here, q = self.odds
            rest = torch.clamp(1 - p[..., here], min=1e-17)
            b[..., here] += q[s.ODDS] * (v[..., here] - rest.log())
            da = da.clone()
            da[..., here] += q[s.WEIGHT] * q[s.ODDS] / rest
        a, db = b, da
        if self.penalty is not None:
            here, q = self.penalty
            lost = q[s.PENALTY] * (v[..., here] < ref)
            a, da = b.clone(), da.clone()
            a[..., here] -= lost * (ref - v[..., here])
            da[..., here] += q[s.WEIGHT] * lost
        wide = b.new_ones((*b.shape[:2], b.shape[2] + 1))
        torch.add(b, r[s.OFFSET], out=wide[..., :-1])
        return a, wide, da, db

    def _exponentiate(self, a: Tensor, b: Tensor, here: slice) -> None:
        """Scores to their exponentials, divided by the largest, in place."""
        a, b, low = a[..., here], b[..., here], -80.0 if a.dtype == torch.float32 else -700.0
        if self.penalty is not None:
            top = torch.maximum(a.amax(1, keepdim=True), b.amax(1, keepdim=True))
            b.sub_(top).clamp_(min=low).exp_()
            a.sub_(top).clamp_(min=low).exp_()
            return
        a.sub_(a.amax(1, keepdim=True)).clamp_(min=low).exp_()
        torch.mul(a, torch.exp(torch.clamp(self.rows[s.OFFSET, ..., here], max=-low)), out=b)

    def _add_terms(self, g: Tensor, v: Tensor, ref: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
        if self.nll is not None:
            here, q = self.nll
            g[..., here].addcmul_(q[s.NLL], rows, value=-1.0)
        if self.pull is not None:
            here, q = self.pull
            h = v[..., here] - ref
            g[..., here] += 2 * q[s.PULL] * ((h - q[s.TARGET]) * rows + (h + q[s.TARGET]) * cols)
        if self.gain is not None:
            here, q = self.gain
            share = torch.sigmoid(q[s.STEEP] * (v[..., here] - ref) - q[s.ORIGIN])
            g[..., here] += q[s.STEEP] * share * (1 - share) * (q[s.GAIN_L] * cols - q[s.GAIN_W] * rows)
        return g

    def _rules(self, g: Tensor, p: Tensor, pull: Tensor, rows: Tensor, cols: Tensor, batch: int) -> None:
        """Overwrite the columns of the update rules."""
        if PROJECTED in self.parts:
            here = self.parts[PROJECTED]
            w, l = p[..., here] - rows, p[..., here] - cols  # noqa: E741
            alpha = torch.clamp((w * l).sum(1, keepdim=True), min=0.0)
            g[..., here] = w - alpha / torch.clamp((l * l).sum(1, keepdim=True), min=1e-30) * l
        if NORMALISED in self.parts:
            here = self.parts[NORMALISED]
            q = p[..., here]
            norm = torch.clamp((q * q).sum(1, keepdim=True) - 2 * q + 1, min=1e-30).sqrt()
            x = pull[..., here] / norm
            g[..., here] = (x - q * x.sum(1, keepdim=True)) / batch


def _logistic(own: Tensor, other: Tensor) -> None:
    """B / (A + B), into `other`."""
    other.div_(own.add_(other))


def _hinge(own: Tensor, other: Tensor) -> None:
    other.gt_(own)


def _square(own: Tensor, other: Tensor) -> None:
    other.sub_(own).mul_(2.0)
