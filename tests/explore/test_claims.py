"""Claims: every statement opens, and what is shown of its instance is what the engine decides of it."""

from __future__ import annotations

from fractions import Fraction
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from didlab import claims
from didlab.engine.certificate import replay
from didlab.engine.instances import decide, draw, evaluate
from didlab.engine.lifts import EXACT, FLOAT, rational
from didlab.engine.measured import MeasuredClaim
from didlab.engine.relations import both, either, equal, forall, greater, residual, truth
from didlab.errors import ArgumentError
from didlab.explore import instances, objectives, policies, statements, tokens, walk
from didlab.explore.claims import State, view
from didlab.explore.elsewhere import elsewhere
from didlab.explore.instances import edits, line, own
from didlab.explore.state import parse
from didlab.explore.statements import judged, listed, listing
from didlab.sequences import log_probability

from .reading import printed
from .states import ALL, BROKEN, MOVED, filters, moved

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


@given(st.lists(st.integers(1, 9), min_size=2, max_size=2), st.integers(101, 400))
def test_the_residual_is_the_difference_of_entropies(base: list[int], percent: int) -> None:
    edit = f"base: {base[0]}, {base[1]} | powers: {percent / 100}, 1"
    p, s = np.array(base) / sum(base), percent / 100
    q = p**s / p / (p**s / p).sum()
    shown = view(State(id=TEMPERING, edit=edit)).measures
    # Two outcomes: a handful of rounded terms below 1, and powers whose logarithms are below 9 (9 eps relative error).
    assert abs(shown["residual of the conclusion"] - (entropy(p) - entropy(q))) < 64 * np.finfo(float).eps
    met = base[0] != base[1]
    assert shown["hypotheses (1 true, -1 false, 0 open)"] == (1 if met else -1)
    assert shown[walk.DECIDED] == (1 if percent > 200 or not met else -1)


@given(moved)
@settings(max_examples=20)
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


