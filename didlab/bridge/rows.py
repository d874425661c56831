r"""The gradient of an embedding by itself, as the few rows that it is.

.. math:: g = h + e, \qquad e = \sum_t 1_{i_t} r_t^\top

with e a row for each token :math:`i_t` that is read, and h what the head contributes where head and embedding are one
matrix. Autograd's own way makes e as large as the embedding, and h waits for it; here each arrives when it is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

__all__ = ["alone", "common", "rows"]


@contextlib.contextmanager
def alone(
    model: torch.nn.Module, parameters: Mapping[str, torch.nn.Parameter]
) -> Iterator[dict[str, torch.nn.Parameter]]:
    """While it lasts, the embeddings among the parameters take their gradients through stand-ins.

    A stand-in shares its parameter's memory and takes its place while the embedding's own forward pass runs, and then
    only: whoever else uses the weights (the head, an adapter) meets the parameter itself.

    Args:
        model: what is searched for embeddings.
        parameters: those that gradients are wanted of.

    Yields:
        the stand-ins, by their parameters' names; their gradients are sparse and coalesced.
    """
    names = {id(p): n for n, p in parameters.items()}
    made: dict[str, torch.nn.Parameter] = {}
    with contextlib.ExitStack() as hooks:
        for m in model.modules():
            if not isinstance(m, torch.nn.Embedding) or id(m.weight) not in names:
                continue
            if m.max_norm is not None or m.scale_grad_by_freq:  # the first changes weights, the second needs all rows
                continue
            name, weight = names[id(m.weight)], m.weight
            if name not in made:
                made[name] = torch.nn.Parameter(weight.detach())
                made[name].register_post_accumulate_grad_hook(_as_rows)
            for handle in (
                m.register_forward_pre_hook(_use(made[name], True)),
                m.register_forward_hook(_use(weight, m.sparse), always_call=True),
            ):
                hooks.callback(handle.remove)
        yield made


def _use(weight: torch.Tensor, sparse: bool) -> Callable[..., None]:
    def hook(m: Any, *_: Any) -> None:
        m.weight, m.sparse = weight, sparse

    return hook


def _as_rows(p: torch.Tensor) -> None:
    """The gradient that has just arrived, which is dense where the embedding has a forward pass of its own kind."""
    g = p.grad
    assert g is not None
    p.grad = g.coalesce() if g.is_sparse else rows(g, g.any(-1).nonzero()[:, 0])


def rows(matrix: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """The rows at these ids, which ascend, of a matrix, as a sparse tensor; one that is sparse already stays whole."""
    if matrix.is_sparse:
        return matrix
    return torch.sparse_coo_tensor(
        ids[None], matrix.index_select(0, ids), matrix.shape, is_coalesced=True, check_invariants=False
    )


def common(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows that two matrices both have, where at least one is sparse (and coalesced)."""
    if not a.is_sparse:
        return a.index_select(0, b.indices()[0]), b.values()
    if not b.is_sparse:
        return a.values(), b.index_select(0, a.indices()[0])
    i, j = a.indices()[0], b.indices()[0]
    return a.values()[torch.isin(i, j)], b.values()[torch.isin(j, i)]
