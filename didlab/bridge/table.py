r"""The table that `didlab score` writes: one row for each response, in Parquet, with its schema in one place.

| column | type | meaning |
|---|---|---|
| id | string | the pair's id, or that of a drawn response |
| prompt | string | the id of the first pair with this prompt: responses of one prompt are not independent |
| role | string | chosen or rejected; sample, reference-sample or did-sample for responses that a model drew |
| prompt_tokens, tokens | int32 | numbers of tokens of the prompt and of the response; null if not known |
| response_ids | list of int32 | the response; null if not known |
| policy, reference, rejected_policy, did_policy | list of float32 | nats of each token; null if only a sum is known |
| policy_sum, and so on | float64 | their sums, summed in float64; null if not scored |

`rejected_policy` wrote the rejected responses. `did_policy` was trained with the reward log pi on pairs of a response
of the policy against one of the reference: Appendix K's stand-in for the distribution of differential information.

The file's metadata holds, under `didlab`, a JSON object: schema, fingerprints of models and data, versions, audits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError

__all__ = ["DRAWN", "MODELS", "SCHEMA", "Scores", "read_scores", "schema", "scores_of", "write_table"]

SCHEMA = "didlab/scores/1"
MODELS = ("policy", "reference", "rejected_policy", "did_policy")
LARGEST = 1e9  # nats of a response, whatever it is; infinities are larger
DRAWN = {"sample": "policy", "reference-sample": "reference", "did-sample": "did_policy"}  # role: who drew it


def schema() -> Any:
    """The columns, as a pyarrow schema.

    >>> schema().names[:3]
    ['id', 'prompt', 'role']
    """
    import pyarrow as pa

    rows = pa.list_(pa.float32())
    return pa.schema(
        [("id", pa.string()), ("prompt", pa.string()), ("role", pa.string()), ("prompt_tokens", pa.int32()),
         ("tokens", pa.int32()), ("response_ids", pa.list_(pa.int32()))]
        + [(m, rows) for m in MODELS]
        + [(f"{m}_sum", pa.float64()) for m in MODELS]
    )


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    """Write rows and what is to be known about them; the file appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    told = schema().with_metadata({"didlab": json.dumps({"schema": SCHEMA, **about}, sort_keys=True)})
    table = pa.Table.from_pylist(list(rows), schema=told)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    parquet.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


