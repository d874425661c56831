"""From a claim to its verdict: attack the printed statement, then whatever should stand in its place."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DidlabError
from .certificate import certificate, describe, replay
from .claim import Claim, Statement
from .evidence import Evidence, confirm, prove
from .instances import Undefined, apart, draw, evaluate, hypothesis_met, scan, shapes
from .kinds import instance_fields
from .lifts import FLOAT
from .measured import MeasuredClaim, measure, neighbour, seeds_of
from .relations import truth
from .search import Effort, Found, Hunt, cost, exhaust, hunt, shrink

__all__ = ["Judgement", "judge"]

SLIVER = 0.05
EAGER = 150  # generations of the optimiser for a false neighbour that the usual effort did not refute
ENOUGH = 0.5


@dataclass(repr=False)
class Judgement:
    """The verdict on a claim and everything that supports it; `didlab.report.text` writes it out.

    Attributes:
        claim: what was judged.
        verdict: holds, conditional, refuted, undecided, vacuous or error.
        why: what stands in the way of a verdict; empty otherwise.
        evidence, amended: for the printed statement, and for the one that stands in its place.
        found: the counterexample; `described` has it in exact fractions, `certificate` as a file would.
        found_again: this run found one by itself.
        minimality: whether there is a smaller one.
        share: of ordinary instances that meet the assumption.
        neighbours: false neighbours, each with what became of it.
    """

    claim: Claim
    verdict: str
    why: str = ""
    evidence: Evidence | None = None
    amended: Evidence | None = None
    found: Found | None = None
    found_again: bool = False
    minimality: str = ""
    share: float | None = None
    neighbours: list[dict[str, Any]] = field(default_factory=list)

    def __repr__(self) -> str:
        said = [self.verdict, self.why] if self.why else [self.verdict]
        if described := self.described:
            objects = ", ".join(f"{name} = {_short(x['values'])}" for name, x in described["objects"].items())
            said.append(f"counterexample {objects}")
        return f"<Judgement {self.claim.id}: {'; '.join(said)}>"

    @property
    def described(self) -> dict[str, Any] | None:
        """The objects of the counterexample in exact fractions, and the comparisons that it decides."""
        return describe(self.claim.printed, self.found) if self.found else None

    @property
    def certificate(self) -> dict[str, Any] | None:
        """The counterexample as a file keeps it."""
        return certificate(self.claim, self.found) if self.found else None


def _short(values: list[Any]) -> str:
    rows = [_short(v) if isinstance(v, list) else str(v) for v in values]
    return rows[0] if len(rows) == 1 else f"({', '.join(rows)})"


def judge(
    claim: Claim, *, seed: int = 0, effort: str = "standard", stored: Mapping[str, Any] | None = None
) -> Judgement:
    """Judge one claim.

    Args:
        claim: what to judge.
        seed: every random choice follows from it and the claim's id.
        effort: "quick", "standard" or "deep".
        stored: a certificate found earlier; replayed first, so that the verdict does not depend on luck.

    Returns:
        the judgement; a failure of the check itself is a verdict "error", not an exception.

    >>> from didlab.claims import load
    >>> judge(next(c for c in load("did") if c.id == "did.thm-3.2"), effort="quick").verdict
    'holds'
    """
    rng = np.random.default_rng([seed, zlib.crc32(claim.id.encode())])
    try:
        if isinstance(claim, MeasuredClaim):
            return _measured(claim, seed, effort)
        return _judge(claim, rng, Effort.named(effort), stored)
    except (DidlabError, ArithmeticError, ValueError, TypeError, IndexError, KeyError, AttributeError) as e:
        return Judgement(claim, "error", reason(claim, e))


def reason(claim: Claim, e: Exception) -> str:
    """What an exception says and, unless didlab raised it on purpose, its kind; with the line of the check's file."""
    file = getattr(getattr(claim.printed.check, "__code__", None), "co_filename", None)
    frames = traceback.extract_tb((e.__cause__ or e).__traceback__)
    lines = [f.lineno for f in frames if f.filename == file]
    where = f" ({Path(file).name}:{lines[-1]})" if file and lines else ""
    return f"{e}{where}" if isinstance(e, DidlabError) else f"{type(e).__name__}: {e}{where}"


