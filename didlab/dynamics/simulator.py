"""Many training runs in one program: every problem, every configuration, the same pairs for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple
from typing import Protocol as Interface

import numpy as np

from ..arguments import floats, instance, one_of, one_whole, several
from ..errors import ArgumentError
from ..objectives import Objective
from ..policies import probabilities
from .checkpoint import digest, read_checkpoint, write_checkpoint
from .problem import MAKE, Problem
from .protocol import Protocol, checked_protocol
from .rules import Rule

__all__ = ["Run", "simulate"]


class Run(NamedTuple):
    """The records of a simulation.

    Attributes:
        steps: steps of the records, shape (R,).
        js: JS divergences to the goal in nats, shape (problems, configurations, R).
        logits: final logits, shape (problems, configurations, K).
    """

    steps: np.ndarray
    js: np.ndarray
    logits: np.ndarray


class Engine(Interface):
    """What runs the steps: `js` (problems, configurations, R) and `logits`, `speed` (problems, configurations, K)."""

    def advance(self, first: int, last: int) -> None: ...
    def state(self) -> dict[str, np.ndarray]: ...
    def restore(self, state: dict[str, np.ndarray]) -> None: ...


def simulate(
    problems: Sequence[Problem],
    configurations: Sequence[Any],
    *,
    protocol: Protocol | None = None,
    goals: Any = None,
    engine: str = "auto",
    workers: int = 1,
    device: str = "cpu",
    callback: Callable[[int, np.ndarray], object] | None = None,
    callback_every: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 5000,
) -> Run:
    r"""Train every configuration on every problem; all configurations of a problem see the same pairs.

    Args:
        problems: of the same number of outcomes.
        configurations: objectives and update rules; with the torch engine also functions of the four tensors (chosen,
            rejected, reference chosen, reference rejected) of log-probabilities that return a loss for each pair.
        protocol: steps, batch, optimiser, start, records.
        goals: log-probabilities that the JS divergence is measured to, of a shape that broadcasts to
            (problems, configurations, K); each problem's own goal by default.
        engine: `numba` (float64; objectives and rules), `torch`, or `auto`: numba wherever it can.
        workers: threads of the numba engine; they do not change a bit of the result.
        device: of the torch engine.
        callback: called with (step, logits of shape (problems, configurations, K)) at step 0, every `callback_every`
            steps and at the end.
        checkpoint: a file that is written as the run goes on; if it is there and fits, the run resumes from it, to the
            same bits.
        checkpoint_every: steps between two writes.

    Returns:
        the records.

    Raises:
        ArgumentError: nothing to run, problems of different sizes, or a configuration that the engine cannot run.
        FileError: a checkpoint of another run.

    >>> from didlab.dynamics import synthetic_problem
    >>> from didlab.objectives import get
    >>> run = simulate([synthetic_problem(4.0, 1)], [get("dpo"), get("orpo")], protocol=Protocol(steps=20))
    >>> run.js.shape
    (1, 2, 3)

    Ref: Won et al. 2025, section 3.5 and Appendix J.1.
    """
    protocol = checked_protocol(protocol)
    problems = several("problems", problems, Problem, "Problem objects of the same number of outcomes", MAKE)
    configurations = several("configurations", configurations, object, "a sequence of objectives and update rules")
    _check(problems, configurations)
    if callback is not None and not callable(callback):
        raise ArgumentError("callback", "a function of the step and the logits", type(callback).__name__)
    if checkpoint is not None:
        instance("checkpoint", checkpoint, str | PathLike, "the path of a file")
    shape = (len(problems), len(configurations), problems[0].size)
    own = np.stack([q.goal for q in problems])[:, None, :]
    goals = own if goals is None else floats("goals", goals)
    try:
        goals = np.broadcast_to(goals, shape)
    except ValueError:
        raise ArgumentError("goals", f"of a shape that broadcasts to {shape}", str(goals.shape)) from None
    runner = _engine(
        engine, problems, configurations, protocol, probabilities(goals), one_whole("workers", workers, 1), device
    )
    mark = digest(problems, configurations, protocol, goals, type(runner).__name__) if checkpoint is not None else ""
    step = 0
    if checkpoint is not None and Path(checkpoint).exists():
        step, state = read_checkpoint(checkpoint, mark)
        runner.restore(state)
    every = protocol.every if callback_every is None else one_whole("callback_every", callback_every, 1)
    turn = protocol.steps if callback is None else every
    save = one_whole("checkpoint_every", checkpoint_every, 1)
    save = protocol.steps if checkpoint is None else save
    if callback is not None and step == 0:
        callback(0, runner.state()["logits"])
    while step < protocol.steps:
        last = min(protocol.steps, *((step // n + 1) * n for n in (max(turn, 1), max(save, 1))))
        runner.advance(step, last)
        step = last
        if callback is not None and (step % turn == 0 or step == protocol.steps):
            callback(step, runner.state()["logits"])
        if checkpoint is not None and (step % save == 0 or step == protocol.steps):
            write_checkpoint(checkpoint, mark, step, runner.state())
    if protocol.steps == 0:
        runner.advance(0, 0)
    state = runner.state()
    return Run(protocol.records, state["js"], state["logits"])


def _check(problems: list[Problem], configurations: list[Any]) -> None:
    if not problems or not configurations:
        raise ArgumentError("problems" if not problems else "configurations", "at least one", "none")
    for q in problems:
        if q.size != problems[0].size:
            expected = "Problem objects of the same number of outcomes"
            raise ArgumentError("problems", expected, f"{problems[0].size} and {q.size} outcomes", MAKE)


def _engine(
    name: str, problems: Any, configurations: Any, protocol: Protocol, goals: np.ndarray, workers: int, device: str
) -> Engine:
    one_of("engine", name, ("auto", "numba", "torch"))
    if not isinstance(device, str) and not hasattr(device, "type"):
        raise ArgumentError("device", "the name of a device of torch, such as cpu", type(device).__name__)
    if name == "numba" and str(device) != "cpu":
        raise ArgumentError("device", "cpu with the numba engine", str(device))
    simple = (
        protocol.dtype == "float64" and all(isinstance(c, Objective | Rule) for c in configurations) and device == "cpu"
    )
    if name == "numba" and protocol.dtype != "float64":
        raise ArgumentError("engine", "torch for float32", "numba")
    if name == "numba" or (name == "auto" and simple):
        from .compiled import Compiled

        return Compiled(problems, configurations, protocol, goals, workers)
    import torch

    from .batch_gradient import runnable
    from .batched import Batched

    try:
        torch.device(device)
    except RuntimeError as failure:
        raise ArgumentError("device", "the name of a device of torch, such as cpu", repr(device)) from failure
    for c in configurations:
        runnable(c, dtype=protocol.dtype, device=device)
    return Batched(problems, configurations, protocol, goals, device)
