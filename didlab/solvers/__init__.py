"""Exact optima of population losses over all policies, and what they are made of.

>>> import numpy as np
>>> from didlab import objectives
>>> from didlab.solvers import optimum
>>> found = optimum(objectives.get("dpo"), np.log([0.5, 0.5]), np.log([0.2, 0.8]))
>>> np.exp(found.policy).round(12)
array([0.8, 0.2])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

if TYPE_CHECKING:
    from .attained import Existence, existence
    from .flow import gradient_flow
    from .optima import Optimum, optimum
    from .population import PopulationLoss

__all__ = ["Existence", "Optimum", "PopulationLoss", "existence", "gradient_flow", "optimum"]

__getattr__, __dir__ = attach(__name__, {
    "attained": ("Existence", "existence"),
    "flow": ("gradient_flow",),
    "optima": ("Optimum", "optimum"),
    "population": ("PopulationLoss",),
})
