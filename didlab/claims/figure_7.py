r"""What Figure 7 of the DID paper shows, measured on independent runs, under each reading of what is not printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.measured import Outcomes, measured
from .figure_runs import DATA, LOWEST, NEAREST, PRINTED, SETTING, SIMPO, Seeds, exchanged, lowest, trained

__all__: list[str] = []


@measured(
    "did.fig-7",
    where="Fig 7; Appendix J.1",
    title="DPO ends nearer to the target than each other objective, at every temperature",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, across } \tau",
    reading="after thousands of steps from a start at the reference, with fresh pairs; DPO's last value against the "
    "lowest value of each other objective on its way, its hyper-parameters chosen in each run; temperatures 0.25, 0.5 "
    "and 2 (did.fig-1.right: 4; .smoothing: 8)",
    note="What is not printed: the verdict depends on the number of steps (.consistently) and on the initial logits "
    "(.start); it is the same with a fixed data set (.data) and for other roles of the grids' symbols (.symbols).",
    protocol=f"{SETTING}; temperatures 0.25 (5,000 steps), 0.5 (2,000 steps) and 2 (1,500 steps), start at the "
    f"reference, {PRINTED} and temperature",
    effect=LOWEST,
    count=28,
    neighbours=NEAREST | {"nearer at every record from step 500 on": {"first": 5}},
)
def fig_7(seeds: Seeds, **how: Any) -> Outcomes:
    return lowest(seeds, ((0.25, 5_000), (0.5, 2_000), (2.0, 1_500)), **how)


@measured(
    "did.fig-7.data",
    where="Fig 7; Appendix J.1",
    title="the same with a fixed data set instead of fresh pairs",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, trained on a fixed data "
    r"set}",
    reading="a data set of 10,000 pairs, drawn once for each run, from which batches are drawn with replacement; "
    "temperatures 0.5 and 4, 2,000 steps",
    note="Whether pairs are drawn anew in each step is not printed. A fixed data set has an optimum of its own, off the "
    "target: the longer the training, the smaller DPO's lead.",
    protocol=f"{DATA}; temperatures 0.5 and 4, start at the reference, 2,000 steps, {PRINTED} and temperature",
    effect=LOWEST,
    count=30,
    neighbours=NEAREST
    | exchanged(500)
    | {"nearer at every record from step 1,000 on, by a factor of 2": {"first": 10, "factor": 2.0}},
)
def data(seeds: Seeds, **how: Any) -> Outcomes:
    return lowest(seeds, ((0.5, 2_000), (4.0, 2_000)), pairs=10_000, **how)


@measured(
    "did.fig-7.symbols",
    where="Fig 7; Appendix J.1",
    title="the same for other roles of the symbols of SLiC, ORPO and Cal-DPO",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, whatever } \beta \text{ "
    r"and } \lambda \text{ of the other losses stand for}",
    reading="SLiC with margin and weight exchanged and with beta as a slope, ORPO with beta as a slope and as the "
    "weight of the likelihood, Cal-DPO with beta inside the sigmoid; temperatures 0.5 and 4",
    note="The appendix prints grids of beta and lambda without the losses in which they stand.",
    protocol=f"{SETTING}; temperatures 0.5 (1,500 steps) and 4 (2,500 steps), start at the reference, records every "
    "100; DPO with beta = 1 and 45 configurations of the others on the same pairs; a sign test for each objective and "
    "temperature",
    effect=LOWEST,
    count=25,
    neighbours=NEAREST | {"nearer than ORPO by a factor of 20": {"orpo": 20.0}},
)
def symbols(seeds: Seeds, *, orpo: float = 1.0, **how: Any) -> Outcomes:
    parts = lowest(seeds, ((0.5, 1_500), (4.0, 2_500)), others=("slic", "orpo", "cal-dpo"), roles="other", **how)
    return {name: x - np.log(orpo) if "ORPO" in name else x for name, x in parts.items()}


@measured(
    "did.fig-7.smoothing",
    where="Fig 7; Appendix J.1",
    title="the same for a target that is nearly uniform",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smallest for } r = \log(\pi/\pi_{ref})\text{, also at } \tau = 8",
    reading="as did.fig-7, after 8,000 steps: after 5,000, DPO is still behind SLiC in about a tenth of the runs",
    protocol=f"{SETTING}; temperature 8, start at the reference, 8,000 steps, {PRINTED}",
    effect=LOWEST,
    count=24,
    neighbours=NEAREST | exchanged(500) | {"nearer by a factor of 1,000": {"factor": 1e3}},
)
def smoothing(seeds: Seeds, **how: Any) -> Outcomes:
    return lowest(seeds, ((8.0, 8_000),), **how)


@measured(
    "did.fig-7.consistently",
    where="Fig 7; section 3.5",
    title="DPO is nearest to the target all through training",
    statement=r"\text{during training, } D_{JS}[\pi^* \| \pi_t] \text{ is consistently smallest for } "
    r"r = \log(\pi/\pi_{ref})",
    reading="at any step of training, not only at its end: here after 1,500 steps, at temperature 0.25; "
    "hyper-parameters chosen in each run",
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 1,500 steps, {SIMPO}; sign test over the runs",
    effect=LOWEST,
    count=40,
)
def consistently(seeds: Seeds) -> Outcomes:
    return lowest(seeds, ((0.25, 1_500),), others=("simpo",))


@consistently.instead(
    r"\text{SimPO is nearer at first; after 5,000 steps } D_{JS}[\pi^* \| \pi_t] \text{ is smaller for } "
    r"r = \log(\pi/\pi_{ref})",
    protocol=f"{SETTING}; temperature 0.25, start at the reference, 5,000 steps, {SIMPO}; sign tests over the runs",
    effect="log of DPO's JS after 1,500 steps over SimPO's lowest until then; " + LOWEST,
    count=29,
    neighbours=exchanged(1_000)
    | {"SimPO is nearest": {"who": "simpo"}, "nearer by a factor of 4 at last": {"factor": 4.0}},
)
def consistently_late(seeds: Seeds, *, who: str = "dpo", factor: float = 1.0, **how: Any) -> Outcomes:
    late = lowest(seeds, ((0.25, 5_000),), others=("simpo",), who=who, factor=factor, **how)
    js = trained(seeds, 0.25, how.pop("steps", 5_000), ("dpo", "log-pi", "simpo"), **how)
    early = np.log(js["dpo"][:, 0, min(15, js["dpo"].shape[-1] - 1)] / js["simpo"][..., :16].min((1, 2)))
    return {f"{name}, at last": x for name, x in late.items()} | {"SimPO is nearer at first": early}


@measured(
    "did.fig-7.start",
    where="Fig 7; Appendix J.1",
    title="DPO is nearer to the target than SimPO when training starts at random logits",
    statement=r"D_{JS}[\pi^* \| \pi] \text{ is smaller for } r = \log(\pi/\pi_{ref}) \text{ than for SimPO, from a "
    r"start at } N(0, I)",
    reading="the initial logits are drawn from N(0, I), and training stops after 3,000 steps; temperature 0.25; "
    "SimPO's hyper-parameters chosen in each run",
    note="Neither the initial logits nor the number of steps is printed.",
    protocol=f"{SETTING}; temperature 0.25, initial logits from N(0, I), 3,000 steps, {SIMPO}; sign test over the runs",
    effect=LOWEST,
    count=29,
)
def start(seeds: Seeds) -> Outcomes:
    return lowest(seeds, ((0.25, 3_000),), others=("simpo",), start="normal")


@start.holds_when(
    r"\text{training goes on for at least 10,000 steps}",
    protocol=f"{SETTING}; temperature 0.25, initial logits from N(0, I), 10,000 steps, {SIMPO}; sign test over the runs",
    effect=LOWEST,
    count=33,
    neighbours=exchanged(1_000)
    | {
        "SimPO is nearer": {"who": "simpo"},
        "nearer by a factor of 10,000": {"factor": 1e4},
        "nearer at every record from step 3,000 on": {"first": 30},
    },
)
def start_late(seeds: Seeds, **how: Any) -> Outcomes:
    return lowest(seeds, ((0.25, 10_000),), others=("simpo",), start="normal", **how)
