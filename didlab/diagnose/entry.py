"""One measured quantity: its value, its error, the claims it speaks of, and what it can and cannot show."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

__all__ = ["Entry", "entry"]


class Estimated(Protocol):
    """An estimate with its error: a mean, a slope or a share."""

    @property
    def value(self) -> float: ...
    @property
    def standard_error(self) -> float: ...
    @property
    def count(self) -> int: ...
    @property
    def units(self) -> int: ...
    @property
    def caution(self) -> str: ...
    def interval(self, level: float = 0.95) -> tuple[float, float]: ...


@dataclass(frozen=True)
class Entry:
    """A line of a diagnosis.

    Attributes:
        name: a permanent name.
        title: what it is, in words.
        unit: nats, share, or nothing.
        value, standard_error: the estimate.
        interval: at 95 %.
        count: pairs or responses.
        units: independent units among them: prompts, or responses where all have the same prompt.
        claims: ids of the statements it bears on.
        shows: what a sample can show here.
        cannot: what it cannot.
        caution: why the interval should not be trusted; empty if nothing in the sample speaks against it.
    """

    name: str
    title: str
    unit: str
    value: float
    standard_error: float
    interval: tuple[float, float]
    count: int
    units: int
    claims: tuple[str, ...]
    shows: str
    cannot: str
    caution: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON would have it."""
        told = {**vars(self), "interval": [_finite(x) for x in self.interval], "claims": list(self.claims)}
        return told | {"standard_error": _finite(self.standard_error)}


def _finite(x: float) -> float | None:
    """JSON knows no infinity."""
    return x if isfinite(x) else None


def entry(
    name: str, title: str, estimate: Estimated, *, unit: str = "nats", claims: tuple[str, ...] = (), shows: str = "",
    cannot: str = "", caution: str = "",
) -> Entry:
    """An entry from an estimate."""
    return Entry(
        name, title, unit, estimate.value, estimate.standard_error, estimate.interval(), estimate.count, estimate.units,
        claims, shows, cannot, caution or estimate.caution,
    )
