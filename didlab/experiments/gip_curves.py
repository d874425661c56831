"""What the three synthetic figures of the gradient paper share: ten objectives, their training, what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..objectives import Objective, get
from ..plots import CHOSEN, REJECTED, draw_band, draw_zero, finish_steps
from .gip_training import EVERY, STEPS, Curves, train
from .gip_world import EDITS, OWN, SAMPLES, World
from .output import Output

__all__ = [
    "draw_panel", "facts_of", "objectives_of_table_2", "pattern", "sides", "steps", "train_all", "write_table",
]

SEEDS = tuple(range(16))
KINDS = (SAMPLES, EDITS, OWN)
BETA = 0.1  # of every objective: printed for DPO alone
RISE, FALL, APART, BACKWARDS = "both rise", "both fall", "chosen rises, rejected falls", "chosen falls, rejected rises"
MET = "share of pairs that meet the first condition of Eq 7 (median over seeds of the mean over snapshots)"
RISING = "share of pairs whose chosen response becomes likelier from one snapshot to the next (the same)"
PER_TOKEN = ("SimPO", "IPO")  # drawn per token in the paper
# what section 3.3 of the paper says it sees; of KTO it says nothing
SAID = {
    "DPO": (FALL,), "R-DPO": (FALL,), "SimPO": (FALL,), "IPO": (FALL,), "SPPO": (APART,),
    **dict.fromkeys(("CPO", "DPOP", "RRHF", "SLiC-HF"), (RISE, APART)),
}


def objectives_of_table_2() -> dict[str, Objective]:
    """The ten objectives, in the order of Table 2, with the hyper-parameters of Appendix C.3.

    Those that it does not print: beta is 0.1 throughout, weights of KTO are 1 and its reference point 0. IPO averages
    over tokens as footnote 4 says; the sign of R-DPO's length term is that of Table 2.

    >>> list(objectives_of_table_2())[:3]
    ['DPO', 'R-DPO', 'SimPO']

    Ref: "Common pitfalls of margin-based preference optimization", Table 2 and Appendix C.3.
    """
    return {
        "DPO": get("dpo", beta=BETA),
        "R-DPO": get("r-dpo", beta=BETA, alpha=0.2, convention="penalty"),
        "SimPO": get("simpo", beta=BETA, gamma=0.5),
        "IPO": get("ipo", beta=BETA, convention="trl"),
        "RRHF": get("rrhf", lam=1.0),
        "SLiC-HF": get("slic", beta=1.0, lam=1.0),
        "CPO": get("cpo", beta=BETA, lam=1.0),
        "DPOP": get("dpo-positive", beta=BETA, lam=50.0),
        "KTO": get("kto", beta=BETA),
        "SPPO": get("sppo", beta=BETA),
    }


def pattern(chosen: float, rejected: float) -> str:
    """Which way two log-likelihoods have moved.

    >>> pattern(1.0, 0.5), pattern(0.1, -3.0)
    ('both rise', 'chosen rises, rejected falls')
    """
    return ((BACKWARDS, FALL), (RISE, APART))[int(chosen > 0)][int(rejected < 0)]


def train_all(out: Output, kinds: Sequence[str], objectives: dict[str, Objective]) -> dict[str, Curves]:
    """Curves of shape (snapshots, seeds, objectives) for each kind of pairs."""
    world, found = World.of(SEEDS), {}
    for n, kind in enumerate(kinds):
        found[kind] = train(
            world, kind, list(objectives.values()), steps=STEPS,
            checkpoint=out.checkpoint(f"pairs-{KINDS.index(kind)}"),
            say=lambda share, n=n, kind=kind: out.say(kind, (n + 0.95 * share) / len(kinds)),
        )
    return found


def facts_of(curves: Curves, k: int, per_token: bool) -> dict[str, Any]:
    """What the curves of one objective do, counted over seeds."""
    w, l = sides(curves, k, per_token)  # noqa: E741
    ends = [pattern(a, b) for a, b in zip(w[-1], l[-1], strict=True)]
    dw, dl = np.diff(w, axis=0), np.diff(l, axis=0)
    return {
        "chosen, median change": float(np.median(w[-1])),
        "rejected, median change": float(np.median(l[-1])),
        "pattern of the medians": pattern(float(np.median(w[-1])), float(np.median(l[-1]))),
        "seeds by pattern": {p: ends.count(p) for p in (RISE, APART, FALL, BACKWARDS) if p in ends},
        "seeds where the margin rises": int((w[-1] > l[-1]).sum()),
        MET: float(np.median(curves.met[..., k].mean(0))),
        RISING: float(np.median(curves.rising()[..., k].mean(0))),
        "share of intervals in which both move the same way": float((dw * dl > 0).mean()),
        "cosine of the gradients, median, first and last": [float(np.median(curves.cosine[i, :, k])) for i in (0, -1)],
    }


def sides(curves: Curves, k: int, per_token: bool) -> tuple[np.ndarray, np.ndarray]:
    """Changes since the start, shape (snapshots, seeds), of one objective."""
    pair = (curves.chosen_per_token, curves.rejected_per_token) if per_token else (curves.chosen, curves.rejected)
    return pair[0][..., k] - pair[0][:1, :, k], pair[1][..., k] - pair[1][:1, :, k]


def write_table(out: Output, found: dict[str, Curves], names: Sequence[str]) -> None:
    header = [f"{c}_{q}" for c in Curves._fields[:-1] for q in ("p10", "median", "p90")]
    out.table("", ("pairs", "objective", "step", *header), (
        (kind, name, i * EVERY,
         *np.quantile(np.stack([c[i, :, k] for c in curves[:-1]]), (0.1, 0.5, 0.9), axis=1).T.ravel())
        for kind, curves in found.items() for k, name in enumerate(names) for i in range(len(curves.chosen))
    ))


def steps() -> np.ndarray:
    """The steps of the snapshots."""
    return np.arange(0, STEPS + 1, EVERY)


def draw_panel(axis: Any, curves: Curves, k: int, title: str, per_token: bool) -> None:
    for side, look, name in zip(sides(curves, k, per_token), (CHOSEN, REJECTED), ("chosen", "rejected"), strict=True):
        draw_band(axis, steps(), side.T, look, name)
    draw_zero(axis)
    finish_steps(axis, title, "", log=False, thousands=False)
