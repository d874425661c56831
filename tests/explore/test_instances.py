"""Instances of statements: the counterexample, the line away from it, and what is typed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from didlab import claims
from didlab.engine.certificate import replay
from didlab.engine.instances import decide, draw, evaluate
from didlab.engine.lifts import EXACT, FLOAT, rational
from didlab.engine.relations import both, either, equal, forall, greater, residual, truth
from didlab.errors import ArgumentError
from didlab.explore import instances, walk
from didlab.explore.claims import State, view
from didlab.explore.instances import edits, line, own

from .states import ALL, BROKEN, MOVED, moved

TEMPERING = "did.claim-4.1.reinforcing.tempering"


@pytest.mark.parametrize("id", BROKEN)
def test_a_counterexample_is_re_checked_and_the_line_starts_at_it(id: str) -> None:
    claim, certificate = ALL[id], claims.stored(id)
    assert certificate is not None
    found = replay(claim, certificate)
    near = walk.start(claim, certificate)
    assert near is not None
    again = decide(claim.printed, near)
    assert (again.truth, again.level, again.undefined) == (-1, found.decision.level, found.decision.undefined)
    assert "Re-checked from the stored certificate" in instances.shown(State(id=id))
    shown = view(State(id=id)).measures
    assert shown[walk.DECIDED] == -1 and walk.OUTSIDE not in shown


@given(moved)
@settings(max_examples=60)
def test_the_curve_says_what_the_engine_decides(state: State) -> None:
    """Floats may call an equation true that rounding hides; on every other point the curve and the engine agree."""
    claim, found = ALL[state.id], line(state)
    assert found is not None
    i = round(100 * state.t)
    raw = walk.between(found.near, found.far, state.t)
    decision = decide(claim.printed, raw)
    shown = view(state).measures[walk.DECIDED]
    assert shown == decision.truth
    equations = decision.relation is not None and walk.conclusion(decision.relation).only_equations
    if found.curve.met[i] and decision.truth and not (equations and found.curve.true[i]):
        assert (found.curve.said[i] == walk.FALSE) == (decision.truth < 0)


def test_the_sign_changes_at_one_half() -> None:
    """The reinforcing half of Claim 4.1 turns true where 1/τ passes 2, whatever is walked from and to."""
    claim = ALL[TEMPERING]
    near = walk.read(claim.printed, walk.start(claim, claims.stored(TEMPERING)) or {}, {"powers": "3/2, 1"})
    far = near | {"powers": walk.numbers("3, 1")}
    found = walk.curve(claim.printed, near, far, np.linspace(0, 1, 301))
    assert found.met.all()
    exact = [Fraction(3, 2) * (1 + Fraction(str(t))) > 2 for t in found.t]
    np.testing.assert_array_equal(found.true, exact)


def test_the_line_between_policies_is_their_mixture() -> None:
    id = "did.claim-4.1.converse"
    found = line(State(id=id, seed=2))
    assert found is not None

    def policy(raw: dict[str, np.ndarray]) -> np.ndarray:
        w = raw["policy"]
        return np.array([v / sum(w) for v in w])

    half = policy(walk.between(found.near, found.far, 0.25))
    assert list(half) == list(Fraction(3, 4) * policy(found.near) + Fraction(1, 4) * policy(found.far))


def test_the_line_between_numbers_is_straight() -> None:
    id = next(i for i in MOVED if "beta" in (claims.stored(i) or {})["instance"] and "lam_w" in (
        claims.stored(i) or {})["instance"])
    found = line(State(id=id, seed=1))
    assert found is not None

    def beta(t: float) -> Fraction:
        a, b = walk.between(found.near, found.far, t)["beta"]
        return a / b

    assert beta(0.5) == (beta(0.0) + beta(1.0)) / 2


def test_uniform_weights_are_an_end_of_the_line() -> None:
    found = line(State(id="did.claim-4.1.converse", to="uniform"))
    assert found is not None
    assert all(len(set(found.far[n])) == 1 for n in ("policy", "reference"))
    with pytest.raises(ArgumentError, match="speaks of no uniform policy"):
        view(State(id="gip.eq-5", to="uniform"))


def test_what_is_typed_as_it_was_is_no_edit() -> None:
    before = walk.written(walk.start(ALL[TEMPERING], claims.stored(TEMPERING)) or {})
    assert own(TEMPERING, before) == ""
    assert edits(own(TEMPERING, before | {"base": "1/4, 3/4"})) == {"base": "1/4, 3/4"}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("base", "`edit` must be like `policy: 1/4, 3/4"),
        ("based: 1, 2", "`edit` must be about one of base, powers; got 'based'"),
        ("base: 1, two", "`base` must be 2 numbers"),
        ("base: 1, 1/0", "`base` must be 2 numbers"),
        ("base: 1, 2, 3", "`base` must be 2 numbers"),
        ("base: 1, nan", "`base` must be 2 numbers"),
        ("base: 0, 1", "`base` must be numbers above 0"),
        ("base: -1, 2", "`base` must be numbers above 0"),
        ("base: 1, 1e99", "`base` must be 2 numbers"),
        ("powers: 1, 2", "`powers` must be numbers of at least 0"),
        ("base: 1, 2 | powers: 1, 2", "`edit` must be an instance that the statement is about"),
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(edit: str, message: str) -> None:
    for shown in (view, instances.shown):
        with pytest.raises(ArgumentError) as e:
            shown(State(id=TEMPERING, edit=edit))
        assert str(e.value).startswith(message)


@pytest.mark.parametrize("edit", ["chosen: 0, 1/2", "chosen: 7, 7", "chosen: 0, 0 | rejected: 0, 0"])
def test_tokens_stay_whole_and_in_the_vocabulary(edit: str) -> None:
    with pytest.raises(ArgumentError, match=r"^`(chosen|edit)` must be"):
        view(State(id="gip.thm-3.suffix.own-logits", edit=edit))


def test_exact_numbers_are_lifted_from_fractions_and_integers() -> None:
    assert rational(Fraction(3, 4)) * 4 == rational(np.int64(3)) == rational(3)
    claim = ALL["did.claim-4.1.converse"]
    raw = draw(claim.printed.draws, np.random.default_rng(0), 8, {"K": 3})
    for i in range(len(raw)):
        one = raw.one(i)
        shares = {n: np.array([Fraction(int(v), int(x.sum())) for v in x], dtype=object) for n, x in one.items()}
        assert decide(claim.printed, one).truth == decide(claim.printed, shares).truth
        a, b = (evaluate(claim.printed, r, EXACT) for r in (one, shares))
        assert all(np.all(x.left == y.left) for x, y in zip(a.leaves(), b.leaves(), strict=True))


def test_a_residual_has_the_sign_of_the_truth() -> None:
    r = both(greater([[2.0], [1.0]], [[1.0], [2.0]]), equal([[1.0], [1.0]], [[1.0], [3.0]]))
    assert residual(r, True).tolist() == [0.0, -2.0]
    assert residual(either(greater([[2.0]], [[1.0]]), greater([[0.0]], [[9.0]])), True).tolist() == [1.0]
    claim = ALL[TEMPERING]
    batch = draw(claim.printed.draws, np.random.default_rng(1), 200, {"K": 3})
    claimed = walk.conclusion(evaluate(claim.printed, batch.raw, FLOAT))
    sign = truth(claimed, True)
    size = residual(claimed, True)
    strict = np.where(size == 0, -1, np.sign(size))  # equal entropies are not below each other
    np.testing.assert_array_equal(strict[sign != 0], sign[sign != 0])
    assert truth(forall(claimed), True).shape == (len(batch),)
