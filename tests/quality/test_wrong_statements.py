"""Every wrong statement is refuted by what judges the right one next to it."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from didlab.claims import load
from didlab.engine.claim import Statement
from didlab.engine.evidence import confirm
from didlab.engine.search import Effort, hunt

from . import (  # noqa: F401
    wrong_channels,
    wrong_did,
    wrong_did_entropy,
    wrong_did_steps,
    wrong_gradients,
    wrong_information,
    wrong_steps,
    wrong_tokens,
)
from .wrong import WRONG


@cache
def claims():
    return {c.id: c for c in load()}


@pytest.mark.parametrize(("id", "what", "check"), WRONG, ids=lambda x: x if isinstance(x, str) else "")
def test_a_wrong_statement_is_refuted(id, what, check):
    right = claims()[id]
    statement = Statement(what, check, (right.amended or right.printed).draws, symbolic=())
    assert any(refuted(statement, Effort.named(name)) for name in ("quick", "standard")), what


def refuted(statement, effort):
    rng = np.random.default_rng(20)
    hunted = hunt(statement, rng, effort, simplify=False).found
    return hunted is not None or confirm(statement, rng, effort)[1] is not None


def test_the_wrong_statements_are_spread_over_the_papers():
    papers = Counter(id.split(".")[0] for id, _, _ in WRONG)
    assert papers["did"] >= 90
    assert papers["gip"] >= 45
    assert papers["mi"] >= 35
