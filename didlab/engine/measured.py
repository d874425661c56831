"""Statements about training runs and estimators: a protocol, independent runs, and an exact test over them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..errors import ClaimError
from .claim import Assumption, Claim, Statement
from .evidence import Evidence
from .relations import Relation

__all__ = [
    "ALARM", "Decision", "MeasuredClaim", "Measurement", "Outcomes", "decide", "interval", "look", "measure",
    "measured", "neighbour", "seeds_of", "tail",
]

ALARM = 1e-6
Outcomes = Mapping[str, np.ndarray]
Runs = Callable[..., Outcomes]


@dataclass(frozen=True)
class Measurement:
    """A statement that is true or false of each run, and the protocol of the runs.

    Attributes:
        text: the statement.
        runs: maps a tuple of seeds, one for each independent run, to the margins of every part of the statement, shape
            (runs,) or (runs, comparisons); a part is true in a run where all its margins are positive.
        protocol: what is run, in words.
        effect: what a margin is, in words.
        count: number of runs.
        neighbours: name -> changed keyword arguments: wrong statements and wrong protocols.
    """

    text: str
    runs: Runs
    protocol: str
    effect: str
    count: int = 24
    neighbours: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass
class MeasuredClaim(Claim):
    """A claim about training runs or estimators; it is judged by an exact test over independent runs.

    Attributes:
        measurement, amendment: what is printed, and what is put in its place.
        recorded: the seeds of runs that were made earlier, where judging does not repeat them.
    """

    measurement: Measurement | None = None
    amendment: Measurement | None = None
    recorded: tuple[int, ...] = ()

    def _amend(self, text: str, **how: Any) -> Callable[[Runs], Runs]:
        def attach(runs: Runs) -> Runs:
            self.amendment = Measurement(text, runs, **how)
            return runs

        return attach

    def holds_when(self, text: str, **how: Any) -> Callable[[Runs], Runs]:
        """Decorator: the printed conclusion measured under one named assumption; see `Measurement` for the rest."""
        self.assumption = Assumption(text, _no_instance, own_setting=True)
        return self._amend(text, **how)

    def instead(self, text: str, **how: Any) -> Callable[[Runs], Runs]:
        """Decorator: what is measured to be true instead; see `Measurement` for the rest."""
        self.correction = Statement(text, _no_instance, ())
        return self._amend(text, **how)


def measured(
    id: str, *, where: str, title: str, statement: str, protocol: str, effect: str, reading: str = "", note: str = "",
    count: int = 24, neighbours: Mapping[str, Mapping[str, Any]] | None = None, recorded: Sequence[int] = (),
) -> Callable[[Runs], MeasuredClaim]:
    r"""Declare a claim about runs: the decorated function maps seeds to margins.

    Args:
        id, where, title, statement, reading, note: as for `claim`.
        protocol: what is run, in words, so that it can be repeated.
        effect: what a margin is, in words.
        count: number of independent runs, at least 20: fewer cannot decide at an error rate of 1e-6.
        neighbours: name -> changed keyword arguments; those named "wrong protocol: ..." change the runs themselves.
        recorded: the seeds of runs that were made earlier, for protocols that take too long to repeat at each judging;
            the seeds that are judged are drawn from them without replacement.

    Raises:
        ClaimError: too few runs.

    >>> @measured("mine.mean", where="folklore", title="the mean of 100 throws", statement=r"\bar x < 0.9",
    ...           protocol="100 uniform numbers for each seed", effect="0.9 minus the mean")
    ... def mean(seeds):
    ...     return {"": np.array([0.9 - np.random.default_rng(s).random(100).mean() for s in seeds])}
    >>> from didlab.engine.judge import judge
    >>> judge(mean).verdict
    'holds'
    """
    if tail(count, count) >= ALARM:
        raise ClaimError(f"{id}: {count} runs cannot decide at an error rate of {ALARM:g}; take 20 or more")

    def wrap(runs: Runs) -> MeasuredClaim:
        return MeasuredClaim(
            id, where, title, Statement(statement, _no_instance, ()), reading, note,
            measurement=Measurement(statement, runs, protocol, effect, count, neighbours or {}),
            recorded=tuple(recorded),
        )

    return wrap


def _no_instance(**_: Any) -> Relation:
    raise ClaimError("a measured statement is about runs: no single instance decides it")


def tail(successes: int, n: int) -> float:
    """The chance of at least so many heads in n throws of a fair coin, exactly.

    >>> tail(24, 24) == 2**-24
    True
    """
    term, total = 1, 0
    for k in range(n, successes - 1, -1):
        total += term
        term = term * k // (n - k + 1)
    return total / 2**n


def interval(x: np.ndarray, miss: float = ALARM) -> tuple[float, float]:
    """The order statistics between which the median lies, whatever the distribution, except with chance `miss`.

    >>> interval(np.arange(24.0))
    (0.0, 23.0)
    """
    x, n = np.sort(x), len(x)
    skip = 0
    while skip + 1 < (n + 1) // 2 and 2 * tail(n - skip - 1, n) <= miss:
        skip += 1
    return float(x[skip]), float(x[n - 1 - skip])


@dataclass(frozen=True)
class Decision:
    """What the runs decide: 1 true, -1 false, 0 neither; and the part of the statement that it rests on."""

    truth: int
    error_rate: float
    part: str
    margins: np.ndarray
    true_share: float
    parts: tuple[str, ...]


def decide(outcomes: Outcomes, alarm: float = ALARM) -> Decision:
    """Sign tests over the runs, one for each part, at the level `alarm`.

    True: every part is true in more than half of all possible runs (each test rejects the contrary: no correction is
    needed). False: some part is true in less than half of them (Bonferroni). The error rate is that of the test.

    Raises:
        ClaimError: no outcomes, or one that is not a number.
    """
    if not outcomes:
        raise ClaimError("the protocol gave no outcomes")
    worst, share, best = [], [], []
    for name, values in outcomes.items():
        x = np.asarray(values, dtype=np.float64)
        if np.isnan(x).any():
            raise ClaimError(f"the protocol gave an outcome that is not a number: {name}")
        share.append(float((x > 0).mean()))
        margins = x.reshape(len(x), -1).min(axis=1)
        true, n = int((margins > 0).sum()), len(margins)
        worst.append((tail(true, n), -float(np.median(margins)), name, margins))
        best.append((tail(n - true, n), float(np.median(margins)), name, margins))
    parts, mean = tuple(outcomes), float(np.mean(share))
    rate, _, name, margins = max(worst, key=lambda row: row[:2])
    if rate < alarm:
        return Decision(1, rate, name, margins, mean, parts)
    against, _, part, low = min(best, key=lambda row: row[:2])
    if against * len(best) < alarm:
        return Decision(-1, against * len(best), part, low, mean, parts)
    return Decision(0, rate, name, margins, mean, parts)


def seeds_of(claim: Claim, seed: int, stream: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Seeds of the runs and of a second look, as many again; recorded ones, if the claim has some.

    They follow from the seed, the claim's id and the statement's place.
    """
    state = np.random.SeedSequence([seed, zlib.crc32(claim.id.encode()), stream])
    if isinstance(claim, MeasuredClaim) and claim.recorded:
        seeds = np.random.default_rng(state).permutation(claim.recorded)[: 2 * count]
    else:
        seeds = state.generate_state(2 * count, np.uint32)
    return tuple(int(s) for s in seeds[:count]), tuple(int(s) for s in seeds[count:])


