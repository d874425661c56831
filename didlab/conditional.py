r"""Conditional policies :math:`\pi(y|x)` with a distribution of prompts, priors, and what couples responses to prompts.

Everything here is given by weights, not by logits: prompts that never come, responses that a prior excludes and
deterministic rows are ordinary cases of rate-distortion theory. Rows are normalised; a prior is one row (..., K) for
all prompts, or a row for each of them (..., X, K), wherever it comes from: a reference, the policy itself, labels.
A divergence from a prior that excludes what the policy does is infinite; prompts of weight 0 do not count.

Convention: as in Tutunov et al. 2025, beta multiplies rewards, and 1 / beta divergences; :func:`didlab.tilt` and DPO
call 1 / beta what is beta here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import hyper, is_tensor, log_weights, number, same_kind, same_outcomes
from .carriers import carrier_of
from .errors import ArgumentError

__all__ = [
    "divergences", "entropies", "expected_reward", "information", "joint", "log_partition", "marginal",
    "optimal_policy", "optimal_value", "policy_prior", "policy_prior_optimum", "regularised_objective",
    "variational",
]


def joint(prompts: Any, policies: Any) -> Any:
    r"""The joint distribution :math:`\rho(x)\,\pi(y|x)`.

    Args:
        prompts: weights of the prompts, numbers from 0, shape (..., X).
        policies: weights of the responses to each, numbers from 0, shape (..., X, K).

    Returns:
        probabilities, shape (..., X, K).

    Raises:
        ArgumentError: not weights, no weight at all, or not one row for each prompt.

    >>> joint([1, 3], [[1, 1], [0, 1]])
    array([[0.125, 0.125],
           [0.   , 0.75 ]])
    """
    rho, table = _channel(prompts, policies)
    return rho[..., None] * table


def marginal(prompts: Any, policies: Any) -> Any:
    r"""The distribution of the responses over all prompts, :math:`m(y) = \sum_x \rho(x)\,\pi(y|x)`.

    Args:
        prompts, policies: as for :func:`joint`.

    Returns:
        probabilities, shape (..., K).

    Raises:
        ArgumentError: as for :func:`joint`.

    >>> marginal([1, 3], [[1, 1], [0, 1]])
    array([0.125, 0.875])

    Ref: Tutunov et al. 2025, Lemma 1.
    """
    return joint(prompts, policies).sum(-2)


def divergences(policies: Any, prior: Any) -> Any:
    r"""The divergence of each row from the prior, :math:`D_{KL}[\pi(\cdot|x) \,\|\, \zeta]`.

    Args:
        policies: weights, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).

    Returns:
        nats, shape (..., X), infinite where the prior excludes a response that the row has.

    Raises:
        ArgumentError: not weights, or shapes that do not fit.

    >>> divergences([[1, 1], [0, 1]], [1, 1]).round(6)
    array([0.      , 0.693147])
    """
    p = _rows("policies", policies)
    q = _prior(prior, p)
    c = carrier_of(p, q)
    p, q = np.broadcast_arrays(p, q)
    on, inside = _above_0(p), _above_0(q)
    one = 0 * p + 1
    a, b = np.where(on, p, one), np.where(on & inside, q, one)
    terms = c.kl_terms(a, b, c.log(a) - c.log(b))
    rest = 0 * q if c.exact else q  # float terms are those of p log(p/q) - p + q, none of them negative
    total = np.where(on, terms, rest).sum(-1)
    return np.where((on & ~inside).any(-1), _infinity(c), total)


def entropies(policies: Any) -> Any:
    r"""The entropy of each row, :math:`-\sum_y \pi(y|x) \log \pi(y|x)`, where 0 log 0 is 0.

    Args:
        policies: weights, shape (..., K).

    Returns:
        nats, shape (...).

    Raises:
        ArgumentError: not weights.

    >>> entropies([[1, 1], [0, 1]]).round(6) + 0.0
    array([0.693147, 0.      ])

    Convention: :func:`didlab.entropy` is the same of logits, with full support and all its digits.
    """
    p = _rows("policies", policies)
    on = _above_0(p)
    return -np.where(on, p * carrier_of(p).log(np.where(on, p, 0 * p + 1)), 0 * p).sum(-1)


def variational(prompts: Any, policies: Any, prior: Any) -> Any:
    r"""The mean divergence from a prior, :math:`I_g = \sum_x \rho(x)\, D_{KL}[\pi(\cdot|x) \,\|\, \zeta]`.

    It is :math:`I(X;Y) + D_{KL}[m \,\|\, \zeta]` for a prior on responses alone, so that its least value over such
    priors is the mutual information, at the marginal m only; over priors that see the prompt its least value is 0.

    Args:
        prompts: weights, shape (..., X).
        policies: weights, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).

    Returns:
        nats, shape (...), infinite where the prior excludes what the policy does.

    Raises:
        ArgumentError: not weights, or shapes that do not fit.

    >>> variational([1, 1], [[1, 0], [0, 1]], [1, 1]).round(6)
    np.float64(0.693147)

    Ref: Tutunov et al. 2025, Lemma 1.
    """
    rho, table = _channel(prompts, policies)
    return _mean(rho, divergences(table, prior))


def information(prompts: Any, policies: Any) -> Any:
    r"""Mutual information :math:`I(X;Y)` of prompts and responses, supports that vanish included.

    Args:
        prompts, policies: as for :func:`joint`.

    Returns:
        nats, shape (...), from 0 to log min(X, K).

    Raises:
        ArgumentError: as for :func:`joint`.

    >>> information([1, 1, 0], [[1, 0], [0, 1], [1, 1]]).round(6)
    np.float64(0.693147)

    Convention: :func:`didlab.mutual_information` is the same of logits, with full support and all its digits.
    """
    return variational(prompts, policies, marginal(prompts, policies))


def expected_reward(prompts: Any, policies: Any, reward: Any) -> Any:
    r"""Expected reward :math:`\sum_x \rho(x) \sum_y \pi(y|x)\, r(x,y)`.

    Args:
        prompts, policies: as for :func:`joint`.
        reward: numbers, shape (..., X, K).

    Returns:
        shape (...).

    Raises:
        ArgumentError: as for :func:`joint`, or rewards that are not one for each prompt and response.

    >>> expected_reward([1, 1], [[1, 0], [0, 1]], [[1, 0], [0, 3]])
    np.float64(2.0)
    """
    p = joint(prompts, policies)
    return (p * _reward(reward, p)).sum(-1).sum(-1)


def regularised_objective(prompts: Any, policies: Any, reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""Expected reward less the mean divergence from the prior, :math:`\mathbb{E}[r] - \tfrac1\beta I_g`.

    Args:
        prompts: weights, shape (..., X).
        policies: weights, shape (..., X, K).
        reward: numbers, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).
        beta: above 0, a number or shape (..., 1), one for each batch of X prompts.

    Returns:
        shape (...), minus infinity where the prior excludes what the policy does.

    Raises:
        ArgumentError: not weights, shapes that do not fit, or beta not above 0.

    >>> regularised_objective([1], [[1, 1]], [[1.0, 0.0]], [1, 1], beta=2.0)
    np.float64(0.5)

    Ref: Tutunov et al. 2025, Eqs 3 and 4.
    """
    gain = expected_reward(prompts, policies, reward)
    cost = variational(prompts, policies, prior)
    b = hyper("beta", beta, log_weights("prompts", prompts))
    return gain - cost / (b[..., 0] if getattr(b, "ndim", 0) else b)


