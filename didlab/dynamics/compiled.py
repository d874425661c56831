"""The compiled engine: one call of the kernel for each problem, in as many threads as wanted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .kernel import train
from .problem import Problem
from .protocol import Protocol
from .tiles import pack

__all__ = ["Compiled"]


class Compiled:
    """See `simulator.Engine`. Problems do not share state, so the number of threads cannot change a result."""

    def __init__(
        self,
        problems: list[Problem],
        configurations: list[Any],
        protocol: Protocol,
        goals: np.ndarray,
        workers: int,
    ) -> None:
        self.problems, self.protocol, self.workers = problems, protocol, workers
        self.tiles = pack(configurations)
        first = [np.tile(protocol.first_logits(q), (len(configurations), 1)) for q in problems]
        self.theta = np.stack([self.tiles.spread(x) for x in first])
        self.speed = np.zeros_like(self.theta)
        self.goals = np.stack([self.tiles.spread(g) for g in goals])
        self.js = np.zeros((len(problems), len(self.tiles.links), len(protocol.records), self.theta.shape[-1]))
        self.tables = [q.table() for q in problems]

    def advance(self, first: int, last: int) -> None:
        def one(n: int) -> None:
            q, p, t, table = self.problems[n], self.protocol, self.tiles, self.tables[n]
            train(
                table,
                np.uint64(q.key),
                p.batch,
                first,
                last,
                p.every,
                p.rate,
                p.clip,
                t.links,
                t.flags,
                t.forms,
                q.reference,
                self.goals[n],
                self.theta[n],
                self.speed[n],
                self.js[n],
            )

        if self.workers == 1:
            for n in range(len(self.problems)):
                one(n)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(one, range(len(self.problems))))

    def state(self) -> dict[str, np.ndarray]:
        gather = self.tiles.gather
        return {"logits": gather(self.theta), "speed": gather(self.speed), "js": gather(self.js)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        for n in range(len(self.problems)):
            self.theta[n] = self.tiles.spread(state["logits"][n])
            self.speed[n] = self.tiles.spread(state["speed"][n])
            self.js[n] = self.tiles.spread(state["js"][n])
