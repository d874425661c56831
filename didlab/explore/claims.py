"""Claims: the statements and their verdicts; one of them with its instance, which one steps away from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from functools import cache, lru_cache
from html import escape
from typing import Any

import numpy as np

from .. import claims
from ..engine.certificate import describe, replay
from ..engine.claim import Claim
from ..engine.instances import Decision, decide, lifted
from ..engine.judge import Judgement, judge
from ..engine.kinds import Raw
from ..engine.lifts import FLOAT
from ..engine.measured import MeasuredClaim
from ..engine.relations import truth
from ..engine.search import Found
from ..engine.verdict import NOT_YET, as_data
from ..errors import ArgumentError
from ..report import card
from ..report.chart import Area, Series, chart
from ..report.latex import unicode
from ..report.plot import bars
from ..report.words import VERDICTS
from . import policies, walk
from .look import link
from .state import choice
from .view import Picture, View

__all__ = [
    "State", "around", "edits", "elsewhere", "here", "instance", "judged", "line", "listed", "listing", "own",
    "shown_instance", "statement", "view",
]

GRID = np.round(np.linspace(0, 1, 101), 2)
FINE = np.linspace(0, 1, 101)  # between two points of the grid
OUTSIDE = "No instance of this statement: an order or a sign that its objects have is lost on the way here."
TRUE, FALSE, SILENT = "true", "false", "without a say"


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
    claim, entry = _claim(state.id), dict(_entries()[state.id])
    if claim is not None:
        entry["certificate"] = claims.stored(state.id)
    return card.card(entry)


def judged(id: str) -> str:
    """The verdict of judging a claim now, at quick effort, with its evidence, as HTML."""
    claim = _claim(id)
    assert claim is not None
    found = as_data(judge(claim, effort="quick", stored=claims.stored(id)), recorded=claims.recorded().get(id))
    return card.evidence(found)


def _claim(id: str) -> Claim | None:
    return next((c for c in claims.load() if c.id == id), None)


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
    claim = _claim(id)
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
    claim = _claim(state.id)
    near = None if claim is None else walk.start(claim, claims.stored(claim.id))
    return near if near is None or claim is None else walk.read(claim.printed, near, edits(state.edit))


def line(state: State) -> Line | None:
    """The line of a state; None where the claim has no instance of numbers that can be moved."""
    return _line(state.id, state.edit, state.to, state.seed)


@lru_cache(maxsize=64)
def _line(id: str, edit: str, to: str, seed: int) -> Line | None:
    claim, near = _claim(id), instance(State(id=id, edit=edit))
    if claim is None or near is None or not walk.movable(claim.printed):
        return None
    far = walk.away(claim.printed, near, to, seed)
    found = walk.curve(claim.printed, near, far, GRID)
    said = _said(found)
    turns: list[float] = []
    for i in np.flatnonzero(said[1:] != said[:-1]):
        between = GRID[i] + (GRID[i + 1] - GRID[i]) * FINE
        within = _said(walk.curve(claim.printed, near, far, between))
        turns.append(float(between[np.argmax(within != within[0])]))
    return Line(claim, near, far, found, tuple(turns))


def _said(curve: walk.Curve) -> np.ndarray:
    """At each point: the statement is true, false, or its hypotheses fail."""
    return np.where(~curve.met, SILENT, np.where(curve.true, TRUE, FALSE))


def view(state: State) -> View:
    """What a state shows, without the statement itself.

    Raises:
        ArgumentError: what was typed is no instance of the statement, or the line cannot lead there.

    >>> found = view(State(id="did.claim-4.1.reinforcing.tempering"))
    >>> found.measures["statement (1 true, -1 false, 0 open)"]
    -1.0
    """
    if not state.id:
        return _overview(state)
    now = here(state)
    if now is None:
        return View((), {}, {}, "", notes=(_unmoved(state.id),))
    claim, raw, found = now.claim, now.raw, now.line
    drawn = _drawing(now)
    measures = walk.measures(claim.printed, raw, now.decision)
    if found is None:
        note = "What this statement speaks of are whole things (tokens, pairs): there is no line between two of them."
        return View(drawn, measures, {}, _python(state, None), heading="Numbers at this instance", notes=(note,))
    c = found.curve
    return View(
        (_picture(found, state), *drawn),
        measures,
        {"t": c.t.tolist(), "residual": c.residual.tolist(), "statement": _said(c).tolist()},
        _python(state, found),
        heading="Numbers at this instance",
    )


def _python(state: State, found: Line | None) -> str:
    """The lines that print the measures."""
    typed = edits(state.edit)
    start = "walk.start(claim, claims.stored(claim.id))"
    near = f"walk.read(claim.printed, {start}, {typed!r})" if typed else start
    last = "near" if found is None else (
        f"walk.between(near, walk.away(claim.printed, near, {state.to!r}, {state.seed}), {state.t!r})"
    )
    return (
        "from didlab import claims; from didlab.explore import walk\n"
        f"claim = next(c for c in claims.load() if c.id == {state.id!r}); near = {near}\n"
        f"print(walk.measures(claim.printed, {last}))"
    )


def _overview(state: State) -> View:
    found = listed(state)
    kept = {n: v for n in ("paper", "verdict", "words") if (v := getattr(state, n))}
    arguments = ", ".join(f"{n}={v!r}" for n, v in kept.items())
    columns = {n: [e[n] for e in found] for n in ("id", "where", "title", "verdict")}
    return View(
        (),
        {v: float(n) for v, n in Counter(e["verdict"] for e in found).items()},
        columns,
        "from collections import Counter\n"
        "from didlab.explore.claims import State, listed\n"
        f'print(dict(Counter(c["verdict"] for c in listed(State({arguments})))))',
        heading=f"{len(found)} statements by verdict",
    )


def _unmoved(id: str) -> str:
    if isinstance(_claim(id), MeasuredClaim):
        return (
            "A statement about training runs: what refutes it or bears it out are independent runs, not numbers that "
            "could be moved. Judging it repeats them."
        )
    return "A measurement on language models: there is no instance here to move."


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
    claim, raw = _claim(state.id), instance(state)
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


def _drawing(now: Now) -> tuple[Picture, ...]:
    drawn = {n: o["values"] for n, o in now.described["objects"].items() if o["kind"] == "distribution"}
    if not drawn:
        return ()
    if any(len(v) > 5 for p in drawn.values() for v in p):
        drawn = {n: [f"{float(Fraction(v)):.4f}" for v in p] for n, p in drawn.items()}
    return (Picture("instance", "The distributions at this instance", bars(drawn), "Move t, or type other numbers."),)


def shown_instance(state: State) -> str:
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


def elsewhere(id: str, objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the objects of an instance fit in the other parts: words and addresses.

    >>> d = {"kind": "distribution", "values": ["1/4", "3/4"]}
    >>> elsewhere("did.claim-4.1.converse", {"reference": d, "policy": d})[0]
    ('Open in Policies and the DID', '/policies/?reference=1/4,3/4&policy=1/4,3/4')
    """
    return [*_as_policies(objects), *_as_tokens(id, objects)]