def optimal_policy(reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The policy that maximises :func:`regularised_objective` for a prior that does not depend on the policy.

    :math:`\pi^*(y|x) = \zeta(y)\,e^{\beta r(x,y)} / \sum_{y'} \zeta(y')\,e^{\beta r(x,y')}`.

    Args:
        reward: numbers, shape (..., X, K).
        prior: weights, shape (..., K) or (..., X, K).
        beta: above 0, a number or shape (..., 1).

    Returns:
        probabilities, shape (..., X, K).

    Raises:
        ArgumentError: not weights, shapes that do not fit, or beta not above 0.

    >>> optimal_policy([[0.0, 0.0], [0.0, 9.0]], [1, 0], beta=1.0)
    array([[1., 0.],
           [1., 0.]])

    Ref: Tutunov et al. 2025, Eq 5.
    """
    tilted, _ = _tilted(reward, prior, beta)
    return tilted / tilted.sum(-1, keepdims=True)


def optimal_value(prompts: Any, reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The value of :func:`optimal_policy`, :math:`\tfrac1\beta \sum_x \rho(x) \log \sum_y \zeta(y)\,e^{\beta r(x,y)}`.

    Args:
        prompts: weights, shape (..., X).
        reward, prior, beta: as for :func:`optimal_policy`.

    Returns:
        shape (...).

    Raises:
        ArgumentError: as for :func:`optimal_policy`.

    >>> optimal_value([1], [[0.0, 0.0]], [1, 1], beta=3.0)
    np.float64(0.0)
    """
    rho = _rows("prompts", prompts)
    b = hyper("beta", beta, rho)
    return _mean(rho, log_partition(reward, prior, beta=beta)) / (b[..., 0] if getattr(b, "ndim", 0) else b)


def log_partition(reward: Any, prior: Any, *, beta: Any) -> Any:
    r"""The logarithm of the normaliser of :func:`optimal_policy`, :math:`\log \sum_y \zeta(y)\,e^{\beta r(x,y)}`.

    Args:
        reward, prior, beta: as for :func:`optimal_policy`.

    Returns:
        nats, shape (..., X).

    Raises:
        ArgumentError: as for :func:`optimal_policy`.

    >>> log_partition([[1.0, 1.0]], [1, 3], beta=2.0)
    array([2.])

    Ref: Tutunov et al. 2025, Eq 5.
    """
    tilted, top = _tilted(reward, prior, beta)
    return carrier_of(tilted).log(tilted.sum(-1)) + top


def policy_prior(base: Any, policy: Any, *, power: Any, normalise: bool = False) -> Any:
    r"""The logarithm of a prior that contains the policy, :math:`\zeta(y|x) = b(y|x)\,\pi(y|x)^{s(y)}`.

    Most priors of section 4 of Tutunov et al. 2025 are of this form: entropy-controllable DPO with s = 1 - eta, SimPO
    with s = 1 - 1/|y|. One that depends on labels differs in b alone. :mod:`.objectives.mi_dpo` takes it as it is; as
    a distribution it is divided by a sum that depends on the policy.

    Args:
        base: logarithms of b, shape (..., K) or (..., X, K).
        policy: logits, shape (..., X, K).
        power: s, a number or an array that broadcasts with the policy.
        normalise: whether each row is divided by its sum.

    Returns:
        logarithms, shape (..., X, K).

    Raises:
        ArgumentError: not finite numbers, or shapes that do not fit.

    >>> policy_prior([0.0, 0.0], np.log([[1, 4]]), power=0.5, normalise=True).round(6)
    array([[-1.098612, -0.405465]])
    """
    b, p = _row_of("base", base, log_weights("policy", policy)), log_weights("policy", policy)
    number("power", power)
    c = carrier_of(p, b)
    z = b + power * c.log_softmax(p)
    return c.log_softmax(z) if normalise else z


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

    >>> np.exp(policy_prior_optimum([[0.0, 0.0]], np.log([1, 2]), beta=1.0, power=0.5))
    array([[0.2, 0.8]])
    """
    r = log_weights("reward", reward)
    b = _row_of("base", base, r)
    share = hyper("1 - power", 1 - number("power", power), r[..., 0], "above 0: power is below 1")
    scale = hyper("beta", beta, r[..., 0])
    c = carrier_of(r, b)
    return c.log_softmax((b + _over(scale, 1) * r) / _over(share, 1))


def _row_of(name: str, x: Any, table: Any) -> Any:
    """An array for all prompts or for each, with an axis for the prompts."""
    rows = log_weights(name, x)
    rows = rows[..., None, :] if rows.ndim < table.ndim else rows
    same_outcomes(**{"policy": table, name: rows})
    return rows


def _over(x: Any, axes: int) -> Any:
    """A number for each instance, with axes of length 1 behind."""
    return x[(..., *(None,) * axes)] if getattr(x, "ndim", 0) else x


def _above_0(x: Any) -> np.ndarray:
    """Where an array of numbers is above 0; symbols, which have no order, count as positive."""
    try:
        return np.asarray(x > 0).astype(bool)
    except TypeError:
        return np.ones(np.shape(x), dtype=bool)


def _infinity(c: Any) -> Any:
    if not c.exact:
        return np.inf
    from flint import arb

    return arb("inf")


def _rows(name: str, x: Any) -> Any:
    """Weights from 0, normalised over the last axis."""
    w = log_weights(name, x)
    if is_tensor(w):
        raise ArgumentError(name, "a numpy array", "a tensor")
    try:
        negative = bool((w < 0).any())
    except TypeError:
        negative = False
    if negative:
        raise ArgumentError(name, "weights from 0", "a negative one")
    if not bool(_above_0(w).any(-1).all()):
        raise ArgumentError(name, "weights of which one in each row is above 0", "a row of zeros")
    return w / w.sum(-1, keepdims=True)


def _channel(prompts: Any, policies: Any) -> tuple[Any, Any]:
    rho, table = _rows("prompts", prompts), _rows("policies", policies)
    if table.ndim < 2 or table.shape[-2] != rho.shape[-1]:
        raise ArgumentError("policies", f"of shape (..., {rho.shape[-1]}, K)", str(tuple(table.shape)))
    same_kind("policies", table, "prompts", rho)
    return rho, table


def _prior(prior: Any, table: Any) -> Any:
    """The prior with an axis for the prompts."""
    q = _rows("prior", prior)
    q = q[..., None, :] if q.ndim < table.ndim else q
    try:
        fits = q.shape[-1] == table.shape[-1] and np.broadcast_shapes(q.shape, table.shape) == table.shape
    except ValueError:
        fits = False
    if not fits:
        expected = f"of shape (..., {table.shape[-1]}) or {tuple(table.shape)}"
        raise ArgumentError("prior", expected, str(np.shape(prior)))
    same_kind("prior", q, "policies", table)
    return q


def _reward(reward: Any, table: Any) -> Any:
    r = log_weights("reward", reward)
    if r.shape[-2:] != table.shape[-2:]:
        raise ArgumentError("reward", f"of shape (..., {table.shape[-2]}, {table.shape[-1]})", str(tuple(r.shape)))
    same_kind("reward", r, "policies", table)
    return r


def _mean(rho: Any, x: Any) -> Any:
    """The mean over prompts of positive weight: 0 times infinity does not occur."""
    on = _above_0(rho)
    return np.where(on, rho * np.where(on, x, 0 * rho), 0 * rho).sum(-1)


def _tilted(reward: Any, prior: Any, beta: Any) -> tuple[Any, Any]:
    """Weights zeta exp(beta r - top) of each prompt, and top, which keeps floats from overflowing."""
    r = log_weights("reward", reward)
    q = _prior(prior, r)
    c = carrier_of(r, q)
    scaled = _over(hyper("beta", beta, r[..., 0]), 1) * r
    if c.exact:
        return q * c.exp(scaled), 0
    top = np.where(q > 0, scaled, -np.inf).max(-1, keepdims=True)
    return q * np.exp(np.minimum(scaled - top, 0)), top[..., 0]
