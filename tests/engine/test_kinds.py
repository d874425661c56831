"""What the kinds of objects draw: the ends of their ranges, what is next to them, and structure that is degenerate."""

from __future__ import annotations

import numpy as np
import pytest

from didlab.carriers import carrier_of
from didlab.engine.claim import Statement
from didlab.engine.instances import draw, lifted
from didlab.engine.kinds import (
    Comonotone,
    Geometric,
    Graph,
    Integers,
    Mixed,
    Numbers,
    Ordered,
    Pair,
    Policies,
    PowerLaw,
    Ranked,
    Rewards,
    Tailed,
    Tempered,
    Threshold,
    all_valid,
)
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.relations import at_least, both, equal, forall, iff, implies
from didlab.engine.search import Effort, hunt
from didlab.engine.token_pairs import TokenPairs
from didlab.information import entropy
from didlab.policies import probabilities

SHAPE = {"K": 4, "L": 3, "V": 3}


def drawn(*kinds, n=3000, plain=False):
    return draw(kinds, np.random.default_rng(0), n, SHAPE, plain=plain).raw


def ratio(x):
    return x[..., 0] / x[..., 1]


def test_exponents_lie_next_to_1_and_far_from_it_but_not_in_plain_instances():
    beta, plain = (ratio(drawn(PowerLaw(), plain=p)["exponents"]) for p in (False, True))
    assert ((abs(beta - 1) < 0.4) & (beta != 1)).any() and beta.min() <= 1 / 20 and beta.max() >= 20
    assert plain.min() >= 1 / 4 and plain.max() <= 4


@pytest.mark.parametrize("side", ["both", "sharper", "flatter"])
def test_temperatures_go_beyond_6_on_every_side(side):
    s = ratio(drawn(Tempered(side=side))["powers"])
    assert side == "sharper" or ((s > 0) & (s < 1 / 6)).any()
    assert side == "flatter" or (s > 6).any()


def test_sharpness_beyond_2_stays_next_to_it_and_goes_far():
    s = ratio(drawn(Tempered(side="sharper", beyond=2))["powers"])
    assert 2 < s.min() < 2.2 and s.max() > 6


def test_mixtures_come_close_to_both_ends():
    share = ratio(drawn(Mixed())["mixing"])
    assert share.min() < 0.02 and share[share < 1].max() > 0.98


def test_policies_leave_some_outcome_1_in_10_000():
    p = probabilities(lifted((Policies("p"),), drawn(Policies("p")), FLOAT)["p"])
    assert p.min() < 1e-4 and p.max() > 0.99
    assert np.mean(p.min(-1) > 1e-3) > 0.9


def test_rewards_fall_below_0_and_are_exact_logarithms():
    kind = Rewards("reward")
    raw = drawn(kind)
    assert kind.valid(raw).all() and not kind.valid({"reward": np.array([1, 0])})
    assert 0.1 < np.mean((raw["reward"] < 0).any(-1)) < 0.4
    few = {"reward": np.array([3, -3, 1])}
    exact, floats = kind.lift(few, EXACT)["reward"], kind.lift(few, FLOAT)["reward"]
    assert exact[0] + exact[1] == 0 and exact[2] == 0
    assert np.allclose(floats, np.log([3, 1 / 3, 1]), rtol=1e-15)


def test_geometric_policies_are_next_to_each_other_and_squares_of_each_other():
    raw = drawn(Geometric("a", "b"))
    a, b = ratio(raw["a"]), ratio(raw["b"])
    assert Geometric("a", "b").valid(raw).all()
    assert np.mean(b == a * a) > 0.02
    assert np.mean((a != b) & (abs(a - b) < 0.02)) > 0.05


def test_square_counts_are_symmetric_and_cycles():
    x = drawn(Integers("counts", axes=("K", "K"), low=0, high=4))["counts"]
    symmetric = (x == x.swapaxes(1, 2)).all((1, 2))
    cycle = ((x > 0).sum(1) == 1).all(1) & ((x > 0).sum(2) == 1).all(1) & ~symmetric
    assert symmetric.mean() > 0.1 and cycle.mean() > 0.1
    assert x.min() == 0 and x.max() == 4


def test_pairs_are_compared_where_the_arrays_drawn_earlier_are_alike():
    kinds = (Policies("p"), Rewards("r"), Graph())
    batch = draw(kinds, np.random.default_rng(0), 3000, SHAPE)
    assert "alike" in batch.classes()
    edges, p, r = (batch.raw[name] for name in ("comparisons", "p", "r"))
    odds = p[:, :, None] * r[:, None, :] == p[:, None, :] * r[:, :, None]
    inside = ((edges == 0) | odds).all((1, 2))
    assert (inside & (edges == 0).any((1, 2))).sum() > 20


def test_a_pair_is_among_the_outcomes():
    pair = Pair("p")
    assert not pair.valid({"p": np.array([1, 2]), "pair": np.array([0, 2])})
    assert pair.valid({"p": np.array([1, 2, 3]), "pair": np.array([0, 2])})


def test_some_token_models_depend_on_the_position_alone():
    raw = drawn(TokenPairs())
    alike = np.logical_and.reduce([(raw[x][:, 0] == raw[x][:, 1]).all((1, 2)) for x in ("policy", "reference")])
    assert alike.mean() > 0.05


ORDERED = [
    Comonotone("p", "q"),
    Ordered("p", "q"),
    Ordered("p", "q", peaked=True),
    Tailed(Ordered("p", "q"), "q"),
    Ranked("p", "q"),
    Numbers("x", below_one=True),
    Threshold("x"),
    Geometric("a", "b"),
]


@pytest.mark.parametrize("kind", ORDERED, ids=lambda k: type(k).__name__)
def test_what_the_optimiser_moves_is_put_back_in_order(kind):
    rng = np.random.default_rng(1)
    for whole in (False, True):
        raw = {f.name: np.exp(rng.uniform(0, np.log(99), (200, *f.shape(SHAPE)))) for f in kind.fields}
        raw = {name: np.rint(x).astype(np.int64) for name, x in raw.items()} if whole else raw
        assert all_valid((kind,), raw | kind.repaired(raw)).all()


def test_the_optimiser_stays_within_the_kind():
    """Z is at least K on the way to more entropy: false next to equal entropies alone, on both sides of the border."""

    def above(low, high):
        c = carrier_of(low)
        return at_least(c.exp(high - low).sum(-1), low.shape[-1])

    statement = Statement("", above, (Ranked("low", "high"),))
    hunts = [hunt(statement, np.random.default_rng(seed), Effort.named("quick"), simplify=False) for seed in range(6)]
    assert sum(h.found is not None for h in hunts) >= 5


def test_doubtful_instances_of_an_implication_between_equations_are_decided():
    def only_at_one_point(a, b):
        return implies(equal(3 * a * b, a + b), equal(a, b))

    relation = only_at_one_point(np.ones(1), np.ones(1))
    assert relation.only_equations and not relation.identity
    assert both(forall(equal(1, 1)), equal(1, 1)).identity and not iff(equal(1, 1), equal(1, 1)).identity


def test_extreme_policies_are_not_plain():
    p = probabilities(lifted((Policies("p"),), drawn(Policies("p"), plain=True), FLOAT)["p"])
    assert p.min() > 1e-3
    assert entropy(np.log(p)).max() <= np.log(4) + 1e-12
