r"""Properties of the comparisons of one prompt that decide whether a prior may depend on the label of a response.

A data set is a list of triples, here pairs (chosen, rejected) of K responses. A prior is one function of the response:
if a loss treats chosen and rejected responses differently, a prior that recovers it must tell them apart by what they
are. Each property counts its violations, so that 0 means that it holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import whole
from ..errors import ArgumentError

__all__ = [
    "both_labels", "chains", "disagreements", "later_winners", "reversed_pairs", "self_comparisons", "unbalanced",
]


def _wins(triples: Any, k: int) -> np.ndarray:
    """How often each response was chosen against each other one, (..., K, K)."""
    t = _pairs(triples, k)
    one = t[..., None] == np.arange(k)
    return (one[..., 0, :, None] & one[..., 1, None, :]).sum(-3)


def _pairs(triples: Any, k: int | None = None) -> np.ndarray:
    t = whole("triples", triples, 0, k)
    if t.ndim < 2 or t.shape[-1] != 2:
        raise ArgumentError("triples", "pairs (chosen, rejected), shape (..., M, 2)", f"shape {t.shape}")
    return t


def both_labels(triples: Any, k: int) -> np.ndarray:
    """How many responses are chosen in one triple and rejected in one, the same triple included.

    It is 0 exactly if the label of a response is a function of it.

    Args:
        triples: pairs (chosen, rejected) of indices of responses, shape (..., M, 2).
        k: number of responses.

    Returns:
        integers, shape (...).

    Raises:
        ArgumentError: another shape, or an index that is none.

    >>> int(both_labels([[0, 1], [1, 2]], 3)), int(both_labels([[0, 1], [0, 2]], 3))
    (1, 0)
    """
    wins = _wins(triples, k) > 0
    return (wins.any(-1) & wins.any(-2)).sum(-1)


def chains(triples: Any, k: int) -> np.ndarray:
    """How many three different responses a, b, c have the triples (a, b) and (b, c): the exclusion printed for SimPO.

    Args, Returns, Raises: as for `both_labels`.

    >>> int(chains([[0, 1], [1, 2]], 3)), int(chains([[0, 1], [1, 0]], 2))
    (1, 0)

    Ref: Tutunov et al. 2025, section 4.
    """
    wins = _wins(triples, k) > 0
    a, b, c = np.ogrid[:k, :k, :k]
    return (wins[..., :, :, None] & wins[..., None, :, :] & (a != b) & (b != c) & (a != c)).sum((-1, -2, -3))


def reversed_pairs(triples: Any, k: int) -> np.ndarray:
    """How many pairs of different responses were compared with both outcomes. Arguments as for `both_labels`.

    >>> int(reversed_pairs([[0, 1], [1, 0]], 2))
    1
    """
    wins = _wins(triples, k) > 0
    return (wins & wins.swapaxes(-1, -2) & (np.arange(k)[:, None] < np.arange(k))).sum((-1, -2))


def self_comparisons(triples: Any, k: int) -> np.ndarray:
    """How many triples compare a response with itself. Arguments as for `both_labels`.

    >>> int(self_comparisons([[0, 0]], 2))
    1
    """
    return np.trace(_wins(triples, k), axis1=-2, axis2=-1)


def later_winners(triples: Any, k: int) -> np.ndarray:
    """How often a rejected response is chosen in another triple: the exclusion printed for TIS-DPO.

    Args, Returns, Raises: as for `both_labels`.

    >>> int(later_winners([[0, 1], [1, 2]], 3)), int(later_winners([[0, 0]], 1))
    (1, 0)

    Ref: Tutunov et al. 2025, section 4.
    """
    t = _pairs(triples, k)
    other = ~np.eye(t.shape[-2], dtype=bool)
    return ((t[..., :, None, 1] == t[..., None, :, 0]) & other).sum((-1, -2))


def disagreements(triples: Any, weights: Any) -> np.ndarray:
    """How many places give a response another weight than an earlier place does, chosen or rejected alike.

    It is 0 exactly if the weight of a response is a function of it.

    Args:
        triples: pairs (chosen, rejected), shape (..., M, 2).
        weights: of the two responses of each triple, integers of the same shape.

    Returns:
        integers, shape (...).

    Raises:
        ArgumentError: shapes that differ.

    >>> int(disagreements([[0, 1], [1, 2]], [[1, 2], [3, 2]]))
    1
    """
    t, w = _pairs(triples), np.asarray(weights)
    if t.shape != w.shape:
        raise ArgumentError("weights", f"of shape {t.shape}", f"shape {w.shape}")
    t, w = t.reshape(*t.shape[:-2], -1), w.reshape(*w.shape[:-2], -1)
    return ((t[..., :, None] == t[..., None, :]) & (w[..., :, None] < w[..., None, :])).sum((-1, -2))


def unbalanced(triples: Any, k: int) -> np.ndarray:
    r"""How many responses lie on a closed walk with more steps from chosen to rejected than back.

    It is 0 exactly if the responses have levels, a number for each that falls by 1 from chosen to rejected in every
    triple: then, and only then, one function c(y) has :math:`c(y_w) - c(y_l) = \gamma` in all triples.

    Args, Returns, Raises: as for `both_labels`.

    >>> int(unbalanced([[0, 1], [1, 2]], 3)), int(unbalanced([[0, 1], [1, 2], [0, 2]], 3))
    (0, 3)
    """
    wins = _wins(triples, k) > 0
    # the smallest sum of steps, +1 with a triple and -1 against it: negative around a closed walk that does not balance
    walk = np.where(wins.swapaxes(-1, -2), -1, np.where(wins, 1, np.where(np.eye(k, dtype=bool), 0, np.inf)))
    for middle in range(k):
        walk = np.minimum(walk, np.maximum(walk[..., :, middle, None] + walk[..., None, middle, :], -4 * k))
    negative = np.diagonal(walk, axis1=-2, axis2=-1) < 0
    return (np.isfinite(walk) & negative[..., None, :]).any(-1).sum(-1)  # there and back, every response gets to it
