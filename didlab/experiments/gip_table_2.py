r"""Table 2 of the gradient paper, judged: is each row its objective's own loss, and which way does it push?

The first question is decided without rounding, on rational log-probabilities (sigmoids as balls): two losses are the
same if they differ by a constant that does not depend on the policy. The second is counted over drawn pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from ..objectives.table_2 import ROWS, Constants, Row, amended, own, row
from ..plots import style
from ..plots.style import GREY, INK
from .output import Output

__all__ = ["Draw", "Pushes", "exact_draw", "loss_of_row", "make", "pushes", "typical_draw"]

SHOWN = {
    "dpo": "DPO", "r-dpo": "R-DPO", "simpo": "SimPO", "ipo": "IPO", "rrhf": "RRHF", "slic": "SLiC-HF", "cpo": "CPO",
    "dpo-positive": "DPOP", "kto": "KTO", "sppo": "SPPO",
}
EXACT, TYPICAL = 200, 20000
WANTED, STILL, OTHER = "#0072b2", "#d9d9d9", "#d55e00"
HYPER = ("beta", "alpha", "gamma", "delta", "lam", "lam_w", "lam_l", "z")


@dataclass(frozen=True)
class Draw:
    """Constants of the table, and the log-probabilities of the pairs under two policies, in nats."""

    constants: Constants
    chosen: Any
    rejected: Any
    other_chosen: Any
    other_rejected: Any


def exact_draw(count: int = EXACT, seed: int = 0, **fixed: Any) -> Draw:
    """Rational constants and log-probabilities; `fixed` sets constants to a value, or to another one by its name.

    >>> exact_draw(2, beta=1).constants.beta
    array([1, 1], dtype=object)
    """
    rng = np.random.default_rng(seed)

    def numbers(low: int, high: int, over: int) -> Any:
        top, bottom = rng.integers(low, high, count), rng.integers(1, over, count)
        return np.array([fmpq(int(p), int(q)) for p, q in zip(top, bottom, strict=True)], dtype=object)

    names = ("ref_chosen", "ref_rejected", "chosen", "rejected", "other_chosen", "other_rejected")
    drawn = {name: numbers(1, 8, 5) for name in HYPER}
    drawn |= {name: numbers(1, 9, 2) for name in ("chosen_length", "rejected_length")}
    drawn |= {name: -numbers(1, 12, 4) - 1 for name in names}
    for name, value in fixed.items():
        drawn[name] = drawn[value] if isinstance(value, str) else 0 * drawn[name] + value
    policies = {name: drawn.pop(name) for name in names[2:]}
    return Draw(Constants(**drawn), **policies)


def typical_draw(count: int = TYPICAL, seed: int = 0) -> Draw:
    """Floats: responses of 1 to 49 tokens of 1 to 3 nats, a policy some nats off the reference; no sigmoid is 0."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 50, (2, count)).astype(float)
    reference = -lengths * rng.uniform(1, 3, (2, count))
    policy = np.minimum(reference + rng.normal(0, 3, (2, count)), -0.7)
    k = {name: np.exp(rng.uniform(np.log(0.05), np.log(2), count)) for name in HYPER}
    k["z"] = rng.uniform(0, 3, count)
    constants = Constants(ref_chosen=reference[0], ref_rejected=reference[1], chosen_length=lengths[0],
                          rejected_length=lengths[1], **k)
    return Draw(constants, policy[0], policy[1], policy[0], policy[1])


def own_value(name: str, k: Constants, chosen: Any, rejected: Any) -> Any:
    """The loss that the objective's own paper defines."""
    return own(name, k).value(
        chosen, rejected, k.ref_chosen, k.ref_rejected,
        chosen_length=k.chosen_length, rejected_length=k.rejected_length,
    )


def _zero(x: Any) -> bool:
    """A number that is 0, or a ball of a radius below 1e-30 around it."""
    return bool(x.contains(0)) and float(x.rad()) < 1e-30 if isinstance(x, arb) else bool(x == 0)


