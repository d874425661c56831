"""Appendix K on samples: the entropy of the distribution of differential information, and the test of its stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import NUMPY
from ..errors import ArgumentError
from .estimate import column

__all__ = [
    "did_entropy_corrected", "did_entropy_error", "did_entropy_from_samples", "did_entropy_left_out", "effective_size",
    "slope_sign",
]


def did_entropy_from_samples(policy: Any, reference: Any, by: Any = None) -> float:
    r""":math:`\log\hat Z - \sum_i w_i \log\frac{\pi(y_i)}{\pi_{ref}(y_i)} / \sum_i w_i` with
    :math:`w_i = \frac{\pi(y_i)}{\pi_{ref}(y_i)} / b(y_i)`, :math:`\hat Z` their mean, and :math:`y_i \sim b` for one
    prompt; without `by`, :math:`b = \pi` and :math:`w_i = 1/\pi_{ref}(y_i)`, the estimate that Appendix K sets aside.

    Args:
        policy, reference: log-probabilities of n samples, shape (n,), in nats.
        by: those of the same samples under the model b that drew them; None if the policy did.

    Returns:
        the estimate in nats; its bias has no bound, since responses never drawn may carry most of Z.

    Ref: Won et al. 2025, Appendix K.

    >>> did_entropy_from_samples([-1.0, -1.0], [-1.0, -1.0])
    1.0
    """
    x, log_w = _ratios(policy, reference, by)
    return float(np.logaddexp.reduce(log_w) - np.log(len(x)) - NUMPY.softmax(log_w) @ x)


def did_entropy_corrected(policy: Any, reference: Any, by: Any = None) -> float:
    r"""The same, less its bias of order 1/n, which the jackknife finds.

    >>> round(did_entropy_corrected([-1.0, -2.0, -1.0], [-1.0, -1.0, -1.0], [-1.0, -2.0, -1.0]), 6)
    1.333333
    """
    plain, out = did_entropy_from_samples(policy, reference, by), did_entropy_left_out(policy, reference, by)
    return plain if out is None else float(len(out) * plain - (len(out) - 1) * out.mean())


def did_entropy_error(policy: Any, reference: Any, by: Any = None) -> float:
    r"""Standard error of that estimate by the jackknife, in nats; it knows nothing of responses never drawn.

    >>> did_entropy_error([-1.0, -1.0, -1.0], [-1.0, -1.0, -1.0])
    0.0
    """
    out = did_entropy_left_out(policy, reference, by)
    return float("inf") if out is None else float(np.sqrt((len(out) - 1) * out.var()))


def did_entropy_left_out(policy: Any, reference: Any, by: Any = None) -> np.ndarray | None:
    """The estimate without one sample at a time, shape (n,); None where one sample is all there is.

    >>> did_entropy_left_out([-1.0, -1.0, -1.0], [-1.0, -1.0, -1.0])
    array([1., 1., 1.])
    """
    x, log_w = _ratios(policy, reference, by)
    n, scale = len(x), float(np.max(log_w))
    w = np.exp(log_w - scale)
    total, weighed = w.sum() - w, (w * x).sum() - w * x
    return scale + np.log(total / (n - 1)) - weighed / total if n >= 3 and (total > 1e-12).all() else None


def effective_size(log_weights: Any) -> float:
    r"""Effective number of samples behind a weighted mean, :math:`(\sum_i w_i)^2 / \sum_i w_i^2`.

    >>> round(effective_size([-1.0, -1.0, -1.0]), 6)
    3.0
    """
    w = NUMPY.softmax(column("log_weights", log_weights))
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


def _columns(policy: Any, other: Any, name: str = "reference") -> tuple[np.ndarray, np.ndarray]:
    x, r = column("policy", policy), column(name, other)
    if x.shape != r.shape:
        raise ArgumentError(name, f"as long as `policy` ({len(x)})", str(len(r)))
    return x, r


def _ratios(policy: Any, reference: Any, by: Any) -> tuple[np.ndarray, np.ndarray]:
    """Log-ratios, and the logarithms of the weights."""
    x, r = _columns(policy, reference)
    return x - r, -r if by is None else x - r - _columns(policy, by, "by")[1]
