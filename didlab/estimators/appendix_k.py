"""Appendix K on samples: the entropy of the distribution of differential information, and the test of its stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import NUMPY
from ..errors import ArgumentError
from .estimate import column

__all__ = ["did_entropy_error", "did_entropy_from_samples", "effective_size", "slope_sign"]


def did_entropy_from_samples(policy: Any, reference: Any) -> float:
    r""":math:`\log\hat Z - \sum_i w_i \log\frac{\pi(y_i)}{\pi_{ref}(y_i)} / \sum_i w_i` with
    :math:`w_i = 1/\pi_{ref}(y_i)`, :math:`\hat Z` their mean, and :math:`y_i \sim \pi` for one prompt.

    Args:
        policy, reference: log-probabilities of n samples of the policy, shape (n,), in nats.

    Returns:
        the estimate in nats; its bias has no bound, since responses never drawn may carry most of Z.

    Ref: Won et al. 2025, Appendix K.

    >>> did_entropy_from_samples([-1.0, -1.0], [-1.0, -1.0])
    1.0
    """
    x, r = _columns(policy, reference)
    w = NUMPY.softmax(-r)
    return float(np.logaddexp.reduce(-r) - np.log(len(r)) - w @ (x - r))


def did_entropy_error(policy: Any, reference: Any) -> float:
    r"""Standard error of that estimate by the jackknife, in nats; it knows nothing of responses never drawn.

    >>> did_entropy_error([-1.0, -1.0, -1.0], [-1.0, -1.0, -1.0])
    0.0
    """
    x, r = _columns(policy, reference)
    n, scale = len(r), float(np.max(-r))
    w = np.exp(-r - scale)
    total, weighed = w.sum() - w, (w * (x - r)).sum() - w * (x - r)  # without one sample at a time
    if n < 3 or not (total > 1e-12).all():
        return float("inf")
    out = scale + np.log(total / (n - 1)) - weighed / total
    return float(np.sqrt((n - 1) / n * np.sum((out - out.mean()) ** 2)))


def effective_size(reference: Any) -> float:
    r"""Effective number of samples behind that estimate, :math:`(\sum_i w_i)^2 / \sum_i w_i^2`.

    >>> round(effective_size([-1.0, -1.0, -1.0]), 6)
    3.0
    """
    w = NUMPY.softmax(-column("reference", reference))
    return float(1 / (w @ w))


def slope_sign(trained: Any, policy: Any, reference: Any) -> float:
    r"""Sign of the least-squares slope :math:`\hat\beta'` of log pi-tilde on log pi - log pi_ref, for one prompt.

    Returns:
        -1, 0 or 1; NaN where the log-ratios are all equal, so that there is no slope.

    Ref: Won et al. 2025, Appendix K.1.

    >>> slope_sign([-1.0, -2.0], [-1.0, -3.0], [-1.0, -1.0])
    1.0
    """
    x, r = _columns(policy, reference)
    y = column("trained", trained)
    d = x - r - (x - r).mean()
    return float(np.sign(d @ (y - y.mean()))) if d @ d > 1e-20 else float("nan")


def _columns(policy: Any, reference: Any) -> tuple[np.ndarray, np.ndarray]:
    x, r = column("policy", policy), column("reference", reference)
    if x.shape != r.shape:
        raise ArgumentError("reference", f"as long as `policy` ({len(x)})", str(len(r)))
    return x, r
