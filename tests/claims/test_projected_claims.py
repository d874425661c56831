"""The kinds of local policy models: their gradients and Hessians are those of the policy they describe."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from didlab.claims import projected, projected_losses, projected_reinforcement, projected_steps
from didlab.engine.claim import collect
from didlab.engine.instances import draw, lifted, shapes
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.models import Functions, LocalModel, cubic

MODEL = LocalModel(batch=(1, 2, 3), curved=0.7, reference=True)


def loss(raw, side):
    """The mean negative log-likelihood of one side of the batch, as a function of the parameters."""
    w, slopes, bends = (torch.tensor(raw[name], dtype=torch.float64) for name in ("weights", "slopes", "bends"))
    outcomes = raw["pairs"][:, side].tolist()

    def value(theta):
        logits = w.log() + slopes @ theta + torch.einsum("kij,i,j->k", bends, theta, theta)
        return -torch.log_softmax(logits, -1)[outcomes].mean()

    return value


def floats(x):
    return np.array([float(Fraction(int(v.p), int(v.q))) for v in x.reshape(-1)]).reshape(x.shape)


@pytest.mark.parametrize("shape", shapes((MODEL,), 4)[::3], ids=str)
def test_gradients_and_hessians_agree_with_autograd(shape):
    batch = draw((MODEL,), np.random.default_rng(1), 12, shape)
    for i in range(len(batch)):
        raw = batch.one(i)
        exact = lifted((MODEL,), raw, EXACT)
        for side, name in enumerate(("chosen", "rejected")):
            theta = torch.zeros(shape["D"], dtype=torch.float64)
            gradient = torch.autograd.functional.jacobian(loss(raw, side), theta).numpy()
            hessian = torch.autograd.functional.hessian(loss(raw, side), theta).numpy()
            np.testing.assert_allclose(floats(exact[f"{name}_gradient"]), gradient, atol=1e-12)
            np.testing.assert_allclose(floats(exact[f"{name}_hessian"]), hessian, atol=1e-12)


def test_batches_of_floats_agree_with_single_exact_instances():
    shape = {"K": 3, "M": 2, "D": 2}
    batch = draw((MODEL,), np.random.default_rng(2), 40, shape)
    many = lifted((MODEL,), batch.raw, FLOAT)
    for i in range(len(batch)):
        one = lifted((MODEL,), batch.one(i), EXACT)
        for name in ("probability", "reference", "chosen_gradient", "rejected_gradient", "chosen_hessian"):
            np.testing.assert_allclose(many[name][i], floats(one[name]), atol=1e-13)


def test_the_tabular_model_is_the_model_with_one_hot_slopes():
    table, free = LocalModel("logits", batch=(2,)), LocalModel(batch=(2,))
    batch = draw((table,), np.random.default_rng(3), 30, {"K": 3, "M": 2})
    for i in range(len(batch)):
        raw = batch.one(i)
        direct = lifted((table,), raw, EXACT)
        by_slopes = lifted((free,), {**raw, "slopes": np.eye(3, dtype=np.int64)}, EXACT)
        for name in ("chosen_gradient", "rejected_gradient"):
            assert (direct[name] == by_slopes[name]).all()


def test_the_loss_falls_to_second_order_as_the_hessian_says():
    raw = {"weights": np.array([1, 2, 3]), "reference_weights": np.array([1, 1, 1]), "pairs": np.array([[0, 1]]),
           "slopes": np.array([[1, 0], [0, 2], [-1, 1]]),
           "bends": np.array([[[1, 0], [2, 0]], [[0, 1], [0, 0]], [[0, 0], [0, -1]]])}
    out = lifted((MODEL,), raw, EXACT)
    step = np.array([0.3, -0.7])
    for side, name in enumerate(("chosen", "rejected")):
        f = loss(raw, side)
        gradient, hessian = floats(out[f"{name}_gradient"]), floats(out[f"{name}_hessian"])
        for h in (1e-2, 1e-3):
            there = float(f(torch.tensor(h * step)) - f(torch.zeros(2, dtype=torch.float64)))
            assert abs(there - h * gradient @ step - h * h * step @ hessian @ step / 2) < 20 * h**3


def test_functions_have_the_slope_and_bend_they_are_given():
    batch = draw((Functions(),), np.random.default_rng(4), 200, {"D": 3})
    a = lifted((Functions(),), batch.raw, FLOAT)
    parts = [a[name] for name in ("slope", "bend", "cube", "kink")]
    h = 1e-4
    ahead, back = (cubic(s * h * a["direction"], *parts)[:, 0] for s in (1, -1))
    np.testing.assert_allclose((ahead - back) / (2 * h), (a["slope"] * a["direction"]).sum(-1), atol=0.1)
    assert ((a["slope"] * a["direction"]).sum(-1) <= 0).all()
    bend = np.einsum("ni,nij,nj->n", a["direction"], a["bend"], a["direction"])
    np.testing.assert_allclose((ahead + back) / (2 * h * h), bend, atol=1e-4)


@pytest.mark.parametrize("model", [MODEL, LocalModel("logits", at_mode=0.5)], ids=["any", "logits"])
def test_hard_classes_are_drawn_and_pairs_differ(model):
    shape = dict.fromkeys(model.sizes, 2) | {"K": 3}
    batch = draw((model,), np.random.default_rng(5), 2000, shape)
    assert len(batch) == 2000
    assert (batch.raw["pairs"][..., 0] != batch.raw["pairs"][..., 1]).all()
    assert {"repeated pairs", "reversed pairs"} <= set(batch.labels)
    expected = {"zero", "rank one", "one-hot", "equal rows"} if model is MODEL else {"chosen at the mode"}
    assert expected <= set(batch.labels)


def test_ids_are_those_of_the_list():
    modules = (projected, projected_steps, projected_losses, projected_reinforcement)
    ids = {c.id for module in modules for c in collect(module)}
    assert {"did.def-h.1", "did.app-h.adaptive", "did.app-h.clipping", "did.lemma-h.3", "did.thm-h.4", "did.thm-h.5",
            "did.cor-h.5.1", "did.cor-h.5.1.batch", "did.cor-h.5.1.proof", "did.app-h.reinforcement"} <= ids
