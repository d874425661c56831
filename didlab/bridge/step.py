r"""One real optimiser step on a pair: what it was predicted to do to both log-likelihoods, and what it did.

.. math:: \Delta\log\pi(y) \approx \langle\nabla\log\pi(y),\, \Delta\theta\rangle

with :math:`\Delta\theta` the step the optimiser really takes from its first state: for SGD this is the prediction from
the Gram matrix; Adam and RMSprop rescale each coordinate, so that the Gram matrix no longer decides the signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..arguments import positive
from ..errors import ArgumentError
from .backend import Item
from .gradients import backward_pass, dot, selected, value_of
from .huggingface import HuggingFaceBackend

__all__ = ["OPTIMISERS", "Step", "one_step"]

OPTIMISERS = ("sgd", "adam", "rmsprop")


@dataclass(frozen=True)
class Step:
    """Changes of the log-likelihoods of the chosen and the rejected response, in nats."""

    predicted: tuple[float, float]
    actual: tuple[float, float]


def one_step(
    backend: HuggingFaceBackend, chosen: Item, rejected: Item, *, d_w: float, d_l: float, rate: float,
    optimiser: str = "sgd", which: str = "all",
) -> Step:
    r"""Take one step on :math:`-d_w\log\pi_w + d_l\log\pi_l`, look, and put the weights back.

    Args:
        backend: the model; afterwards its weights are bit for bit what they were.
        chosen, rejected: the responses.
        d_w, d_l: coefficients of the loss at this point, such as `objective.slopes` gives (with d_w negated).
        rate: learning rate, above 0.
        optimiser: "sgd", "adam" or "rmsprop", with PyTorch's defaults.
        which: parameters that move, as for `gradients.selected`.

    Raises:
        ArgumentError: another optimiser, or a rate that is not above 0.
    """
    if optimiser not in OPTIMISERS:
        raise ArgumentError("optimiser", f"one of {', '.join(OPTIMISERS)}", repr(optimiser))
    positive("rate", rate)
    parameters = selected(backend, which)
    before = {n: p.detach().clone() for n, p in parameters.items()}
    old = value_of(backend, chosen), value_of(backend, rejected)
    gradient = {n: torch.zeros_like(p) for n, p in parameters.items()}

    def gather(share: float) -> Any:
        def hook(name: str, p: torch.nn.Parameter) -> None:
            assert p.grad is not None
            gradient[name].add_(p.grad, alpha=share)
            p.grad = None

        return hook

    backward_pass(backend, parameters, chosen, gather(-d_w))
    backward_pass(backend, parameters, rejected, gather(d_l))
    try:
        made: Any = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[optimiser]
        for n, p in parameters.items():
            p.grad = gradient[n]
        made(list(parameters.values()), lr=rate).step()
        after = {n: p.detach().clone() for n, p in parameters.items()}
        new = value_of(backend, chosen), value_of(backend, rejected)
    finally:
        with torch.no_grad():
            for n, p in parameters.items():
                p.grad = None
                p.copy_(before[n])
    moved = {n: after[n] - before[n] for n in parameters}
    predicted = [0.0, 0.0]
    for k, item in enumerate((chosen, rejected)):

        def along(name: str, p: torch.nn.Parameter, k: int = k) -> None:
            assert p.grad is not None
            predicted[k] += dot(p.grad, moved[name])
            p.grad = None

        backward_pass(backend, parameters, item, along)
    return Step((predicted[0], predicted[1]), (new[0] - old[0], new[1] - old[1]))
