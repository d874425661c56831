"""Exact optima of population losses over all policies, and what they are made of.

>>> import numpy as np
>>> from didlab import objectives
>>> from didlab.solvers import optimum
>>> found = optimum(objectives.get("dpo"), np.log([0.5, 0.5]), np.log([0.2, 0.8]))
>>> np.exp(found.policy).round(12)
array([0.8, 0.2])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["Existence", "Optimum", "PopulationLoss", "existence", "gradient_flow", "optimum"]

_HOME = {
    "Existence": "attained", "existence": "attained", "Optimum": "optima", "optimum": "optima",
    "PopulationLoss": "population", "gradient_flow": "flow",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if TYPE_CHECKING:
    from .attained import Existence, existence
    from .flow import gradient_flow
    from .optima import Optimum, optimum
    from .population import PopulationLoss
