r"""The general margin loss, and its instances as a table prints them.

.. math:: \ell = -\big(m(h_w(\log\pi_w) - h_l(\log\pi_l)) + \Lambda(\log\pi_w)\big)

A row is the four scalar functions m, h_w, h_l and Lambda of one objective. `row` gives them as the paper prints them,
`amended` as they must be for the loss to be the one that the objective's own paper defines (`own`).

Ref: "Common Pitfalls of Margin-based Preference Optimization in Language Model Alignment", Eq 8 and Table 2.

Convention: the table's :math:`c_{ref}^w, c_{ref}^l` are log-probabilities of the reference and :math:`c_{ref}` is their
difference; where it writes :math:`\log c_{ref}^w` for such a log-probability, that log-probability is meant. Its
:math:`\alpha(y_w - y_l)` is about the lengths. KTO's :math:`z_{ref}` is in nats of the log-ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..arguments import positive
from ..carriers import carrier_of
from ..errors import ArgumentError
from . import get
from .hyper import not_negative
from .objective import Objective

__all__ = ["ROWS", "Constants", "Row", "amended", "own", "row"]

Scalar = Callable[[Any, int], Any]  # (argument, order of the derivative: 0 or 1) -> value


@dataclass(frozen=True)
class Constants:
    """What the functions of the table hold besides log-probabilities; an array has one entry for each instance.

    Attributes:
        beta, alpha, gamma, delta, lam, lam_w, lam_l, z: hyper-parameters, by their names in the table.
        ref_chosen, ref_rejected: log-probabilities of the reference, in nats.
        chosen_length, rejected_length: numbers of tokens.
        sigmoid_w, sigmoid_l: values to take for the sigmoids in `coefficients`, in (0, 1), instead of those at the
            log-probabilities: of minus the argument of m, or of the two terms of KTO. They keep rationals rational.

    >>> Constants(beta=0.5, ref_chosen=-1.0, ref_rejected=-3.0).shift
    2.0
    """

    beta: Any = 1
    alpha: Any = 0
    gamma: Any = 1
    delta: Any = 1
    lam: Any = 1
    lam_w: Any = 1
    lam_l: Any = 1
    z: Any = 0
    ref_chosen: Any = 0
    ref_rejected: Any = 0
    chosen_length: Any = 1
    rejected_length: Any = 1
    sigmoid_w: Any = None
    sigmoid_l: Any = None

    def __post_init__(self) -> None:
        for name in ("beta", "chosen_length", "rejected_length"):
            positive(name, getattr(self, name))
        for name in ("alpha", "gamma", "delta", "lam", "lam_w", "lam_l", "z"):
            not_negative(name, getattr(self, name))

    @property
    def shift(self) -> Any:
        """The table's c_ref: log-probability of the chosen minus that of the rejected response, by the reference."""
        return self.ref_chosen - self.ref_rejected

    @property
    def longer(self) -> Any:
        """By how many tokens the chosen response is longer."""
        return self.chosen_length - self.rejected_length


@dataclass(frozen=True)
class Row:
    """One row: the functions m, h_w, h_l and Lambda (`regulariser`), each with its derivative.

    >>> dpo = row("dpo", Constants())
    >>> [float(d) for d in dpo.coefficients(-1.0, -1.0)]
    [0.5, 0.5]
    """

    name: str
    m: Scalar
    h_w: Scalar
    h_l: Scalar
    regulariser: Scalar

    def margin(self, chosen: Any, rejected: Any) -> Any:
        """The argument of m."""
        return self.h_w(chosen, 0) - self.h_l(rejected, 0)

    def value(self, chosen: Any, rejected: Any) -> Any:
        """The loss of Eq 8, elementwise.

        Args:
            chosen, rejected: log-probabilities of the policy, in nats.

        >>> float(row("slic", Constants(delta=2)).value(-1.0, -2.0))
        2.0
        """
        return -(self.m(self.margin(chosen, rejected), 0) + self.regulariser(chosen, 0))

    def coefficients(self, chosen: Any, rejected: Any) -> tuple[Any, Any]:
        r"""The numbers :math:`d_w = m' h_w' + \Lambda'` and :math:`d_l = m' h_l'` of section 3.2.

        The gradient of the loss of Eq 8 is :math:`-(d_w\nabla\log\pi_w - d_l\nabla\log\pi_l)`.

        Args:
            chosen, rejected: log-probabilities of the policy, in nats.

        >>> row("ipo", Constants(beta=0.5)).coefficients(-1.0, -3.0)
        (2.0, 2.0)
        """
        slope = self.m(self.margin(chosen, rejected), 1)
        d_w = slope * self.h_w(chosen, 1) + self.regulariser(chosen, 1)
        return d_w + 0 * chosen, slope * self.h_l(rejected, 1) + 0 * rejected


