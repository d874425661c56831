"""Chosen and rejected log-likelihoods under the ten objectives of Table 2: counterparts of Figures 1, 2 and 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..objectives import Objective, get
from ..plots import draw_band, finish_steps, muted, style
from .gip_training import (
    BATCH,
    DIMENSION,
    EDITS,
    EVERY,
    HELD_OUT,
    OWN,
    SAMPLES,
    STEPS,
    VOCABULARY,
    Curves,
    World,
    train,
)
from .output import Output

__all__ = ["make_1", "make_2", "make_7", "objectives_of_table_2", "pattern"]

SEEDS = tuple(range(16))
KINDS = (SAMPLES, EDITS, OWN)
BETA = 0.1  # of every objective: printed for DPO alone
RISE, FALL, APART, BACKWARDS = "both rise", "both fall", "chosen rises, rejected falls", "chosen falls, rejected rises"
CHOSEN = {"color": "#0072b2", "linestyle": "-", "linewidth": 1.8}
REJECTED = {"color": "#d55e00", "linestyle": (0, (5, 1.5)), "linewidth": 1.8}
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


def _train(out: Output, kinds: Sequence[str], objectives: dict[str, Objective]) -> dict[str, Curves]:
    """Curves of shape (snapshots, seeds, objectives) for each kind of pairs."""
    world, found = World.of(SEEDS), {}
    for n, kind in enumerate(kinds):
        found[kind] = train(
            world, kind, list(objectives.values()), steps=STEPS,
            checkpoint=out.checkpoint(f"pairs-{KINDS.index(kind)}"),
            say=lambda share, n=n, kind=kind: out.say(kind, (n + 0.95 * share) / len(kinds)),
        )
    return found


def _facts(curves: Curves, k: int, per_token: bool) -> dict[str, Any]:
    """What the curves of one objective do, counted over seeds."""
    w, l = _sides(curves, k, per_token)  # noqa: E741
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


def _sides(curves: Curves, k: int, per_token: bool) -> tuple[np.ndarray, np.ndarray]:
    """Changes since the start, shape (snapshots, seeds), of one objective."""
    pair = (curves.chosen_per_token, curves.rejected_per_token) if per_token else (curves.chosen, curves.rejected)
    return pair[0][..., k] - pair[0][:1, :, k], pair[1][..., k] - pair[1][:1, :, k]


def _table(out: Output, found: dict[str, Curves], names: Sequence[str]) -> None:
    header = [f"{c}_{q}" for c in Curves._fields[:-1] for q in ("p10", "median", "p90")]
    out.table("", ("pairs", "objective", "step", *header), (
        (kind, name, i * EVERY,
         *np.quantile(np.stack([c[i, :, k] for c in curves[:-1]]), (0.1, 0.5, 0.9), axis=1).T.ravel())
        for kind, curves in found.items() for k, name in enumerate(names) for i in range(len(curves.chosen))
    ))


def _steps() -> np.ndarray:
    return np.arange(0, STEPS + 1, EVERY)


def _panel(axis: Any, curves: Curves, k: int, title: str, per_token: bool) -> None:
    for side, look, name in zip(_sides(curves, k, per_token), (CHOSEN, REJECTED), ("chosen", "rejected"), strict=True):
        draw_band(axis, _steps(), side.T, look, name)
    axis.axhline(0.0, color="#222222", linewidth=0.8)
    finish_steps(axis, title, "", log=False)
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")


SHARED = (
    f"A last layer of {DIMENSION} × {VOCABULARY} parameters over the states of a frozen random recurrent network is "
    f"trained by Adam from its reference on {STEPS} batches of {BATCH} fresh pairs; log-likelihoods on {HELD_OUT} "
    f"held-out pairs; median and 10 to 90 % band of {len(SEEDS)} seeds."
)
DIFFERS = (
    "The paper trains Mistral 7B and Llama-3 8B with LoRA on TL;DR; here the model has one shared layer and the pairs "
    "are generated, with a hidden reward (the log-ratio of another layer to the reference) and labels drawn from it. "
    "β = 0.1 where Appendix C.3 prints none. "
)


def _named(agree: dict[str, bool]) -> str:
    """Those that agree, and those that do not.

    >>> _named({"DPO": True, "IPO": False})
    'DPO, and not for IPO'
    """
    yes, no = ([n for n, ok in agree.items() if ok is wanted] for wanted in (True, False))
    return f"{', '.join(yes) or 'none'}, and not for {', '.join(no)}" if no else "all of them"


def make_1(out: Output) -> None:
    """An objective with a likelihood term and DPO, on three kinds of pairs, and what Eq 7 says of DPO's."""
    every = objectives_of_table_2()
    names = ("CPO", "DPO")
    found = _train(out, KINDS, {n: every[n] for n in names})
    _table(out, found, names)
    with style() as plt:
        figure, axes = plt.subplots(3, 3, figsize=(9.4, 7.0), sharex=True, sharey="row")
        for column, (kind, curves) in zip(axes.T, found.items(), strict=True):
            for k, (axis, name) in enumerate(zip(column, names, strict=False)):
                _panel(axis, curves, k, f"{name}: {kind}", False)
            met, rising = curves.met[..., 1].T, curves.rising()[..., 1].T
            draw_band(column[2], _steps(), met, muted(2), "condition (7) for its chosen response is met")
            draw_band(column[2], _steps()[1:], rising, muted(0), "chosen response becomes likelier")
            finish_steps(column[2], "DPO: share of pairs whose …", "", log=False)
            column[2].xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        for axis, label in zip(axes[:, 0], (*["change of log π (nats)"] * 2, "share of held-out pairs"), strict=True):
            axis.set_ylabel(label)
        for axis in axes[:2].flat:
            axis.set_xlabel("")
        axes[1, 0].legend(loc="lower left")
        axes[2, 0].set_ylim(0, 1.05)
        handles, labels = axes[2, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=2)
        out.image(figure)
        plt.close(figure)
    facts = {kind: {n: _facts(curves, k, False) for k, n in enumerate(names)} for kind, curves in found.items()}

    def told(name: str) -> str:
        return "; ".join(f"{kind}: {facts[kind][name]['pattern of the medians']}" for kind in KINDS)

    def shares(key: str) -> str:
        return ", ".join(f"{facts[kind]['DPO'][key]:.0%}" for kind in KINDS)

    first = tuple(facts[SAMPLES][n]["pattern of the medians"] for n in names)
    agrees = "agrees" if first == (RISE, FALL) else "does not agree"
    out.caption(
        "Figure 1 of the gradient paper, on synthetic pairs",
        "Change of the log-likelihood of chosen and rejected responses under an objective with a likelihood term (CPO, "
        "top) and under DPO (middle), for responses of another writer (left), a response and an edit of it that "
        f"shares most contexts (middle), and the reference's own responses (right). {SHARED} Bottom: the share of "
        "held-out pairs whose own gradients meet condition (7) for the chosen response, and the share whose chosen "
        "response becomes likelier until the next snapshot, under DPO.",
        f"{DIFFERS}The paper's Figure 1 shows one run in which both end higher and one in which both end lower. The "
        f"left column, nearest to it, {agrees} (CPO: {first[0]}, DPO: {first[1]}, by medians). By kind of pairs, CPO: "
        f"{told('CPO')}. DPO: {told('DPO')}. The margin rises for DPO in "
        f"{', '.join(str(facts[k]['DPO']['seeds where the margin rises']) for k in KINDS)} of 16 seeds. The paper "
        "explains the fall of the chosen response by a large inner product of the two gradients of its own pair. Here "
        "condition (7), under which a step on a pair raises its chosen response, is met by "
        f"{shares(MET)} of the held-out pairs, while {shares(RISING)} of the chosen responses rise from one snapshot "
        "to the next: they are moved by the steps on other pairs, of which the condition says nothing.",
        facts,
    )


