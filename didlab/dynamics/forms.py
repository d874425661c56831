"""The closed-form gradient of many objectives at once, as tensors: the formulas of `kernel`, configurations last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..objectives import scalars as s
from .kernel import HINGE, LOGISTIC, NORMALISED, PROJECTED, SQUARE
from .tiles import kind_of

__all__ = ["FormGradient"]


class FormGradient:
    """Gradients in the logits of a list of objectives and update rules, sorted by link inside."""

    def __init__(self, configurations: list[Any], tensor: Callable[[Any], torch.Tensor]) -> None:
        self.links = np.array([kind_of(c)[0] for c in configurations])
        self.rows = tensor(np.array([c.form.row() for c in configurations]).T)[:, None, None, :]
        self.order = torch.from_numpy(np.argsort(self.links, kind="stable"))
        self.back = torch.argsort(self.order).to(self.rows.device)
        self.order = self.order.to(self.rows.device)
        self.rows = self.rows[..., self.order]
        self.links = np.sort(self.links)
        self.has = {n: bool((self.rows[n] != 0).any()) for n in (s.ODDS, s.PENALTY, s.PULL, s.GAIN_W, s.GAIN_L)}

    def __call__(
        self, theta: torch.Tensor, reference: torch.Tensor, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor,
        batch: int,
    ) -> torch.Tensor:
        """The mean gradient, shape (problems, K, configurations)."""
        size = theta.shape[1]
        ref = reference.reshape(-1, size, 1)
        log_p = torch.log_softmax(theta[..., self.order], 1)
        p = log_p.exp()
        one = torch.zeros_like(reference)
        rows = one.index_add(0, chosen, number).reshape(ref.shape)
        cols = one.index_add(0, rejected, number).reshape(ref.shape)
        a, b, da, db = self._scores(log_p, p, ref)
        down, up = self._meet(a, b, chosen, rejected, number)
        up, down = up * db, down * da
        g = up - down + self._terms(log_p - ref, rows, cols)
        g = (g - p * g.sum(1, keepdim=True)) / batch
        self._rules(g, p, up - down, rows / batch, cols / batch, batch)
        return g[..., self.back]

    def _scores(self, v: torch.Tensor, p: torch.Tensor, ref: torch.Tensor) -> tuple[torch.Tensor, ...]:
        r = self.rows
        b, slope = r[s.SCALE] * v - r[s.REFERENCE] * ref, r[s.SCALE].expand(v.shape)
        if self.has[s.ODDS]:
            rest = torch.clamp(1 - p, min=1e-17)
            b, slope = b + r[s.ODDS] * (v - rest.log()), slope + r[s.ODDS] / rest
        a, slope_a = b, slope
        if self.has[s.PENALTY]:
            lost = r[s.PENALTY] * (v < ref)
            a, slope_a = b - lost * (ref - v), slope + lost
        return a, b + r[s.OFFSET], slope_a * r[s.WEIGHT], slope * r[s.WEIGHT]

    def _meet(
        self, a: torch.Tensor, b: torch.Tensor, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums of n phi over the rows and the columns of the drawn cells."""
        shape, flat = a.shape, (a.shape[0] * a.shape[1], -1)
        down, up = torch.zeros_like(a), torch.zeros_like(a)
        for kinds, phi in (((LOGISTIC,), self._logistic), ((NORMALISED,), self._logistic), ((HINGE,), self._hinge),
                           ((SQUARE,), self._square)):
            where = np.flatnonzero(np.isin(self.links, kinds))
            if not len(where):
                continue
            here = slice(int(where[0]), int(where[-1]) + 1)
            w = phi(a[..., here], b[..., here], flat, chosen, rejected).mul_(number)
            zero = w.new_zeros((flat[0], w.shape[1]))
            down[..., here] = zero.index_add(0, chosen, w).reshape(*shape[:2], -1)
            up[..., here] = zero.index_add_(0, rejected, w).reshape(*shape[:2], -1)
        return down, up

    @staticmethod
    def _logistic(a: torch.Tensor, b: torch.Tensor, flat: Any, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        top = torch.maximum(a.amax(1, keepdim=True), b.amax(1, keepdim=True))
        a, b = (torch.clamp(x - top, min=-80.0 if x.dtype == torch.float32 else -700.0).exp().reshape(flat) for x in (a, b))
        other = b.index_select(0, rejected)
        return other.div_(a.index_select(0, chosen).add_(other))

    @staticmethod
    def _hinge(a: torch.Tensor, b: torch.Tensor, flat: Any, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        a, b = a.reshape(flat), b.reshape(flat)
        return (a.index_select(0, chosen) < b.index_select(0, rejected)).to(a.dtype)

    @staticmethod
    def _square(a: torch.Tensor, b: torch.Tensor, flat: Any, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        a, b = a.reshape(flat), b.reshape(flat)
        return (a.index_select(0, chosen) - b.index_select(0, rejected)).mul_(-2.0)

    def _terms(self, h: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor) -> torch.Tensor:
        r = self.rows
        total = -r[s.NLL] * rows
        if self.has[s.PULL]:
            total = total + 2 * r[s.PULL] * ((h - r[s.TARGET]) * rows + (h + r[s.TARGET]) * cols)
        if self.has[s.GAIN_W] or self.has[s.GAIN_L]:
            share = torch.sigmoid(r[s.STEEP] * h - r[s.ORIGIN])
            total = total + r[s.STEEP] * share * (1 - share) * (r[s.GAIN_L] * cols - r[s.GAIN_W] * rows)
        return total

    def _rules(self, g: torch.Tensor, p: torch.Tensor, pull: torch.Tensor, rows: Any, cols: Any, batch: int) -> None:
        """Overwrite the columns of the update rules."""
        where = torch.from_numpy(self.links == PROJECTED).to(g.device)
        if bool(where.any()):
            w, l = p[..., where] - rows, p[..., where] - cols  # noqa: E741
            alpha = torch.clamp((w * l).sum(1, keepdim=True), min=0.0)
            g[..., where] = w - alpha / torch.clamp((l * l).sum(1, keepdim=True), min=1e-300) * l
        where = torch.from_numpy(self.links == NORMALISED).to(g.device)
        if bool(where.any()):
            q = p[..., where]
            norm = torch.clamp((q * q).sum(1, keepdim=True) - 2 * q + 1, min=1e-30).sqrt()
            x = pull[..., where] / norm
            g[..., where] = (x - q * x.sum(1, keepdim=True)) / batch
