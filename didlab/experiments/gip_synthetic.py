"""Chosen and rejected log-likelihoods under the ten objectives of Table 2: counterparts of Figures 1, 2 and 7."""

from __future__ import annotations

from ..plots import draw_band, draw_zero, finish_steps, muted, style
from .gip_curves import (
    FALL,
    KINDS,
    MET,
    PER_TOKEN,
    RISE,
    RISING,
    SAID,
    SEEDS,
    draw_panel,
    facts_of,
    objectives_of_table_2,
    steps,
    train_all,
    write_table,
)
from .gip_training import BATCH, HELD_OUT, STEPS
from .gip_world import DIMENSION, SAMPLES, VOCABULARY
from .output import Output

__all__ = ["make_1", "make_2", "make_7"]

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
    found = train_all(out, KINDS, {n: every[n] for n in names})
    write_table(out, found, names)
    with style() as plt:
        figure, axes = plt.subplots(3, 3, figsize=(9.4, 7.0), sharex=True, sharey="row")
        for column, (kind, curves) in zip(axes.T, found.items(), strict=True):
            for k, (axis, name) in enumerate(zip(column, names, strict=False)):
                draw_panel(axis, curves, k, f"{name}: {kind}", False)
            met, rising = curves.met[..., 1].T, curves.rising()[..., 1].T
            draw_band(column[2], steps(), met, muted(2), "condition (7) for its chosen response is met")
            draw_band(column[2], steps()[1:], rising, muted(0), "chosen response becomes likelier")
            finish_steps(column[2], "DPO: share of pairs whose …", "", log=False, thousands=False)
        for axis, label in zip(axes[:, 0], (*["change of log π (nats)"] * 2, "share of held-out pairs"), strict=True):
            axis.set_ylabel(label)
        for axis in axes[:2].flat:
            axis.set_xlabel("")
        axes[1, 0].legend(loc="lower left")
        axes[2, 0].set_ylim(0, 1.05)
        handles, labels = axes[2, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=2)
        out.image(figure)
    facts = {kind: {n: facts_of(curves, k, False) for k, n in enumerate(names)} for kind, curves in found.items()}

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
    curves = train_all(out, (SAMPLES,), every)[SAMPLES]
    write_table(out, {SAMPLES: curves}, list(every))
    facts = {n: facts_of(curves, k, n in PER_TOKEN) for k, n in enumerate(every)}
    with style() as plt:
        figure, axes = plt.subplots(2, 5, figsize=(12.0, 4.9), sharex=True)
        for k, (axis, name) in enumerate(zip(axes.flat, every, strict=True)):
            unit = " (per token)" if name in PER_TOKEN else ""
            draw_panel(axis, curves, k, f"{name}{unit}", name in PER_TOKEN)
            axis.set_xlabel("training step" if k >= 5 else "")
        for axis in axes[:, 0]:
            axis.set_ylabel("change of log π (nats)")
        axes[0, 0].legend(loc="lower left")
        out.image(figure)
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
    found = train_all(out, KINDS, every)
    write_table(out, found, list(every))
    with style() as plt:
        figure, axes = plt.subplots(2, 5, figsize=(12.0, 4.9), sharex=True, sharey=True)
        for k, (axis, name) in enumerate(zip(axes.flat, every, strict=True)):
            for n, (kind, curves) in enumerate(found.items()):
                draw_band(axis, steps(), curves.cosine[..., k].T, muted(n), kind)
            draw_zero(axis)
            finish_steps(axis, name, "", log=False, thousands=False)
            axis.set_xlabel("training step" if k >= 5 else "")
        for axis in axes[:, 0]:
            axis.set_ylabel("cosine")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=3)
        out.image(figure)
    facts = {kind: {n: facts_of(c, k, n in PER_TOKEN) for k, n in enumerate(every)} for kind, c in found.items()}
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
