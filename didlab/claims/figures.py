r"""What the synthetic figures show: Figure 1 and Figure 7 of the DID paper, measured on independent runs.

One run is one seed: a reference drawn from it, the target, and the pairs; every objective sees the same pairs. The
paper prints K = 32, batch 512, RMSprop at 1e-3, clipping at 1, and the grids of Appendix J.1; it does not print the
number of steps and the initial logits, which are readings here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.measured import Outcomes, measured

__all__: list[str] = []

Seeds = tuple[int, ...]
OTHERS = ("slic", "orpo", "simpo", "cal-dpo")
SHOWN = {"dpo": "DPO", "log-pi": "r = log pi", "slic": "SLiC", "orpo": "ORPO", "simpo": "SimPO", "cal-dpo": "Cal-DPO"}
SETTING = (
    "K = 32, reference logits from N(0, I), target and pairs as in section 3.5, 512 fresh pairs in each step, RMSprop "
    "(decay 0.99, epsilon 1e-8) at 0.001, gradient clipped at norm 1, float64"
)


@lru_cache(maxsize=4)
def _trained(
    seeds: Seeds, temperature: float, steps: int, names: tuple[str, ...], *, start: str = "reference",
    labels: str = "as drawn", rate: float = 1e-3, every: int = 100, did: bool = False,
) -> dict[str, np.ndarray]:
    """JS along the way by objective, shape (runs, configurations, records), to the target or the DID; final logits."""
    from ..did import did_distribution
    from ..dynamics import Protocol, simulate, synthetic_problem
    from ..experiments.grids import printed_configurations

    problems = [synthetic_problem(temperature, s) for s in seeds]
    if labels == "exchanged":
        problems = [q._replace(cells=np.ascontiguousarray(q.cells.T)) for q in problems]
    configurations = [c for c in printed_configurations() if c.name in names]
    goals = np.stack([did_distribution(q.goal, q.reference) for q in problems])[:, None] if did else None
    protocol = Protocol(steps=steps, start=start, rate=rate, every=every)
    run = simulate(problems, configurations, protocol=protocol, goals=goals)
    return {n: run.js[:, [k for k, c in enumerate(configurations) if c.name == n]] for n in names}


# Figure 1, left


def _falls(
    seeds: Seeds, temperature: float, *, below: float, steps: int = 15_000, reward: str = "log-pi", each: bool = False,
    labels: str = "as drawn",
) -> Outcomes:
    """log of (a share of the first JS to the DID / the last one), or of each record by the next."""
    js = _trained(seeds, temperature, steps, ("dpo", "log-pi"), labels=labels, every=50, did=True)[reward][:, 0]
    return {"": np.log(js[:, :-1] / js[:, 1:]) if each else np.log(below * js[:, 0] / js[:, -1])}


FALLS = {
    "wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": 1_000},
    "it is lower at every record, 50 steps apart": {"each": True},
}


@measured(
    "did.fig-1.left",
    where="Fig 1, left; section 3.5",
    title="with r = log pi, JS to the DID falls towards 0",
    statement=r"D_{JS}[q_{\pi^*/\pi_{ref}} \| \pi] \text{ converges to 0 when } r = \log \pi \text{ is trained on the "
    r"synthetic pairs}",
    reading="it falls below 5 % of its start, in most runs; at temperature 4 (.reinforcing: at 0.25; .limit: whether "
    "it tends to 0)",
    protocol=f"{SETTING}; temperature 4, start at the reference, 15,000 steps; sign test over the runs",
    effect="log of 5 % of the first JS over the last JS",
    count=29,
    neighbours=FALLS
    | {
        "wrong protocol: the reward has the reference, $r = \\log(\\pi/\\pi_{ref})$": {"reward": "dpo"},
        "it falls below 0.001 % of its start": {"below": 1e-5},
    },
)
def left(seeds: Seeds, *, below: float = 0.05, **how: Any) -> Outcomes:
    return _falls(seeds, 4.0, below=below, **how)


@measured(
    "did.fig-1.left.reinforcing",
    where="Fig 1, left; section 3.5",
    title="the same for a target that reinforces the reference",
    statement=r"D_{JS}[q_{\pi^*/\pi_{ref}} \| \pi] \text{ consistently converges towards 0, also for } \tau < 1",
    reading="at temperature 0.25 it falls below a tenth of its start, in most runs",
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 15,000 steps; sign test over the runs",
    effect="log of a tenth of the first JS over the last JS",
    count=29,
    neighbours=FALLS | {"it falls below 0.001 % of its start": {"below": 1e-5}},
)
def left_reinforcing(seeds: Seeds, *, below: float = 0.1, **how: Any) -> Outcomes:
    return _falls(seeds, 0.25, below=below, **how)


def _floor(seeds: Seeds, rate: float, steps: int = 4_000, did: bool = True) -> np.ndarray:
    """JS to the DID at temperature 1/2, from a start at the DID, every 10 steps; shape (runs, records)."""
    return _trained(seeds, 0.5, steps, ("log-pi",), rate=rate, every=10, did=did)["log-pi"][:, 0]


@measured(
    "did.fig-1.left.limit",
    where="Fig 1, left; section 3.5",
    title="JS to the DID tends to 0 as training goes on",
    statement=r"D_{JS}[q_{\pi^*/\pi_{ref}} \| \pi_t] \to 0 \text{ as the number of steps } t \text{ grows}",
    reading="the printed learning rate stays as it is; then a later window must be lower: the mean JS of steps 2,500 "
    "to 4,000 is at most a third of that of steps 1,000 to 2,500",
    note="At temperature 1/2 the DID is the reference, so that a start at the reference is a start at the limit: what "
    "is left is the floor that the step size sets.",
    protocol=f"{SETTING}; temperature 0.5, start at the reference, which is the DID there, 4,000 steps; sign test over "
    "the runs",
    effect="log of a third of the earlier window's mean JS over the later window's",
)
def left_limit(seeds: Seeds) -> Outcomes:
    js = _floor(seeds, 1e-3)
    return {"": np.log(js[:, 100:250].mean(1) / js[:, 250:].mean(1) / 3)}


@left_limit.instead(
    r"\text{at a constant learning rate } \eta\text{, } D_{JS} \text{ settles at a floor of the order of } \eta"
    r"\text{: half the rate, about half the floor}",
    protocol=f"{SETTING}, and the same at half the learning rate; temperature 0.5, start at the DID, 4,000 steps; mean "
    "JS of steps 1,500 to 4,000; sign test over the runs",
    effect="log distance of the floors' ratio to the nearer end of [0.3, 0.75]; of the later window's mean JS to a "
    "third of the earlier window's",
    neighbours={
        "the floor does not depend on the learning rate: ratio above 0.85": {"low": 0.85, "high": 1.2},
        "the floor goes with its square: ratio below 0.3": {"low": 0.2, "high": 0.3},
        "it settles: no later record is a quarter above the mean": {"calm": 1.25},
        "wrong protocol: JS to the target instead of the DID": {"did": False, "steps": 2_400},
    },
)
def floor(
    seeds: Seeds, *, low: float = 0.3, high: float = 0.75, calm: float | None = None, steps: int = 4_000,
    did: bool = True,
) -> Outcomes:
    full, half = (_floor(seeds, rate, steps, did)[:, 150:] for rate in (1e-3, 5e-4))
    if calm is not None:
        return {"": np.log(calm * full.mean(1, keepdims=True) / full)}
    ratio, cut = half.mean(1) / full.mean(1), full.shape[1] // 2
    return {
        "the ratio of the floors": np.log(np.stack((ratio / low, high / ratio), axis=1)),
        "no further fall": np.log(3 * full[:, cut:].mean(1) / full[:, :cut].mean(1)),
    }


# Figure 1, right, and Figure 7


def _lowest(
    seeds: Seeds, runs: tuple[tuple[float, int], ...], *, who: str = "dpo", factor: float = 1.0,
    others: tuple[str, ...] = OTHERS, first: int | None = None, steps: int | None = None, **how: Any,
) -> Outcomes:
    """log of (the lowest JS of another objective, over its grid and all records / factor x the last JS of `who`).

    Args:
        seeds: of the runs.
        runs: temperatures and their numbers of steps.
        who: the objective that the statement says is nearest.
        factor: by which it is nearer.
        others: what it is compared with.
        first: compare at every record from this one on instead.
        steps: other than those of `runs`.
        how: see `_trained`.
    """
    out: dict[str, np.ndarray] = {}
    for t, usual in runs:
        js = _trained(seeds, t, steps or usual, ("dpo", "log-pi", *others), **how)
        mine = js[who].min(1)
        for name in dict.fromkeys((*others, *(("dpo",) if who in others else ()))):
            if name != who:
                theirs = js[name].min(1)
                margin = theirs[:, first:] / mine[:, first:] if first else theirs.min(-1) / (factor * mine[:, -1])
                out[f"temperature {t:g}, {SHOWN[name]}"] = np.log(margin)
    return out


LOWEST = (
    "log of the lowest JS that the other objective reaches at any record with any printed hyper-parameters, over DPO's "
    "last JS"
)


@measured(
    "did.fig-1.right",
    where="Fig 1, right; section 3.5",
    title="DPO ends nearer to the target than each other objective, at temperature 4",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smaller for } r = \log(\pi/\pi_{ref}) \text{ than for SLiC, ORPO, SimPO "
    r"and Cal-DPO, } \tau = 4",
    reading="DPO's last value against the lowest value of each other objective on its way, its hyper-parameters chosen "
    "in each run: the choices that favour the others most",
    protocol=f"{SETTING}; temperature 4, start at the reference, 5,000 steps, records every 100; DPO with beta = 1 and "
    "the 37 printed configurations of the others on the same pairs; a sign test for each objective",
    effect=LOWEST,
    count=29,
    neighbours={
        "wrong protocol: reward without the reference, $r = \\log \\pi$": {"who": "log-pi"},
        "wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": 1_000},
        "SLiC is nearest": {"who": "slic"},
        "nearer by a factor of 1,000": {"factor": 1e3},
    },
)
def right(seeds: Seeds, **how: Any) -> Outcomes:
    return _lowest(seeds, ((4.0, 5_000),), **how)


@measured(
    "did.fig-7",
    where="Fig 7; Appendix J.1",
    title="DPO ends nearer to the target than each other objective, at every temperature",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, across } \tau",
    reading="after thousands of steps from a start at the reference; DPO's last value against the lowest value of each "
    "other objective on its way, its hyper-parameters chosen in each run; temperatures 0.25 and 2 (did.fig-1.right: 4; "
    ".smoothing: 8)",
    note="The verdict depends on what is not printed: .consistently (before 5,000 steps) and .start (initial logits).",
    protocol=f"{SETTING}; temperatures 0.25 (5,000 steps) and 2 (2,500 steps), start at the reference, records every "
    "100; DPO with beta = 1 and the 37 printed configurations of the others on the same pairs; a sign test for each "
    "objective and temperature",
    effect=LOWEST,
    count=29,
    neighbours={
        "wrong protocol: reward without the reference, $r = \\log \\pi$": {"who": "log-pi"},
        "SLiC is nearest": {"who": "slic"},
        "nearer at every record from step 1,000 on": {"first": 10},
    },
)
def fig_7(seeds: Seeds, **how: Any) -> Outcomes:
    return _lowest(seeds, ((0.25, 5_000), (2.0, 2_500)), **how)


@measured(
    "did.fig-7.smoothing",
    where="Fig 7; Appendix J.1",
    title="the same for a target that is nearly uniform",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, also at } \tau = 8",
    reading="as did.fig-7, after 8,000 steps: after 5,000, DPO is still behind SLiC in about a tenth of the runs",
    protocol=f"{SETTING}; temperature 8, start at the reference, 8,000 steps, records every 100; DPO with beta = 1 and "
    "the 37 printed configurations of the others on the same pairs; a sign test for each objective",
    effect=LOWEST,
    count=25,
    neighbours={
        "wrong protocol: reward without the reference, $r = \\log \\pi$": {"who": "log-pi"},
        "wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": 500},
        "SLiC is nearest": {"who": "slic"},
        "nearer by a factor of 1,000": {"factor": 1e3},
    },
)
def smoothing(seeds: Seeds, **how: Any) -> Outcomes:
    return _lowest(seeds, ((8.0, 8_000),), **how)


@measured(
    "did.fig-7.consistently",
    where="Fig 7; section 3.5",
    title="DPO is nearest to the target all through training",
    statement=r"\text{during training, } D_{JS}[\pi^* \| \pi_t] \text{ is consistently smallest for } "
    r"r = \log(\pi/\pi_{ref})",
    reading="at any step of training, not only at its end: here after 1,500 steps, at temperature 0.25; "
    "hyper-parameters chosen in each run",
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 1,500 steps, records every 100; DPO with beta = 1 "
    "and SimPO's 12 printed configurations on the same pairs; sign test over the runs",
    effect=LOWEST,
    count=40,
)
def consistently(seeds: Seeds) -> Outcomes:
    return _lowest(seeds, ((0.25, 1_500),), others=("simpo",))


@consistently.instead(
    r"\text{after 5,000 steps } D_{JS}[\pi^* \| \pi_t] \text{ is smallest for } r = \log(\pi/\pi_{ref})",
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 5,000 steps, records every 100; DPO with beta = 1 "
    "and the 37 printed configurations of the others on the same pairs; a sign test for each objective",
    effect=LOWEST,
    count=29,
    neighbours={
        "wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": 1_000},
        "SimPO is nearest": {"who": "simpo"},
        "nearer by a factor of 100": {"factor": 100.0},
    },
)
def consistently_late(seeds: Seeds, **how: Any) -> Outcomes:
    return _lowest(seeds, ((0.25, 5_000),), **how)


@measured(
    "did.fig-7.start",
    where="Fig 7; Appendix J.1",
    title="DPO is nearer to the target than SimPO when training starts at random logits",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smaller for } r = \log(\pi/\pi_{ref}) \text{ than for SimPO, from a "
    r"start at } N(0, I)",
    reading="the initial logits are drawn from N(0, I), and training stops after 3,000 steps; temperature 0.25; "
    "SimPO's hyper-parameters chosen in each run",
    note="Neither the initial logits nor the number of steps is printed.",
    protocol=f"{SETTING}; temperature 0.25, initial logits from N(0, I), 3,000 steps, records every 100; DPO with "
    "beta = 1 and SimPO's 12 printed configurations on the same pairs; sign test over the runs",
    effect=LOWEST,
    count=29,
)
def start(seeds: Seeds) -> Outcomes:
    return _lowest(seeds, ((0.25, 3_000),), others=("simpo",), start="normal")


@start.holds_when(
    r"\text{training goes on for at least 10,000 steps}",
    protocol=f"{SETTING}; temperature 0.25, initial logits from N(0, I), 10,000 steps, records every 100; DPO with "
    "beta = 1 and SimPO's 12 printed configurations on the same pairs; sign test over the runs",
    effect=LOWEST,
    count=33,
    neighbours={
        "wrong protocol: chosen and rejected exchanged": {"labels": "exchanged", "steps": 1_000},
        "SimPO is nearer": {"who": "simpo"},
        "nearer by a factor of 10,000": {"factor": 1e4},
        "nearer at every record from step 3,000 on": {"first": 30},
    },
)
def start_late(seeds: Seeds, **how: Any) -> Outcomes:
    return _lowest(seeds, ((0.25, 10_000),), others=("simpo",), start="normal", **how)
