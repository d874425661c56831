r"""Rate-distortion for policies: :math:`\max_\pi E[r] - I(X;Y)/\beta`, with certified bounds at every step.

>>> from didlab.solvers.rate_distortion import rate_distortion
>>> found = rate_distortion([[1.0, 0.0, 0.4], [0.0, 1.0, 0.4]], 4.0)
>>> found.prior.round(6), found.gap < 1e-12
(array([0.5, 0.5, 0. ]), True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import attach

if TYPE_CHECKING:
    from .certificate import Certificate, certify
    from .kernel import problem
    from .plane import Place, frontier, place
    from .solve import Solution, rate_distortion, rate_distortion_path

__all__ = [
    "Certificate", "Place", "Solution", "certify", "frontier", "place", "problem", "rate_distortion",
    "rate_distortion_path",
]

__getattr__, __dir__ = attach(__name__, {
    "certificate": ("Certificate", "certify"),
    "kernel": ("problem",),
    "plane": ("Place", "frontier", "place"),
    "solve": ("Solution", "rate_distortion", "rate_distortion_path"),
})
