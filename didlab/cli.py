"""The command line. What a command needs is imported when it runs: `didlab replay` starts in a fraction of a second."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import CertificateError, ClaimError, DidlabError, FileError

if TYPE_CHECKING:
    from .engine.claim import Claim

__all__ = ["main"]

FINE, DIFFERS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 where a verdict differs from the recorded one, a claim could not be judged or a certificate fails;
        2 for bad input; 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return options.command(options)
    except DidlabError as e:
        print(f"didlab: {e}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"didlab: interrupted; {getattr(options, 'interrupted', 'nothing was written')}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DIFFERS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="didlab", description="Checks the theory of preference optimisation by computer."
    )
    parser.add_argument("--version", action="version", version=f"didlab {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    verify = commands.add_parser(
        "verify",
        help="judge statements",
        description="Judge statements and compare the verdicts with the recorded ones.",
        epilog="Exits with 0 if no verdict differs from the recorded one, 1 if one differs or is vacuous, undecided or "
        "an error, 2 for bad input, 130 when interrupted.",
    )
    verify.add_argument(
        "ids", nargs="*", metavar="ID", help="which statements: ids or patterns such as 'did.thm-3.*' (default: all)"
    )
    verify.add_argument(
        "--paper", metavar="NAME", help="only the statements of one paper (the first part of their ids)"
    )
    verify.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    verify.add_argument("--html", type=Path, metavar="DIR", help="write DIR/index.html, a page that opens from disk")
    verify.add_argument(
        "--jobs", type=_integer("jobs", 1), metavar="N", help="number of processes (default: one per core)"
    )
    verify.add_argument(
        "--record",
        action="store_true",
        help="make the verdicts and certificates of this run the recorded ones (for developers)",
    )
    _judging(verify)
    verify.set_defaults(command=_verify)

    show = commands.add_parser(
        "show",
        help="judge one statement and print everything about it",
        description="Judge one statement and print everything about it.",
    )
    show.add_argument("id", metavar="ID")
    _judging(show)
    show.set_defaults(command=_show)

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
    replay.add_argument("--claims", type=Path, metavar="FILE.py", help="the file that declares the claims")
    replay.set_defaults(command=_replay)

    figure = commands.add_parser(
        "figure",
        help="run an experiment and draw its figure",
        description="Run an experiment and write its image, its numbers and its caption. A run that was interrupted "
        "goes on where it stopped.",
    )
    what = figure.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", help="which figure; an unknown name lists them")
    what.add_argument("--all", action="store_true", help="every figure")
    figure.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="folder (default: figures)")
    figure.set_defaults(command=_figure, interrupted="run the same command again to go on")

    from . import cli_explore, cli_models

    cli_models.add(commands)
    cli_explore.add(commands)
    return parser


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--claims", type=Path, metavar="FILE.py", help="judge the claims that this Python file declares instead"
    )
    parser.add_argument(
        "--effort",
        choices=("quick", "standard", "deep"),
        default="standard",
        help="quick for the editor, deep for ten times the instances (default: standard)",
    )
    parser.add_argument(
        "--seed",
        type=_integer("seed", 0),
        default=0,
        metavar="N",
        help="every random choice follows from it (default: 0)",
    )


def _integer(name: str, least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{name} must be an integer of at least {least}; got {text!r}")
        return value

    return parse


PAPERS = {
    "did": "Differential Information (arXiv 2505.23761)",
    "mi": "Many of Your DPOs are Secretly One",
    "gip": "Common Pitfalls of Margin-based Preference Optimization",
}


class Library:
    """The claims a command works on: didlab's own, or those of a user's file, which have no record."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        if file is not None:
            from .engine.run import load_file

            self.source: Callable[[], Sequence[Claim]] = partial(load_file, file)
            self.claims = list(self.source())
            self.entries: list[dict[str, Any]] = []
            self.recorded: Mapping[str, str] = {}
            return
        from . import claims

        self.source = claims.load
        self.claims = list(claims.load())
        self.recorded = claims.recorded()
        self.entries = [e | {"recorded": self.recorded.get(e["id"])} for e in claims.catalogue()]

    def stored(self, id: str) -> dict[str, Any] | None:
        if self.file is not None:
            return None
        from . import claims

        try:
            return claims.stored(id)
        except ValueError as e:
            raise CertificateError(f"the stored certificate of {id} is not valid JSON: {e}") from e

    def ids(self) -> list[str]:
        return [*(c.id for c in self.claims), *(e["id"] for e in self.entries)]

    def claim(self, id: str) -> Claim:
        for c in self.claims:
            if c.id == id:
                return c
        raise self.unknown(id)

    def unknown(self, id: str) -> ClaimError:
        from difflib import get_close_matches

        ids = self.ids()
        if id in ids:
            return ClaimError(f"{id} has no check yet, so there is no counterexample")
        if any(c in id for c in "*?["):
            return ClaimError(f"no statement matches {id!r}")
        close = get_close_matches(id, ids, 3) or [x for x in ids if id.lower() in x.lower()][:3]
        hint = f"; did you mean {' or '.join(close)}?" if close else ": `didlab verify` lists all of them"
        return ClaimError(f"unknown id {id!r}{hint}")

    def select(self, patterns: Sequence[str], paper: str | None) -> set[str]:
        ids = self.ids()
        papers = sorted({i.split(".")[0] for i in ids})
        if paper is not None and paper not in papers:
            raise ClaimError(f"unknown paper {paper!r}; there are {', '.join(papers)}")
        chosen: set[str] = set()
        for pattern in patterns or ["*"]:
            found = [i for i in ids if i == pattern] or [i for i in ids if fnmatchcase(i, pattern)]
            if not found:
                raise self.unknown(pattern)
            chosen.update(found)
        chosen = {i for i in chosen if paper in (None, i.split(".")[0])}
        if not chosen:
            raise ClaimError(f"none of the chosen statements belongs to paper {paper!r}")
        return chosen


