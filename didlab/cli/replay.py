"""`didlab replay`: re-check counterexamples, exactly."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CertificateError
from .common import DIFFERS, FINE, own_file
from .library import Library

if TYPE_CHECKING:
    from ..engine.claim import Claim

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    replay = commands.add_parser(
        "replay",
        help="re-check counterexamples, exactly",
        description="Re-check counterexamples from scratch, in exact arithmetic or by ball arithmetic.",
    )
    replay.add_argument(
        "target",
        metavar="FILE|ID",
        help="a certificate, a verdict file of verify --json, or an id whose certificate is stored",
    )
    own_file(replay)
    replay.set_defaults(command=_replay)


def _replay(options: argparse.Namespace) -> int:
    from ..engine.certificate import SCHEMA, load
    from ..report import terminal

    library = Library(options.claims)
    path = Path(options.target)
    if path.is_file() or path.suffix == ".json" or os.sep in options.target:
        data = load(path)
    else:
        claim = library.claim(options.target)
        data = library.stored(claim.id)
        if data is None:
            raise CertificateError(f"no certificate of {claim.id} is stored; `didlab show {claim.id}` judges it")
    if "claims" in data and isinstance(data["claims"], list):
        certificates = [
            c["certificate"] for c in data["claims"] if isinstance(c, dict) and isinstance(c.get("certificate"), dict)
        ]
        if not certificates:
            raise CertificateError(f"{path} holds no certificate")
    elif data.get("schema") == SCHEMA:
        certificates = [data]
    else:
        raise CertificateError(
            f"{path} is neither a certificate ({SCHEMA}) nor a verdict file; its schema is {data.get('schema')!r}"
        )
    pairs = [(library.claim(str(c.get("claim"))), c) for c in certificates]
    failed = 0
    for claim, certificate in pairs:
        lines, good = _replayed(claim, certificate, brief=len(pairs) > 1)
        terminal.write(lines)
        failed += not good
    if len(pairs) > 1:
        print(f"{len(pairs) - failed} of {len(pairs)} certificates re-checked from scratch")
    return DIFFERS if failed else FINE


def _replayed(claim: Claim, data: Mapping[str, Any], *, brief: bool) -> tuple[list[tuple[str, str]], bool]:
    from ..engine.certificate import describe, replay
    from ..report import terminal
    from ..report.latex import unicode

    try:
        found = replay(claim, data)
    except CertificateError as e:
        return [("bold red", f"✗ {claim.id}: {e}")], False
    how = "in exact arithmetic" if found.decision.level == "exact" else "by ball arithmetic"
    if brief:
        return [("green", f"✓ {claim.id}: the statement is false there, decided {how}")], True
    described = describe(claim.printed, found)
    return [
        ("bold", unicode(claim.title)),
        ("dim", f"{claim.id} · {claim.where}"),
        ("", ""),
        ("", f"  {unicode(claim.printed.text)}"),
        ("", ""),
        ("", f"Re-checked {how} from the integers of the certificate alone: the statement is false at"),
        *terminal.counterexample(described),
        ("green", "✓ the counterexample stands"),
    ], True
