"""One run: from a seed's corpus to preferences of every style, under every setting, and what is measured on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ...objectives import Objective, get
from .batches import Pairs, ask, pairs, plain
from .corpus import Statement, plain_texts, statements, words
from .measurements import Measurements
from .model import new_model
from .protocol import FineTuning, Protocol
from .styles import STYLES, pair
from .tokenizer import WordTokenizer
from .training import learn, prefer

__all__ = ["OBJECTIVES", "compare", "run"]

# The hyper-parameters that the paper's Appendix C.3 prints; those it does not print are the defaults of each objective.
OBJECTIVES: dict[str, dict[str, float]] = {
    "dpo": {"beta": 0.1}, "r-dpo": {"beta": 0.1, "alpha": 0.2}, "simpo": {"gamma": 0.5}, "ipo": {},
    "rrhf": {"lam": 1.0}, "slic": {}, "cpo": {"lam": 1.0}, "dpo-positive": {"beta": 0.1, "lam": 50.0},
    "kto": {}, "sppo": {},
}  # fmt: skip


def run(seed: int, protocol: Protocol) -> dict[str, np.ndarray]:
    """DPO for every setting and style.

    Args:
        seed: of the corpus, of the model's first weights and of the batches.
        protocol: what is run.

    Returns:
        what `Measurements.arrays` holds, by "setting/style/name".
    """
    world, out = World(seed, protocol), dict[str, np.ndarray]()
    for how, style, model in world.fine_tuned(protocol.settings):
        data = world.pairs(style, how)
        found = world.preferred(model, get("dpo", beta=protocol.beta), data, style)
        out |= {f"{how.name}/{style}/{name}": x for name, x in found.items()}
    return out


def compare(seed: int, protocol: Protocol) -> dict[str, np.ndarray]:
    """Each objective of Table 2 on short suffixes, from the same model and on the same pairs, by "objective/name"."""
    world, style, out = World(seed, protocol), STYLES[1], dict[str, np.ndarray]()
    how, _, model = next(m for m in world.fine_tuned(protocol.settings[:1]) if m[1] == style)
    data = world.pairs(style, how)
    for name, hyper in OBJECTIVES.items():
        found = world.preferred(copy.deepcopy(model), get(name, **hyper), data, style)
        out |= {f"{name}/{key}": x for key, x in found.items()}
    return out


class World:
    """The corpus and the language model of a seed."""

    def __init__(self, seed: int, protocol: Protocol) -> None:
        import torch

        torch.set_num_threads(1)
        self.seed, self.protocol, p = seed, protocol, protocol
        self.tokenizer = WordTokenizer(words())
        rng = np.random.default_rng([seed, 0])
        self.model = new_model(p, len(self.tokenizer), seed)
        texts = plain(self.tokenizer, plain_texts(rng, p.texts, agreement=p.agreement))
        learn(self.model, texts, rng, steps=[p.text_steps], batch=p.text_batch, rate=p.text_rate)
        self.examples = statements(rng, p.examples, agreement=p.agreement)
        self.asked = statements(rng, p.pairs, agreement=p.agreement)

    def fine_tuned(self, settings: Sequence[FineTuning]) -> Iterator[tuple[FineTuning, str, Any]]:
        """A model for each setting and style. Settings that differ in their steps are one training.

        A single token has no suffix, so that varied suffixes have no model of that style.
        """
        kinds = sorted(settings, key=lambda s: (s.mixed, s.varied))
        for (mixed, varied), group in groupby(kinds, key=lambda s: (s.mixed, s.varied)):
            members = list(group)
            steps = {s.steps * (len(STYLES) if mixed else 1) for s in members}
            kept = self._tuned(STYLES, varied, steps) if mixed else {}
            for style in STYLES[1:] if varied else STYLES:
                if not mixed:
                    kept = self._tuned((style,), varied, steps)
                for s in members:
                    yield s, style, copy.deepcopy(kept[s.steps * (len(STYLES) if mixed else 1)])

    def _tuned(self, styles: Sequence[str], varied: bool, steps: set[int]) -> dict[int, Any]:
        rng = np.random.default_rng([self.seed, 1])
        drawn = [styles[int(rng.integers(len(styles)))] for _ in self.examples]
        responses = [pair(t, s.label, rng, varied=varied).chosen for t, s in zip(drawn, self.examples, strict=True)]
        rows, p = ask(self.tokenizer, self.examples, responses), self.protocol
        return learn(copy.deepcopy(self.model), rows, rng, steps=steps, batch=p.tuning_batch, rate=p.tuning_rate)

    def pairs(self, style: str, how: FineTuning) -> Pairs:
        """The pairs of a style."""
        rng = np.random.default_rng([self.seed, 2])

        def label(s: Statement) -> int:
            return 1 - s.label if how.exchanged else s.label

        responses = [pair(style, label(s), rng, varied=how.varied) for s in self.asked]
        return pairs(self.tokenizer, self.asked, responses)

    def preferred(self, model: Any, objective: Objective, data: Pairs, style: str) -> dict[str, np.ndarray]:
        """Train a model on pairs, and measure."""
        p, seen = self.protocol, Measurements(model, data, self.protocol)
        if style == STYLES[-1]:
            seen.inspect()
        rng = np.random.default_rng([self.seed, 3])
        prefer(
            model,
            objective,
            data,
            rng,
            steps=p.pair_steps,
            batch=p.pair_batch,
            rate=p.pair_rate,
            every=p.every,
            record=seen.record,
        )
        return seen.arrays()