def _verify(options: argparse.Namespace) -> int:
    from .engine.certificate import write_text
    from .engine.run import cores, run
    from .report import document, terminal

    if options.record and options.claims:
        raise ClaimError(
            "--record keeps the verdicts of didlab's own statements; it cannot be combined with --claims"
        )
    _writable(options.json, options.html)
    library = Library(options.claims)
    chosen = library.select(options.ids, options.paper)
    claims = [c for c in library.claims if c.id in chosen]
    rest = [e for e in library.entries if e["id"] in chosen]
    stored = {c.id: s for c in claims if (s := library.stored(c.id)) is not None}
    if options.record:
        stored = {c.id: stored[c.id] for c in claims if c.id in stored and _still(c, stored[c.id])}
    width = max(len(i) for i in chosen)
    with _progress(claims, width) as progress:
        verdicts = run(
            claims,
            source=library.source,
            seed=options.seed,
            effort=options.effort,
            jobs=options.jobs or cores(),
            stored=stored,
            recorded=library.recorded,
            progress=progress,
        )
    if sys.stdout.isatty():
        terminal.listing([*verdicts, *rest])
    elif rest:
        terminal.write([("", terminal.line(e, width)) for e in rest])
    verdicts += rest
    terminal.report(verdicts)
    made = document.document(verdicts, seed=options.seed, effort=options.effort, versions=document.versions())
    if options.json:
        write_text(options.json, document.to_text(made))
    if options.html:
        from .report.page import page

        write_text(
            options.html / "index.html",
            page(made, papers=PAPERS, claims_file=str(options.claims) if options.claims else None),
        )
    if options.record:
        _record(verdicts)
    written = [str(p) for p in (options.json, options.html and options.html / "index.html") if p]
    if written:
        print(f"\nwrote {' and '.join(written)}")
    return DIFFERS if document.failures(verdicts) and not (options.record and _only_changed(verdicts)) else FINE


