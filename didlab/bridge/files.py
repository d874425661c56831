r"""Scores that another program wrote: files of log-probabilities, and the sample logs of lm-evaluation-harness.

A file of scores (JSONL or Parquet) has a row for each response:

| field | meaning |
|---|---|
| id | the pair |
| role | chosen or rejected |
| log_probs | log-probability of each token of the response, in nats |
| sum | or only their sum |
| prompt | optional: what the prompt is called; pairs with the same name count as one prompt |

A sample log of lm-evaluation-harness (`samples_*.jsonl`, of a task of type multiple_choice with two choices) has a row
for each document: its target is the chosen response, the other one the rejected. It holds sums only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError
from .data import read_rows
from .table import MODELS, write_table

__all__ = ["read_file", "table_from_files"]

Scored = dict[tuple[str, str], dict[str, Any]]


def table_from_files(files: Mapping[str, str | Path], out: str | Path) -> Path:
    """Put the scores of several models together into a table, as `didlab score` writes it.

    Args:
        files: a file for each column: policy, reference, and so on.
        out: the table's path.

    Returns:
        the path.

    Raises:
        FileError: a file that cannot be read, or files that hold different responses.
    """
    unknown = [c for c in files if c not in MODELS]
    if unknown or not files:
        raise FileError(f"files are named {', '.join(MODELS)}; got {', '.join(unknown) or 'none'}")
    found = {column: read_file(path) for column, path in files.items()}
    first = next(iter(found))
    rows: list[dict[str, Any]] = [
        {"id": id, "role": role, "prompt": r["prompt"], "tokens": r["tokens"]} for (id, role), r in found[first].items()
    ]
    for column, scored in found.items():
        odd = sorted(f"{id} ({role})" for id, role in scored.keys() ^ found[first].keys())
        if odd:
            raise FileError(f"{files[column]} and {files[first]} hold different responses: {', '.join(odd[:5])}")
        for row in rows:
            r = scored[row["id"], row["role"]]
            lengths = {r["tokens"], row["tokens"]} - {None}
            if r["prompt"] != row["prompt"] or len(lengths) > 1:
                raise FileError(
                    f"{files[column]} and {files[first]} differ in the prompt or the number of tokens of "
                    f"{row['id']!r}, {row['role']}"
                )
            row["tokens"] = row["tokens"] or r["tokens"]
            row[column], row[f"{column}_sum"] = r["values"], r["sum"]
    names = {c: {"name": Path(p).name, "kind": "file", "file": _hash(Path(p))} for c, p in files.items()}
    told = {"data": None, "pairs": len({r["id"] for r in rows}), "models": names, "audit": {}, "sampling": None}
    for row in rows:
        row |= {"prompt_tokens": None, "response_ids": None}
    write_table(Path(out), rows, told)
    return Path(out)


def read_file(path: str | Path) -> Scored:
    """The responses of one file: (id, role) to prompt, tokens, values and sum.

    Raises:
        FileError: a row that cannot be used, with its number.
    """
    out: Scored = {}
    for n, row in enumerate(read_rows(path), 1):
        where = f"row {n} of {path}"
        made = _harness(row, where) if "filtered_resps" in row else [_plain(row, where)]
        for key, value in made:
            if key in out:
                raise FileError(f"{where}: {key[0]!r} has a {key[1]} response already")
            out[key] = value
    for id in {id for id, _ in out}:
        if not {(id, "chosen"), (id, "rejected")} <= out.keys():
            raise FileError(f"{path}: {id!r} has only one of its responses, chosen and rejected")
    return out


def _plain(row: Mapping[str, Any], where: str) -> tuple[tuple[str, str], dict[str, Any]]:
    if row.get("role") not in ("chosen", "rejected") or "id" not in row:
        raise FileError(f"{where} needs an id and a role, chosen or rejected; it has {', '.join(row) or 'nothing'}")
    id, given = str(row["id"]), row.get("log_probs")
    if given is None:
        return (id, row["role"]), _entry(None, row.get("sum"), row.get("prompt", id), where)
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise FileError(f"{where}: log_probs must be a list of numbers, one for each token")
    values = [_number(v, where) for v in given]
    short = np.array(values, dtype=np.float32)
    total = float(short.astype(np.float64).sum())
    if row.get("sum") is not None and abs(_number(row["sum"], where) - total) > 1e-5 * max(1.0, -total):
        raise FileError(f"{where}: the sum is not that of the log_probs")
    return (id, row["role"]), _entry(short.tolist(), total, row.get("prompt", id), where)


def _harness(row: Mapping[str, Any], where: str) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """A document of a sample log: `filtered_resps` is a (log-likelihood, is greedy) for each choice, as text."""
    answers = row["filtered_resps"]
    fine = isinstance(answers, list) and all(isinstance(a, list) and len(a) == 2 for a in answers)
    if not fine or len(answers) != 2:
        raise FileError(f"{where}: a document with two choices is needed, each with its log-likelihood")
    try:
        target = int(row["target"])
        sums = [float(a[0]) for a in answers]
    except (KeyError, TypeError, ValueError) as e:
        raise FileError(f"{where}: no target, or a log-likelihood that is not a number: {e}") from e
    if target not in (0, 1):
        raise FileError(f"{where}: the target must be 0 or 1, the choice that is preferred; got {target}")
    id = str(row.get("doc_id"))
    prompt = str(_context(row.get("arguments"), id))
    prompt = hashlib.blake2b(prompt.encode(), digest_size=8).hexdigest()
    return [
        ((id, role), _entry(None, sums[k], prompt, where)) for role, k in (("chosen", target), ("rejected", 1 - target))
    ]


def _context(arguments: Any, otherwise: str) -> Any:
    """What the first choice was asked after: arguments by name, or, from older versions, as a list."""
    try:
        return arguments["gen_args_0"]["arg_0"] if isinstance(arguments, Mapping) else arguments[0][0]
    except (KeyError, IndexError, TypeError):
        return otherwise


def _entry(values: list[float] | None, total: Any, prompt: Any, where: str) -> dict[str, Any]:
    total = _number(total, where)
    return {"values": values, "sum": total, "tokens": len(values) if values else None, "prompt": str(prompt)}


def _number(x: Any, where: str) -> float:
    if isinstance(x, bool) or not isinstance(x, int | float) or not np.isfinite(x) or x > 1e-6:
        raise FileError(f"{where}: a log-probability is a finite number, at most 0; got {x!r}")
    return float(x)


def _hash(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=12).hexdigest()
