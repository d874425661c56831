"""What a training run does besides its loss: steps, batch, optimiser, start, records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import instance, one_of, one_positive, one_whole
from .problem import Problem

__all__ = ["Protocol", "checked_protocol"]


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
            one_whole(name, getattr(self, name), low)
        one_positive("rate", self.rate)
        one_positive("clip", self.clip)
        one_of("start", self.start, ("reference", "uniform", "normal"))
        one_of("dtype", self.dtype, ("float64", "float32"))

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


def checked_protocol(protocol: Any) -> Protocol:
    """The argument as a protocol; the paper's where it is None.

    >>> checked_protocol(None).batch
    512
    """
    return Protocol() if protocol is None else instance("protocol", protocol, Protocol, "a Protocol")