def _measured(claim: MeasuredClaim, seed: int, effort: str) -> Judgement:
    """The verdict of independent runs; it refutes statements about runs only, and leaves no certificate."""
    more = 2 if effort == "deep" else 1
    printed, amended = claim.measurement, claim.amendment
    assert printed is not None
    seeds, again = seeds_of(claim, seed, 0, more * printed.count)
    decision, evidence = measure(printed, seeds, again)
    result, standing = Judgement(claim, "holds", evidence=evidence), printed
    if decision.truth == 0:
        result.verdict = "undecided"
        rate, part = f"{decision.error_rate:.2g}", decision.part or "the statement"
        result.why = f"the runs do not decide: error rate {rate} ({part})"
        return result
    if decision.truth < 0:
        if amended is None:
            result.verdict, result.why = "undecided", "measured to be false as printed; no amended statement is given"
            return result
        (seeds, again), standing = seeds_of(claim, seed, 1, more * amended.count), amended
        decision, result.amended = measure(amended, seeds, again)
        result.verdict = "conditional" if claim.assumption is not None else "refuted"
        if decision.truth <= 0:
            result.verdict = "undecided"
            result.why = f"the amended statement is not measured to be true ({decision.part or 'the statement'})"
            return result
    result.neighbours = [neighbour(standing, name, seeds, again) for name in standing.neighbours]
    missed = [n["name"] for n in result.neighbours if not n["refuted"]]
    if missed:
        result.verdict, result.why = "undecided", f"false neighbours not refuted: {', '.join(missed)}"
    return result


def _judge(claim: Claim, rng: np.random.Generator, effort: Effort, stored: Mapping[str, Any] | None) -> Judgement:
    for statement in (claim.printed, claim.amended):
        if statement is not None:
            apart(statement)
    kept: Found | None = None
    if stored is not None:
        kept = replay(claim, stored)
    search = hunt(claim.printed, rng, effort)
    found, evidence = search.found, None
    if found is None:
        evidence, found = _support(claim.printed, rng, effort)
        if found is not None:
            found = shrink(claim.printed, found)
    again = found is not None
    fields = instance_fields(claim.printed.draws)
    if kept is not None and (found is None or cost(fields, kept.instance) <= cost(fields, found.instance)):
        found = kept
    if found is None:
        return _unbroken(claim, rng, effort, search, evidence)
    result = Judgement(claim, "refuted", found=found, found_again=again)
    found, result.minimality = _minimal(claim.printed, found, effort)
    result.found = found
    amended = claim.amended
    if amended is None:
        result.verdict, result.why = "undecided", "violated as printed, and no amended statement is given"
        return result
    hunted = hunt(amended, rng, effort, simplify=False)
    if hunted.found is not None:
        result.verdict = "undecided"
        result.why = f"the amended statement is violated too: {describe(amended, hunted.found)['objects']}"
        return result
    result.amended, broken = _support(amended, rng, effort)
    if broken is not None:
        result.verdict = "undecided"
        result.why = f"the amended statement is violated too: {describe(amended, broken)['objects']}"
        return result
    _merge(result.amended, hunted)
    if claim.assumption is not None:
        result.verdict = "conditional"
        result.share = _share(claim, rng)
        if result.share < SLIVER and not claim.assumption.own_setting:
            result.verdict, result.why = (
                "undecided",
                f"the assumption leaves a share of {result.share:.3f} of ordinary instances",
            )
            return result
    return _checked(result, amended, result.amended, rng, effort)


def _unbroken(
    claim: Claim, rng: np.random.Generator, effort: Effort, search: Hunt, evidence: Evidence | None
) -> Judgement:
    assert evidence is not None
    _merge(evidence, search)
    result = Judgement(claim, "holds", evidence=evidence)
    return _checked(result, claim.printed, evidence, rng, effort)


def _checked(
    result: Judgement, statement: Statement, evidence: Evidence, rng: np.random.Generator, effort: Effort
) -> Judgement:
    if evidence.undecided:
        result.verdict = "undecided"
        result.why = f"{evidence.undecided} instances are not decided at the highest precision"
    elif evidence.met == 0:
        result.verdict, result.why = "vacuous", "no instance met the hypotheses"
    elif evidence.met < ENOUGH * evidence.instances:
        result.verdict = "vacuous"
        result.why = (
            f"only {evidence.met} of {evidence.instances} instances met the hypotheses: draw them by construction"
        )
    result.neighbours = [_neighbour(statement, name, rng, effort) for name in statement.neighbours]
    missed = [n["name"] for n in result.neighbours if not n["refuted"]]
    if missed and result.verdict in ("holds", "conditional", "refuted"):
        result.verdict, result.why = "undecided", f"false neighbours not refuted: {', '.join(missed)}"
    return result


