"""The words for verdicts, levels of evidence and numbers: one table, read by the terminal and by the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "LEVELS", "RELATIONS", "VERDICTS", "Verdict", "comparison", "comparisons", "counterexample_lines", "decided",
    "evidence_lines", "level_of", "meaning", "neighbour_line", "support_of",
]


@dataclass(frozen=True)
class Verdict:
    """How one verdict is shown."""

    symbol: str
    style: str
    meaning: str
    fails: bool = False


VERDICTS = {
    "refuted": Verdict("✗", "bold red", "the conclusion itself must change: a certified counterexample"),
    "conditional": Verdict("◐", "yellow", "true under one assumption the paper leaves unsaid, which is needed"),
    "holds": Verdict("✓", "green", "true as printed on every instance tried"),
    "needs-model": Verdict("⌁", "cyan", "a measurement on language models"),
    "not yet judged": Verdict("·", "dim", "no check is written for it yet"),
    "vacuous": Verdict("!", "bold magenta", "too few instances met the hypotheses to judge", fails=True),
    "undecided": Verdict("?", "bold magenta", "the check could not decide", fails=True),
    "error": Verdict("‼", "bold magenta", "the check itself failed", fails=True),
}

LEVELS = {
    "symbolic": "a proof for the stated sizes: with indeterminates for the inputs, the residual simplifies to zero",
    "exact": "rational arithmetic, without rounding",
    "enclosed": "ball arithmetic: every number comes with a rigorous bound on its error",
    "sampled": "floating point, with a tolerance derived from the conditioning",
    "measured": "a simulation or an estimator, with an interval",
}

RELATIONS = {"==": "=", ">=": "≥", ">": ">"}


def support_of(v: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The evidence for what stands: the statement itself, or what stands in its place."""
    return v["evidence"] or (v["corrected"] or {}).get("evidence") or (v["assumption"] or {}).get("evidence")


def level_of(v: Mapping[str, Any]) -> str:
    """The level in one word; for a statement that fails, the counterexample's and then its successor's."""
    support = support_of(v)
    levels = [v["counterexample"]["level"]] if v["counterexample"] else []
    return " → ".join([*levels, *([support["level"]] if support else [])])


def evidence_lines(e: Mapping[str, Any]) -> list[str]:
    """What supports a statement, in sentences."""
    lines = []
    n, level = f"{e['instances']:,} instances", e["level"]
    if level == "symbolic":
        lines.append(f"Proved with indeterminates for {sizes(e['sizes'])}: the two sides are the same expression.")
        lines.append(f"Also checked without rounding on {n}.")
    elif level == "exact":
        lines.append(f"Decided in exact arithmetic on {n}: true on every one that meets the hypotheses.")
    elif level == "enclosed":
        lines.append(f"Certified by ball arithmetic on {n}: true on every one that meets the hypotheses.")
        if e["radius"]:
            lines.append(f"The largest radius of a ball was {e['radius']:.2g}.")
        if e.get("touched"):
            lines.append(f"{e['touched']:,} are true as weak inequalities of numbers that no precision tells apart.")
    elif level == "sampled":
        lines.append(f"Found true in floating point on {n}.")
    else:
        lines += _measured_lines(e)
    if e["worst_residual"] not in ("", "0"):
        lines.append(f"The largest residual was {e['worst_residual']}.")
    if e["fooled_bound"]:
        lines.append(f"A false identity of this degree (at most {e['degree']}) would survive the random points with "
                     f"probability below {e['fooled_bound']}.")
    if e["met"] < e["instances"]:
        lines.append(f"{e['met']:,} of them met the hypotheses ({e['met'] / max(e['instances'], 1):.0%}).")
    return lines


def _measured_lines(e: Mapping[str, Any]) -> list[str]:
    effect, interval = e["effect"], e["interval"]
    where = f" ({effect['part']})" if effect["part"] else ""
    median, low, high = (f"{x:.3g}".replace("-", "−") for x in (effect["median"], *interval))
    return [
        f"True in {effect['true_runs']:,} of {e['instances']:,} independent runs{where}; error rate "
        f"{e['error_rate']:.1g}. Median effect {median}, between {low} and {high} except with a chance below 1e-6.",
        f"Effect: {effect['what']}.",
        f"Protocol: {e['protocol']}.",
        f"Seeds of the runs: {', '.join(map(str, e['seeds']))}.",
    ]