def _as_policies(objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A reference and a policy over the same outcomes."""
    found = {n: tuple(map(Fraction, o["values"])) for n, o in objects.items() if o["kind"] == "distribution"}
    reference, policy = found.get("reference"), found.get("policy", found.get("target"))
    if reference is None or policy is None or len(reference) != len(policy) or min(*reference, *policy) <= 0:
        return []
    state = policies.State(reference=reference, policy=policy)
    # The page of objectives names its policies as the page of policies does.
    out = [("Open in Policies and the DID", link("policies", state)), ("Open in Objectives", link("objectives", state))]
    beta = objects.get("beta")
    if beta is not None and beta["kind"] == "numbers":
        value = float(Fraction(beta["values"][0]))
        if 0.01 <= value <= 100:
            out[0] = (out[0][0], link("policies", replace(state, beta=value)))
    return out


# What the contexts of a model share, by the last word of an id.
SHARING = {"shared-logits": "offsets", "own-logits": "prefixes"}


def _as_tokens(id: str, objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Two responses under a model whose rows are all uniform: the page of tokens draws any others from a seed."""
    model, rows = SHARING.get(id.split(".")[-1]), [objects.get(n) for n in ("rows_w", "rows_l")]
    if model is None or any(t is None or len({v for row in t["values"] for v in row}) > 1 for t in rows):
        return []
    from . import tokens  # its models are imported only where they are wanted

    names = "abcdef"[: rows[0]["shape"][-1]]  # type: ignore[index]
    chosen, rejected = (tuple(names[int(v)] for v in objects[n]["values"]) for n in ("chosen", "rejected"))
    state = tokens.State(vocabulary=tuple(names), chosen=chosen, rejected=rejected, model=model, spread=0.0)
    return [("Open in Tokens", link("tokens", state))]


def _picture(found: Line, state: State) -> Picture:
    c = found.curve
    said, finite = _said(c), np.isfinite(c.residual)
    low, high = (float(f(c.residual[finite], initial=0.0)) for f in (np.min, np.max))
    pad = 0.08 * (high - low) or 1.0
    span = ((0.0, 1.0), (low - pad, high + pad))
    series = [piece for what in (FALSE, TRUE, SILENT) for piece in _part(c, said, finite, what)]
    at = int(np.argmin(np.abs(GRID - state.t)))
    if finite[at]:
        series.append(Series(f"t = {state.t:g}", [state.t], [float(c.residual[at])], line=False, mark=True, kind=2))
    areas = [Area("hypotheses fail", [(a, span[1][0]), (b, span[1][0]), (b, span[1][1]), (a, span[1][1])], kind=4)
             for a, b in _runs(said == SILENT)]
    ends = f"an ordinary instance (seed {state.seed})" if state.to == "ordinary" else "uniform weights"
    start = "the counterexample" if claims.stored(state.id) and not state.edit else "the instance"
    title = _title(said, found.turns)
    return Picture(
        "walk",
        title,
        chart(
            series, x=f"t: from {start} to {ends}", y=unicode(c.label, prose=True)[:48] or "residual of the conclusion",
            words=f"The residual of the conclusion along the line. {title}.", span=span, areas=areas,
        ),
        "Left side minus right side of what the statement concludes (minus the size of the gap for an equation; of "
        "several comparisons the one that decides): below 0 it is false.",
    )


def _part(c: walk.Curve, said: np.ndarray, finite: np.ndarray, what: str) -> list[Series]:
    """The pieces of the curve of one sort; the first of them carries its name."""
    names = {FALSE: ("statement false", 1), TRUE: ("statement true", 0), SILENT: ("hypotheses fail", -2)}
    name, kind = names[what]
    pieces: list[Series] = []
    for a, b in _runs((said == what) & finite):
        rows = (c.t >= a) & (c.t <= b) & finite
        pieces.append(
            Series("" if pieces else name, c.t[rows].tolist(), c.residual[rows].tolist(), kind=kind)
        )
    return pieces


def _runs(where: np.ndarray) -> list[tuple[float, float]]:
    """The stretches of the grid where something is so, each up to the next point where it is not."""
    edges = np.flatnonzero(np.diff(np.r_[False, where, False].astype(int)))
    last = len(GRID) - 1
    return [(float(GRID[a]), float(GRID[min(b, last)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _title(said: np.ndarray, turns: tuple[float, ...]) -> str:
    words = {TRUE: "true", FALSE: "false", SILENT: "without its hypotheses"}
    order = [words[str(said[0])], *(words[str(said[i + 1])] for i in np.flatnonzero(said[1:] != said[:-1]))]
    if not turns:
        return f"The statement is {order[0]} all the way"
    if len(turns) > 2:
        return f"The statement changes {len(turns)} times, first at t = {turns[0]:.4g}"
    parts = [f"{word} up to t = {t:.4g}" for word, t in zip(order, turns, strict=False)]
    return f"The statement is {', '.join(parts)}, then {order[-1]}"
