"""The page of a diagnosis: pictures of the pairs, and every measurement with its interval; one file, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .diagnosis import heading
from .diagnosis_drawings import drawings
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
    lead = "".join(f"<p>{escape(line)}</p>" for line in head[1:])
    pictures = "".join(
        f"<article><h3>{escape(x.title)}</h3>{x.svg}<p>{escape(x.caption)}</p></article>" for x in drawings(d)
    )
    body = (
        '<a class="skip" href="#main">Skip to the measurements</a><header class="top wrap"><div class="row">'
        "<h1>What training did to these pairs</h1>"
        '<button id="theme" class="needs-js" type="button" aria-label="Switch between light and dark">◐</button></div>'
        f'<div class="lead"><p>{escape(head[0])}</p>{lead}</div></header>'
        f'<main id="main" class="wrap"><section class="pictures">{pictures}</section>'
        f"{tables(d)}</main>"
        f'<footer class="wrap"><p>To repeat it: <code>didlab diagnose {escape(source)}</code></p></footer>'
    )
    return shell("didlab: diagnosis", body)
