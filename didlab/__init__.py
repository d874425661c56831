"""didlab: the theory of preference optimisation, checked by computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import attach

if TYPE_CHECKING:
    from . import bridge as bridge
    from . import diagnose as diagnose
    from . import dynamics as dynamics
    from . import experiments as experiments
    from . import objectives as objectives
    from . import sequences as sequences
    from . import solvers as solvers
    from . import strategies as strategies
    from . import testing as testing
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

__version__ = "0.1.0"

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

__getattr__, __dir__ = attach(__name__, {
    "did": (
        "did_distribution", "did_entropy", "ideal_rejected", "log_margin", "log_partition", "log_ratio",
        "power_law",
    ),
    "errors": ("ArgumentError", "DidlabError"),
    "information": ("entropy", "js_divergence", "kl_divergence", "mutual_information"),
    "policies": ("from_weights", "log_probabilities", "mix", "probabilities", "sample", "temper", "tilt"),
    "preference": (
        "boltzmann", "bradley_terry", "label_probability", "pair_distribution", "preference_matrix",
        "sample_pairs",
    ),
}, modules=(
    "bridge", "diagnose", "dynamics", "experiments", "objectives", "sequences", "solvers", "strategies", "testing",
))
