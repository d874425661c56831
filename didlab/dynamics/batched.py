"""The batched torch engine: one tensor program for all problems and configurations, any differentiable loss, any device.

Logits lie as (problem x outcome, configuration), so that reading the outcomes of a pair and adding to them move whole
rows. Pairs are drawn by the same generator as in the compiled engine and counted by cells before any loss is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..information import js_divergence
from ..objectives import Objective
from .draws import draw_cells
from .forms import FormGradient
from .problem import Problem
from .protocol import Protocol
from .rules import Rule

__all__ = ["Batched"]


class Batched:
    """See `simulate.Engine`."""

    def __init__(
        self, problems: list[Problem], configurations: list[Any], protocol: Protocol, goals: np.ndarray, device: str,
    ) -> None:
        self.problems, self.protocol, self.device = problems, protocol, torch.device(device)
        self.size, self.count = problems[0].size, len(configurations)
        self.dtype = getattr(torch, protocol.dtype)
        self.configurations, self.goals = configurations, np.log(goals)
        compiled = [n for n, c in enumerate(configurations) if isinstance(c, Objective | Rule)]
        self.order = compiled + [n for n in range(self.count) if n not in set(compiled)]
        self.closed = FormGradient([configurations[n] for n in compiled], self._tensor) if compiled else None
        self.losses = [configurations[n] for n in self.order[len(compiled):]]
        self.tables = [q.table() for q in problems]
        self.reference = self._tensor(np.concatenate([q.reference for q in problems])[:, None])
        first = np.concatenate([protocol.first_logits(q) for q in problems])
        self.theta = self._tensor(np.tile(first[:, None], (1, self.count)))
        self.speed = torch.zeros_like(self.theta)
        self.js = np.zeros((len(problems), self.count, len(protocol.records)))

    def _tensor(self, x: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(x), dtype=self.dtype, device=self.device)

    def advance(self, first: int, last: int) -> None:
        for step in range(first, last):
            if step % self.protocol.every == 0:
                self._record(step)
            self._step(*self._cells(step))
        if last % self.protocol.every == 0:
            self._record(last)

    def _record(self, step: int) -> None:
        self.js[:, :, step // self.protocol.every] = js_divergence(self.state()["logits"], self.goals)

    def _cells(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Row of the chosen and of the rejected outcome of each distinct pair, and how often it was drawn."""
        k, found, counts = self.size, [], []
        for n, (q, table) in enumerate(zip(self.problems, self.tables, strict=True)):
            drawn = np.bincount(draw_cells(table, q.key, step, self.protocol.batch), minlength=k * k)
            cells = np.flatnonzero(drawn)
            counts.append(drawn[cells])
            found.append(np.stack((cells // k + n * k, cells % k + n * k)))
        rows = torch.from_numpy(np.concatenate(found, 1)).to(self.device)
        return rows[0], rows[1], self._tensor(np.concatenate(counts))[:, None]

    def _step(self, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor) -> None:
        shape = (len(self.problems), self.size, self.count)
        split = self.count - len(self.losses)
        parts = []
        if self.closed is not None:
            theta = self.theta[:, :split].reshape(*shape[:2], split)
            parts.append(self.closed(theta, self.reference, chosen, rejected, number, self.protocol.batch))
        if self.losses:
            parts.append(self._autograd(split, chosen, rejected, number))
        g = parts[0] if len(parts) == 1 else torch.cat(parts, 2)
        norm = torch.linalg.vector_norm(g, dim=1, keepdim=True)
        g = (g * torch.clamp(self.protocol.clip / (norm + 1e-6), max=1.0)).reshape(self.theta.shape)
        self.speed.mul_(0.99).addcmul_(g, g, value=0.01)
        self.theta.addcdiv_(g, self.speed.sqrt().add_(1e-8), value=-self.protocol.rate)

    def _autograd(self, split: int, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        theta = self.theta[:, split:].reshape(len(self.problems), self.size, -1).detach().requires_grad_()
        log_p = torch.log_softmax(theta, 1).reshape(-1, len(self.losses))
        w, l = log_p.index_select(0, chosen), log_p.index_select(0, rejected)  # noqa: E741
        ref_w, ref_l = self.reference.index_select(0, chosen)[:, 0], self.reference.index_select(0, rejected)[:, 0]
        total = sum((loss(w[:, n], l[:, n], ref_w, ref_l) * number[:, 0]).sum() for n, loss in enumerate(self.losses))
        (g,) = torch.autograd.grad(total / self.protocol.batch, theta)
        return g

    def state(self) -> dict[str, np.ndarray]:
        place = np.argsort(self.order)

        def rows(x: torch.Tensor) -> np.ndarray:
            y = x.double().cpu().numpy().reshape(len(self.problems), self.size, self.count)
            return y.transpose(0, 2, 1)[:, place]

        return {"logits": rows(self.theta), "speed": rows(self.speed), "js": self.js}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        def back(x: np.ndarray) -> torch.Tensor:
            return self._tensor(x[:, self.order].transpose(0, 2, 1).reshape(-1, self.count).copy())

        self.theta, self.speed, self.js = back(state["logits"]), back(state["speed"]), state["js"].copy()
