"""One statement as HTML: what it says, its verdict, its counterexample, and what stands in its place."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from . import mathml, plot
from .latex import unicode
from .words import (
    LEVELS,
    VERDICTS,
    comparison,
    comparisons,
    counterexample_lines,
    decided,
    evidence_lines,
    neighbour_line,
)

__all__ = ["badge", "card", "colour", "counterexample", "data", "evidence", "title"]

Claim = Mapping[str, Any]


def colour(verdict: str) -> str:
    """The class of the style sheet for a verdict."""
    if VERDICTS[verdict].fails:
        return "fails"
    return verdict if verdict in ("holds", "conditional", "refuted") else "quiet"


def badge(verdict: str) -> str:
    """A verdict with its symbol."""
    return (
        f'<span class="badge {colour(verdict)}"><span aria-hidden="true">{VERDICTS[verdict].symbol}</span> '
        f"{escape(verdict)}</span>"
    )


def data(c: Claim) -> str:
    """The attributes of an entry that filters read."""
    words = " ".join(
        [c["id"], c["title"], c["where"], c["verdict"], unicode(c["statement"]), c["reading"], c["note"]]
    )
    return (
        f'id="{escape(c["id"])}" data-verdict="{escape(c["verdict"])}" data-paper="{escape(c["paper"])}" '
        f'data-words="{escape(words)}"'
    )


def title(c: Claim) -> str:
    """The title, with its formulas."""
    return (
        mathml.html(c["title"], prose=True)
        if "$" in c["title"]
        else escape(unicode(c["title"], prose=True) if "\\" in c["title"] else c["title"])
    )


def card(c: Claim, file: str | None = None) -> str:
    """The whole entry; `file` holds the claim where it is not one of didlab's."""
    parts = [
        f'<article class="claim" {data(c)}><header><h3><a href="#{escape(c["id"])}">{title(c)}</a></h3>'
        f"{badge(c['verdict'])}"
        f'<p class="place">{escape(c["where"] and c["where"] + " · ")}<code>{escape(c["id"])}</code></p></header>'
        f'<div class="statement">{mathml.html(c["statement"], display=True)}</div>',
    ]
    if c["reading"]:
        parts.append(f'<p class="prose"><b>Read as</b> {mathml.html(c["reading"], prose=True)}</p>')
    if c["recorded"] not in (None, c["verdict"]):
        parts.append(
            f'<p><span class="badge fails">! changed</span> The recorded verdict is <b>{escape(c["recorded"])}</b>.</p>'
        )
    if c["why"]:
        parts.append(f"<p>{escape(c['why'])}</p>")
    if c["evidence"]:
        parts.append(_said(c["evidence"], 1))
    if c["counterexample"]:
        parts.append(counterexample(c["counterexample"]))
    parts.append(_instead(c))
    if c["note"]:
        parts.append(f'<p class="prose">{mathml.html(c["note"], prose=True)}</p>')
    return "".join([*parts, _more(c, file), "</article>\n"])


def evidence(c: Claim) -> str:
    """What a verdict rests on: levels, numbers of instances, how the counterexample was found, false neighbours."""
    why = f"<p>{escape(c['why'])}</p>" if c["why"] else ""
    lines = counterexample_lines(c["counterexample"]) if c["counterexample"] else []
    found = f'<p class="fine">{escape(" ".join(lines))}</p>' if lines else ""
    return (
        f'<article class="claim"><p>{badge(c["verdict"])}</p>{why}{found}<div class="more">{_supported(c)}</div>'
        "</article>"
    )


def _said(e: Mapping[str, Any], most: int) -> str:
    return (
        f'<p class="fine"><b>{escape(e["level"].capitalize())}.</b> {escape(" ".join(evidence_lines(e)[:most]))}</p>'
    )


def _instead(c: Claim) -> str:
    if c["corrected"]:
        heading, text, e = "What is true instead", c["corrected"]["statement"], c["corrected"]["evidence"]
    elif c["assumption"] and c["verdict"] != "holds":
        heading, text, e = "What has to be assumed", c["assumption"]["text"], c["assumption"]["evidence"]
    else:
        return ""
    share = (c["assumption"] or {}).get("share") if not c["corrected"] else None
    kept = (
        f'<p class="fine">The assumption is met by {share:.0%} of ordinary instances.</p>'
        if share is not None
        else ""
    )
    return (
        f'<div class="instead"><h4>{heading}</h4><div class="statement">{mathml.html(text, display=True)}</div>'
        f"{_said(e, 1) if e else ''}{kept}</div>"
    )


