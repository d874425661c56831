"""The engine on statements whose truth is known: what it must say, and what it must refuse to say."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from flint import arb

from didlab import entropy, kl_divergence
from didlab.carriers import carrier_of
from didlab.claims import load, stored
from didlab.claims.canaries import canaries
from didlab.did import did_entropy
from didlab.engine.certificate import certificate, replay, write_text
from didlab.engine.certificate import load as load_certificate
from didlab.engine.claim import Statement, claim
from didlab.engine.evidence import confirm, prove
from didlab.engine.instances import decide, draw, shapes
from didlab.engine.judge import judge
from didlab.engine.kinds import Numbers, Policies, Tempered
from didlab.engine.relations import (
    Relation,
    at_least,
    both,
    either,
    equal,
    exists,
    forall,
    greater,
    iff,
    implies,
    negation,
    truth,
    within_balls,
)
from didlab.engine.search import Effort, exhaust, hunt
from didlab.errors import CertificateError, FileError

TWO = (Policies("p", "q"),)


def declared(check, draws=TWO, **options):
    return claim("test.statement", where="here", title="t", statement="s", draws=draws, **options)(check)


@pytest.mark.parametrize("canary", canaries(), ids=lambda c: c.id)
@pytest.mark.parametrize("seed", range(3))
def test_canaries_are_refuted(canary, seed):
    found = hunt(canary.printed, np.random.default_rng(seed), Effort.named("quick")).found
    assert found is not None
    assert decide(canary.printed, found.instance).truth < 0


def test_there_are_a_dozen_canaries():
    assert len(canaries()) >= 12


def objects(*values):
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (greater(objects(2), objects(1)), 1),
        (greater(objects(1), objects(1)), -1),
        (at_least(objects(1), objects(1)), 1),
        (equal(objects(1, 2), objects(1, 3)), -1),
        (greater(objects(arb(0, 1)), objects(0)), 0),
        (equal(objects(arb(0, 1)), objects(0)), 0),
        (equal(objects(arb(3, 1)), objects(0)), -1),
        (both(greater(objects(1), objects(0)), greater(objects(arb(0, 1)), objects(0))), 0),
        (either(greater(objects(1), objects(0)), greater(objects(arb(0, 1)), objects(0))), 1),
        (negation(equal(objects(arb(0, 1)), objects(0))), 0),
        (implies(greater(objects(0), objects(1)), greater(objects(arb(0, 1)), objects(0))), 1),
        (iff(greater(objects(2), objects(1)), at_least(objects(1), objects(2))), -1),
        (forall(greater(objects(1, -1), objects(0, 0))), -1),
        (exists(greater(objects(1, -1), objects(0, 0))), 1),
        (implies(forall(greater(objects(1, -1), objects(0, 0))), equal(objects(1), objects(2))), 1),
    ],
)
def test_three_valued_truth(relation: Relation, expected: int):
    assert truth(relation, False) == expected


def test_a_strict_inequality_that_only_touches_is_not_confirmed():
    """sqrt(2)^2 > 2 leaves the exact numbers, so only balls speak: they must not call it true."""

    def touching(p):
        log_p = p[..., :1] * p[..., :1] / p[..., :1]
        return greater(log_p, p[..., :1])

    j = judge(declared(touching, (Policies("p"),)), effort="quick")
    assert j.verdict in ("undecided", "refuted")


def test_a_false_statement_without_amendment_is_undecided():
    assert (
        judge(declared(lambda p, q: equal(kl_divergence(p, q), kl_divergence(q, p))), effort="quick").verdict
        == "undecided"
    )


def test_a_wrong_correction_is_found_out():
    c = declared(lambda p, q: greater(kl_divergence(p, q), 0))
    c.corrected("KL above a millionth")(lambda p, q: at_least(kl_divergence(p, q) * 10**6, 1))
    j = judge(c, effort="quick")
    assert j.verdict == "undecided"
    assert "amended" in j.why


def test_an_assumption_that_leaves_a_sliver_is_refused():
    c = declared(lambda p, q: equal(kl_divergence(p, q), kl_divergence(q, p)), neighbours={})
    c.assuming("the policies are equal")(lambda p, q: forall(equal(p, q)))
    assert judge(c, effort="quick").verdict in ("undecided", "vacuous")


def test_a_hypothesis_that_is_never_met_is_vacuous():
    c = declared(lambda p, q: implies(greater(0, kl_divergence(p, q)), greater(0, 1 + 0 * entropy(p))))
    assert judge(c, effort="quick").verdict == "vacuous"


def test_a_true_neighbour_stops_the_verdict():
    def gibbs(p, q, *, weaker=False):
        return at_least(kl_divergence(p, q) + (1 if weaker else 0), 0)

    j = judge(declared(gibbs, neighbours={"weaker": {"weaker": True}}), effort="quick")
    assert j.verdict == "undecided"
    assert "weaker" in j.why


def test_an_exception_in_a_check_is_an_error_verdict():
    assert judge(declared(lambda p, q: at_least(p.no_such_thing, 0)), effort="quick").verdict == "error"


def test_a_division_by_zero_is_a_counterexample():
    def ratio(p, q):
        gap = (p - q)[..., :1]
        return equal(gap / gap, 1)

    j = judge(declared(ratio), effort="quick")
    assert j.found is not None
    assert j.found.decision.undefined


def test_symbolic_proof_only_of_identities():
    def proved(check):
        return prove(Statement("", check, TWO))

    assert proved(lambda p, q: equal(kl_divergence(p, q) + entropy(p), -_expected(p, q))) == ["K=2", "K=3", "K=4"]
    assert proved(lambda p, q: equal(kl_divergence(p, q), kl_divergence(q, p))) == []
    assert proved(lambda p, q: at_least(kl_divergence(p, q), 0)) == []


def _expected(p, q):
    from didlab.carriers import carrier_of

    return (carrier_of(p).exp(p) * q).sum(-1)


def test_an_identity_that_fails_at_one_point_in_a_thousand_is_not_confirmed():
    """(w0 - 7 w1) > 0 or < 0, but never 0: false only where the first weight is seven times the second."""

    def rare(p):
        from didlab.carriers import carrier_of

        w = carrier_of(p).exp(p)
        gap = w[..., 0] - 7 * w[..., 1]
        return greater(gap * gap, 0)

    _, found = confirm(Statement("", rare, (Policies("p"),)), np.random.default_rng(0), Effort.named("standard"))
    hunted = hunt(Statement("", rare, (Policies("p"),)), np.random.default_rng(0), Effort.named("standard")).found
    assert found is not None or hunted is not None


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_judgement(seed):
    c = next(c for c in load("did") if c.id == "did.thm-3.4.uniqueness")
    a, b = (judge(c, seed=seed, effort="quick") for _ in range(2))
    assert a.certificate == b.certificate
    assert a.neighbours == b.neighbours
    assert vars(a.amended) == vars(b.amended)


def test_shrinking_keeps_the_smallest_sizes_of_a_kind():
    found = hunt(
        Statement("", lambda p, q: greater(0, entropy(p)), TWO), np.random.default_rng(3), Effort.named("quick")
    ).found
    assert found is not None
    assert {name: x.tolist() for name, x in found.instance.items()} == {"p": [1, 1], "q": [1, 1]}


def test_exhaustion_finds_what_exists_and_only_that():
    weights = Statement("", lambda p: greater(p[..., 0] + 3, p[..., 1]), (Policies("p"),))
    positive = Statement("", lambda p: at_least(entropy(p), 0), (Policies("p"),))
    everything = exhaust(weights, {"K": 2}, 200)
    assert (everything.bound, everything.tried, everything.settled) == (12, 144, True)
    assert everything.found is None  # log 12 < 3
    found = exhaust(Statement("", lambda p: greater(p[..., 0] + 2, p[..., 1]), (Policies("p"),)), {"K": 2}, 200).found
    assert found is not None
    assert found.instance["p"].tolist() == [1, 8]
    assert exhaust(positive, {"K": 2}, 200).found is None


@pytest.mark.parametrize(
    "kinds", [TWO, (Tempered(),), (Numbers("a"), Numbers("b"))], ids=["policies", "tempered", "numbers"]
)
def test_batches_hold_only_valid_instances_and_many_classes(kinds):
    for shape in shapes(kinds):
        batch = draw(kinds, np.random.default_rng(0), 500, shape)
        assert len(batch) > 450
        assert all(k.valid(batch.raw).all() for k in kinds)
        assert len(set(batch.labels)) >= 2


def refuted():
    c = next(c for c in load("did") if c.id == "did.app-f.3.boltzmann")
    return c, stored(c.id)


def test_a_certificate_must_show_what_it_says():
    c, good = refuted()
    assert replay(c, good).decision.truth < 0
    harmless = copy.deepcopy(good)
    harmless["instance"]["exponents"] = [1, 1]
    with pytest.raises(CertificateError, match="does not violate"):
        replay(c, harmless)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(schema="other/1"),
        lambda d: d.update(instance=None),
        lambda d: d["instance"].pop("ratio"),
        lambda d: d["instance"].update(ratio=[1, 0]),
        lambda d: d["instance"].update(ratio=[1.5, 2]),
        lambda d: d["instance"].update(ratio=[[1], [2, 3]]),
        lambda d: d["instance"].update(ratio=[1, 2, 3]),
        lambda d: d["instance"].update(ratio="x"),
        lambda d: d["instance"].update(extra=[1]),
    ],
)
def test_a_damaged_certificate_is_refused(change):
    c, good = refuted()
    bad = copy.deepcopy(good)
    change(bad)
    with pytest.raises(CertificateError):
        replay(c, bad)


def test_certificates_round_trip_through_files(tmp_path):
    import json

    c, good = refuted()
    path = tmp_path / "c.json"
    write_text(path, json.dumps(good))
    assert load_certificate(path) == good
    assert certificate(c, replay(c, good))["instance"] == good["instance"]
    path.write_text("{")
    with pytest.raises(CertificateError):
        load_certificate(path)
    with pytest.raises(FileError):
        load_certificate(tmp_path / "missing.json")


def test_powers_next_to_a_threshold_are_drawn():
    """H(DID) <= H(reference) for sharpness above 2 only: between 5/3 and 2 there must be something to refute it."""

    def above(policy, reference, sharpness):
        return implies(greater(3 * sharpness[..., 0], 5), at_least(entropy(reference), did_entropy(policy, reference)))

    found = hunt(Statement("", above, (Tempered(),)), np.random.default_rng(0), Effort.named("quick")).found
    assert found is not None
    assert found.instance["powers"].tolist() == [7, 4]
    assert sorted(found.instance["base"].tolist()) == [1, 2]


def test_an_unresolved_strict_hypothesis_decides_nothing():
    near = arb(0, 1e-40)
    assert within_balls(implies(greater(near, 0), greater(1, 2))) == 0
    assert within_balls(implies(greater(near, 0), greater(2, 1))) == 1
    assert within_balls(iff(greater(1, 2), greater(near, 0))) == 0
    assert within_balls(negation(equal(near, 0))) == 0
    assert within_balls(both(at_least(near, 0), equal(near, 0))) == 1


def test_instances_that_rest_on_touching_balls_are_counted():
    def powers(a):
        c = carrier_of(a)
        root = c.exp(c.log(a) / 2)
        return at_least(root * root, a)

    evidence, found = confirm(Statement("", powers, (Numbers("a"),)), np.random.default_rng(0), Effort.named("quick"))
    assert found is None and evidence.undecided == 0
    assert 0 < evidence.touched < evidence.instances
