"""Many claims judged by several processes; the result depends on the seed alone, never on how many there are."""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, ClaimError, DidlabError, FileError
from .claim import Claim, check_arguments

__all__ = ["EFFORTS", "cores", "load_file", "run"]

EFFORTS = ("quick", "standard", "deep")

Source = Callable[[], Sequence[Claim]]
Verdict = dict[str, Any]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    claims: Sequence[Claim], *, source: Source, seed: int = 0, effort: str = "standard", jobs: int = 1,
    stored: Mapping[str, Mapping[str, Any]] | None = None, recorded: Mapping[str, str] | None = None,
    progress: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Judge claims, each in one of `jobs` processes.

    Args:
        claims: what to judge.
        source: loads the same claims again in a fresh process; it must be picklable (a function of a module, or a
            partial of one), because the checks themselves are not.
        seed: every random choice follows from it and a claim's id, so the order of work does not matter.
        effort: "quick", "standard" or "deep".
        jobs: number of processes; 1 judges in this one.
        stored: certificates found earlier, by id.
        recorded: verdicts recorded earlier, by id.
        progress: called with each verdict as it becomes known.

    Returns:
        the verdicts as plain data, in the order of the claims.

    Raises:
        ArgumentError: `seed`, `effort` or `jobs` is not usable.
    """
    if effort not in EFFORTS:
        raise ArgumentError("effort", f"one of {', '.join(EFFORTS)}", repr(effort))
    if not isinstance(seed, int) or seed < 0:
        raise ArgumentError("seed", "an integer of at least 0", repr(seed))
    if not isinstance(jobs, int) or jobs < 1:
        raise ArgumentError("jobs", "an integer of at least 1", repr(jobs))
    stored, recorded = stored or {}, recorded or {}
    done: dict[str, Verdict] = {}
    work = [(c.id, seed, effort, stored.get(c.id)) for c in claims]
    results = _here({c.id: c for c in claims}, work) if min(jobs, len(work)) <= 1 else _spread(source, work, jobs)
    with contextlib.closing(results):
        for verdict in results:
            verdict["recorded"] = recorded.get(verdict["id"])
            done[verdict["id"]] = verdict
            if progress is not None:
                progress(verdict)
    return [done[c.id] for c in claims]


Task = tuple[str, int, str, Mapping[str, Any] | None]


def _here(claims: Mapping[str, Claim], work: Sequence[Task]) -> Generator[Verdict, None, None]:
    for task in work:
        yield _judged(claims[task[0]], *task[1:])


def _spread(source: Source, work: Sequence[Task], jobs: int) -> Generator[Verdict, None, None]:
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(work)), mp_context=context, initializer=_start, initargs=(source,))
    try:
        with _uninterrupted():
            futures = [pool.submit(_work, task) for task in work]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as e:
        raise DidlabError("a worker process died, perhaps for lack of memory: use fewer with --jobs") from e
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _uninterrupted() -> Generator[None, None, None]:
    """Processes started in here never see an interrupt: it is for the parent, which ends its workers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_CLAIMS: dict[str, Claim] = {}


def _start(source: Source) -> None:
    _CLAIMS.clear()
    _CLAIMS.update((c.id, c) for c in source())


def _work(task: Task) -> Verdict:
    return _judged(_CLAIMS[task[0]], *task[1:])


def _judged(claim: Claim, seed: int, effort: str, stored: Mapping[str, Any] | None) -> Verdict:
    from .judge import Judgement, judge, reason
    from .verdict import as_data

    try:
        return as_data(judge(claim, seed=seed, effort=effort, stored=stored))
    except Exception as e:  # a check may raise anything: that is a verdict on this claim, not the end of the others
        return as_data(Judgement(claim, "error", reason(claim, e)))


def load_file(path: str | Path) -> list[Claim]:
    """The claims that a Python file declares, in their order.

    Raises:
        FileError: the file cannot be read.
        ClaimError: it cannot be run, declares none, or declares one wrongly; the message gives file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"cannot read {path}: {'it is not a file' if path.exists() else 'no such file'}")
    name = f"didlab_claims_of_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ClaimError(f"{path}: claims are read from a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as e:
        raise ClaimError(f"{e.filename or path}:{e.lineno}: {e.msg}") from e
    except (Exception, SystemExit) as e:
        where = [f.lineno for f in traceback.extract_tb(e.__traceback__) if Path(f.filename) == path.resolve()]
        raise ClaimError(f"{path}:{where[-1] if where else 1}: {type(e).__name__}: {e}") from e
    finally:
        sys.path.remove(str(path.resolve().parent))
    claims = list({id(x): x for x in vars(module).values() if isinstance(x, Claim)}.values())
    if not claims:
        raise ClaimError(f"{path} declares no claim: decorate a function with didlab.testing.claim")
    seen: dict[str, Claim] = {}
    for c in claims:
        if c.id in seen:
            raise ClaimError(f"{path}:{_line(c)}: {c.id} is declared twice (first at line {_line(seen[c.id])})")
        seen[c.id] = c
        try:
            check_arguments(c)
        except DidlabError as e:
            raise ClaimError(f"{path}:{_line(c)}: {e}") from e
    return claims


def _line(c: Claim) -> int:
    code = getattr(c.printed.check, "__code__", None)
    return code.co_firstlineno if code is not None else 1
