"""States of every part, to be drawn."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from didlab import claims, objectives
from didlab.explore import data, policies, responses, statements, steps, walk
from didlab.explore import objectives as objectives_page
from didlab.explore.losses import NAMES, hyper_parameters, label, read, word
from didlab.explore.presets import PRESETS
from didlab.report.words import VERDICTS

__all__ = [
    "ALL", "BROKEN", "MOVED", "PROMPTS", "STATES", "TABLE", "filters", "losses_in_words", "moved", "of_data",
    "of_objectives", "of_policies", "of_tokens", "of_tour",
]

weights = st.lists(st.fractions(Fraction(1, 50), 20, max_denominator=50), min_size=2, max_size=6).map(tuple)
ALPHABET = ("a", "b", "<end>", "π", "e", "f")


@st.composite
def of_policies(draw: st.DrawFn) -> policies.State:
    """Presets or own weights, the target tempered or its own."""
    own = draw(st.none() | weights)
    size = len(own) if own else draw(st.integers(2, 40))
    policy = draw(st.none() | weights.map(lambda w: (w * size)[:size]))
    return policies.State(
        preset=draw(st.sampled_from(list(PRESETS))), k=draw(st.integers(2, 40)) if own else size,
        seed=draw(st.integers(0, 9)), reference=own or (), policy=policy or (),
        tau=draw(st.floats(0.05, 10)), beta=draw(st.floats(0.05, 10)),
    )


ALL = {c.id: c for c in claims.load()}
BROKEN = [id for id in ALL if claims.stored(id) is not None]
MOVED = [id for id in BROKEN if walk.movable(ALL[id].printed)]

moved = st.builds(
    statements.State, id=st.sampled_from(MOVED), t=st.integers(0, 100).map(lambda n: n / 100), seed=st.integers(0, 3)
)
filters = st.builds(
    statements.State, paper=st.sampled_from(["", *claims.PAPERS]), verdict=st.sampled_from(["", *VERDICTS]),
    words=st.sampled_from(["", "entropy", "Thm 3", "no such words", "claim-4.1 smoothing"]),
)


@st.composite
def of_tokens(draw: st.DrawFn) -> responses.State:
    """Any two responses over a small vocabulary, any model and loss."""
    vocabulary = ALPHABET[: draw(st.integers(2, 6))]
    response = st.lists(st.sampled_from(vocabulary), min_size=1, max_size=12).map(tuple)
    name = draw(st.sampled_from(list(NAMES)))
    hyper = {k: draw(st.sampled_from(steps)) for k, steps in hyper_parameters(name, lengths=True).items()}
    return responses.State(
        vocabulary=vocabulary, chosen=draw(response), rejected=draw(response),
        model=draw(st.sampled_from(list(responses.MODELS))),
        seed=draw(st.integers(0, 9)), spread=draw(st.floats(0, 3)), width=draw(st.integers(1, 6)),
        loss=word(objectives.get(name, **hyper)), rate=draw(st.floats(0.01, 10)),
    )


losses_in_words = st.sampled_from(list(NAMES)).flatmap(
    lambda n: st.fixed_dictionaries({
        key: st.sampled_from([v for v in values if not isinstance(v, (int, float)) or 0.2 <= v <= 3])
        for key, values in hyper_parameters(n).items()
    }).map(lambda hyper: word(objectives.get(n, **hyper)))
)  # fmt: skip


@st.composite
def of_objectives(draw: st.DrawFn) -> objectives_page.State:
    """One to three losses on small problems, trained for a moment."""
    size = draw(st.integers(2, 6))
    chosen = draw(st.lists(losses_in_words, min_size=1, max_size=3, unique_by=lambda w: label(read(w))))
    own = st.lists(st.fractions(Fraction(1, 20), 5, max_denominator=20), min_size=size, max_size=size).map(tuple)
    return objectives_page.State(
        losses=tuple(chosen), preset=draw(st.sampled_from(list(PRESETS))), k=size, seed=draw(st.integers(0, 9)),
        reference=draw(st.just(()) | own), policy=draw(st.just(()) | own),
        target=draw(st.sampled_from(["temperature", "random"])), target_seed=draw(st.integers(0, 9)),
        tau=draw(st.floats(0.3, 4)), chosen=draw(st.sampled_from(["reference", "target"])),
        rejected=draw(st.sampled_from(["ideal", "reference"])), ideal_beta=draw(st.floats(0.2, 2)),
        pairs=draw(st.sampled_from([0, 0, 1, 20, 1000])), data_seed=draw(st.integers(0, 9)),
        steps=draw(st.integers(1, 60)), batch=draw(st.integers(1, 40)), rate=draw(st.floats(1e-4, 0.05)),
        start=draw(st.sampled_from(["reference", "uniform", "normal"])),
        pair=draw(st.just(()) | st.permutations(range(1, size + 1)).map(lambda p: tuple(p[:2]))),
    )  # fmt: skip


of_tour = st.builds(
    steps.State, step=st.integers(1, len(steps.STEPS)),
    **{name: st.integers(round(100 * low), round(100 * high)).map(lambda n: n / 100)
       for name, (_, low, high) in steps.CONTROLS.items()},
)  # fmt: skip


def _example() -> data.Table:
    table = data.opened(data.State(table="example"))
    assert table is not None
    return table


TABLE = _example()
PROMPTS = data.prompts(TABLE)

of_data = st.builds(
    data.State, table=st.sampled_from(["", "example"]), objective=st.sampled_from(list(NAMES)),
    beta=st.floats(0.001, 20), prompt=st.sampled_from(["", *PROMPTS]),
)

STATES: dict[str, st.SearchStrategy[Any]] = {
    "policies": of_policies(), "claims": moved | filters, "objectives": of_objectives(),
    "tokens": of_tokens(), "data": of_data, "tour": of_tour,
}
