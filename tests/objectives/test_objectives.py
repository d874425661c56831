"""Every objective: its formula, its closed-form slopes, its common form and its compiled kernel agree."""

import numpy as np
import pytest
import torch

from didlab import DidlabError, objectives
from didlab.objectives import scalars

CONVENTIONS = {
    "slic": ("margin", "swapped", "slope", "trl"), "orpo": ("paper", "slope", "likelihood"),
    "simpo": ("paper", "ratio"), "cal-dpo": ("paper", "scaled"),
    "ipo": ("paper", "trl"), "r-dpo": ("paper", "penalty"), "rrhf": ("paper", "token"),
    "cpo": ("paper", "trl"), "sppo": ("trl", "paper"),
}
ALL = [(name, c) for name in objectives.names() for c in CONVENTIONS.get(name, (None,))]


def build(name, convention, **hyper):
    return objectives.get(name, **hyper, **({"convention": convention} if convention else {}))


def pairs(seed=0, n=200, width=3.0):
    rng = np.random.default_rng(seed)
    w, l, rw, rl = -0.01 - width * rng.exponential(size=(4, n))  # noqa: E741
    w[: n // 10] = rw[: n // 10] + rng.choice([-1e-6, 1e-6], n // 10)
    return w, l, rw, rl


@pytest.mark.parametrize(("name", "convention"), ALL)
@pytest.mark.parametrize("lengths", [False, True])
def test_slopes_are_the_gradient_of_the_value(name, convention, lengths):
    objective = build(name, convention)
    arrays = pairs()
    n = np.random.default_rng(1).integers(1, 9, (2, 200)).astype(float) if lengths else np.ones((2, 200))
    w, l, rw, rl = (torch.tensor(x, requires_grad=True) for x in arrays)  # noqa: E741
    nw, nl = torch.tensor(n)
    value = objective.value(w, l, rw, rl, chosen_length=nw, rejected_length=nl)
    auto = torch.autograd.grad(value.sum(), (w, l), allow_unused=True)
    auto = [torch.zeros_like(w) if g is None else g for g in auto]
    closed = objective.slopes(*arrays, chosen_length=n[0], rejected_length=n[1])
    tensors = objective.slopes(w, l, rw, rl, chosen_length=nw, rejected_length=nl)
    plain = objective.value(*arrays, chosen_length=n[0], rejected_length=n[1])
    np.testing.assert_allclose(plain, value.detach().numpy(), rtol=1e-13, atol=1e-13)
    for a, c, t in zip(auto, closed, tensors, strict=True):
        np.testing.assert_allclose(c, a.numpy(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(t.detach().numpy(), a.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "convention"), ALL)
def test_the_common_form_is_the_formula(name, convention):
    from didlab.objectives.links import link

    objective = build(name, convention)
    form, (w, l, rw, rl) = objective.form, pairs(2)  # noqa: E741
    total = form.chosen_term(w, rw) + form.rejected_term(l, rl) - form.nll * w
    total = total + form.weight * link(form.link, form.margin(w, l, rw, rl))
    np.testing.assert_allclose(total, objective.value(w, l, rw, rl), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("name", "convention"), ALL)
def test_the_compiled_kernel_gives_the_slopes(name, convention):
    objective, arrays = build(name, convention), pairs(3)
    row = np.array(objective.form.row())
    kernel = np.array([scalars.slopes(*p, row) for p in zip(*arrays, strict=True)]).T
    for k, s in zip(kernel, objective.slopes(*arrays), strict=True):
        np.testing.assert_allclose(k, s, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("name", "convention"), ALL)
def test_second_derivatives_of_the_form(name, convention):
    form, (w, _, rw, _) = build(name, convention).form, pairs(4)
    w = np.where(abs(w - rw) < 1e-3, w - 0.1, w)
    h = 1e-5 * np.minimum(1.0, -w)
    for f in (form.chosen_score, form.rejected_score):
        numeric = (f(w + h, rw, 1, 1) - f(w - h, rw, 1, 1)) / (2 * h)
        np.testing.assert_allclose(f(w, rw, 1, 2), numeric, rtol=1e-7, atol=1e-7)
    for f in (form.chosen_term, form.rejected_term):
        np.testing.assert_allclose(f(w, rw, 2), (f(w + h, rw, 1) - f(w - h, rw, 1)) / (2 * h), rtol=1e-7, atol=1e-7)


def test_batched_hyper_parameters():
    beta = np.array([[0.5], [2.0]])
    w, l, rw, rl = pairs(5, 6)  # noqa: E741
    both = objectives.get("dpo", beta=beta)
    for i, b in enumerate((0.5, 2.0)):
        one = objectives.get("dpo", beta=b)
        np.testing.assert_array_equal(both.value(w, l, rw, rl)[i], one.value(w, l, rw, rl))
        np.testing.assert_array_equal(both.slopes(w, l, rw, rl)[1][i], one.slopes(w, l, rw, rl)[1])


def test_extreme_margins_stay_finite():
    w, l, rw, rl = np.array([-1e-12, -800.0]), np.array([-800.0, -1e-12]), np.full(2, -3.0), np.full(2, -4.0)  # noqa: E741
    for name in objectives.names():
        objective = objectives.get(name)
        for x in (objective.value(w, l, rw, rl), *objective.slopes(w, l, rw, rl)):
            assert np.isfinite(x).all(), name


def test_identities_between_losses():
    w, l, rw, rl = pairs(6)  # noqa: E741
    zero = 0 * rw
    same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)  # noqa: E731
    dpo, log_pi = objectives.get("dpo", beta=0.7), objectives.get("log-pi", beta=0.7)
    same(dpo.value(w, l, zero, zero), log_pi.value(w, l, rw, rl))
    same(objectives.get("simpo", beta=0.7, gamma=0.0).value(w, l, rw, rl), log_pi.value(w, l, rw, rl))
    same(objectives.get("cpo", beta=0.7, lam=0.0).value(w, l, rw, rl), log_pi.value(w, l, rw, rl))
    same(objectives.get("dpo-positive", beta=0.7, lam=0.0).value(w, l, rw, rl), dpo.value(w, l, rw, rl))
    same(objectives.get("r-dpo", beta=0.7).value(w, l, rw, rl), dpo.value(w, l, rw, rl))
    rrhf = objectives.get("rrhf", lam=0.3)
    same(objectives.get("slic", beta=0.0, lam=0.3).value(w, l, rw, rl), rrhf.value(w, l, rw, rl))
    same(
        objectives.get("slic", beta=0.2, lam=0.3).value(w, l, rw, rl),
        objectives.get("slic", beta=0.3, lam=0.2, convention="swapped").value(w, l, rw, rl),
    )
    cal = objectives.get("cal-dpo", beta=0.7).value(w, l, rw, rl)
    same(cal, objectives.get("dpo").value(w, l, rw, rl) + objectives.get("sppo", beta=0.7).value(w, l, rw, rl))


@pytest.mark.parametrize(("name", "hyper", "message"), [
    ("dpo", {"beta": 0.0}, "`beta`"), ("dpo", {"beta": float("nan")}, "`beta`"), ("dpo", {"gamma": 1.0}, "`gamma`"),
    ("slic", {"lam": -1.0}, "`lam`"), ("slic", {"convention": "mine"}, "`convention`"), ("nope", {}, "`name`"),
    ("slic", {"beta": 0.0, "convention": "slope"}, "`beta`"), ("simpo", {"gamma": float("inf")}, "`gamma`"),
    ("orpo", {"beta": "1"}, "`beta`"), ("kto", {"z": -1.0}, "`z`"), ("r-dpo", {"alpha": None}, "`alpha`"),
])
def test_bad_hyper_parameters(name, hyper, message):
    with pytest.raises(DidlabError, match=message):
        objectives.get(name, **hyper)


def test_bad_arguments():
    dpo = objectives.get("dpo")
    with pytest.raises(DidlabError, match="`name`"):
        objectives.get(["dpo"])
    with pytest.raises(DidlabError, match="`rejected`"):
        dpo.value([0.0], [float("nan")], [0.0], [0.0])
    with pytest.raises(DidlabError, match=r"Write \[-1.0\] for one pair"):
        dpo.slopes(-1.0, -2.0, -1.0, -1.0)
    with pytest.raises(DidlabError, match="`chosen_length`"):
        dpo.value([0.0], [0.0], [0.0], [0.0], chosen_length=0)
    for length in (np.inf, [], np.ones(3), [[1], ["a"]], [1, [2]]):
        with pytest.raises(DidlabError, match="`rejected_length`"):
            objectives.get("simpo").value([0.0, 0.0], [0.0], [0.0], [0.0], rejected_length=length)
    with pytest.raises(DidlabError, match="`ref_chosen`"):
        dpo.value(np.zeros(2), np.zeros(1), np.zeros(3), np.zeros(1))
    with pytest.raises(DidlabError, match="`beta`"):
        objectives.get("dpo", beta=np.ones(3)).value(*np.zeros((4, 2)))


def test_lengths_may_be_integers():
    simpo, two = objectives.get("simpo"), np.zeros((4, 2))
    assert (simpo.value(*two, chosen_length=[3, 4]) == simpo.value(*two, chosen_length=np.array([3.0, 4.0]))).all()
    arrays = [torch.tensor(x) for x in pairs(7)]
    n = torch.arange(1, 201)
    for name in objectives.names():
        objective = objectives.get(name)
        whole, real = ({"chosen_length": m, "rejected_length": m.flip(0)} for m in (n, n.double()))
        assert objective.value(*arrays, **whole).dtype == torch.float64
        torch.testing.assert_close(objective.value(*arrays, **whole), objective.value(*arrays, **real), rtol=0, atol=0)
        for a, b in zip(objective.slopes(*arrays, **whole), objective.slopes(*arrays, **real), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
