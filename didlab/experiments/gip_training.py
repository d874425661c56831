r"""Preference optimisation of a shared last layer over frozen hidden states, for many seeds and objectives at once.

A small language model stands in for a large one: a frozen random recurrent network reads prompt and response, and one
linear layer, shared by all contexts, is trained. The reference is a random layer. Responses end with their first token
0; a pair is labelled by a hidden reward, the log-ratio of another layer to the reference.

Three kinds of pairs: two responses to a prompt by another writer, a third layer (as summaries written by people and by
other models, on which the reference was not fine-tuned); one of them and an edit, in which some tokens are replaced, so
that most contexts are shared; and two responses of the reference itself.

The settings below were chosen on seeds 100 to 103, for movements of a few nats, before the seeds that are reported were
run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..carriers import NUMPY
from ..dynamics.checkpoint import read_checkpoint, write_checkpoint
from ..dynamics.rules import label
from ..objectives import Objective
from ..sequences.hidden import Recurrent
from ..sequences.linear import gradient_gram, sequence_gradient, softmax_terms

__all__ = ["EDITS", "OWN", "SAMPLES", "Batch", "Curves", "World", "train"]

SAMPLES, EDITS, OWN = "two responses of another writer", "a response and an edit of it", "two of the reference's own"
VOCABULARY, DIMENSION, LONGEST = 16, 16, 16
GAIN, SHARPNESS = 0.9, 3.0  # of the network's memory, of the reference's logits
OTHER = 1.0  # size of what the layers of the reward and of the writer add to the reference's
EDITED = 0.15  # share of the tokens of an edit that are replaced
BATCH, HELD_OUT, STEPS, EVERY, SAVE_EVERY, RATE = 16, 48, 300, 15, 60, 3e-3


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


class Curves(NamedTuple):
    """Means over held-out pairs at every snapshot, shape (snapshots, seeds, objectives).

    Log-likelihoods of chosen and rejected responses in nats, the same per token, the cosine of their gradients, and the
    share of pairs whose own gradients meet the first condition of Eq 7, under which a step of DPO on that pair makes
    its chosen response likelier. Last, the log-likelihood of each chosen response, shape (snapshots, pairs, S, O).
    """

    chosen: np.ndarray
    rejected: np.ndarray
    chosen_per_token: np.ndarray
    rejected_per_token: np.ndarray
    cosine: np.ndarray
    met: np.ndarray
    each_chosen: np.ndarray

    def rising(self) -> np.ndarray:
        """Share of pairs whose chosen response has become likelier since the snapshot before, (snapshots - 1, S, O)."""
        return (np.diff(self.each_chosen, axis=0) > 0).mean(1)


def _measure(held: Batch, theta: np.ndarray) -> np.ndarray:
    """The curves at one snapshot, those of single pairs last, shape (6 + n, S, O)."""
    log_p, r = terms(held, theta)
    n = held.tokens.shape[1] // 2
    per_token = log_p / held.lengths[..., None]
    r *= held.counts[..., None, None]
    cosines, met = [], []
    for k in range(theta.shape[1]):
        g = sequence_gradient(held.hidden, r[:, :, :, k])
        gram = gradient_gram(g[:, :n], g[:, n:])
        cosines.append((gram.wl / np.sqrt(gram.ww * gram.ll)).mean(1))
        met.append((gram.wl <= gram.ww).mean(1))
    sides = [x[:, half].mean(1) for x in (log_p, per_token) for half in (slice(n), slice(n, None))]
    summary = np.stack((*sides, np.stack(cosines, -1), np.stack(met, -1)))
    return np.concatenate((summary, np.moveaxis(log_p[:, :n], 1, 0)))


def _slopes(objectives: Sequence[Objective], batch: Batch, log_p: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Derivatives of the mean loss in every log-probability, shape (S, 2n, O)."""
    n = batch.tokens.shape[1] // 2
    lengths, out = batch.lengths.astype(np.float64), np.empty_like(log_p)
    for k, objective in enumerate(objectives):
        w, l = log_p[:, :n, k], log_p[:, n:, k]  # noqa: E741
        found = objective.form.slopes(w, l, reference[:, :n], reference[:, n:], lengths[:, :n], lengths[:, n:])
        out[:, :n, k], out[:, n:, k] = found
    return out / n


def train(world: World, kind: str, objectives: Sequence[Objective], *, steps: int = STEPS, rate: float = RATE,
          checkpoint: Path | None = None, say: Callable[[float], object] = lambda share: None) -> Curves:
    """Adam from the reference, one fresh batch for each step, shared by all objectives; measured on held-out pairs.

    Args:
        world: of the seeds.
        kind: of the pairs, `SAMPLES` or `EDITS`.
        objectives: trained side by side.
        steps, rate: number of steps and step size of Adam.
        checkpoint: file from which a killed run goes on, to the same bits.
        say: called with the share that is done.
    """
    reference = world.reference
    theta = np.repeat(reference[:, None], len(objectives), 1)
    state = {"theta": theta, "mean": np.zeros_like(theta), "square": np.zeros_like(theta)}
    held, start, records = world.pairs(kind, HELD_OUT, -1), 0, []
    settings = (steps, rate, BATCH, HELD_OUT, EVERY, GAIN, SHARPNESS, OTHER, EDITED, VOCABULARY, DIMENSION, LONGEST)
    mark = f"{world.seeds} {kind} {[label(o) for o in objectives]} {settings}"
    if checkpoint is not None and checkpoint.exists():
        start, state = read_checkpoint(checkpoint, mark)
        records = list(state.pop("records"))
    for step in range(start, steps + 1):
        if step % EVERY == 0:
            records.append(_measure(held, state["theta"]))
            say(step / steps)
        if step == steps:
            break
        batch = world.pairs(kind, BATCH, step)
        _adam(state, _gradient(batch, objectives, state["theta"], reference), step + 1, rate)
        if checkpoint is not None and (step + 1) % SAVE_EVERY == 0:
            write_checkpoint(checkpoint, mark, step + 1, {**state, "records": np.stack(records)})
    chosen, rejected, chosen_per_token, rejected_per_token, cosine, met, *each = np.stack(records, 1)
    return Curves(chosen, rejected, chosen_per_token, rejected_per_token, cosine, met, np.stack(each, 1))


def _gradient(batch: Batch, objectives: Sequence[Objective], theta: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Gradient of the mean loss, shape (S, O, D, V)."""
    s, o, d, v = theta.shape
    log_p, r = terms(batch, theta)
    slopes = _slopes(objectives, batch, log_p, likelihoods(batch, reference))
    r *= (slopes[:, :, None] * batch.counts[..., None])[..., None]
    g = sequence_gradient(batch.hidden.reshape(s, -1, d), r.reshape(s, -1, o * v))
    return g.reshape(s, d, o, v).swapaxes(1, 2)


def _adam(state: dict[str, np.ndarray], gradient: np.ndarray, step: int, rate: float) -> None:
    """One step of Adam (Kingma and Ba 2015) with its usual constants, in place."""
    state["mean"] += 0.1 * (gradient - state["mean"])
    state["square"] += 0.001 * (gradient * gradient - state["square"])
    mean, square = state["mean"] / (1 - 0.9**step), state["square"] / (1 - 0.999**step)
    state["theta"] -= rate * mean / (np.sqrt(square) + 1e-8)
