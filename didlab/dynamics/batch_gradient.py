"""The gradient of one batch in the logits, by autograd: the definition of every configuration."""

from __future__ import annotations

from typing import Any

from ..objectives import Objective
from .rules import Rule

__all__ = ["batch_gradient"]


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
        alpha = torch.clamp(of_w @ of_l, min=0.0)
        theta.grad = of_w - alpha / (of_l @ of_l) * of_l
        return
    slope_w, slope_l = configuration.form.slopes(w.detach(), l.detach(), ref_w, ref_l)
    p = torch.softmax(theta.detach(), 0)
    unit = torch.eye(p.shape[0], dtype=p.dtype) - p  # row y: the gradient of log pi(y)
    unit = unit / unit.norm(dim=1, keepdim=True)
    theta.grad = (slope_w[:, None] * unit[chosen] + slope_l[:, None] * unit[rejected]).mean(0)
