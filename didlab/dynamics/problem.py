r"""One synthetic problem: a reference, a target, and the pairs that are drawn from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import log_weights, one_of, one_positive, one_whole, same_outcomes
from ..did import ideal_rejected
from ..errors import ArgumentError
from ..policies import log_probabilities, probabilities, sample, temper
from .draws import alias_table, stream_key

__all__ = ["Problem", "pair_problem", "synthetic_problem"]

DRAWS, DATA = 1, 2  # streams of a seed
MAKE = "Make it with synthetic_problem or pair_problem."


class Problem(NamedTuple):
    """What one run learns from.

    Attributes:
        reference: log-probabilities of the reference, shape (K,).
        goal: log-probabilities of the policy that the JS divergence is measured to, shape (K,).
        cells: probability of each pair, shape (K, K): chosen i, rejected j.
        key: key of the stream of draws.
    """

    reference: np.ndarray
    goal: np.ndarray
    cells: np.ndarray
    key: int

    @property
    def size(self) -> int:
        """Number of outcomes."""
        return self.reference.shape[0]

    def table(self) -> np.ndarray:
        """The alias table of the pairs."""
        return alias_table(self.cells.ravel())


def pair_problem(
    reference: Any,
    chosen: Any,
    rejected: Any,
    goal: Any,
    *,
    seed: int,
    pairs: int | None = None,
) -> Problem:
    r"""A problem whose pairs are :math:`y_w \sim p, y_l \sim q`, drawn afresh or from a fixed data set.

    Args:
        reference, chosen, rejected, goal: logits, shape (K,), K at least 2.
        seed: of the data set and of the draws.
        pairs: size of the fixed data set, from which batches are drawn with replacement; None draws fresh pairs.

    Returns:
        the problem.

    Raises:
        ArgumentError: not finite, different or fewer than 2 outcomes, or a bad seed or size.

    >>> pair_problem([0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], seed=1).cells
    array([[0.25, 0.25],
           [0.25, 0.25]])

    Ref: Won et al. 2025, section 3.5.
    """
    given = {"reference": reference, "chosen": chosen, "rejected": rejected, "goal": goal}
    arrays = {name: np.asarray(log_weights(name, x), dtype=np.float64) for name, x in given.items()}
    for name, x in arrays.items():
        if x.ndim != 1 or x.shape[0] < 2:
            raise ArgumentError(name, "a row of at least 2 logits", f"shape {x.shape}")
    same_outcomes(**arrays)
    ref, p, q, goal = arrays.values()
    key = stream_key(seed, DRAWS)
    cells = probabilities(p)[:, None] * probabilities(q)[None, :]
    if pairs is not None:
        n = one_whole("pairs", pairs, 1)
        rng = np.random.default_rng([int(seed), DATA])
        drawn = sample(np.log(np.maximum(cells.ravel(), 1e-300)), n, rng=rng)
        cells = np.bincount(drawn, minlength=cells.size).reshape(cells.shape) / n
    return Problem(log_probabilities(ref), log_probabilities(goal), cells, key)


def synthetic_problem(
    temperature: float,
    seed: int,
    *,
    size: int = 32,
    generator: str = "numpy",
    pairs: int | None = None,
) -> Problem:
    r"""The synthetic experiment, by the logits of its policies.

    .. math:: \theta_{ref} \sim N(0, I), \quad \theta^* = \theta_{ref}/\tau, \quad \theta_l = 2\theta_{ref} - \theta^*

    Args:
        temperature: :math:`\tau > 0`; below 1 the target reinforces the reference, above 1 it smooths it.
        seed: of the reference, the data set and the draws.
        size: number of outcomes K.
        generator: `numpy` (PCG64), or `torch`: `torch.manual_seed(seed)`, then `torch.randn(size)` in float32.
        pairs: see `pair_problem`.

    Returns:
        the problem, its goal the target.

    Raises:
        ArgumentError: a bad temperature, seed, size or generator.

    >>> synthetic_problem(4.0, 42).reference.shape
    (32,)

    Ref: Won et al. 2025, section 3.5 and Appendix J.1.

    Convention: the paper prints neither the seed of the reference nor its generator; both are arguments here.
    """
    one_positive("temperature", temperature)
    n, s = one_whole("size", size, 2), one_whole("seed", seed, 0)
    if one_of("generator", generator, ("numpy", "torch")) == "numpy":
        logits = np.random.default_rng(s).normal(size=n)
    else:
        import torch

        logits = torch.randn(n, generator=torch.Generator().manual_seed(s)).double().numpy()
    target = temper(logits, temperature)
    return pair_problem(logits, logits, ideal_rejected(target, logits, 1.0), target, seed=s, pairs=pairs)