def _linear(slope: Any) -> Scalar:
    return lambda a, order: slope * a if order == 0 else slope


def _per_token(slope: Any, length: Any) -> Scalar:
    return lambda a, order: slope * a / length if order == 0 else (slope + 0 * a) / length


def _log_sigmoid(shift: Any, given: Any) -> Scalar:
    """log sigma(a - shift); its slope is sigma(shift - a), or the given value."""
    def f(a: Any, order: int) -> Any:
        if order == 1 and given is not None:
            return given
        c = carrier_of(a - shift)
        return c.log_sigmoid(a - shift) if order == 0 else c.sigmoid(shift - a)

    return f


def _square(root: Any, factor: int = 1) -> Scalar:
    return lambda a, order: factor * (a - root) * (a - root) if order == 0 else 2 * factor * (a - root)


def _below(top: Any) -> Scalar:
    """min(0, a - top); at the kink the slope is that of the flat side."""
    return lambda a, order: (a - top) * (a < top) if order == 0 else 0 * a + 1 * (a < top)


def _penalised(slope: Any, weight: Any, floor: Any) -> Scalar:
    """slope a - weight max(0, floor - a)."""
    penalty = _below(floor)
    return lambda a, order: _linear(slope)(a, order) + weight * penalty(a, order)


def _gain(weight: Any, slope: Any, shift: Any, given: Any) -> Scalar:
    """weight sigma(slope a - shift); its slope at a sigmoid s is weight slope s (1 - s)."""

    def f(a: Any, order: int) -> Any:
        if order == 1 and given is not None:
            return weight * slope * given * (1 - given)
        c = carrier_of(slope * a - shift)
        s = c.sigmoid(slope * a - shift)
        return weight * s if order == 0 else weight * slope * s * c.sigmoid(shift - slope * a)

    return f


_SAME, _NONE = _linear(1), _linear(0)


def _printed(name: str, k: Constants) -> tuple[Scalar, ...]:
    b, n_w, n_l = k.beta, k.chosen_length, k.rejected_length
    match name:
        case "dpo":
            return _log_sigmoid(k.shift, k.sigmoid_w), _linear(b), _linear(b), _NONE
        case "r-dpo":
            return _log_sigmoid(k.shift + k.alpha * k.longer, k.sigmoid_w), _linear(b), _linear(b), _NONE
        case "simpo":
            return _log_sigmoid(k.gamma, k.sigmoid_w), _per_token(b, n_w), _per_token(b, n_l), _NONE
        case "ipo":
            return _square(k.shift + 1 / (2 * b)), _SAME, _SAME, _NONE
        case "rrhf":
            return _below(0), _per_token(1, n_w), _per_token(1, n_l), _linear(k.lam)
        case "slic":
            return _below(k.delta), _SAME, _SAME, _linear(k.lam)
        case "cpo":
            return _log_sigmoid(0, k.sigmoid_w), _linear(b), _linear(b), _linear(k.lam)
        case "dpo-positive":
            return _log_sigmoid(k.shift, k.sigmoid_w), _penalised(b, k.lam, k.ref_chosen), _linear(b), _NONE
        case "kto":
            h_l = _gain(k.lam_l, -1, -k.ref_rejected - k.z, k.sigmoid_l)
            return _SAME, _gain(k.lam_w, b, k.ref_chosen + k.z, k.sigmoid_w), h_l, _NONE
        case _:
            return _SAME, _square(1 / b), _square(-1 / b), _NONE


