r"""Priors that contain the policy, :math:`\zeta = b\,\pi^s`, as logarithms, and the optimum that they have."""

from __future__ import annotations

from typing import Any

from ..arguments import broadcasts, flag, hyper, log_weights, number, same_outcomes
from ..carriers import carrier_of
from .weights import over

__all__ = ["policy_prior", "policy_prior_optimum"]


def policy_prior(base: Any, policy: Any, *, power: Any, normalise: bool = False) -> Any:
    r"""The logarithm of a prior that contains the policy, :math:`\zeta(y|x) = b(y|x)\,\pi(y|x)^{s(y)}`.

    Most priors of section 4 of Tutunov et al. 2025 are of this form: entropy-controllable DPO with s = 1 - eta, SimPO
    with s = 1 - 1/|y|. One that depends on labels differs in b alone. :mod:`didlab.objectives.mi_dpo` takes it as is;
    as a distribution it is divided by a sum that depends on the policy.

    Args:
        base: logarithms of b, shape (..., K) or (..., X, K).
        policy: logits, shape (..., X, K).
        power: s, a number or an array that broadcasts with the policy.
        normalise: whether each row is divided by its sum.

    Returns:
        logarithms, shape (..., X, K).

    Raises:
        ArgumentError: not finite numbers, or shapes that do not fit.

    >>> import numpy as np
    >>> policy_prior([0.0, 0.0], np.log([[1, 4]]), power=0.5, normalise=True).round(6)
    array([[-1.098612, -0.405465]])
    """
    b, p = _row_of("base", base, log_weights("policy", policy)), log_weights("policy", policy)
    number("power", power)
    broadcasts("power", getattr(power, "shape", ()), p.shape)
    c = carrier_of(p, b)
    z = b + power * c.log_softmax(p)
    return c.log_softmax(z) if flag("normalise", normalise) else z


def policy_prior_optimum(reward: Any, base: Any, *, beta: Any, power: Any) -> Any:
    r"""The best policy under the prior :math:`b\,\pi^s` as it stands, for one s below 1 (see :func:`policy_prior`).

    :math:`\pi^*(y|x) \propto \big(b(y)\,e^{\beta r(x,y)}\big)^{1/(1-s)}`: the entropy counts 1 - s times, and Eq 5 with
    the prior at the optimum is an equation that it solves.

    Args:
        reward: numbers, shape (..., X, K).
        base: logarithms of b, shape (..., K) or (..., X, K).
        beta: above 0, a number or shape (..., 1), one for each batch of X prompts.
        power: s below 1, a number or shape (..., 1).

    Returns:
        log-probabilities, shape (..., X, K).

    Raises:
        ArgumentError: not finite numbers, shapes that do not fit, beta not above 0, or s not below 1.

    >>> import numpy as np
    >>> np.exp(policy_prior_optimum([[0.0, 0.0]], np.log([1, 2]), beta=1.0, power=0.5))
    array([[0.2, 0.8]])
    """
    r = log_weights("reward", reward)
    b = _row_of("base", base, r)
    share = hyper("1 - power", 1 - number("power", power), r[..., 0], "above 0: power is below 1")
    scale = hyper("beta", beta, r[..., 0])
    c = carrier_of(r, b)
    return c.log_softmax((b + over(scale, 1) * r) / over(share, 1))


def _row_of(name: str, x: Any, table: Any) -> Any:
    """An array for all prompts or for each, with an axis for the prompts."""
    rows = log_weights(name, x)
    rows = rows[..., None, :] if rows.ndim < table.ndim else rows
    same_outcomes(**{"policy": table, name: rows})
    return rows
