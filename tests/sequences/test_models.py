"""Token models: closed-form gradients against dual numbers (exactly) and autograd, enumeration, kinds of numbers."""

from functools import reduce

import numpy as np
import pytest
import torch
from flint import arb, fmpq

from didlab.errors import DidlabError
from didlab.sequences import hidden, linear, model, prefixes, softmax
from didlab.sequences.chain import Chain, chain_of
from didlab.sequences.drawn import DrawnByPrefix
from didlab.sequences.last_layer import LastLayer, last_layer_gram
from didlab.sequences.markov import markov_policy
from didlab.sequences.prefix_table import PrefixTable
from didlab.sequences.prefixes import ByPrefix
from didlab.sequences.shared_logits import SharedLogits

from . import instances
from .instances import NAMES, L, P, V

EPS = np.finfo(float).eps


class Dual:
    """A rational number and its derivatives in all parameters: forward differentiation, which knows no residual."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __add__(self, other):
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, other):
        q = self.value / other.value
        return Dual(q, (self.slope - q * other.slope) / other.value)

    def __pow__(self, n):
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope) if n else Dual(fmpq(1), 0 * self.slope)


def exponential(weights, d, v):
    """exp of one parameter, the logarithm of an integer: its derivative is itself."""
    slope = np.full(weights.shape, fmpq(0), dtype=object)
    slope[d, v] = fmpq(int(weights[d, v]))
    return Dual(fmpq(int(weights[d, v])), slope)


def likelihood(weights, features, offsets, y):
    """The probability of a sequence as a dual number."""
    zero = np.full(weights.shape, fmpq(0), dtype=object)
    total = Dual(fmpq(1), zero)
    for t, token in enumerate(y):
        row = []
        for v in range(weights.shape[1]):
            powers = [exponential(weights, d, v) ** int(features[t, d]) for d in np.flatnonzero(features[t])]
            row.append(reduce(Dual.__mul__, powers, Dual(fmpq(int(offsets[t, v])), zero)))
        total = total * (row[token] / reduce(Dual.__add__, row))
    return total


@pytest.mark.parametrize("name", NAMES)
def test_gradients_on_rationals_are_those_of_dual_numbers(name):
    rng = np.random.default_rng(NAMES.index(name))
    for _ in range(3):
        m, weights, offsets = instances.exact_model(name, rng)
        y = instances.sequences(rng, 4)
        found, per_token = model.gradient(m, y), model.token_gradients(m, y)
        assert found.dtype == object
        rows = model.token_probabilities(m, y)
        assert all(x == 1 for x in rows.sum(-1).flat)
        for n, sequence in enumerate(y):
            phi = np.asarray(m.features(sequence))
            dual = likelihood(weights, phi, np.ones((L, V), int) if offsets is None else offsets(sequence), sequence)
            assert (found[n] == dual.slope / dual.value).all()
            assert (per_token[n].sum(0) == found[n]).all()
            assert rows[n, np.arange(L), sequence].prod() == dual.value
        gram = model.pair_gram(m, y[:2], y[2:])
        for g, (a, b) in zip(gram, ((0, 0), (0, 2), (2, 2)), strict=True):
            assert (g == (found[a : a + 2] * found[b : b + 2]).sum((-1, -2))).all()


def autograd(m, y):
    """Gradients of the log-probability of each token, by autograd of an expression that keeps its digits."""
    theta = torch.tensor(m.parameters, requires_grad=True)
    out = []
    for t in range(len(y)):
        offsets = m.offsets(y)
        z = torch.tensor(np.asarray(m.features(y), dtype=float)[t]) @ theta
        z = z + (torch.tensor(offsets[t]) if hasattr(offsets, "shape") else 0.0)
        others = torch.cat((z[: y[t]], z[y[t] + 1 :])) - z[y[t]]
        if others.max() < 0:
            log_p = -torch.log1p(others.exp().sum())
        else:
            log_p = -torch.logsumexp(torch.cat((torch.zeros(1, dtype=torch.float64), others)), 0)
        out.append((float(log_p.detach()), torch.autograd.grad(log_p, theta)[0].numpy()))
    return np.array([v for v, _ in out]), np.stack([g for _, g in out])


@pytest.mark.parametrize("width", [0.3, 3.0, 40.0, 300.0])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_autograd(name, width):
    rng = np.random.default_rng([NAMES.index(name), int(10 * width)])
    m = instances.model(name, width, rng)
    y = instances.sequences(rng, 12)
    found, whole = model.token_gradients(m, y), model.gradient(m, y)
    log_p = model.token_log_probabilities(m, y)
    for n, sequence in enumerate(y):
        value, expected = autograd(m, sequence)
        np.testing.assert_allclose(log_p[n], value, rtol=1e-12, atol=0)
        error = np.linalg.norm((found[n] - expected).reshape(L, -1), axis=-1)
        norm = np.linalg.norm(expected.reshape(L, -1), axis=-1)
        assert (error <= 1e-12 * norm).all()
        # a sum of gradients that cancel keeps the error of its terms
        terms, total = norm.sum(), np.linalg.norm(expected.sum(0))
        assert np.linalg.norm(whole[n] - expected.sum(0)) <= max(1e-12 * total, 16 * EPS * terms)


def test_gradients_of_long_sequences_over_a_recurrent_network():
    rng = np.random.default_rng(5)
    m = LastLayer(rng.normal(size=(32, 32)), hidden.recurrent_hidden(32, 32, rng=rng))
    y = rng.integers(0, 32, (2, 64))
    for n in range(2):
        expected = autograd(m, y[n])[1]
        np.testing.assert_allclose(model.token_gradients(m, y[n]), expected, rtol=0, atol=1e-13)
        g = expected.sum(0)
        assert np.linalg.norm(model.gradient(m, y)[n] - g) <= 1e-12 * np.linalg.norm(g)
    w = model.gradient(m, y)
    gram = model.pair_gram(m, y[:1], y[1:])
    for g, (a, b) in zip(gram, ((0, 0), (0, 1), (1, 1)), strict=True):
        scale = np.linalg.norm(w[a]) * np.linalg.norm(w[b])
        assert abs(g[0] - (w[a] * w[b]).sum()) <= 1e-13 * scale
        tokens = linear.token_inner_products(m.hidden(y[a]), model.token_residuals(m, y[a]), m.hidden(y[b]),
                                             model.token_residuals(m, y[b]))
        assert abs(tokens.sum() - g[0]) <= 1e-13 * scale * 64


@pytest.mark.parametrize("name", NAMES)
def test_all_sequences_together_have_probability_one_and_mean_gradient_zero(name):
    rng = np.random.default_rng(7)
    m = instances.model(name, 1.0, rng)
    y, log_p = model.enumerate_model(m, L)
    p = np.exp(log_p)
    assert abs(p.sum() - 1) <= 1e-13
    # the score has mean 0 under its own model
    g = model.gradient(m, y)
    assert abs((p[:, None, None] * g).sum(0)).max() <= 1e-13 * abs(g).max()


def test_a_chain_is_the_markov_policy():
    rng = np.random.default_rng(8)
    policy = markov_policy(rng.normal(size=3), rng.normal(size=(3, 3)), 5)
    y, log_p = model.enumerate_model(chain_of(policy), 5)
    np.testing.assert_allclose(log_p, policy.enumerate(), rtol=1e-14)
    np.testing.assert_allclose(log_p, policy.log_probability(y), rtol=1e-14)
    with pytest.raises(DidlabError, match="`policy`"):
        chain_of(markov_policy(np.zeros(2), np.zeros((3, 2, 2)), 4))


@pytest.mark.parametrize("name", NAMES)
def test_tensors_and_balls_agree_with_floats(name):
    rng = np.random.default_rng(9)
    m = instances.model(name, 1.0, rng)
    y, z = instances.sequences(rng, 3), instances.sequences(rng, 3)

    def turned(convert):
        changes = {"parameters": convert(m.parameters)}
        for part in ("hidden", "context"):
            if hasattr(m, part):
                changes[part] = ByPrefix(convert(getattr(m, part).table), V)
        return type(m)(**changes)

    tensors, balls = turned(torch.tensor), turned(lambda x: np.frompyfunc(arb, 1, 1)(x))
    for f in (model.token_log_probabilities, model.gradient, model.token_gradients):
        floats = f(m, y)
        np.testing.assert_allclose(f(tensors, y).numpy(), floats, rtol=1e-12, atol=1e-13)
        middles = np.frompyfunc(float, 1, 1)(f(balls, y)).astype(float)
        np.testing.assert_allclose(middles, floats, rtol=1e-12, atol=1e-13)
    for a, b in zip(model.pair_gram(m, y, z), model.pair_gram(tensors, y, z), strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-11, atol=1e-12)


def test_what_the_models_share():
    y = np.array([[0, 1, 2, 3], [1, 1, 2, 3]])
    table, chain = PrefixTable(np.zeros((P, V))), Chain(np.zeros((V + 1, V)))
    shared = SharedLogits(np.zeros((1, V)), ByPrefix(np.zeros((P, V)), V))
    common = {name: (lambda f: f[0] @ f[1].T)(m.features(y)) for name, m in
              (("table", table), ("chain", chain), ("shared", shared))}
    assert common["table"].sum() == 1 and common["table"][0, 0] == 1  # only the empty prefix
    assert (common["shared"] == 1).all()
    # the token before is the same at places 0, 2 and 3, and the 1 before the places 1 and 2 of the second
    assert np.argwhere(common["chain"]).tolist() == [[0, 0], [2, 1], [2, 2], [3, 3]]


def test_batches_of_networks_are_networks():
    rng = np.random.default_rng(10)
    nets = instances.networks(rng, 2, 5, 3)
    y = rng.integers(0, 5, (2, 7, 6))
    h = nets(y)
    assert h.shape == (2, 7, 6, 3)
    for n in range(2):
        one = hidden.Recurrent(nets.start[n, 0], nets.transition[n], nets.embedding[n])
        np.testing.assert_allclose(one(y[n]), h[n], rtol=1e-13)


def test_the_layout_of_logits_in_memory_changes_nothing():
    z, y = np.random.default_rng(11).normal(size=(5, 4)), [0, 1, 2, 3, 0]
    turned, plain = (softmax.softmax_terms(x, y) for x in (np.asfortranarray(z), z))
    for a, b in zip(turned, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_arguments():
    table, rng = PrefixTable(np.zeros((P, V))), np.random.default_rng(0)
    one = np.ones((2, 1))
    for call, name in [
        (lambda: PrefixTable(np.zeros(3)), "parameters"),
        (lambda: DrawnByPrefix(2, 2, scale="a"), "scale"),
        (lambda: PrefixTable(np.full((1, 2), np.nan)), "parameters"),
        (lambda: Chain(np.zeros((2, 2))), "parameters"),
        (lambda: SharedLogits(np.zeros((2, 2)), lambda y: 0), "parameters"),
        (lambda: model.gradient(table, [0, V]), "sequences"),
        (lambda: model.gradient(table, 0), "sequences"),
        (lambda: model.gradient(table, [0.5]), "sequences"),
        (lambda: model.gradient(PrefixTable(np.zeros((1, 2))), [0, 1]), "sequences"),
        (lambda: ByPrefix(np.zeros((1, 2)), 2)([0, 1]), "sequences"),
        (lambda: prefixes.prefix_indices(np.zeros(99, int), 2), "sequences"),
        (lambda: prefixes.every_sequence(2, 99), "length"),
        (lambda: linear.residuals(np.ones(2) / 2, [0]), "probabilities"),
        (lambda: linear.residuals(np.ones((2, 2)) / 2, [0]), "tokens"),
        (lambda: linear.token_inner_products(one, one, one, np.ones((3, 1))), "residuals_b"),
        (lambda: linear.sequence_gram(one, one, one, np.ones((2, 2))), "residuals_l"),
        (lambda: linear.sequence_inner_product(one, one, np.ones((2, 2)), one), "features_b"),
        (lambda: hidden.adversarial_hidden("any", 2, 2, 2, rng=rng), "kind"),
        (lambda: hidden.recurrent_hidden(2, 2, gain=0.0, rng=rng), "gain"),
        (lambda: hidden.random_hidden(2, 2, 2, rng=0), "rng"),
    ]:
        with pytest.raises(DidlabError, match=f"`{name}`"):
            call()


@pytest.mark.parametrize("length", [1, 8, 64])
def test_the_last_layer_of_any_network(length):
    """From hidden states alone, in blocks: against torch.func, within 1e-12."""
    rng = np.random.default_rng(length)
    n, v, d = 70, 32, 32
    theta, (h_w, h_l) = rng.normal(size=(d, v)), rng.normal(size=(2, n, length, d))
    w, l = rng.integers(0, v, (2, n, length))  # noqa: E741
    h_w[0], h_w[1] = 0, 1e4 * h_w[1]  # no gradient, and logits beyond what exponentials hold

    def score(t, h, y):
        return torch.log_softmax(h @ t, -1).gather(-1, y[:, None]).sum()

    each = torch.func.vmap(torch.func.grad(score), in_dims=(None, 0, 0))
    a, b = (each(*map(torch.tensor, (theta, h, y))).numpy() for h, y in ((h_w, w), (h_l, l)))
    norms = [np.sqrt((g * g).sum((1, 2))) for g in (a, b)]
    found = last_layer_gram(theta, h_w, w, h_l, l)
    tensors = last_layer_gram(*map(torch.tensor, (theta, h_w, w, h_l, l)))
    for x, t, (g, i), (k, j) in zip(found, tensors, ((a, 0), (a, 0), (b, 1)), ((a, 0), (b, 1), (b, 1)), strict=True):
        close = 1e-12 * norms[i] * norms[j]
        assert (abs(x - (g * k).sum((1, 2))) <= close).all()
        assert (abs(t.numpy() - x) <= close).all()
    assert last_layer_gram(theta, h_w[:0], w[:0], h_l[:0], l[:0]).ww.shape == (0,)
    for call, name in [
        (lambda: last_layer_gram(theta, h_w[:, :, :3], w, h_l, l), "hidden_w"),
        (lambda: last_layer_gram(theta, h_w, w, h_l[:9], l[:9]), "hidden_l"),
        (lambda: last_layer_gram(theta, np.inf * h_l, w, h_l, l), "logits"),
        (lambda: last_layer_gram(theta, h_w, w + v, h_l, l), "chosen"),
    ]:
        with np.errstate(invalid="ignore"), pytest.raises(DidlabError, match=f"`{name}`"):
            call()
