r"""Gradients of a real model's log-likelihoods: exact inner products over all parameters, with one gradient kept.

.. math:: \langle\nabla\log\pi(y_w),\, \nabla\log\pi(y_l)\rangle
    = \sum_{\text{parameters } p} \langle\partial_p\log\pi(y_w),\, \partial_p\log\pi(y_l)\rangle

The first backward pass keeps one gradient; in the second, each parameter's product is taken the moment its gradient is
there, which is then freed: beside the activations, memory for one gradient and the largest parameter. A matrix that is
both head and embedding has a gradient in two parts, each of which is multiplied when it is there (see `rows`); any
other parameter that is used in several places is there when autograd has added all of them up, and takes its size once
more meanwhile. The breakdown by parameter comes free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import ArgumentError, BackendError
from .backend import Item
from .head import wide
from .huggingface import HuggingFaceBackend
from .rows import alone, common, rows

__all__ = [
    "SELECTIONS", "Geometry", "backward_pass", "ches", "dot", "geometry", "selected", "token_geometry", "value_of",
]

SELECTIONS = ("all", "last-layer", "lora")
SLICE = {"cpu": 1 << 15}  # entries of two gradients that are multiplied at once
ELSEWHERE = 1 << 24


@dataclass(frozen=True)
class Geometry:
    r"""The Gram matrix of two gradients, in all and by parameter.

    Attributes:
        ww, wl, ll: :math:`\|g_w\|^2`, :math:`\langle g_w, g_l\rangle`, :math:`\|g_l\|^2`.
        by_parameter: the same three for every parameter, by name.
        chosen, rejected: log-likelihoods, summed over tokens.
    """

    ww: float
    wl: float
    ll: float
    by_parameter: Mapping[str, tuple[float, float, float]]
    chosen: float
    rejected: float

    @property
    def cosine(self) -> float:
        """Of the angle between the gradients; NaN where one vanishes."""
        size = float(np.sqrt(self.ww * self.ll))
        return self.wl / size if size > 0 else float("nan")

    @property
    def case(self) -> str:
        """Which case of Table 1 a small DPO step is in; ties count with the first that fits."""
        if self.wl <= min(self.ww, self.ll):
            return "ideal"
        return "both-fall" if self.wl <= self.ll else "both-rise"

    def prediction(self, d_w: float, d_l: float, *, step: float = 1.0) -> tuple[float, float]:
        r"""First-order changes of both log-likelihoods after a gradient step on :math:`-d_w\log\pi_w + d_l\log\pi_l`.

        Ref: common pitfalls, section 3.2.
        """
        return step * (d_w * self.ww - d_l * self.wl), step * (d_w * self.wl - d_l * self.ll)

    def layers(self, depth: int = 3) -> dict[str, tuple[float, float, float]]:
        """The breakdown by the first parts of the parameters' names."""
        out: dict[str, tuple[float, float, float]] = {}
        for name, (a, b, c) in self.by_parameter.items():
            key = ".".join(name.split(".")[:depth])
            x, y, z = out.get(key, (0.0, 0.0, 0.0))
            out[key] = (x + a, y + b, z + c)
        return out


def selected(backend: HuggingFaceBackend, which: str = "all", every: int = 1) -> dict[str, torch.nn.Parameter]:
    """The parameters whose gradients count.

    Args:
        backend: the model.
        which: "all", "last-layer" (the head) or "lora" (the adapters).
        every: keep every `every`-th of them only.

    Raises:
        ArgumentError: another name, or nothing left.
    """
    if which not in SELECTIONS:
        raise ArgumentError("which", f"one of {', '.join(SELECTIONS)}", repr(which))
    if every < 1:
        raise ArgumentError("every", "an integer of at least 1", str(every))
    head = {id(p) for p in backend.model.get_output_embeddings().parameters()}
    keep: dict[str, Callable[[str, Any], bool]] = {
        "all": lambda name, p: True,
        "last-layer": lambda name, p: id(p) in head,
        "lora": lambda name, p: "lora_" in name,
    }
    named = [(n, p) for n, p in backend.model.named_parameters() if keep[which](n, p)]
    if not named:
        raise ArgumentError("which", f"a choice that the model has parameters of; {which!r} has none", repr(which))
    return dict(named[::every])


