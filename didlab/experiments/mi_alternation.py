"""Prior and policy along two alternations, a prior tied to the policy, and what each formulation is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plots import draw_band, muted, style
from ..plots.style import INK
from .mi_formulations import BOUND, FORMULATIONS, draw_pairs, measure
from .mi_runs import LOSS, REGULARISED, Runs, along, digits, spread, tied_excess
from .output import Output

__all__ = ["make"]

PROMPTS, RESPONSES, BETA, SEEDS = 8, 3, 2.0, range(16)
STEPS = 1000
BETAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
PAIRS = (100, 200, 400, 800, 1600, 3200, 6400)
WIDE = 6  # responses of the finite data sets
FLOOR = 1e-16


def make(out: Output) -> None:
    """Two alternations from 16 starts; a tied prior on 144 problems; five formulations on 112 data sets."""
    table = np.random.default_rng(0).normal(size=(PROMPTS, RESPONSES))
    out.say("alternations", 0.0)
    runs = along(table, BETA, STEPS, SEEDS)
    tied: list[Any] = []
    for s in SEEDS:
        out.say(f"tied prior, seed {s}", 0.1 + 0.4 * s / len(SEEDS))
        r = np.random.default_rng([s, 0]).normal(size=(PROMPTS, RESPONSES))
        for beta in BETAS:
            excess, whole = tied_excess(r, beta)
            tied.append((s, beta, digits(excess), whole))
    rows: list[Any] = []
    for s in SEEDS:
        out.say(f"formulations, seed {s}", 0.5 + 0.5 * s / len(SEEDS))
        r = np.random.default_rng([s, 1]).normal(size=(PROMPTS, WIDE))
        for n in PAIRS:
            for name, m in measure(r, draw_pairs(r, n, s), BETA, s).items():
                rows.append((n, s, name, *map(digits, m)))
    kept = np.unique(np.round(np.append(0, np.geomspace(1, STEPS, 40))).astype(int))
    out.table(
        "",
        ("alternation", "step", *(f"{m}_{p}" for m in ("excess", "nats_short", "policies_apart", "priors_apart")
                                  for p in ("p10", "median", "p90"))),
        (
            (name, int(t), *(digits(v) for x in (r.excess, r.short, spread(r.policy), spread(r.prior))
                             for v in np.quantile(x[:, t], (0.1, 0.5, 0.9))))
            for name, r in runs.items()
            for t in kept
        ),
    )
    out.table("tied", ("seed", "beta", "excess_nats", "rate_distortion_prior_positive"), tied)
    header = ("train_loss", "population_loss", "reward", "information", "nats_short")
    out.table("formulations", ("pairs", "seed", "formulation", *header), rows)
    _draw(out, runs, tied, rows)
    _caption(out, runs, tied, rows)


def _flat(prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in the triangle of three responses."""
    return prior[..., 1] + 0.5 * prior[..., 2], prior[..., 2] * np.sqrt(0.75)


def _draw(out: Output, runs: dict[str, Runs], tied: list[Any], rows: list[Any]) -> None:
    steps, looks = np.arange(STEPS + 1), {LOSS: muted(2), REGULARISED: muted(0)}
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(10.4, 6.6))
        triangle = axes[0, 0]
        triangle.plot([0, 1, 0.5, 0], [0, 0, np.sqrt(0.75), 0], color=INK, linewidth=0.8)
        for name, r in runs.items():
            for s in range(len(r.prior)):
                x, y = _flat(r.prior[s])
                triangle.plot(x, y, color=looks[name]["color"], linewidth=0.9, alpha=0.8)
                triangle.plot(x[-1], y[-1], marker="o", markersize=4, color=looks[name]["color"])
                triangle.plot(x[0], y[0], marker="x", markersize=4, color=INK, alpha=0.6)
        triangle.set_aspect("equal")
        triangle.axis("off")
        triangle.set_title("priors over three responses, × start, • end")
        shown = np.append(np.arange(0, 20), np.unique(np.geomspace(20, STEPS, 80).astype(int)))
        panels = (
            (axes[0, 1], "excess", "MI-DPO loss above its minimum, nats"),
            (axes[0, 2], "policy", "distance between policies of two starts"),
            (axes[1, 0], "short", "β (F* − E[r] + I/β), nats"),
        )
        for axis, what, title in panels:
            for name, r in runs.items():
                values = spread(r.policy) if what == "policy" else getattr(r, what)
                draw_band(axis, steps[shown] + 1, np.maximum(values[:, shown], FLOOR), looks[name], name)
            axis.set(title=title, xlabel="1 + steps of policy and prior", xscale="log", yscale="log")
        axes[0, 1].legend()
        tie = axes[1, 1]
        for whole, marker in ((True, "o"), (False, "x")):
            part = np.array([(b, max(e, FLOOR)) for _, b, e, w in tied if w == whole])
            shift = 0.97 if whole else 1.03
            label = "optimal prior positive" if whole else "a response has no place in it"
            color = muted(1 if whole else 3)["color"]
            tie.plot(part[:, 0] * shift, part[:, 1], marker, markersize=4, alpha=0.7, color=color, label=label)
        tie.set(title="tied prior: loss above the minimum, nats", xlabel="β", xscale="log", yscale="log")
        tie.legend()
        worth = axes[1, 2]
        for k, name in enumerate(FORMULATIONS):
            values = np.array([[v[-1] for v in rows if v[0] == n and v[2] == name] for n in PAIRS]).T
            draw_band(worth, np.array(PAIRS), values, muted(k), name)
        worth.set(title="policies from data: β (F* − E[r] + I/β), nats", xlabel="pairs", xscale="log", yscale="log")
        worth.legend(fontsize=7)
        out.image(figure)


