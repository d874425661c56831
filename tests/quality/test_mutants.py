"""The power of the search: mechanically mutated true statements must be refuted, unless they are true."""

from __future__ import annotations

import numpy as np
import pytest

from didlab.engine.claim import Statement
from didlab.engine.evidence import confirm
from didlab.engine.search import Effort, hunt
from didlab.errors import DidlabError

from .mutants import mutants
from .true_mutants import TRUE_MUTANTS
from .truths import TRUTHS

QUICK, STANDARD = Effort.named("quick"), Effort.named("standard")
HARMLESS = {m for group in TRUE_MUTANTS.values() for m in group}


def survives(check, draws) -> bool:
    statement = Statement("", check, draws, symbolic=())
    rng = np.random.default_rng(20)
    if hunt(statement, rng, QUICK).found is not None:
        return False
    return hunt(statement, rng, STANDARD).found is None and confirm(statement, rng, STANDARD)[1] is None


@pytest.mark.parametrize(("check", "draws"), TRUTHS, ids=lambda x: getattr(x, "__name__", None))
def test_the_statements_themselves_survive(check, draws):
    assert survives(check, draws)


def test_mutants_are_refuted(record_property, capsys):
    refuted, missed, harmless, stillborn = 0, [], 0, 0
    for check, draws in TRUTHS:
        for description, mutant in mutants(check):
            try:
                alive = survives(mutant, draws)
            except (DidlabError, TypeError):
                stillborn += 1  # the mutant is not a statement: it leaves the domain of a function
                continue
            if not alive:
                assert description not in HARMLESS, f"refuted, so not true: {description}"
                refuted += 1
            elif description in HARMLESS:
                harmless += 1
            else:
                missed.append(description)
    share = len(missed) / (refuted + len(missed))
    with capsys.disabled():
        print(
            f"\nmutants: {refuted} refuted, {len(missed)} missed ({share:.1%}), "
            f"{harmless} true, {stillborn} not statements"
        )
    record_property("missed_share", share)
    assert refuted >= 100
    assert share < 0.02, missed
