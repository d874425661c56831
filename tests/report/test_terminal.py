"""What a terminal shows: colour, words and symbols, nothing cut that a person copies."""

from __future__ import annotations

import io
from typing import Any

import pytest

from didlab.report import terminal
from didlab.report.words import LEVELS, VERDICTS, comparison, decided, evidence_lines


class Screen(io.StringIO):
    """A terminal of a given width."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [30, 40, 80, 140])
def test_every_verdict_in_colour_and_in_words(width: int, every_verdict: dict[str, Any],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    terminal.listing(every_verdict["claims"], screen)
    terminal.report(every_verdict["claims"], screen)
    shown = screen.getvalue()
    for c in every_verdict["claims"]:
        assert c["id"] in shown
    for name, how in VERDICTS.items():
        assert name in shown and how.symbol in shown
    assert "\x1b[" in shown and "4 of 10 need attention" in shown
    assert ("instances" in shown) == (width == 140)


def test_plain_lines_are_aligned(every_verdict: dict[str, Any]) -> None:
    out = io.StringIO()
    terminal.listing(every_verdict["claims"], out)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(every_verdict["claims"]) and "\x1b" not in out.getvalue()
    assert len({line.index(VERDICTS[c["verdict"]].symbol + " " + c["verdict"])
                for line, c in zip(lines, every_verdict["claims"], strict=True)}) == 1


def test_show_on_a_terminal_and_piped(every_verdict: dict[str, Any]) -> None:
    for c in every_verdict["claims"]:
        screen, out = Screen(), io.StringIO()
        lines = list(terminal.show(c))
        terminal.write(lines, screen)
        terminal.write(lines, out)
        assert c["verdict"] in screen.getvalue() and c["verdict"] in out.getvalue()
        assert "\x1b" not in out.getvalue()


def evidence(**changes: Any) -> dict[str, Any]:
    base = {"level": "exact", "instances": 1000, "met": 1000, "coverage": {}, "worst_residual": "0", "radius": None,
            "degree": None, "fooled_bound": None, "sizes": [], "protocol": None, "seeds": [],
            "effect": None, "interval": None, "error_rate": None}
    return base | changes


@pytest.mark.parametrize(("changes", "words"), [
    ({"level": "symbolic", "sizes": ["K=2", "K=3"]}, "indeterminates for K = 2, 3:"),
    ({"level": "symbolic", "sizes": ["K=2, D=1", "K=2, D=2"]}, "for K = 2, D = 1; K = 2, D = 2:"),
    ({"met": 250}, "250 of them met the hypotheses (25%)"),
    ({"level": "enclosed", "radius": 1.234e-30}, "largest radius of a ball was 1.2e-30"),
    ({"fooled_bound": "1e-50", "degree": 12}, "(at most 12) would survive the random points with probability below"),
    ({"level": "sampled", "worst_residual": "3e-15"}, "largest residual was 3e-15"),
    ({"level": "measured", "instances": 24, "met": 24, "protocol": "a protocol", "seeds": [5, 7],
      "effect": {"what": "a ratio", "part": "", "median": -0.5, "true_runs": 0}, "interval": [-1.0, -0.25],
      "error_rate": 5.96e-08},
     "True in 0 of 24 independent runs; error rate 6e-08. Median effect −0.5, between −1 and −0.25 except"),
])
def test_evidence_in_words(changes: dict[str, Any], words: str) -> None:
    made = evidence(**changes)
    assert words in " ".join(evidence_lines(made)) and made["level"] in LEVELS


@pytest.mark.parametrize(("left", "right", "shown", "said"), [
    (["2"], ["1"], "2 > 1", "false"),
    (["0.693147180560"], ["0.693147180560"], "0.693147 > 0.693147", "false"),
    (["0.693147180560"], ["0.693147180559"], "0.693147180560 > 0.693147180559", "false"),
    (["-1/2", "0"], ["0", "0"], "(−1/2, 0) > 0", "not at each"),
    (["1", "1"], ["0", "0"], "1 > 0", "false"),
    (["1.5e-20"], ["0"], "1.5e−20 > 0", "false"),
])
def test_comparisons(left: list[str], right: list[str], shown: str, said: str) -> None:
    row = {"label": "", "relation": ">", "true": False, "left": left, "right": right}
    assert comparison(row) == shown
    assert decided(row) == said
