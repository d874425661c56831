r"""Token models that are a linear softmax layer, and the inner products of their gradients.

Every model of this package predicts token t from logits that are linear in one table of parameters,
:math:`z_t = o_t + \phi_t^\top\Theta` with :math:`\Theta \in R^{D\times V}`, a frozen offset o and frozen features
:math:`\phi`. With the residual :math:`r_t = e_{y_t} - s_t`, :math:`s_t = \mathrm{softmax}(z_t)`,

.. math:: \nabla_\Theta \log s_t[y_t] = \phi_t \otimes r_t, \qquad
    \langle\nabla\log s_i[y_i],\, \nabla\log s_j[y_j]\rangle = \langle\phi_i, \phi_j\rangle\,\langle r_i, r_j\rangle

so that all gradient geometry follows from features and residuals, which need no autograd and stay rational where the
rows s are. The functions take any kind of number: float64, tensors, balls, exact numbers and polynomials.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import instance, is_tensor, naming
from ..errors import ArgumentError
from .softmax import indicator, residuals, softmax_residuals, softmax_terms

__all__ = [
    "Gram", "by_tokens", "gradient_gram", "indicator", "residuals", "sequence_gradient", "sequence_gram",
    "sequence_inner_product", "softmax_residuals", "softmax_terms", "token_inner_products",
]

Array = Any
TOKENS_COST = 4  # products of tokens are small matrices, each multiplication of which takes longer for its size


class Gram(NamedTuple):
    r"""Inner products of the gradients of :math:`\log\pi(y_w)` and :math:`\log\pi(y_l)`: norms squared and product."""

    ww: Array
    wl: Array
    ll: Array


def token_inner_products(features_a: Array, residuals_a: Array, features_b: Array, residuals_b: Array) -> Array:
    r"""The inner product of the gradient of each token of one response with each token of another.

    .. math:: \langle\phi_i, \phi_j\rangle\,\langle r_i, r_j\rangle

    Args:
        features_a, features_b: :math:`\phi`, shapes (..., La, D) and (..., Lb, D).
        residuals_a, residuals_b: r, shapes (..., La, V) and (..., Lb, V), as from `residuals`.

    Returns:
        shape (..., La, Lb).

    Raises:
        ArgumentError: features and residuals of different numbers of tokens, or of different widths.

    >>> one, r = np.ones((2, 1)), residuals(np.array([[0.5, 0.5], [0.25, 0.75]]), [0, 1])
    >>> token_inner_products(one, r, one, r)
    array([[ 0.5  , -0.25 ],
           [-0.25 ,  0.125]])

    Ref: "Common pitfalls of margin-based preference optimization", Figure 4 (b).
    """
    _fitting(features_a, residuals_a, features_b, residuals_b)
    return (features_a @ features_b.swapaxes(-1, -2)) * (residuals_a @ residuals_b.swapaxes(-1, -2))


def sequence_gradient(features: Array, residual: Array, *, out: Array = None) -> Array:
    r"""The gradient of the log-probability of a whole response, :math:`\sum_t \phi_t \otimes r_t`.

    Args:
        features: shape (..., L, D).
        residual: shape (..., L, V).
        out: a float64 array to write into.

    Returns:
        shape (..., D, V), that of the parameters.

    Raises:
        ArgumentError: different numbers of tokens.

    >>> sequence_gradient(np.ones((2, 1)), np.array([[0.5, -0.5], [-0.25, 0.25]]))
    array([[ 0.25, -0.25]])
    """
    _fitting(features, residual, features, residual)
    turned = features.swapaxes(-1, -2)
    return turned @ residual if out is None else np.matmul(turned, residual, out=out)


def sequence_inner_product(features_a: Array, residuals_a: Array, features_b: Array, residuals_b: Array) -> Array:
    r""":math:`\langle\nabla\log\pi(y_a), \nabla\log\pi(y_b)\rangle`, by the cheaper of two orders of summation.

    .. math:: \sum_{ij} \langle\phi_i, \phi_j\rangle\langle r_i, r_j\rangle
        = \Big\langle \sum_i \phi_i\otimes r_i,\, \sum_j \phi_j\otimes r_j \Big\rangle

    The left takes La Lb (D + V) products, the right (La + Lb) D V.

    Args:
        features_a, residuals_a, features_b, residuals_b: as for `token_inner_products`.

    Returns:
        shape (...).

    Raises:
        ArgumentError: as for `token_inner_products`.

    >>> one, r = np.ones((2, 1)), residuals(np.array([[0.5, 0.5], [0.25, 0.75]]), [0, 1])
    >>> sequence_inner_product(one, r, one, r)
    np.float64(0.125)

    Ref: "Common pitfalls of margin-based preference optimization", section 4.
    """
    _fitting(features_a, residuals_a, features_b, residuals_b)
    if by_tokens(features_a.shape[-2], features_b.shape[-2], features_a.shape[-1], residuals_a.shape[-1]):
        return token_inner_products(features_a, residuals_a, features_b, residuals_b).sum((-1, -2))
    return _inner(sequence_gradient(features_a, residuals_a), sequence_gradient(features_b, residuals_b))


def sequence_gram(features_w: Array, residuals_w: Array, features_l: Array, residuals_l: Array) -> Gram:
    r"""The Gram matrix of the gradients of the log-probabilities of a chosen and a rejected response.

    Args:
        features_w, residuals_w: of the chosen response, shapes (..., Lw, D) and (..., Lw, V).
        features_l, residuals_l: of the rejected response, shapes (..., Ll, D) and (..., Ll, V).

    Returns:
        `Gram`, each of shape (...).

    Raises:
        ArgumentError: as for `token_inner_products`.

    >>> s, one = np.array([[0.5, 0.5]]), np.ones((1, 1))
    >>> [float(x) for x in sequence_gram(one, residuals(s, [0]), one, residuals(s, [1]))]
    [0.5, -0.5, 0.5]

    Ref: "Common pitfalls of margin-based preference optimization", Eq 5.
    """
    with naming(features_a="features_w", residuals_a="residuals_w", features_b="features_l", residuals_b="residuals_l"):
        _fitting(features_w, residuals_w, features_l, residuals_l)
    if by_tokens(features_w.shape[-2], features_l.shape[-2], features_w.shape[-1], residuals_w.shape[-1]):
        w, l = (features_w, residuals_w), (features_l, residuals_l)  # noqa: E741
        return Gram(*(token_inner_products(*a, *b).sum((-1, -2)) for a, b in ((w, w), (w, l), (l, l))))
    return gradient_gram(sequence_gradient(features_w, residuals_w), sequence_gradient(features_l, residuals_l))


def gradient_gram(gradient_w: Array, gradient_l: Array) -> Gram:
    """The Gram matrix of two dense gradients, shapes (..., D, V).

    >>> [float(x) for x in gradient_gram(np.ones((2, 3)), 2 * np.ones((2, 3)))]
    [6.0, 12.0, 24.0]
    """
    return Gram(_inner(gradient_w, gradient_w), _inner(gradient_w, gradient_l), _inner(gradient_l, gradient_l))


def _inner(a: Array, b: Array) -> Array:
    """The sum of the products of two tables."""
    if is_tensor(a) or is_tensor(b) or object in (a.dtype, b.dtype):
        return (a * b).sum((-1, -2))
    flat = a.shape[-2] * a.shape[-1]
    return np.vecdot(a.reshape(*a.shape[:-2], flat), b.reshape(*b.shape[:-2], flat))


def by_tokens(la: int, lb: int, d: int, v: int) -> bool:
    """Whether inner products of all tokens are cheaper than dense gradients, for La and Lb tokens, D and V.

    >>> by_tokens(20, 20, 768, 32000), by_tokens(64, 64, 32, 32)
    (True, False)
    """
    return TOKENS_COST * la * lb * (d + v) < (la + lb) * d * v


def _fitting(features_a: Array, residuals_a: Array, features_b: Array, residuals_b: Array) -> None:
    given = {"features_a": features_a, "residuals_a": residuals_a, "features_b": features_b, "residuals_b": residuals_b}
    for name, x in given.items():
        if not is_tensor(x):
            instance(name, x, np.ndarray, "an array or a tensor")
    for name, x, y in (("residuals_a", features_a, residuals_a), ("residuals_b", features_b, residuals_b)):
        if x.ndim < 2 or y.ndim < 2 or x.shape[-2] != y.shape[-2]:
            raise ArgumentError(name, f"of shape (..., L, V) with features (..., L, D) of shape {tuple(x.shape)}",
                                f"shape {tuple(y.shape)}")
    for name, x, y in (("features_b", features_a, features_b), ("residuals_b", residuals_a, residuals_b)):
        if x.shape[-1] != y.shape[-1]:
            raise ArgumentError(name, f"of width {x.shape[-1]}", f"width {y.shape[-1]}")
