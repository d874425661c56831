r"""Other views of a model that is in memory once: in float32, with another of its adapters, and without any.

While a view lasts the model runs so; afterwards it is as before, after an error too. Neither needs a second model: a
float32 weight exists while the part of the model runs that it belongs to, and no part has more weights than the largest
module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree  # pyright: ignore[reportPrivateUsage]

__all__ = ["NARROW", "in_float32", "with_adapter", "without_adapters"]

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


class _Part:
    """A module that has tensors of its own in float32 while it runs, as kernels need that read memory themselves."""

    def __init__(self, module: Any, places: list[tuple[Any, str, _Widened]]) -> None:
        self.places, self.own = places, dict[int, torch.Tensor]()
        self.hooks = [module.register_forward_pre_hook(self.enter), module.register_forward_hook(self.leave)]

    def enter(self, *given: Any) -> None:
        """Every weight becomes a tensor."""
        for _, _, wide in self.places:
            if id(wide) not in self.own:  # weights that are tied are one
                self.own[id(wide)] = wide.held.float()
        for held, name, wide in self.places:
            if held.get(name) is wide:
                held[name] = self.own[id(wide)]

    def leave(self, *given: Any) -> None:
        """They are given up."""
        for held, name, wide in self.places:
            if id(wide) in self.own and held.get(name) is self.own[id(wide)]:
                held[name] = wide
        self.own.clear()


@contextmanager
def in_float32(model: Any) -> Iterator[None]:
    """Weights and buffers of 16 bits act as if they were in float32, to the bit as in a float32 copy of the model.

    Whoever asks for their dtype, inside a module or from outside it, is told float32. For forward passes: gradients
    are not taken.
    """
    made: dict[int, _Widened] = {}
    narrow = [
        (held, name, tensor)
        for module in model.modules()
        for held in (module._parameters, module._buffers)
        for name, tensor in held.items()
        if tensor is not None and tensor.dtype in NARROW
    ]
    parts: list[_Part] = []
    try:
        for held, name, tensor in narrow:
            held[name] = made.setdefault(id(tensor), _Widened(tensor))
        largest = max((_size(_places(m, False)) for m in model.modules()), default=0)
        parts += [_Part(module, places) for module, places in _parts(model, largest)]
        yield
    finally:
        for part in parts:
            part.leave()
            for hook in part.hooks:
                hook.remove()
        for held, name, tensor in narrow:
            if held.get(name) is made.get(id(tensor)):  # a buffer that the model has replaced meanwhile stays
                held[name] = tensor


def _parts(module: Any, largest: int) -> Iterator[tuple[Any, list[tuple[Any, str, _Widened]]]]:
    """Modules that are called, as large as they may be, with their weights; others are widened as they are used."""
    called = type(module).forward is not torch.nn.Module.forward
    every = _places(module, True)
    if called and every and _size(every) <= largest:
        yield module, every
        return
    if called and (own := _places(module, False)):
        yield module, own
    for child in module.children():
        yield from _parts(child, largest)


def _places(module: Any, deep: bool) -> list[tuple[Any, str, _Widened]]:
    """Where the widened tensors of a module are held, those of its children too where asked."""
    return [
        (held, name, tensor)
        for m in (module.modules() if deep else (module,))
        for held in (m._parameters, m._buffers)
        for name, tensor in held.items()
        if isinstance(tensor, _Widened)
    ]


def _size(places: list[tuple[Any, str, _Widened]]) -> int:
    """How many numbers are there, those that are tied once."""
    return sum({id(wide): wide.numel() for _, _, wide in places}.values())


@contextmanager
def with_adapter(model: Any, name: str) -> Iterator[None]:
    """A PEFT model with an adapter of this name in place of the active one; what takes gradients stays as it is."""
    active, required = model.active_adapter, [(p, p.requires_grad) for p in model.parameters()]

    def switch(to: Any) -> None:
        model.set_adapter(to)
        for p, was in required:
            p.requires_grad_(was)

    try:
        switch(name)
        yield
    finally:
        switch(active)


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
