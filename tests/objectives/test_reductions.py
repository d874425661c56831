"""The eight reductions in float64, in balls, and against formulas written a second time; gradients against autograd."""

import math

import numpy as np
import pytest
import torch
from flint import arb, ctx

from didlab.errors import ArgumentError
from didlab.objectives import labelled, priors, sparse_po, tdpo, tis_dpo
from didlab.objectives.recovered import names, recovered
from didlab.objectives.score import Score, total
from didlab.objectives.token_objective import under_prior
from didlab.objectives.token_pair import token_pair

COUNT, PRECISION = 2000, 200


def pairs(seed, n, length=3, vocabulary=4, width=3.0):
    """Random pairs with common prefixes, equal and unequal lengths, near and far policies."""
    rng = np.random.default_rng(seed)
    policy = rng.normal(size=(n, 2, length, vocabulary)) * width * rng.random((n, 1, 1, 1))
    reference = policy + rng.normal(size=policy.shape) * 10.0 ** rng.integers(-6, 1, (n, 1, 1, 1))
    tokens, lengths = rng.integers(0, vocabulary, (n, 2, length)), rng.integers(1, length + 1, (n, 2))
    tokens[: n // 4, 1] = tokens[: n // 4, 0]
    same = np.cumprod(tokens[:, 0] == tokens[:, 1], -1)
    shared = np.concatenate([np.ones((n, 1)), same[:, :-1]], -1)[..., None] > 0
    for rows in (policy, reference):
        rows[:, 1] = np.where(shared, rows[:, 0], rows[:, 1])
    weights = rng.random((3, n, 2, length)) * rng.integers(0, 3, (3, n, 1, 1))
    weights[:, : n // 10] = 1.0
    numbers = {"alpha": rng.choice([0.1, 0.5, 1.0, 2.0], (n, 1)), "eta": rng.choice([0.0, 0.5, 1.0, 1.5], (n, 1)),
               "gamma": rng.choice([0.0, 0.3, 1.4], (n, 1)), "bonus": rng.choice([0.0, 0.05, 1.0], (n, 1)),
               "weights": weights[0], "reward_mask": weights[1], "divergence_mask": weights[2]}
    return policy, reference, tokens, lengths, numbers


def of(numbers, name):
    return {"alpha": numbers["alpha"]} | {x: numbers[x] for x in recovered(name).hyper}


def both(name, numbers):
    r, hyper = recovered(name), of(numbers, name)
    return r.own(**hyper), under_prior(r.prior(**hyper), alpha=hyper["alpha"])


def ball(x):
    return np.frompyfunc(lambda v: arb(float(v)), 1, 1)(x)


def written_out(name, policy, reference, tokens, lengths, numbers, i):
    """The margin of one pair as the loss's own paper prints it, in balls, from logits."""
    a = arb(float(numbers["alpha"][i, 0]))
    scores = []
    for side in (0, 1):
        p, q, forward, reverse = [], [], [], []
        for t in range(lengths[i, side]):
            s, r = ([arb(float(v)) for v in rows[i, side, t]] for rows in (policy, reference))
            zs, zr = (sum((v.exp() for v in z), arb(0)).log() for z in (s, r))
            ls, lr = [v - zs for v in s], [v - zr for v in r]
            y = tokens[i, side, t]
            p.append(ls[y])
            q.append(lr[y])
            forward.append(sum((v.exp() * (v - u) for u, v in zip(ls, lr, strict=True)), arb(0)))
            reverse.append(sum((u.exp() * (u - v) for u, v in zip(ls, lr, strict=True)), arb(0)))
        w, m, d = ([arb(float(v)) for v in numbers[x][i, side][: len(p)]]
                   for x in ("weights", "reward_mask", "divergence_mask"))
        eta, gamma, bonus = (arb(float(numbers[x][i, 0])) for x in ("eta", "gamma", "bonus"))
        lp, lq, n = sum(p, arb(0)), sum(q, arb(0)), len(p)
        match name:
            case "dpo" | "dice":
                score = lp - lq
            case "centropy":
                score = eta * lp - lq
            case "simpo":
                score = lp / n - (gamma / a if side == 0 else 0)
            case "rdpo":
                score = lp - lq + bonus * n
            case "tdpo":
                score = lp - lq + sum(forward, arb(0))
            case "tisdpo":
                score = sum((x * (u - v - k) for x, u, v, k in zip(w, p, q, reverse, strict=True)), arb(0))
            case _:
                parts = zip(m, d, p, q, forward, strict=True)
                score = sum((x * (u - v) + z * k for x, z, u, v, k in parts), arb(0))
        scores.append(a * score)
    return scores[0] - scores[1]


@pytest.mark.parametrize("name", names())
def test_values_are_within_4_ulp_times_the_condition_and_enclosed(name):
    # Condition: the sum of the sizes of the margin's terms, through the slope of -log sigma (`condition`). Terms are
    # log-probabilities and divergences, in error by about 1 ulp each before weights, and are summed without loss; the
    # margin of MI-DPO rounds three more differences. 4 ulp is what the theory asks for, not what was measured.
    policy, reference, tokens, lengths, numbers = pairs(1, COUNT)
    own, mi = both(name, numbers)
    pair = token_pair(policy, reference, tokens, lengths)
    floats = [(x.value(pair)[:, 0], x.condition(pair)[:, 0]) for x in (own, mi)]
    before = ctx.prec
    try:
        ctx.prec = PRECISION
        balls = token_pair(ball(policy), ball(reference), tokens, lengths)
        own, mi = both(name, {x: ball(y) for x, y in numbers.items()})
        enclosed = [x.value(balls)[:, 0] for x in (own, mi)]
        worst = 0.0
        for i in range(COUNT):
            true = (1 + (-written_out(name, policy, reference, tokens, lengths, numbers, i)).exp()).log()
            assert all(v[i].overlaps(true) and float(v[i].rad()) <= 1e-40 for v in enclosed), i
            for value, condition in floats:
                error = float(abs(arb(float(value[i])) - true))
                worst = max(worst, error / (math.ulp(float(true)) * condition[i]))
    finally:
        ctx.prec = before
    assert worst <= 4, worst


def torched(name, numbers):
    return both(name, {x: torch.tensor(y) for x, y in numbers.items()})


def slopes_of(value, policy, pair):
    """Autograd's gradient by the logits of both responses, folded where they share a row."""
    g = torch.autograd.grad(value.sum(), policy)[0]
    chosen, rejected = pair.jacobian(g)
    return (chosen + rejected)[..., 0, :].numpy()


@pytest.mark.parametrize("name", names())
def test_closed_gradients_are_those_of_autograd(name):
    policy, reference, tokens, lengths, numbers = pairs(2, 200)
    own, mi = both(name, numbers)
    held = under_prior(mi.prior, alpha=mi.alpha, fixed=True)
    pair = token_pair(policy, reference, tokens, lengths)
    logits = torch.tensor(policy, requires_grad=True)
    t_own, t_mi = torched(name, numbers)
    detached = under_prior(lambda p: t_mi.prior(p).held(), alpha=t_mi.alpha)
    for closed, auto in ((own, t_own), (mi, t_mi), (held, detached)):
        tensors = token_pair(logits, torch.tensor(reference), tokens, lengths)
        value = auto.value(tensors)
        np.testing.assert_allclose(closed.value(pair), value.detach(), rtol=1e-12, atol=1e-13)
        expected = slopes_of(value, logits, tensors)
        np.testing.assert_allclose(closed.gradient(pair)[:, 0], expected, rtol=1e-9, atol=1e-11)


def test_the_stop_gradient_of_the_second_form():
    policy, reference, tokens, lengths, _ = pairs(3, 100)
    logits = torch.tensor(policy, requires_grad=True)
    pair, tensors = token_pair(policy, reference, tokens, lengths), token_pair(
        logits, torch.tensor(reference), tokens, lengths)
    second = tdpo.objective(beta=0.3, alpha=0.7, form="tdpo2")
    first = tdpo.objective(beta=0.3)
    kl = tensors.divergence().value
    reward = 0.3 * (tensors.log_likelihood() - tensors.reference_likelihood()).value
    margin = reward[:, 0] - reward[:, 1] - 0.7 * 0.3 * (kl[:, 1] - kl[:, 0].detach())
    loss = -torch.nn.functional.logsigmoid(margin)
    np.testing.assert_allclose(second.value(pair)[:, 0], loss.detach(), rtol=1e-12)
    np.testing.assert_allclose(second.gradient(pair)[:, 0], slopes_of(loss, logits, tensors), rtol=1e-9, atol=1e-11)
    whole = tdpo.objective(beta=0.3, alpha=1.0, form="tdpo2")
    np.testing.assert_allclose(whole.value(pair), first.value(pair), rtol=1e-14)
    assert np.abs(whole.gradient(pair) - first.gradient(pair)).max() > 1e-3


def test_masks_and_weights_of_one_give_back_the_plain_losses():
    policy, reference, tokens, lengths, _ = pairs(4, 50)
    pair = token_pair(policy, reference, tokens, lengths)
    plain = recovered("dpo").own(alpha=0.5).value(pair)
    without = sparse_po.objective(reward_mask=1.0, divergence_mask=0.0, beta=0.5)
    np.testing.assert_allclose(without.value(pair), plain, rtol=1e-14)
    whole = sparse_po.objective(reward_mask=1.0, divergence_mask=1.0, beta=0.5)
    np.testing.assert_allclose(whole.value(pair), tdpo.objective(beta=0.5).value(pair), rtol=1e-14)
    nothing = tis_dpo.objective(weights=0.0, beta=0.5).value(pair)
    np.testing.assert_allclose(nothing, np.log(2), rtol=1e-15)
    linear = sparse_po.objective(reward_mask=1.0, divergence_mask=0.0, beta=0.5, convention="linear")
    np.testing.assert_allclose(np.log1p(np.exp(linear.value(pair))), plain, rtol=1e-12)


def test_rows_of_a_common_prefix_count_once():
    same = token_pair(np.zeros((2, 2, 3)), np.zeros((2, 2, 3)), [[1, 2], [1, 2]], [2, 2])
    assert not recovered("dpo").own(alpha=1.0).gradient(same).any() and bool(same.identical)
    apart = token_pair(np.zeros((2, 2, 3)), np.zeros((2, 2, 3)), [[1, 2], [0, 2]], [2, 2])
    assert apart.shared.tolist() == [1, 0] and not bool(apart.identical)


def test_sums_keep_what_cancels():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(100, 40)) * 10.0 ** rng.integers(-12, 12, (100, 40))
    exact = np.array([math.fsum(row) for row in x])
    bound = np.abs(exact) * 2.0**-52 + 40 * 39 * np.abs(x).sum(-1) * 2.0**-106  # Ogita, Rump and Oishi, Prop. 4.5
    assert (np.abs(total([x[:, :7], x[:, 7:]]) - exact) <= bound).all()
    assert Score((x,)).times(2.0).value[0] == 2.0 * total([x])[0]


@pytest.mark.parametrize("k", [2, 3])
def test_levels_exist_exactly_where_no_closed_walk_is_unbalanced(k):
    from itertools import product

    every = np.array(list(product(range(k), repeat=k)))
    triples = np.array(list(product(range(k), repeat=6))).reshape(-1, 3, 2)
    falls = every[:, triples[..., 0]] - every[:, triples[..., 1]] == 1
    exists = falls.all(-1).any(0)
    assert ((labelled.unbalanced(triples, k) == 0) == exists).all()
    label = np.array([not (set(t[:, 0]) & set(t[:, 1])) for t in triples])
    assert ((labelled.both_labels(triples, k) == 0) == label).all()
    assert exists[label].all() and label[exists].all() == (k == 2)  # a chain has levels and no labels
    excluded = labelled.chains(triples, k) + labelled.reversed_pairs(triples, k) + labelled.self_comparisons(triples, k)
    assert ((excluded == 0) == label).all()


def test_every_response_joined_to_an_unbalanced_walk_lies_on_one():
    assert labelled.unbalanced([[0, 0], [0, 1]], 2) == 2
    assert labelled.unbalanced([[0, 1], [1, 2], [0, 2], [3, 2]], 4) == 4
    assert labelled.unbalanced([[[0, 1], [1, 0], [2, 3]], [[0, 1], [1, 2], [3, 2]]], 4).tolist() == [2, 0]


@pytest.mark.parametrize("bad", [
    lambda: labelled.later_winners([0, 1], 2), lambda: labelled.later_winners([[0, 1, 2]], 3),
    lambda: labelled.disagreements([[0, 1, 2]], [[0, 1, 2]]),
    lambda: token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 3)), [[0], [1]], [1, 1]),
    lambda: token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), [[0], [2]], [1, 1]),
    lambda: token_pair(np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), [[0], [1]], [1, 2]),
    lambda: token_pair(np.arange(4.0).reshape(2, 1, 2) ** 2, np.zeros((2, 1, 2)), [[0], [1]], [1, 1]),
    lambda: tdpo.objective(form="tdpo3"), lambda: tis_dpo.objective(weights="1"), lambda: recovered("kto"),
    lambda: sparse_po.objective(reward_mask=1.0, divergence_mask=np.nan), lambda: priors.simpo(alpha=0.0, gamma=1.0),
    lambda: labelled.both_labels([[0, 3]], 2), lambda: labelled.disagreements([[0, 1]], [[1]]), lambda: total([]),
])
def test_bad_input_is_refused(bad):
    with pytest.raises(ArgumentError):
        bad()
