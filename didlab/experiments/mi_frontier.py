"""The reward-information frontier, and where the optima of other priors lie below it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..conditional import marginal, optimal_policy, policy_prior_optimum, regularised_objective
from ..plots import muted, style
from ..plots.style import INK
from ..solvers.rate_distortion import Solution, frontier, place, rate_distortion_path
from ..solvers.rate_distortion.tables import reward_table
from .mi_runs import digits
from .output import Output

__all__ = ["make", "optima", "reward_tables"]

PROMPTS, RESPONSES, SEEDS = 16, 24, range(16)
BETAS = 10.0 ** np.linspace(-1, 1.5, 51)
DENSE = np.geomspace(1e-3, 100, 300)
NAMES = (
    "uniform prior",
    "reference, one for all prompts (DPO)",
    "reference of each prompt (DPO)",
    "entropy-controlled DPO, η = 0.5",
    "entropy-controlled DPO, η = 2",
)


class Curve(NamedTuple):
    """Of one prior, over beta: shape (references, betas)."""

    information: np.ndarray
    reward: np.ndarray
    short: np.ndarray


def reward_tables() -> dict[str, np.ndarray]:
    """Three tables of rewards: unrelated, of rank three, and mostly a matter of the response.

    >>> [r.shape for r in reward_tables().values()]
    [(16, 24), (16, 24), (16, 24)]
    """
    rng = np.random.default_rng(7)
    common = rng.normal(size=RESPONSES) + 0.3 * rng.normal(size=(PROMPTS, RESPONSES))
    return {
        "unrelated rewards": reward_table("random", PROMPTS, RESPONSES, seed=0),
        "rewards of rank 3": reward_table("low-rank", PROMPTS, RESPONSES, seed=0),
        "rewards mostly of the response": common,
    }


def optima(rewards: np.ndarray, reference: np.ndarray, beta: float) -> dict[str, np.ndarray]:
    """The optimal policy of the regularised objective under each prior that is compared.

    >>> found = optima(np.eye(2), np.full((2, 2), 0.5), 1.0)
    >>> found["uniform prior"].round(4)
    array([[0.7311, 0.2689],
           [0.2689, 0.7311]])
    """
    shared = marginal(np.ones(len(rewards)), reference)
    uniform = np.full(rewards.shape[1], 1 / rewards.shape[1])
    policies = (
        optimal_policy(rewards, uniform, beta=beta),
        optimal_policy(rewards, shared, beta=beta),
        optimal_policy(rewards, reference, beta=beta),
        np.exp(policy_prior_optimum(rewards, np.log(reference), beta=beta, power=0.5)),
        np.exp(policy_prior_optimum(rewards, np.log(reference), beta=beta, power=-1.0)),
    )
    return dict(zip(NAMES, policies, strict=True))


def _curves(rewards: np.ndarray, path: tuple[Solution, ...]) -> dict[str, Curve]:
    weights, found = np.ones(len(rewards)), {name: np.empty((3, len(SEEDS), len(BETAS))) for name in NAMES}
    for s in SEEDS:
        logits = np.random.default_rng([11, s]).normal(size=rewards.shape)
        reference = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        for j, best in enumerate(path):
            for name, policy in optima(rewards, reference, best.beta).items():
                at = place(rewards, policy)
                own = regularised_objective(weights, policy, rewards, marginal(weights, policy), beta=best.beta)
                found[name][:, s, j] = at.information, at.reward, best.beta * (best.lower - float(own))
    return {name: Curve(*values) for name, values in found.items()}


def make(out: Output) -> None:
    """Three tables of rewards, 51 values of beta, 16 random references."""
    tables = reward_tables()
    found: dict[str, Any] = {}
    for n, (name, rewards) in enumerate(tables.items()):
        out.say(name, n / len(tables))
        dense = rate_distortion_path(rewards, DENSE)
        curves = _curves(rewards, rate_distortion_path(rewards, BETAS))
        rates = np.linspace(0, 1.05 * max(np.median(c.information, 0).max() for c in curves.values()), 150)
        found[name] = (rates, *frontier(dense, rates), dense, curves)
    quantiles = ("p10", "median", "p90")
    out.table(
        "",
        ("rewards", "prior", "beta", *(f"{m}_{p}" for m in ("information", "reward", "nats_short") for p in quantiles)),
        (
            (name, prior, BETAS[j], *map(digits, np.quantile(np.stack(c)[:, :, j], (0.1, 0.5, 0.9), axis=1).T.ravel()))
            for name, (*_, curves) in found.items()
            for prior, c in curves.items()
            for j in range(len(BETAS))
        ),
    )
    out.table(
        "frontier",
        ("rewards", "information", "reward_lower", "reward_upper"),
        (
            (name, *map(digits, row))
            for name, (rates, low, high, *_) in found.items()
            for row in zip(rates, low, high, strict=True)
        ),
    )
    _draw(out, found)
    _caption(out, found)


def _draw(out: Output, found: dict[str, Any]) -> None:
    unit = int(np.argmin(abs(np.log(BETAS))))
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(10.2, 6.6))
        for column, (name, (rates, low, high, _, curves)) in enumerate(found.items()):
            plane, below = axes[:, column]
            plane.plot(rates, (low + high) / 2, color=INK, linewidth=2.2, label="frontier: marginal as prior")
            plane.fill_between(rates, high, high.max() + 0.25, color=INK, alpha=0.07, linewidth=0)
            for k, (prior, c) in enumerate(curves.items()):
                look = muted(k)
                for s in range(1 if k == 0 else len(SEEDS)):
                    plane.plot(c.information[s], c.reward[s], color=look["color"], alpha=0.14, linewidth=0.7)
                x, y = np.median(c.information, 0), np.median(c.reward, 0)
                plane.plot(x, y, label=prior, **look)
                plane.plot(x[unit], y[unit], marker="o", markersize=5, color=look["color"], markeredgecolor="white")
                lines = np.quantile(c.short, (0.1, 0.5, 0.9), axis=0)
                below.fill_between(BETAS, lines[0], lines[2], color=look["color"], alpha=0.15, linewidth=0)
                below.plot(BETAS, lines[1], **look)
            plane.set(title=name, xlabel="I(X;Y), nats", ylabel="expected reward" if column == 0 else "")
            plane.set_xlim(-0.02 * rates[-1], rates[-1])
            plane.set_ylim(top=high.max() + 0.2)
            below.set(xlabel="β", ylabel="β (F* − E[r] + I/β), nats" if column == 0 else "", xscale="log")
            below.set_title("below the optimum of E[r] − I/β")
            below.axvline(1.0, color=INK, linewidth=0.7, linestyle=":")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        out.image(figure)


def _caption(out: Output, found: dict[str, Any]) -> None:
    unit = int(np.argmin(abs(np.log(BETAS))))
    facts: dict[str, Any] = {}
    for name, (_, low, high, dense, curves) in found.items():
        facts[name] = {
            "certified gap at most, nats": 10.0 ** np.ceil(np.log10(max(s.gap for s in dense))),
            "largest distance of the two bounds on the frontier": digits((high - low).max()),
            "support of the optimal prior, over beta": [min(len(s.support) for s in dense),
                                                        max(len(s.support) for s in dense)],
            f"nats short of the optimum at beta = {BETAS[unit]:.3g}, median": {
                prior: digits(np.median(c.short[:, unit])) for prior, c in curves.items()
            },
            "least nats short, any beta and reference": {p: digits(c.short.min()) for p, c in curves.items()},
        }
    share = {n: f[f"nats short of the optimum at beta = {BETAS[unit]:.3g}, median"] for n, f in facts.items()}
    words = "; ".join(
        f"{n}: " + ", ".join(f"{v:.2g} ({p})" for p, v in values.items()) for n, values in share.items()
    )
    gap = max(f["certified gap at most, nats"] for f in facts.values())
    width = max(f["largest distance of the two bounds on the frontier"] for f in facts.values())
    supports = ", ".join("{} to {}".format(*f["support of the optimal prior, over beta"]) for f in facts.values())
    out.caption(
        "The reward-information frontier",
        f"Expected reward against mutual information of prompts and responses, {PROMPTS} prompts, {RESPONSES} "
        "responses. Black: the most reward at that information, reached with the policy's own marginal as prior (no "
        "policy lies in the grey). Coloured: the exact optimum E[r] − KL/β of each other prior as β goes from 0.1 to "
        "32 (dot: β = 1), median of 16 random references and, pale, each of them. Bottom: how far these policies "
        "are below the optimum of E[r] − I/β at their own β, median and 10 to 90 % band.",
        "The paper draws no such picture. Nats short at β = 1, median: " + words + ". The frontier's upper and lower "
        f"bounds differ by at most {width:.2g} in reward, the certified gaps are at most {gap:.0e} nats; the optimal "
        f"prior gives positive probability to {supports} of the {RESPONSES} responses as β grows.",
        facts,
    )
