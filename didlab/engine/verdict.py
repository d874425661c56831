"""A judgement as plain data: what the JSON, the terminal and the page show."""

from __future__ import annotations

from typing import Any

from .evidence import Evidence
from .judge import Judgement

__all__ = ["NOT_YET", "as_data", "unjudged"]

NOT_YET = "not yet judged"


def as_data(j: Judgement, *, recorded: str | None = None) -> dict[str, Any]:
    """One object of the verdict file (schema didlab/verdicts/1)."""
    c = j.claim
    counterexample = j.described
    if counterexample is not None and j.found is not None:
        counterexample |= {
            "found_by_this_run": j.found_again,
            "level": j.found.decision.level,
            "class": j.found.label if j.found_again else "stored",
            "minimality": j.minimality,
        }
    return {
        "id": c.id,
        "paper": c.paper,
        "where": c.where,
        "title": c.title,
        "statement": c.printed.text,
        "verdict": j.verdict,
        "recorded": recorded,
        "reading": c.reading,
        "note": c.note,
        "why": j.why,
        "evidence": _evidence(j.evidence),
        "assumption": None
        if c.assumption is None
        else {
            "text": c.assumption.text,
            "share": None if j.share is None else round(j.share, 3),
            "evidence": _evidence(j.amended),
        },
        "counterexample": counterexample,
        "certificate": j.certificate,
        "corrected": None
        if c.correction is None or j.amended is None
        else {"statement": c.correction.text, "evidence": _evidence(j.amended)},
        "neighbours": {
            "tried": len(j.neighbours),
            "refuted": sum(n["refuted"] for n in j.neighbours),
            "near": sum(n["near"] for n in j.neighbours),
            "list": j.neighbours,
        },
        "measurements": list(c.measurements),
    }


def _evidence(e: Evidence | None) -> dict[str, Any] | None:
    if e is None:
        return None
    return {
        "level": e.level,
        "instances": e.instances,
        "met": e.met,
        "coverage": dict(sorted(e.coverage.items())),
        "worst_residual": e.worst_residual,
        "radius": None if e.radius is None else float(f"{e.radius:.3g}"),
        "touched": e.touched,
        "degree": e.degree,
        "fooled_bound": e.fooled_bound,
        "sizes": e.sizes,
        "protocol": e.protocol,
        "seeds": e.seeds,
        "effect": e.effect,
        "interval": e.interval,
        "error_rate": e.error_rate,
    }


def unjudged(id: str, where: str, title: str, verdict: str, note: str = "") -> dict[str, Any]:
    """An entry without a check: a measurement on language models, or a statement that awaits its check."""
    return {
        "id": id,
        "paper": id.split(".")[0],
        "where": where,
        "title": title,
        "statement": "",
        "verdict": verdict,
        "recorded": None,
        "reading": "",
        "note": note,
        "why": "",
        "evidence": None,
        "assumption": None,
        "counterexample": None,
        "certificate": None,
        "corrected": None,
        "neighbours": {"tried": 0, "refuted": 0, "near": 0, "list": []},
        "measurements": [],
    }
