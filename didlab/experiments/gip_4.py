"""Figure 4 of the gradient paper on a small transformer: cosines of gradients, of responses and token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..plots import draw_band, draw_zero, finish_steps, muted, style
from ..plots.style import INK
from .gip_3 import SEEDS, SHOWN
from .output import Output
from .transformer.picture import MAIN, identical, look_up, picture, steps
from .transformer.protocol import PROTOCOL, Protocol
from .transformer.run import run
from .transformer.styles import STYLES, pair, place
from .transformer.sweep import Runs, sweep

__all__ = ["make"]

FIGURE_4 = (
    "cosine grows with the suffix, before DPO", "cosine grows with the suffix, after DPO",
    "cosine below 0 at the differing token", "cosine above 0 at every identical token",
)  # fmt: skip


def make(out: Output, protocol: Protocol = PROTOCOL, seeds: Sequence[int] = SEEDS) -> None:
    """The cosines along DPO in five settings, and those of single tokens before it."""
    runs = sweep(run, seeds, protocol, out.checkpoint, lambda text, share: out.say(f"DPO, {text}", 0.95 * share))
    _tables(out, runs, protocol)
    _draw(out, runs, protocol)
    _caption(out, runs)


def _cosines(runs: Runs, setting: str, kind: str) -> np.ndarray:
    """Shape (seeds, records)."""
    return np.stack([look_up(r, setting, kind, "geometry")[:, 0] for r in runs.values()])


def _words() -> list[tuple[str, str]]:
    """The words of a long pair, chosen and rejected."""
    return list(zip(*pair(STYLES[-1], 1, np.random.default_rng(0)), strict=True))


def _tables(out: Output, runs: Runs, protocol: Protocol) -> None:
    names = ("cosine", "product_reaches_chosen", "product_reaches_rejected")
    out.table(
        "",
        ("seed", "fine_tuning", "style", "step", *names),
        (
            (seed, setting, kind, int(step), *look_up(r, setting, kind, "geometry")[k])
            for seed, r in runs.items()
            for setting in SHOWN
            for kind in STYLES
            for k, step in enumerate(steps(protocol))
        ),
    )
    out.table(
        "tokens",
        ("seed", "fine_tuning", "token", "chosen", "rejected", "cosine"),
        (
            (seed, setting, k, *_words()[k], c)
            for seed, r in runs.items()
            for setting in SHOWN
            for k, c in enumerate(identical(r, setting))
        ),
    )
    first = next(iter(runs.values()))
    out.table(
        "heatmap",
        ("chosen", *(f"{k} {w[1]}" for k, w in enumerate(_words()))),
        ((w[0], *row) for w, row in zip(_words(), first[f"{MAIN}/{STYLES[-1]}/instance"], strict=True)),
    )


def _draw(out: Output, runs: Runs, protocol: Protocol) -> None:
    with style() as plt:
        figure, grid = plt.subplot_mosaic(
            [["a", "b", "c", "d", "e"], ["h", "h", "h", "t", "t"]], figsize=(10.4, 6.8), height_ratios=(1, 1.35)
        )
        for letter, setting in zip("abcde", SHOWN, strict=True):
            axis = grid[letter]
            for k, kind in enumerate(STYLES):
                draw_band(axis, steps(protocol), _cosines(runs, setting, kind), muted(k + (k == 2)), kind)
            draw_zero(axis)
            label = "cosine of ∇ log π(y_w|x), ∇ log π(y_l|x)" if letter == "a" else ""
            finish_steps(axis, setting, label, log=False, thousands=False)
            axis.set_ylim(-1.04, 1.04)
            if letter != "a":
                axis.tick_params(labelleft=False)
        handles, labels = grid["a"].get_legend_handles_labels()
        grid["c"].legend(handles, labels, loc="lower right", fontsize=7)
        _heatmap(grid["h"], next(iter(runs.values())))
        _diagonal(grid["t"], runs)
        out.image(figure)


def _heatmap(axis: Any, first: Any) -> None:
    """One instance, as the paper's Figure 4b."""
    values = first[f"{MAIN}/{STYLES[-1]}/instance"]
    axis.imshow(np.round(values, 1), cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for i, row in enumerate(values):
        for j, x in enumerate(row):
            axis.text(
                j,
                i,
                f"{round(float(x), 1) + 0.0:.1f}",
                ha="center",
                va="center",
                fontsize=6.5,
                color="w" if abs(x) > 0.6 else INK,
            )
    at, words = place(STYLES[-1]), _words()
    axis.set_xticks(range(len(words)), ["wrong label" if k == at else w[1] for k, w in enumerate(words)], rotation=45)
    axis.set_yticks(range(len(words)), ["right label" if k == at else w[0] for k, w in enumerate(words)])
    axis.grid(visible=False)
    axis.set_title("cosines of one instance, token by token, fine-tuned on this style")
    axis.set_ylabel("chosen")
    axis.set_xlabel("rejected")


def _diagonal(axis: Any, runs: Runs) -> None:
    """The diagonal of the heatmap in every setting."""
    words, at = _words(), place(STYLES[-1])
    for m, setting in enumerate(SHOWN):
        low, middle, high = np.quantile([identical(r, setting) for r in runs.values()], (0.1, 0.5, 0.9), axis=0)
        x, color = np.arange(len(words)) + 0.13 * (m - 2), muted(m)["color"]
        axis.vlines(x, low, high, color=color, linewidth=1.6)
        axis.plot(x, middle, linestyle="", marker="osD^v"[m], markersize=3.8, color=color, label=setting)
    draw_zero(axis)
    axis.set_xticks(range(len(words)), ["label" if k == at else w[0] for k, w in enumerate(words)], rotation=45)
    axis.set_title(f"the diagonal before DPO, {len(runs)} seeds")
    axis.set_ylim(-1.04, 1.04)
    axis.legend(fontsize=7, loc="lower right")


def _caption(out: Output, runs: Runs) -> None:
    n, facts = len(runs), dict[str, Any]()
    lines: list[str] = []
    for setting in SHOWN:
        margins = [picture(r, setting) for r in runs.values()]
        counts = {s: sum(m[s] > 0 for m in margins) for s in FIGURE_4}
        medians = {kind: [float(np.median(_cosines(runs, setting, kind)[:, k])) for k in (0, -1)] for kind in STYLES}
        facts[setting] = {
            "seeds in which it is true": counts,
            "median cosine before and after DPO": medians,
            "median cosine at each token of long responses": [
                float(x) for x in np.median([identical(r, setting) for r in runs.values()], axis=0)
            ],
        }
        before, after = (", ".join(f"{m[k]:+.2f}" for m in medians.values()) for k in (0, 1))
        lines.append(f"{setting}: {', '.join(str(c) for c in counts.values())} (medians {before}; then {after})")
    diagonal = np.median([identical(r, MAIN) for r in runs.values()], axis=0)
    lowest = int(np.argmin(np.delete(diagonal, place(STYLES[-1]))))
    words = [w[0] for k, w in enumerate(_words()) if k != place(STYLES[-1])]
    out.caption(
        "Figure 4 of the gradient paper, on a small transformer",
        "The runs of Figure 3. Top: mean cosine of the exact gradients, over all parameters, of the chosen and the "
        f"rejected response's log-likelihood along DPO, under five ways of fine-tuning; median and 10 to 90 % band of "
        f"{n} seeds. Below: cosines of the gradients of every token's log-likelihood before DPO: one instance (seed "
        f"{next(iter(runs))}), and the diagonal over the seeds (mean of {PROTOCOL.inspected} instances each).",
        "The paper: the cosine grows with the suffix, the single token's is the lowest; at the differing token it is "
        "below 0, at identical tokens it is high. Seeds in which the order single < short < long is true before DPO "
        "and after it, in which the cosine at the differing token is below 0, and in which it is above 0 at every "
        f"identical token, of {n}: {'; '.join(lines)}. The identical token whose gradients agree least is "
        f"'{words[lowest]}' ({np.delete(diagonal, place(STYLES[-1]))[lowest]:+.2f}).",
        facts,
    )
