"""One step on a pair: its first order, its actual change, the order of what is left, and where probability goes."""

import dataclasses
from collections import Counter

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from didlab import DidlabError, objectives
from didlab.dynamics import rules
from didlab.dynamics.one_step import cases, first_order, pair_step, pulls, table_1
from didlab.dynamics.projected import dpo_pg_direction
from didlab.dynamics.remainder import KINDS, measure_order
from didlab.dynamics.unseen import mass_flow
from didlab.exact import log, to_arb
from didlab.sequences import model as models
from didlab.sequences import pairs
from didlab.sequences.hidden import recurrent_hidden
from didlab.sequences.last_layer import LastLayer
from didlab.sequences.linear import Gram
from didlab.sequences.prefix_table import PrefixTable
from didlab.sequences.prefixes import ByPrefix
from didlab.sequences.shared_logits import SharedLogits
from tests.sequences.instances import NAMES, L, P, V, model, sequences

EPS = np.finfo(float).eps
UPDATES = {
    **{name: objectives.get(name) for name in objectives.names()},
    "hinge alone": objectives.get("slic", beta=0.0, lam=0.0),
    "rrhf without likelihood": objectives.get("rrhf", lam=0.0),
    "slic of TRL": objectives.get("slic", convention="trl"),
    "dpo-pg": rules.dpo_pg(),
    "normalised dpo": rules.normalised(),
    "normalised simpo": rules.normalised(objectives.get("simpo")),
}


def batch(rng, n=5):
    """Pairs that differ at one place, anywhere, nowhere."""
    parts = [pairs.one_edit_pairs(V, L, m, n, rng=rng) for m in (1, 2, L)]
    parts += [pairs.Pairs(sequences(rng, 2 * n), sequences(rng, 2 * n))]
    both = pairs.Pairs(*(np.concatenate(side) for side in zip(*parts, strict=True)))
    both.rejected[-1] = both.chosen[-1]
    return both


def moved(m, rng, size=0.1):
    """The same model elsewhere: a reference."""
    scale = size * abs(m.parameters).mean()
    return models.with_parameters(m, m.parameters + scale * rng.normal(size=m.parameters.shape))


