"""A state as a small file: its part and its query as JSON; with a table of one's own, that table as Parquet.

What cannot be in a link, a table, is in the file: the columns that a diagnosis reads, as a table of scores like any
other, with the state in its metadata and a digest over both. Nothing of the responses but their scores is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from ..bridge.table import MODELS, Scores, read_scores, schema
from ..errors import FileError
from .look import PARTS
from .state import parse

__all__ = ["SCHEMA", "Saved", "read", "write", "write_with_table"]

SCHEMA = "didlab/state/1"
KEY = b"didlab-state"  # of the metadata of a table
NAMES, NUMBERS = ("id", "prompt", "role"), ("tokens", *(f"{m}_sum" for m in MODELS))


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds.

    Attributes:
        name: of the file.
        part: of the app.
        state: of that part; None for a table of scores without one.
        scores: the table that came with it, if one did.
    """

    name: str
    part: str
    state: Any
    scores: Scores | None = None


def write(part: str, asked: str) -> bytes:
    """The file of a state that a link can hold; it may be edited like the link.

    >>> print(write("policies", "tau=0.25").decode(), end="")
    {"schema": "didlab/state/1", "part": "policies", "query": "tau=0.25"}
    """
    return (json.dumps({"schema": SCHEMA, "part": part, "query": asked}, ensure_ascii=False) + "\n").encode()


def write_with_table(asked: str, scores: Scores) -> bytes:
    """The file of a state of the data page with its table.

    Args:
        asked: the query, which names no table.
        scores: the table.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    kept = {n: pa.array(scores.columns[n].tolist(), pa.string()) for n in NAMES}
    kept |= {n: pa.array(x, schema().field(n).type, mask=_unknown(x)) for n, x in _numbers(scores).items()}
    columns = [kept.get(f.name, pa.nulls(len(scores), f.type)) for f in schema()]
    told = {"schema": SCHEMA, "query": asked, "digest": _digest(asked, scores)}
    about = {"didlab": json.dumps(dict(scores.about), sort_keys=True), KEY.decode(): json.dumps(told)}
    out = BytesIO()
    # With Arrow's own schema in it, the file would hold the metadata twice.
    options: Any = {"compression": "zstd", "use_dictionary": list(NAMES), "write_statistics": False}
    with parquet.ParquetWriter(out, schema(), store_schema=False, **options) as writer:
        writer.write_table(pa.table(columns, schema=schema()))
        writer.add_key_value_metadata(about)
    return out.getvalue()


def read(file: str | Path, *, content: bytes | None = None) -> Saved:
    """What a file holds: a state, a table, or both.

    Args:
        file: its path.
        content: what is in it, where that is in memory already: then the path is but its name.

    Raises:
        FileError: damaged, of another schema, or nothing of the app.
    """
    name = str(file)
    if content is None:
        try:
            content = Path(file).read_bytes()
        except OSError as e:
            raise FileError(f"{name} cannot be read: {e.strerror}") from e
    return _of_text(name, content) if content.lstrip()[:1] == b"{" else _of_table(name, content)


def _of_text(name: str, content: bytes) -> Saved:
    told = _told(name, content)
    part = told.get("part")
    if not isinstance(part, str) or part not in PARTS:
        raise FileError(f"{name} holds a state of {part!r}; a part is one of {', '.join(PARTS)}")
    return Saved(name, part, _state(name, part, told))


def _of_table(name: str, content: bytes) -> Saved:
    import pyarrow
    import pyarrow.parquet as parquet

    scores = read_scores(name, content=content)
    metadata = parquet.read_schema(pyarrow.BufferReader(content)).metadata or {}
    if KEY not in metadata:
        return Saved(name, "data", None, scores)
    told = _told(name, metadata[KEY])
    state = _state(name, "data", told)
    if told.get("digest") != _digest(told["query"], scores):
        raise FileError(f"{name} is damaged: its table is not the one that was saved; save the state again")
    return Saved(name, "data", state, scores)


def _told(name: str, text: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise FileError(f"{name} is damaged: its state cannot be read; save the state again") from e
    found = told.get("schema") if isinstance(told, dict) else None
    if found != SCHEMA:
        raise FileError(f"{name} is no state of the app ({SCHEMA}); its schema is {found!r}")
    return told


def _state(name: str, part: str, told: Mapping[str, Any]) -> Any:
    """The state that a file names; the app would show another one for a link that is wrong."""
    asked = told.get("query")
    if not isinstance(asked, str):
        raise FileError(f"{name} is damaged: it has no query; save the state again")
    state, problems = parse(import_module(f".{part}", __package__).State, dict(parse_qsl(asked)))
    if problems:
        raise FileError(f"{name} holds no state of {part}: {problems[0]}")
    return state


def _numbers(scores: Scores) -> dict[str, np.ndarray]:
    return {n: scores.columns[n] for n in NUMBERS}


def _unknown(x: np.ndarray) -> np.ndarray:
    """Where a number is not known, as `Scores` has it."""
    return np.isnan(x) if x.dtype.kind == "f" else x == -1


def _digest(asked: str, scores: Scores) -> str:
    """Of a query, and of all that a diagnosis reads."""
    names = [scores.columns[n].tolist() for n in NAMES]
    found = blake2b(json.dumps([asked, dict(scores.about), names], sort_keys=True).encode(), digest_size=16)
    for x in _numbers(scores).values():
        found.update(x.astype(x.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()
