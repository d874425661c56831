"""The runs that are reported: what the experiment wrote, and a check that it was this protocol."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FileError
from ...files import write_text
from .protocol import PROTOCOL, Protocol
from .sweep import Runs

__all__ = ["RECORD", "read_record", "shortened", "write_record"]

RECORD = Path(__file__).with_name("recorded.json")
DIGITS = 6


def shortened(run: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is kept of a run: lists of numbers of six digits; of the cosines of tokens, the diagonal.

    >>> shortened({"a/likelihood": np.array([[1 / 3]]), "a/instance": np.eye(2)})
    {'a/likelihood': [[0.333333]]}
    """
    kept: dict[str, Any] = {}
    for name, x in run.items():
        what = name.rpartition("/")[2]
        if what != "instance":
            kept[name] = _rounded(np.diagonal(x) if what == "token cosines" else x)
    return kept


def write_record(runs: Runs, protocol: Protocol = PROTOCOL, path: Path = RECORD) -> None:
    """Write the runs beside the fingerprint of their protocol."""
    content = {"protocol": protocol.fingerprint(), "runs": {str(s): shortened(r) for s, r in runs.items()}}
    write_text(path, json.dumps(content, separators=(",", ":")) + "\n")


@cache
def read_record(protocol: Protocol = PROTOCOL, path: Path = RECORD) -> dict[int, dict[str, np.ndarray]]:
    """The recorded runs by seed.

    Raises:
        FileError: no record, or the record of another protocol.
    """
    repeat = "repeat them with `python -m didlab.experiments.transformer`"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, runs = content["protocol"], content["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise FileError(f"{path.name} holds no recorded runs; {repeat}") from None
    if found != protocol.fingerprint():
        raise FileError(f"{path.name} records protocol {found}, not {protocol.fingerprint()}; {repeat}")
    return {int(s): {k: np.array(x) for k, x in run.items()} for s, run in runs.items()}


def _rounded(x: Any) -> Any:
    return [_rounded(y) for y in x] if np.ndim(x) else float(f"{float(x):.{DIGITS}g}")
