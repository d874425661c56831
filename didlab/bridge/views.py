r"""Other views of a model that is in memory once: in float32, and without its adapters.

While a view lasts the model runs so; afterwards it is as before, after an error too. Neither needs a second model: a
float32 weight exists while one operation reads it, so that the largest parameter alone is there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree  # pyright: ignore[reportPrivateUsage]

__all__ = ["NARROW", "in_float32", "without_adapters"]

NARROW = (torch.float16, torch.bfloat16)


class _Widened(torch.Tensor):
    """A tensor of 16 bits that says it is in float32, and is so for the length of every operation it takes part in."""

    held: torch.Tensor

    def __new__(cls, held: torch.Tensor) -> _Widened:
        make: Any = torch.Tensor._make_wrapper_subclass  # type: ignore[attr-defined]
        made: _Widened = make(
            cls, held.shape, strides=held.stride(), dtype=torch.float32, device=held.device, requires_grad=False
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = pytree.tree_map_only(cls, lambda t: t.held.float(), (args, kwargs or {}))
        return func(*args, **kwargs)


@contextmanager
def in_float32(model: Any) -> Iterator[None]:
    """Weights and buffers of 16 bits act as if they were in float32, to the bit as in a float32 copy of the model.

    Whoever asks for their dtype, inside a module or from outside it, is told float32. For forward passes: gradients
    are not taken.
    """
    made: dict[int, _Widened] = {}
    swapped = [
        (held, name, tensor, made.setdefault(id(tensor), _Widened(tensor)))
        for module in model.modules()
        for held in (module._parameters, module._buffers)
        for name, tensor in held.items()
        if tensor is not None and tensor.dtype in NARROW
    ]
    try:
        for held, name, _, wide in swapped:
            held[name] = wide
        yield
    finally:
        for held, name, narrow, wide in swapped:
            if held.get(name) is wide:  # a buffer that the model itself has replaced meanwhile is its own affair
                held[name] = narrow


@contextmanager
def without_adapters(base: Any) -> Iterator[None]:
    """The base model below a PEFT model with the adapters' modules taken out, and not only switched off."""
    swapped = [
        (parent, name, child)
        for parent in base.modules()
        for name, child in parent.named_children()
        if _below(child) is not child
    ]
    try:
        for parent, name, child in swapped:
            parent._modules[name] = _below(child)
        yield
    finally:
        for parent, name, child in swapped:
            parent._modules[name] = child


def _below(module: Any) -> Any:
    """What an adapter's module stands for; any other module is itself."""
    original = module._modules.get("original_module")  # beside which another was trained, or some of its rows
    if original is not None:
        return original
    return module.get_base_layer() if hasattr(module, "get_base_layer") else module