def _same(r: Callable[[str, Constants], Row], name: str, draw: Draw, sign: int = 1) -> bool:
    """Whether a row is the own loss (or its negative) up to a constant, at every drawn pair of policies."""
    k, before = draw.constants, ctx.prec
    try:
        ctx.prec = 256
        policies = (draw.chosen, draw.rejected), (draw.other_chosen, draw.other_rejected)
        gaps = [r(name, k).value(*policy) - sign * own_value(name, k, *policy) for policy in policies]
        return all(_zero(x) for x in np.asarray(gaps[0] - gaps[1]).flat)
    finally:
        ctx.prec = before


CONDITIONS: dict[str, dict[str, Any]] = {
    "β = 1": {"beta": 1},
    "c_ref = 0": {"ref_rejected": "ref_chosen"},
    "β = 1 and |y_w| = |y_l|": {"beta": 1, "rejected_length": "chosen_length"},
}


def loss_of_row(name: str) -> str:
    """What the printed row is: the own loss, that under a condition, minus it, or another loss.

    >>> loss_of_row("slic"), loss_of_row("ipo")
    ('its own loss', 'minus its own loss')
    """
    if _same(row, name, exact_draw()):
        return "its own loss"
    enough = [text for text, fixed in CONDITIONS.items() if _same(row, name, exact_draw(**fixed))]
    if enough:  # what follows from a shorter condition is left out
        return f"its own loss if {' or '.join(t for t in enough if not any(u in t and u != t for u in enough))}"
    return "minus its own loss" if _same(row, name, exact_draw(), -1) else "another loss"


@dataclass(frozen=True)
class Pushes:
    """Shares of pairs: chosen and rejected log-likelihood pushed up, not at all, down."""

    chosen: tuple[float, float, float]
    rejected: tuple[float, float, float]


Found = dict[str, tuple[str, bool, Pushes, Pushes]]


def _shares(push: Any) -> tuple[float, float, float]:
    return float((push > 0).mean()), float((push == 0).mean()), float((push < 0).mean())


def pushes(name: str, draw: Draw, *, printed: bool) -> Pushes:
    """Which way the printed row, or the own loss, pushes: minus its slopes in the two log-likelihoods.

    >>> pushes("kto", typical_draw(100), printed=True).rejected  # up, not at all, down
    (1.0, 0.0, 0.0)
    """
    k = draw.constants
    if printed:
        d_w, d_l = row(name, k).coefficients(draw.chosen, draw.rejected)
        return Pushes(_shares(d_w), _shares(-d_l))
    slopes = own(name, k).slopes(
        draw.chosen, draw.rejected, k.ref_chosen, k.ref_rejected,
        chosen_length=k.chosen_length, rejected_length=k.rejected_length,
    )
    return Pushes(_shares(-slopes[0]), _shares(-slopes[1]))


def make(out: Output) -> None:
    """The judged table: what each row is, and which way it pushes against its own loss."""
    draw = typical_draw()
    found: Found = {}
    for i, name in enumerate(ROWS):
        out.say(SHOWN[name], i / len(ROWS))
        found[name] = (loss_of_row(name), _same(amended, name, exact_draw()), pushes(name, draw, printed=True),
                       pushes(name, draw, printed=False))
    columns = [f"{who}_{what}_{way}" for who in ("printed", "own") for what in ("chosen", "rejected")
               for way in ("up", "still", "down")]
    out.table("", ("row", "as_printed", "amended_is_own_loss", *columns), [
        (SHOWN[name], text, fits, *p.chosen, *p.rejected, *o.chosen, *o.rejected)
        for name, (text, fits, p, o) in found.items()
    ])
    _draw(out, found)
    _caption(out, found)


