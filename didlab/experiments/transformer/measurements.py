"""What is measured while a model is trained on pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .batches import Pairs
from .gradients import pair_products, token_cosines
from .likelihood import response_tokens
from .protocol import Protocol

__all__ = ["Measurements"]


class Measurements:
    """Log-likelihoods and gradients of the first pairs of the training data.

    Args:
        model: the one that is trained.
        data: its pairs.
        protocol: how many of them count.
    """

    def __init__(self, model: Any, data: Pairs, protocol: Protocol) -> None:
        self._model = model
        self._probed, self._few = data.first(protocol.probed), data.first(protocol.differentiated)
        self._inspected = data.first(protocol.inspected)
        self._tokens: list[np.ndarray] = []
        self._geometry: list[list[float]] = []
        self._fixed: dict[str, np.ndarray] = {}

    def record(self) -> None:
        """At one step of the training."""
        import torch

        with torch.no_grad():
            self._tokens.append(response_tokens(self._model, self._probed).numpy())
        ab, aa, bb = pair_products(self._model, self._few).T
        self._geometry.append([float(x.mean()) for x in (ab / np.sqrt(aa * bb), ab >= aa, ab >= bb)])

    def inspect(self) -> None:
        """Token by token, before the training."""
        cosines = token_cosines(self._model, self._inspected)
        self._fixed = {"instance": cosines[0], "token cosines": cosines.mean(0)}

    def arrays(self) -> dict[str, np.ndarray]:
        """What was found.

        Returns:
            "likelihood": mean log-likelihood in nats of chosen and rejected responses, shape (records, 2);
            "geometry": mean cosine of the two gradients, and the shares of pairs whose inner product reaches the
            squared norm of the chosen one's and of the rejected one's gradient, shape (records, 3);
            "right": share of pairs whose chosen response is the likelier, shape (records,);
            "token change": mean change of each token's log-likelihood, chosen and rejected, shape (2, tokens);
            and, if inspected, "instance" and "token cosines", shape (tokens, tokens).
        """
        tokens = np.stack(self._tokens)
        total = tokens.sum(-1)
        return {
            "likelihood": total.mean(-1),
            "geometry": np.array(self._geometry),
            "right": (total[:, 0] > total[:, 1]).mean(-1),
            "token change": (tokens[-1] - tokens[0]).mean(1),
            **self._fixed,
        }
