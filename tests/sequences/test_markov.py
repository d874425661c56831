"""Markov policies against enumeration: every measure over all sequences, and policies too long to enumerate."""

import numpy as np
import pytest
import torch

from didlab import DidlabError, did, information
from didlab.sequences import markov
from didlab.sequences.mixture import js_divergence

# Enumeration itself rounds: the log-probability of a sequence is a sum of L logits of size w, so that it is off by
# about L w eps, and so is every logarithm; 64 leaves room for the sums.
CASES = [
    (2, 1, 1.0, False), (2, 3, 1.0, False), (3, 5, 3.0, True), (8, 4, 1.0, False), (4, 6, 8.0, True),
    (3, 4, 40.0, False),
]


def draw(rng, vocabulary, length, width, per_step):
    shape = (length - 1, vocabulary, vocabulary) if per_step else (vocabulary, vocabulary)
    return markov.markov_policy(width * rng.normal(size=vocabulary), width * rng.normal(size=shape), length)


@pytest.mark.parametrize(("vocabulary", "length", "width", "per_step"), CASES)
def test_measures_agree_with_enumeration(vocabulary, length, width, per_step):
    rng = np.random.default_rng(vocabulary + length)
    p, q = (draw(rng, vocabulary, length, width, per_step) for _ in range(2))
    a, b = p.enumerate(), q.enumerate()
    close = 64 * max(1.0, length * width) * np.finfo(float).eps
    assert abs(np.logaddexp.reduce(a)) < close
    assert markov.entropy(p) == pytest.approx(information.entropy(a), abs=close)
    assert markov.kl_divergence(p, q) == pytest.approx(information.kl_divergence(a, b), abs=close)
    assert js_divergence(p, q) == pytest.approx(information.js_divergence(a, b), abs=1e-14)
    assert markov.log_partition(p, q) == pytest.approx(did.log_partition(a, b), abs=close)
    assert markov.did_entropy(p, q) == pytest.approx(did.did_entropy(a, b), abs=close)
    r, e = markov.ideal_rejected(p, q, 0.7), did.ideal_rejected(a, b, 0.7)
    np.testing.assert_allclose(r.enumerate(), e, rtol=0, atol=4 * close)
    np.testing.assert_allclose(markov.did_policy(p, q).enumerate(), did.did_distribution(a, b), rtol=0, atol=4 * close)
    assert markov.entropy(r) == pytest.approx(information.entropy(e), abs=4 * close)
    assert markov.kl_divergence(r, p) == pytest.approx(information.kl_divergence(e, a), abs=4 * close)
    assert js_divergence(r, p) == pytest.approx(information.js_divergence(e, a), abs=1e-14)


@pytest.mark.parametrize("size", [1e-2, 1e-4])
def test_divergences_of_nearly_equal_policies_keep_their_digits(size):
    rng = np.random.default_rng(5)
    p = draw(rng, 4, 5, 1.0, False)
    q = markov.markov_policy(p.start + size * rng.normal(size=4), p.step + size * rng.normal(size=(4, 4)), 5)
    # the log-ratios of the enumerated sequences are sums of 5 logits, off by 5 eps of a size of `size`
    near = 100 * np.finfo(float).eps / size
    a, b = p.enumerate(), q.enumerate()
    assert js_divergence(p, q) == pytest.approx(information.js_divergence(a, b), rel=near)
    assert markov.kl_divergence(p, q) == pytest.approx(information.kl_divergence(a, b), rel=near)


@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0])
def test_the_settled_power_is_the_long_product(size):
    rng = np.random.default_rng(6)
    p = draw(rng, 6, 120, 1.0, False)
    q = markov.markov_policy(p.start + size * rng.normal(size=6), p.step + size * rng.normal(size=(6, 6)), 120)
    spread = [markov.markov_policy(x.start, np.repeat(x.step[None], 119, 0), 120) for x in (p, q)]
    expected = js_divergence(*spread)
    assert js_divergence(p, q) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert 0 < expected <= np.log(2) + 1e-15
    assert markov.kl_divergence(p, q) == pytest.approx(markov.kl_divergence(*spread), rel=1e-12)
    assert markov.entropy(p) == pytest.approx(markov.entropy(spread[0]), rel=1e-12)