def _writable(json: Path | None, html: Path | None) -> None:
    """Refuse at once what could not be written at the end."""
    if json is not None and json.is_dir():
        raise FileError(f"--json {json} is a folder; give a file")
    if html is not None and html.exists() and not html.is_dir():
        raise FileError(f"--html {html} is a file; give a folder")
    for path in (json, html):
        if path is None:
            continue
        there = next(p for p in (path, *path.absolute().parents) if p.exists())
        if (there != path and not there.is_dir()) or not os.access(there, os.W_OK):
            raise FileError(f"cannot write {path}: {there} is not a folder one may write to")


def _still(claim: Claim, data: Mapping[str, Any]) -> bool:
    from .engine.certificate import replay

    try:
        replay(claim, data)
    except CertificateError:
        return False
    return True


def _only_changed(verdicts: Sequence[Mapping[str, Any]]) -> bool:
    from .report.words import VERDICTS

    return not any(VERDICTS[v["verdict"]].fails for v in verdicts)


@contextlib.contextmanager
def _progress(claims: Sequence[Claim], width: int) -> Generator[Callable[[dict[str, Any]], None], None, None]:
    """A bar on a terminal; elsewhere one line for each claim, in the order of the claims, as they become known."""
    from .report import terminal

    if sys.stdout.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("judging"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
        )
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("", total=len(claims), last="")
            yield lambda v: bar.update(task, advance=1, last=f"{v['verdict']}: {v['id']}")
        return
    order, known = [c.id for c in claims], {}

    def lines(v: dict[str, Any]) -> None:
        known[v["id"]] = v
        while order and order[0] in known:
            terminal.write([("", terminal.line(known.pop(order.pop(0)), width))])
            sys.stdout.flush()

    yield lines


def _record(verdicts: Sequence[Mapping[str, Any]]) -> None:
    """Keep the verdicts of this run and the certificates they rest on; drop those of claims that are gone."""
    import json

    from . import claims
    from .engine.certificate import write_text

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


def _show(options: argparse.Namespace) -> int:
    from .engine.run import run
    from .report import document, terminal

    library = Library(options.claims)
    entry = next((e for e in library.entries if e["id"] == options.id), None)
    if entry is not None:
        terminal.write(list(terminal.show(entry)))
        return FINE
    claim = library.claim(options.id)
    stored = library.stored(claim.id)
    verdict = run(
        [claim],
        source=library.source,
        seed=options.seed,
        effort=options.effort,
        stored={claim.id: stored} if stored else {},
        recorded=library.recorded,
    )[0]
    terminal.write(list(terminal.show(verdict)))
    if stored:
        terminal.write([("", ""), ("dim", f"Re-check the counterexample: didlab replay {claim.id}")])
    return DIFFERS if document.failures([verdict]) else FINE


def _replay(options: argparse.Namespace) -> int:
    from .engine.certificate import SCHEMA, load
    from .report import terminal

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
    from .engine.certificate import describe, replay
    from .report import terminal
    from .report.latex import unicode

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
        (
            "",
            "Re-checked from the integers of the certificate alone: they are an instance of what the statement",
        ),
        ("", f"speaks of, and the statement is false there, decided {how}:"),
        *terminal.counterexample(described),
        ("green", "✓ the counterexample stands"),
    ], True


def _figure(options: argparse.Namespace) -> int:
    from .experiments import figures, make

    if options.out.exists() and not options.out.is_dir():
        raise FileError(f"--out {options.out} is a file; give a folder")
    for name in figures() if options.all else (options.name,):
        with _drawing(name) as progress:
            path = make(name, options.out, progress)
        print(path, flush=True)
    return FINE


@contextlib.contextmanager
def _drawing(name: str) -> Generator[Callable[[str, float], object] | None, None, None]:
    if not sys.stdout.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"), transient=True) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda text, share: bar.update(task, completed=share, description=text)
