"""The batched torch engine: one tensor program for many problems and configurations, any loss, any device.

Logits lie as (problem x outcome, configuration), so that reading the outcomes of a pair and adding to them move whole
rows. Pairs are drawn by the same generator as in the compiled engine and counted by cells before any loss is computed.
Problems are taken in blocks whose tensors fit the processor's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..objectives import Objective
from .forms import FormGradient, policy
from .kernel import distinct_pairs
from .problem import Problem
from .protocol import Protocol
from .rules import Rule
from .tiles import kind_of

__all__ = ["Batched"]

BLOCK, KEPT = 40, 2**24  # problems in a block; bytes of memory to keep


class Batched:
    """See `simulator.Engine`."""

    def __init__(
        self,
        problems: list[Problem],
        configurations: list[Any],
        protocol: Protocol,
        goals: np.ndarray,
        device: str,
    ) -> None:
        closed = [n for n, c in enumerate(configurations) if isinstance(c, Objective | Rule)]
        closed.sort(key=lambda n: kind_of(configurations[n]))
        self.order = closed + [n for n, c in enumerate(configurations) if not isinstance(c, Objective | Rule)]
        ordered = [configurations[n] for n in self.order]
        torch.empty(KEPT, dtype=torch.uint8)  # once it has freed so much, the C library keeps what the steps free
        step = BLOCK if torch.device(device).type == "cpu" else len(problems)
        self.blocks = [
            _Block(problems[n : n + step], ordered, len(closed), protocol, goals[n : n + step, self.order], device)
            for n in range(0, len(problems), step)
        ]

    def advance(self, first: int, last: int) -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the tensors are small: more threads wait for each other
        try:
            for block in self.blocks:
                block.advance(first, last)
        finally:
            torch.set_num_threads(threads)

    def state(self) -> dict[str, np.ndarray]:
        place = np.argsort(self.order)
        parts = [block.state() for block in self.blocks]
        return {name: np.concatenate([part[name] for part in parts])[:, place] for name in parts[0]}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        n = 0
        for block in self.blocks:
            block.restore({name: x[n : n + len(block.problems), self.order] for name, x in state.items()})
            n += len(block.problems)


class _Block:
    def __init__(
        self,
        problems: list[Problem],
        configurations: list[Any],
        closed: int,
        protocol: Protocol,
        goals: np.ndarray,
        device: str,
    ) -> None:
        self.problems, self.protocol, self.device = problems, protocol, torch.device(device)
        self.size, self.count, self.split = problems[0].size, len(configurations), closed
        self.dtype = getattr(torch, protocol.dtype)
        self.goals = self._tensor(goals.transpose(0, 2, 1))
        self.closed = FormGradient(configurations[:closed], self._tensor) if closed else None
        self.losses = configurations[closed:]
        self.tables = np.stack([q.table() for q in problems])
        self.keys = np.array([q.key for q in problems], np.uint64)
        room = len(problems) * min(protocol.batch, self.size**2)
        self.pairs = (np.empty(room + 1, np.int64), np.empty(room + 1, np.int64), np.empty(room + 1))
        self.reference = self._evaluated(np.stack([q.reference for q in problems]))
        first = np.concatenate([protocol.first_logits(q) for q in problems])
        self.theta = self._tensor(np.tile(first[:, None], (1, self.count)))
        self.speed = torch.zeros_like(self.theta)
        self.js = np.zeros((len(problems), self.count, len(protocol.records)))

    def _tensor(self, x: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(x), dtype=self.dtype, device=self.device)

    def _evaluated(self, reference: np.ndarray) -> torch.Tensor:
        """Log-probabilities of the references as of policies: one that starts there has log-ratios of exactly 0."""
        logs = policy(self._tensor(np.tile(reference[:, :, None], (1, 1, self.count))))[1]
        return logs[..., :1].reshape(-1, 1).contiguous()

    def advance(self, first: int, last: int) -> None:
        for step in range(first, last):
            if step % self.protocol.every == 0:
                self._record(step)
            self._step(*self._cells(step))
        if last % self.protocol.every == 0:
            self._record(last)

    def _record(self, step: int) -> None:
        p = torch.softmax(self.theta.reshape(len(self.problems), self.size, self.count), 1)
        self.js[:, :, step // self.protocol.every] = _js(p, self.goals).double().cpu().numpy()

    def _cells(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Row of the chosen and of the rejected outcome of each distinct pair, and how often it was drawn."""
        m = distinct_pairs(self.tables, self.keys, self.protocol.batch, step, self.size, *self.pairs)
        chosen, rejected, number = (torch.from_numpy(x[:m]).to(self.device) for x in self.pairs)
        return chosen, rejected, number.to(self.dtype)[:, None]

    def _step(self, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor) -> None:
        theta = self.theta.reshape(len(self.problems), self.size, self.count)
        parts = []
        if self.closed is not None:
            own = theta if not self.losses else theta[..., : self.split]
            parts.append(self.closed(own, self.reference, chosen, rejected, number, self.protocol.batch))
        if self.losses:
            parts.append(self._autograd(theta[..., self.split :], chosen, rejected, number))
        g = parts[0] if len(parts) == 1 else torch.cat(parts, 2)
        norm = (g * g).sum(1, keepdim=True).sqrt_()
        g = g.mul_(norm.add_(1e-6).reciprocal_().mul_(self.protocol.clip).clamp_(max=1.0)).reshape(self.theta.shape)
        self.speed.mul_(0.99).addcmul_(g, g, value=0.01)
        self.theta.addcdiv_(g, self.speed.sqrt().add_(1e-8), value=-self.protocol.rate)

    def _autograd(
        self, theta: torch.Tensor, chosen: torch.Tensor, rejected: torch.Tensor, number: torch.Tensor
    ) -> torch.Tensor:
        theta = theta.detach().clone().requires_grad_()
        log_p = torch.log_softmax(theta, 1).reshape(-1, len(self.losses))
        w, l = log_p.index_select(0, chosen), log_p.index_select(0, rejected)  # noqa: E741
        ref_w, ref_l = self.reference.index_select(0, chosen)[:, 0], self.reference.index_select(0, rejected)[:, 0]
        each = ((loss(w[:, n], l[:, n], ref_w, ref_l) * number[:, 0]).sum() for n, loss in enumerate(self.losses))
        total: Any = sum(each)
        (g,) = torch.autograd.grad(total / self.protocol.batch, theta)
        return g

    def _rows(self, x: torch.Tensor) -> np.ndarray:
        y = x.double().cpu().numpy().reshape(len(self.problems), self.size, self.count)
        return np.ascontiguousarray(y.transpose(0, 2, 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"logits": self._rows(self.theta), "speed": self._rows(self.speed), "js": self.js}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        def back(x: np.ndarray) -> torch.Tensor:
            return self._tensor(x.transpose(0, 2, 1).reshape(-1, self.count).copy())

        self.theta, self.speed, self.js = back(state["logits"]), back(state["speed"]), state["js"].copy()


def _js(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """JS divergence over axis 1: the sum of m h(x), x = (p - q) / (p + q), by its series for small x."""
    total = p + q
    x = (p - q).abs_().div_(total)
    z = x * x
    near = torch.full_like(z, 1 / 306)
    for n in (240, 182, 132, 90, 56, 30, 12, 2):
        near = near.mul_(z).add_(1 / n)
    rest = (1 - x).clamp_(min=torch.finfo(x.dtype).tiny)
    far = ((1 + x) * torch.log1p(x) + rest * torch.log(rest)) / 2
    return (total / 2 * torch.where(x < 0.1, near.mul_(z), far)).sum(1)
