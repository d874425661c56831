"""Token-level kinds and models: their inner products are those of the gradients of the models they describe."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from didlab.claims.gip_tokens_edit import actual_change
from didlab.claims.gip_tokens_separate import simplex_gradient
from didlab.claims.token_models import residual, token_changes, token_products
from didlab.engine.instances import draw, lifted
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.responses import Responses, after
from didlab.engine.tokens import Concentrated, Hidden, Preferring, Rows

SHAPE = {"L": 4, "K": 3, "D": 2}
MODELS = ["positions", "prefixes", "logits", "last layer"]


def floats(x):
    return np.array([float(Fraction(int(v.p), int(v.q))) for v in x.reshape(-1)]).reshape(x.shape)


def some(kind, n=40, seed=0, **shape):
    return draw((kind,), np.random.default_rng(seed), n, {**SHAPE, **shape})


def log_probabilities(model, one, theta):
    """Log-probabilities of the tokens of both responses with the parameters moved from the point by theta."""
    length, m = len(one["chosen"]), int(np.argmax(one["chosen"] != one["rejected"]))
    out = []
    for side, (rows, hidden, tokens) in enumerate(((one["rows_w"], one["hidden_w"], one["chosen"]),
                                                   (one["rows_l"], one["hidden_l"], one["rejected"]))):
        for i in range(length):
            index = {"positions": i, "prefixes": i if i <= m or side == 0 else length + i, "logits": 0}
            move = torch.tensor(hidden[i]) @ theta if model == "last layer" else theta[index[model]]
            out.append(torch.log_softmax(torch.tensor(rows[i]).log() + move, -1)[int(tokens[i])])
    return torch.stack(out)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("prefers", [False, True])
def test_token_products_and_changes_are_those_of_autograd(model, prefers):
    kind = Responses("any", hidden=True, prefers=prefers)
    batch = some(kind, 12, seed=1)
    rows = {"positions": 4, "prefixes": 8, "logits": 1, "last layer": 2}[model]
    for i in range(len(batch)):
        one = lifted((kind,), batch.one(i), FLOAT)
        theta = torch.zeros(rows, SHAPE["K"], dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(lambda t, one=one: log_probabilities(model, one, t), theta)
        gradients = jacobian.reshape(8, -1).numpy()
        gram = gradients @ gradients.T
        products = token_products(model, **one)
        for part, expected in zip(products, (gram[:4, :4], gram[:4, 4:], gram[4:, 4:]), strict=True):
            np.testing.assert_allclose(part, expected, atol=1e-12 * max(1.0, np.abs(gram).max()))
        step = gradients[:4].sum(0) - gradients[4:].sum(0)
        np.testing.assert_allclose(np.concatenate(token_changes(products)), gradients @ step,
                                   atol=1e-12 * max(1.0, np.abs(gradients).max() ** 2 * 8))


def test_batches_of_floats_agree_with_single_exact_instances():
    kind = Responses("inner", hidden=True, prefers=True)
    batch = some(kind, 30, seed=2)
    many = lifted((kind,), batch.raw, FLOAT)
    for model in MODELS:
        together = token_products(model, **many)
        for i in range(len(batch)):
            alone = token_products(model, **lifted((kind,), batch.one(i), EXACT))
            for a, b in zip(together, alone, strict=True):
                entry = a[i] if a.ndim == 3 else a
                np.testing.assert_allclose(entry, floats(b), atol=1e-12 * max(1.0, np.abs(entry).max()))


@pytest.mark.parametrize("kind", [Responses("any"), Responses("inner", prefers=True), Responses("last", hidden=True),
                                  Responses("last", concentrated="any"),
                                  Responses("inner", hidden=True, turned="differing")],
                         ids=lambda k: f"{k.differ}-{k.prefers}-{k.hidden}-{k.concentrated}-{k.turned}")
def test_responses_differ_at_one_token_and_agree_where_their_prefixes_do(kind):
    batch = some(kind, 200, seed=3)
    assert len(batch) == 200
    out = lifted((kind,), batch.raw, FLOAT)
    differ = out["chosen"] != out["rejected"]
    assert (differ.sum(-1) == 1).all()
    if kind.differ != "any":
        assert (differ[:, -1] == (kind.differ == "last")).all()
    early = ~after(out["chosen"], out["rejected"])
    np.testing.assert_array_equal(out["rows_w"][early], out["rows_l"][early])
    if kind.hidden:
        np.testing.assert_array_equal(out["hidden_w"][early], out["hidden_l"][early])
    for rows in (out["rows_w"], out["rows_l"]):
        np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-15)


def test_after_marks_the_positions_after_the_difference():
    assert after(np.array([[0, 1, 1], [2, 0, 0]]), np.array([[0, 0, 1], [1, 0, 0]])).tolist() == [
        [False, False, True], [False, True, True]]


def test_preferring_rows_meet_the_assumption_with_and_without_equality():
    one = lifted((Preferring("s_w", "s_l"),), some(Preferring("s_w", "s_l"), 300, seed=4).raw, EXACT)
    gain = one["s_w"] - one["s_l"]
    assert (gain[:, 0] >= 0).all()
    assert (gain[:, 1:] <= 0).all()
    equal = (gain == 0).all(-1)
    assert 0 < equal.sum() < 300


def test_suffix_rows_meet_the_assumption_at_the_common_token():
    kind = Responses("inner", prefers=True)
    out = lifted((kind,), some(kind, 200, seed=5).raw, EXACT)
    token = out["chosen"][..., None] == np.arange(SHAPE["K"])
    later = after(out["chosen"], out["rejected"])[..., None]
    gain = out["rows_w"] - out["rows_l"]
    assert ((gain >= 0) | ~(token & later)).all()
    assert ((gain <= 0) | token | ~later).all()


def test_contexts_that_predict_alike_have_equal_rows():
    out = lifted((Responses("inner", alike=True),), some(Responses("inner", alike=True), 50).raw, FLOAT)
    np.testing.assert_array_equal(out["rows_w"], out["rows_l"])


def test_turned_hidden_states_are_orthogonal_to_the_differing_ones():
    kind = Responses("any", hidden=True, turned="differing")
    batch = some(kind, 200, seed=6)
    out = lifted((kind,), batch.raw, FLOAT)
    here = (out["chosen"] != out["rejected"])[..., None]
    center = (out["hidden_w"] * here).sum(-2, keepdims=True)
    turned = batch.raw["turn"][:, 0] == 1
    assert 0 < turned.sum() < 200
    for states in (out["hidden_w"], out["hidden_l"]):
        overlap = ((states * center).sum(-1) * ~here[..., 0])[turned]
        np.testing.assert_array_equal(overlap, 0)


def test_hidden_states_turned_about_the_last_are_orthogonal_to_both_last_ones():
    kind = Responses("inner", hidden=True, turned="last")
    batch = some(kind, 200, seed=11)
    out = lifted((kind,), batch.raw, FLOAT)
    turned = batch.raw["turn"][:, 0] == 1
    assert 0 < turned.sum() < 200
    w, l = (out[name][turned] for name in ("hidden_w", "hidden_l"))  # noqa: E741
    for states in (w, l):
        for last in (w[:, -1:], l[:, -1:]):
            np.testing.assert_array_equal((states[:, :-1] * last).sum(-1), 0)
    assert (np.linalg.det(np.stack([w[:, -1], l[:, -1]], -2)) == 0).all()
    assert (w[:, -1] * l[:, -1]).sum(-1).min() >= 0


@pytest.mark.parametrize("how", ["both", "any"])
def test_the_concentrated_row_is_uniform_on_its_tokens(how):
    kind = Responses("last", concentrated=how)
    out = lifted((kind,), some(kind, 200, seed=7).raw, EXACT)
    row = out["rows_w"][:, -1]
    m = (row != 0).sum(-1)
    assert all((r[r != 0] * int(k) == 1).all() for r, k in zip(row, m, strict=True))
    inside = [row[np.arange(200), out[name][:, -1]] != 0 for name in ("chosen", "rejected")]
    assert all(x.all() for x in inside) == (how == "both")


def test_concentrated_rows_with_a_rest_have_full_support_and_the_mass_they_say():
    kind = Concentrated(first=2, rest=True)
    batch = some(kind, 200, seed=8, K=4)
    out = lifted((kind,), batch.raw, EXACT)
    inside = batch.raw["support"] == 1
    assert inside[:, :2].all()
    assert (out["row"] > 0).all()
    for row, keep, outside, m in zip(out["row"], inside, out["outside"][:, 0], out["m"][:, 0], strict=True):
        assert sum(row) == 1
        assert sum(row[keep]) == 1 - outside
        assert (row[keep] * m == 1 - outside).all()


def test_rows_of_the_closed_simplex_include_certain_ones():
    rows = lifted((Rows("row", low=0),), some(Rows("row", low=0), 300, seed=9).raw, EXACT)["row"]
    assert any((row == 1).any() for row in rows)
    assert any((row != 0).all() for row in rows)


def test_acute_states_are_at_no_obtuse_angle():
    kind = Hidden("h", "other", acute=True)
    for raw in (some(kind, 200).raw, kind.plain(np.random.default_rng(1), 200, SHAPE)):
        assert ((raw["h"] * raw["other"]).sum(-1) >= 0).all()
        assert kind.valid(raw).all()
    assert not kind.valid({"h": np.array([1, 0]), "other": np.array([-1, 0])})


@pytest.mark.parametrize("change", [{"rejected": [0, 1, 0]}, {"rejected": [1, 0, 0]}, {"chosen": [0, 1, 5]}],
                         ids=["no difference", "two differences", "a token outside the vocabulary"])
def test_instances_that_are_no_such_pair_are_not_valid(change):
    kind = Responses("inner")
    ones = np.ones((3, 3), dtype=np.int64)
    raw = {"chosen": np.array([0, 1, 0]), "rejected": np.array([0, 0, 0]), "common": ones, "other": ones}
    assert bool(kind.valid(raw))
    assert not bool(kind.valid(raw | {k: np.array(v) for k, v in change.items()}))


def test_the_change_of_a_step_is_that_of_the_moved_logits():
    rng = np.random.default_rng(10)
    row = rng.dirichlet(np.ones(5), 20)
    move = rng.normal(size=(20, 5))
    moved = torch.log_softmax(torch.tensor(row).log() + torch.tensor(move), -1).numpy()
    np.testing.assert_allclose(actual_change(row, move, 2)[:, 0], moved[:, 2] - np.log(row[:, 2]), atol=1e-13)


def test_gradients_on_the_simplex_are_projected_ones():
    row = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True)
    row[1].log().backward()
    gradient = row.grad.numpy()
    projected = simplex_gradient(row.detach().numpy()[None], 1)[0]
    np.testing.assert_allclose(projected, gradient - gradient.mean(), atol=1e-15)
    assert abs(float(residual(row.detach().numpy(), 1).sum())) < 1e-15
