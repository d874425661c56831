"""Responses drawn from the models themselves: what entropies are estimated from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import whole
from ..errors import BackendError
from .backend import Backend, Item, Sampler
from .data import Pair
from .table import DRAWN

__all__ = ["Drawn", "Sampling", "check_room", "drawers", "first_with_prompt"]


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn, at temperature 1.

    Attributes:
        count: responses for each prompt and model.
        length: most tokens in a response; longer ones are cut there.
        prompts: only the first so many different prompts; None for all.
        seed: of all random numbers; every prompt has its own stream, so that parts can be drawn in any order.

    Raises:
        ArgumentError: a number below 1 (seed: below 0).
    """

    count: int
    length: int = 512
    prompts: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        whole("count", self.count, 1)
        whole("length", self.length, 1)
        whole("seed", self.seed, 0)
        if self.prompts is not None:
            whole("prompts", self.prompts, 1)


@dataclass(frozen=True)
class Drawn:
    """A prompt for which a model draws responses.

    Attributes:
        prompt: id of the first pair with this prompt.
        ids: the prompt.
        role: of the responses in the table.
        stream: what makes its random numbers its own.
    """

    prompt: str
    ids: tuple[int, ...]
    role: str
    stream: tuple[int, ...]

    def draw(self, models: Mapping[str, Backend], how: Sampling) -> list[Item]:
        """The responses: the same ones in every run."""
        model = models[DRAWN[self.role]]
        assert isinstance(model, Sampler)
        return model.sample(self.ids, how.count, rng=np.random.default_rng(self.stream), length=how.length)


def first_with_prompt(data: Sequence[Pair]) -> list[str]:
    """For each pair the id of the first pair with the same prompt.

    >>> a, b = Item((1,), (2,)), Item((3,), (2,))
    >>> first_with_prompt([Pair("p", a, a), Pair("q", b, b), Pair("r", a, a)])
    ['p', 'q', 'p']
    """
    seen: dict[tuple[int, ...], str] = {}
    return [seen.setdefault(p.chosen.prompt, p.id) for p in data]


def drawers(data: Sequence[Pair], models: Mapping[str, Backend], how: Sampling) -> list[Drawn]:
    """What is to be drawn: for every different prompt, by policy, reference and DID policy where they are given.

    Raises:
        BackendError: one of them cannot draw responses.
    """
    for column in DRAWN.values():
        if column in models and not isinstance(models[column], Sampler):
            raise BackendError(f"{models[column].name} cannot draw responses; its entropy cannot be estimated")
    chosen = list(dict.fromkeys(zip(first_with_prompt(data), (p.chosen.prompt for p in data), strict=True)))
    check_room([m for c, m in models.items() if c in DRAWN.values()], [ids for _, ids in chosen[: how.prompts]], how)
    return [
        Drawn(name, ids, role, (how.seed, n, k))
        for k, (role, column) in enumerate(DRAWN.items())
        if column in models
        for n, (name, ids) in enumerate(chosen[: how.prompts])
    ]


def check_room(models: Sequence[Backend], prompts: Sequence[tuple[int, ...]], how: Sampling) -> None:
    """Whether every model can draw responses of the full length after the longest prompt, where it can tell.

    Raises:
        BackendError: one cannot.
    """
    longest = max(prompts, key=len)
    for model in models:
        refusal: Callable[[Item], str | None] = getattr(model, "refusal", lambda item: None)
        if said := refusal(Item(longest, (0,) * how.length)):
            raise BackendError(
                f"{model.name} cannot draw {how.length} tokens after a prompt of {len(longest)}: {said}; draw shorter "
                "responses (--sample-length), or leave such prompts out"
            )