@dataclass(frozen=True, repr=False)
class Scores:
    """A score table in memory.

    Attributes:
        about: the metadata.
        columns: id, prompt, role, tokens (-1 where not known), and `<model>_sum` with NaN where a model did not score.
        per_token: for each model the rows of token log-probabilities, empty where they are not known.
    """

    about: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]
    per_token: Mapping[str, list[np.ndarray]]

    def __repr__(self) -> str:
        models = [m for m in MODELS if not np.isnan(self.columns[f"{m}_sum"]).all()]
        return f"<Scores of {len(self):,} responses: {', '.join(models)}>"

    def has(self, model: str, *roles: str) -> bool:
        """Whether a model scored every response of these roles (of the pairs if none is named)."""
        wanted = np.isin(self.columns["role"], roles or ("chosen", "rejected"))
        return bool(wanted.any()) and not np.isnan(self.columns[f"{model}_sum"][wanted]).any()

    @property
    def lengths(self) -> bool:
        """Whether the number of tokens of every response is known."""
        return bool((self.columns["tokens"] > 0).all())

    def __len__(self) -> int:
        return len(self.columns["id"])

    def of(self, role: str, column: str) -> np.ndarray:
        """A column for the responses of a role, in the order of their ids in the file."""
        return self.columns[column][self.columns["role"] == role]

    def paired(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A column for the chosen and the rejected response of each pair, matched by id.

        Raises:
            FileError: a pair of which one response is missing, or an id that two pairs have.
        """
        chosen, rejected = self.of("chosen", "id"), self.of("rejected", "id")
        if len(set(chosen)) < len(chosen):
            raise FileError("the table has two pairs of one id; give each pair its own")
        order = {x: n for n, x in enumerate(rejected)}
        if set(chosen) != set(order) or len(chosen) != len(rejected):
            odd = sorted(set(chosen) ^ set(order))
            raise FileError(f"the table has pairs of which only one response was scored: {', '.join(odd[:5])}")
        return self.of("chosen", column), self.of("rejected", column)[[order[x] for x in chosen]]

    def of_prompt(self, name: str) -> Scores:
        """The rows of one prompt.

        Raises:
            FileError: no row has it.
        """
        here = self.columns["prompt"] == name
        if not here.any():
            raise FileError(f"the table has no prompt {name!r}; its prompts are named by the ids of their first pairs")
        rows = {m: [x for x, keep in zip(values, here, strict=True) if keep] for m, values in self.per_token.items()}
        return Scores(self.about, {n: x[here] for n, x in self.columns.items()}, rows)


def scores_of(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any] | None = None) -> Scores:
    """Rows of a table in memory, ready to be measured.

    Args:
        rows: one for each response, with the columns of the table: an id and a role, and for each model its tokens'
            log-probabilities or their sum. What else is left out is not known; a prompt is then the pair's id.
        about: metadata.

    Raises:
        FileError: no rows, or one without an id or a role.

    >>> one = {"id": "1", "role": "chosen", "policy_sum": -9.0, "reference_sum": -10.0}
    >>> other = {"id": "1", "role": "rejected", "policy_sum": -14.0, "reference_sum": -12.0}
    >>> scores_of([one, other]).paired("policy_sum")
    (array([-9.]), array([-14.]))
    """
    for n, r in enumerate(rows, 1):
        if "id" not in r or "role" not in r:
            raise FileError(f"row {n} needs an id and a role, such as chosen or rejected; it has {', '.join(r)}")
    if not rows:
        raise FileError("a table needs at least one row")
    named = {"id": [str(r["id"]) for r in rows], "prompt": [r.get("prompt", str(r["id"])) for r in rows]}
    named["role"] = [r["role"] for r in rows]
    columns: dict[str, np.ndarray] = {n: np.array(x, dtype=object) for n, x in named.items()}
    for n in ("prompt_tokens", "tokens"):
        columns[n] = np.array([-1 if r.get(n) is None else r[n] for r in rows], dtype=np.int64)
    tokens: dict[str, list[np.ndarray]] = {}
    for m in MODELS:
        values = [r.get(m) for r in rows]
        tokens[m] = [np.array([] if v is None else v, dtype=np.float64) for v in values]
        sums = [r.get(f"{m}_sum", t.sum() if len(t) else None) for r, t in zip(rows, tokens[m], strict=True)]
        columns[f"{m}_sum"] = np.array([np.nan if v is None else v for v in sums], dtype=float)
    return Scores(about or {}, columns, tokens)


def read_scores(path: str | Path, *, content: bytes | None = None) -> Scores:
    """Read a table that `didlab score` wrote.

    Args:
        path: where it is.
        content: what is in the file, where that is in memory already: then the path is but its name.

    Raises:
        FileError: not there, not Parquet, another schema, cut off, or sums that are not those of the tokens.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    file = Path(path)
    if content is None and not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there"
        raise FileError(f"{file} {what}; give a table that `didlab score` wrote")
    try:
        table = parquet.read_table(file if content is None else pyarrow.BufferReader(content))
        names = table.column_names
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, ValueError) as e:
        raise FileError(f"{file} is not a readable Parquet file, such as `didlab score` writes: {e}") from e
    about = _told(table.schema.metadata)
    if about.get("schema") != SCHEMA:
        raise FileError(f"{file} is no score table ({SCHEMA}); its schema is {about.get('schema')!r}")
    missing = [n for n in schema().names if n not in names]
    if missing or not table.num_rows:
        raise FileError(f"{file} lacks {', '.join(missing) if missing else 'rows'}; score it again")
    try:
        table = table.select(schema().names).cast(schema())
    except (pyarrow.ArrowException, ValueError) as e:
        raise FileError(f"{file} has columns of other types than a score table; score it again: {e}") from e
    for n in ("id", "role"):
        if table.column(n).null_count:
            raise FileError(f"{file} has rows without {n}; score it again")
    scores = scores_of(table.to_pylist(), about)
    for m in MODELS:
        for n in np.flatnonzero(np.abs(scores.columns[f"{m}_sum"]) > LARGEST)[:1]:
            value = scores.columns[f"{m}_sum"][n]
            raise FileError(f"row {n + 1} of {file}: `{m}_sum` is {value:g}, which is no log-probability in nats")
        for n, (row, total) in enumerate(zip(scores.per_token[m], scores.columns[f"{m}_sum"], strict=True)):
            if not len(row):  # not scored, or known as a sum only
                continue
            slack = 1e-6 * max(1.0, float(np.abs(row).sum()))  # float32 keeps 24 bits of each entry
            if len(row) != scores.columns["tokens"][n] or not abs(row.sum() - total) <= slack:
                raise FileError(f"row {n + 1} of {file}: the tokens of `{m}` do not add up to `{m}_sum`")
    return scores


def _told(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    """What a table says of itself; nothing where that cannot be read."""
    try:
        told = json.loads((metadata or {}).get(b"didlab", b"{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) and _sound(told) else {}


def _sound(told: Mapping[str, Any]) -> bool:
    """Whether models and audits are told in the shape that `didlab score` gives them."""
    models, audits, drawn = (told.get(k) or {} for k in ("models", "audit", "sampling"))
    if not all(isinstance(x, dict) for x in (models, audits, drawn, *getattr(models, "values", list)())):
        return False
    return all(
        isinstance(found, list) and all(isinstance(f, dict) and {"check", "passed"} <= f.keys() for f in found)
        for found in audits.values()
    )
