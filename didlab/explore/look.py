"""The frame around every page: navigation, style, messages; HTML only, so that the pages stay thin."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any

from ..report.page import asset
from .state import query
from .view import Picture, View

__all__ = [
    "PARTS", "busy", "export", "head", "header", "link", "message", "notes", "onwards", "panel", "section", "shown",
]

PARTS = {
    "policies": ("Policies and the DID", "Move a reference, a temperature and beta, and see what follows from them."),
    "claims": ("Claims", "The statements of the papers, their verdicts, and the counterexamples to step away from."),
    "objectives": ("Objectives", "Where losses end, and how training gets there."),
    "tokens": ("Tokens", "Two responses, their gradients token by token, and one step."),
    "data": ("Your data", "What training did to the pairs in a table of scores."),
    "tour": ("Tour", "Six steps, from two distributions to one false theorem."),
}


def link(part: str, state: Any = None) -> str:
    """The address of a state on this server; without one, of the part.

    >>> from didlab.explore.policies import State
    >>> link("policies", State(tau=0.25))
    '/policies/?tau=0.25'
    """
    text = "" if state is None else query(state)
    return f"/{part}/?{text}" if text else f"/{part}/"


def head() -> str:
    """What every page has in its head: the look of the verdict page, the app's own, and what marimo's inputs lack."""
    here = resources.files("didlab.explore")
    look, parts, inputs = (here.joinpath(n).read_text(encoding="utf-8") for n in ("look.css", "parts.css", "inputs.js"))
    style = "".join(map(asset, ("theme.css", "plots.css", "card.css")))
    return f"<style>{style}{look}{parts}</style><script>{inputs}</script>"


def header(part: str) -> str:
    """Navigation and the title of a part."""
    title, words = PARTS[part]
    items = "".join(
        f'<li><a href="/{p}/"{" aria-current=page" if p == part else ""}>{escape(name)}</a></li>'
        for p, (name, _) in PARTS.items()
    )
    return (
        '<header class="didlab-top"><nav aria-label="Parts of the app"><span class="brand">didlab</span>'
        f"<ul>{items}</ul></nav><h1>{escape(title)}</h1><p class=\"lead\">{escape(words)}</p></header>"
    )


def message(problems: Sequence[str]) -> str:
    """What is wrong with what was typed; nothing where all is well."""
    lines = "".join(f"<li>{escape(p)}</li>" for p in problems)
    return f'<ul class="message" role="alert">{lines}</ul>' if problems else ""


def busy(words: str) -> str:
    """Shown while something long is computed."""
    return f'<p class="busy" role="status">{escape(words)}</p>'


def onwards(name: str, part: str, state: Any) -> str:
    """Where the state in a file leads that is not of this page, or needs nothing but its link."""
    return (
        f'<p class="note">{escape(name)} holds a state of “{escape(PARTS[part][0])}”, without a table. '
        f'<a href="{escape(link(part, state))}">Open it</a></p>'
    )


def notes(view: View) -> str:
    """The sentences about this state."""
    return "".join(f'<p class="note">{escape(n)}</p>' for n in view.notes)


def shown(view: View, problems: Sequence[str] = (), *, tables: str = "") -> str:
    """A view as HTML: messages, notes, pictures with their buttons, the measures, the Python that repeats them.

    Args:
        view: what is shown.
        problems: what was wrong with what was typed.
        tables: HTML with the measures in it, to take the place of the plain table of them.
    """
    pictures = "".join(map(_picture, view.pictures))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td data-measure="{escape(name)}">{value:.6g}</td></tr>'
        for name, value in view.measures.items()
    )
    table = f'<section class="tables">{tables}</section>' if tables else (
        f'<section class="numbers"><h2>{escape(view.heading)}</h2><table class="measured"><tbody>'
        f"{rows}</tbody></table></section>"
        if rows
        else ""
    )
    python = (
        f'<details class="python"><summary>The same in Python</summary><pre tabindex="0"><code>{escape(view.python)}'
        "</code></pre></details>"
        if view.python
        else ""
    )
    return (
        f'<main class="didlab-view">{message(problems)}{notes(view)}'
        f'<h2 class="sr">What it looks like</h2><section class="pictures">{pictures}</section>'
        f"{table}{python}</main>"
    )


def _picture(p: Picture) -> str:
    buttons = "".join(
        f'<button type="button" data-save="{kind}" data-picture="{p.name}" '
        f'aria-label="Save the picture “{escape(p.title)}” as {kind.upper()}">{kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    return (
        f'<article id="{p.name}"><h3>{escape(p.title)}</h3>{p.svg}<p>{escape(p.caption)}</p>'
        f'<div class="saves">{buttons}</div></article>'
    )


def section(html: str, label: str, name: str = "didlab-more") -> str:
    """A part of a page beside what `shown` makes."""
    return f'<section class="{name}" aria-label="{escape(label)}">{html}</section>'


def panel(mo: Any, *controls: Any) -> Any:
    """The controls of a page, one below the other."""
    return mo.Html(f'<aside class="didlab-controls" aria-label="Controls">{mo.vstack(controls).text}</aside>')


def export(mo: Any, exporter: Any) -> Any:
    """The export bar of a page, below what is shown."""
    return mo.Html(f'<section class="didlab-export" aria-label="Export">{mo.as_html(exporter).text}</section>')
