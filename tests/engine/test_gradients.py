"""The kinds of gradients and of log-probabilities: valid, at every boundary, and lifted without rounding."""

from __future__ import annotations

import numpy as np
import pytest

from didlab.engine.gradients import Choice, Coefficients, Gradients
from didlab.engine.instances import draw
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.log_probabilities import Lengths, LogProbabilities, NotNegative

N = 4000


def drawn(kind, shape=None, *, plain=False):
    return draw((kind,), np.random.default_rng(3), N, shape or {}, plain=plain)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("plain", [False, True])
def test_gradients_are_valid_and_reach_every_boundary(d, plain):
    batch = drawn(Gradients(), {"D": d}, plain=plain)
    assert len(batch) == N
    x = Gradients().lift(batch.raw, FLOAT)
    w, v = x["chosen_gradient"], x["rejected_gradient"]
    a, b, c = (w * w).sum(-1), (w * v).sum(-1), (v * v).sum(-1)
    if plain:
        return
    chosen, rejected = np.isclose(b, a) & (a > 0), np.isclose(b, c) & (c > 0)
    for hit in (a == 0, c == 0, (a == c) & (b == a), b == -a, chosen, rejected, (b == 0) & (a > 0)):
        assert hit.sum() >= 20
    assert (b * b <= a * c * (1 + 1e-12)).all()


def test_ordered_and_opposed_gradients_are_what_they_say():
    for d in (1, 2, 3):
        kinds = (Gradients(ordered=True), lambda a, b, c: a <= c), (Gradients(opposed=True), lambda a, b, c: b <= 0)
        for kind, test in kinds:
            for plain in (False, True):
                raw = drawn(kind, {"D": d}, plain=plain).raw
                w, v = raw["chosen_gradient"], raw["rejected_gradient"]
                assert len(w) == N
                assert test((w * w).sum(-1), (w * v).sum(-1), (v * v).sum(-1)).all()


def test_coefficients_reach_zero_and_negative_weights():
    raw = drawn(Coefficients()).raw
    assert ((raw["d_w"] == 0) | (raw["d_l"] == 0)).mean() > 0.1
    assert (raw["d_w"] == raw["d_l"]).mean() > 0.1
    assert (raw["d_w"] * raw["d_l"] < 0).mean() > 0.2
    assert (drawn(Coefficients(positive=True)).raw["d_w"] > 0).all()
    half = drawn(Coefficients(above=("d_l",))).raw
    assert (half["d_l"] > 0).all()
    assert (half["d_w"] < 0).any()


def test_log_probabilities_leave_room_and_repeat_each_other():
    kind = LogProbabilities(reference=True, other=True)
    batch = drawn(kind)
    assert len(batch) == N
    x = kind.lift(batch.raw, FLOAT)
    for a, b in kind.pairs:
        assert (np.exp(x[a]) + np.exp(x[b]) < 1).all()
    assert ((x["chosen"] == x["ref_chosen"]) & (x["rejected"] == x["ref_rejected"])).mean() > 0.02
    assert (x["chosen"] == x["rejected"]).mean() > 0.02


def test_a_number_beyond_the_rejected_log_probability():
    kind = LogProbabilities(beyond="beta")
    x = kind.lift(drawn(kind).one(0), EXACT)
    assert set(x) == {"chosen", "rejected", "beta"}
    assert x["beta"][0] > 0
    x = kind.lift(drawn(kind).raw, FLOAT)
    assert (1 / x["beta"] > -x["rejected"]).all()


def test_lengths_numbers_and_choices():
    raw = drawn(Lengths()).raw
    assert (raw["chosen_length"] == raw["rejected_length"]).mean() > 0.1
    assert (np.abs(raw["chosen_length"] - raw["rejected_length"]) == 1).mean() > 0.1
    raw = drawn(NotNegative("lam")).raw
    assert (raw["lam"][:, 0] == 0).mean() > 0.1
    assert not NotNegative("lam").valid({"lam": np.array([[1, 0]])}).any()
    assert set(drawn(Choice("which", 3)).raw["which"].ravel()) == {0, 1, 2}
