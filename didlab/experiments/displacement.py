"""Likelihood of chosen and rejected responses under DPO and DPO-PG: synthetic counterparts of Figures 2 and 8 to 11."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics import Problem, Protocol, dpo_pg, pair_problem, simulate, synthetic_problem
from ..objectives import get
from ..plots import draw_band, draw_zero, finish_steps, muted, style
from ..policies import log_probabilities
from .output import Output
from .sweep import SEEDS

__all__ = ["make", "measure"]

TEMPERATURES = (0.25, 0.5, 2.0, 4.0)
RULES = ("DPO", "DPO-PG")
STEPS, EVERY = 5000, 50
FROM_REFERENCE, FROM_TARGET = "y_w from π_ref, y_l from π_l", "y_w from π*, y_l from π_ref"


def measure(problems: list[Problem], logits: np.ndarray) -> np.ndarray:
    r"""Changes of :math:`E\log\pi(y_w)` and :math:`E\log\pi(y_l)` against the reference, and DPO's loss with beta 0.1.

    Args:
        problems: of the run.
        logits: shape (problems, configurations, K).

    Returns:
        shape (3, problems, configurations); expectations are exact, over the distribution of the pairs.

    >>> q = synthetic_problem(4.0, 1)
    >>> measure([q], q.reference[None, None]).round(6).ravel()
    array([0.      , 0.      , 0.693147])
    """
    v = log_probabilities(logits)
    ref = np.stack([q.reference for q in problems])[:, None]
    h, cells = v - ref, np.stack([q.cells for q in problems])
    chosen, rejected = cells.sum(2)[:, None], cells.sum(1)[:, None]
    margin = 0.1 * (h[..., :, None] - h[..., None, :])
    loss = (np.logaddexp(0.0, -margin) * cells[:, None]).sum((-1, -2))
    return np.stack(((chosen * h).sum(-1), (rejected * h).sum(-1), loss))


def _problems(pairs: str) -> list[Problem]:
    problems = [synthetic_problem(t, s) for t in TEMPERATURES for s in SEEDS]
    if pairs == FROM_REFERENCE:
        return problems
    return [
        pair_problem(q.reference, q.goal, q.reference, q.goal, seed=s) for q, s in zip(problems, SEEDS * 4, strict=True)
    ]


def _train(out: Output, pairs: str, share: float) -> np.ndarray:
    """Measures at every snapshot, shape (3, temperatures, seeds, rules, snapshots)."""
    problems, values = _problems(pairs), []

    def look(step: int, logits: np.ndarray) -> None:
        values.append(measure(problems, logits))
        if step % 1000 == 0:
            out.say(f"{pairs}, step {step}", share + 0.4 * step / STEPS)

    protocol = Protocol(steps=STEPS, every=STEPS)
    simulate(
        problems,
        [get("dpo", beta=0.1), dpo_pg()],
        protocol=protocol,
        workers=2,
        callback=look,
        callback_every=EVERY,
    )
    return np.stack(values, axis=-1).reshape(3, len(TEMPERATURES), len(SEEDS), len(RULES), -1)


def make(out: Output) -> None:
    """Both update rules, four temperatures, two kinds of pairs."""
    steps = np.arange(0, STEPS + 1, EVERY)
    found = {pairs: _train(out, pairs, 0.45 * n) for n, pairs in enumerate((FROM_REFERENCE, FROM_TARGET))}
    header = (f"{m}_{p}" for m in ("chosen", "rejected", "loss") for p in ("p10", "median", "p90"))
    out.table(
        "",
        ("pairs", "temperature", "rule", "step", *header),
        (
            (pairs, t, rule, int(steps[i]), *np.quantile(values[:, m, :, k, i], (0.1, 0.5, 0.9), axis=1).T.ravel())
            for pairs, values in found.items()
            for m, t in enumerate(TEMPERATURES)
            for k, rule in enumerate(RULES)
            for i in range(0, len(steps), 4)
        ),
    )
    _draw(out, found, steps)
    _caption(out, found)


def _draw(out: Output, found: dict[str, np.ndarray], steps: np.ndarray) -> None:
    with style() as plt:
        figure = plt.figure(figsize=(10.2, 6.9))
        for half, (pairs, values) in zip(figure.subfigures(1, 2), found.items(), strict=True):
            half.suptitle(pairs.replace("π_ref", r"$\pi_{ref}$").replace("π_l", r"$\pi_l$"), fontsize=11)
            axes = half.subplots(3, 2, sharex=True)
            for k, rule in enumerate(RULES):
                panels = (
                    (axes[k, 0], 0, f"{rule}: chosen"),
                    (axes[k, 1], 1, f"{rule}: rejected"),
                    (axes[2, k], 2, f"{rule}: DPO loss, β = 0.1"),
                )
                for axis, measured, title in panels:
                    for m, t in enumerate(TEMPERATURES):
                        draw_band(axis, steps, values[measured, m, :, k], muted(m), f"τ = {t:g}")
                    finish_steps(axis, title, "", log=False)
                    axis.set_xlabel("training step" if measured == 2 else "")
                    if measured < 2:
                        draw_zero(axis)
            for n, label in enumerate(("change of E log π (nats)", "change of E log π (nats)", "nats")):
                axes[n, 0].set_ylabel(label)
            axes[0, 1].legend(loc="lower left")
        out.image(figure)


def _caption(out: Output, found: dict[str, np.ndarray]) -> None:
    facts: dict[str, Any] = {}
    for pairs, values in found.items():
        for m, t in enumerate(TEMPERATURES):
            for k, rule in enumerate(RULES):
                end, start = values[:, m, :, k, -1], values[2, m, :, k, 0]
                facts[f"{pairs}; τ = {t:g}; {rule}"] = {
                    "chosen, median": float(np.median(end[0])),
                    "seeds where chosen rises": int((end[0] > 0).sum()),
                    "rejected, median": float(np.median(end[1])),
                    "seeds where rejected falls": int((end[1] < 0).sum()),
                    "seeds where the loss falls": int((end[2] < start).sum()),
                }

    def counts(pairs: str, rule: str, key: str) -> str:
        return ", ".join(str(facts[f"{pairs}; τ = {t:g}; {rule}"][key]) for t in TEMPERATURES)

    rises, falls, drops = "seeds where chosen rises", "seeds where rejected falls", "seeds where the loss falls"
    out.caption(
        "Likelihood of chosen and rejected responses (Figures 2 and 8 to 11 on synthetic pairs)",
        "Exact expected change of the log-likelihood of chosen and of rejected responses, and DPO's loss, under DPO "
        "(β = 0.1) and "
        "DPO-PG; 5,000 steps of RMSprop from the reference on fresh pairs; median and 10 to 90 % band of 16 seeds; τ "
        "< 1: the "
        "target reinforces, τ > 1: it smooths. Left half: the pairs of section 3.5. Right half: those of Appendix K.",
        "The paper's figures are language models. With the pairs of section 3.5 the expected change for chosen "
        "responses is "
        "−KL(π_ref ‖ π): it cannot rise, whatever the temperature or the update rule. So displacement in this set-up "
        "says nothing "
        "about the entropy of the DID. With chosen responses from π*, they have become likelier at the end in "
        f"{counts(FROM_TARGET, 'DPO', rises)} "
        f"of 16 seeds under DPO and {counts(FROM_TARGET, 'DPO-PG', rises)} under DPO-PG (τ = 0.25, 0.5, 2, 4); "
        "rejected ones have become "
        f"less likely in {counts(FROM_TARGET, 'DPO', falls)} and {counts(FROM_TARGET, 'DPO-PG', falls)}; DPO's loss "
        "has fallen in "
        f"{counts(FROM_TARGET, 'DPO', drops)} and {counts(FROM_TARGET, 'DPO-PG', drops)}.",
        facts,
    )
