"""What is run: fixed here before the seeds that are reported, and named by a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

__all__ = ["PROTOCOL", "FineTuning", "Protocol"]


@dataclass(frozen=True)
class FineTuning:
    """How a model is fine-tuned before it is trained on preferences: what the paper leaves open.

    Attributes:
        name: of the setting.
        steps: of fine-tuning, for each style.
        mixed: one model learns all three styles at once, in three times the steps; otherwise each style has a model of
            its own.
        varied: the words of the suffixes vary from statement to statement.
        exchanged: no setting of the paper but a wrong protocol: preferences prefer the wrong sentiment.
    """

    name: str
    steps: int = 150
    mixed: bool = False
    varied: bool = False
    exchanged: bool = False


@dataclass(frozen=True)
class Protocol:
    """Everything that a run depends on but its seed.

    Attributes:
        layers, width, heads, positions, spread: of the model; its first weights have this standard deviation.
        agreement: see `corpus.statements`.
        texts, text_steps, text_batch, text_rate: plain text to learn the language from, and Adam's steps on it.
        examples, tuning_batch, tuning_rate: statements with chosen responses for fine-tuning.
        pairs, pair_steps, pair_batch, pair_rate, beta: pairs, and DPO's steps on them.
        every: steps between two records.
        probed, differentiated, inspected: the first pairs of the training data, whose log-likelihoods are recorded,
            whose gradients are, and whose gradients are token by token.
        settings: the ways of fine-tuning; the first is the one that the figures of the paper are compared with.
        first, recorded: the first of the seeds that are reported, and how many there are. The seeds below `first` were
            looked at while the statements of `didlab.claims` about these runs were written.

    >>> Protocol().fingerprint() == Protocol(width=16).fingerprint()
    False
    """

    layers: int = 2
    width: int = 24
    heads: int = 2
    positions: int = 32
    spread: float = 0.1
    agreement: float = 0.9
    texts: int = 3000
    text_steps: int = 150
    text_batch: int = 16
    text_rate: float = 5e-3
    examples: int = 1000
    tuning_batch: int = 16
    tuning_rate: float = 3e-3
    pairs: int = 128
    pair_steps: int = 50
    pair_batch: int = 8
    pair_rate: float = 1e-4
    beta: float = 0.1
    every: int = 10
    probed: int = 32
    differentiated: int = 8
    inspected: int = 4
    settings: tuple[FineTuning, ...] = (
        FineTuning("one style"),
        FineTuning("few steps", steps=40),
        FineTuning("many steps", steps=300),
        FineTuning("mixed styles", mixed=True),
        FineTuning("varied suffixes", varied=True),
        FineTuning("exchanged", exchanged=True),
    )
    first: int = 29
    recorded: int = 80

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are reported.

        >>> Protocol(first=3, recorded=2).seeds
        (3, 4)
        """
        return tuple(range(self.first, self.first + self.recorded))

    def fingerprint(self) -> str:
        """A text that differs for every other protocol, whatever seeds are run."""
        told = {k: v for k, v in asdict(self).items() if k not in ("first", "recorded")}
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


PROTOCOL = Protocol()
