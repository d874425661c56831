"""The page of a diagnosis: pictures of the pairs, and every measurement with its interval; one file, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .chart import Series, chart
from .diagnosis import by_layer, heading, number
from .page import shell

if TYPE_CHECKING:
    from ..diagnose import Diagnosis, Entry

__all__ = ["diagnosis_page"]

SHOWN = 1500  # points of a cloud; more would only cover each other
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


def diagnosis_page(d: Diagnosis, *, source: str = "") -> str:
    """A diagnosis as one HTML page.

    Args:
        d: the diagnosis.
        source: the table it was made from, for the command that repeats it.
    """
    head = heading(d)
    lead = "".join(f"<p>{escape(line)}</p>" for line in head[1:])
    body = (
        '<a class="skip" href="#main">Skip to the measurements</a><header class="top wrap"><div class="row">'
        "<h1>What training did to these pairs</h1>"
        '<button id="theme" class="needs-js" type="button" aria-label="Switch between light and dark">◐</button></div>'
        f'<div class="lead"><p>{escape(head[0])}</p>{lead}</div></header>'
        f'<main id="main" class="wrap"><section class="pictures">{_cloud(d)}{_gains(d)}{_reliability(d)}</section>'
        f"{_tables(d)}{_layers(d)}</main>"
        f'<footer class="wrap"><p>To repeat it: <code>didlab diagnose {escape(source)}</code></p></footer>'
    )
    return shell("didlab: diagnosis", body)


def _article(title: str, picture: str, caption: str) -> str:
    return f"<article><h3>{escape(title)}</h3>{picture}<p>{escape(caption)}</p></article>"


def _cloud(d: Diagnosis) -> str:
    """Change of the chosen against change of the rejected: the quadrants are the cases of Table 1."""
    p = d.columns
    step = max(1, -(-len(p) // SHOWN))
    w, l = p.chosen_change[::step], p.rejected_change[::step]  # noqa: E741
    names = ("chosen up, rejected down", "both down", "both up", "chosen down, rejected up")
    case = np.where(w >= 0, np.where(l <= 0, 0, 2), np.where(l < 0, 1, 3))
    series = [
        Series(n, w[case == k].tolist(), l[case == k].tolist(), line=False, hollow=k in (1, 2))
        for k, n in enumerate(names)
        if (case == k).any()
    ]
    most = max(names, key=lambda n: float((case == names.index(n)).mean()))
    share = float((case == names.index(most)).mean())
    words = f"Change of log-likelihood of chosen and rejected responses, a point for each pair; most: {most}."
    return _article(
        f"{share:.0%} of the pairs: {most}",
        chart(series, x="change of log π(chosen), nats", y="change of log π(rejected), nats", words=words),
        "One point for each pair, against the reference."
        + (f" Every {step}th pair is drawn." if step > 1 else ""),
    )


def _gains(d: Diagnosis) -> str:
    gain = np.sort(d.columns.gain)
    k = np.unique(np.linspace(0, len(gain) - 1, 200).astype(int))
    share = (k + 0.5) / len(gain)
    right = float((gain > 0).mean())
    return _article(
        f"The margin grew on {right:.0%} of the pairs",
        chart(
            [Series("", gain[k].tolist(), share.tolist())],
            x="gain in log-margin, nats", y="share of pairs below", words="Distribution of the gain in log-margin.",
        ),
        "Cumulative distribution; left of 0 the policy moved against the label.",
    )


def _reliability(d: Diagnosis) -> str:
    """How often the policy is right, by how sure it is."""
    beta = float(d.settings["beta"])
    sure = 1 / (1 + np.exp(-beta * np.abs(d.columns.gain)))
    right = d.columns.gain > 0
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, min(10, max(2, len(sure) // 20)) + 1)))
    if len(edges) < 3:
        return ""
    which = np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, len(edges) - 2)
    bins = [which == b for b in range(len(edges) - 1)]
    x = [float(sure[b].mean()) for b in bins if b.any()]
    y = [float(right[b].mean()) for b in bins if b.any()]
    line = [min(0.5, *x), 1.0]
    return _article(
        "How sure, and how often right",
        chart(
            [
                Series("as sure as right", line, line),
                Series("pairs, in bins of equal size", x, y, line=False, mark=True),
            ],
            x=f"mean confidence at β = {beta:g}",
            y="share that is right",
            words="Reliability of the implied preference.",
            zero=False,
        ),
        "Below the line the policy is surer than it is right.",
    )


def _tables(d: Diagnosis) -> str:
    out: list[str] = []
    for family, title in FAMILIES.items():
        rows = [e for e in d.entries if e.name.split(".")[0] == family]
        if rows:
            body = "".join(_row(e) for e in rows)
            out.append(
                f'<h2>{escape(title)}</h2><table class="measured"><thead><tr><th scope="col">measurement</th>'
                '<th scope="col">estimate</th><th scope="col">95 % interval</th><th scope="col">n</th></tr></thead>'
                f"<tbody>{body}</tbody></table>"
            )
    return "".join(out)


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


def _row(e: Entry) -> str:
    low, high = (number(v, e.unit) for v in e.interval)
    unit = "" if e.unit in ("share", "") else f" {e.unit}"
    words = (("Shows", e.shows), ("Limits", e.cannot), ("Caution", e.caution))
    said = " ".join(f"<span>{word}: {escape(text)}.</span>" for word, text in words if text)
    claims = f"<span>Bears on {escape(', '.join(e.claims))}.</span>" if e.claims else ""
    return (
        f'<tr><th scope="row">{escape(e.title)}<div class="fine">{said} {claims}</div></th>'
        f"<td>{number(e.value, e.unit)}{escape(unit)}</td><td>{low} to {high}</td><td>{e.count:,}</td></tr>"
    )
