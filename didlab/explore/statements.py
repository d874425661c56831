"""The statements: a list that is filtered, and the card of one that is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from html import escape
from typing import Any

from .. import claims
from ..engine.claim import Claim
from ..engine.judge import Judgement, judge
from ..engine.verdict import NOT_YET, as_data
from ..errors import ArgumentError
from ..report import card
from ..report.latex import unicode
from ..report.words import VERDICTS
from . import walk
from .look import link
from .state import choice

__all__ = ["State", "around", "claim_of", "judged", "listed", "listing", "statement"]


@dataclass(frozen=True)
class State:
    """A list of statements, or one of them and an instance.

    Attributes:
        id: the statement that is open; empty for the list.
        paper, verdict: what the list is kept to; empty for all.
        words: each of them is in the id, the title, the place, or the statement.
        edit: what was typed into the counterexample: `name: 1/4, 3/4 | other: 2`.
        to: where the line leads, one of `walk.ENDS`.
        seed: of the ordinary instance at its end.
        t: where on the line, from 0 (the counterexample) to 1.
    """

    id: str = ""
    paper: str = ""
    verdict: str = ""
    words: str = ""
    edit: str = ""
    to: str = "ordinary"
    seed: int = 0
    t: float = 0.0

    def __post_init__(self) -> None:
        if self.id and self.id not in _entries():
            close = get_close_matches(self.id, _entries(), 1)
            hint = f"Did you mean {close[0]}?" if close else ""
            raise ArgumentError("id", "the id of a statement", repr(self.id[:80]), hint)
        if self.paper:
            choice("paper", self.paper, list(claims.PAPERS))
        if self.verdict:
            choice("verdict", self.verdict, list(VERDICTS))
        choice("to", self.to, walk.ENDS)
        if self.seed < 0:
            raise ArgumentError("seed", "0 or more", str(self.seed))
        if not 0 <= self.t <= 1:
            raise ArgumentError("t", "from 0 to 1", str(self.t))


Entry = Mapping[str, Any]


@cache
def _entries() -> dict[str, Entry]:
    """Every statement by its id, in the order of the papers: what is known of it before it is judged again."""
    record = claims.recorded()
    made = [_data(c, record.get(c.id, NOT_YET)) for c in claims.load()] + claims.catalogue()
    order = {paper: n for n, paper in enumerate(claims.PAPERS)}
    return {e["id"]: e for e in sorted(made, key=lambda e: order[e["paper"]])}


def _data(c: Claim, verdict: str) -> Entry:
    """A claim as plain data with its recorded verdict, and what stands in its place where it fails."""
    corrected = None if c.correction is None else {"statement": c.correction.text, "evidence": None}
    return as_data(Judgement(c, verdict)) | {"corrected": corrected}


@cache
def _words(id: str) -> str:
    e = _entries()[id]
    return " ".join([id, e["title"], e["where"], unicode(e["statement"]), e["reading"]]).lower()


def listed(state: State) -> list[Entry]:
    """The statements that the filters leave.

    >>> [c["id"] for c in listed(State(words="thm-3.2 infinite"))]
    ['did.thm-3.2.infinite']
    """
    wanted = state.words.lower().split()
    return [
        e for e in _entries().values()
        if state.paper in ("", e["paper"]) and state.verdict in ("", e["verdict"])
        and all(w in _words(e["id"]) for w in wanted)
    ]


def listing(state: State) -> str:
    """The list as HTML, each entry a link that keeps the filters."""
    found = listed(state)
    if not found:
        return '<p class="none">No statement fits the filters.</p>'
    parts: list[str] = []
    for paper, name in claims.PAPERS.items():
        items = "".join(_item(e, state) for e in found if e["paper"] == paper)
        if items:
            parts.append(f'<h2>{escape(name)}</h2><ul class="entries">{items}</ul>')
    return "".join(parts)


def _item(e: Entry, state: State) -> str:
    opened = replace(state, id=e["id"], edit="", to="ordinary", seed=0, t=0.0)
    return (
        f'<li><a href="{escape(link("claims", opened))}">{card.title(e)}</a> {card.badge(e["verdict"])}'
        f'<span class="fine">{escape(e["where"])} · {escape(e["id"])}</span></li>'
    )


def around(state: State) -> str:
    """Links from an open statement: back to the list, and to its neighbours there."""
    ids = [e["id"] for e in listed(state)]
    back = replace(state, id="", edit="", to="ordinary", seed=0, t=0.0)
    links = [f'<a href="{escape(link("claims", back))}">All statements</a>']
    if state.id in ids:
        at = ids.index(state.id)
        for words, i in (("Previous", at - 1), ("Next", at + 1)):
            if 0 <= i < len(ids):
                links.append(f'<a href="{escape(link("claims", replace(back, id=ids[i])))}">{words}</a>')
    return f'<nav class="around" aria-label="Statements">{"".join(links)}</nav>'


def statement(state: State) -> str:
    """The open statement as HTML: as on the page of a run, without what only judging it again can tell."""
    claim, entry = claim_of(state.id), dict(_entries()[state.id])
    if claim is not None:
        entry["certificate"] = claims.stored(state.id)
    return card.card(entry)


def judged(id: str) -> str:
    """The verdict of judging a claim now, at quick effort, with its evidence, as HTML."""
    claim = claim_of(id)
    assert claim is not None
    found = as_data(judge(claim, effort="quick", stored=claims.stored(id)), recorded=claims.recorded().get(id))
    return card.evidence(found)


def claim_of(id: str) -> Claim | None:
    """The claim of a statement; None for one that is in the catalogue only."""
    return next((c for c in claims.load() if c.id == id), None)
