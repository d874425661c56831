"""The drawings say what they were given: every mark has its value, and its place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from didlab.report.columns import columns
from didlab.report.heatmap import heatmap

TITLES = re.compile(r"<title>([^<]*)</title>")
RECT = re.compile(r'<rect class="(over|under)"[^>]* fill-opacity="([\d.]+)">')


def names(n: int) -> list[str]:
    return [f"y{i}" for i in range(n)]


def test_a_heatmap_colours_by_sign_and_shades_by_size() -> None:
    values = np.array([[1.0, -2.0], [0.5, np.nan]])
    drawn = heatmap(values, rows=names(2), columns=names(2), down="w", across="l", words="A matrix.")
    assert TITLES.findall(drawn) == ["y0, y0: 1", "y0, y1: -2", "y1, y0: 0.5"]
    assert RECT.findall(drawn) == [("over", "0.400"), ("under", "0.800"), ("over", "0.200")]
    assert "-2.00" in drawn


def test_a_large_heatmap_has_no_numbers() -> None:
    drawn = heatmap(np.eye(20), rows=names(20), columns=names(20), down="w", across="l", words="Ones.")
    assert drawn.count("<title>") == 400 and 'class="v"' not in drawn


def test_few_outcomes_are_columns_of_the_right_height() -> None:
    drawn = columns({"p": np.array([0.25, 0.75]), "q": np.array([0.5, 0.5])}, words="Two.")
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"><title>', drawn)]
    np.testing.assert_allclose(np.array(heights) / heights[1], [1 / 3, 1, 2 / 3, 2 / 3], atol=0.05 / 190)
    assert "p, outcome 1: 0.25" in TITLES.findall(drawn)


@pytest.mark.parametrize("k", [60, 1000])
def test_many_outcomes_are_one_outline_for_each_distribution(k: int) -> None:
    drawn = columns({"p": np.full(k, 1 / k), "q": np.full(k, 1 / k)}, words="Many.")
    assert drawn.count("<path") == 2 and drawn.count("V") == 2 * k
