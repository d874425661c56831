r"""What a language model is to didlab: token ids in, one log-probability per token of the response out.

.. math:: \log\pi(y \mid x) = \sum_{t=1}^{|y|} \log\pi(y_t \mid x, y_{<t})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..arguments import instance, several
from ..errors import ArgumentError, BackendError

__all__ = ["Backend", "CallableBackend", "Item", "Sampler", "checked"]


@dataclass(frozen=True)
class Item:
    """A response to a prompt, both as token ids; the prompt may be empty, the response not.

    Raises:
        ArgumentError: an id that is not an integer of at least 0, or an empty response.

    >>> Item((1, 2), (3,)).tokens
    3
    >>> Item((1,), ())
    Traceback (most recent call last):
    didlab.errors.ArgumentError: `response` must be at least one token id; got none
    """

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("prompt", "response"):
            ids = several(name, getattr(self, name), object, "token ids, integers of at least 0")
            for i in ids:
                if isinstance(i, bool) or not isinstance(i, int | np.integer) or i < 0:
                    raise ArgumentError(name, "token ids, integers of at least 0", repr(i))
            object.__setattr__(self, name, tuple(int(i) for i in ids))
        if not self.response:
            raise ArgumentError("response", "at least one token id", "none")

    @property
    def tokens(self) -> int:
        """How many tokens a model reads to score it."""
        return len(self.prompt) + len(self.response)


@runtime_checkable
class Backend(Protocol):
    """Anything that yields token log-probabilities. `fingerprint` says which model it is, for the tables it fills."""

    @property
    def name(self) -> str:
        """A short name for reports."""
        ...

    def fingerprint(self) -> Mapping[str, str]:
        """What identifies the model and how it is run: kind, hash of the weights, dtype, versions."""
        ...

    def token_log_probs(self, items: Sequence[Item]) -> list[np.ndarray]:
        """log pi(y_t | x, y_<t) in nats of each item, float64 arrays of the responses' lengths."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """A backend that can also draw responses at temperature 1."""

    def sample(self, prompt: tuple[int, ...], count: int, *, rng: np.random.Generator, length: int) -> list[Item]:
        """`count` independent responses of at most `length` tokens."""
        ...


class CallableBackend:
    """A function `(prompt_ids, response_ids) -> one log-probability per response token` as a backend.

    Args:
        function: called once for each item.
        name: for reports.

    Raises:
        ArgumentError: not a function, or a name that is not text.

    >>> uniform = CallableBackend(lambda prompt, response: [-1.0] * len(response), name="uniform")
    >>> uniform.token_log_probs([Item((5,), (1, 2))])
    [array([-1., -1.])]
    """

    def __init__(
        self, function: Callable[[tuple[int, ...], tuple[int, ...]], Any], *, name: str = "callable"
    ) -> None:
        if not callable(function):
            raise ArgumentError("function", "callable with (prompt_ids, response_ids)", repr(function))
        self.function, self._name = function, instance("name", name, str, "text")

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    def fingerprint(self) -> Mapping[str, str]:
        """The kind and the function's name."""
        return {"kind": "callable", "function": getattr(self.function, "__qualname__", repr(self.function))}

    def token_log_probs(self, items: Sequence[Item]) -> list[np.ndarray]:
        """See :class:`Backend`."""
        items = several("items", items, Item, "responses, each an Item")
        return checked(self.name, items, [self.function(i.prompt, i.response) for i in items])


def checked(name: str, items: Sequence[Item], rows: Sequence[Any]) -> list[np.ndarray]:
    """The rows that a model gave as float64 arrays, one number for each token of each response.

    Raises:
        BackendError: a row that is missing, or of another length, or in half precision, or not made of numbers.

    >>> checked("m", [Item((), (1, 2))], [[-1.0]])
    Traceback (most recent call last):
    didlab.errors.BackendError: m gave shape (1,) for a response of 2 tokens; one log-probability per token is expected
    """
    if len(rows) != len(items):
        raise BackendError(f"{name} gave {len(rows)} rows for {len(items)} responses")
    out: list[np.ndarray] = []
    for item, row in zip(items, rows, strict=True):
        kind = str(getattr(row, "dtype", "")).rpartition(".")[2]
        if kind in ("float16", "bfloat16"):
            raise BackendError(f"{name} gave log-probabilities in {kind}: take the log-softmax in float32")
        row = row.detach().cpu().numpy() if hasattr(row, "detach") else row
        x = np.asarray(row)
        if x.shape != (len(item.response),) or x.dtype.kind not in "fiu":
            what = f"shape {x.shape}" if x.dtype.kind in "fiu" else f"entries of type {x.dtype}"
            raise BackendError(
                f"{name} gave {what} for a response of {len(item.response)} tokens; one log-probability per token is "
                "expected"
            )
        out.append(x.astype(np.float64))
    return out
