"""The page: valid, self-contained, complete, and readable by everyone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest

from didlab.report.page import page, style
from didlab.report.plot import bars
from didlab.report.words import VERDICTS

CSS = style()
VOID = {"meta", "link", "input", "wbr", "br", "img"}


class Reader(HTMLParser):
    """A strict reader: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, dict(attrs), tuple(self.stack)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self.stack, f"<{tag}/> outside a drawing"
        self.elements.append((tag, dict(attrs), tuple(self.stack)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.stack):
            self.words.append(data)


@pytest.fixture
def text(every_verdict: dict[str, Any]) -> str:
    return page(every_verdict, papers={"mine": "My <own> paper"}, claims_file="a file.py")


@pytest.fixture
def read(text: str) -> Reader:
    return Reader(text)


def test_written_by_the_command(mine: Mapping[str, Any]) -> None:
    Reader((mine["folder"] / "index.html").read_text())
    assert sorted(p.name for p in mine["folder"].iterdir()) == ["index.html", "v.json"]


def test_nothing_comes_from_elsewhere(text: str, read: Reader) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    for tag, attributes, _ in read.elements:
        assert "src" not in attributes
        if tag == "link":
            assert attributes["href"] == "data:,"


def test_what_could_not_be_judged_is_counted_at_the_top(every_verdict: dict[str, Any], text: str) -> None:
    failed = sum(VERDICTS[c["verdict"]].fails for c in every_verdict["claims"])
    assert failed and f"<strong>{failed}</strong> could not be judged.</p>" in text


def test_every_claim_has_its_anchor(every_verdict: dict[str, Any], read: Reader) -> None:
    ids = Counter(a["id"] for _, a, _ in read.elements if "id" in a)
    assert not [i for i, n in ids.items() if n > 1]
    assert {c["id"] for c in every_verdict["claims"]} <= set(ids)
    targets = {a["href"] for tag, a, _ in read.elements if tag == "a"}
    assert all(t and t.startswith("#") and t[1:] in ids for t in targets)


def test_text_is_escaped(text: str, read: Reader) -> None:
    assert "<b>because" not in text and "My <own>" not in text
    assert "My <own> paper" in read.words
    assert any("<b>because</b> & so on" in w for w in read.words)


def test_statements_are_typeset(every_verdict: dict[str, Any], read: Reader) -> None:
    judged = [c for c in every_verdict["claims"] if c["statement"]]
    assert sum(tag == "math" for tag, _, _ in read.elements) >= len(judged)
    assert not any("\\" in w or "$" in w for w in read.words)


def test_a_card_says_everything(read: Reader) -> None:
    words = " ".join(" ".join(read.words).split())
    for part in ("Counterexample", "What is true instead", "What has to be assumed", "False neighbours: 1 of 1 refuted",
                 "Read as", "for every", "Decided in exact arithmetic", "Classes of instances", "1/2", "Minimality",
                 "the two policies differ", "didlab show mine.gibbs --claims 'a file.py'",
                 "The recorded verdict is refuted"):
        assert " ".join(part.split()) in words, part


def test_built_in_claims_say_how_to_replay(every_verdict: dict[str, Any]) -> None:
    assert 'data-copy="didlab replay mine.symmetric"' in page(every_verdict)


def test_usable_by_keyboard_and_reader(read: Reader) -> None:
    byid = {a["id"] for _, a, _ in read.elements if "id" in a}
    for tag, attributes, around in read.elements:
        if tag == "button":
            assert attributes["type"] == "button"
            assert "data-filter" not in attributes or attributes["aria-pressed"] in ("true", "false")
        if tag == "label":
            assert attributes["for"] in byid
        if tag == "svg":
            assert attributes["role"] == "img" and attributes["aria-label"]
        if tag == "summary":
            assert around[-1] == "details"
        if tag == "th":
            assert "scope" in attributes
    tags = [tag for tag, _, _ in read.elements]
    assert tags.count("main") == 1 and tags.count("h1") == 1
    assert "skip" in str(next(a for tag, a, _ in read.elements if tag == "a"))
    assert ":focus-visible" in CSS


def test_readable_without_scripts(read: Reader) -> None:
    """Nothing of substance is hidden, and what needs a script says so."""
    for tag, attributes, around in read.elements:
        if "hidden" in attributes:
            assert attributes.get("id") == "none"
        if tag in ("button", "input"):
            assert "needs-js" in (attributes.get("class") or "") or "td" in around or "div" in around
    assert "html:not(.js) .needs-js { display: none; }" in CSS


def _theme(selector: str) -> dict[str, str]:
    block = CSS[CSS.index(selector) :]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block[: block.index("}")]))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(a: str, b: str) -> float:
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("selector", [":root {", ':root[data-theme="dark"] {', ':root:not([data-theme="light"]) {'])
def test_contrast(selector: str) -> None:
    colours = _theme(selector)
    grounds = ("paper", "card", "tint")
    badges = ("holds", "conditional", "refuted", "quiet", "fails")
    pairs = [*product(("ink", "soft", "link"), grounds), *((v, f"{v}-bg") for v in badges),
             *product(("refuted", "conditional", "fails"), ("paper",))]
    assert not [(p, round(_contrast(colours[p[0]], colours[p[1]]), 2)) for p in pairs
                if _contrast(colours[p[0]], colours[p[1]]) < 4.5]
    drawn = {f"s{i}": round(_contrast(colours[f"s{i}"], colours["tint"]), 2) for i in range(6)}
    assert all(c >= 2.3 for c in drawn.values()), drawn  # bars also carry their numbers, a place and a legend


def test_both_dark_themes_are_the_same() -> None:
    assert _theme(':root[data-theme="dark"] {') == _theme(':root:not([data-theme="light"]) {')
    assert set(_theme(":root {")) == set(_theme(':root[data-theme="dark"] {'))


def test_the_plot_is_to_scale() -> None:
    made = bars({"p": ["1/2", "1/2"], "q": ["1/4", "3/4"]})
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', made)]
    assert heights == pytest.approx([heights[3] * x for x in (2 / 3, 1 / 3, 2 / 3, 1)], abs=0.02)
    assert "q, outcome 2: 3/4" in made and made.count("<rect") == 4
    assert bars({}) == ""
    many = bars({f"p{i}": ["1/100"] * 99 + ["1/100"] for i in range(3)})
    assert many.count("<rect") == 300 and 'class="v"' not in many
    assert bars({"p": ["0", "1"], "q": ["1/3", "1/3", "1/3"]}).count("<rect") == 5
