"""References to start from, each as logits and as the Python that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..policies import from_weights
from .state import choice

__all__ = ["PRESETS", "logits", "logits_python", "weights_python"]

PRESETS = {
    "gaussian": "np.random.default_rng({seed}).normal(size={k})",
    "skewed": "-np.log(np.arange(1.0, {k} + 1))",
    "near-deterministic": "np.r_[np.log(99.0 * ({k} - 1)), np.zeros({k} - 1)]",
    "uniform": "np.zeros({k})",
}


def logits(preset: str, k: int, seed: int) -> np.ndarray:
    """Logits of a preset reference, shape (k,).

    >>> np.exp(logits("near-deterministic", 3, 0)).round().tolist()
    [198.0, 1.0, 1.0]
    """
    choice("preset", preset, list(PRESETS))
    match preset:
        case "gaussian":
            return np.random.default_rng(seed).normal(size=k)
        case "skewed":
            return -np.log(np.arange(1.0, k + 1))
        case "near-deterministic":
            return np.r_[np.log(99.0 * (k - 1)), np.zeros(k - 1)]
        case _:
            return np.zeros(k)


def logits_python(preset: str, k: int, seed: int) -> str:
    """The expression that `logits` computes.

    >>> logits_python("uniform", 4, 0)
    'np.zeros(4)'
    """
    return PRESETS[preset].format(k=k, seed=seed)


def weights_python(weights: Sequence[Fraction]) -> str:
    """The expression for a policy given by its weights.

    >>> weights_python((Fraction(1, 4), Fraction(3, 4)))
    'didlab.from_weights([1/4, 3/4])'
    """
    return f"didlab.from_weights([{', '.join(map(str, weights))}])"


def of_weights(weights: Sequence[Fraction]) -> np.ndarray:
    """Logits of a policy given by its weights."""
    return from_weights([float(w) for w in weights])
