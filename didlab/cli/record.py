"""`didlab verify --record`: the verdicts and certificates that later runs are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import claims
from ..engine.certificate import replay
from ..errors import CertificateError
from ..files import write_text
from ..report.words import VERDICTS

if TYPE_CHECKING:
    from ..engine.claim import Claim

__all__ = ["keep", "only_changed", "still"]


def still(claim: Claim, data: Mapping[str, Any]) -> bool:
    """Whether a stored certificate still stands."""
    try:
        replay(claim, data)
    except CertificateError:
        return False
    return True


def only_changed(verdicts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every verdict is one that can be recorded."""
    return not any(VERDICTS[v["verdict"]].fails for v in verdicts)


def keep(verdicts: Sequence[Mapping[str, Any]]) -> None:
    """Keep the verdicts of this run and the certificates they rest on; drop those of claims that are gone."""
    found = {v["id"]: v for v in verdicts if v["verdict"] in ("holds", "conditional", "refuted")}
    there = {c.id for c in claims.load()}
    kept = claims.recorded() | {id: v["verdict"] for id, v in found.items()}
    for id in set(kept) - there:
        claims.store_path(id).unlink(missing_ok=True)
        del kept[id]
    for id, v in found.items():
        if v["certificate"] is not None:
            write_text(claims.store_path(id), json.dumps(v["certificate"], indent=1, ensure_ascii=False) + "\n")
        else:
            claims.store_path(id).unlink(missing_ok=True)
    write_text(claims.record_path(), json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    print(f"\nrecorded {len(found)} verdicts")
