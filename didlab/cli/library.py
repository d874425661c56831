"""The claims that a command works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CertificateError, ClaimError

if TYPE_CHECKING:
    from ..engine.claim import Claim

__all__ = ["Library"]


class Library:
    """Didlab's own claims, or those of a user's file, which have no record."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        if file is not None:
            from ..engine.run import load_file

            self.source: Callable[[], Sequence[Claim]] = partial(load_file, file)
            self.claims = list(self.source())
            self.entries: list[dict[str, Any]] = []
            self.recorded: Mapping[str, str] = {}
            return
        from .. import claims

        self.source = claims.load
        self.claims = list(claims.load())
        self.recorded = claims.recorded()
        self.entries = [e | {"recorded": self.recorded.get(e["id"])} for e in claims.catalogue()]

    def stored(self, id: str) -> dict[str, Any] | None:
        if self.file is not None:
            return None
        from .. import claims

        try:
            return claims.stored(id)
        except ValueError as e:
            raise CertificateError(f"the stored certificate of {id} is not valid JSON: {e}") from e

    def ids(self) -> list[str]:
        return [*(c.id for c in self.claims), *(e["id"] for e in self.entries)]

    def claim(self, id: str) -> Claim:
        for c in self.claims:
            if c.id == id:
                return c
        raise self.unknown(id)

    def unknown(self, id: str) -> ClaimError:
        from difflib import get_close_matches

        ids = self.ids()
        if id in ids:
            return ClaimError(f"{id} has no check yet, so there is no counterexample")
        if any(c in id for c in "*?["):
            many = any(fnmatchcase(i, id) for i in ids)
            return ClaimError(
                f"{id!r} is a pattern; give one of the ids that `didlab list {id!r}` lists" if many
                else f"no statement matches {id!r}"
            )
        close = get_close_matches(id, ids, 3) or [x for x in ids if id and id.lower() in x.lower()][:3]
        hint = f"; did you mean {' or '.join(close)}?" if close else ": `didlab list` lists all of them"
        return ClaimError(f"unknown id {id!r}{hint}")

    def select(self, patterns: Sequence[str], paper: str | None) -> set[str]:
        ids = self.ids()
        papers = sorted({i.split(".")[0] for i in ids})
        if paper is not None and paper not in papers:
            raise ClaimError(f"unknown paper {paper!r}; there are {', '.join(papers)}")
        chosen: set[str] = set()
        for pattern in patterns or ["*"]:
            found = [i for i in ids if i == pattern] or [i for i in ids if fnmatchcase(i, pattern)]
            if not found:
                raise self.unknown(pattern)
            chosen.update(found)
        chosen = {i for i in chosen if paper in (None, i.split(".")[0])}
        if not chosen:
            raise ClaimError(f"none of the chosen statements belongs to paper {paper!r}")
        return chosen
