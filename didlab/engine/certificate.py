"""Counterexamples as small files: written, described in exact fractions, and re-checked from scratch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb, fmpq

from .. import exact
from ..errors import CertificateError, FileError
from ..files import write_text
from .claim import Claim, Statement
from .instances import decide, lifted
from .kinds import Raw, all_valid, instance_fields
from .lifts import EXACT
from .relations import Relation, truth
from .search import Found

__all__ = ["SCHEMA", "certificate", "describe", "load", "replay", "write_text"]

SCHEMA = "didlab/certificate/1"


def certificate(claim: Claim, found: Found) -> dict[str, Any]:
    """What the file holds: the integers of the instance and what they show."""
    return {
        "schema": SCHEMA,
        "claim": claim.id,
        "violates": claim.printed.text,
        "level": found.decision.level,
        "instance": {name: x.tolist() for name, x in found.instance.items()},
    }


def instance_of(statement: Statement, data: Mapping[str, Any]) -> Raw:
    """The integer arrays of a certificate, checked against what the statement draws."""
    fields = instance_fields(statement.draws)
    raw = data.get("instance")
    if not isinstance(raw, dict) or set(raw) != set(fields):
        raise CertificateError(
            f"the certificate must hold the arrays {sorted(fields)}; it holds "
            f"{sorted(raw) if isinstance(raw, dict) else type(raw).__name__}"
        )
    out: Raw = {}
    for name, f in fields.items():
        try:
            x = np.array(raw[name])
        except ValueError as e:
            raise CertificateError(f"`{name}` must be a rectangular array of integers") from e
        if x.dtype.kind != "i" or x.ndim != len(f.axes):
            raise CertificateError(f"`{name}` must be an array of integers with {len(f.axes)} axes; got {raw[name]!r}")
        out[name] = x
    try:
        valid = bool(all_valid(statement.draws, out))
        if valid:
            lifted(statement.draws, out, EXACT)
    except (ValueError, IndexError, ArithmeticError) as e:
        raise CertificateError(f"the arrays of the certificate do not fit together: {e}") from e
    if not valid:
        raise CertificateError("the instance is not of the kind the statement is about (an integer out of range)")
    return out


def replay(claim: Claim, data: Mapping[str, Any]) -> Found:
    """Re-check a certificate without trusting anything it says: CertificateError unless it violates the statement."""
    if data.get("schema") != SCHEMA:
        raise CertificateError(f"expected schema {SCHEMA!r}; got {data.get('schema')!r}")
    instance = instance_of(claim.printed, data)
    decision = decide(claim.printed, instance)
    if decision.truth >= 0:
        raise CertificateError(
            f"the instance does not violate {claim.id}: the statement is "
            f"{'true' if decision.truth > 0 else 'not decided'} there"
        )
    return Found(instance, decision, "stored", "store")


def load(path: Path) -> dict[str, Any]:
    """Read a certificate file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise FileError(f"cannot read {path}: {e.strerror}") from e
    except ValueError as e:
        raise CertificateError(f"{path} is not a certificate: not valid JSON ({e})") from e
    if not isinstance(data, dict):
        raise CertificateError(f"{path} is not a certificate: expected an object")
    return data


def describe(statement: Statement, found: Found) -> dict[str, Any]:
    """The objects of a counterexample as exact fractions, and the comparisons that it decides."""
    objects: dict[str, Any] = {}
    for name, value in lifted(statement.draws, found.instance, EXACT).items():
        objects[name] = _show(np.asarray(value))
    comparisons = [] if found.decision.relation is None else _comparisons(found.decision.relation)
    return {
        "objects": objects,
        "comparisons": comparisons,
        "undefined": found.decision.undefined,
        "outcomes": _outcomes(statement, found.instance),
    }


def _outcomes(statement: Statement, raw: Raw) -> int | None:
    for f in instance_fields(statement.draws).values():
        if "K" in f.axes:
            return raw[f.name].shape[f.axes.index("K")]
    return None


def _show(x: np.ndarray) -> dict[str, Any]:
    """An array as strings: a distribution if its exponentials are rational and sum to 1, else its numbers."""
    flat = list(x.reshape(-1)) if x.ndim else [x[()]]
    if any(isinstance(v, exact.LogForm) for v in flat):
        p = [exact.exp(v) for v in flat]
        if any(isinstance(v, arb) for v in p):
            return {"kind": "numbers", "values": [_number(v) for v in flat]}
        if x.ndim == 1 and len(p) > 1 and sum(p, fmpq(0)) == 1:
            return {"kind": "distribution", "values": [str(v) for v in p]}
        return {"kind": "logarithms", "values": [f"log({v})" if v != 1 else "0" for v in p]}
    values = [_number(v) for v in flat]
    if x.ndim >= 2:
        width = x.shape[-1]
        return {
            "kind": "table",
            "shape": list(x.shape),
            "values": [values[i : i + width] for i in range(0, len(values), width)],
        }
    return {"kind": "numbers", "values": values}


def _number(v: Any) -> str:
    return _decimal(v) if isinstance(v, exact.LogForm | arb) else str(v)


def _decimal(v: Any) -> str:
    return exact.to_arb(v).str(12, radius=False)


def _comparisons(relation: Relation) -> list[dict[str, Any]]:
    rows = []
    for leaf in relation.leaves():
        value = truth(Relation("forall", parts=(leaf,)), False)
        left, right = (np.asarray(side, dtype=object) for side in (leaf.left, leaf.right))
        left, right = np.broadcast_arrays(left, right)
        if left.size > 16:
            wrong = np.asarray(
                [truth(Relation(leaf.kind, a, b), False) < 0 for a, b in zip(left.flat, right.flat, strict=True)]
            )
            pick = np.flatnonzero(wrong)[:4] if wrong.any() else np.arange(4)
            left, right = left.reshape(-1)[pick], right.reshape(-1)[pick]
        rows.append(
            {
                "label": leaf.label,
                "relation": leaf.kind,
                "true": bool(value > 0),
                "left": [_text(v) for v in left.reshape(-1)],
                "right": [_text(v) for v in right.reshape(-1)],
            }
        )
    return rows


def _text(v: Any) -> str:
    if isinstance(v, fmpq | int | np.integer):
        text = str(v)
        return text if len(text) <= 24 else _decimal(v if isinstance(v, fmpq) else fmpq(int(v)))
    if isinstance(v, exact.LogForm | arb):
        return _decimal(v)
    return str(v)
