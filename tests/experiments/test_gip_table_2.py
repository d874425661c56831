"""The judged table: its cells against independent formulas, and the same bytes from run to run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from didlab.experiments import gip_table_2 as table
from didlab.experiments.output import Output
from didlab.objectives.table_2 import ROWS


def test_a_row_that_differs_in_value_is_not_its_own_loss():
    draw = table.typical_draw(500)
    for name in ROWS:
        k = draw.constants
        policies = (draw.chosen, draw.rejected), (draw.chosen - 1.0, draw.rejected - 0.25)
        gaps = [table.row(name, k).value(*policy) - table.own_value(name, k, *policy) for policy in policies]
        gap = gaps[0] - gaps[1]
        # values are below 1e5 (SPPO at beta 0.05), so rounding is below 1e-10
        assert (np.abs(gap).max() < 1e-9) == (table.loss_of_row(name) == "its own loss"), name


def test_pushes_are_minus_the_slopes_of_the_printed_value():
    draw, h = table.typical_draw(500), 1e-6
    for name in ROWS:
        r = table.row(name, draw.constants)
        slope = r.value(draw.chosen + h, draw.rejected) - r.value(draw.chosen - h, draw.rejected)
        clear = np.abs(slope) > 1e-9  # above the rounding of the values
        if name in ("ipo", "kto", "sppo"):
            expected = table.pushes(name, draw, printed=True).chosen[0]
            assert abs((slope[clear] < 0).mean() - expected) <= 1 - clear.mean() + 1e-12


def test_exact_draws_hold_what_is_fixed():
    draw = table.exact_draw(20, beta=1, rejected_length="chosen_length")
    k = draw.constants
    assert all(b == 1 for b in k.beta)
    assert all(a == b for a, b in zip(k.chosen_length, k.rejected_length, strict=True))
    assert all(np.exp(float(a)) + np.exp(float(b)) < 1 for a, b in zip(draw.chosen, draw.rejected, strict=True))


def test_the_table_is_the_same_from_run_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "EXACT", 20)
    for part in ("a", "b"):
        table.make(Output("gip-table-2", tmp_path / part))
    for suffix in ("csv", "json", "png"):
        first, second = ((tmp_path / p / f"gip-table-2.{suffix}").read_bytes() for p in ("a", "b"))
        assert first == second
    caption = json.loads((tmp_path / "a" / "gip-table-2.json").read_text())
    rows = (tmp_path / "a" / "gip-table-2.csv").read_text().splitlines()
    assert len(rows) == 1 + len(ROWS) == 1 + len(caption["facts"])


@pytest.mark.parametrize("name", ROWS)
def test_shares_add_up(name):
    draw = table.typical_draw(200)
    for printed in (True, False):
        p = table.pushes(name, draw, printed=printed)
        assert abs(sum(p.chosen) - 1) < 1e-12
        assert abs(sum(p.rejected) - 1) < 1e-12
