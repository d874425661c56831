r"""Losses of preference optimisation, one file each, over the log-probabilities of a chosen and a rejected response.

>>> dpo = get("dpo", beta=0.5)
>>> dpo.value([-1.0], [-1.0], [-1.0], [-1.0]).round(6)
array([0.693147])
>>> dpo.slopes([-1.0], [-1.0], [-1.0], [-1.0])
(array([-0.25]), array([0.25]))

Every loss here has one common form (`objectives.form`), so one gradient, one Hessian, one population loss without
:math:`K^2` work and one compiled kernel (`objectives.scalars`) serve them all.
"""

from __future__ import annotations

import importlib
import inspect
from types import MappingProxyType
from typing import Any

from ..errors import ArgumentError
from .objective import Objective

__all__ = ["Objective", "get", "names"]

_HOME = {
    "dpo": "dpo", "log-pi": "log_pi", "slic": "slic", "orpo": "orpo", "simpo": "simpo", "cal-dpo": "cal_dpo",
    "dpo-positive": "dpo_positive", "ipo": "ipo", "r-dpo": "r_dpo", "rrhf": "rrhf", "cpo": "cpo", "kto": "kto",
    "sppo": "sppo", "dice": "dice", "h-dpo": "entropy_controllable",
}


def names() -> tuple[str, ...]:
    """The names of the built-in objectives.

    >>> names()[:3]
    ('dpo', 'log-pi', 'slic')
    """
    return tuple(_HOME)


def get(name: str, **hyper: Any) -> Objective:
    """A built-in objective by name, its hyper-parameters checked.

    Args:
        name: one of `names()`.
        hyper: the objective's hyper-parameters; those left out take the defaults of its file.

    Returns:
        the objective.

    Raises:
        ArgumentError: an unknown objective or hyper-parameter, or a value outside its domain.

    >>> get("simpo", beta=2.0, gamma=0.5).hyper["gamma"]
    0.5
    >>> get("dpo", beta=-1.0)
    Traceback (most recent call last):
    didlab.errors.ArgumentError: `beta` must be a finite number above 0; got -1.0
    """
    if not isinstance(name, str) or name not in _HOME:
        raise ArgumentError("name", f"one of {', '.join(_HOME)}", repr(name))
    module = importlib.import_module(f".{_HOME[name]}", __name__)
    defaults = {k: p.default for k, p in inspect.signature(module.form).parameters.items()}
    for key in hyper:
        if key not in defaults:
            raise ArgumentError(key, f"a hyper-parameter of {name}: {', '.join(defaults)}", "an unknown name")
    chosen = {**defaults, **hyper}
    return Objective(name, MappingProxyType(chosen), module.form(**chosen), module.loss)
