"""One configuration, one problem, plain PyTorch: the loop that every faster engine must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import instance, naming
from ..information import js_divergence
from .batch_gradient import batch_gradient, runnable
from .draws import draw_cells
from .problem import MAKE, Problem
from .protocol import Protocol, checked_protocol

__all__ = ["train_plainly"]


def train_plainly(
    problem: Problem, configuration: Any, protocol: Protocol | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Train by autograd, `torch.optim.RMSprop` and `clip_grad_norm_`, on the same pairs as `simulate`.

    Args:
        problem: see `synthetic_problem`.
        configuration: an objective, an update rule, or a function of four tensors of log-probabilities.
        protocol: steps, batch, optimiser, start, records.

    Returns:
        JS divergences at `protocol.records`, and the final logits.

    Raises:
        ArgumentError: no problem, no protocol, or a configuration that cannot be run.

    >>> from didlab.dynamics import synthetic_problem
    >>> from didlab.objectives import get
    >>> js, logits = train_plainly(synthetic_problem(4.0, 1), get("dpo"), Protocol(steps=20))
    >>> bool(js[2] < js[0])
    True
    """
    import torch

    instance("problem", problem, Problem, "a Problem", MAKE)
    protocol = checked_protocol(protocol)
    with naming(configurations="configuration"):
        runnable(configuration, dtype=protocol.dtype)
    dtype = getattr(torch, protocol.dtype)
    theta = torch.nn.Parameter(torch.tensor(protocol.first_logits(problem), dtype=dtype))
    reference = torch.tensor(problem.reference, dtype=dtype)
    optimiser = torch.optim.RMSprop([theta], lr=protocol.rate)
    table, js = problem.table(), []
    for step in range(protocol.steps):
        if step % protocol.every == 0:
            js.append(js_divergence(theta.detach().double().numpy(), problem.goal))
        cells = torch.from_numpy(draw_cells(table, problem.key, step, protocol.batch))
        optimiser.zero_grad()
        batch_gradient(configuration, theta, reference, cells // problem.size, cells % problem.size)
        torch.nn.utils.clip_grad_norm_([theta], protocol.clip)
        optimiser.step()
    if protocol.steps % protocol.every == 0:
        js.append(js_divergence(theta.detach().double().numpy(), problem.goal))
    return np.array(js), theta.detach().double().numpy()