@given(filters)
def test_the_python_of_the_list_counts_it(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures
    assert sum(shown.measures.values()) == len(shown.columns["id"]) == listing(state).count("<li>")


def test_every_statement_is_listed_with_its_recorded_verdict() -> None:
    everything = {e["id"]: e["verdict"] for e in listed(State())}
    assert set(everything) == set(ALL) | {e["id"] for e in claims.catalogue()}
    assert {id: v for id, v in everything.items() if id in claims.recorded()} == claims.recorded()


def test_every_statement_opens() -> None:
    for e in listed(State()):
        state = State(id=e["id"])
        html = statements.statement(state)
        assert e["verdict"] in html and e["id"] in html
        shown = view(state)
        assert bool(shown.pictures or shown.measures) != (
            e["id"] not in ALL or isinstance(ALL[e["id"]], MeasuredClaim)
        ) and (bool(shown.notes) != bool(shown.pictures and shown.pictures[0].name == "walk"))


def test_the_sign_changes_at_one_half() -> None:
    """The reinforcing half of Claim 4.1 turns true where 1/τ passes 2, whatever is walked from and to."""
    claim = ALL[TEMPERING]
    near = walk.read(claim.printed, walk.start(claim, claims.stored(TEMPERING)) or {}, {"powers": "3/2, 1"})
    far = near | {"powers": walk.numbers("3, 1")}
    found = walk.curve(claim.printed, near, far, np.linspace(0, 1, 301))
    assert found.met.all()
    exact = [Fraction(3, 2) * (1 + Fraction(str(t))) > 2 for t in found.t]
    np.testing.assert_array_equal(found.true, exact)


def test_the_hypotheses_that_fail_on_the_way_are_marked() -> None:
    shown = view(State(id="did.thm-3.5.order-implies-power-law"))
    said = list(shown.columns["statement"])
    assert {"false", "without a say"} <= set(said)
    assert "hypotheses fail" in shown.pictures[0].svg and "without its hypotheses" in shown.pictures[0].title


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


def test_typed_numbers_are_decided_exactly() -> None:
    state = State(id=TEMPERING, edit="base: 0.25, 0.75 | powers: 3, 1")
    assert view(state).measures[walk.DECIDED] == 1
    state = State(id=TEMPERING, edit="powers: 2, 1")  # the boundary: the two entropies are equal, exactly
    assert view(state).measures[walk.DECIDED] == -1
    state = State(id=TEMPERING, edit="powers: 2.000001, 1")
    assert view(state).measures[walk.DECIDED] == 1


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


@pytest.mark.parametrize(
    "typed",
    [
        {"id": "did.thm-9.9"}, {"id": "x" * 500}, {"paper": "other"}, {"verdict": "right"}, {"to": "home"}, {"t": "2"},
        {"t": "-0.1"}, {"t": "half"}, {"seed": "-1"}, {"seed": "1.5"}, {"nothing": "1"},
    ],
)  # fmt: skip
def test_a_wrong_link_is_said_and_the_rest_of_it_kept(typed: dict[str, str]) -> None:
    state, problems = parse(State, {"words": "entropy", **typed})
    assert state == State(words="entropy") and len(problems) == 1 and f"`{next(iter(typed))}`" in problems[0]


def test_an_id_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(ArgumentError, match=r"Did you mean did\.thm-3\.2\?"):
        State(id="did.thm-32")


def test_statements_without_numbers_say_so() -> None:
    runs = next(id for id, c in ALL.items() if isinstance(c, MeasuredClaim))
    assert "training runs" in view(State(id=runs)).notes[0]
    models = next(e["id"] for e in claims.catalogue() if e["verdict"] == "needs-model")
    assert "language models" in view(State(id=models)).notes[0]
    whole = "gip.sec-4.token-vs-sentence"
    assert "whole things" in view(State(id=whole)).notes[0] and line(State(id=whole)) is None


def test_the_neighbours_in_the_list_are_linked() -> None:
    ids = [e["id"] for e in listed(State(words="claim-4.1"))]
    html = statements.around(State(id=ids[1], words="claim-4.1", t=0.5))
    hrefs = [h.split('"')[0].replace("&amp;", "&") for h in html.split('href="')[1:]]
    states = [parse(State, dict(parse_qsl(urlsplit(h).query)))[0] for h in hrefs]
    assert states == [State(words="claim-4.1", id=i) for i in ("", ids[0], ids[2])]


def test_objects_open_only_where_they_fit() -> None:
    seen = dict.fromkeys(("/policies/", "/objectives/", "/tokens/"), 0)
    kinds = {"/policies/": policies.State, "/objectives/": objectives.State, "/tokens/": tokens.State}
    for id in BROKEN:
        now = instances.here(State(id=id))
        assert now is not None
        for _, href in elsewhere(id, now.described["objects"]):
            place = urlsplit(href)
            state, wrong = parse(kinds[place.path], dict(parse_qsl(place.query)))
            assert not wrong
            seen[place.path] += 1
            objects = now.described["objects"]
            if isinstance(state, policies.State | objectives.State):
                name = "policy" if "policy" in objects else "target"
                assert state.policy == tuple(map(Fraction, objects[name]["values"]))
            else:
                assert [len(x) for x in state.tokens()] == [len(objects[n]["values"]) for n in ("chosen", "rejected")]
    assert all(seen.values())


def test_a_uniform_model_of_the_tokens_page_is_the_counterexample() -> None:
    id = "gip.thm-3.suffix.shared-logits"
    now = instances.here(State(id=id))
    assert now is not None
    href = next(h for w, h in elsewhere(id, now.described["objects"]) if w == "Open in Tokens")
    state, _ = parse(tokens.State, dict(parse_qsl(urlsplit(href).query)))
    model = state.token_model()
    for y in state.tokens():  # a row for each token, uniform: sums of a few equal logarithms
        np.testing.assert_allclose(
            float(log_probability(model, np.asarray(y))), -len(y) * np.log(len(state.vocabulary)), rtol=1e-14
        )


def test_judging_shows_the_evidence() -> None:
    html, n = judged("did.thm-3.2"), len(ALL["did.thm-3.2"].printed.neighbours)
    assert "holds" in html and "Evidence: symbolic" in html and f"False neighbours: {n} of {n} refuted" in html
    html = judged(TEMPERING)
    assert "conditional" in html and "Evidence under the assumption" in html and "Minimality" in html


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
