"""The style: distinct in grey and for colour-blind readers; thinning keeps the ends."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from didlab.plots import look, muted, style, thin
from didlab.plots.style import LINES

# Machado, Oliveira and Fernandes 2009, severity 1: what protanopes and deuteranopes see, in linear RGB.
BLIND = (
    np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
)


@pytest.mark.parametrize("looks", [[look(n) for n in LINES if n != "dpo-pg"], [muted(n) for n in range(5)]])
def test_curves_differ_in_dashes_or_clearly_in_colour(looks):
    for a, b in combinations(looks, 2):
        apart = min(np.abs(m @ np.array(to_rgb(a["color"])) - m @ np.array(to_rgb(b["color"]))).max() for m in BLIND)
        assert str(a["linestyle"]) != str(b["linestyle"]) or apart > 0.3


@pytest.mark.parametrize("n", [1, 2, 159, 160, 161, 2001])
def test_thinning_keeps_the_first_and_the_last(n):
    at = thin(np.arange(n))
    assert at[0] == 0 and at[-1] == n - 1
    assert len(at) <= max(160, 1) and (np.diff(at) > 0).all()


def test_the_style_leaves_no_trace():
    import matplotlib

    before = dict(matplotlib.rcParams)
    with style():
        pass
    after = dict(matplotlib.rcParams)
    assert {k for k in before if before[k] != after[k] and not k.startswith("backend")} == set()
