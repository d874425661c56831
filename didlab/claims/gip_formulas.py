r"""Quantities that the statements about gradients share: Gram numbers, first-order changes, the rows of the table.

Every array ends in an axis of length 1, or in the axis of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np

from ..dynamics.one_step import first_order
from ..engine.kinds import Kind, Numbers
from ..engine.log_probabilities import Lengths, LogProbabilities, NotNegative
from ..objectives.table_2 import Constants, own
from ..sequences.linear import Gram

__all__ = [
    "DL",
    "DW",
    "HYPER",
    "PARTS",
    "SIGMOIDS",
    "TAKEN",
    "A",
    "B",
    "C",
    "by_row",
    "changes",
    "gram",
    "own_coefficients",
    "own_value",
    "safe",
    "tabled",
]

# Every hyper-parameter of the table over its whole printed range; those without a printed one from 0.
PAIR: tuple[Kind, ...] = (Lengths(), LogProbabilities(reference=True))
HYPER: tuple[Kind, ...] = (*(Numbers(x) for x in ("beta", "gamma", "delta", "lam_w", "lam_l")),
                           *(NotNegative(x) for x in ("alpha", "lam", "z")), *PAIR)
A, B, C = r"\|\nabla\log\pi_w\|^2", r"\langle\nabla\log\pi_w,\nabla\log\pi_l\rangle", r"\|\nabla\log\pi_l\|^2"
DW, DL = r"\Delta\log\pi_w", r"\Delta\log\pi_l"
PARTS = ("beta", "gamma", "delta", "lam_w", "lam_l", "alpha", "lam", "z", "ref_chosen", "ref_rejected", "chosen_length",
         "rejected_length")
TAKEN = ("sigmoid_w", "sigmoid_l")  # drawn too where ties of the weights must be exact: sigmoids take every value in (0, 1)
SIGMOIDS: tuple[Kind, ...] = tuple(Numbers(x, below_one=True) for x in TAKEN)


def gram(chosen_gradient: Any, rejected_gradient: Any) -> tuple[Any, Any, Any]:
    r""":math:`\|\nabla\log\pi_w\|^2`, the inner product, and :math:`\|\nabla\log\pi_l\|^2`."""
    def dot(x: Any, y: Any) -> Any:
        return (x * y).sum(-1, keepdims=True)

    return (dot(chosen_gradient, chosen_gradient), dot(chosen_gradient, rejected_gradient),
            dot(rejected_gradient, rejected_gradient))


def changes(a: Any, b: Any, c: Any, d_w: Any = 1, d_l: Any = 1) -> tuple[Any, Any]:
    r"""First-order changes of the two log-likelihoods per unit of step along :math:`d_w\nabla\log\pi_w - d_l\nabla\log\pi_l`."""
    return first_order((d_w, -d_l), Gram(a, b, c))


def safe(x: Any) -> Any:
    """A divisor that is 1 where x is 0: for ratios that a hypothesis keeps away from there."""
    return x + 1 * (x == 0)


def tabled(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the named constants of the table reach the check as one argument `k`."""
    def wrap(check: Callable[..., Any]) -> Callable[..., Any]:
        def gathered(**arguments: Any) -> Any:
            k = Constants(**{n: arguments.pop(n) for n in names})
            return check(k=k, **arguments)

        rest = [p.replace(kind=Parameter.KEYWORD_ONLY) for n, p in signature(check).parameters.items() if n != "k"]
        gathered.__signature__ = Signature(  # type: ignore[attr-defined]
            [*rest, *(Parameter(n, Parameter.KEYWORD_ONLY) for n in names)])
        return gathered

    return wrap


def own_coefficients(name: str, k: Constants, chosen: Any, rejected: Any, **convention: str) -> tuple[Any, Any]:
    r"""The :math:`d_w, d_l` of the loss that the objective's own paper defines: its slopes, as :math:`-d_w` and :math:`d_l`."""
    like = 0 * chosen
    d_w, d_l = own(name, k, **convention).slopes(
        chosen, rejected, k.ref_chosen + like, k.ref_rejected + like,
        chosen_length=k.chosen_length, rejected_length=k.rejected_length)
    return -d_w, d_l


def own_value(name: str, k: Constants, chosen: Any, rejected: Any, **convention: str) -> Any:
    """The loss that the objective's own paper defines."""
    like = 0 * chosen
    return own(name, k, **convention).value(
        chosen, rejected, k.ref_chosen + like, k.ref_rejected + like,
        chosen_length=k.chosen_length, rejected_length=k.rejected_length)


def by_row(which: Any, names: Sequence[str], f: Callable[..., tuple[Any, ...]], k: Constants, **arrays: Any) -> list[Any]:
    """f(name, k, **arrays) of the instances of each row, put together in the order of the instances."""
    which = np.asarray(which)
    parts = [n for n in (*PARTS, *TAKEN) if np.ndim(getattr(k, n))]
    held = {n: np.broadcast_to(getattr(k, n), which.shape).reshape(-1) for n in parts}
    flat = {n: np.broadcast_to(x, which.shape).reshape(-1) for n, x in arrays.items()}
    out: list[Any] = []
    for i, name in enumerate(names):
        at = np.flatnonzero(which.reshape(-1) == i)
        if at.size:
            parts = f(name, Constants(**{n: x[at] for n, x in held.items()}), **{n: x[at] for n, x in flat.items()})
            out = out or [np.zeros(which.size, dtype=np.asarray(p).dtype) for p in parts]
            for o, p in zip(out, parts, strict=True):
                o[at] = p
    return [o.reshape(which.shape) for o in out]