def look(runs: Runs, seeds: tuple[int, ...], more: tuple[int, ...] = ()) -> tuple[Decision, tuple[int, ...]]:
    """Run and test; where the runs do not decide, run the seeds of `more` too and test all of them together.

    Each of the two looks is tested at half the level, so that both together keep it.
    """
    alarm = ALARM / 2 if more else ALARM
    outcomes = runs(seeds)
    decision = decide(outcomes, alarm)
    if decision.truth or not more:
        return decision, seeds
    added = runs(more)
    return decide({k: np.concatenate([x, added[k]]) for k, x in outcomes.items()}, alarm), seeds + more


def measure(
    measurement: Measurement, seeds: tuple[int, ...], more: tuple[int, ...] = ()
) -> tuple[Decision, Evidence]:
    """Run the protocol and test the statement; `more` are the seeds of a second look."""
    decision, seeds = look(measurement.runs, seeds, more)
    low, high = interval(decision.margins)
    evidence = Evidence("measured", instances=len(seeds), met=len(seeds))
    evidence.coverage.update({name: len(seeds) for name in decision.parts if name})
    evidence.protocol, evidence.seeds = measurement.protocol, list(seeds)
    evidence.error_rate = float(f"{decision.error_rate:.3g}")
    evidence.interval = [float(f"{low:.4g}"), float(f"{high:.4g}")]
    evidence.effect = {
        "what": measurement.effect,
        "part": decision.part,
        "median": float(f"{np.median(decision.margins):.4g}"),
        "true_runs": int((decision.margins > 0).sum()),
    }
    return decision, evidence


def neighbour(
    measurement: Measurement, name: str, seeds: tuple[int, ...], more: tuple[int, ...] = ()
) -> dict[str, Any]:
    """One wrong statement or protocol: whether the same test rejects it."""
    decision, _ = look(partial(measurement.runs, **measurement.neighbours[name]), seeds, more)
    return {
        "name": name,
        "refuted": decision.truth < 0,
        "near": decision.true_share > 0.5,
        "true_share": round(decision.true_share, 3),
        "deviation": 1e6,
    }
