"""What a training run does besides its loss: steps, batch, optimiser, start, records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import positive, whole
from ..errors import ArgumentError
from .problem import Problem

__all__ = ["Protocol"]


@dataclass(frozen=True)
class Protocol:
    """The training protocol. The defaults are those of the paper where it prints them.

    Attributes:
        steps: how many (not printed in the paper).
        batch: pairs of each step.
        rate: learning rate of RMSprop; decay 0.99, epsilon 1e-8, no momentum.
        clip: largest norm of the gradient.
        every: steps between two records of the JS divergence.
        start: `reference`, `uniform`, or `normal` (logits drawn from N(0, I) with the problem's key).
        dtype: `float64` or `float32`.

    >>> Protocol(steps=100).batch
    512

    Ref: Won et al. 2025, Appendix J.1.

    Convention: RMSprop and clipping as in PyTorch.
    """

    steps: int = 5000
    batch: int = 512
    rate: float = 1e-3
    clip: float = 1.0
    every: int = 10
    start: str = "reference"
    dtype: str = "float64"

    def __post_init__(self) -> None:
        for name, low in (("steps", 0), ("batch", 1), ("every", 1)):
            whole(name, getattr(self, name), low)
        positive("rate", self.rate)
        positive("clip", self.clip)
        if self.start not in ("reference", "uniform", "normal"):
            raise ArgumentError("start", "reference, uniform or normal", repr(self.start))
        if self.dtype not in ("float64", "float32"):
            raise ArgumentError("dtype", "float64 or float32", repr(self.dtype))

    @property
    def records(self) -> np.ndarray:
        """The steps at which the JS divergence is recorded.

        >>> Protocol(steps=20).records
        array([ 0, 10, 20])
        """
        return np.arange(0, self.steps + 1, self.every)

    def first_logits(self, problem: Problem) -> Any:
        """Logits at step 0, shape (K,)."""
        if self.start == "reference":
            return problem.reference.copy()
        if self.start == "uniform":
            return np.zeros(problem.size)
        return np.random.default_rng(problem.key).normal(size=problem.size)
