"""The page of a run: one file, readable without a network and without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from . import mathml
from .card import card, colour, data, title
from .words import VERDICTS

__all__ = ["asset", "page", "shell", "style"]

Claim = Mapping[str, Any]

REST = {
    "holds": "as printed",
    "conditional": "an assumption the paper leaves unsaid",
    "refuted": "refuted",
}
EARLY = """
const r = document.documentElement; r.classList.add("js");
let t = new URLSearchParams(location.search).get("theme");
try { t = t || localStorage.getItem("didlab-theme"); } catch { /* no store on this origin */ }
if (t === "dark" || t === "light") r.dataset.theme = t;
"""


def page(
    document: Mapping[str, Any], *, papers: Mapping[str, str] | None = None, claims_file: str | None = None
) -> str:
    """The verdict file as one HTML page.

    Args:
        document: the verdict file (schema didlab/verdicts/1).
        papers: full names of papers by the first part of an id.
        claims_file: the user's file that the claims came from, for the commands that repeat them.
    """
    names = papers or {}
    claims: Sequence[Claim] = document["claims"]
    body = "".join(
        [
            _top(document),
            '<main id="main" class="wrap">',
            _summary(document["summary"], names),
            _pictures(claims),
            _findings(claims),
            "</main>",
            _bar(claims),
            '<div class="wrap" id="statements"><p id="none" class="none" hidden>No statement fits the filter.</p>',
            *(_paper(p, names, claims, claims_file) for p in document["summary"]),
            _foot(document),
            "</div>",
        ]
    )
    return shell("didlab: verdicts", body, asset("page.js"))


def shell(title: str, body: str, script: str = "") -> str:
    """A whole page around a body: style, theme, no network."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f'<link rel="icon" href="data:,">\n<style>\n{style()}</style>\n<script>{EARLY}</script>\n'
        "</head>\n<body>\n"
        f"{body}\n<script>\n{asset('theme.js')}{script}</script>\n</body>\n</html>\n"
    )


def style() -> str:
    """The style of every page: the colours, the drawings, the page."""
    return "".join(asset(name) for name in ("theme.css", "plots.css", "card.css", "page.css"))


def asset(name: str) -> str:
    """A file that lies beside this one."""
    return resources.files("didlab.report").joinpath(name).read_text(encoding="utf-8")


def _top(document: Mapping[str, Any]) -> str:
    counts = _counts(document["summary"])
    judged = sum(n for name, n in counts.items() if colour(name) != "quiet")
    said = ", ".join(
        f"<strong>{counts[n]}</strong> {verb[counts[n] > 1]} {REST[n]}"
        for n, verb in (("holds", ("holds", "hold")), ("conditional", ("needs", "need")), ("refuted", ("is", "are")))
        if n in counts
    )
    failed = sum(n for name, n in counts.items() if VERDICTS[name].fails)
    said += f"{', ' if said else ''}<strong>{failed}</strong> could not be judged" if failed else ""
    return (
        '<a class="skip" href="#main">Skip to the verdicts</a><header class="top wrap"><div class="row">'
        "<h1>What holds, and what does not</h1>"
        '<button id="theme" class="needs-js" type="button" aria-label="Switch between light and dark">◐</button></div>'
        f'<p class="lead">{judged} statement{"s" if judged != 1 else ""}, judged by machine'
        f"{': ' if said else '.'}{said}"
        f"{'.' if said else ''}</p></header>"
    )