def _caption(out: Output, runs: dict[str, Runs], tied: list[Any], rows: list[Any]) -> None:
    def value(n: int, name: str, column: int) -> np.ndarray:
        return np.array([v[column] for v in rows if v[0] == n and v[2] == name])

    ends: dict[str, dict[str, Any]] = {
        name: {
            "largest excess of the loss": digits(r.excess[:, -1].max()),
            "nats short, least and most of the starts": [digits(r.short[:, -1].min()), digits(r.short[:, -1].max())],
            "policies apart, median": digits(np.median(spread(r.policy)[:, -1])),
            "policies apart at the start, median": digits(np.median(spread(r.policy)[:, 0])),
            "priors apart, median": digits(np.median(spread(r.prior)[:, -1])),
        }
        for name, r in runs.items()
    }
    positive = [e for *_, e, w in tied if w]
    zero = [e for *_, e, w in tied if not w]
    middle = 400
    compare: dict[int, dict[str, Any]] = {
        n: {
            "seeds where joint has a lower training loss than the uniform prior": int(
                (value(n, "joint", 3) < value(n, "uniform prior", 3)).sum()
            ),
            "of these, seeds with a lower true reward": int(
                ((value(n, "joint", 3) < value(n, "uniform prior", 3))
                 & (value(n, "joint", 5) < value(n, "uniform prior", 5))).sum()
            ),
            "reward, median": {f: digits(np.median(value(n, f, 5))) for f in FORMULATIONS},
            "nats short, median": {f: digits(np.median(value(n, f, 7))) for f in FORMULATIONS},
            "formulation least short, seeds": {
                f: int(sum(value(n, f, 7)[s] == min(value(n, g, 7)[s] for g in FORMULATIONS) for s in SEEDS))
                for f in FORMULATIONS
            },
        }
        for n in PAIRS
    }
    at = compare[middle]
    least = "formulation least short, seeds"
    low, most = "seeds where joint has a lower training loss than the uniform prior", compare[PAIRS[-1]]
    out.caption(
        "The learnable prior along two alternations",
        f"Top, and bottom left: {PROMPTS} prompts, {RESPONSES} responses, β = {BETA:g}, 16 random starts of policy and "
        "prior. Green: gradient steps of policy and prior in turn on the MI-DPO loss of all pairs. Violet: best policy "
        "for the prior and best prior for the policy of E[r] − KL/β in turn. Bands: 10 to 90 % of starts, or of pairs "
        f"of starts; values below {FLOOR:g} are drawn there. Bottom middle: the prior tied to the policy's marginal, "
        f"16 tables of rewards at each β. Bottom right: policies from drawn preferences, {WIDE} responses, "
        f"logits within ±{BOUND:g}, median and band of 16 tables; the joint optimum: the one found from logits 0.",
        "The paper proposes to optimise the prior and shows no run. On the MI-DPO loss every start reaches the minimum "
        f"(excess at most {max(ends[LOSS]['largest excess of the loss'], 1e-12):.0e}) and keeps a policy and prior of "
        "its own: "
        f"median distance of two policies {ends[LOSS]['policies apart, median']:.2g}, of two priors "
        f"{ends[LOSS]['priors apart, median']:.2g}, at {ends[LOSS]['nats short, least and most of the starts'][0]:.2g} "
        f"to {ends[LOSS]['nats short, least and most of the starts'][1]:.2g} nats below the optimum of E[r] − I/β. On "
        "the regularised objective all starts end at one policy (median distance "
        f"{max(ends[REGULARISED]['policies apart, median'], 1e-12):.0e} or less). A tied prior attains the least loss "
        f"in {sum(e < 1e-9 for e in positive)} of {len(positive)} cases where the rate-distortion prior is positive "
        f"(to 1e-9) and in {sum(e < 1e-9 for e in zero)} of {len(zero)} where it has a zero. With {middle} pairs the "
        f"joint optimum has a lower training loss than the uniform prior in {at[low]} of 16 seeds, and in "
        f"{at['of these, seeds with a lower true reward']} of these a lower true reward. Taking the reward from the "
        "first and solving for rate-distortion is closest to the optimum of E[r] − I/β in "
        f"{at[least]['reward, then rate-distortion']} of 16 seeds with {middle} pairs and in "
        f"{most[least]['reward, then rate-distortion']} with {PAIRS[-1]}.",
        {"ends": ends, "tied": {"positive": len(positive), "largest excess where positive": max(positive),
                                "least excess where not": min(zero)}, "pairs": {str(n): c for n, c in compare.items()}},
    )
