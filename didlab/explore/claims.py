"""Claims: the statements and their verdicts; one of them with its instance, which one steps away from."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np

from .. import claims
from ..engine.measured import MeasuredClaim
from ..report.chart import Area, Series, chart
from ..report.latex import unicode
from ..report.plot import bars
from . import walk
from .instances import GRID, Line, Now, edits, here
from .statements import State, claim_of, listed
from .view import Picture, View
from .walk import FALSE, SILENT, TRUE

__all__ = ["State", "view"]


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
        {"t": c.t.tolist(), "residual": c.residual.tolist(), "statement": c.said.tolist()},
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
        "from didlab.explore.statements import State, listed\n"
        f'print(dict(Counter(c["verdict"] for c in listed(State({arguments})))))',
        heading=f"{len(found)} statements by verdict",
    )


def _unmoved(id: str) -> str:
    if isinstance(claim_of(id), MeasuredClaim):
        return (
            "A statement about training runs: what refutes it or bears it out are independent runs, not numbers that "
            "could be moved. Judging it repeats them."
        )
    return "A measurement on language models: there is no instance here to move."


def _drawing(now: Now) -> tuple[Picture, ...]:
    drawn = {n: o["values"] for n, o in now.described["objects"].items() if o["kind"] == "distribution"}
    if not drawn:
        return ()
    if any(len(v) > 5 for p in drawn.values() for v in p):
        drawn = {n: [f"{float(Fraction(v)):.4f}" for v in p] for n, p in drawn.items()}
    return (Picture("instance", "The distributions at this instance", bars(drawn), "Move t, or type other numbers."),)


def _picture(found: Line, state: State) -> Picture:
    c = found.curve
    said, finite = c.said, np.isfinite(c.residual)
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