def _counts(summary: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    counts = {name: sum(row.get(name, 0) for row in summary.values()) for name in VERDICTS}
    return {name: n for name, n in counts.items() if n}


def _summary(summary: Mapping[str, Mapping[str, int]], names: Mapping[str, str]) -> str:
    shown = list(_counts(summary))
    head = "".join(f'<th scope="col">{escape(v)}</th>' for v in shown)
    rows = []
    for paper, row in summary.items():
        cells = "".join(_cell(paper, v, row.get(v, 0)) for v in shown)
        rows.append(f'<tr><th scope="row">{escape(names.get(paper, paper))}</th>{cells}</tr>')
    return (
        f'<table class="summary"><caption>Statements by paper and verdict<span class="needs-js">; a number shows those '
        f'statements</span></caption><thead><tr><th scope="col">paper</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody>"
        "</table>"
    )


def _cell(paper: str, verdict: str, n: int) -> str:
    if not n:
        return '<td><span class="zero">–</span></td>'
    label = f'{n} <span class="name">{escape(verdict)}</span>'
    return (
        f'<td><button type="button" class="{colour(verdict)}" data-filter="{verdict}" data-paper="{escape(paper)}" '
        f'aria-pressed="false" aria-label="{n} {escape(verdict)}, {escape(paper)}">{label}</button></td>'
    )


def _pictures(claims: Sequence[Claim]) -> str:
    """A picture of each of the most surprising findings among these claims."""
    present = {c["id"] for c in claims if c["verdict"] in ("refuted", "conditional")}
    if not present:
        return ""
    from .pictures import PICTURES

    articles = [
        f'<article><h3><a href="#{escape(p.claim)}">{escape(p.title)}</a></h3>{p.draw()}'
        f"<p>{escape(p.caption)}</p></article>"
        for p in PICTURES.values()
        if p.claim in present
    ]
    return f'<h2>At a glance</h2><section class="pictures">{"".join(articles)}</section>' if articles else ""


def _findings(claims: Sequence[Claim]) -> str:
    out = []
    for verdict, heading in (
        ("refuted", "Refuted"),
        ("conditional", "True only with an unsaid assumption"),
        ("vacuous", "Not judged: vacuous"),
        ("undecided", "Not judged: undecided"),
        ("error", "Not judged: the check failed"),
    ):
        rows = [c for c in claims if c["verdict"] == verdict]
        if rows:
            items = "".join(
                f'<li><span class="mark {colour(verdict)}" aria-hidden="true">{VERDICTS[verdict].symbol}</span>'
                f'<span><a href="#{escape(c["id"])}">{title(c)}</a> '
                f'<span class="where">{escape(c["where"])}</span></span></li>'
                for c in rows
            )
            out.append(f'<h2>{heading}</h2><ul class="findings">{items}</ul>')
    return "".join(out)


def _bar(claims: Sequence[Claim]) -> str:
    present = [v for v in VERDICTS if any(c["verdict"] == v for c in claims)]
    buttons = "".join(
        f'<button type="button" class="{colour(v)}" data-filter="{v}" aria-pressed="false">'
        f"{VERDICTS[v].symbol} {v}</button>"
        for v in present
    )
    return (
        '<div class="bar needs-js" role="search"><div class="wrap"><label class="sr" for="search">'
        "Filter the statements by "
        'words</label><input id="search" type="search" placeholder="Filter by words" autocomplete="off">'
        '<button type="button" data-filter="" aria-pressed="true">all</button>'
        f'{buttons}<button type="button" id="unfold" aria-pressed="false">open all</button>'
        '<output id="count" aria-live="polite"></output></div></div>'
    )


def _paper(paper: str, names: Mapping[str, str], claims: Sequence[Claim], file: str | None) -> str:
    mine = [c for c in claims if c["paper"] == paper]
    cards = "".join(card(c, file) for c in mine if colour(c["verdict"]) != "quiet")
    plain = "".join(_entry(c) for c in mine if colour(c["verdict"]) == "quiet")
    count = sum(colour(c["verdict"]) == "quiet" for c in mine)
    rest = (
        (
            f'<details class="rest"{"" if cards else " open"}><summary>{count} without a check</summary>'
            f'<ul class="entries">{plain}</ul></details>'
        )
        if plain
        else ""
    )
    return f'<section class="paper"><h2>{escape(names.get(paper, paper))}</h2>{cards}{rest}</section>'


def _entry(c: Claim) -> str:
    return (
        f'<li {data(c)}><span class="badge quiet">{VERDICTS[c["verdict"]].symbol} {escape(c["verdict"])}</span> '
        f"{title(c)} "
        f'<span class="fine">{escape(" · ".join(x for x in (c["where"], c["id"]) if x))}'
        f"{' · ' + mathml.html(c['note']) if c['note'] else ''}</span></li>"
    )


def _foot(document: Mapping[str, Any]) -> str:
    made = ", ".join(f"{name} {v}" for name, v in document["versions"].items())
    return (
        f"<footer>Effort {escape(document['effort'])}, seed {document['seed']}. {escape(made)}. The same "
        "seed gives the same page.</footer>"
    )
