"""Figure 3 of the gradient paper on a small transformer: chosen and rejected log-likelihoods while DPO trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..plots import CHOSEN, REJECTED, draw_band, draw_zero, finish_steps, style
from .output import Output
from .transformer.picture import MAIN, change, look_up, picture, steps, token_change
from .transformer.protocol import PROTOCOL, Protocol
from .transformer.run import OBJECTIVES, compare, run
from .transformer.styles import STYLES
from .transformer.sweep import Runs, sweep

__all__ = ["SEEDS", "SHOWN", "make"]

SEEDS = PROTOCOL.seeds[:6]
SHOWN = [s.name for s in PROTOCOL.settings if not s.exchanged]
LOOKS = {"chosen": CHOSEN, "rejected": REJECTED}
MARKS = dict(zip(STYLES, ("o", "s", "D"), strict=True))
SHADES = dict(zip(STYLES, ("#009e73", "#0072b2", "#000000"), strict=True))
FIGURE_3 = (
    "single token: chosen rises", "short suffix: chosen falls", "long suffix: chosen falls",
    "long suffix falls more than short",
)  # fmt: skip


def make(out: Output, protocol: Protocol = PROTOCOL, seeds: Sequence[int] = SEEDS) -> None:
    """Every setting and style under DPO, and the other objectives of Table 2 on one style."""
    runs = sweep(run, seeds, protocol, out.checkpoint, lambda text, share: out.say(f"DPO, {text}", 0.7 * share))
    others = sweep(
        compare, seeds, protocol, out.checkpoint, lambda text, share: out.say(f"Table 2, {text}", 0.7 + 0.25 * share)
    )
    _tables(out, runs, others, protocol)
    _draw(out, runs, others, protocol)
    _caption(out, runs, others)


def _changes(runs: Runs, setting: str, kind: str, side: int) -> np.ndarray:
    """Changes of the log-likelihood at every record, shape (seeds, records)."""
    values = np.stack([look_up(r, setting, kind, "likelihood")[:, side] for r in runs.values()])
    return values - values[:, :1]


def _other(others: Runs, name: str, side: int) -> np.ndarray:
    """The same over the whole training under an objective, shape (seeds,)."""
    return np.array([r[f"{name}/likelihood"][-1, side] - r[f"{name}/likelihood"][0, side] for r in others.values()])


def _tables(out: Output, runs: Runs, others: Runs, protocol: Protocol) -> None:
    out.table(
        "",
        ("seed", "fine_tuning", "style", "step", "chosen", "rejected"),
        (
            (seed, setting, kind, int(step), *look_up(r, setting, kind, "likelihood")[k])
            for seed, r in runs.items()
            for setting in SHOWN
            for kind in STYLES
            for k, step in enumerate(steps(protocol))
        ),
    )
    out.table(
        "tokens",
        ("seed", "fine_tuning", "style", "response", "before", "differing", "after"),
        (
            (seed, setting, kind, name, *token_change(r, setting, kind, side))
            for seed, r in runs.items()
            for setting in SHOWN
            for kind in STYLES
            for side, name in enumerate(LOOKS)
        ),
    )
    out.table(
        "objectives",
        ("seed", "objective", "chosen", "rejected"),
        (
            (seed, name, _other({seed: r}, name, 0)[0], _other({seed: r}, name, 1)[0])
            for seed, r in others.items()
            for name in OBJECTIVES
        ),
    )


def _draw(out: Output, runs: Runs, others: Runs, protocol: Protocol) -> None:
    with style() as plt:
        figure, grid = plt.subplot_mosaic(
            [["a", "b", "c"], ["d", "d", "e"], ["d", "d", "f"]], figsize=(9.6, 7.4), height_ratios=(1.15, 1, 1)
        )
        for axis, kind in zip((grid["a"], grid["b"], grid["c"]), STYLES, strict=True):
            for side, name in enumerate(LOOKS):
                draw_band(axis, steps(protocol), _changes(runs, MAIN, kind, side), LOOKS[name], name)
            draw_zero(axis)
            label = "change of log π(y|x) (nats)" if kind == STYLES[0] else ""
            finish_steps(axis, f"{kind}, fine-tuned on this style", label, log=False, thousands=False)
        tops = [grid[letter].get_ylim() for letter in "abc"]
        for letter in "abc":
            grid[letter].set_ylim(min(low for low, _ in tops), max(high for _, high in tops))
        grid["a"].legend(loc="lower left")
        _settings(grid["d"], runs)
        _tokens(grid["e"], runs)
        _objectives(grid["f"], others)
        out.image(figure)


def _settings(axis: Any, runs: Runs) -> None:
    """The change of the chosen responses in every setting: each seed a mark, the median a bar."""
    for m, setting in enumerate(SHOWN):
        for k, kind in enumerate(STYLES):
            y = [change(r, setting, kind) for r in runs.values()]
            x = m + 0.24 * (k - 1)
            axis.plot(
                np.full(len(y), x), y, linestyle="", marker=MARKS[kind], markersize=4.5, alpha=0.55,
                color=SHADES[kind], label=kind if m == 0 else None,
            )  # fmt: skip
            axis.plot([x - 0.09, x + 0.09], [np.median(y)] * 2, color=SHADES[kind], linewidth=2.2)
    draw_zero(axis)
    axis.set_yscale("symlog", linthresh=0.1)
    axis.set_xticks(range(len(SHOWN)), [s.replace(" ", "\n") for s in SHOWN])
    axis.set_title("chosen responses at the end of DPO, by how the model was fine-tuned")
    axis.set_ylabel("change of log π(y_w|x) (nats)")
    axis.legend(loc="upper left")


def _tokens(axis: Any, runs: Runs) -> None:
    """Where in the response the chosen log-likelihood changes."""
    parts = ("before", "at", "after")
    width = 0.8 / len(SHOWN)
    shades = ("#000000", "#56b4e9", "#0072b2", "#e69f00", "#009e73")
    for m, setting in enumerate(SHOWN):
        y = np.median([token_change(r, setting, STYLES[-1]) for r in runs.values()], axis=0)
        axis.bar(np.arange(3) + width * (m - 2), y, width, color=shades[m], label=setting)
    draw_zero(axis)
    axis.set_xticks(range(3), [f"{p} the\ndiffering token" for p in parts])
    axis.set_title("long suffix: where it changes")
    axis.set_ylabel("change (nats)")
    axis.legend(fontsize=6.5, loc="lower right")


def _objectives(axis: Any, others: Runs) -> None:
    """The objectives of Table 2 on the short suffix."""
    for k, name in enumerate(OBJECTIVES):
        for side, response in enumerate(LOOKS):
            y = _other(others, name, side)
            low, middle, high = np.quantile(y, (0.1, 0.5, 0.9))
            color = LOOKS[response]["color"]
            axis.plot([k + 0.2 * side] * 2, [low, high], color=color, linewidth=1.4)
            axis.plot([k + 0.2 * side], [middle], marker="os"[side], color=color, markersize=4.5)
    draw_zero(axis)
    axis.set_xticks(range(len(OBJECTIVES)), list(OBJECTIVES), rotation=55, ha="right", fontsize=7)
    axis.set_title("other losses, short suffix")
    axis.set_ylabel("change (nats)")


def _caption(out: Output, runs: Runs, others: Runs) -> None:
    n, facts = len(runs), dict[str, Any]()
    lines: list[str] = []
    for setting in SHOWN:
        margins = [picture(r, setting) for r in runs.values()]
        counts = {s: sum(m[s] > 0 for m in margins) for s in FIGURE_3}
        whole = sum(all(m[s] > 0 for s in FIGURE_3) for m in margins)
        facts[setting] = {
            "seeds in which it is true": {**counts, "all four": whole},
            "median change of chosen and rejected": {
                k: [float(np.median(_changes(runs, setting, k, side)[:, -1])) for side in (0, 1)] for k in STYLES
            },
            "median change before, at and after the differing token of long chosen responses": [
                float(x) for x in np.median([token_change(r, setting, STYLES[-1]) for r in runs.values()], axis=0)
            ],
        }
        lines.append(f"{setting}: {', '.join(str(c) for c in counts.values())} (all four: {whole})")
    facts["Table 2, short suffix: median change of chosen and rejected"] = {
        name: [float(np.median(_other(others, name, side))) for side in (0, 1)] for name in OBJECTIVES
    }
    up = [name for name in OBJECTIVES if np.median(_other(others, name, 0)) > 0]
    at, after = (np.median([token_change(r, MAIN, STYLES[-1])[k] for r in runs.values()]) for k in (1, 2))
    p = PROTOCOL
    out.caption(
        "Figure 3 of the gradient paper, on a small transformer",
        f"A GPT-2 of {p.layers} layers and width {p.width} is trained from random weights on generated statements, "
        f"fine-tuned on responses that name their sentiment, and trained with DPO (β = {p.beta:g}, {p.pair_steps} "
        f"steps of Adam at {p.pair_rate:g}); {n} seeds. Top: mean change of the log-likelihood of chosen and rejected "
        "responses, median and 10 to 90 % band. Below: the chosen responses' change under five ways of fine-tuning "
        f"(one model for each style, {p.settings[0].steps} steps; {p.settings[1].steps} steps; {p.settings[2].steps} "
        "steps; one model for all styles; suffixes whose words vary; each seed a mark, bars: medians); where in the "
        "long response it changes (medians); and the losses of Table 2 on the short suffix.",
        "The paper: the chosen log-likelihood rises for the single token, falls for the short suffix, falls for the "
        "long one, and falls more for the long than for the short one. Seeds in which each of these four is true, of "
        f"{n}: {'; '.join(lines)}. So the small model {_agreement(facts, n)}. Theorem 3 puts the fall into the tokens "
        "after the differing one; here, after fine-tuning on one style, the differing token itself changes by "
        f"{at:+.3f} nats and all tokens after it together by {after:+.3f} (medians). Losses under which the median "
        f"chosen response of the short suffix becomes likelier: {', '.join(up) if up else 'none'}.",
        facts,
    )


def _agreement(facts: dict[str, Any], seeds: int) -> str:
    """In which settings each sentence is true in most runs, in words."""
    parts: list[str] = []
    for sentence in (*FIGURE_3, "all four"):
        most = [s for s in SHOWN if 2 * facts[s]["seeds in which it is true"][sentence] > seeds]
        where = "every way of fine-tuning" if len(most) == len(SHOWN) else ", ".join(most) or "no way of fine-tuning"
        parts.append(f"{sentence!r} in most seeds under {where}".replace("'all four'", "all four at once"))
    return "shows " + "; ".join(parts)