def geometry(
    backend: HuggingFaceBackend, chosen: Item, rejected: Item, *, which: str = "all", every: int = 1,
    tokens: tuple[int, int] | None = None,
) -> Geometry:
    """The Gram matrix of the gradients of two log-likelihoods.

    Args:
        backend: the model; its weights are left as they are.
        chosen, rejected: the responses.
        which, every: as for `selected`.
        tokens: a token of each response, whose log-probabilities alone count; None for all.

    Raises:
        ArgumentError: a choice that has no parameters.
        BackendError: the head is the embedding, and the model reads other rows of it than those of the tokens.
    """
    parameters = selected(backend, which, every)
    read = torch.tensor(sorted({*rejected.prompt, *rejected.response}))
    kept: dict[str, torch.Tensor] = {}
    earlier: dict[str, torch.Tensor] = {}
    found = {n: torch.zeros(3, dtype=torch.float64, device=p.device) for n, p in parameters.items()}

    def keep(name: str, p: torch.nn.Parameter) -> None:
        part = _taken(p)
        found[name][0] += _growth(kept.get(name), part)
        kept[name] = _sum(kept[name], part) if name in kept else part

    def multiply(name: str, p: torch.nn.Parameter) -> None:
        part, met = _taken(p), earlier.get(name)
        found[name][2] += _growth(met, part)
        if name in kept:
            found[name][1] += _product(kept[name], part)
        if met is not None and part.is_sparse and not torch.isin(part.indices(), met.indices()).all():
            raise BackendError(
                f"{backend.name} reads rows of {name} that are no tokens of the response or its prompt; leave {name} "
                "out by `which` or `every`"
            )
        if name in embeddings:
            earlier[name] = rows(part, read.to(part.device))

    w, l = tokens or (None, None)  # noqa: E741
    with alone(backend.model, parameters) as embeddings:
        values = [
            backward_pass(backend, parameters, item, hook, token=t, embeddings=embeddings)
            for item, hook, t in ((chosen, keep, w), (rejected, multiply, l))
        ]
    by_parameter = {n: (float(v[0]), float(v[1]), float(v[2])) for n, v in found.items()}
    ww, wl, ll = (float(sum(v[k] for v in by_parameter.values())) for k in range(3))
    return Geometry(ww, wl, ll, by_parameter, *values)


def token_geometry(backend: HuggingFaceBackend, chosen: Item, rejected: Item, *, which: str = "all") -> np.ndarray:
    """Inner products of the gradients of all tokens of both responses: the token-by-token heatmap.

    Args:
        backend: the model.
        chosen, rejected: the responses.
        which: as for `selected`.

    Returns:
        array (tokens of both, tokens of both): the chosen response's tokens first. Its upper-left and lower-right
        diagonals are squared norms, its upper-right block the products between the responses.
    """
    parameters = selected(backend, which)
    rows: list[list[torch.Tensor]] = []
    for item in (chosen, rejected):
        with _differentiable(backend, parameters):
            values = backend.differentiable(item)
            for t in range(len(item.response)):
                more = t + 1 < len(item.response)
                rows.append(
                    list(
                        torch.autograd.grad(
                            values[t], list(parameters.values()), retain_graph=more, allow_unused=True,
                            materialize_grads=True,
                        )
                    )
                )
    n = len(rows)
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            out[i, j] = out[j, i] = sum(dot(a, b) for a, b in zip(rows[i], rows[j], strict=True))
    return out


