r"""Preference data as trainers take it: prompt, chosen and rejected; plain text, conversations, or token ids.

Rows come from a JSONL or Parquet file, or from any sequence of mappings (a `datasets` object is one). Every row
becomes one :class:`Pair` of token ids; a row that cannot be one is an error that names its number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FileError
from .backend import Item

__all__ = ["Pair", "pairs", "read_rows"]

ROLES = ("chosen", "rejected")


@dataclass(frozen=True)
class Pair:
    """A row of preference data as token ids."""

    id: str
    chosen: Item
    rejected: Item

    def items(self) -> tuple[tuple[str, Item], tuple[str, Item]]:
        """Both responses with their roles."""
        return ("chosen", self.chosen), ("rejected", self.rejected)


def read_rows(path: str | Path, *, skipped: list[str] | None = None) -> list[Mapping[str, Any]]:
    """The rows of a `.jsonl` or `.parquet` file; rows of JSONL without an `id` are called by their line, from 0.

    Args:
        path: the file.
        skipped: where to say which lines were left out because they cannot be read; None refuses them.

    Raises:
        FileError: no such file, another format, a line that is not a JSON object, or no row at all.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there"
        raise FileError(f"{file} {what}; give a .jsonl or .parquet file")
    if file.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            rows: list[Mapping[str, Any]] = parquet.read_table(file).to_pylist()
        except (pyarrow.ArrowException, OSError) as e:
            raise FileError(f"{file} is not a readable Parquet file: {e}") from e
    elif file.suffix in (".jsonl", ".json"):
        rows = []
        for n, line in enumerate(file.read_bytes().split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                rows.append({"id": str(n - 1), **_object(line, f"line {n} of {file}")})
            except FileError as e:
                if skipped is None:
                    raise
                skipped.append(str(e))
    else:
        raise FileError(f"{file} ends in {file.suffix or 'nothing'}; give a .jsonl or .parquet file")
    if not rows:
        raise FileError(f"{file} holds no row; give one with prompt, chosen and rejected on each line")
    return rows


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise FileError(f"{where} is not UTF-8: {e}; mend the line, or skip such rows (--skip-bad-rows)") from e
    except ValueError as e:
        raise FileError(
            f"{where} is not JSON (is the file cut off?): {e}; mend the line, or skip such rows (--skip-bad-rows)"
        ) from e
    if not isinstance(row, dict):
        raise FileError(f"{where} is not a JSON object with prompt, chosen and rejected")
    return row


def pairs(
    rows: Iterable[Mapping[str, Any]], tokenizer: Any = None, *, end: bool = True, skipped: list[str] | None = None
) -> list[Pair]:
    r"""Token ids of the chosen and the rejected response of every row.

    Plain text is tokenised together with its prompt and then split, so that a token which spans the boundary belongs
    to the response, as do spaces at the end of the prompt. Conversations go through the tokenizer's chat template,
    with and without the response. Rows without `prompt` share the longest common beginning of both responses.

    Args:
        rows: mappings with `prompt` (text or messages), `chosen` and `rejected`; or with `prompt_ids`, `chosen_ids`
            and `rejected_ids`; `id` is kept if there is one.
        tokenizer: of transformers; not needed for rows of ids.
        end: put the end-of-text token after a plain response, as trainers do.
        skipped: where to say which rows were left out because they cannot be used; None refuses them.

    Raises:
        ArgumentError: a row that cannot be read, with its number.

    >>> pairs([{"prompt_ids": [1], "chosen_ids": [2, 3], "rejected_ids": [4]}])[0].chosen
    Item(prompt=(1,), response=(2, 3))

    Convention: the values are sums over the response's tokens only; TRL truncates to `max_length`, didlab never does.
    """
    found: dict[str, Pair] = {}
    for n, row in enumerate(rows):
        try:
            pair = _pair(n, row, tokenizer, end)
            if pair.id in found:
                raise ArgumentError("rows", "ids that differ", f"{pair.id!r} again in row {n + 1}")
            found[pair.id] = pair
        except ArgumentError as e:
            if skipped is None:
                raise
            skipped.append(str(e))
    if not found:
        raise ArgumentError("rows", "at least one row that can be used", "none")
    return list(found.values())


def _pair(n: int, row: Mapping[str, Any], tokenizer: Any, end: bool) -> Pair:
    where = f"row {n + 1}"
    if not isinstance(row, Mapping):
        raise ArgumentError("rows", "mappings with prompt, chosen and rejected", f"{where}: {type(row).__name__}")
    id = str(row.get("id", n))
    try:
        if "chosen_ids" in row:
            given = [_ids(row, k, where) for k in ("prompt_ids", "chosen_ids", "rejected_ids")]
            prompt, responses = given[0], given[1:]
            return Pair(id, *(Item(prompt, r) for r in responses))
        missing = [k for k in ROLES if k not in row]
        if missing:
            raise ArgumentError("rows", "rows with prompt, chosen and rejected", f"{where} with {sorted(row)}")
        if tokenizer is None:
            raise ArgumentError("tokenizer", "given for rows of text", "None")
        prompt, texts = _split(row)
        if isinstance(prompt, str):
            return Pair(id, *(_plain(tokenizer, prompt, t, end) for t in texts))
        return Pair(id, *(_chat(tokenizer, prompt, t) for t in texts))
    except ArgumentError as e:
        if where in str(e):
            raise
        raise ArgumentError("rows", "usable preference data", f"{where}: {e}") from e


def _ids(row: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    value = row.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ArgumentError("rows", f"rows whose `{key}` is a list of token ids", f"{where}: {value!r}")
    return tuple(value)


def _split(row: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """The prompt and both responses; an implicit prompt is what both responses begin with."""
    both: list[Any] = [row[k] for k in ROLES]
    texts = all(isinstance(x, str) for x in both)
    messages = all(isinstance(x, list) and all(isinstance(m, Mapping) for m in x) for x in both)
    if not texts and not messages:
        raise ArgumentError("chosen and rejected", "two texts, or two lists of messages", f"{both!r:.80}")
    if not all(both):
        raise ArgumentError("response", "not empty", repr(next(x for x in both if not x)))
    if row.get("prompt") is not None:
        prompt = row["prompt"]
        if isinstance(prompt, str) != texts:
            raise ArgumentError("prompt", "text for texts, messages for messages", f"{prompt!r:.80}")
        return prompt, both
    if texts:
        cut = _shared(*both)
        return both[0][:cut], [x[cut:] for x in both]
    cut = min(_shared(*both), min(len(x) for x in both) - 1)
    return both[0][:cut], [x[cut:] for x in both]


def _shared(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Length of the longest common beginning."""
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _plain(tokenizer: Any, prompt: str, response: str, end: bool) -> Item:
    if not response:
        raise ArgumentError("response", "not empty", "''")
    kept = prompt.rstrip()
    whole = _tokens(tokenizer, prompt + response)
    before = _tokens(tokenizer, kept) if kept else _beginning(tokenizer, whole)
    stop = getattr(tokenizer, "eos_token_id", None)
    if before and before[-1] == stop and len(before) > 1:  # some tokenizers close every text themselves
        before = before[:-1]
    cut = _shared(before, whole)
    ids = whole[cut:]
    if end and stop is not None and (not ids or ids[-1] != stop):
        ids.append(stop)
    return Item(tuple(whole[:cut]), tuple(ids))


def _tokens(tokenizer: Any, text: str) -> list[int]:
    """The ids of a text, with its beginning and its end once where both tokenizer and text bring them."""
    ids = list(tokenizer(text)["input_ids"])
    start, stop = (getattr(tokenizer, f"{n}_token_id", None) for n in ("bos", "eos"))
    if start is not None and ids[:2] == [start, start]:
        ids = ids[1:]
    return ids[:-1] if stop is not None and ids[-2:] == [stop, stop] else ids


def _beginning(tokenizer: Any, whole: list[int]) -> list[int]:
    start = getattr(tokenizer, "bos_token_id", None)
    return [start] if start is not None and whole[:1] == [start] else []


def _chat(tokenizer: Any, prompt: list[Any], response: list[Any]) -> Item:
    if getattr(tokenizer, "chat_template", None) is None:
        raise ArgumentError("tokenizer", "one with a chat template for rows of messages", "one without")
    from jinja2 import TemplateError

    options = {"tokenize": True, "return_dict": False}
    try:
        whole = list(tokenizer.apply_chat_template([*prompt, *response], **options))
        before = _beginning(tokenizer, whole)
        if prompt:
            before = list(tokenizer.apply_chat_template(prompt, add_generation_prompt=True, **options))
    except (TemplateError, TypeError) as e:
        raise ArgumentError("messages", "such as the tokenizer's chat template takes", f"an error of it: {e}") from e
    cut = _shared(before, whole)
    return Item(tuple(whole[:cut]), tuple(whole[cut:]))


def fingerprint(data: Sequence[Pair]) -> str:
    """A hash of all ids of all pairs, in order."""
    digest = hashlib.blake2b(digest_size=12)
    for p in data:
        digest.update(repr((p.id, p.chosen.prompt, p.chosen.response, p.rejected.prompt, p.rejected.response)).encode())
    return digest.hexdigest()
