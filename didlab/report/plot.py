"""The distributions of a counterexample as a small drawing: one group of bars per outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from html import escape

__all__ = ["bars"]

HEIGHT, TOP, BOTTOM, LEFT = 128, 20, 24, 42
LABELLED = 14


def bars(distributions: Mapping[str, Sequence[str]]) -> str:
    """An SVG of the distributions, by name: probabilities as fractions, all over the same outcomes.

    Colours are the classes s0, s1, ... of the page's style sheet; a distribution is also told by its texture, its
    place in the group and the legend, so that no meaning rests on colour.
    """
    if not distributions:
        return ""
    values = {name: [Fraction(v) for v in p] for name, p in distributions.items()}
    outcomes, series = max(len(p) for p in values.values()), len(values)
    fractions_shown = outcomes * series <= LABELLED and all(len(v) <= 5 for p in distributions.values() for v in p)
    width = 26 if fractions_shown else max(7, min(22, 300 // (outcomes * series)))
    gap = 22
    group = series * width + gap
    total = LEFT + outcomes * group + 6
    tallest = max(max(p) for p in values.values())
    top = next(Fraction(n, 4) for n in (1, 2, 3, 4) if tallest <= Fraction(n, 4)) if tallest <= 1 else tallest
    parts = [_axis(top, total)]
    for k in range(outcomes):
        x = LEFT + gap / 2 + k * group
        for i, (name, p) in enumerate(values.items()):
            if k >= len(p):
                continue
            h = max(float(p[k] / top) * HEIGHT, 0.75 if p[k] else 0)
            at, y = x + i * width, TOP + HEIGHT - h
            parts.append(
                f'<rect class="s{i % 6}" x="{at + 1:g}" y="{y:.2f}" width="{width - 2:g}" height="{h:.2f}" rx="1.5">'
                f"<title>{escape(name)}, outcome {k + 1}: {distributions[name][k]}</title></rect>"
            )
            if fractions_shown:
                parts.append(
                    f'<text class="v" x="{at + width / 2:g}" y="{y - 4:.2f}">{distributions[name][k]}</text>'
                )
        parts.append(f'<text class="o" x="{x + series * width / 2:g}" y="{TOP + HEIGHT + 17}">{k + 1}</text>')
    words = "; ".join(f"{name}: {', '.join(p)}" for name, p in distributions.items())
    legend = "".join(f'<li><span class="key s{i % 6}"></span>{escape(name)}</li>' for i, name in enumerate(values))
    return (
        f'<figure class="plot"><svg viewBox="0 0 {total:g} {TOP + HEIGHT + BOTTOM}" width="{total:g}" role="img" '
        f'aria-label="Probabilities by outcome. {escape(words)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="legend">{legend}</ul><span>probability by outcome</span></figcaption></figure>'
    )


def _axis(top: Fraction, total: float) -> str:
    lines = []
    for share in (Fraction(0), Fraction(1, 2), Fraction(1)):
        y = TOP + HEIGHT - float(share) * HEIGHT
        lines.append(
            f'<line class="{"base" if not share else "grid"}" x1="{LEFT - 4}" x2="{total:g}" y1="{y:g}" y2="{y:g}"/>'
            f'<text class="t" x="{LEFT - 8}" y="{y + 3.5:g}">{float(share * top):g}</text>'
        )
    return "".join(lines)
