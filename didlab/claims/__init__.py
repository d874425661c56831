"""The statements of the papers, judged: one module per family, and the record of what was found."""

from __future__ import annotations

import importlib
import json
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from ..engine.claim import Claim, collect
from ..engine.verdict import NOT_YET, unjudged
from ..errors import ClaimError

__all__ = ["PAPERS", "catalogue", "load", "record_path", "recorded", "store_path", "stored"]

HERE = Path(__file__).parent
PAPERS = {
    "did": "Differential Information (arXiv 2505.23761)",
    "mi": "Many of Your DPOs are Secretly One",
    "gip": "Common Pitfalls of Margin-based Preference Optimization",
}


@cache
def _all() -> tuple[Claim, ...]:
    found: dict[str, Claim] = {}
    for info in sorted(pkgutil.iter_modules([str(HERE)]), key=lambda i: i.name):
        if info.name == "canaries":  # false statements, for tests of the search
            continue
        for c in collect(importlib.import_module(f"{__name__}.{info.name}")):
            if c.id in found:
                raise ClaimError(f"{c.id} is declared twice")
            found[c.id] = c
    order = {row["id"]: i for i, row in enumerate(_rows())}

    def place(c: Claim) -> tuple[int, str]:
        name = c.id
        while name not in order and "." in name:
            name = name.rpartition(".")[0]
        return order.get(name, len(order)), c.id

    return tuple(sorted(found.values(), key=place))


def load(paper: str | None = None) -> list[Claim]:
    """The claims that have a check, in the order of the papers.

    >>> any(c.id == "did.thm-3.2" for c in load("did"))
    True
    """
    return [c for c in _all() if paper in (None, c.paper)]


@cache
def _rows() -> list[dict[str, str]]:
    return json.loads((HERE / "catalogue.json").read_text(encoding="utf-8"))


def catalogue(paper: str | None = None) -> list[dict[str, Any]]:
    """The entries of the papers that have no check: measurements on language models, and what is not yet judged."""
    judged = {c.id for c in _all()}
    return [
        unjudged(r["id"], r["where"], r["title"], r.get("verdict", NOT_YET), r.get("note", ""))
        for r in _rows()
        if r["id"] not in judged and paper in (None, r["id"].split(".")[0])
    ]


def record_path() -> Path:
    """Where the verdicts found so far are recorded."""
    return HERE / "recorded.json"


def recorded() -> dict[str, str]:
    """The verdicts found so far, by id: a run that finds another one fails."""
    path = record_path()
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def store_path(id: str) -> Path:
    """Where the certificate of a claim is stored."""
    return HERE / "certificates" / f"{id}.json"


def stored(id: str) -> dict[str, Any] | None:
    """The stored certificate of a claim, if there is one."""
    path = store_path(id)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