def make_2(out: Output) -> None:
    """All ten objectives on the responses of another writer."""
    every = objectives_of_table_2()
    curves = _train(out, (SAMPLES,), every)[SAMPLES]
    _table(out, {SAMPLES: curves}, list(every))
    facts = {n: _facts(curves, k, n in PER_TOKEN) for k, n in enumerate(every)}
    with style() as plt:
        figure, axes = plt.subplots(2, 5, figsize=(12.0, 4.9), sharex=True)
        for k, (axis, name) in enumerate(zip(axes.flat, every, strict=True)):
            unit = " (per token)" if name in PER_TOKEN else ""
            _panel(axis, curves, k, f"{name}{unit}", name in PER_TOKEN)
            axis.set_xlabel("training step" if k >= 5 else "")
        for axis in axes[:, 0]:
            axis.set_ylabel("change of log π (nats)")
        axes[0, 0].legend(loc="lower left")
        out.image(figure)
        plt.close(figure)
    agree = {n: facts[n]["pattern of the medians"] in said for n, said in SAID.items()}
    for n, ok in agree.items():
        facts[n]["as the paper says"] = ok
        facts[n]["seeds as the paper says"] = sum(facts[n]["seeds by pattern"].get(p, 0) for p in SAID[n])
    out.caption(
        "Figure 2 of the gradient paper, on synthetic pairs",
        f"Change of the log-likelihood of chosen and rejected responses under the ten objectives of Table 2. {SHARED} "
        "SimPO and IPO per token, as in the paper.",
        f"{DIFFERS}Of the nine objectives that section 3.3 speaks of, the medians do what it says for {_named(agree)}; "
        "seed by seed, for "
        f"{', '.join(str(facts[n]['seeds as the paper says']) + ' (' + n + ')' for n in SAID)} of 16. "
        f"KTO, of which it says nothing: {facts['KTO']['pattern of the medians']}. The paper says that all objectives "
        "move both log-likelihoods together: here the share of intervals between snapshots in which both go the same "
        "way runs from "
        f"{min(f['share of intervals in which both move the same way'] for f in facts.values()):.2f} to "
        f"{max(f['share of intervals in which both move the same way'] for f in facts.values()):.2f}.",
        facts,
    )