def _amended(name: str, k: Constants) -> tuple[Scalar, ...]:
    b = k.beta
    match name:
        case "dpo":
            return _log_sigmoid(b * k.shift, k.sigmoid_w), _linear(b), _linear(b), _NONE
        case "r-dpo":
            return _log_sigmoid(b * k.shift - k.alpha * k.longer, k.sigmoid_w), _linear(b), _linear(b), _NONE
        case "ipo":
            return _square(k.shift + 1 / (2 * b), -1), _SAME, _SAME, _NONE
        case "dpo-positive":
            return _log_sigmoid(b * k.shift, k.sigmoid_w), _penalised(b, b * k.lam, k.ref_chosen), _linear(b), _NONE
        case "kto":
            h_l = _gain(-k.lam_l, -b, -b * (k.ref_rejected + k.z), k.sigmoid_l)
            return _SAME, _gain(k.lam_w, b, b * (k.ref_chosen + k.z), k.sigmoid_w), h_l, _NONE
        case "sppo":
            return _SAME, _square(k.ref_chosen + 1 / (2 * b), -1), _square(k.ref_rejected - 1 / (2 * b)), _NONE
        case _:
            return _printed(name, k)


# The rows in the order of the table, by the name of the objective here; what each hands on to its own paper's loss.
_HYPER: Mapping[str, Callable[[Constants], dict[str, Any]]] = {
    "dpo": lambda k: {"beta": k.beta},
    "r-dpo": lambda k: {"beta": k.beta, "alpha": k.alpha},
    "simpo": lambda k: {"beta": k.beta, "gamma": k.gamma},
    "ipo": lambda k: {"beta": k.beta},
    "rrhf": lambda k: {"lam": k.lam},
    "slic": lambda k: {"beta": k.delta, "lam": k.lam},
    "cpo": lambda k: {"beta": k.beta, "lam": k.lam},
    "dpo-positive": lambda k: {"beta": k.beta, "lam": k.lam},
    "kto": lambda k: {"beta": k.beta, "lam_w": k.lam_w, "lam_l": k.lam_l, "z": k.z},
    "sppo": lambda k: {"beta": k.beta},
}
ROWS: tuple[str, ...] = tuple(_HYPER)


def row(name: str, constants: Constants) -> Row:
    """A row of the table as it is printed.

    Args:
        name: one of `ROWS`.
        constants: hyper-parameters, reference and lengths.

    Returns:
        its functions.

    Raises:
        ArgumentError: an unknown row.

    >>> float(row("ipo", Constants()).value(-1.0, -2.0))  # the square comes with the sign of Eq 8
    -0.25
    """
    return Row(_known(name), *_printed(name, constants))


def amended(name: str, constants: Constants) -> Row:
    """The row that gives, up to a constant, the loss of the objective's own paper.

    Args:
        name, constants: as for `row`.

    Returns:
        its functions; those of `row` where these will do.

    Raises:
        ArgumentError: an unknown row.

    >>> float(amended("ipo", Constants()).value(-1.0, -2.0))
    0.25
    """
    return Row(_known(name), *_amended(name, constants))


def own(name: str, constants: Constants, **convention: str) -> Objective:
    """The objective as its own paper defines it, with the same hyper-parameters.

    Args:
        name, constants: as for `row`.
        convention: the `convention` of the objective, where it has several.

    Returns:
        the objective; its values take the reference and the lengths once more.

    Raises:
        ArgumentError: an unknown row or convention.

    >>> own("slic", Constants(delta=2.0, lam=0.5)).hyper["beta"]
    2.0
    """
    return get(_known(name), **_HYPER[name](constants), **convention)


def _known(name: str) -> str:
    if name not in _HYPER:
        raise ArgumentError("name", f"one of {', '.join(ROWS)}", repr(name))
    return name