def counterexample(
    x: Mapping[str, Any], *, heading: str = "Counterexample", lines: Sequence[str] | None = None, drawing: bool = True
) -> str:
    """An instance in exact numbers, drawn, with what is compared there; `lines` say how it was decided."""
    drawn = {name: o["values"] for name, o in x["objects"].items() if o["kind"] == "distribution"}
    rows = "".join(_object(name, o) for name, o in x["objects"].items())
    table = (
        (
            f'<div class="scroll" tabindex="0" role="region" aria-label="The counterexample in exact numbers">'
            f'<table class="exact">{rows}</table></div>'
        )
        if rows
        else ""
    )
    compared = "".join(_compared(row) for row in comparisons(x))
    lines = counterexample_lines(x) if lines is None else lines
    return (
        f'<div class="counter"><h4>{escape(heading)}</h4>'
        f'<div class="two">{table}{plot.bars(drawn) if drawn and drawing else ""}</div>'
        f'{f"""<ul class="compared">{compared}</ul>""" if compared else ""}'
        f'<p class="fine">{escape(" ".join(lines))}</p></div>'
    )


def _object(name: str, o: Mapping[str, Any]) -> str:
    rows = o["values"] if o["kind"] == "table" else [o["values"]]
    out = []
    for i, row in enumerate(rows):
        head = f'<th scope="row">{escape(name.replace("_", " "))}</th>' if i == 0 else "<th></th>"
        out.append(f"<tr>{head}{''.join(f'<td>{escape(v)}</td>' for v in row)}</tr>")
    return "".join(out)


def _compared(row: Mapping[str, Any]) -> str:
    words = mathml.html(row["label"]) if "\\" in row["label"] or "$" in row["label"] else escape(row["label"])
    label = f'<span class="label">{words}:</span> ' if words else ""
    said = decided(row)
    colour = "holds" if row["true"] else "refuted" if said == "false" else "quiet"
    return f'<li>{label}{escape(comparison(row))} <span class="truth {colour}">{said}</span></li>'


def _supported(c: Claim) -> str:
    """Evidence and neighbours."""
    parts: list[str] = []
    for heading, e in (
        ("Evidence", c["evidence"]),
        ("Evidence for the corrected statement", (c["corrected"] or {}).get("evidence")),
        ("Evidence under the assumption", (c["assumption"] or {}).get("evidence")),
    ):
        if e:
            lines = "".join(f"<li>{escape(x)}</li>" for x in evidence_lines(e))
            hard = ", ".join(f"{k} {n:,}" for k, n in sorted(e["coverage"].items(), key=lambda kn: -kn[1]))
            parts.append(
                f"<h4>{heading}: {escape(e['level'])}</h4>"
                f'<p class="fine">{escape(LEVELS[e["level"]].capitalize())}.</p>'
                f"<ul>{lines}{f'<li>Classes of instances: {escape(hard)}.</li>' if hard else ''}</ul>"
            )
    n = c["neighbours"]
    if n["tried"]:
        items = "".join(f"<li>{mathml.html(neighbour_line(x), prose=True)}</li>" for x in n["list"])
        parts.append(
            f"<h4>False neighbours: {n['refuted']} of {n['tried']} refuted, {n['near']} near</h4>"
            f'<p class="fine">Wrong versions of the statement that the same check has to refute.</p><ul>{items}</ul>'
        )
    if c["measurements"]:
        parts.append(f"<h4>Measurements</h4><p>{escape(', '.join(c['measurements']))}</p>")
    return "".join(parts)


def _more(c: Claim, file: str | None) -> str:
    parts = [_supported(c)]
    claims = f" --claims {shlex.quote(file)}" if file else ""
    if c["certificate"] and not file:
        parts.append(f"<h4>Replay the counterexample</h4>{_command('didlab replay ' + c['id'])}")
    parts.append(f"<h4>Judge it again</h4>{_command('didlab show ' + c['id'] + claims)}")
    return (
        f'<details><summary>Evidence, neighbours, replay</summary><div class="more">{"".join(parts)}</div></details>'
    )


def _command(command: str) -> str:
    return (
        f'<div class="replay"><code>{escape(command)}</code><button type="button" class="needs-js" '
        f'data-copy="{escape(command)}">Copy</button></div>'
    )
