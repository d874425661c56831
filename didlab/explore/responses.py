r"""Two short responses over a small vocabulary, a model that gives them, and one step of a loss on the pair.

The rows that the tokens are drawn from come from a seed. In three of the models they are the same rows, and only what
the contexts share differs: all of them one row of learnable logits, each position one, or each prefix one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dynamics import PairStep, pair_step
from ..errors import ArgumentError
from ..objectives import Objective
from ..sequences import (
    Chain,
    DrawnByPrefix,
    GroupedLogits,
    LastLayer,
    PrefixNumbers,
    SharedLogits,
    TokenModel,
    positions,
    recurrent_hidden,
)
from ..sequences.pairs import common_prefix, common_suffix
from . import losses
from .state import choice

__all__ = ["MODELS", "RATES", "State", "differing", "model_python"]

MODELS = {
    "logits": "one row of logits",
    "offsets": "one row, frozen offsets",
    "positions": "a row for each position",
    "prefixes": "a row for each prefix",
    "last-layer": "a shared last layer",
    "chain": "a Markov chain",
}
NAMES, LETTERS, LONGEST = (2, 6), 8, 12  # tokens of the vocabulary, letters of a name, tokens of a response
WIDTHS = 16  # of hidden states
RATES = 1e-3, 1e3


@dataclass(frozen=True)
class State:
    """Two responses, a model, a loss and a step.

    Attributes:
        vocabulary: names of the tokens.
        chosen, rejected: the responses, by names of tokens.
        model: what the contexts share, one of `MODELS`.
        seed: of the rows, or of the hidden states and the last layer.
        spread: standard deviation of what is drawn; at 0 all rows are uniform.
        width: of the hidden states.
        loss: a name, or a name with hyper-parameters: `dpo:beta:0.5`.
        rate: the learning rate of the step.
    """

    vocabulary: tuple[str, ...] = ("the", "film", "is", "good", "bad", "not")
    chosen: tuple[str, ...] = ("the", "film", "is", "good")
    rejected: tuple[str, ...] = ("the", "film", "is", "bad")
    model: str = "offsets"
    seed: int = 0
    spread: float = 1.0
    width: int = 4
    loss: str = "dpo"
    rate: float = 1.0

    def __post_init__(self) -> None:
        names = self.vocabulary
        fine = all(0 < len(n) <= LETTERS and n.isprintable() and not re.search(r"[,\s]", n) for n in names)
        if not (fine and NAMES[0] <= len(names) <= NAMES[1] and len(set(names)) == len(names)):
            expected = f"{NAMES[0]} to {NAMES[1]} different names of at most {LETTERS} letters, such as a b c"
            raise ArgumentError("vocabulary", expected, _said(names))
        for name in ("chosen", "rejected"):
            given: tuple[str, ...] = getattr(self, name)
            if not 1 <= len(given) <= LONGEST:
                raise ArgumentError(name, f"1 to {LONGEST} tokens, such as {' '.join(names[:3])}", f"{len(given)}")
        choice("model", self.model, list(MODELS))
        self.objective()
        for name, low, high in (
            ("seed", 0, 10**6), ("spread", 0, 5), ("width", 1, WIDTHS), ("rate", *RATES),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ArgumentError(name, f"from {low:g} to {high:g}", str(getattr(self, name)))

    def objective(self) -> Objective:
        """The loss."""
        return losses.read(self.loss)

    def tokens(self) -> tuple[list[int], list[int]]:
        """Both responses as numbers.

        Raises:
            ArgumentError: a token that is not of the vocabulary.
        """
        number = {name: n for n, name in enumerate(self.vocabulary)}
        for name in ("chosen", "rejected"):
            strange = [t for t in getattr(self, name) if t not in number]
            if strange:
                raise ArgumentError(name, f"tokens of the vocabulary ({' '.join(self.vocabulary)})", _said(strange))
        return [number[t] for t in self.chosen], [number[t] for t in self.rejected]

    def token_model(self) -> TokenModel:
        """The model before the step."""
        v, both = len(self.vocabulary), self.tokens()
        rng, offsets = np.random.default_rng(self.seed), DrawnByPrefix(v, v, self.seed, self.spread)
        match self.model:
            case "logits":
                return SharedLogits(self.spread * rng.normal(size=(1, v)), lambda y: 0)
            case "offsets":
                return SharedLogits(np.zeros((1, v)), offsets)
            case "positions":
                return GroupedLogits(np.zeros((max(map(len, both)), v)), positions, offsets)
            case "prefixes":
                number = PrefixNumbers(*both)
                return GroupedLogits(np.zeros((len(number), v)), number, offsets)
            case "last-layer":
                return LastLayer(
                    self.spread * rng.normal(size=(self.width, v)), recurrent_hidden(v, self.width, rng=rng)
                )
            case _:
                return Chain(self.spread * rng.normal(size=(v + 1, v)))

    def step(self) -> PairStep:
        """The step of the loss on this pair; the reference is the model before it."""
        return pair_step(self.token_model(), *self.tokens(), self.objective())


def differing(chosen: Sequence[object], rejected: Sequence[object]) -> tuple[list[bool], list[bool]]:
    """Which tokens differ: what is neither of the common beginning nor of the common end, nor alike at its place.

    >>> differing("abcd", "axcd")
    ([False, True, False, False], [False, True, False, False])
    >>> differing("abb", "ab")
    ([False, False, True], [False, False])
    """
    if len(chosen) == len(rejected):
        same = [a != b for a, b in zip(chosen, rejected, strict=True)]
        return same, list(same)
    number = {t: n for n, t in enumerate(dict.fromkeys([*chosen, *rejected]))}
    w, l = ([number[t] for t in y] for y in (chosen, rejected))  # noqa: E741
    start = common_prefix(w, l)
    end = min(common_suffix(w, l), min(len(w), len(l)) - start)
    return tuple([start <= t < len(y) - end for t in range(len(y))] for y in (w, l))  # type: ignore[return-value]


def model_python(state: State) -> str:
    """The statements that make the model of a state, from `w` and `l` on."""
    v, (w, l) = len(state.vocabulary), state.tokens()  # noqa: E741
    offsets = f"seq.DrawnByPrefix({v}, {v}, {state.seed!r}, {state.spread!r})"
    drawn = f"rng = np.random.default_rng({state.seed!r}); "
    match state.model:
        case "logits":
            model = f"seq.SharedLogits({state.spread!r} * rng.normal(size=(1, {v})), lambda y: 0)"
        case "offsets":
            drawn, model = "", f"seq.SharedLogits(np.zeros((1, {v})), {offsets})"
        case "positions":
            rows = max(len(w), len(l))
            drawn, model = "", f"seq.GroupedLogits(np.zeros(({rows}, {v})), seq.positions, {offsets})"
        case "prefixes":
            drawn = "number = seq.PrefixNumbers(w, l); "
            model = f"seq.GroupedLogits(np.zeros((len(number), {v})), number, {offsets})"
        case "last-layer":
            model = (
                f"seq.LastLayer({state.spread!r} * rng.normal(size=({state.width}, {v})), "
                f"seq.recurrent_hidden({v}, {state.width}, rng=rng))"
            )
        case _:
            model = f"seq.Chain({state.spread!r} * rng.normal(size=({v + 1}, {v})))"
    return f"{drawn}model = {model}"


def _said(names: Sequence[str]) -> str:
    return repr(" ".join(names)[:80])
