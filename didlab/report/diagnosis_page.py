"""The page of a diagnosis: pictures of the pairs, and every measurement with its interval; one file, no network."""

from __future__ import annotations

import shlex
from html import escape
from typing import TYPE_CHECKING

from .diagnosis import heading
from .diagnosis_drawings import drawings, finding
from .diagnosis_tables import tables
from .page import shell

if TYPE_CHECKING:
    from ..diagnose import Diagnosis

__all__ = ["diagnosis_page"]


def diagnosis_page(d: Diagnosis, *, source: str = "") -> str:
    """A diagnosis as one HTML page.

    Args:
        d: the diagnosis.
        source: the table it was made from, for the command that repeats it.
    """
    head = heading(d)
    models = "; ".join(line for line in head[1:] if not line.startswith("!"))
    warned = [line for line in head[1:] if line.startswith("!")]
    lead = "".join(f"<p>{escape(line)}</p>" for line in (models, *warned) if line)
    pictures = "".join(
        f"<article><h3>{escape(x.title)}</h3>{x.svg}<p>{escape(x.caption)}</p></article>" for x in drawings(d)
    )
    body = (
        '<a class="skip" href="#main">Skip to the measurements</a><header class="top wrap"><div class="row">'
        f"<h1>{escape(finding(d))}</h1>"
        '<button id="theme" class="needs-js" type="button" aria-label="Switch between light and dark">◐</button></div>'
        f'<div class="lead"><p>{escape(head[0])}</p>{lead}</div></header>'
        f'<main id="main" class="wrap"><section class="pictures">{pictures}</section>'
        f"{tables(d)}{_silent(d)}</main>"
        f'<footer class="wrap"><p>To repeat it: <code>{escape(_command(d, source))}</code>. '
        "<code>didlab show ID</code> prints a statement that is named here.</p></footer>"
    )
    return shell("didlab: diagnosis", body)


def _silent(d: Diagnosis) -> str:
    """What the table says nothing about, and what would be needed."""
    reasons: dict[str, list[str]] = {}
    for id, why in d.silent.items():
        reasons.setdefault(why, []).append(id)
    told = "".join(f"<li>{escape(', '.join(ids))}: {_code(why)}.</li>" for why, ids in reasons.items())
    return f"<h2>What this table does not speak of, and what would be needed</h2><ul>{told}</ul>" if told else ""


def _code(text: str) -> str:
    """Escaped text with its commands in backquotes as code."""
    return "".join(f"<code>{escape(x)}</code>" if k % 2 else escape(x) for k, x in enumerate(text.split("`")))


def _command(d: Diagnosis, source: str) -> str:
    """The command that diagnoses the same table in the same way."""
    given = dict(d.settings)
    objective, beta = given.pop("objective"), given.pop("beta")
    more = [f"--hyper {k}={v}" for k, v in given.items()]
    return " ".join(["didlab diagnose", shlex.quote(source), f"--objective {objective} --beta {beta}", *more])