def test_the_step_is_descent_of_the_loss_and_the_rules_are_what_they_say():
    rng = np.random.default_rng(0)
    m = model("random last layer", 1.0, rng)
    p, ref = batch(rng), moved(m, rng)
    g_w, g_l = models.gradient(m, p.chosen), models.gradient(m, p.rejected)
    logs = [models.log_probability(x, y) for x in (m, ref) for y in p]
    for name, update in UPDATES.items():
        found = pair_step(m, *p, update, reference=ref).direction
        if isinstance(update, objectives.Objective):
            d_w, d_l = update.slopes(*logs, chosen_length=L, rejected_length=L)
            expected = -d_w[:, None, None] * g_w - d_l[:, None, None] * g_l
        elif name == "dpo-pg":
            flat = (x.reshape(len(x), -1) for x in (-g_w, -g_l))
            expected = -dpo_pg_direction(*flat).reshape(g_w.shape)
        else:
            d_w, d_l = update.form.slopes(*logs, L, L)
            unit = [g / np.linalg.norm(g, axis=(1, 2), keepdims=True) for g in (g_w, g_l)]
            expected = -d_w[:, None, None] * unit[0] - d_l[:, None, None] * unit[1]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_three_ways_to_predict_agree(name):
    rng = np.random.default_rng([1, NAMES.index(name)])
    m = model(name, 1.0, rng)
    p = batch(rng)
    for update in UPDATES.values():
        step = pair_step(m, *p, update, reference=moved(m, rng))
        changes = first_order(step.pull, step.gram)
        for y, change in zip(p, changes, strict=True):
            tokens = step.predicted(y)
            scale = abs(step.pull[0] * step.gram.ww) + abs(step.pull[1] * step.gram.ll) + 1e-300
            close = 1e-12 * scale[:, None] + 1e-13 * np.maximum(step.gram.ww, step.gram.ll)[:, None] ** 0.5
            assert (abs(step.predicted_by_gram(y) - tokens) <= close).all()
            assert (abs(tokens.sum(-1) - change) <= L * close[:, 0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_change_is_that_of_the_moved_model_and_never_above_the_prediction(name):
    rng = np.random.default_rng([2, NAMES.index(name)])
    m = model(name, 1.0, rng)
    p = batch(rng)
    for update in UPDATES.values():
        step = pair_step(m, *p, update, reference=moved(m, rng))
        for size in (1e-3, 0.1, 3.0, 300.0):
            for y in p:
                found = step.change(y, size)
                new = models.with_parameters(m, step.moved(size))
                actual = models.token_log_probabilities(new, y) - models.token_log_probabilities(m, y)
                # a difference of log-probabilities of size v is off by eps v; logits of size z by D eps z
                z = abs(models.token_logits(m, y)).max() + abs(models.token_logits(new, y)).max()
                assert abs(found - actual).max() <= 32 * EPS * (1 + z)
                assert (step.remainder(y, size) <= 0).all()


def test_the_change_keeps_its_digits():
    """Against 60 digits, where a difference of log-probabilities in float64 would have none."""
    rng = np.random.default_rng(3)
    with mpmath.workdps(60):
        for width in (1.0, 30.0):
            theta = width * rng.normal(size=(1, 4))
            m = PrefixTable(theta)
            step = pair_step(m, [0], [1], objectives.get("dpo"))
            s = [mpmath.exp(mpmath.mpf(float(x))) for x in theta[0]]
            s = [x / sum(s) for x in s]
            delta = [mpmath.mpf(float(x)) for x in step.direction[0]]
            for size in (1e-12, 1e-4, 1.0, 90.0):
                eta = mpmath.mpf(size)
                for token in range(4):
                    total = eta * delta[token] - mpmath.log(sum(a * mpmath.exp(eta * d) for a, d in zip(s, delta)))  # noqa: B905
                    linear = eta * (delta[token] - sum(a * d for a, d in zip(s, delta)))  # noqa: B905
                    assert abs(step.remainder([token], size)[0] - (total - linear)) <= 1e-12 * abs(total - linear)
                    assert abs(step.change([token], size)[0] - total) <= 1e-12 * (abs(linear) + abs(total))


def test_exact_numbers_give_exact_predictions_and_balls_hold_the_change():
    rng = np.random.default_rng(4)
    weights = rng.integers(1, 9, (P, V))
    logs = np.frompyfunc(lambda n: log(int(n)), 1, 1)(weights)
    exact, floats = PrefixTable(logs), PrefixTable(np.log(weights))
    p = pairs.one_edit_pairs(V, L, 2, 4, rng=rng)
    for update in (objectives.get("dpo", beta=1), rules.dpo_pg()):
        a, b = pair_step(exact, *p, update), pair_step(floats, *p, update)
        for y in p:
            for x, close in ((a.predicted(y), b.predicted(y)), (a.curvature(y), b.curvature(y))):
                assert all(type(v) is fmpq or not v.terms for v in x.flat)  # rational: no logarithm is left
                np.testing.assert_allclose(np.frompyfunc(lambda v: float(to_arb(v)), 1, 1)(x).astype(float), close,
                                           rtol=1e-12, atol=1e-14)
            assert (a.predicted(y) == a.predicted_by_gram(y)).all()
    for x, guess in zip(a.change(y, fmpq(1, 8)).flat, b.change(y, 0.125).flat, strict=True):
        assert to_arb(x).overlaps(arb(float(guess), 1e-15))


@pytest.mark.parametrize("width", [1.0, 40.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_remainder_is_two_where_there_is_one(name, width):
    rng = np.random.default_rng([5, NAMES.index(name), int(width)])
    m = model(name, width, rng)
    p = batch(rng)
    seen = Counter()
    for label, update in UPDATES.items():
        step = pair_step(m, *p, update, reference=moved(m, rng))
        for side, found in measure_order(step).items():
            seen.update(found.counts())
            assert sum(found.counts().values()) == len(found.kind) and set(found.kind) <= set(KINDS)
            fitted = found.kind == "quadratic"
            assert (np.isfinite(found.order) == fitted).all()
            assert (abs(found.order[fitted] - 2) <= 0.05).all(), (label, side)
            assert np.ptp(np.log10(found.sizes), axis=1) == pytest.approx(4.0)
            if side != "margin":
                assert (found.values[fitted] < 0).all()
                assert not (found.kind == "cancels").any()
                # what has no second-order term has no remainder at all, beyond the rounding of its rows
                assert (abs(found.values[found.kind == "no remainder"]) <= 64 * EPS).all()
        assert (found.kind[-1] == "no step") or label not in ("dpo", "simpo", "ipo", "dpo-pg", "normalised dpo")
    assert seen["quadratic"] > 0 and seen["no step"] > 0


def test_kinds_are_decided_as_exact_numbers_decide_them():
    rng = np.random.default_rng(6)
    weights = rng.integers(1, 9, (P, V))
    weights[1] = [1, 1, 1, 1]
    logs = np.frompyfunc(lambda n: log(int(n)), 1, 1)(weights)
    p = batch(rng, 4)
    for update in (objectives.get("dpo", beta=1), rules.dpo_pg()):
        exact = pair_step(PrefixTable(logs), *p, update)
        found = measure_order(pair_step(PrefixTable(np.log(weights)), *p, update))
        second = [exact.curvature(y).sum(-1) for y in p]
        for side, c in zip(("chosen", "rejected"), second, strict=True):
            assert ((found[side].kind == "quadratic") == (c != 0)).all()
        still = (exact.direction == 0).all((-1, -2))
        assert ((found["margin"].kind == "no step") == still).all()
        assert ((found["margin"].kind == "quadratic") == (second[0] != second[1])).all()
        cancels = (second[0] == second[1]) & (second[0] != 0)
        assert ((found["margin"].kind == "cancels") == cancels).all() and cancels.any()


def test_an_inactive_hinge_is_no_step():
    m = PrefixTable(np.array([[2.0, 0.0, 0.0]]))
    for update, kind in ((objectives.get("slic", beta=1.0, lam=0.0), "no step"),
                         (objectives.get("slic", beta=3.0, lam=0.0), "quadratic"),
                         (objectives.get("slic", beta=1.0, lam=1.0), "quadratic")):
        assert measure_order(pair_step(m, [[0]], [[1]], update))["chosen"].kind.tolist() == [kind]


def test_the_margin_of_a_pair_that_differs_at_its_last_token_moves_linearly():
    rng = np.random.default_rng(7)
    m = LastLayer(rng.normal(size=(6, 5)), recurrent_hidden(5, 6, rng=rng))
    p = pairs.last_token_pairs(5, 9, 20, rng=rng)
    step = pair_step(m, *p, objectives.get("dpo"))
    assert set(measure_order(step)["margin"].kind) == {"cancels"}
    difference = step.remainder(p.chosen, 2.0).sum(-1) - step.remainder(p.rejected, 2.0).sum(-1)
    assert abs(difference).max() <= 16 * EPS * abs(step.remainder(p.chosen, 2.0)).sum(-1).max()


def test_cases_of_table_1_are_those_of_the_first_order_of_dpo():
    rng = np.random.default_rng(8)
    n = 400
    vectors = rng.integers(-2, 3, (2, n, 3))
    vectors[1, :40] = vectors[0, :40]
    gram = Gram((vectors[0] ** 2).sum(-1), (vectors[0] * vectors[1]).sum(-1), (vectors[1] ** 2).sum(-1))
    found = table_1(gram)
    assert (found == cases(*first_order((1, -1), gram))).all()
    assert found.any(-1).all() and found.all(-1).any() and (found.sum(0) > 20).all()
    # ties apart, exactly one
    assert (found[(gram.wl != gram.ww) & (gram.wl != gram.ll)].sum(-1) == 1).all()
    for name in ("dpo", "ipo", "simpo", "log-pi"):
        m = model("random last layer", 1.0, rng)
        p = batch(rng)
        step = pair_step(m, *p, objectives.get(name))
        change = first_order(step.pull, step.gram)
        clear = abs(np.stack(change)).min(0) > 1e-9
        assert (cases(*change) == table_1(step.gram))[clear].all()


@pytest.mark.parametrize("name", NAMES)
def test_probability_is_conserved_and_flows_where_enumeration_says(name):
    rng = np.random.default_rng([9, NAMES.index(name)])
    m = model(name, 1.0, rng)
    p = batch(rng, 2)
    for update in (objectives.get("dpo"), objectives.get("cpo"), rules.dpo_pg()):
        step = pair_step(m, *p, update)
        size = 0.5 / max(1.0, abs(step.shift(p.chosen)).max())
        flow = mass_flow(step, size)
        for n in range(len(p.chosen)):
            new = models.with_parameters(m, m.parameters + size * step.direction[n])
            y, before = models.enumerate_model(m, L)
            gain = np.exp(models.enumerate_model(new, L)[1]) - np.exp(before)
            own = [(y == x).all(-1) for x in (p.chosen[n], p.rejected[n])]
            np.testing.assert_allclose(
                [x[n] for x in flow[:3]], [gain[own[0]].sum(), gain[own[1]].sum(), gain[~own[0] & ~own[1]].sum()],
                atol=1e-12)
            assert gain[(y == flow.gainer[n]).all(-1)] >= gain.max() - 1e-12
        different = (p.chosen != p.rejected).any(-1)
        assert abs(sum(flow[:3]))[different].max() <= 1e-13
        largest = abs(m.features(y)).sum(-1).max() * abs(step.direction).max()  # no logit moves by more
        assert abs(sum(flow.first_order))[different].max() <= 1e-13 * (1 + largest)


def test_shared_logits_move_the_suffix():
    """Tokens that both responses share move by the difference of their rows alone, whichever update."""
    rng = np.random.default_rng(10)
    context = ByPrefix(rng.normal(size=(P, V)), V)
    m = SharedLogits(np.zeros((1, V)), context)
    p = pairs.one_edit_pairs(V, L, 2, 6, rng=rng)
    step = pair_step(m, *p, objectives.get("dpo", beta=1.0))
    own = models.token_residuals(m, p.chosen)
    away = models.token_residuals(m, p.rejected)
    total = (own - away).sum(1)
    np.testing.assert_allclose(step.predicted(p.chosen), 0.5 * (own * total[:, None]).sum(-1), atol=1e-14)


def test_bad_arguments():
    m = PrefixTable(np.zeros((P, V)))
    step = pair_step(m, [0, 1], [0], objectives.get("dpo"))
    for call, name in [
        (lambda: pair_step(m, [0], [V], objectives.get("dpo")), "rejected"),
        (lambda: pair_step(m, [0], [1], "dpo"), "update"),
        (lambda: step.remainder([0], np.nan), "size"),
        (lambda: mass_flow(step, 0.1), "step"),
    ]:
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()
    assert dataclasses.is_dataclass(step)
    assert [float(x) for x in pulls(rules.dpo_pg(), Gram(*np.array([1.0, 1.0, 0.0])), (0, 0))] == [1.0, -1.0]


def test_tensors_take_the_same_step():
    import torch

    rng = np.random.default_rng(11)
    theta, p = rng.normal(size=(P, V)), pairs.one_edit_pairs(V, L, 2, 6, rng=rng)
    for update in (*map(objectives.get, ("dpo", "cpo", "orpo")), rules.dpo_pg(), rules.normalised()):
        a, b = (pair_step(PrefixTable(x), *p, update) for x in (theta, torch.tensor(theta)))
        for size in (1e-3, 0.5, 50.0):
            np.testing.assert_allclose(b.change(p.chosen, size).numpy(), a.change(p.chosen, size), atol=1e-12)
        np.testing.assert_allclose(b.predicted_by_gram(p.rejected).numpy(), a.predicted(p.rejected), atol=1e-13)
        np.testing.assert_allclose(b.curvature(p.rejected).numpy(), a.curvature(p.rejected), atol=1e-13)
