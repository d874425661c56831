r"""What Figure 1 of the DID paper shows, measured on independent runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.measured import Outcomes, measured
from .figure_runs import LOWEST, NEAREST, PRINTED, SETTING, Seeds, exchanged, lowest, trained

__all__: list[str] = []


def _falls(
    seeds: Seeds, temperature: float, *, below: float, steps: int = 15_000, reward: str = "log-pi", each: bool = False,
    labels: str = "as drawn",
) -> Outcomes:
    """log of (a share of the first JS to the DID / the last one), or of each record by the next."""
    js = trained(seeds, temperature, steps, ("dpo", "log-pi"), labels=labels, every=50, did=True)[reward][:, 0]
    return {"": np.log(js[:, :-1] / js[:, 1:]) if each else np.log(below * js[:, 0] / js[:, -1])}


FALLS = exchanged(1_000) | {"it is lower at every record, 50 steps apart": {"each": True}}


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
    count=26,
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
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 8,000 steps; sign test over the runs",
    effect="log of a tenth of the first JS over the last JS",
    count=29,
    neighbours=FALLS | {"it falls below 0.001 % of its start": {"below": 1e-5}},
)
def left_reinforcing(seeds: Seeds, *, below: float = 0.1, steps: int = 8_000, **how: Any) -> Outcomes:
    return _falls(seeds, 0.25, below=below, steps=steps, **how)


def _floor(seeds: Seeds, rate: float, steps: int = 4_000, did: bool = True) -> np.ndarray:
    """JS to the DID at temperature 1/2, from a start at the DID, every 10 steps; shape (runs, records)."""
    return trained(seeds, 0.5, steps, ("log-pi",), rate=rate, every=10, did=did)["log-pi"][:, 0]


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
    count=24,
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
    count=24,
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


@measured(
    "did.fig-1.right",
    where="Fig 1, right; section 3.5",
    title="DPO ends nearer to the target than each other objective, at temperature 4",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smaller for } r = \log(\pi/\pi_{ref}) \text{ than for SLiC, ORPO, SimPO "
    r"and Cal-DPO, } \tau = 4",
    reading="DPO's last value against the lowest value of each other objective on its way, its hyper-parameters chosen "
    "in each run: the choices that favour the others most",
    protocol=f"{SETTING}; temperature 4, start at the reference, 5,000 steps, {PRINTED}",
    effect=LOWEST,
    count=24,
    neighbours=NEAREST | exchanged(1_000) | {"nearer by a factor of 1,000": {"factor": 1e3}},
)
def right(seeds: Seeds, **how: Any) -> Outcomes:
    return lowest(seeds, ((4.0, 5_000),), **how)
