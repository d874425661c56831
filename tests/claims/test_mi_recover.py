"""The kinds behind the reductions, and that the picture of the reductions says what the claims say."""

from functools import cache

import numpy as np
import pytest
import torch

from didlab.claims import (
    mi_recover_expansions,
    mi_recover_labels_simpo,
    mi_recover_labels_tisdpo,
    mi_recover_scales,
    mi_recover_sequences,
    mi_recover_tdpo,
    mi_recover_weights,
)
from didlab.engine.claim import collect
from didlab.engine.instances import draw, lifted, shapes
from didlab.engine.judge import judge
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.token_pairs import TokenPairs, TokenWeights
from didlab.engine.triples import OneToken, Triples, TripleWeights
from didlab.exact import to_arb
from didlab.experiments.mi_reductions import NOTIONS, cells
from didlab.objectives import labelled
from didlab.objectives.recovered import names, recovered
from didlab.objectives.token_objective import under_prior
from didlab.objectives.token_pair import token_pair

MODULES = (mi_recover_sequences, mi_recover_scales, mi_recover_tdpo, mi_recover_weights, mi_recover_labels_simpo,
           mi_recover_labels_tisdpo, mi_recover_expansions)
CLAIMS = {c.id: c for m in MODULES for c in collect(m)}


@cache
def verdict(id):
    return judge(CLAIMS[id], effort="quick")


def test_every_reduction_is_judged_in_three_notions():
    for name in names():
        for end in ("", ".value", ".gradient", ".gradient-fixed-prior"):
            assert f"mi.recover.{name}{end}" in CLAIMS
    assert all(len((c.correction or c.printed).neighbours) >= 3 for c in CLAIMS.values())


@pytest.mark.parametrize("name", [n for n in names() if n != "sparsepo"])
def test_the_picture_says_what_the_claims_say(name):
    ends = dict(zip(NOTIONS, ("value", "gradient", "gradient-fixed-prior"), strict=True))
    for cell in _cells():
        if cell.loss == recovered(name).name:
            found = verdict(f"mi.recover.{name}.{ends[cell.notion]}")
            assert (found.verdict == "holds") == (cell.share == 1.0), (cell, found.why)


@cache
def _cells():
    return cells(120)


def test_counterexamples_are_small_and_found_by_search():
    for id in ("mi.recover.tisdpo.gradient-fixed-prior", "mi.recover.simpo.assumption",
               "mi.recover.tisdpo.assumption.necessary", "mi.app-b.expansions.simpo-margin"):
        found = verdict(id)
        assert found.found_again and max(x.max() for x in found.found.instance.values()) <= 4, id


@pytest.mark.parametrize("different", [False, True])
def test_drawn_pairs_are_consistent_and_reach_the_boundaries(different):
    kind = TokenPairs(different=different, agree=0.3)
    seen = dict.fromkeys(("identical", "one token", "unequal", "shared later", "agree"), 0)
    for shape in shapes((kind, TokenWeights("weights")), 5):
        batch = draw((kind, TokenWeights("weights")), np.random.default_rng(1), 300, shape)
        given = lifted((kind, TokenWeights("weights")), batch.raw, FLOAT)
        pair = token_pair(given["policy"], given["reference"], given["tokens"], given["lengths"])
        seen["identical"] += pair.identical.sum()
        seen["one token"] += (pair.lengths == 1).all(-1).sum()
        seen["unequal"] += (pair.lengths[:, 0] != pair.lengths[:, 1]).sum()
        seen["shared later"] += (pair.shared.sum(-1) > 1).sum()
        seen["agree"] += (np.abs(pair.log_policy - pair.log_reference).reshape(len(batch), -1).max(-1) < 1e-12).sum()
        assert len(batch) > 200 and 0 in given["weights"] and 1 in given["weights"]
    assert (seen["identical"] == 0) == different
    assert all(n > 20 for name, n in seen.items() if name != "identical")


def test_exact_gradients_are_the_derivatives_of_the_exact_values():
    kinds = (TokenPairs(different=True), TokenWeights("weights"))
    r = recovered("tisdpo")
    for shape in shapes(kinds, 5)[::2]:
        batch = draw(kinds, np.random.default_rng(2), 8, shape)
        for i in range(len(batch)):
            exact, real = lifted(kinds, batch.one(i), EXACT), lifted(kinds, batch.one(i), FLOAT)
            pair = token_pair(*(exact[x] for x in ("policy", "reference", "tokens", "lengths")))
            closed = r.own(alpha=1, weights=exact["weights"]).gradient(pair)[0]
            logits = torch.tensor(real["policy"], requires_grad=True)
            tensors = token_pair(logits, torch.tensor(real["reference"]), exact["tokens"], exact["lengths"])
            prior = r.prior(alpha=1.0, weights=torch.tensor(real["weights"]))
            value = under_prior(prior, alpha=1.0).value(tensors)
            slopes = tensors.jacobian(torch.autograd.grad(value.sum(), logits)[0])
            expected = (slopes[0] + slopes[1])[0].numpy()
            got = np.array([float(to_arb(x)) for x in closed])
            np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_drawn_triples_hold_every_structure():
    kinds, seen = (OneToken(), Triples()), np.zeros(4, int)
    for shape in shapes(kinds, 4):
        t = draw(kinds, np.random.default_rng(3), 200, shape).raw["triples"]
        k = shape["K"]
        assert t.max() < k
        counts = (labelled.chains, labelled.reversed_pairs, labelled.self_comparisons, labelled.unbalanced)
        seen += [int((count(t, k) > 0).sum()) for count in counts]
    assert (seen > 50).all()
    different = draw((OneToken(), Triples(different=True)), np.random.default_rng(3), 200, {"K": 2, "M": 3})
    assert not labelled.self_comparisons(different.raw["triples"], 2).any()


def test_drawn_weights_of_triples_hold_every_structure():
    kinds, seen = (OneToken(), Triples(different=True), TripleWeights()), np.zeros(4, int)
    for shape in shapes(kinds, 4):
        raw = draw(kinds, np.random.default_rng(4), 200, shape).raw
        t, w = raw["triples"], raw["weights"]
        assert w.min() == 0 and w.max() == 2
        by_response, by_label = (labelled.disagreements(x, w) == 0 for x in (t, 2 * t + np.arange(2)))
        seen += [(w == 0).all((-1, -2)).sum(), by_response.sum(), (by_label & ~by_response).sum(), (~by_label).sum()]
    assert (seen > 50).all()
