"""The tables of a diagnosis: every measurement with its interval, what it shows and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from .diagnosis import by_layer, number

if TYPE_CHECKING:
    from ..diagnose import Diagnosis, Entry

__all__ = ["tables"]

FAMILIES = {
    "displacement": "Where the likelihood went",
    "margin": "The margin",
    "movement": "Which way each pair moved",
    "order": "Order",
    "calibration": "Calibration",
    "power-law": "The power law",
    "loss": "The loss",
    "entropy": "Entropy",
    "did": "The DID",
    "gradients": "Gradients",
    "divergence": "Divergence",
}


def tables(d: Diagnosis, address: Callable[[str], str] | None = None) -> str:
    """A table for each family of measurements, and the gradients by layer, as HTML.

    Args:
        d: the diagnosis.
        address: of the page of a statement, by its id; without it the ids are no links.
    """
    out: list[str] = []
    for family, title in FAMILIES.items():
        rows = [e for e in d.entries if e.name.split(".")[0] == family]
        if rows:
            body = "".join(_row(e, above, address) for e, above in zip(rows, [None, *rows], strict=False))
            out.append(
                f'<h2>{escape(title)}</h2><table class="measured many"><thead><tr><th scope="col">measurement</th>'
                '<th scope="col">estimate</th><th scope="col">95 % interval</th><th scope="col">n</th></tr></thead>'
                f"<tbody>{body}</tbody></table>"
            )
    return "".join(out) + _layers(d)


def _layers(d: Diagnosis) -> str:
    """The gradients by layer, as the terminal shows them."""
    if not d.layers:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{wl:.4g}</td><td>{cosine:+.3f}</td></tr>'
        for name, wl, cosine in by_layer(d)
    )
    return (
        '<h2>Gradients by layer</h2><table class="measured"><thead><tr><th scope="col">layer</th>'
        f'<th scope="col">inner product</th><th scope="col">cosine</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(e: Entry, above: Entry | None, address: Callable[[str], str] | None) -> str:
    """One measurement; what it shares with the one above it is not said again."""
    low, high = (number(v, e.unit) for v in e.interval)
    unit = "" if e.unit in ("share", "") else f" {e.unit}"
    shows, limits = (x if above is None or x != y else "" for x, y in (
        (e.shows, above and above.shows), (e.cannot, above and above.cannot)))
    said = "".join(
        f"<span>{word}: {escape(text)}.</span> "
        for word, text in (("Shows", shows), ("Limits", limits), ("Caution", e.caution))
        if text and (word == "Caution" or text not in e.caution)
    )
    if e.claims and (above is None or above.claims != e.claims):
        named = ", ".join(f'<a href="{escape(address(c))}">{escape(c)}</a>' if address else escape(c) for c in e.claims)
        said += f"<span>Bears on {named}.</span>"
    fine = f'<div class="fine">{said.strip()}</div>' if said else ""
    return (
        f'<tr><th scope="row"><span class="what">{escape(e.title)}</span>{fine}</th>'
        f'<td data-measure="{escape(e.name)}">{number(e.value, e.unit)}{escape(unit)}</td>'
        f"<td>{low} to {high}</td><td>{e.count:,}</td></tr>"
    )