def meaning(v: Mapping[str, Any]) -> str:
    """What the verdict on an entry means; one that rests on runs has no counterexample."""
    if v["verdict"] == "refuted" and not v["counterexample"] and v["evidence"]:
        return "the conclusion itself must change: measured on independent runs"
    if v["verdict"] == "holds" and v["evidence"] and v["evidence"]["level"] == "measured":
        return "true as printed in more than half of all runs, and so measured"
    return VERDICTS[v["verdict"]].meaning


def sizes(names: list[str]) -> str:
    """K=2, K=3, K=4 as "K = 2, 3, 4"; anything else as it is."""
    pairs = [n.split("=") for n in names]
    if pairs and all(len(p) == 2 and p[0] == pairs[0][0] for p in pairs):
        return f"{pairs[0][0]} = {', '.join(p[1] for p in pairs)}"
    return "; ".join(n.replace("=", " = ") for n in names)


def counterexample_lines(c: Mapping[str, Any]) -> list[str]:
    """How a counterexample was decided and found, and whether it is the smallest."""
    lines = [{"exact": "Decided in exact arithmetic.", "enclosed": "Decided by ball arithmetic, rigorously."}.get(
        c["level"], f"Decided at level {c['level']}.")]
    if any("." in x for row in c["comparisons"] for x in (*row["left"], *row["right"])):
        lines[0] = lines[0][:-1] + "; decimals are rounded for display."
    if c["undefined"]:
        lines.append("A formula of the statement divides by zero here.")
    if not c["found_by_this_run"]:
        lines.append("Replayed from the store; this run's own search did not find one.")
    elif c["class"] == "stored":
        lines.append("The stored one is the smallest known; this run's own search found one as well.")
    else:
        lines.append(f"Found by this run, among “{c['class']}” instances.")
    if c["minimality"]:
        lines.append(f"Minimality: {c['minimality']}.")
    return lines


def comparison(row: Mapping[str, Any]) -> str:
    """A comparison that a counterexample decides; several entries are listed between brackets.

    >>> comparison({"relation": ">", "left": ["0.25000000001", "0"], "right": ["0", "0"]})
    '(0.25, 0) > 0'
    """
    pairs = _pairs(row)
    pairs = [(a, b) if a != b and _rounded(a) == _rounded(b) else (_rounded(a), _rounded(b)) for a, b in pairs]
    left, right = ([side for side in sides] for sides in zip(*pairs, strict=True)) if pairs else ([], [])
    return f"{_listed(left)} {RELATIONS[row['relation']]} {_listed(right)}"


def _pairs(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The different pairs of sides, in order."""
    return list(dict.fromkeys(zip(row["left"], row["right"], strict=True)))


def _rounded(number: str) -> str:
    """A decimal at six digits; fractions and integers as they are."""
    text = f"{float(number):.6g}" if re.fullmatch(r"-?\d+\.\d+(e[+-]?\d+)?", number) else number
    return text.replace("-", "−")


def _listed(side: list[str]) -> str:
    return side[0] if len(set(side)) == 1 else f"({', '.join(side)})"


def comparisons(counterexample: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The comparisons of a counterexample, each once."""
    rows: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in counterexample["comparisons"]:
        key = (row["relation"], *row["left"], *row["right"])
        if key not in rows or not rows[key]["label"]:
            rows[key] = row
    return list(rows.values())


def decided(row: Mapping[str, Any]) -> str:
    """What the counterexample shows of a comparison; one with many entries need not be true at each of them."""
    if len(_pairs(row)) == 1:
        return "true" if row["true"] else "false"
    return "true at each" if row["true"] else "not at each"


def neighbour_line(n: Mapping[str, Any]) -> str:
    """One false neighbour: what happened to it and how close to true it is."""
    close = []
    if n["true_share"]:
        close.append(f"true on {n['true_share']:.1%} of ordinary instances")
    if 0 < n["deviation"] < 1e6:
        close.append(f"off by {n['deviation']:.1%} at the median")
    what = ("near; " if n["near"] else "") + ("refuted" if n["refuted"] else "NOT refuted")
    return f"{n['name']}: {what}" + (f" ({', '.join(close)})" if close else "")