def _support(statement: Statement, rng: np.random.Generator, effort: Effort) -> tuple[Evidence, Found | None]:
    evidence, found = confirm(statement, rng, effort)
    if found is None and statement.symbolic:
        evidence.sizes = prove(statement)
        if evidence.sizes:
            evidence.level = "symbolic"
    return evidence, found


def _merge(evidence: Evidence, search: Hunt) -> None:
    evidence.worst_residual = "0" if evidence.level in ("symbolic", "exact") else evidence.worst_residual
    evidence.coverage.update(search.coverage)


def _share(claim: Claim, rng: np.random.Generator) -> float:
    """The share of ordinary instances of three or more outcomes that satisfy the assumption."""
    assert claim.assumption is not None
    test = Statement("", claim.assumption.predicate, claim.printed.draws)
    met = tried = 0
    for shape in shapes(claim.printed.draws, 4):
        batch = draw(claim.printed.draws, rng, 256, shape, plain=True)
        if not len(batch):
            continue
        value = np.broadcast_to(truth(evaluate(test, batch.raw, FLOAT), True), (len(batch),))
        met, tried = met + int((value >= 0).sum()), tried + len(batch)
    return met / max(tried, 1)


def _minimal(statement: Statement, found: Found, effort: Effort) -> tuple[Found, str]:
    """Whether smaller shapes hold a violation, by trying all of their small instances."""
    here = {
        a: found.instance[f.name].shape[i]
        for f in instance_fields(statement.draws).values()
        for i, a in enumerate(f.axes)
        if isinstance(a, str)
    }
    tried, bounds, settled = 0, [], True
    for shape in shapes(statement.draws, effort.largest):
        if shape == here or any(shape[a] > here[a] for a in here):
            continue
        all_of = exhaust(statement, shape, effort.exhaust)
        if all_of.found is not None:
            return shrink(statement, all_of.found), "a smaller one was found by exhaustion"
        tried, settled = tried + all_of.tried, settled and all_of.settled
        if all_of.tried:
            bounds.append(f"{', '.join(f'{k}={v}' for k, v in shape.items())}: integers up to {all_of.bound}")
    if not bounds:
        at_floor = all(
            here[a] == min(v for s in shapes(statement.draws, effort.largest) for b, v in s.items() if b == a)
            for a in here
        )
        return found, "no smaller size exists" if at_floor else ""
    how = "no smaller one among all" if settled else "no smaller one found, not every doubtful case decided, among"
    return found, f"{how} {tried} instances ({'; '.join(bounds)})"


def _neighbour(statement: Statement, name: str, rng: np.random.Generator, effort: Effort) -> dict[str, Any]:
    false = statement.neighbour(name)
    found, standard = None, Effort.named("standard")
    for level in dict.fromkeys([effort, standard, replace(standard, optimise=EAGER)]):
        found = hunt(false, rng, level, certify=16, simplify=False).found or confirm(false, rng, level)[1]
        if found is not None:
            break
    deviation, true_share = _closeness(false, rng)
    return {
        "name": name,
        "refuted": found is not None,
        "near": bool(true_share > 0.5 or deviation < 0.05),
        "true_share": round(true_share, 3),
        "deviation": round(min(deviation, 1e6), 4),
    }


def _closeness(statement: Statement, rng: np.random.Generator) -> tuple[float, float]:
    """How close a false statement is to true on ordinary instances: median relative gap, share where it is true."""
    gaps, true, tried = [], 0, 0
    for shape in shapes(statement.draws, 4):
        batch = draw(statement.draws, rng, 128, shape, plain=True)
        if not len(batch):
            continue
        try:
            value, _, relation = scan(statement, batch)
        except Undefined:
            continue
        met_here = hypothesis_met(relation, len(batch))
        true, tried = true + int(((value >= 0) & met_here).sum()), tried + int(met_here.sum())
        core = relation.parts[1] if relation.kind == "implies" else relation
        if core.identity:
            gaps.append(np.max([_gap(leaf.left, leaf.right, len(batch)) for leaf in core.leaves()], axis=0))
    deviation = float(np.median(np.concatenate(gaps))) if gaps else float("inf")
    return deviation, true / max(tried, 1)


def _gap(left: object, right: object, n: int) -> np.ndarray:
    """The largest relative difference within each instance."""
    a, b = np.broadcast_arrays(np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64))
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)))
    return np.broadcast_to(gap.reshape(gap.shape[0], -1).max(-1), (n,))
