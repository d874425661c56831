r"""A small language model in the place of a large one, and the labelled pairs of responses it is trained on.

A frozen random recurrent network reads prompt and response, and one linear layer, shared by all contexts, is trained.
The reference is a random layer. Responses end with their first token 0; a pair is labelled by a hidden reward, the
log-ratio of another layer to the reference.

Three kinds of pairs: two responses to a prompt by another writer, a third layer (as summaries written by people and by
other models, on which the reference was not fine-tuned); one of them and an edit, in which some tokens are replaced, so
that most contexts are shared; and two responses of the reference itself.

The settings below were chosen on seeds 100 to 103, for movements of a few nats, before the seeds that are reported were
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..carriers import NUMPY
from ..sequences.hidden import Recurrent
from ..sequences.linear import softmax_terms

__all__ = [
    "DIMENSION", "EDITED", "EDITS", "GAIN", "LONGEST", "OTHER", "OWN", "SAMPLES", "SHARPNESS", "VOCABULARY", "Batch",
    "World", "likelihoods", "terms",
]

SAMPLES, EDITS, OWN = "two responses of another writer", "a response and an edit of it", "two of the reference's own"
VOCABULARY, DIMENSION, LONGEST = 16, 16, 16
GAIN, SHARPNESS = 0.9, 3.0  # of the network's memory, of the reference's logits
OTHER = 1.0  # size of what the layers of the reward and of the writer add to the reference's
EDITED = 0.15  # share of the tokens of an edit that are replaced


class Batch(NamedTuple):
    """Hidden states (S, 2n, T, D), tokens (S, 2n, T), whether a token counts, and lengths (S, 2n).

    The first n responses are the chosen ones, the others the rejected ones of the same pairs.
    """

    hidden: np.ndarray
    tokens: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, eq=False)
class World:
    """Networks, references and rewards, one for each seed: `World.of(seeds)`."""

    seeds: tuple[int, ...]
    network: Recurrent
    reference: np.ndarray
    reward: np.ndarray
    writer: np.ndarray

    @staticmethod
    def of(seeds: Sequence[int]) -> World:
        """Gaussian weights throughout.

        >>> World.of((0, 1)).reference.shape
        (2, 16, 16)
        """
        d, v, parts = DIMENSION, VOCABULARY, []
        for seed in seeds:
            draw = np.random.default_rng([seed, 3]).normal
            transition, embedding = GAIN * draw(size=(d, d)) / np.sqrt(d), draw(size=(v, d))
            reference = SHARPNESS * draw(size=(d, v)) / np.sqrt(d)
            others = (reference + OTHER * draw(size=(d, v)) / np.sqrt(d) for _ in range(2))
            parts.append((transition, embedding, reference, *others))
        a, e, *layers = (np.stack(x) for x in zip(*parts, strict=True))
        return World(tuple(seeds), Recurrent(np.zeros((1, d)), a, e), *layers)

    def pairs(self, kind: str, count: int, step: int) -> Batch:
        """Fresh labelled pairs, the same for a seed and a step whatever the others; step -1 is held out."""
        draws = [np.random.default_rng([seed, 4, step + 1]) for seed in self.seeds]
        prompts = np.tanh(np.stack([rng.normal(size=(count, DIMENSION)) for rng in draws]))
        uniform = np.stack([rng.random((2, LONGEST, count)) for rng in draws])
        layer = self.reference if kind == OWN else self.writer
        first = self._sample(layer, prompts, uniform[:, 0])
        edit = kind == EDITS
        second = self._edited(first, uniform[:, 1], draws) if edit else self._sample(layer, prompts, uniform[:, 1])
        both = np.concatenate((first, second), 1)
        batch = self._read(np.concatenate((prompts, prompts), 1), both)
        gain = likelihoods(batch, self.reward) - likelihoods(batch, self.reference)
        better = gain[:, :count] - gain[:, count:]
        u = np.stack([rng.random(count) for rng in draws])
        swap = u > 1 / (1 + np.exp(-better))
        mine = np.where(swap, count, 0) + np.arange(count)
        order = np.concatenate((mine, (mine + count) % (2 * count)), 1)
        rows = np.arange(len(self.seeds))[:, None]
        return Batch(*(x[rows, order] for x in batch))

    def _sample(self, layer: np.ndarray, prompts: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Tokens (S, n, T) drawn from a layer; what follows token 0 is 0 too."""
        state, out = prompts, []
        going = np.ones(prompts.shape[:2], dtype=bool)
        for t in range(LONGEST):
            edges = NUMPY.softmax(state @ layer).cumsum(-1)
            token = np.minimum((edges < uniform[:, t, :, None] * edges[..., -1:]).sum(-1), VOCABULARY - 1)
            token = np.where(going, token, 0)
            out.append(token)
            going &= token != 0
            state = self.network.after(state, token)
        return np.stack(out, -1)

    @staticmethod
    def _edited(tokens: np.ndarray, uniform: np.ndarray, draws: list[np.random.Generator]) -> np.ndarray:
        """Some tokens replaced by others, never one that ends a response, by none that does; at least one of each."""
        u = uniform.swapaxes(1, 2)
        free = tokens != 0
        least = np.where(free, u, 2.0).min(-1, keepdims=True)
        chosen = free & ((u < EDITED) | (u == least))
        other = np.stack([rng.integers(1, VOCABULARY - 1, tokens.shape[1:]) for rng in draws])
        return np.where(chosen, (tokens - 1 + other) % (VOCABULARY - 1) + 1, tokens)

    def _read(self, prompts: np.ndarray, tokens: np.ndarray) -> Batch:
        network = Recurrent(prompts, self.network.transition, self.network.embedding)
        ended = np.cumsum(tokens == 0, -1) - (tokens == 0)
        counts = ended == 0
        return Batch(network(tokens), tokens, counts, counts.sum(-1))


def likelihoods(batch: Batch, theta: np.ndarray) -> np.ndarray:
    """Log-probabilities (S, 2n) under one layer for each seed."""
    return terms(batch, theta[:, None])[0][:, :, 0]


def terms(batch: Batch, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities (S, 2n, O) of responses and residuals (S, 2n, T, O, V) under layers (S, O, D, V)."""
    s, o, d, v = theta.shape
    n, t = batch.tokens.shape[1:]
    z = batch.hidden.reshape(s, n * t, d) @ theta.swapaxes(1, 2).reshape(s, d, o * v)
    z = z.reshape(s, n * t, o, v)
    y = np.broadcast_to(batch.tokens.reshape(s, n * t, 1), (s, n * t, o))
    log_p, r = softmax_terms(z, y, out=z)
    return (log_p.reshape(s, n, t, o) * batch.counts[..., None]).sum(2), r.reshape(s, n, t, o, v)
