r"""Scoring a preference data set: what `didlab score` does.

The work is cut into parts by a plan that depends on the data alone: pairs in order, as many per part as stated; inside
a part, responses sorted by length and batched under a budget of padded tokens. Each finished part is a file; a run
that was killed goes on with the missing parts, several processes take turns, and the table at the end has the same
bytes in every case.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import instance, one_whole, positive, several, whole
from ..errors import ArgumentError, BackendError, FileError
from .audit import audit
from .backend import Backend, Item, checked
from .data import Pair, fingerprint
from .ranks import PATIENCE, Life, alone, wait_for
from .sampling import Drawn, Sampling, drawers, first_with_prompt
from .table import MODELS, write_table

__all__ = ["Plan", "batches", "scorable", "score", "score_rows"]

Progress = Callable[[int, int], None]
Row = tuple[str, str, str, Item]  # id, prompt, role, what is scored


@dataclass(frozen=True)
class Plan:
    """How the work is cut.

    Attributes:
        pairs_per_part: pairs in one file of the unfinished work.
        token_budget: padded tokens in one batch.
    """

    pairs_per_part: int = 256
    token_budget: int = 4096

    def __post_init__(self) -> None:
        one_whole("pairs_per_part", self.pairs_per_part, 1)
        one_whole("token_budget", self.token_budget, 1)


def batches(items: Sequence[Item], budget: int) -> list[list[int]]:
    """Indices of the items in batches, longest first, each of at most `budget` padded tokens (or one item).

    >>> batches([Item((1,), (2,)), Item((1,), (2, 3, 4)), Item((1,), (2, 3))], 8)
    [[1, 2], [0]]
    """
    out: list[list[int]] = []
    for i in sorted(range(len(items)), key=lambda i: (-items[i].tokens, i)):
        if out and (len(out[-1]) + 1) * items[out[-1][0]].tokens <= budget:
            out[-1].append(i)
        else:
            out.append([i])
    return out


def score(
    data: Sequence[Pair], models: Mapping[str, Backend], out: str | Path, *, plan: Plan | None = None,
    sampling: Sampling | None = None, insist: Sequence[str] = (), rank: int = 0, world: int = 1,
    patience: float = PATIENCE, about: Mapping[str, Any] | None = None, progress: Progress | None = None,
) -> Path:
    """Score every response of every pair under every model, and write the table.

    Args:
        data: the pairs.
        models: backends by their column: policy, reference, and rejected_policy and did_policy if there are such.
        out: the table's path; unfinished parts are kept beside it in `<out>.parts`.
        plan: how the work is cut.
        sampling: draw responses too, and score them under every model; None for none.
        insist: names of backends whose numbers are used although they fail the self-audit.
        rank, world: this process and how many there are; each takes every `world`-th part.
        patience: seconds for which the first process waits for another that shows no sign of life.
        about: what else the metadata should say.
        progress: called with the number of scored responses and of all.

    Returns:
        the path of the table; with several processes, the first waits for the others and puts the parts together.

    Raises:
        AuditError: a backend failed the self-audit and is not insisted on.
        FileError: unfinished work of another run lies there, another run is at work there, or another process did not
            do its parts.
        BackendError: a pair that a model cannot score, or a model that gave something that cannot be used.
    """
    plan, path = plan or Plan(), Path(out)
    whole("world", world, 1)
    whole("rank", rank, 0, world)
    positive("patience", patience)
    unknown = [m for m in models if m not in MODELS]
    if unknown or not models:
        raise BackendError(f"models are named {', '.join(MODELS)}; got {', '.join(unknown) or 'none'}")
    scorable(data, models)
    probes = [item for pair in data for _, item in pair.items()]
    audits = {column: audit(m, probes, token_budget=plan.token_budget) for column, m in models.items()}
    for column, found in audits.items():
        found.require(insist=models[column].name in insist)
    told = {
        "data": fingerprint(data),
        "pairs": len(data),
        "models": {c: {"name": m.name, **m.fingerprint()} for c, m in models.items()},
        "plan": {"pairs_per_part": plan.pairs_per_part, "token_budget": plan.token_budget},
        "sampling": None if sampling is None else vars(sampling),
        "audit": {c: [_told(f) for f in a.findings] for c, a in audits.items()},
        **(about or {}),
    }
    folder = path.with_name(path.name + ".parts")
    done_with = path.with_name(path.name + ".parts.done")
    if rank == 0 and done_with.exists():
        shutil.rmtree(done_with, ignore_errors=True)  # another run may be about to
    parts = _parts(data, models, plan, sampling)
    _same_work(folder, told)
    total = sum(size for size, _ in parts)
    with alone(folder, rank):
        done, live = 0, Life(folder, rank)
        for k in range(rank, len(parts), world):
            file, (size, rows) = folder / f"part-{k:06d}.parquet", parts[k]
            if not file.exists():
                step = live.also(progress, done, total)
                write_table(file, _scored(live.during(rows()), models, plan, step), told)
            done += size
            if progress:
                progress(done, total)
        files = [folder / f"part-{k:06d}.parquet" for k in range(len(parts))]
        if rank == 0:
            wait_for(files, world, patience)
            _merge(files, path, told)
            folder.rename(done_with)  # at once: half a folder could be taken for unfinished work of another run
            shutil.rmtree(done_with)
    return path


def scorable(
    data: Sequence[Pair], models: Mapping[str, Backend], *, skipped: list[str] | None = None
) -> list[Pair]:
    """The pairs that every model can score: within its context and its vocabulary, where it can tell.

    Args:
        data: the pairs.
        models: backends by their column.
        skipped: where to say which pairs were left out because a model cannot score them; None refuses them.

    Raises:
        BackendError: a pair that a model cannot score, or none that all can.
    """
    kept: list[Pair] = []
    for pair in data:
        said = next(_refusals(pair, models), None)
        if said is None:
            kept.append(pair)
        elif skipped is None:
            raise BackendError(f"{said}; leave such pairs out (--skip-bad-rows does)")
        else:
            skipped.append(said)
    if not kept:
        raise BackendError(f"there is no pair that every model can score: {(skipped or ['no pair is given'])[-1]}")
    return kept


def _refusals(pair: Pair, models: Mapping[str, Backend]) -> Iterator[str]:
    for model in models.values():
        refusal: Callable[[Item], str | None] = getattr(model, "refusal", lambda item: None)
        for role, item in pair.items():
            if said := refusal(item):
                yield f"{model.name} cannot score the {role} response of pair {pair.id!r}: {said}"


def _parts(
    data: Sequence[Pair], models: Mapping[str, Backend], plan: Plan, how: Sampling | None
) -> list[tuple[int, Callable[[], Iterable[Row]]]]:
    """Every part: how many responses it has, and what gives them."""
    prompts, n = first_with_prompt(data), plan.pairs_per_part
    out: list[tuple[int, Callable[[], Iterable[Row]]]] = []
    for k in range(0, len(data), n):
        some, names = data[k : k + n], prompts[k : k + n]
        out.append((2 * len(some), partial(_rows, some, names)))
    if how is not None:
        to_draw, n = drawers(data, models, how), max(1, 2 * n // how.count)
        for k in range(0, len(to_draw), n):
            out.append((how.count * len(to_draw[k : k + n]), partial(_draw, to_draw[k : k + n], models, how)))
    return out


def _rows(data: Sequence[Pair], prompts: Sequence[str]) -> list[Row]:
    return [(p.id, name, role, i) for p, name in zip(data, prompts, strict=True) for role, i in p.items()]


def _draw(prompts: Sequence[Drawn], models: Mapping[str, Backend], how: Sampling) -> Iterator[Row]:
    return ((f"{d.prompt}:{n}", d.prompt, d.role, i) for d in prompts for n, i in enumerate(d.draw(models, how)))


def _told(finding: Any) -> dict[str, Any]:
    d = finding.difference
    difference = d if d is None or np.isfinite(d) else str(d)  # JSON knows no infinity
    return {"check": finding.check, "difference": difference, "bound": finding.bound, "passed": finding.passed}


def _same_work(folder: Path, told: Mapping[str, Any]) -> None:
    """Unfinished work may be continued only with the same data, models and plan."""
    file = folder / "plan.json"
    text = _decisive(told) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") != text and any(folder.glob("part-*.parquet")):
        raise FileError(
            f"{folder} holds unfinished work with other data, models or batches; finish that run, or remove the folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise FileError(f"{folder} cannot be made: {e.strerror}; give another path for the table") from e
    temporary = folder / f".plan.{os.getpid()}.tmp"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def score_rows(
    data: Sequence[Pair], models: Mapping[str, Backend], *, plan: Plan | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """The rows of a score table, in memory and without an audit.

    Raises:
        ArgumentError: not pairs, not backends by name, not a plan, or not a function.
        BackendError: a model gave something that cannot be used.

    >>> from didlab.bridge import CallableBackend
    >>> pair = Pair("a", Item((1,), (2, 3)), Item((1,), (4,)))
    >>> [r["policy_sum"] for r in score_rows([pair], {"policy": CallableBackend(lambda x, y: [-1.0] * len(y))})]
    [-2.0, -1.0]
    """
    data = several("data", data, Pair, "pairs of responses")
    for model in instance("models", models, Mapping, "backends by their column").values():
        instance("models", model, Backend, "backends by their column")
    plan = plan if plan is not None else Plan()
    instance("plan", plan, Plan, "a Plan")
    if progress is not None and not callable(progress):
        raise ArgumentError("progress", "a function of the scored responses and of all", type(progress).__name__)
    return _scored(_rows(data, first_with_prompt(data)), models, plan, progress)


def _scored(
    labelled: Sequence[Row], models: Mapping[str, Backend], plan: Plan, progress: Progress | None
) -> list[dict[str, Any]]:
    items = [item for *_, item in labelled]
    rows: list[dict[str, Any]] = [
        {
            "id": id, "prompt": prompt, "role": role, "prompt_tokens": len(item.prompt), "tokens": len(item.response),
            "response_ids": list(item.response),
        }
        for id, prompt, role, item in labelled
    ]
    seen = np.zeros(len(items), dtype=int)
    for batch in batches(items, plan.token_budget):
        chosen = [items[i] for i in batch]
        for column, model in models.items():
            for i, row in zip(batch, checked(model.name, chosen, model.token_log_probs(chosen)), strict=True):
                if not np.isfinite(row).all():
                    raise BackendError(
                        f"{model.name} gave a log-probability that is not finite for pair {rows[i]['id']!r}, "
                        f"{rows[i]['role']}"
                    )
                short = row.astype(np.float32)
                rows[i][column], rows[i][f"{column}_sum"] = short.tolist(), float(short.astype(np.float64).sum())
        seen[batch] += 1
        if progress:
            progress(int(seen.sum()), len(items))
    if not (seen == 1).all():
        raise BackendError("a response was not scored exactly once")
    return rows


def _part(file: Path, told: Mapping[str, Any]) -> Any:
    """A finished part, which must be of this work: two runs that began at once may have shared the folder."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(file)
        about = json.loads(table.schema.metadata[b"didlab"])
    except (pyarrow.ArrowException, OSError, TypeError, KeyError, ValueError) as e:
        raise FileError(f"{file} cannot be read ({e}); remove it, and run the same command again") from e
    if _decisive(about) != _decisive(told):
        raise FileError(
            f"{file} is of another run, with other data, models or batches, which wrote there at the same time; remove "
            f"{file.parent}, and run one after the other"
        )
    return table


def _decisive(told: Mapping[str, Any]) -> str:
    """What must be the same for parts to belong together."""
    kept = {k: told.get(k) for k in ("data", "pairs", "models", "plan", "sampling")}
    return json.dumps(kept, sort_keys=True, indent=1)


def _merge(files: Sequence[Path], path: Path, told: Mapping[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from .table import SCHEMA, schema

    meta = {"didlab": json.dumps({"schema": SCHEMA, **told}, sort_keys=True)}
    temporary = path.with_name(f".{path.name}.tmp")
    with parquet.ParquetWriter(temporary, schema().with_metadata(meta), compression="zstd") as w:
        for f in files:
            table = _part(f, told).cast(schema()).replace_schema_metadata(meta)
            w.write_table(pa.Table.from_batches(table.to_batches(), schema=table.schema))
    temporary.replace(path)
