r"""An exact model served as a backend: the oracle that every estimate is compared with.

Every sequence of tokens up to a length is a response; the end is either a token or the length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import instance, one_whole, several, whole
from ..carriers import NUMPY
from ..errors import ArgumentError, BackendError
from .backend import Item

__all__ = ["TabularBackend"]


class TabularBackend:
    """A next-token table: `logits(prefix)` gives the logits of the token after a prefix (prompt and response so far).

    Args:
        logits: from a tuple of token ids to logits, shape (V,).
        vocabulary: V.
        length: number of tokens of a response, unless `end` comes first.
        end: token that ends a response; None where all have the same length.
        name: for reports.

    Raises:
        ArgumentError: not a function, sizes below 1, or an `end` outside the vocabulary.

    >>> coin = TabularBackend(lambda prefix: [0.0, 0.0], vocabulary=2, length=3)
    >>> float(coin.token_log_probs([Item((), (0, 1, 1))])[0].sum() / np.log(2))
    -3.0
    >>> len(list(coin.responses()))
    8
    """

    def __init__(
        self, logits: Callable[[tuple[int, ...]], Any], *, vocabulary: int, length: int, end: int | None = None,
        name: str = "tabular",
    ) -> None:
        if not callable(logits):
            raise ArgumentError("logits", "a function from a tuple of token ids to logits", type(logits).__name__)
        self.vocabulary, self.length = one_whole("vocabulary", vocabulary, 1), one_whole("length", length, 1)
        if end is not None:
            one_whole("end", end, 0, vocabulary)
        self.logits, self.end, self._name = logits, end, instance("name", name, str, "text")
        self._rows: dict[tuple[int, ...], np.ndarray] = {}

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    def fingerprint(self) -> Mapping[str, str]:
        """A hash of all next-token rows after an empty prompt."""
        digest = hashlib.sha256()
        for response in self.responses():
            for t in range(len(response)):
                digest.update(self.row(response[:t]).tobytes())
        return {"kind": "tabular", "table": digest.hexdigest()[:16]}

    def row(self, prefix: tuple[int, ...]) -> np.ndarray:
        """log-probabilities of the next token, shape (V,)."""
        if prefix not in self._rows:
            z = np.asarray(self.logits(prefix), dtype=np.float64)
            if z.shape != (self.vocabulary,) or not np.isfinite(z).all():
                raise ArgumentError("logits", f"{self.vocabulary} finite numbers for every prefix", f"{z} at {prefix}")
            self._rows[prefix] = NUMPY.log_softmax(z)
        return self._rows[prefix]

    def token_log_probs(self, items: Sequence[Item]) -> list[np.ndarray]:
        """See :class:`~didlab.bridge.Backend`."""
        items = several("items", items, Item, "responses, each an Item")
        largest = max((y for i in items for y in i.response), default=0)
        if largest >= self.vocabulary:
            raise BackendError(f"{self.name} knows token ids below {self.vocabulary}; got {largest}")
        return [
            np.array([self.row(i.prompt + i.response[:t])[y] for t, y in enumerate(i.response)]) for i in items
        ]

    def responses(self) -> Iterator[tuple[int, ...]]:
        """Every complete response, in lexicographic order."""

        def grow(prefix: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            for y in range(self.vocabulary):
                longer = (*prefix, y)
                if y == self.end or len(longer) == self.length:
                    yield longer
                else:
                    yield from grow(longer)

        return grow(())

    def policy(self, prompt: tuple[int, ...] = ()) -> np.ndarray:
        """log-probabilities of all responses, in the order of `responses`."""
        items = [Item(prompt, r) for r in self.responses()]
        return np.array([row.sum() for row in self.token_log_probs(items)])

    def sample(self, prompt: tuple[int, ...], count: int, *, rng: np.random.Generator, length: int) -> list[Item]:
        """See :class:`~didlab.bridge.backend.Sampler`.

        >>> coin = TabularBackend(lambda prefix: [0.0, 0.0], vocabulary=2, length=2)
        >>> [i.response for i in coin.sample((), 2, rng=np.random.default_rng(0), length=2)]
        [(1, 0), (0, 0)]
        """
        limit = min(whole("length", length, 1), self.length)
        out: list[Item] = []
        for _ in range(count):
            response: tuple[int, ...] = ()
            while len(response) < limit and (not response or response[-1] != self.end):
                p = np.exp(self.row(prompt + response))
                response += (int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right")),)
            out.append(Item(prompt, response))
        return out
