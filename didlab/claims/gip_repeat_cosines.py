r"""Figure 4 of the gradient paper, on the recorded runs of `gip_repeat`: cosines of gradients."""

from __future__ import annotations

import numpy as np

from ..engine.measured import Outcomes, measured
from ..experiments.transformer.picture import MAIN, cosine, identical
from ..experiments.transformer.protocol import PROTOCOL
from ..experiments.transformer.styles import STYLES, place
from .gip_repeat import COUNT, EVERY, MIXED, RECORDED, SEEDS, SETTING, VARIED, WAYS, Seeds, each

__all__: list[str] = []


def _cosines(seeds: Seeds, setting: str, record: int) -> list[np.ndarray]:
    return [each(seeds, lambda r, s=s: cosine(r, setting, s, record)) for s in STYLES]


def _diagonals(seeds: Seeds) -> dict[str, np.ndarray]:
    """Cosines of the gradients of each token of the long responses, by way of fine-tuning, shape (runs, tokens)."""
    return {s: each(seeds, lambda r, s=s: identical(r, s)) for s in WAYS}


PAIRS = f"mean cosine of {PROTOCOL.differentiated} pairs, exact gradients over all parameters"
TESTED = f"{SETTING}; each way of fine-tuning; sign test over the runs"


@measured(
    "gip.fig-4.repeat",
    where="Fig 4a; section 4.2",
    title="the cosine of the two gradients grows with the suffix; the single token's is lowest",
    statement=r"\cos^{single} < \cos^{short} < \cos^{long}",
    reading=f"all along DPO (each record), whatever the fine-tuning (each of the five ways); {RECORDED}",
    note="The paper does not print how its model was fine-tuned, so that every way that was tried is asked for; this reading was "
    "fixed before the runs that are judged. Of one way alone, a model for each style, the runs decide nothing at this error "
    "rate: all along DPO the order is there in 19 of 80 runs, before DPO in 24. Where the words of the suffixes vary it is "
    "there (gip.fig-4.repeat.varied).",
    protocol=f"{EVERY}; {PAIRS}",
    effect="least difference of neighbouring styles' cosines over the records and the ways",
    count=COUNT,
    recorded=SEEDS,
)
def grows(seeds: Seeds) -> Outcomes:
    records = range(PROTOCOL.pair_steps // PROTOCOL.every + 1)
    return {"": np.concatenate([np.diff(_cosines(seeds, how, k), axis=0) for how in WAYS for k in records]).T}


@grows.instead(
    r"\text{words of the suffixes that vary: } \cos^{single} < \cos^{short} < \cos^{long} \text{ before DPO and } "
    r"\cos^{single} < \cos^{long} \text{ after it; all styles at once: } \cos^{single} < \cos^{short}, \cos^{long} "
    r"\text{ after it}",
    protocol=f"{EVERY}; {PAIRS}",
    effect="difference of the cosines",
    count=COUNT,
    neighbours={
        "the long suffix is below the short one before DPO": {"exchanged": True},
        "by nine tenths at least each time": {"by": 0.9},
        "the single token's is above 0 before DPO, too": {"sign": True},
        "wrong protocol: before DPO the style is a single token throughout": {"same": True},
    },
)
def grows_when(
    seeds: Seeds, *, exchanged: bool = False, by: float = 0.0, sign: bool = False, same: bool = False
) -> Outcomes:
    single, short, long = _cosines(seeds, VARIED, 0)
    if same:
        short = long = single
    last, together = _cosines(seeds, VARIED, -1), _cosines(seeds, MIXED, -1)
    out = {
        "single below short, words vary, before": short - single - by,
        "short below long, words vary, before": (short - long if exchanged else long - short) - by,
        "single below long, words vary, after": last[2] - last[0] - by,
        "single below short, all styles, after": together[1] - together[0] - by,
        "single below long, all styles, after": together[2] - together[0] - by,
    }
    return out | ({"sign": single} if sign else {})


@measured(
    "gip.fig-4.repeat.varied",
    where="Fig 4a; section 4.2",
    title="before DPO the cosine grows with the suffix where its words vary",
    statement=r"\cos^{single} < \cos^{short} < \cos^{long}",
    reading="of the fine-tuned model, if the words of the suffixes vary from statement to statement and the model is "
    f"therefore uncertain about them; {RECORDED}",
    protocol=f"{EVERY}; {PAIRS}",
    effect="difference of neighbouring styles' cosines",
    count=COUNT,
    recorded=SEEDS,
    neighbours={
        "the long suffix is below the short one": {"order": (0, 2, 1)},
        "by one at least each time": {"by": 1.0},
        "the single token is above the suffixes": {"order": (1, 2, 0)},
        "it grows, from a single token's above 0": {"positive": True},
        "wrong protocol: chosen gradients against themselves": {"itself": True},
    },
)
def varied(
    seeds: Seeds, *, order: tuple[int, ...] = (0, 1, 2), by: float = 0.0, itself: bool = False, positive: bool = False
) -> Outcomes:
    found = _cosines(seeds, VARIED, 0)
    a, b, c = (found[k] ** 0 if itself else found[k] for k in order)
    out = {"first step": b - a - by, "second step": c - b - by}
    return out | ({"single token": found[0]} if positive else {})


@measured(
    "gip.fig-4.repeat.differing",
    where="Fig 4b; section 4.2",
    title="the gradients at the differing token have a negative inner product",
    statement=r"\langle \nabla\log\pi_w^m, \nabla\log\pi_l^m \rangle < 0",
    reading=f"before DPO, long suffix, mean cosine of {PROTOCOL.inspected} instances, in every way of fine-tuning; {RECORDED}",
    protocol=TESTED,
    effect="minus the mean cosine at the differing token",
    count=COUNT,
    recorded=SEEDS,
    neighbours={
        "at the token after it as well, if fine-tuned on one style": {"shift": 1},
        "at the token before it": {"shift": -1, "alone": True},
        "wrong protocol: cosine with itself": {"sign": -1.0},
    },
)
def differing(seeds: Seeds, *, shift: int = 0, alone: bool = False, sign: float = 1.0) -> Outcomes:
    at, diagonals = place(STYLES[-1]), _diagonals(seeds)
    out = {s: -sign * x[:, at + shift * alone] for s, x in diagonals.items()}
    return out | ({"shifted": -diagonals[MAIN][:, at + shift]} if shift and not alone else {})


@measured(
    "gip.fig-4.repeat.identical",
    where="Fig 4b; section 4.2",
    title="the gradients at identical tokens have a high cosine",
    statement=r"\cos(\nabla\log\pi_w^i, \nabla\log\pi_l^i) \text{ is high for identical tokens}",
    reading=f"before DPO, long suffix: above 0 at every identical token, and above 0.8 on average over them; {RECORDED}",
    protocol=TESTED,
    effect="lowest cosine at an identical token, and the mean cosine minus 0.8",
    count=COUNT,
    recorded=SEEDS,
    neighbours={
        "wrong protocol: the differing token is counted": {"counted": True},
        "each is above 0.99": {"lowest": 0.99},
        "the average is above 0.995": {"mean": 0.995},
    },
)
def identical_tokens(seeds: Seeds, *, lowest: float = 0.0, mean: float = 0.8, counted: bool = False) -> Outcomes:
    out: dict[str, np.ndarray] = {}
    for s, x in _diagonals(seeds).items():
        kept = x if counted else np.delete(x, place(STYLES[-1]), axis=1)
        out |= {f"{s}, each": kept.min(1) - lowest, f"{s}, mean": kept.mean(1) - mean}
    return out
