r"""MI-DPO: the Bradley-Terry likelihood of rewards that are log-ratios to a prior.

.. math::
    -\log\sigma\Big(\alpha\log\tfrac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\tfrac{\pi(y_l|x)}{\zeta(y_l)}\Big)

The prior comes as values of its logarithm, whatever it depends on; it need not be normalised, since a factor that is
the same for both responses cancels. A prior that contains the policy has a gradient of its own, and there are two
gradients of one loss: with the prior differentiated and with the prior held fixed (its Jacobians left out).

Ref: Tutunov et al. 2025, section 3.2 and Appendix A.1.

Convention: alpha is 1 / beta of that paper, the beta of :mod:`.dpo`; log-probabilities are summed over tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import hyper, log_weights, same_outcomes
from ..conditional.weights import over
from ..errors import ArgumentError
from .links import link

__all__ = ["escape", "gradient", "loss", "loss_gradient", "margin", "margins", "on_cycles", "slopes", "value"]


def margin(chosen: Any, rejected: Any, chosen_prior: Any, rejected_prior: Any, *, alpha: Any = 1) -> Any:
    r"""Inside the sigmoid: :math:`\alpha\log\frac{\pi(y_w)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l)}{\zeta(y_l)}`.

    Args:
        chosen, rejected: log-probabilities of the responses under the policy, in nats, shape (..., M).
        chosen_prior, rejected_prior: values of the log-prior at the responses, shapes that broadcast.
        alpha: scale of the reward, above 0, a number or shape (..., 1).

    Returns:
        nats, of the broadcast shape.

    Raises:
        ArgumentError: not finite numbers (a prior of 0 gives no margin), shapes that do not fit, alpha not above 0.

    >>> margin([-1.0], [-2.0], [-1.0], [-1.0], alpha=0.5)
    array([0.5])
    """
    w, l, zw, zl, a = _checked(chosen, rejected, chosen_prior, rejected_prior, alpha)  # noqa: E741
    return a * ((w - zw) - (l - zl))


def value(chosen: Any, rejected: Any, chosen_prior: Any, rejected_prior: Any, *, alpha: Any = 1) -> Any:
    r"""The loss of each pair, :math:`-\log\sigma` of its margin.

    Args:
        chosen, rejected, chosen_prior, rejected_prior, alpha: as for :func:`margin`.

    Returns:
        nats, of the broadcast shape, above 0.

    Raises:
        ArgumentError: as for :func:`margin`.

    >>> value([-1.0], [-1.0], [-3.0], [-3.0]).round(6)
    array([0.693147])
    """
    return link("logistic", margin(chosen, rejected, chosen_prior, rejected_prior, alpha=alpha))


def slopes(chosen: Any, rejected: Any, chosen_prior: Any, rejected_prior: Any, *, alpha: Any = 1) -> Any:
    r"""The derivative of the loss by :math:`\log\pi(y_w)`, :math:`-\alpha\,\sigma(-\text{margin})`.

    The derivatives by :math:`\log\pi(y_l)` and :math:`\log\zeta(y_w)` are its negative, that by
    :math:`\log\zeta(y_l)` is the same number.

    Args:
        chosen, rejected, chosen_prior, rejected_prior, alpha: as for :func:`margin`.

    Returns:
        array of the broadcast shape, below 0.

    Raises:
        ArgumentError: as for :func:`margin`.

    >>> slopes([-1.0], [-1.0], [-1.0], [-1.0], alpha=2.0)
    array([-1.])
    """
    x = margin(chosen, rejected, chosen_prior, rejected_prior, alpha=alpha)
    return alpha * link("logistic", x, 1)


def gradient(
    slope: Any, chosen: Any, rejected: Any, *, chosen_prior: Any | None = None, rejected_prior: Any | None = None
) -> Any:
    r"""The gradient of the loss by the parameters of the policy, from the Jacobians of the four logarithms.

    The slope times :math:`\nabla\log\pi(y_w) - \nabla\log\zeta(y_w) - \nabla\log\pi(y_l) + \nabla\log\zeta(y_l)`, for
    each pair; without the Jacobians of the prior it is the gradient with the prior held fixed.

    Args:
        slope: from :func:`slopes`, shape (..., M).
        chosen, rejected: gradients of the log-probabilities, shape (..., M, D).
        chosen_prior, rejected_prior: gradients of the log-prior, shape (..., M, D); both or none.

    Returns:
        shape (..., M, D).

    Raises:
        ArgumentError: one Jacobian of the prior without the other, or shapes that do not fit.

    >>> gradient([-0.5], [[1.0, 0.0]], [[0.0, 1.0]])
    array([[-0.5,  0.5]])
    >>> gradient([-0.5], [[1.0, 0.0]], [[0.0, 1.0]], chosen_prior=[[1.0, 0.0]], rejected_prior=[[0.0, 0.0]])
    array([[-0. ,  0.5]])
    """
    s, jw, jl = log_weights("slope", slope), log_weights("chosen", chosen), log_weights("rejected", rejected)
    same_outcomes(chosen=jw, rejected=jl)
    if jw.ndim < 2 or jw.shape[-2] != s.shape[-1]:
        raise ArgumentError("chosen", f"of shape (..., {s.shape[-1]}, D)", str(tuple(jw.shape)))
    if (chosen_prior is None) != (rejected_prior is None):
        missing = "rejected_prior" if rejected_prior is None else "chosen_prior"
        raise ArgumentError(missing, "given together with that of the other response", "None")
    direction = jw - jl
    if chosen_prior is not None:
        zw, zl = log_weights("chosen_prior", chosen_prior), log_weights("rejected_prior", rejected_prior)
        same_outcomes(chosen=jw, chosen_prior=zw, rejected_prior=zl)
        direction = direction - (zw - zl)
    return s[..., None] * direction


def margins(policy: Any, prior: Any, *, alpha: Any = 1) -> Any:
    r"""The margins of every two responses to a prompt, :math:`\alpha(h_w - h_l)` with :math:`h = \log\pi - \log\zeta`.

    Args:
        policy: logits of the conditional policy, shape (..., X, K).
        prior: logarithms of the prior, shape (..., K), (..., X, K) or with an axis of length 1 for the prompts.
        alpha: scale of the reward, above 0, a number or shape (..., 1), one for each batch of X prompts.

    Returns:
        nats, shape (..., X, K, K), w before l.

    Raises:
        ArgumentError: shapes that do not fit, or alpha not above 0.

    >>> margins([[0.0, 1.0]], [0.0, 0.0], alpha=2.0)
    array([[[ 0., -2.],
            [ 2.,  0.]]])
    """
    p, z = log_weights("policy", policy), log_weights("prior", prior)
    if z.ndim == 1 or z.ndim < p.ndim:
        z = z[..., None, :]
    same_outcomes(policy=p, prior=z)
    h = p - z  # the normalisers of both cancel between two responses to one prompt
    scale = over(hyper("alpha", alpha, h[..., 0]), 2)
    return scale * (h[..., :, None] - h[..., None, :])


def loss(policy: Any, prior: Any, counts: Any, *, alpha: Any = 1) -> Any:
    r"""The loss of a data set on outcomes: the mean over its pairs, at every prompt.

    :math:`\frac{1}{N}\sum_{x,w,l} n_{xwl}\,\big(-\log\sigma(\alpha\,(h_{xw} - h_{xl}))\big)` with
    :math:`h = \log\pi - \log\zeta`.

    Args:
        policy: logits of the conditional policy, shape (..., X, K).
        prior: logits of the prior, shape (..., K), (..., X, K) or with an axis of length 1 for the prompts.
        counts: how often w was chosen and l rejected at prompt x, shape (..., X, K, K).
        alpha: scale of the reward, above 0, a number or shape (..., 1), one for each batch of X prompts.

    Returns:
        nats, shape (...).

    Raises:
        ArgumentError: shapes that do not fit, no pair at all, or alpha not above 0.

    >>> import numpy as np
    >>> loss([[0.0, 0.0]], [0.0, 0.0], [[[0, 1], [1, 0]]]).round(6)
    np.float64(0.693147)
    """
    gaps = margins(policy, prior, alpha=alpha)
    n = _pairs(counts, gaps)
    return _total(n * link("logistic", gaps)) / _total(n)


def loss_gradient(policy: Any, prior: Any, counts: Any, *, alpha: Any = 1) -> Any:
    r"""The derivative of :func:`loss` by the log-ratios :math:`h = \log\pi - \log\zeta` of every prompt and response.

    By the logits of the policy, with the prior held fixed, it is the same array, since its sum over the responses of a
    prompt is 0; by the logits of the prior it is its negative, summed over the prompts that share the prior.

    Args:
        policy, prior, counts, alpha: as for :func:`loss`.

    Returns:
        shape (..., X, K).

    Raises:
        ArgumentError: as for :func:`loss`.

    >>> loss_gradient([[0.0, 0.0]], [0.0, 0.0], [[[0, 1], [0, 0]]])
    array([[-0.5,  0.5]])
    """
    gaps = margins(policy, prior, alpha=alpha)
    n = _pairs(counts, gaps)
    flow = n * link("logistic", gaps, 1)
    return over(alpha, 1) * (flow.sum(-1) - flow.sum(-2)) / over(_total(n), 2)


def on_cycles(counts: Any) -> np.ndarray:
    """Whether each pair that a data set compares lies on a cycle of preferences at its prompt.

    The loss has a minimum over all policies, and over all policies and priors, exactly where every pair does.

    Args:
        counts: how often w was chosen and l rejected at prompt x, shape (..., X, K, K).

    Returns:
        booleans, shape (..., X, K, K), true where nothing was compared.

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> on_cycles([[0, 1], [0, 0]]).tolist(), bool(on_cycles([[0, 1], [2, 0]]).all())
    ([[True, False], [True, True]], True)

    Ref: Ford 1957, for one prompt.
    """
    n = log_weights("counts", counts)
    return np.logical_not(_compared(n)) | _reachable(n).swapaxes(-1, -2)


def escape(counts: Any) -> np.ndarray:
    """A direction of the log-ratios along which the loss never rises, and falls forever where it has no minimum.

    The entry of a response is how many a chain of preferences leads down to: equal for the responses of a cycle, and
    larger for the chosen one of a pair that is on none.

    Args:
        counts: as for :func:`on_cycles`.

    Returns:
        integers, shape (..., X, K).

    Raises:
        ArgumentError: not an array of finite numbers.

    >>> escape([[0, 1, 0], [1, 0, 1], [0, 0, 0]])
    array([3, 3, 1])
    """
    return _reachable(log_weights("counts", counts)).sum(-1)


def _compared(counts: Any) -> np.ndarray:
    return np.asarray(np.asarray(counts > 0), dtype=bool)


def _reachable(counts: Any) -> np.ndarray:
    """Whether a chain of preferences leads from w down to l, or w is l."""
    step: np.ndarray = np.logical_or(_compared(counts), np.eye(counts.shape[-1], dtype=bool))
    reach = step
    for _ in range(step.shape[-1]):
        reach = np.any(reach[..., :, :, None] & step[..., None, :, :], axis=-2)
    return np.asarray(reach)


def _total(x: Any) -> Any:
    return x.sum(-1).sum(-1).sum(-1)


def _checked(w: Any, l: Any, zw: Any, zl: Any, alpha: Any) -> tuple[Any, ...]:  # noqa: E741
    names = ("chosen", "rejected", "chosen_prior", "rejected_prior")
    arrays = [log_weights(name, x) for name, x in zip(names, (w, l, zw, zl), strict=True)]
    same_outcomes(**dict(zip(names, arrays, strict=True)))
    return (*arrays, hyper("alpha", alpha, arrays[0]))


def _pairs(counts: Any, gaps: Any) -> Any:
    n = log_weights("counts", counts)
    if n.ndim < 3 or tuple(n.shape[-3:]) != tuple(gaps.shape[-3:]):
        raise ArgumentError("counts", f"of shape (..., {', '.join(map(str, gaps.shape[-3:]))})", str(tuple(n.shape)))
    if not bool((n >= 0).all()) or not bool(np.all(np.asarray(_total(n) > 0))):
        raise ArgumentError("counts", "numbers of pairs from 0, one pair at least", "a negative number or no pair")
    return n
