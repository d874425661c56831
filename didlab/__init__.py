"""didlab: the theory of preference optimisation, checked by computer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "policies": ("from_weights", "log_probabilities", "mix", "probabilities", "sample", "temper", "tilt"),
    "information": ("entropy", "js_divergence", "kl_divergence", "mutual_information"),
    "did": (
        "did_distribution", "did_entropy", "ideal_rejected", "log_margin", "log_partition", "log_ratio", "power_law",
    ),
    "preference": (
        "boltzmann", "bradley_terry", "label_probability", "pair_distribution", "preference_matrix", "sample_pairs",
    ),
    "errors": ("ArgumentError", "DidlabError"),
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [
    "ArgumentError",
    "DidlabError",
    "__version__",
    "boltzmann",
    "bradley_terry",
    "did_distribution",
    "did_entropy",
    "entropy",
    "from_weights",
    "ideal_rejected",
    "js_divergence",
    "kl_divergence",
    "label_probability",
    "log_margin",
    "log_partition",
    "log_probabilities",
    "log_ratio",
    "mix",
    "mutual_information",
    "pair_distribution",
    "power_law",
    "preference_matrix",
    "probabilities",
    "sample",
    "sample_pairs",
    "temper",
    "tilt",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from .did import did_distribution, did_entropy, ideal_rejected, log_margin, log_partition, log_ratio, power_law
    from .errors import ArgumentError, DidlabError
    from .information import entropy, js_divergence, kl_divergence, mutual_information
    from .policies import from_weights, log_probabilities, mix, probabilities, sample, temper, tilt
    from .preference import (
        boltzmann,
        bradley_terry,
        label_probability,
        pair_distribution,
        preference_matrix,
        sample_pairs,
    )
