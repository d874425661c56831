r"""Training a model with the reward :math:`r = \log\pi` on pairs: Appendix K's way to the DID, on real models.

.. math:: \min_{\tilde\pi}\; -\frac1n \sum_i \log\sigma\bigl(\log\tilde\pi(y^w_i) - \log\tilde\pi(y^l_i)\bigr)

Where :math:`y^w \sim \pi` and :math:`y^l \sim \pi_{ref}`, the optimum over all policies is the DID from
:math:`\pi_{ref}` to :math:`\pi`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from ..arguments import positive, whole
from ..errors import BackendError, FileError
from .data import Pair
from .huggingface import HuggingFaceBackend
from .score import batches

__all__ = ["HISTORY", "Training", "train"]

HISTORY = ("loss", "chosen", "rejected")  # means of each step: the loss, and both log-likelihoods, in nats


@dataclass(frozen=True)
class Training:
    """How the stand-in learns; the defaults are those of Appendix K: RMSprop without weight decay, one epoch.

    Attributes:
        rate: learning rate.
        warm_up: steps over which it rises linearly; it stays there afterwards.
        batch: pairs of one step.
        epochs: how often every pair is seen.
        seed: of the order of the pairs.
        every: steps between two checkpoints.
        recompute: keep activations of one layer at a time and compute the others again: less memory, more time, the
            same numbers.
        token_budget: padded tokens whose activations exist at once; a pair that is longer is alone.

    Raises:
        ArgumentError: a rate that is not above 0, or a number below 1 (warm_up, seed: below 0).
    """

    rate: float = 1e-6
    warm_up: int = 150
    batch: int = 64
    epochs: int = 1
    seed: int = 0
    every: int = 50
    recompute: bool = False
    token_budget: int = 2048

    def __post_init__(self) -> None:
        positive("rate", self.rate)
        for name, least in {"warm_up": 0, "batch": 1, "epochs": 1, "seed": 0, "every": 1, "token_budget": 1}.items():
            whole(name, getattr(self, name), least)

    def steps(self, pairs: int) -> int:
        """How many steps so many pairs take."""
        return self.epochs * -(-pairs // self.batch)


def train(
    backend: HuggingFaceBackend, data: Sequence[Pair], how: Training, state: Path, *,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Train the backend's model in place; a run that was killed goes on from its last checkpoint.

    Args:
        backend: the model, at its first weights, in float32 or wider: steps of this size vanish in narrower numbers.
        data: the pairs.
        how: the protocol.
        state: file of the checkpoint, in safetensors; it is written whole or not at all.
        progress: called with the number of steps that are done and of all.

    Returns:
        what HISTORY names for every step, shape (steps, 3).

    Raises:
        BackendError: a model in half precision, or a loss that is no number.
        FileError: a checkpoint of another model or of another number of steps.
    """
    if torch.finfo(backend.dtype).bits < 32:
        raise BackendError(f"{backend.name} is in {backend.dtype}; training needs float32")
    parameters: dict[str, torch.nn.Parameter] = dict(backend.model.named_parameters())
    for p in parameters.values():
        p.requires_grad_(True)
    if how.recompute:
        _recompute(backend)
    optimiser = torch.optim.RMSprop(parameters.values(), lr=how.rate, weight_decay=0.0)
    total = how.steps(len(data))
    history, begun = np.zeros((total, len(HISTORY))), 0
    if state.exists():
        begun = _restore(state, parameters, optimiser, history)
    for step in range(begun, total):
        optimiser.param_groups[0]["lr"] = how.rate * min(1.0, (step + 1) / max(1, how.warm_up))
        some = [data[k] for k in _batch(len(data), step, how)]
        history[step] = _step(backend, some, optimiser, how.token_budget)
        if not np.isfinite(history[step]).all():
            raise BackendError(f"the loss is no number at step {step + 1}; a smaller learning rate may help")
        if (step + 1) % how.every == 0 and step + 1 < total:
            _keep(state, parameters, optimiser, history, step + 1)
        if progress:
            progress(step + 1, total)
    return history


def _recompute(backend: HuggingFaceBackend) -> None:
    """Gradient checkpointing, which layers do only in training mode: theirs alone is set, so that nothing drops out."""
    if not getattr(backend.model, "supports_gradient_checkpointing", False):
        raise BackendError(f"{backend.name} cannot compute its activations again; train it without")
    model = backend.model
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()  # its name of today first
    for module in backend.model.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.training = True


def _batch(size: int, step: int, how: Training) -> np.ndarray:
    """Which pairs a step sees: every epoch has an order of its own."""
    epoch, k = divmod(step, -(-size // how.batch))
    order = np.random.default_rng((how.seed, epoch)).permutation(size)
    return order[k * how.batch : (k + 1) * how.batch]


def _step(
    backend: HuggingFaceBackend, some: Sequence[Pair], optimiser: torch.optim.Optimizer, budget: int
) -> np.ndarray:
    """One step, some pairs at a time, so that memory does not grow with the batch."""
    optimiser.zero_grad(set_to_none=True)
    sums = np.zeros(len(HISTORY))
    longer = [max(p.chosen, p.rejected, key=lambda i: i.tokens) for p in some]
    for group in batches(longer, budget // 2):
        items = [i for k in group for i in (some[k].chosen, some[k].rejected)]
        w, l = backend.differentiable_sums(items).view(-1, 2).T  # noqa: E741
        loss: Any = -logsigmoid(w - l).sum() / len(some)
        loss.backward()
        sums += [loss.item(), w.sum().item() / len(some), l.sum().item() / len(some)]
    optimiser.step()
    return sums


def _keep(
    state: Path, parameters: dict[str, torch.nn.Parameter], optimiser: Any, history: np.ndarray, step: int
) -> None:
    from safetensors.torch import save_file

    tensors = {f"weight.{n}": p.detach().contiguous() for n, p in parameters.items()}
    tensors |= {f"square.{n}": optimiser.state[p]["square_avg"].contiguous() for n, p in parameters.items()}
    tensors |= {"history": torch.from_numpy(history), "step": torch.tensor(step)}
    temporary = state.with_name(f".{state.name}.tmp")
    save_file(tensors, temporary)
    temporary.replace(state)


def _restore(state: Path, parameters: dict[str, torch.nn.Parameter], optimiser: Any, history: np.ndarray) -> int:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        kept = load_file(state)
        step = int(kept["step"])
        history[:] = kept["history"].numpy()
        with torch.no_grad():
            for n, p in parameters.items():
                p.copy_(kept[f"weight.{n}"])
                square = kept[f"square.{n}"].to(p.device)
                optimiser.state[p] = {"step": torch.tensor(float(step)), "square_avg": square}
    except (SafetensorError, KeyError, RuntimeError, ValueError, OSError) as e:
        raise FileError(f"{state} is no checkpoint of this training ({e}); remove it to begin again") from e
    return step
