"""Appendix K: what each way to estimate the entropy of the DID costs in bias and spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..did import did_distribution, did_entropy, log_ratio
from ..dynamics import Problem, Protocol, pair_problem, simulate
from ..information import entropy
from ..objectives import get
from ..plots import draw_zero, muted, style
from ..policies import log_probabilities, probabilities, sample, temper
from .output import Output

__all__ = ["from_z", "make", "monte_carlo", "slope_accuracy"]

SEEDS, SIZE, REPEATS = tuple(range(16)), 32, 400
DRAWS = (4, 16, 64, 256, 1024, 4096)
PAIRS: tuple[int | None, ...] = (100, 1000, 10_000, 100_000, None)
STEPS = 20_000
CASES = ("tempered (τ = 4)", "perturbed")


def _policies(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Reference and policy of one prompt: the reference at temperature 4, or with N(0, 1) added to its logits."""
    rng = np.random.default_rng([seed, 77])
    ref = rng.normal(size=SIZE)
    policy = temper(ref, 4.0) if case == CASES[0] else log_probabilities(ref + rng.normal(size=SIZE))
    return log_probabilities(ref), policy


def monte_carlo(policy: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    r""":math:`-\frac1N \sum_i \log\pi(y_i)`, :math:`y_i \sim \pi`.

    >>> float(monte_carlo(np.log([0.5, 0.5]), np.array([0, 1])).round(6))
    0.693147

    Ref: Won et al. 2025, Appendix K.
    """
    return -policy[drawn].mean(-1)


def from_z(policy: np.ndarray, reference: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r""":math:`\hat Z = \frac1N \sum 1/\pi_{ref}(y_i)`, :math:`y_i \sim \pi`, and the DID entropy with these weights.

    >>> z, h = from_z(np.log([0.5, 0.5]), np.log([0.5, 0.5]), np.array([0, 1]))
    >>> float(z.round(6)), float(h.round(6))
    (2.0, 0.693147)

    Ref: Won et al. 2025, Appendix K.
    """
    weight, x = np.exp(-reference[drawn]), (policy - reference)[drawn]
    z = weight.mean(-1)
    return z, np.log(z) - (weight * x).sum(-1) / weight.sum(-1)


def slope_accuracy(
    trained: np.ndarray, policy: np.ndarray, reference: np.ndarray, rng: np.random.Generator, repeats: int = REPEATS
) -> float:
    r"""Share of draws of 4 responses from the trained policy for which the slope :math:`\hat\beta'` is not negative.

    The slope is that of least squares of log pi-tilde on log pi - log pi_ref; four equal responses have no slope and do
    not count; NaN where no draw has one.

    >>> slope_accuracy(np.log([0.5, 0.25, 0.25]), np.log([0.5, 0.25, 0.25]), np.zeros(3), np.random.default_rng(0))
    1.0

    Ref: Won et al. 2025, Appendix K.1.
    """
    drawn = sample(trained, 4 * repeats, rng=rng).reshape(repeats, 4)
    x, y = log_ratio(policy, reference)[drawn], log_probabilities(trained)[drawn]
    x = x - x.mean(-1, keepdims=True)
    slope, spread = (x * y).sum(-1), (x * x).sum(-1)
    told = spread > 1e-20
    return float((slope[told] >= 0).mean()) if told.any() else float("nan")


def make(out: Output) -> None:
    """Every estimator against the exact entropy, on two kinds of policy."""
    sampled = {case: _sampled(case) for case in CASES}
    trained = {case: _trained(out, case, 0.1 + 0.4 * n) for n, case in enumerate(CASES)}
    out.table(
        "sampled",
        ("policy", "draws", *next(iter(sampled.values()))[4]),
        ((case, n, *row.values()) for case, rows in sampled.items() for n, row in rows.items()),
    )
    out.table(
        "trained",
        (
            "policy",
            "pairs",
            "error_p10",
            "error_median",
            "error_p90",
            "mean",
            "sd",
            "accuracy_p10",
            "accuracy_median",
            "prompts_without_slope",
        ),
        (
            (
                case,
                name,
                *np.quantile(row["error"], (0.1, 0.5, 0.9)),
                row["error"].mean(),
                row["error"].std(ddof=1),
                *_quantiles(row["accuracy"], (0.1, 0.5)),
                int(np.isnan(row["accuracy"]).sum()),
            )
            for case, rows in trained.items()
            for name, row in rows.items()
        ),
    )
    _draw(out, sampled, trained)
    _caption(out, sampled, trained)


def _sampled(case: str) -> dict[int, dict[str, float]]:
    """Bias and standard deviation over draws, averaged over prompts, in nats (Z: relative)."""
    rows: dict[int, dict[str, list[float]]] = {}
    for seed in SEEDS:
        ref, policy = _policies(case, seed)
        p, rng = probabilities(policy), np.random.default_rng([seed, 78])
        exact_h, exact_q = float(entropy(policy)), float(did_entropy(policy, ref))
        z = float((p / np.exp(ref)).sum())
        sd_h = float(np.sqrt((p * (policy + exact_h) ** 2).sum()))
        sd_z = float(np.sqrt((p * np.exp(-2 * ref)).sum() / z**2 - 1))
        for n in DRAWS:
            drawn = sample(policy, REPEATS * n, rng=rng).reshape(REPEATS, n)
            h, (z_hat, h_q) = monte_carlo(policy, drawn), from_z(policy, ref, drawn)
            row = {
                "entropy_bias": h.mean() - exact_h,
                "entropy_sd": h.std(ddof=1),
                "entropy_sd_exact": sd_h / np.sqrt(n),
                "z_bias": z_hat.mean() / z - 1,
                "z_sd": z_hat.std(ddof=1) / z,
                "z_sd_exact": sd_z / np.sqrt(n),
                "did_bias": h_q.mean() - exact_q,
                "did_sd": h_q.std(ddof=1),
            }
            for key, value in row.items():
                rows.setdefault(n, {}).setdefault(key, []).append(float(value))
    return {n: {k: float(np.mean(v)) for k, v in row.items()} for n, row in rows.items()}


def _problem(case: str, seed: int, pairs: int | None) -> Problem:
    ref, policy = _policies(case, seed)
    return pair_problem(ref, policy, ref, did_distribution(policy, ref), seed=seed, pairs=pairs)


def _greedy(case: str, seed: int) -> Problem:
    """Every pair is the mode of the policy against the mode of the reference."""
    ref, policy = _policies(case, seed)
    cells = np.zeros((SIZE, SIZE))
    cells[policy.argmax(), ref.argmax()] = 1.0
    return _problem(case, seed, None)._replace(cells=cells)


def _trained(out: Output, case: str, share: float) -> dict[str, dict[str, np.ndarray]]:
    rows = {}
    exact = np.array([float(did_entropy(policy, ref)) for ref, policy in (_policies(case, s) for s in SEEDS)])
    kinds: list[tuple[str, Callable[[int], Problem]]] = [
        (f"{n}" if n else "fresh", lambda seed, n=n: _problem(case, seed, n)) for n in PAIRS
    ]
    kinds.append(("greedy", lambda seed: _greedy(case, seed)))
    for m, (name, build) in enumerate(kinds):
        out.say(f"{case}, {name} pairs", share + 0.06 * m)
        part = f"{CASES.index(case)}-{name}"
        protocol = Protocol(steps=STEPS, every=1000)
        run = simulate(
            [build(s) for s in SEEDS], [get("log-pi")], protocol=protocol, workers=2, checkpoint=out.checkpoint(part)
        )
        logits = run.logits[:, 0]
        accuracy = []
        for seed, x in zip(SEEDS, logits, strict=True):
            ref, policy = _policies(case, seed)
            accuracy.append(slope_accuracy(x, policy, ref, np.random.default_rng([seed, 79])))
        rows[name] = {"error": entropy(logits) - exact, "accuracy": np.array(accuracy)}
    return rows


def _quantiles(x: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    return np.quantile(x[~np.isnan(x)], at) if not np.isnan(x).all() else np.full(len(at), np.nan)


def _draw(out: Output, sampled: Any, trained: Any) -> None:
    with style() as plt:
        figure, axes = plt.subplots(2, 2, figsize=(8.2, 6.0))
        for m, case in enumerate(CASES):
            look, mark = muted(2 * m), "os"[m]
            rows = sampled[case]
            for axis, sd, exact in ((axes[0, 0], "entropy_sd", "entropy_sd_exact"), (axes[0, 1], "z_sd", "z_sd_exact")):
                axis.plot(
                    DRAWS,
                    [rows[n][sd] for n in DRAWS],
                    mark,
                    color=look["color"],
                    markersize=5,
                    label=f"{case}, measured",
                )
                axis.plot(
                    DRAWS,
                    [rows[n][exact] for n in DRAWS],
                    color=look["color"],
                    linestyle=look["linestyle"],
                    linewidth=1.2,
                    label="exact",
                )
            names = list(trained[case])
            place = np.arange(len(names)) + 0.16 * (m - 0.5) * 2
            for axis, what in ((axes[1, 0], "error"), (axes[1, 1], "accuracy")):
                low, middle, high = np.array([_quantiles(trained[case][n][what], (0.1, 0.5, 0.9)) for n in names]).T
                axis.errorbar(
                    place,
                    middle,
                    (middle - low, high - middle),
                    fmt=mark,
                    color=look["color"],
                    capsize=2,
                    markersize=5,
                    label=case,
                )
        for axis, title, label in (
            (axes[0, 0], "Monte-Carlo entropy of π", "standard deviation (nats)"),
            (axes[0, 1], r"Z from $1/\pi_{ref}(y)$, $y \sim \pi$", "standard deviation / Z"),
        ):
            axis.set_xscale("log", base=4)
            axis.set_yscale("log")
            axis.minorticks_off()
            low, high = axis.get_ylim()
            ticks = [t for t in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if low <= t <= high]
            axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
            axis.set_xticks(DRAWS, [f"{n:,}" for n in DRAWS])
            axis.set_xlabel("samples N")
            axis.set_ylabel(label)
            axis.set_title(title)
            axis.legend(fontsize=7)
        names = [f"{int(n):,}" if n.isdigit() else n for n in trained[CASES[0]]]
        for axis, title, label in (
            (axes[1, 0], "DID entropy by training with r = log π", "H(trained) − H(DID) (nats)"),
            (axes[1, 1], "β′-accuracy of the trained policy", "share of slopes ≥ 0"),
        ):
            axis.set_xticks(range(len(names)), names, fontsize=7.5)
            axis.set_xlabel("pairs in the data set")
            axis.set_ylabel(label)
            axis.set_title(title)
        draw_zero(axes[1, 0])
        axes[1, 0].legend(fontsize=7)
        out.image(figure)


def _caption(out: Output, sampled: Any, trained: Any) -> None:
    t, p = CASES
    words = {case: {n: f"{np.median(trained[case][n]['error']):+.3f}" for n in trained[case]} for case in CASES}
    out.caption(
        "Entropy estimators of Appendix K",
        "Top: standard deviation of the Monte-Carlo entropy and of the estimate of Z, measured (400 repeats, mean of "
        "16 prompts) and exact. "
        "Bottom left: error of the DID entropy after training with r = log π (20,000 steps from the reference) on "
        "data sets of growing size, "
        "on fresh pairs, and on greedy pairs; median and 10 to 90 % of 16 prompts. Bottom right: β′-accuracy (4 "
        "samples for each prompt).",
        "Not a figure of the paper, which measures language models. The Monte-Carlo entropy with the paper's N = 4 "
        "is unbiased with a standard "
        f"deviation of {sampled[t][4]['entropy_sd']:.2f} and {sampled[p][4]['entropy_sd']:.2f} nats per prompt; Z "
        "has relative deviations of "
        f"{sampled[t][4]['z_sd']:.2f} and {sampled[p][4]['z_sd']:.2f} there (with 32 outcomes, not 'unsuitable'; the "
        "variance grows with "
        f"1/π_ref). Training: median errors {words[t]['1000']} and {words[p]['1000']} nats with 1,000 sampled pairs, "
        f"{words[t]['fresh']} and "
        f"{words[p]['fresh']} with fresh ones. Greedy pairs carry one comparison for each prompt, and the median "
        "errors are "
        f"{words[t]['greedy']} and {words[p]['greedy']}: where both modes coincide nothing is learnt, elsewhere the "
        "limit is not the DID.",
        {
            "median error of the trained DID entropy": words,
            "median β′-accuracy": {
                c: {n: float(_quantiles(r["accuracy"], (0.5,))[0]) for n, r in trained[c].items()} for c in CASES
            },
            "sampled": {
                c: {str(n): {k: float(f"{v:.4g}") for k, v in row.items()} for n, row in sampled[c].items()}
                for c in CASES
            },
        },
    )
