"""Tables of rewards that are hard in different ways: for tests, benchmarks and pictures."""

from __future__ import annotations

import numpy as np

from ...arguments import whole
from ...errors import ArgumentError

__all__ = ["KINDS", "reward_table"]

KINDS = ("random", "low-rank", "duplicated", "vanishing")


def reward_table(kind: str, prompts: int, responses: int, *, seed: int) -> np.ndarray:
    r"""A table of rewards r(x, y).

    Random: independent standard Gaussians. Low-rank: products of Gaussian vectors in three dimensions. Duplicated: a
    quarter as many Gaussian columns, drawn with replacement. Vanishing: half of the columns are a Gaussian one minus
    :math:`10^{-u}`, u uniform on [0, 12], and so have no place at the optimum, by hardly anything.

    Args:
        kind: one of `KINDS`.
        prompts: X.
        responses: K, at least 4.
        seed: of the generator.

    Returns:
        shape (X, K).

    Raises:
        ArgumentError: an unknown kind, or a size too small.

    >>> reward_table("low-rank", 5, 8, seed=0).shape
    (5, 8)
    """
    if kind not in KINDS:
        raise ArgumentError("kind", f"one of {', '.join(KINDS)}", repr(kind))
    x, k = int(whole("prompts", prompts, 1)), int(whole("responses", responses, 4))
    rng = np.random.default_rng([int(whole("seed", seed, 0)), KINDS.index(kind)])
    if kind == "random":
        return rng.normal(size=(x, k))
    if kind == "low-rank":
        return rng.normal(size=(x, 3)) @ rng.normal(size=(3, k))
    if kind == "duplicated":
        return rng.normal(size=(x, k // 4))[:, rng.integers(0, k // 4, k)]
    first = rng.normal(size=(x, k - k // 2))
    below = first[:, : k // 2] - 10.0 ** rng.uniform(-12, 0, size=k // 2)
    return np.concatenate([first, below], axis=1)[:, rng.permutation(k)]
