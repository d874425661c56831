"""Your data: what training did to the pairs of a table that `didlab score` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..bridge.table import Scores, read_scores
from ..diagnose import Diagnosis, diagnose
from ..diagnose.prompts import by_prompt
from ..errors import ArgumentError, FileError
from ..report.chart import Series, chart
from ..report.diagnosis import heading
from ..report.diagnosis_drawings import drawings
from ..report.diagnosis_tables import tables
from . import losses, saved
from .saved import Saved
from .state import choice, query
from .view import Picture, View

__all__ = [
    "EXAMPLE", "LARGEST", "TABLES", "State", "Table", "diagnosis", "file", "measured", "nothing", "opened", "prompts",
    "source", "uploaded", "view",
]

GIVEN: Path | None = None  # what the command line gave: `didlab explore --data TABLE.parquet`
EXAMPLE = Path(__file__).parent / "examples" / "statements.parquet"
LARGEST = 50_000_000  # bytes of a table that is opened in the browser
TABLES = {"": "the table that was given", "example": "the example", "own": "a file of my own"}
NAMED = 500  # prompts to choose from
ABOUT = (
    "The example: a transformer of 24 dimensions learnt to say what the sentiment of a statement is (the reference), "
    "then took 60 steps of DPO on right against wrong answers (the policy). Its pairs and its language are made up."
)


@dataclass(frozen=True)
class State:
    """What is measured, and on which table.

    Attributes:
        table: empty for what the command line gave, or else the example; `example`; `own` for a file that is opened in
            the browser, which no link can hold, but a saved state can.
        objective: the loss whose coefficients are wanted.
        beta: scale of the implicit reward, and of the loss if it has one.
        prompt: the one prompt that is looked at, by the id of its first pair; empty for all.
    """

    table: str = ""
    objective: str = "dpo"
    beta: float = 0.1
    prompt: str = ""

    def __post_init__(self) -> None:
        choice("table", self.table, list(TABLES))
        choice("objective", self.objective, list(losses.NAMES))
        if not 1e-4 <= self.beta <= 100:
            raise ArgumentError("beta", "from 0.0001 to 100", str(self.beta))


@dataclass(frozen=True, eq=False)
class Table:
    """An open table.

    Attributes:
        name: of the file.
        scores: what is in it.
        example: whether it is the one that is shipped.
    """

    name: str
    scores: Scores
    example: bool = False

    @cached_property
    def by_prompt(self) -> list[dict[str, Any]]:
        """A row for each prompt with two pairs at least: those that can be looked at one at a time."""
        rows = by_prompt(self.scores)
        return [r for r in rows if r["pairs"] > 1 and r["prompt"] is not None][:NAMED] if len(rows) > 1 else []

    @cached_property
    def size(self) -> int:
        """Bytes of a saved state that takes this table along; 0 for the example, which every app has."""
        return 0 if self.example else len(saved.write_with_table("", self.scores))


def source() -> Path:
    """The table that is shown where nobody chooses one."""
    return EXAMPLE if GIVEN is None else GIVEN


def uploaded(name: str, content: bytes) -> Saved:
    """What a file holds that was opened in the browser: a table, a saved state, or both.

    Raises:
        FileError: a file that cannot be used.
    """
    if len(content) > LARGEST:
        raise FileError(
            f"{name} is larger than {LARGEST // 10**6} MB; give it on the command line: didlab explore {name}"
        )
    return saved.read(name, content=content)


def opened(state: State, own: Saved | None = None) -> Table | None:
    """The table of a state; None where it is a file of one's own that is not open, or has no table in it.

    Args:
        state: says which.
        own: what was opened in the browser.

    Raises:
        FileError: a table that cannot be used.
    """
    if state.table == "own":
        return None if own is None or own.scores is None else Table(own.name, own.scores)
    path = EXAMPLE if state.table == "example" else source()
    try:
        told = path.stat()
    except OSError as e:
        raise FileError(f"{path} cannot be read: {e.strerror}") from e
    return _read(path, told.st_mtime_ns, told.st_size)


def file(state: State, table: Table | None) -> bytes:
    """The file that holds a state, with its table where that is not the example."""
    if table is None or table.example:
        return saved.write("data", query(state if table is None else replace(state, table="example")))
    return saved.write_with_table(query(replace(state, table="")), table.scores)


@lru_cache(maxsize=2)
def _read(path: Path, changed: int, size: int) -> Table:
    return Table(str(path), read_scores(path), path == EXAMPLE)


def prompts(table: Table) -> list[str]:
    """The prompts that can be looked at one at a time, those with two pairs at least; none where there is only one.

    Raises:
        FileError: a table that cannot be diagnosed.
    """
    return [r["prompt"] for r in table.by_prompt]


@lru_cache(maxsize=1)  # a page asks for it twice
def diagnosis(state: State, table: Table) -> Diagnosis:
    """The diagnosis of a table, or of one of its prompts.

    Raises:
        FileError: a table, or a prompt, that cannot be diagnosed.
    """
    scores = table.scores.of_prompt(state.prompt) if state.prompt else table.scores
    return diagnose(scores, objective=state.objective, beta=state.beta)


def view(state: State, table: Table | None = None) -> View:
    """What a table says.

    Args:
        state: what is measured.
        table: an open table; by default that of the state.

    Raises:
        FileError: a table, or a prompt, that cannot be diagnosed.

    >>> round(view(State(table="example")).measures["movement.both-fall"], 2)
    0.93
    """
    table = opened(state) if table is None else table
    if table is None:
        return nothing()
    found = diagnosis(state, table)
    entries = found.entries
    return View(
        pictures=(*(Picture(x.name, x.title, x.svg, x.caption) for x in drawings(found)), *_by_prompt(state, table)),
        measures={e.name: e.value for e in entries},
        columns={
            "name": [e.name for e in entries], "title": [e.title for e in entries], "unit": [e.unit for e in entries],
            "estimate": [e.value for e in entries], "low": [e.interval[0] for e in entries],
            "high": [e.interval[1] for e in entries], "n": [e.count for e in entries],
            "units": [e.units for e in entries],
        },
        python=_python(state, table),
        heading="Measurements",
        notes=_notes(state, table, found),
    )


def measured(state: State, table: Table) -> str:
    """The measurements as HTML; the statements they bear on are links to their pages."""
    # Written out: a state of that page would load every statement.
    return tables(diagnosis(state, table), lambda id: f"/claims/?id={id}")


def nothing() -> View:
    """What is shown before a file is opened."""
    return View(
        (), {}, {}, "",
        notes=(
            "Open a table that didlab score wrote, a Parquet file of at most 50 MB, or a state that was saved here. It "
            "is read in memory on this machine, and nothing of it is kept.",
        ),
    )


def _notes(state: State, table: Table, found: Diagnosis) -> tuple[str, ...]:
    first, *rest = heading(found)
    warned = [line.removeprefix("! ") for line in rest if line.startswith("!")]
    models = ", ".join(line for line in rest if not line.startswith("!"))
    about = ABOUT if table.example else f"{table.name}."
    only = f" One prompt: {state.prompt}." if state.prompt else ""
    return f"{about}{only} {first}{f'; {models}' if models else ''}.", *warned


def _by_prompt(state: State, table: Table) -> list[Picture]:
    """Where the pairs of each prompt went on average, with the chosen prompt among them."""
    rows = table.by_prompt
    if len(rows) < 2:
        return []
    here = [r for r in rows if r["prompt"] == state.prompt]
    fell = sum(r["chosen_change"] < 0 for r in rows)
    series = [_cloud("a prompt", rows, 0)]
    if here:
        series.append(_cloud("the prompt that is shown", here, 5, mark=True))
    return [
        Picture(
            "prompts",
            f"On {fell} of {len(rows)} prompts the chosen responses fell on average",
            chart(
                series, x="mean change of log π(chosen), nats", y="mean change of log π(rejected), nats",
                words="Mean changes of the log-likelihoods of chosen and rejected responses, a point for each prompt.",
            ),
            "One point for each prompt with two pairs or more. The control “Prompt” shows one of them alone.",
        )
    ]


def _cloud(name: str, rows: Sequence[dict[str, float]], kind: int, *, mark: bool = False) -> Series:
    x, y = ([r[c] for r in rows] for c in ("chosen_change", "rejected_change"))
    return Series(name, x, y, line=False, hollow=not mark, mark=mark, kind=kind)


def _python(state: State, table: Table) -> str:
    """Statements that print the measures."""
    where = "data.EXAMPLE" if table.example else repr(table.name)
    one = f".of_prompt({state.prompt!r})" if state.prompt else ""
    return (
        "from didlab.bridge.table import read_scores; from didlab.diagnose import diagnose"
        f"{'; from didlab.explore import data' if table.example else ''}\n"
        f"found = diagnose(read_scores({where}){one}, objective={state.objective!r}, beta={state.beta!r})\n"
        "print({e.name: e.value for e in found.entries})"
    )
