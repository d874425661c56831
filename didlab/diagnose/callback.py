"""A diagnosis during training: a read-only callback for trainers of transformers and TRL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from ..arguments import positive, whole
from ..bridge.data import Pair
from ..bridge.gradients import geometry
from ..bridge.huggingface import HuggingFaceBackend
from ..bridge.score import Plan, score_rows
from ..bridge.table import Scores, scores_of
from ..errors import ArgumentError
from . import measures
from .entry import Entry
from .pairs import pairs_of

__all__ = ["ProbeCallback"]


class ProbeCallback(TrainerCallback):
    """Every so many steps, measure a fixed batch of pairs and log it through the trainer's own loggers.

    The reference is the policy as it was when training began. Nothing of the run changes: mode, gradients and random
    numbers are put back.

    Args:
        trainer: the trainer, whose `log` is used; the callback adds itself to it.
        pairs: the probe batch.
        every: steps between two measurements; the first and the last step are always measured.
        objective, beta: as for `diagnose`.
        gradients: on how many pairs the gradients' inner products are taken; each costs two backward passes.
        token_budget: padded tokens in a batch.

    Raises:
        ArgumentError: fewer than two pairs, or a number out of range.
    """

    def __init__(
        self, trainer: Any, pairs: Sequence[Pair], *, every: int = 50, objective: str = "dpo", beta: float = 0.1,
        gradients: int = 0, token_budget: int = 8192,
    ) -> None:
        if len(pairs) < 2:
            raise ArgumentError("pairs", "at least two", str(len(pairs)))
        self.every, self.gradients = whole("every", every, 1), whole("gradients", gradients, 0, len(pairs))
        self.beta = positive("beta", beta)
        self.pairs, self.objective, self.plan = list(pairs), objective, Plan(token_budget=token_budget)
        self.trainer = trainer
        self._reference: list[dict[str, Any]] = []
        trainer.add_callback(self)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Remember the reference's scores; measure step 0."""
        with _Untouched(model):
            self._reference = score_rows(self.pairs, {"reference": HuggingFaceBackend(model)}, plan=self.plan)
        self._measure(model)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure where it is time."""
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self._measure(model)

    def _measure(self, model: Any) -> None:
        with _Untouched(model):
            backend = HuggingFaceBackend(model)
            rows = score_rows(self.pairs, {"policy": backend}, plan=self.plan)
            scores = scores_of([{**a, **b} for a, b in zip(rows, self._reference, strict=True)])
            logs = self._entries(scores)
            logs |= self._geometry(backend)
        self.trainer.log(logs)

    def _entries(self, scores: Scores) -> dict[str, float]:
        p = pairs_of(scores)
        entries: list[Entry] = [
            *measures.displacement(p), *measures.movement(p), *measures.order(p),
            *measures.coefficients(p, self.objective, **_hyper(self.objective, self.beta)),
        ]
        return {f"didlab/{e.name}": e.value for e in entries}

    def _geometry(self, backend: HuggingFaceBackend) -> dict[str, float]:
        if not self.gradients:
            return {}
        found = [geometry(backend, p.chosen, p.rejected) for p in self.pairs[: self.gradients]]
        n = len(found)
        out = {"didlab/gradients.cosine": sum(g.cosine for g in found) / n}
        for case in ("ideal", "both-fall", "both-rise"):
            out[f"didlab/gradients.{case}"] = sum(g.case == case for g in found) / n
        return out


def _hyper(objective: str, beta: float) -> dict[str, float]:
    from inspect import signature

    from .. import objectives

    takes = signature(objectives.get(objective).formula).parameters
    return {"beta": beta} if "beta" in takes else {}


class _Untouched:
    """While it lasts the model is in evaluation mode; afterwards modes and random states are as before."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.modes = [(m, m.training) for m in self.model.modules()]
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def __exit__(self, *_: object) -> None:
        for module, training in self.modes:
            module.training = training
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
