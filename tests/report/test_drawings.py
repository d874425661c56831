"""The drawings say what they were given: every mark has its value, and its place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from didlab.report.chart import Area, Series, chart
from didlab.report.columns import columns
from didlab.report.heatmap import heatmap
from didlab.report.page import asset

TITLES = re.compile(r"<title>([^<]*)</title>")
RECT = re.compile(r'<rect class="(over|under)"[^>]* fill-opacity="([\d.]+)">')


def names(n: int) -> list[str]:
    return [f"y{i}" for i in range(n)]


def test_a_heatmap_colours_by_sign_and_shades_by_size() -> None:
    values = np.array([[1.0, -2.0], [0.5, np.nan]])
    drawn = heatmap(values, rows=names(2), columns=names(2), down="w", across="l", words="A matrix.")
    assert TITLES.findall(drawn) == ["y0, y0: 1", "y0, y1: -2", "y1, y0: 0.5"]
    assert RECT.findall(drawn) == [("over", "0.225"), ("under", "0.450"), ("over", "0.113")]
    assert "-2.00" in drawn


def test_a_large_heatmap_is_one_path_for_each_shade() -> None:
    drawn = heatmap(np.eye(20) - 0.5, rows=names(20), columns=names(20), down="w", across="l", words="Ones.")
    (over,) = re.findall(r'<path class="over"[^>]* d="([^"]*)"', drawn)
    (under,) = re.findall(r'<path class="under"[^>]* d="([^"]*)"', drawn)
    cell = 320 / 20
    area = {path: sum(float(w) * cell for w in re.findall(r"h([\d.]+)v", path)) for path in (over, under)}
    assert area[over] == pytest.approx(20 * cell**2) and area[under] == pytest.approx(380 * cell**2)
    assert over.count("M") == 20 and under.count("M") == 2 * 20 - 2  # the first and the last row have one run


def test_few_outcomes_are_columns_of_the_right_height() -> None:
    drawn = columns({"p": np.array([0.25, 0.75]), "q": np.array([0.5, 0.5])}, words="Two.")
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"><title>', drawn)]
    np.testing.assert_allclose(np.array(heights) / heights[1], [1 / 3, 1, 2 / 3, 2 / 3], atol=0.05 / 190)
    assert "p, outcome 1: 0.25" in TITLES.findall(drawn)


@pytest.mark.parametrize("k", [60, 1000])
def test_many_outcomes_are_one_outline_for_each_distribution(k: int) -> None:
    drawn = columns({"p": np.full(k, 1 / k), "q": np.full(k, 1 / k)}, words="Many.")
    assert drawn.count("<path") == 2 and drawn.count("V") == 2 * k


def ticks(svg: str, kind: str) -> list[str]:
    return re.findall(rf'<text class="{kind}" x="[-\d.]+" y="[-\d.]+">([^<]*)</text>', svg)


def test_a_logarithmic_axis_names_powers_of_ten() -> None:
    x = np.geomspace(0.1, 1e5, 20)
    drawn = chart([Series("a", x.tolist(), (1 / x).tolist())], x="t", y="f", words="A line.", log="xy", floor=1e-4)
    assert ticks(drawn, "cx")[:-1] == ["0.1", "1", "10", "100", "10³", "10⁴", "10⁵"]
    assert ticks(drawn, "cy") == ["10⁻⁴", "10⁻³", "0.01", "0.1", "1", "10"]
    line = re.search(r'<polyline class="l0 d0" points="([^"]*)"/>', drawn)
    assert line
    at = np.array([spot.split(",") for spot in line[1].split()], float)
    np.testing.assert_allclose(np.diff(at[:, 0]), np.diff(at[:, 0]).mean(), atol=0.11)  # rounded to 0.1 each
    assert at[-1, 1] == at[:, 1].max() == at[-2, 1]  # both below the floor


@pytest.mark.parametrize("span", [1.01, 1.5, 8.0, 40.0])
def test_a_logarithmic_axis_of_a_short_range_has_numbers_too(span: float) -> None:
    drawn = chart([Series("a", [1, 2], [0.03, 0.03 * span])], x="x", y="y", words="A line.", log="y")
    assert len(ticks(drawn, "cy")) >= 2


def test_every_kind_has_a_shape_of_its_own() -> None:
    shapes = {
        re.sub(r'"[-\d., ]+"|\d', "", chart([Series("", [1], [1], line=False, kind=k)], x="", y="", words=""))
        for k in range(6)
    }
    assert len(shapes) == 5  # the two triangles differ by their points, below
    up, down = (
        re.findall(r'<polygon class="s\d" points="[-\d.]+,([-\d.]+) [-\d.]+,([-\d.]+)',
                   chart([Series("", [1], [1], line=False, kind=k)], x="", y="", words=""))[0]
        for k in (4, 5)
    )  # fmt: skip
    assert float(up[0]) < float(up[1]) and float(down[0]) > float(down[1])


def test_areas_lie_below_the_points_and_have_their_words_inside() -> None:
    area = Area("both\nfall", [(0, 0), (1, 1), (0, 1)], 1)
    drawn = chart([Series("", [0.5], [0.5], line=False)], x="", y="", words="", span=((0, 1), (0, 1)), areas=[area])
    assert drawn.index('class="s1 area"') < drawn.index("<circle") < drawn.index(">both<") < drawn.index(">fall<")
    small = chart([], x="", y="", words="", span=((0, 100), (0, 100)), areas=[area])
    assert 'class="s1 area"' in small and "both" not in small


def test_long_names_have_room_inside_the_picture() -> None:
    long = [f"{n}-{'x' * 12}" for n in range(12)]
    drawn = heatmap(np.eye(12), rows=long, columns=long, down="w", across="l", words="Ones.")
    width, height = (float(x) for x in re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0])
    # Names of rows end at the left edge of the cells, and those of columns, turned, start above their upper edge.
    x, y = (float(v) for v in re.findall(r'class="frame" x="([\d.]+)" y="([\d.]+)"', drawn)[0])
    assert x - 6 >= 6 * len(long[0]) and y - 6 >= 6 * len(long[0])
    assert width == pytest.approx(x + 320 + 8, abs=0.5) and height == pytest.approx(y + 320 + 8, abs=0.5)
    assert all(drawn.count(f">{name}<") == 2 for name in long)


def test_columns_below_zero_hang_from_the_line() -> None:
    drawn = columns({"p": np.array([0.5, -0.25])}, words="Two.", names=["good", "bad"], x="token", span=(-0.5, 0.5))
    bars = re.findall(r'<rect class="s0" x="\S+" y="(\S+)" width="\S+" height="(\S+)">', drawn)
    (up_y, up_h), (down_y, down_h) = ((float(y), float(h)) for y, h in bars)
    assert up_y + up_h == pytest.approx(down_y, abs=0.1) and up_h == pytest.approx(2 * down_h, abs=0.1)
    assert up_h == pytest.approx(190 / 2, abs=0.1)  # half the height: the span goes as far below as above
    assert TITLES.findall(drawn) == ["p, good: 0.5", "p, bad: -0.25"]
    assert ">−0.5<" in drawn and ">token<" in drawn


def test_columns_of_zeros_are_drawn() -> None:
    assert 'height="0.0"' in columns({"p": np.zeros(3)}, words="None.")


def luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("place", [0, 1])
def test_numbers_can_be_read_on_the_strongest_colour_in_both_schemes(place: int) -> None:
    """The contrast that WCAG 2 asks of small text (AA), from the colours of the style sheet."""
    drawn = heatmap(np.array([[1.0, -1.0]]), rows=["y"], columns=names(2), down="w", across="l", words="Two.")
    strongest = max(float(o) for _, o in RECT.findall(drawn))

    def colour(name: str) -> np.ndarray:
        digits = re.findall(rf"--{name}: #([0-9a-f]{{6}})", asset("theme.css"))[place]
        return np.array([int(digits[n : n + 2], 16) for n in (0, 2, 4)]) / 255

    ink = luminance(colour("ink"))
    for shade in ("s0", "s1"):
        ground = luminance((1 - strongest) * colour("card") + strongest * colour(shade))
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5