def ches(backend: HuggingFaceBackend, chosen: Item, rejected: Item) -> tuple[float, float]:
    r"""Centred hidden-embedding similarity :math:`\langle h_w, h_l\rangle - \|h_w\|^2`, of sums and of means.

    h is what the head is given at the positions that predict the response's tokens, summed (or averaged) over them;
    products are taken in float64, so that half precision does not overflow.

    Ref: Razin et al. 2025, Definition 2.
    """
    sums = [backend.hidden(i).double().sum(0) for i in (chosen, rejected)]
    means = [h / len(i.response) for h, i in zip(sums, (chosen, rejected), strict=True)]
    return tuple(float(w @ l - w @ w) for w, l in (sums, means))  # type: ignore[return-value]  # noqa: E741


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    """Inner product of two tensors: products in float32 at least, summed in float64."""
    return float(_product(a, b))


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """As a tensor, so that nobody waits for the device; a slice at a time, so that nothing large is made."""
    if a.is_sparse or b.is_sparse:
        a, b = common(a, b)
    total = torch.zeros((), dtype=torch.float64, device=a.device)
    size = SLICE.get(a.device.type, ELSEWHERE)
    for x, y in zip(a.reshape(-1).split(size), b.reshape(-1).split(size), strict=True):
        u = wide(x)
        total += (u * (u if a is b else wide(y))).sum(dtype=torch.float64)
    return total


def _growth(before: torch.Tensor | None, part: torch.Tensor) -> torch.Tensor:
    r"""By how much :math:`\|a + b\|^2 = \|a\|^2 + 2\langle a, b\rangle + \|b\|^2` exceeds the first term."""
    square = _product(part, part)
    return square if before is None else square + 2 * _product(before, part)


def _sum(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """In the memory of the one that is dense."""
    return b.add_(a) if a.is_sparse else a.add_(b)


def _taken(p: torch.nn.Parameter) -> torch.Tensor:
    """The gradient that has just arrived, which the parameter then no longer holds."""
    g, p.grad = p.grad, None
    assert g is not None
    return g


class _differentiable:
    """While it lasts, exactly the chosen parameters take gradients; afterwards all is as before."""

    def __init__(self, backend: HuggingFaceBackend, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        self.model, self.parameters = backend.model, parameters

    def __enter__(self) -> None:
        self.before = [(p, p.requires_grad, p.grad) for p in self.model.parameters()]
        wanted = {id(p) for p in self.parameters.values()}
        for p, _, _ in self.before:
            p.requires_grad_(id(p) in wanted)
            p.grad = None

    def __exit__(self, *_: object) -> None:
        for p, required, grad in self.before:
            p.requires_grad_(required)
            p.grad = grad


def value_of(backend: HuggingFaceBackend, item: Item) -> float:
    """log pi(y | x) of one response, summed in float64."""
    with torch.no_grad():
        return float(backend.differentiable(item).sum(dtype=torch.float64))


def backward_pass(
    backend: HuggingFaceBackend, parameters: Mapping[str, torch.nn.Parameter], item: Item,
    hook: Callable[[str, torch.nn.Parameter], None], *, token: int | None = None,
    embeddings: Mapping[str, torch.nn.Parameter] | None = None,
) -> float:
    """One backward pass of log pi(y | x); each parameter is handed over once its gradient is there.

    Args:
        backend: the model.
        parameters: those that gradients are wanted of, by name.
        item: the response.
        hook: is given the name, and the parameter with its gradient, which it may take away.
        token: whose log-probability alone counts; None for all.
        embeddings: stand-ins for embeddings, as `rows.alone` makes them; handed over like parameters, and then a name
            may come twice, with two parts of one gradient.

    Returns:
        the log-probability, in nats.
    """
    leaves = [*parameters.items(), *(embeddings or {}).items()]
    with _differentiable(backend, parameters):
        handles = [p.register_post_accumulate_grad_hook(lambda q, name=n: hook(name, q)) for n, p in leaves]
        try:
            tokens = backend.differentiable(item)
            value = tokens.sum() if token is None else tokens[token]
            value.backward()
        finally:
            for h in handles:
                h.remove()
    return float(value.detach())
