"""Figure 7: JS to the target at five temperatures, all printed grids, and one panel as printed (float32, seed 42)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dynamics import Protocol, Run, simulate, synthetic_problem
from ..plots import draw_band, draw_level, finish_steps, look, style, thin
from ..plots.style import GREY
from .grids import TEMPERATURES, printed_configurations
from .judge import judge, judge_readings, lowest
from .output import Output
from .sweep import BASE, COMPARED, SEEDS, SHOWN, choose, level, run_sweep

__all__ = ["make"]

def make(out: Output) -> None:
    """The whole sweep, its readings, and who is lowest under each."""
    configurations = [c for c in printed_configurations() if c.name != "log-pi"]
    problems, base = run_sweep(out, "base", configurations, TEMPERATURES, BASE)
    first = int(base.steps.searchsorted(5000)) + 1
    found = judge_readings(out, base, configurations, TEMPERATURES)
    printed = _as_printed(out, configurations)
    judge(found, "as printed: float32, seed 42, τ = 4", printed.js, configurations, temperatures=(4.0,))
    levels = _levels(out, problems, base.js[..., :first], configurations)
    _tables(out, base, configurations, first, found)
    _draw(out, base, configurations, first, levels, printed)
    _caption(out, found, levels)


def _as_printed(out: Output, configurations: Sequence[Any]) -> Run:
    out.say("one panel in float32, seed 42", 0.8)
    problem = synthetic_problem(4.0, 42, generator="torch")
    protocol = Protocol(steps=5000, dtype="float32")
    return simulate(
        [problem], configurations, protocol=protocol, checkpoint=out.checkpoint("printed"), checkpoint_every=1000
    )


def _levels(out: Output, problems: Any, js: np.ndarray, configurations: Any) -> dict[tuple[float, str], float]:
    levels, n = {}, len(SEEDS)
    for m, t in enumerate(TEMPERATURES):
        out.say(f"exact optima at temperature {t:g}", 0.85 + 0.02 * m)
        part = slice(m * n, (m + 1) * n)
        for name in COMPARED[1:]:
            best = choose(js[part], configurations, name, "minimum")
            values = level(configurations[best.index], problems[part])
            levels[t, name] = float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")
    return levels


def _tables(out: Output, base: Run, configurations: Any, first: int, found: dict[str, Any]) -> None:
    at, n, rows = thin(base.steps, 60), len(SEEDS), []
    for m, t in enumerate(TEMPERATURES):
        js = base.js[m * n : (m + 1) * n]
        for name in COMPARED:
            best = choose(js[..., :first], configurations, name, "minimum")
            quantiles = np.quantile(js[:, best.index], (0.1, 0.5, 0.9), axis=0)
            rows += [(t, name, int(base.steps[i]), *quantiles[:, i]) for i in at]
    out.table("", ("temperature", "objective", "step", "js_p10", "js_median", "js_p90"), rows)
    rows = []
    for m, t in enumerate(TEMPERATURES):
        js = base.js[m * n : (m + 1) * n]
        for k, c in enumerate(configurations):
            hyper = " ".join(f"{a}={b:g}" for a, b in c.hyper.items() if a != "convention")
            rows.append(
                (
                    t,
                    c.name,
                    hyper,
                    np.median(js[:, k, :first].min(-1)),
                    np.median(js[:, k, first - 1]),
                    np.median(js[:, k].min(-1)),
                    np.median(js[:, k, -1]),
                )
            )
    out.table(
        "grid",
        ("temperature", "objective", "hyper", "minimum_5000", "final_5000", "minimum_20000", "final_20000"),
        rows,
    )
    out.table(
        "readings",
        ("reading", "chosen_by", "temperature", "objective", "js_median", "js_p10", "js_p90", "hyper"),
        ((*key, *value[:3], " ".join(f"{a}={b:g}" for a, b in value[3].items())) for key, value in found.items()),
    )


def _draw(out: Output, base: Run, configurations: Any, first: int, levels: Any, printed: Run) -> None:
    at, n = thin(base.steps), len(SEEDS)
    with style() as plt:
        figure, axes = plt.subplots(2, 3, figsize=(9.2, 5.6), sharey=True)
        for m, (t, axis) in enumerate(zip(TEMPERATURES, axes.flat, strict=False)):
            js = base.js[m * n : (m + 1) * n]
            for name in COMPARED:
                best = choose(js[..., :first], configurations, name, "minimum")
                draw_band(axis, base.steps[at], js[:, best.index][:, at], look(name), SHOWN[name])
                if name != "dpo" and np.isfinite(levels[t, name]):
                    draw_level(axis, levels[t, name], look(name))
            axis.axvline(5000, color=GREY, linewidth=0.8, linestyle=":")
            finish_steps(axis, f"τ = {t:g}, 16 seeds", "JS[π* ‖ π] (nats)" if m % 3 == 0 else "")
        axis = axes.flat[-1]
        at = thin(printed.steps)
        for name in COMPARED:
            best = choose(printed.js, configurations, name, "minimum")
            draw_band(axis, printed.steps[at], printed.js[:, best.index][:, at], look(name), SHOWN[name])
        finish_steps(axis, "τ = 4 as printed: float32, seed 42", "")
        axes.flat[0].set_ylim(bottom=2e-6)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncol=5)
        out.image(figure)


def _caption(out: Output, found: dict[str, Any], levels: Any) -> None:
    facts = lowest(found)
    lines = [
        f"{reading}: {text.removeprefix('below DPO: ')}" for reading, text in facts.items() if text.startswith("below")
    ]
    kept = sum(v.startswith("DPO lowest") for v in facts.values())
    out.caption(
        "Figure 7",
        "JS divergence from the target during training, for the best hyper-parameters of each printed grid (chosen "
        "as the paper does, by "
        "the minimum in 5,000 steps); median and 10 to 90 % band of 16 seeds at τ = 0.25, 0.5, 2, 4, 8; thin lines "
        "with a mark: the exact "
        "optimum of those hyper-parameters (DPO's is 0). Last panel: one run in float32 with seed 42, torch's "
        "generator.",
        f"{len(facts)} combinations of a reading (start, fresh or fixed pairs, steps, roles of the symbols of SLiC, "
        "ORPO and Cal-DPO, "
        "float32) with a rule of choice (minimum, final) were run. DPO has the lowest median at every temperature "
        f"in {kept} of them. " + ("Otherwise: " + "; ".join(lines) + "." if lines else ""),
        {
            "who is lowest": facts,
            "exact optima of the drawn hyper-parameters": {f"{k[1]}, τ = {k[0]:g}": v for k, v in levels.items()},
        },
    )