@pytest.mark.filterwarnings("error")
def test_policies_far_apart_are_told_apart_entirely_or_at_one_step():
    p = markov.markov_policy([0.0, 3000.0], [[0.0, 3000.0], [0.0, 3000.0]], 4)
    q = markov.markov_policy([3000.0, 0.0], [[3000.0, 0.0], [3000.0, 0.0]], 4)
    assert js_divergence(p, q) == pytest.approx(np.log(2), abs=1e-14)
    r = markov.markov_policy([0.0, 0.0], [[0.0, 3000.0], [0.0, 3000.0]], 2)
    s = markov.markov_policy([0.0, 0.0], [[0.0, 3000.0], [3000.0, 0.0]], 2)
    assert js_divergence(r, s) == pytest.approx(np.log(2) / 2, abs=1e-14)


def test_blocks_of_nodes_do_not_change_the_divergence(monkeypatch):
    from didlab.sequences import mixture

    rng = np.random.default_rng(7)
    p, q = draw(rng, 5, 30, 1.0, False), draw(rng, 5, 30, 1.0, False)
    whole = js_divergence(p, q)
    monkeypatch.setattr(mixture, "TOGETHER", 75)
    assert js_divergence(p, q) == pytest.approx(whole, abs=1e-14)


def test_divergences_are_estimated_by_samples():
    rng = np.random.default_rng(8)
    p, q = draw(rng, 5, 40, 0.3, False), draw(rng, 5, 40, 0.3, False)
    y = p.sample(40_000, rng=rng)
    x = p.log_probability(y) - q.log_probability(y)
    assert abs(x.mean() - markov.kl_divergence(p, q)) < 6 * x.std() / 200
    z = np.log(2) - np.logaddexp(0, -x)
    y = q.sample(40_000, rng=rng)
    w = np.log(2) - np.logaddexp(0, p.log_probability(y) - q.log_probability(y))
    error = np.hypot(z.std(), w.std()) / 400
    assert abs((z.mean() + w.mean()) / 2 - js_divergence(p, q)) < 6 * error


def test_wide_potentials_use_log_space():
    rng = np.random.default_rng(9)
    p, q = draw(rng, 3, 4, 300.0, True), draw(rng, 3, 4, 300.0, True)
    r = markov.did_policy(p, q)
    np.testing.assert_allclose(r.enumerate(), did.did_distribution(p.enumerate(), q.enumerate()), rtol=0, atol=1e-10)


def test_marginals_and_log_probabilities():
    rng = np.random.default_rng(10)
    p = markov.ideal_rejected(draw(rng, 3, 4, 1.0, True), draw(rng, 3, 4, 1.0, True), 1.5)
    table = np.exp(p.enumerate()).reshape(3, 3, 3, 3)
    for t in range(4):
        axes = tuple(s for s in range(4) if s != t)
        np.testing.assert_allclose(p.marginals[t], table.sum(axes), rtol=1e-13)
    y = np.stack(np.unravel_index(np.arange(81), (3, 3, 3, 3)), -1)
    np.testing.assert_allclose(p.log_probability(y), p.enumerate(), rtol=1e-13)


def test_a_transposed_table_is_the_same_policy():
    step = np.random.default_rng(11).normal(size=(4, 4))
    turned = markov.markov_policy(np.zeros(4), np.asfortranarray(step), 3)
    np.testing.assert_array_equal(turned.enumerate(), markov.markov_policy(np.zeros(4), step, 3).enumerate())


def test_bad_arguments():
    p = markov.markov_policy([0.0, 0.0], np.zeros((2, 2)), 3)
    q = markov.markov_policy([0.0, 0.0], np.zeros((2, 2)), 4)
    for call, name in [
        (lambda: markov.markov_policy([0.0, 0.0], np.zeros((3, 3)), 3), "step"),
        (lambda: markov.markov_policy(np.zeros((2, 2)), np.zeros((2, 2)), 3), "start"),
        (lambda: markov.markov_policy([0.0, np.nan], np.zeros((2, 2)), 3), "start"),
        (lambda: markov.markov_policy([0.0, 0.0], np.zeros((2, 2)), 0), "length"),
        (lambda: markov.markov_policy(torch.zeros(2), torch.zeros(2, 2), 3), "start"),
        (lambda: p.sample(2, rng=0), "rng"),
        (lambda: markov.kl_divergence(p, q), "reference"),
        (lambda: js_divergence(p, q), "reference"),
        (lambda: markov.ideal_rejected(p, p, 0.0), "beta"),
        (lambda: p.log_probability([0, 1]), "sequences"),
        (lambda: p.log_probability([0, 1, 2]), "sequences"),
        (lambda: markov.markov_policy([0.0, 0.0], np.zeros((2, 2)), 99).enumerate(), "length"),
    ]:
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()
