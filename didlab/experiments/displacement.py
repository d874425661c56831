"""Likelihood of chosen and rejected responses under DPO and DPO-PG: synthetic counterparts of Figures 2 and 8 to 11."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics import dpo_pg
from ..objectives import get
from ..plots import draw_band, finish_steps, muted, style
from ..policies import log_probabilities
from .output import Output
from .sweep import SEEDS, Reading, run_sweep

__all__ = ["make", "measure"]

TEMPERATURES = (0.25, 0.5, 2.0, 4.0)
READINGS = (Reading("start at the reference"), Reading("fixed data set of 10,000 pairs", pairs=10_000))
EVERY = 50


def measure(problems: Any, logits: np.ndarray) -> np.ndarray:
    r"""Changes of :math:`E\log\pi(y_w)` and :math:`E\log\pi(y_l)` against the reference, and DPO's loss with beta 0.1.

    Args:
        problems: of the run.
        logits: shape (problems, configurations, K).

    Returns:
        shape (3, problems, configurations); expectations are exact, over the distribution of the pairs.
    """
    v = log_probabilities(logits)
    ref = np.stack([q.reference for q in problems])[:, None]
    h, cells = v - ref, np.stack([q.cells for q in problems])
    chosen, rejected = cells.sum(2)[:, None], cells.sum(1)[:, None]
    margin = 0.1 * (h[..., :, None] - h[..., None, :])
    loss = (np.logaddexp(0.0, -margin) * cells[:, None]).sum((-1, -2))
    return np.stack(((chosen * h).sum(-1), (rejected * h).sum(-1), loss))


def make(out: Output) -> None:
    """Both update rules at four temperatures, from the reference."""
    configurations = [get("dpo", beta=0.1), dpo_pg()]
    names, found = ("dpo", "dpo-pg"), {}
    for m, reading in enumerate(READINGS):
        snapshots: list[tuple[int, np.ndarray]] = []
        problems, _ = run_sweep(out, f"r{m}", configurations, TEMPERATURES, reading, share=0.4 * m, every=1000,
                                callback=lambda step, x, keep=snapshots: keep.append((step, x)), callback_every=EVERY)
        out.say("measuring", 0.4 * m + 0.3)
        steps = np.array([s for s, _ in snapshots])
        values = np.stack([measure(problems, x) for _, x in snapshots], axis=-1)
        found[reading.name] = values.reshape(3, len(TEMPERATURES), len(SEEDS), 2, -1)
    values = found[READINGS[0].name]
    rows = []
    for t, part in zip(TEMPERATURES, np.moveaxis(values, 1, 0), strict=True):
        for k, name in enumerate(names):
            q = np.quantile(part[:, :, k], (0.1, 0.5, 0.9), axis=1)
            rows += [(t, name, int(s), *q[:, :, i].T.ravel()) for i, s in enumerate(steps) if i % 4 == 0]
    measures = ("chosen", "rejected", "loss")
    out.table("", ("temperature", "rule", "step", *(f"{m}_{p}" for m in measures for p in ("p10", "median", "p90"))), rows)
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(9.2, 5.2), sharex=True, sharey="col")
        for i, name in enumerate(names):
            for k, title in enumerate(("E log π(y_w) − E log π_ref(y_w)", "E log π(y_l) − E log π_ref(y_l)", "DPO loss, β = 0.1")):
                axis = axes[i, k]
                for m, t in enumerate(TEMPERATURES):
                    draw_band(axis, steps, values[k, m, :, i], muted(m), f"τ = {t:g}")
                finish_steps(axis, f"{'DPO' if name == 'dpo' else 'DPO-PG'}: {title}", "nats" if k == 0 else "", log=False)
                if k < 2:
                    axis.axhline(0.0, color="#222222", linewidth=0.8)
                    axis.set_yscale("symlog", linthresh=0.1)
                if i == 0:
                    axis.set_xlabel("")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=4)
        out.image(figure)
        plt.close(figure)
    _caption(out, found)


def _caption(out: Output, found: dict[str, np.ndarray]) -> None:
    facts: dict[str, Any] = {}
    for reading, values in found.items():
        for m, t in enumerate(TEMPERATURES):
            for k, name in enumerate(("DPO", "DPO-PG")):
                end = values[:, m, :, k, -1]
                start = values[2, m, :, k, 0]
                facts[f"{reading}; τ = {t:g}; {name}"] = {
                    "chosen, median": float(np.median(end[0])), "seeds where chosen rises": int((end[0] > 0).sum()),
                    "rejected, median": float(np.median(end[1])), "seeds where rejected falls": int((end[1] < 0).sum()),
                    "seeds where the loss falls": int((end[2] < start).sum()),
                }
    first = READINGS[0].name
    words = [f"τ = {t:g}: DPO {facts[f'{first}; τ = {t:g}; DPO']['seeds where chosen rises']}/16, DPO-PG "
             f"{facts[f'{first}; τ = {t:g}; DPO-PG']['seeds where chosen rises']}/16" for t in TEMPERATURES]
    falls = [f"{facts[f'{first}; τ = {t:g}; DPO-PG']['seeds where rejected falls']}/16" for t in TEMPERATURES]
    drops = [f"{facts[f'{first}; τ = {t:g}; DPO-PG']['seeds where the loss falls']}/16" for t in TEMPERATURES]
    out.caption(
        "Likelihood of chosen and rejected responses (Figures 2 and 8 to 11 on the synthetic problem)",
        "Exact expected change of the log-likelihood of chosen and rejected responses, and DPO's loss, under DPO (β = 0.1) and DPO-PG; "
        "5,000 steps of RMSprop from the reference; median and 10 to 90 % band of 16 seeds; τ < 1: the target reinforces, τ > 1: it smooths.",
        "The paper's figures are language models; here the data are those of section 3.5. Seeds in which the likelihood of the chosen "
        f"responses has risen at the end: {'; '.join(words)}. Under DPO-PG the likelihood of rejected responses has fallen in "
        f"{', '.join(falls)} seeds and DPO's loss in {', '.join(drops)}.",
        facts,
    )


