"""The diagnosis of a score table: every measurement that its columns allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from ..arguments import instance, naming, one_positive
from ..bridge.table import Scores, read_scores
from ..errors import ArgumentError
from . import measures
from .entry import Entry
from .pairs import Pairs, pairs_of
from .samples import entropies
from .silent import SILENT

__all__ = ["SCHEMA", "Diagnosis", "diagnose"]

SCHEMA = "didlab/diagnosis/1"


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What was measured on a table; `didlab.report.text` writes it out, and `diagnosis[name]` is one measurement.

    Attributes:
        about: the table's metadata (models, data, audits).
        settings: objective and hyper-parameters.
        columns: the pairs themselves.
        entries: the measurements.
        layers: squared norms and inner product of the gradients by layer, where gradients were taken.
    """

    about: Mapping[str, Any]
    settings: Mapping[str, Any]
    columns: Pairs
    entries: tuple[Entry, ...]
    layers: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Diagnosis of {self.pairs:,} pairs: {len(self.entries)} measurements>"

    @property
    def pairs(self) -> int:
        """How many pairs."""
        return len(self.columns)

    @property
    def silent(self) -> Mapping[str, str]:
        """Statements on which this table says nothing, each with the reason."""
        return {c: why for c, why in SILENT.items() if not self.of(c)}

    def __getitem__(self, name: str) -> Entry:
        return {e.name: e for e in self.entries}[name]

    def of(self, claim: str) -> tuple[Entry, ...]:
        """The measurements that bear on a statement, or on a family of statements."""
        return tuple(e for e in self.entries if any(c == claim or c.startswith(claim + ".") for c in e.claims))

    def plain(self) -> dict[str, Any]:
        """As JSON would have it."""
        return {
            "schema": SCHEMA, "settings": dict(self.settings), "pairs": self.pairs, "prompts": self.columns.prompts,
            "models": self.about.get("models", {}), "data": self.about.get("data"),
            "entries": [e.plain() for e in self.entries], "silent": dict(self.silent),
            "layers": {k: dict(zip(("ww", "wl", "ll"), v, strict=True)) for k, v in self.layers.items()},
        }


def diagnose(
    table: Scores | str | Path, *, objective: str = "dpo", beta: float = 0.1, hyper: Mapping[str, float] | None = None
) -> Diagnosis:
    """Measure everything that a table of scores allows, each with its error.

    Args:
        table: a table, or the path of one that `didlab score` wrote.
        objective: the loss whose coefficients are wanted, by its name in `didlab.objectives`.
        beta: scale of the implicit reward, for calibration, and for the objective if it has one.
        hyper: further hyper-parameters of the objective.

    Raises:
        FileError: a table that cannot be used.
        ArgumentError: not a table, or an unknown objective or hyper-parameter.
    """
    from inspect import signature

    from .. import objectives

    one_positive("beta", beta)
    instance("table", table, Scores | str | PathLike, "a table, or the path of one", "`didlab score` writes one.")
    if hyper is not None:
        instance("hyper", hyper, Mapping, "hyper-parameters by name")
    scores = table if isinstance(table, Scores) else read_scores(table)
    p = pairs_of(scores)
    given = dict(hyper or {})
    if "beta" in given:
        raise ArgumentError("hyper", "without beta, which has an argument of its own", str(given["beta"]))
    with naming(name="objective"):
        form = objectives.get(objective).formula
    if "beta" in signature(form).parameters:
        given.setdefault("beta", beta)
    entries = (
        *measures.displacement(p), *measures.movement(p), *measures.order(p), *measures.calibration(p, beta=beta),
        *measures.power_law(p), *measures.coefficients(p, objective, **given), *entropies(scores),
    )
    return Diagnosis(scores.about, {"objective": objective, "beta": beta, **given}, p, entries)
