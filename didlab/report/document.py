"""The verdict file: everything a run found, with nothing in it that differs from run to run."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from typing import Any

from .. import __version__
from .words import VERDICTS

__all__ = ["SCHEMA", "document", "failures", "schema", "summary", "to_text", "versions"]

SCHEMA = "didlab/verdicts/1"
MATTERS = ("numpy", "scipy", "python-flint")


def versions() -> dict[str, str]:
    """Versions of what a verdict rests on."""
    return {"didlab": __version__, "python": platform.python_version()} | {p: metadata.version(p) for p in MATTERS}


def document(
    verdicts: Sequence[Mapping[str, Any]], *, seed: int, effort: str, versions: Mapping[str, str]
) -> dict[str, Any]:
    """The whole verdict file as data."""
    return {
        "schema": SCHEMA, "seed": seed, "effort": effort, "versions": dict(versions), "summary": summary(verdicts),
        "claims": [dict(v) for v in verdicts],
    }


def summary(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many entries of each paper have each verdict, the papers in order of appearance."""
    papers: dict[str, dict[str, int]] = {}
    for v in verdicts:
        row = papers.setdefault(v["paper"], {})
        row[v["verdict"]] = row.get(v["verdict"], 0) + 1
    return {paper: {name: row[name] for name in VERDICTS if name in row} for paper, row in papers.items()}


def failures(verdicts: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """The entries that fail a run, each with the reason."""
    out = []
    for v in verdicts:
        if VERDICTS[v["verdict"]].fails:
            out.append((v, v["why"] or VERDICTS[v["verdict"]].meaning))
        elif v["recorded"] is not None and v["recorded"] != v["verdict"]:
            out.append((v, f"the recorded verdict is {v['recorded']!r}"))
    return out


def to_text(document: Mapping[str, Any]) -> str:
    """The document as JSON text."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def schema(name: str = "verdicts") -> dict[str, Any]:
    """The JSON Schema of the "verdicts" file, of a "certificate" or of a "diagnosis"."""
    text = resources.files("didlab.report").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    return json.loads(text)
