"""The gradient of one batch in the logits, by autograd: the definition of every configuration."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..objectives import Objective
from .projected import dpo_pg_direction
from .rules import Rule

__all__ = ["batch_gradient", "runnable"]

RUNNABLE = (
    "an objective (didlab.objectives.get), an update rule, or a function of four tensors of log-probabilities "
    "(chosen, rejected, reference chosen, reference rejected) that returns a loss for each pair"
)


def runnable(configuration: Any, *, dtype: str = "float64", device: str = "cpu") -> None:
    """Tries a configuration on three pairs.

    Raises:
        ArgumentError: it is none, or a function that does not return a loss for each pair.

    >>> runnable(lambda w, l, ref_w, ref_l: (l - w).mean())
    Traceback (most recent call last):
    didlab.errors.ArgumentError: `configurations` must be an objective ...; got shape () for 3 pairs. Leave out ...
    """
    import torch

    if isinstance(configuration, Objective | Rule):
        return
    if not callable(configuration):
        raise ArgumentError("configurations", RUNNABLE, repr(configuration)[:60])
    kind = getattr(torch, dtype)
    points = [[-1.0, -2.0, -3.0], [-2.0, -1.0, -2.0], [-2.0, -2.0, -2.0], [-1.0, -1.0, -1.0]]
    w, l, ref_w, ref_l = (torch.tensor(x, dtype=kind, device=device) for x in points)  # noqa: E741
    try:
        loss = configuration(w.requires_grad_(), l.requires_grad_(), ref_w, ref_l)
    except TypeError as e:
        raise ArgumentError("configurations", RUNNABLE, f"one that cannot be called so: {e}") from e
    if not isinstance(loss, torch.Tensor):
        raise ArgumentError("configurations", RUNNABLE, f"a {type(loss).__name__} for 3 pairs")
    if loss.shape != (3,):
        shape = tuple(loss.shape)
        raise ArgumentError("configurations", RUNNABLE, f"shape {shape} for 3 pairs", "Leave out .mean() and .sum().")
    if not loss.requires_grad:
        raise ArgumentError("configurations", RUNNABLE, "a loss without a gradient")


def batch_gradient(configuration: Any, theta: Any, reference: Any, chosen: Any, rejected: Any) -> None:
    r"""Sets `theta.grad` to the gradient of the batch's mean loss, or to the direction of the update rule.

    Args:
        configuration: an objective, an update rule, or a function of four tensors of log-probabilities.
        theta: a leaf tensor of logits, shape (K,).
        reference: logits of the reference, shape (K,); they are normalised as theta is, so that a policy that starts at
            the reference has log-ratios of exactly 0.
        chosen, rejected: integer tensors of equal length.

    >>> import torch
    >>> from didlab.objectives import get
    >>> theta = torch.zeros(2, requires_grad=True)
    >>> batch_gradient(get("dpo"), theta, torch.zeros(2), torch.tensor([0]), torch.tensor([1]))
    >>> theta.grad
    tensor([-0.5000,  0.5000])
    """
    import torch

    total, base = torch.logsumexp(theta, 0), torch.logsumexp(reference, 0)
    w, l = theta[chosen] - total, theta[rejected] - total  # noqa: E741
    ref_w, ref_l = reference[chosen] - base, reference[rejected] - base
    if not isinstance(configuration, Rule):
        loss = configuration.value if isinstance(configuration, Objective) else configuration
        loss(w, l, ref_w, ref_l).sum().backward()
        theta.grad /= len(chosen)
        return
    if configuration.name == "dpo-pg":
        (of_w,) = torch.autograd.grad(-w.mean(), theta, retain_graph=True)
        (of_l,) = torch.autograd.grad(-l.mean(), theta)
        theta.grad = dpo_pg_direction(of_w, of_l)
        return
    slope_w, slope_l = configuration.form.slopes(w.detach(), l.detach(), ref_w, ref_l)
    p = torch.softmax(theta.detach(), 0)
    unit = torch.eye(p.shape[0], dtype=p.dtype) - p  # row y: the gradient of log pi(y)
    unit = unit / unit.norm(dim=1, keepdim=True).clamp(min=1e-15)  # 0 of a certain response
    theta.grad = (slope_w[:, None] * unit[chosen] + slope_l[:, None] * unit[rejected]).mean(0)
