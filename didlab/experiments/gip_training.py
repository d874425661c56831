r"""Preference optimisation of a shared last layer over frozen hidden states, for many seeds and objectives at once.

The settings below were chosen on seeds 100 to 103, for movements of a few nats, before the seeds that are reported were
run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..dynamics.checkpoint import read_checkpoint, write_checkpoint
from ..dynamics.rules import label
from ..objectives import Objective
from ..sequences.linear import gradient_gram, sequence_gradient
from .gip_world import (
    DIMENSION,
    EDITED,
    GAIN,
    LONGEST,
    OTHER,
    SHARPNESS,
    VOCABULARY,
    Batch,
    World,
    likelihoods,
    terms,
)

__all__ = ["BATCH", "EVERY", "HELD_OUT", "STEPS", "Curves", "train"]

BATCH, HELD_OUT, STEPS, EVERY, SAVE_EVERY, RATE = 16, 48, 300, 15, 60, 3e-3


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
