"""Intervals from samples against enumerated truths: they cover at their rate, or the entry says that it may not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from didlab import did_entropy, entropy, kl_divergence
from didlab.bridge import TabularBackend
from didlab.bridge.table import Scores
from didlab.diagnose import measures
from didlab.diagnose.pairs import Pairs
from didlab.diagnose.samples import entropies

V, L, RUNS, ALARM = 3, 3, 1_000, 1e-6
SHORTFALL = 0.015  # what the caution admits: 1 % where it is just silent, and as much again for its own noise


def model(seed, scale, lean=0.0):
    """Next-token logits that depend on the whole prefix; token 0 ends the response; `lean` raises token 1."""
    rows = {}

    def logits(prefix):
        if prefix not in rows:
            rows[prefix] = scale * np.random.default_rng([seed, len(prefix), *prefix]).normal(size=V)
            rows[prefix][1] += lean
        return rows[prefix]

    return TabularBackend(logits, vocabulary=V, length=L, end=0)


MODELS = {"near uniform": (0.1, 0.0), "skewed": (1.5, 0.0), "near deterministic": (0.5, 7.0)}


def table(policy, reference, trained, count, rng, prompts=((),)):
    """A score table of samples from all three, built in bulk; truths are enumerated from the same rows."""
    columns = {"prompt": [], "role": [], "tokens": []} | {f"{m}_sum": [] for m in ("policy", "reference", "did_policy")}
    lengths = np.array([len(r) for r in policy.responses()])
    for prompt in prompts:
        rows = {"policy": policy, "reference": reference, "did_policy": trained}
        rows = {m: b.policy(prompt) for m, b in rows.items()}
        for role, by in (("sample", "policy"), ("reference-sample", "reference"), ("did-sample", "did_policy")):
            y = rng.choice(len(lengths), size=count, p=np.exp(rows[by]) / np.exp(rows[by]).sum())
            columns["role"].append(np.full(count, role, dtype=object))
            columns["prompt"].append(np.full(count, str(prompt), dtype=object))
            columns["tokens"].append(lengths[y])
            for m, values in rows.items():
                columns[f"{m}_sum"].append(values[y])
    made = {k: np.concatenate(v) for k, v in columns.items()}
    made["id"] = np.arange(len(made["role"])).astype(str).astype(object)
    made["rejected_policy_sum"] = np.full(len(made["role"]), np.nan)
    return Scores({}, made, {})


def truths(policy, reference, trained):
    pi, ref, q = (b.policy() for b in (policy, reference, trained))
    lengths = np.array([len(r) for r in policy.responses()])
    first = float(np.exp(q) @ (ref - pi))
    second = float(np.exp(ref) @ (pi - q))
    return {
        "entropy.policy": float(entropy(pi)),
        "entropy.policy.per-token": float(entropy(pi) / (np.exp(pi) @ lengths)),
        "entropy.reference": float(entropy(ref)),
        "entropy.did.trained": float(entropy(q)),
        "entropy.did.formula": float(did_entropy(pi, ref)),
        "entropy.change": float(entropy(pi) - entropy(ref)),
        "divergence.policy": float(kl_divergence(pi, ref)),
        "displacement.predicted": -float(kl_divergence(ref, pi)),
        "did.identity.first": first,
        "did.identity.second": second,
        "did.identity.residual": float(entropy(q) - entropy(ref)) - first - second,
    }


@pytest.mark.parametrize("name", MODELS)
def test_intervals_cover_the_enumerated_truth_or_say_that_they_may_not(name):
    """Fewer silent misses than a binomial test at 1e-6 allows; near the uniform policy the entries are trusted."""
    scale, lean = MODELS[name]
    three = tuple(model(seed, scale, lean) for seed in (1, 2, 3))
    wanted, rng = truths(*three), np.random.default_rng(0)
    silent, spoke, widths = ({n: [] for n in wanted} for _ in range(3))
    for _ in range(RUNS):
        for e in entropies(table(*three, 200, rng)):
            if e.name in wanted:
                low, high = e.interval
                silent[e.name].append(not e.caution and not low <= wanted[e.name] <= high)
                spoke[e.name].append(not e.caution)
                widths[e.name].append(high - low)
    allowed = binom.isf(ALARM, RUNS, 0.05 + SHORTFALL)
    for n in wanted:
        shown = f"trusted {np.mean(spoke[n]):6.1%} misses {np.sum(silent[n]):3d} width {np.median(widths[n]):.4f}"
        print(f"{name:20} {n:26} {shown}")
        assert len(silent[n]) == RUNS
        assert np.sum(silent[n]) <= allowed, n
    if name == "near uniform":
        assert min(np.mean(spoke[n]) for n in wanted if n != "entropy.did.formula") > 0.9


def test_several_prompts_are_the_units():
    """Responses of one prompt share its entropy: counting them as independent would miss the mean over prompts."""
    three = tuple(model(seed, 2.0) for seed in (1, 2, 3))
    population = [(a, b) for a in range(V) for b in range(V)]
    truth = np.mean([float(entropy(three[0].policy(p))) for p in population])
    rng, misses, narrow = np.random.default_rng(3), 0, 0
    for _ in range(300):
        prompts = [population[i] for i in rng.integers(len(population), size=30)]
        scores = table(*three, 8, rng, prompts)
        numbers = np.repeat(np.arange(30), 24).astype(str).astype(object)  # the same prompt drawn twice counts twice
        scores.columns["prompt"][:] = numbers
        e = next(e for e in entropies(scores) if e.name == "entropy.policy")
        assert (e.units, e.count) == (30, 240)
        misses += not e.interval[0] <= truth <= e.interval[1]
        x = -scores.of("sample", "policy_sum")
        narrow += abs(x.mean() - truth) > 1.96 * x.std() / np.sqrt(len(x))
    assert misses <= binom.isf(ALARM, 300, 0.05 + SHORTFALL)
    assert narrow > binom.isf(ALARM, 300, 0.05 + SHORTFALL)


@pytest.mark.parametrize("name", MODELS)
def test_intervals_of_pairs_cover_too(name):
    """Chosen from the policy, rejected from the reference, all pairs enumerated: means, shares, slope and fit."""
    scale, lean = MODELS[name]
    policy, reference, source = (model(seed, scale, lean).policy() for seed in (1, 2, 3))
    k, n, rng = len(policy), 200, np.random.default_rng(1)
    p = (np.exp(policy)[:, None] * np.exp(reference)).ravel() / (np.exp(policy).sum() * np.exp(reference).sum())
    w, l = (x.ravel() for x in np.indices((k, k)))  # noqa: E741

    def pairs(at):
        a, b = w[at], l[at]
        tokens, prompt = np.full(len(at), 1), np.full(len(at), "x", dtype=object)
        return Pairs(
            policy[a], policy[b], reference[a], reference[b], tokens, tokens, prompt, prompt, source[a], source[b]
        )

    every = pairs(np.arange(k * k))
    gain = every.gain
    other = (reference - source)[w] - (reference - source)[l]
    sure = 1 / (1 + np.exp(-np.abs(0.5 * gain)))
    xx, xy, yy = p @ gain**2, p @ (gain * other), p @ other**2
    wanted = {
        "displacement.chosen": p @ every.chosen_change,
        "displacement.rejected": p @ every.rejected_change,
        "displacement.chosen.falls": p @ (every.chosen_change < 0),
        "margin.gain": p @ gain,
        "order.implicit-reward": p @ (gain > 0),
        "calibration.confidence": p @ sure,
        "calibration.excess": p @ (sure - (gain > 0)),
        "loss.value": p @ np.logaddexp(0, -0.5 * gain),
        "power-law.exponent": xy / xx,
        "power-law.fit": xy * xy / (xx * yy),
    }
    silent = dict.fromkeys(wanted, 0)
    for _ in range(RUNS):
        drawn = pairs(rng.choice(k * k, size=n, p=p))
        made = (
            *measures.displacement(drawn), *measures.order(drawn), *measures.calibration(drawn, beta=0.5),
            *measures.power_law(drawn), *measures.coefficients(drawn, "dpo", beta=0.5),
        )
        for e in made:
            if e.name in wanted:
                silent[e.name] += not e.caution and not e.interval[0] <= wanted[e.name] <= e.interval[1]
    print(f"{name}: silent misses {silent}")
    assert max(silent.values()) <= binom.isf(ALARM, RUNS, 0.05 + SHORTFALL), silent