def _draw(out: Output, found: Found) -> None:
    y = np.arange(len(found))[::-1]
    with style() as plt:
        figure, (words, left, right) = plt.subplots(1, 3, figsize=(8.4, 4.6), width_ratios=(1.15, 1, 1), sharey=True)
        words.axis("off")
        words.set_xlim(0, 1)
        words.text(0.27, y[0] + 0.75, "in Eq 8, as printed, the row is", fontsize=8, color=GREY)
        for at, (name, (text, _, _, _)) in zip(y, found.items(), strict=True):
            words.text(0, at, SHOWN[name], va="center", fontsize=9, fontweight="bold")
            mark, color = ("✓", WANTED) if text == "its own loss" else ("≈", INK) if " if " in text else ("✗", OTHER)
            text = text.replace(" if ", "\n     if ")
            words.text(0.27, at, f"{mark}  {text}", va="center", fontsize=8, color=color)
        for axis, part in ((left, "chosen"), (right, "rejected")):
            for at, (_, _, p, o) in zip(y, found.values(), strict=True):
                for shift, shares, height in ((0.18, getattr(p, part), 0.34), (-0.2, getattr(o, part), 0.16)):
                    start = 0.0
                    wanted_first = shares if part == "chosen" else shares[::-1]
                    for share, color in zip(wanted_first, (WANTED, STILL, OTHER), strict=True):
                        axis.barh(at + shift, share, height, start, color=color, edgecolor="white", linewidth=0.4)
                        start += share
            axis.set_title(f"the {part} log-likelihood is pushed")
            axis.set_xlim(0, 1)
            axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
            axis.set_xlabel("share of pairs")
            axis.grid(visible=False)
            axis.set_yticks([])
            axis.spines["left"].set_visible(False)
        words.set_ylim(-0.7, len(found) + 0.1)
        for color, text in ((WANTED, "as wanted: chosen up, rejected down"), (STILL, "not at all"),
                            (OTHER, "the other way")):
            left.bar([0], [0], color=color, label=text)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncol=3, title_fontsize=8,
                      title="thick: the row as printed; thin: the loss of the objective's own paper")
        out.image(figure)


def _caption(out: Output, found: Found) -> None:
    def named(test: Callable[[str], bool]) -> str:
        return ", ".join(SHOWN[n] for n, (text, *_) in found.items() if test(text)) or "none"

    turned = [
        f"{SHOWN[n]} ({part})" for n, (_, _, p, o) in found.items() for part in ("chosen", "rejected")
        if not np.allclose(getattr(p, part), getattr(o, part), rtol=0, atol=0.02)
    ]
    amended_fit = sum(fits for _, fits, _, _ in found.values())
    out.caption(
        "Table 2 of the gradient paper, judged",
        "Each row of the table put into Eq 8. Left: what it is, decided without rounding on "
        f"{EXACT} rational instances for each condition. Bars: the share of {TYPICAL:,} drawn pairs (1 to 49 tokens of "
        "1 to 3 nats, a policy some nats off the reference, every hyper-parameter between 0.05 and 2) whose chosen and "
        "rejected log-likelihood is pushed up, not at all, or down; thick as printed, thin by the loss "
        "of the objective's own paper.",
        f"The printed row is the objective's own loss for {named(lambda t: t == 'its own loss')}; under a condition "
        f"for {named(lambda t: ' if ' in t)}; minus it for {named(lambda t: t.startswith('minus'))}; another loss for "
        f"{named(lambda t: t == 'another loss')}. The push differs from that of the own loss for "
        f"{', '.join(turned) or 'none'}. With the amended rows {amended_fit} of {len(found)} are the own losses.",
        {
            SHOWN[n]: {
                "as printed": text,
                "amended row is the own loss": fits,
                "up, still, down": {"printed": {"chosen": p.chosen, "rejected": p.rejected},
                                    "own": {"chosen": o.chosen, "rejected": o.rejected}},
            }
            for n, (text, fits, p, o) in found.items()
        },
    )
