r"""LaTeX in a terminal and on the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didlab.report.latex import pieces, segments, unicode
from didlab.report.mathml import html

TABLE = [
    (r"\pi^*(y) \propto \pi_{\mathrm{ref}}(y)^{\beta}", "π*(y) ∝ π_ref(y)ᵝ"),
    (r"\operatorname{KL}(p\|q)\ge 0", "KL(p‖q) ≥ 0"),
    (r"D_{\mathrm{KL}}[p \,\|\, q] = \sum_{y} p(y) \log \frac{p(y)}{q(y)}", "D_KL[p‖q] = Σ_y p(y) log(p(y)/q(y))"),
    (r"\frac{a}{b}", "a/b"),
    (r"\frac{a + b}{2}", "(a + b)/2"),
    (r"\frac{1}{2}x", "1/2 x"),
    (r"\frac{\log n}{n+1}", "(log n)/(n + 1)"),
    (r"\sqrt{a + b}", "√(a + b)"),
    (r"x^{2n}", "x²ⁿ"),
    (r"x^{-1}", "x⁻¹"),
    (r"a^{1+\beta}", "a¹⁺ᵝ"),
    (r"x_{10}", "x₁₀"),
    (r"\theta_l = 2\theta_{ref} - \theta^*", "θₗ = 2θ_ref − θ*"),
    (r"-\log \sigma(\beta d)", "−log σ(βd)"),
    (r"c\log a > c\log b \iff a^c > b^c", "c log a > c log b ⟺ a^c > b^c"),
    (r"\mathbb{E}_{y\sim\pi}\left[x\right]", "𝔼_(y ∼ π)[x]"),
    (r"\arg\max_\pi", "arg max_π"),
    (r"\operatorname*{arg\,max}_\pi f", "argmax_π f"),
    (r"\bar\pi + \hat{x}", "π\u0304 + x\u0302"),
    (r"\{y : \pi(y) > 0\}", "{y : π(y) > 0}"),
    (r"a \not= b", "a =\u0338 b"),
    (r"x\,y\;z", "xy z"),
    (r"\nabla_\theta \log \pi_\theta(y_w)^\top v", "∇_θ log π_θ(y_w)ᵀv"),
    (r"\mathcal{D} \subseteq \mathbb{R}^2", "𝒟 ⊆ ℝ²"),
    (r"x > 0 \text{ for every $y \in Y$}", "x > 0 for every y ∈ Y"),
    (r"\text{the order holds} \iff p", "the order holds ⟺ p"),
    ("the reference is not uniform", "the reference is not uniform"),
    (r"sharpened by a power $s > 1$ (section 3.5)", "sharpened by a power s > 1 (section 3.5)"),
    (r"\begin{cases} a & b>0 \\ c & \text{otherwise} \end{cases}", "a b > 0; c otherwise"),
    (r"\unknown{x} + 1", "unknown x + 1"),
    (r"\frac{a", "a/"),
    ("s>2", "s > 2"),
    ("", ""),
]


@pytest.mark.parametrize(("source", "expected"), TABLE)
def test_unicode(source: str, expected: str) -> None:
    assert unicode(source) == expected


@given(st.text(alphabet=r"\{}$^_ab+-=(),'&frclog~ ", max_size=40))
def test_nothing_breaks_it(source: str) -> None:
    unicode(source)
    assert html(source).count("<math") == html(source).count("</math>")


def test_lines_break_outside_brackets_only() -> None:
    assert pieces(r"H(p = q) = \frac{a = b}{c}, \pi < 1") == [r"H(p = q)", r"= \frac{a = b}{c},", r"\pi", "< 1"]
    assert pieces(r"\left(a > b\right) \implies c") == [r"\left(a > b\right)", r"\implies c"]
    assert pieces("-a + b") == ["-a + b"]
    assert pieces(r"-\pi_{\mathrm{reference}}(y) + \pi - \log(x) + \mathrm{other}(y)") == [
        r"-\pi_{\mathrm{reference}}(y)", r"+ \pi", r"- \log(x)", r"+ \mathrm{other}(y)"]


def test_words_flow_and_math_is_mathml() -> None:
    assert segments(r"p = q \text{ unless $\pi_{\mathrm{ref}}$ is uniform}") == [
        ("math", "p = q"), ("text", " unless "), ("math", r"\pi_{\mathrm{ref}}"), ("text", " is uniform")]
    made = html(r"\pi_{ref} \ge 0 \text{ for all } y")
    assert "<mtext>ref</mtext>" in made and " for all " in made and "\\" not in made
    assert html("`a_b` < y_w & more", prose=True) == "<code>a_b</code> &lt; y<sub>w</sub> &amp; more"
    assert '<span class="m">unknown a' in html(r"\unknown{a} < b") and "\\" not in html(r"\unknown{a}")


def test_every_statement_reads() -> None:
    from didlab import claims

    for c in claims.load():
        for text in (c.printed.text, c.correction.text if c.correction else ""):
            assert "\\" not in unicode(text), (c.id, unicode(text))
            assert "\\" not in html(text), (c.id, html(text))
        for text in (c.reading, c.note, c.title):
            assert "\\" not in unicode(text, prose=True), (c.id, text)
            assert "\\" not in html(text, prose=True), (c.id, text)
