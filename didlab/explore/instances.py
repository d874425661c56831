"""An instance of a statement: the stored counterexample with what was typed, and the line that leads away from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import numpy as np

from .. import claims
from ..engine.certificate import describe, replay
from ..engine.claim import Claim
from ..engine.instances import Decision, decide, lifted
from ..engine.kinds import Raw
from ..engine.lifts import FLOAT
from ..engine.relations import truth
from ..engine.search import Found
from ..errors import ArgumentError
from ..report import card
from . import walk
from .elsewhere import elsewhere
from .statements import State, claim_of

__all__ = ["GRID", "Line", "Now", "edits", "here", "instance", "line", "own", "shown"]

GRID = np.round(np.linspace(0, 1, 101), 2)
FINE = np.linspace(0, 1, 101)  # between two points of the grid
OUTSIDE = "No instance of this statement: an order or a sign that its objects have is lost on the way here."


def edits(text: str) -> dict[str, str]:
    """What was typed, by the name of the object.

    >>> edits("policy: 1/4, 3/4 | beta: 2")
    {'policy': '1/4, 3/4', 'beta': '2'}
    """
    if not text.strip():
        return {}
    pairs = [part.partition(":") for part in text.split("|")]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        raise ArgumentError("edit", "like `policy: 1/4, 3/4 | beta: 2`", repr(text[:80]))
    return {name.strip(): values.strip() for name, _, values in pairs}


def own(id: str, typed: Mapping[str, str]) -> str:
    """What a person typed in place of the numbers that were there, as `State.edit` has it."""
    claim = claim_of(id)
    near = None if claim is None else walk.start(claim, claims.stored(id))
    before = walk.written(near) if near else {}
    return " | ".join(f"{n}: {x}" for n, x in typed.items() if x.strip() != before.get(n))


@dataclass(frozen=True)
class Line:
    """The line that a state speaks of: its ends, what is found on it, and the points where that changes."""

    claim: Claim
    near: Raw
    far: Raw
    curve: walk.Curve
    turns: tuple[float, ...]


def instance(state: State) -> Raw | None:
    """The near end of the line: the stored counterexample, or an ordinary instance, with what was typed.

    Raises:
        ArgumentError: what was typed is no instance of the statement.
    """
    claim = claim_of(state.id)
    near = None if claim is None else walk.start(claim, claims.stored(claim.id))
    return near if near is None or claim is None else walk.read(claim.printed, near, edits(state.edit))


def line(state: State) -> Line | None:
    """The line of a state; None where the claim has no instance of numbers that can be moved."""
    return _line(state.id, state.edit, state.to, state.seed)


@lru_cache(maxsize=64)
def _line(id: str, edit: str, to: str, seed: int) -> Line | None:
    claim, near = claim_of(id), instance(State(id=id, edit=edit))
    if claim is None or near is None or not walk.movable(claim.printed):
        return None
    far = walk.away(claim.printed, near, to, seed)
    found = walk.curve(claim.printed, near, far, GRID)
    said = found.said
    turns: list[float] = []
    for i in np.flatnonzero(said[1:] != said[:-1]):
        between = GRID[i] + (GRID[i + 1] - GRID[i]) * FINE
        within = walk.curve(claim.printed, near, far, between).said
        turns.append(float(between[np.argmax(within != within[0])]))
    return Line(claim, near, far, found, tuple(turns))


@dataclass(frozen=True)
class Now:
    """The instance of a state, decided exactly; `described` as on the page of a run."""

    claim: Claim
    raw: Raw
    line: Line | None
    decision: Decision
    described: Mapping[str, Any]


@lru_cache(maxsize=64)
def here(state: State) -> Now | None:
    """The instance of a state, decided; None where the statement has none.

    Raises:
        ArgumentError: what was typed is no instance of the statement, or the line cannot lead there.
    """
    claim, raw = claim_of(state.id), instance(state)
    if claim is None or raw is None:
        return None
    found = line(state)
    raw = raw if found is None else walk.between(raw, found.far, state.t)
    decision = decide(claim.printed, raw)
    described = describe(claim.printed, Found(raw, decision, "", "explore"))
    return Now(claim, raw, found, decision, described | {"objects": _named(claim, raw, described["objects"])})


def _named(claim: Claim, raw: Raw, objects: Mapping[str, Any]) -> dict[str, Any]:
    """The objects, with decimals for the probabilities of a distribution that are not rational."""
    out = dict(objects)
    logs = lifted(claim.printed.draws, walk.floats(raw), FLOAT)
    for name, x in logs.items():
        p = np.exp(np.minimum(np.asarray(x, np.float64), 0))
        # K rounded probabilities sum to 1 within K eps; this only tells logarithms of probabilities from other numbers.
        if objects[name]["kind"] == "numbers" and np.ndim(x) == 1 and p.size > 1 and abs(p.sum() - 1) < 1e-12 * p.size:
            out[name] = {"kind": "distribution", "values": [f"{v:.6g}" for v in p]}
    return out


def shown(state: State) -> str:
    """The instance of a state in exact numbers, with what it decides and where it fits in the other parts, as HTML.

    Raises:
        ArgumentError: what was typed is no instance of the statement, or the line cannot lead there.
    """
    now = here(state)
    if now is None:
        return ""
    stored = claims.stored(state.id)
    heading, lines = "The instance" if now.line is None else f"The instance at t = {state.t:g}", list[str]()
    if stored is not None and not state.edit and (state.t == 0 or now.line is None):
        replay(now.claim, stored)
        heading, lines = "Counterexample", ["Re-checked from the stored certificate, trusting nothing it says."]
    lines.append(_decided(now.decision) if walk.valid(now.claim.printed, now.raw) else OUTSIDE)
    links = "".join(
        f'<a class="button" href="{escape(href)}">{escape(words)}</a>'
        for words, href in elsewhere(state.id, now.described["objects"])
    )
    opened = f'<p class="elsewhere">{links}</p>' if links else ""
    return card.counterexample(now.described, heading=heading, lines=lines, drawing=False) + opened


def _decided(decision: Decision) -> str:
    how = {"exact": "exact arithmetic", "enclosed": "ball arithmetic, rigorously"}[decision.level]
    if decision.undefined:
        return "A formula of the statement divides by zero here: the statement is false."
    if decision.truth == 0:
        return "Not decided at the highest precision: two numbers of it cannot be told apart."
    relation = decision.relation
    if relation is not None and relation.hypothesis is not None:
        met = int(truth(relation.hypothesis, False))
        if met < 0:
            return f"Decided just now by {how}: the hypotheses fail here, so that the statement claims nothing."
        said = "the hypotheses hold" if met > 0 else "whether the hypotheses hold is open"
        return f"Decided just now by {how}: {said}, and the statement is {'true' if decision.truth > 0 else 'false'}."
    return f"Decided just now by {how}: the statement is {'true' if decision.truth > 0 else 'false'} here."