def make_7(out: Output) -> None:
    """Cosine of the gradients of chosen and rejected under all ten objectives and three kinds of pairs."""
    every = objectives_of_table_2()
    found = _train(out, KINDS, every)
    _table(out, found, list(every))
    with style() as plt:
        figure, axes = plt.subplots(2, 5, figsize=(12.0, 4.9), sharex=True, sharey=True)
        for k, (axis, name) in enumerate(zip(axes.flat, every, strict=True)):
            for n, (kind, curves) in enumerate(found.items()):
                draw_band(axis, _steps(), curves.cosine[..., k].T, muted(n), kind)
            axis.axhline(0.0, color="#222222", linewidth=0.8)
            finish_steps(axis, name, "", log=False)
            axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
            axis.set_xlabel("training step" if k >= 5 else "")
        for axis in axes[:, 0]:
            axis.set_ylabel("cosine")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=3)
        out.image(figure)
        plt.close(figure)
    facts = {kind: {n: _facts(c, k, n in PER_TOKEN) for k, n in enumerate(every)} for kind, c in found.items()}
    cosine = "cosine of the gradients, median, first and last"
    start = {kind: next(iter(f.values()))[cosine][0] for kind, f in facts.items()}
    up = {kind: [n for n in every if f[n][cosine][1] > f[n][cosine][0] + 0.01] for kind, f in facts.items()}
    down = {kind: [n for n in every if f[n][cosine][1] < f[n][cosine][0] - 0.01] for kind, f in facts.items()}
    ends = {kind: [f[n][cosine][1] for n in every] for kind, f in facts.items()}
    within, between = max(max(e) - min(e) for e in ends.values()), max(start.values()) - min(start.values())
    which = "kind of pairs decides more than the objective" if between > within else "objective decides more"
    decides = (
        f"the {which}: the cosine at the start differs by {between:.2f} between kinds, at the end by at most "
        f"{within:.2f} between objectives"
    )
    both = {kind: sum(f[n]["pattern of the medians"] in (RISE, FALL) for n in every) for kind, f in facts.items()}
    together = "; ".join(
        f"{kind}: cosine {start[kind]:.2f} at the start, both move the same way for {both[kind]} of 10 objectives, "
        f"the cosine grows under {', '.join(up[kind]) or 'none'} and shrinks under {', '.join(down[kind]) or 'none'}"
        for kind in KINDS
    )
    out.caption(
        "Figure 7 of the gradient paper, on synthetic pairs",
        "Mean cosine, over held-out pairs, of the gradients of the chosen and of the rejected log-likelihood, under "
        f"the ten objectives of Table 2 and on three kinds of pairs. {SHARED}",
        f"{DIFFERS}The paper draws this for two models and quotes no number. Here {decides}. By kind, {together}.",
        facts,
    )
