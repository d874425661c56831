"""Objectives: what is shown against other routes, the Python that repeats it, links, and what a person may type."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import log_softmax, rel_entr, softmax

from didlab import objectives
from didlab.dynamics import Protocol, pair_problem, train_plainly
from didlab.errors import ArgumentError
from didlab.explore import losses
from didlab.explore.objectives import SECTIONS, State, flow, joined, optima, training, view, waiting
from didlab.explore.objectives.plane import WORDS, areas
from didlab.explore.presets import PRESETS
from didlab.explore.state import parse, query
from didlab.sequences.linear import Gram

from .reading import printed
from .states import losses_in_words, of_objectives

SMALL = {"k": 4, "steps": 40, "batch": 16}
NAMES = list(losses.NAMES)


def js(p: np.ndarray, q: np.ndarray) -> float:
    """JS divergence of two policies by their logits."""
    p, q = softmax(p), softmax(q)
    return float((rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2)).sum() / 2)


def pair_policies(state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-probabilities of reference, target, and of the policies of chosen and rejected responses."""
    reference, target = (log_softmax(x) for x in state.logits())
    ideal = log_softmax(reference + state.ideal_beta * (reference - target))
    return (
        reference, target, target if state.chosen == "target" else reference,
        ideal if state.rejected == "ideal" else reference,
    )  # fmt: skip


@pytest.mark.parametrize("name, hyper", [("dpo", {"beta": 0.7}), ("log-pi", {"beta": 1.5}), ("h-dpo", {"alpha": 0.6})])
@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_optima_of_margins_are_stationary(name: str, hyper: dict[str, float], preset: str) -> None:
    """A logistic margin s v - t r fits the log-ratio of chosen and rejected: s v = t r + log p - log q + constant."""
    form = objectives.get(name, **hyper).form
    state = State(losses=(losses.word(objectives.get(name, **hyper)),), preset=preset, k=5, tau=0.7, rejected="ideal")
    reference, target, p, q = pair_policies(state)
    expected = js(target, (form.reference * reference + p - q) / form.scale)
    (shown,) = (v for n, v in optima(state).measures.items() if "optimum" in n)
    # Newton stops at a gradient of 1e-12: its error in a logit is that over the least curvature, here above 1e-6.
    assert shown == pytest.approx(expected, abs=1e-6 * np.sqrt(expected) + 1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_minus_the_derivatives_of_the_printed_loss(name: str) -> None:
    state = State(losses=(name,), k=6, start="normal", data_seed=3, pair=(2, 5))
    shown = optima(state).measures
    problem = pair_problem(*(x for x in (state.logits()[0],) * 3), state.logits()[1], seed=3)
    v = torch.tensor(log_softmax(Protocol(start="normal").first_logits(problem)), requires_grad=True)
    r = torch.tensor(log_softmax(state.logits()[0]))
    objectives.get(name).value(v[1:2], v[4:5], r[1:2], r[4:5]).sum().backward()
    assert v.grad is not None
    label = losses.NAMES[name]
    assert shown[f"weight on chosen, {label}"] == pytest.approx(-float(v.grad[1]), rel=1e-12, abs=1e-15)
    assert shown[f"weight on rejected, {label}"] == pytest.approx(float(v.grad[4]), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("chosen, rejected, pairs", [("reference", "ideal", 0), ("target", "reference", 200)])
def test_training_is_that_of_plain_pytorch(chosen: str, rejected: str, pairs: int) -> None:
    state = State(("dpo", "slic:lam:0.5"), k=5, chosen=chosen, rejected=rejected, pairs=pairs, steps=60, rate=0.01)
    _, target, p, q = pair_policies(state)
    problem = pair_problem(state.logits()[0], p, q, target, seed=0, pairs=pairs or None)
    shown = training(state)
    for label, f in state.objectives().items():
        _, end = train_plainly(problem, f, Protocol(steps=60, rate=0.01))
        # the two engines agree to 1e-12 in a logit (tests of dynamics); JS and likelihoods are Lipschitz in it
        assert shown.measures[f"JS(target, {label} after training)"] == pytest.approx(js(target, end), abs=1e-11)
        expected = log_softmax(end) @ problem.cells.sum(1), log_softmax(end) @ problem.cells.sum(0)
        for what, value in zip(("chosen", "rejected"), expected, strict=True):
            assert shown.measures[f"E log π({what}), {label} after training"] == pytest.approx(value, abs=1e-11)


@pytest.mark.parametrize("name", ["dpo", "orpo", "cal-dpo", "kto"])
def test_the_flow_is_that_of_the_printed_loss(name: str) -> None:
    """Against another integrator with gradients by autograd of the expected loss over all pairs."""
    state = State(losses=(name,), k=4, preset="skewed")
    reference, target, p, q = pair_policies(state)
    weights, r = torch.tensor(np.exp(p)[:, None] * np.exp(q)), torch.tensor(reference)

    def downhill(_: float, theta: np.ndarray) -> np.ndarray:
        logits = torch.tensor(theta, requires_grad=True)
        v = torch.log_softmax(logits, 0)
        loss = objectives.get(name).value(*torch.broadcast_tensors(v[:, None], v, r[:, None], r))
        (weights * loss).sum().backward()
        assert logits.grad is not None
        return -logits.grad.numpy()

    table = flow(state).columns
    rows = [(x, y) for n, x, y in zip(table["picture"], table["x"], table["y"], strict=True) if n == "flow: JS"]
    times = np.array([float(x) for x, _ in rows])  # type: ignore[arg-type]
    early = times <= 100  # the explicit method is slow beyond
    solved = solve_ivp(downhill, (0, 100), reference, "DOP853", t_eval=times[early], rtol=1e-9, atol=1e-11)
    exact = np.array([js(target, theta) for theta in solved.y.T])
    # A step errs by at most 1e-4 of a logit, here below 2.2 nats; a flow downhill does not enlarge errors; it takes
    # fewer than 60 steps. JS changes by at most sqrt(2 JS) times the change of a logit, and by its square.
    off = 60 * 1e-4 * 2.2
    bound = np.sqrt(2 * exact) * off + off**2
    drawn = np.array([float(y) for _, y in rows])[early]  # type: ignore[arg-type]
    assert (np.abs(drawn - exact) <= bound).all()
    assert np.ptp(exact) > 2 * bound.max()


@settings(max_examples=25, deadline=None)
@given(of_objectives())
def test_the_python_prints_the_measures(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures


@settings(max_examples=50, deadline=None)
@given(of_objectives())
def test_a_link_leads_back(state: State) -> None:
    assert parse(State, dict(parse_qsl(query(state)))) == (state, [])


@settings(max_examples=20, deadline=None)
@given(of_objectives())
def test_sections_together_are_the_view(state: State) -> None:
    parts = [section(state, slow=False) for section in SECTIONS]
    assert not waiting(state)
    assert joined(parts) == view(state)
    assert len({len(c) for c in view(state).columns.values()}) == 1
    named = {str(n).partition(":")[0] for n in view(state).columns["picture"]}
    assert named <= {"optima", "weights", "training", "flow"}


def test_what_takes_longer_waits_and_says_so() -> None:
    state = State(losses=("dpo", "slic"), k=70, steps=10_000)
    parts = [section(state, slow=False) for section in SECTIONS]
    assert waiting(state)
    assert [p.name for part in parts for p in part.pictures] == ["optima", "plane"]
    assert [n.partition(" takes longer")[0] for part in parts for n in part.notes] == [
        "The optimum of SLiC", "Training", "The gradient flow",
    ]  # fmt: skip
    assert "JS(target, optimum of DPO)" in parts[0].measures and "JS(target, optimum of SLiC)" not in parts[0].measures
    page = Path(__file__).parents[2] / "didlab" / "explore" / "pages" / "objectives.py"
    (button,) = set(re.findall("“(.*)”", " ".join(n for part in parts for n in part.notes)[:99]))
    assert f'label="{button}"' in page.read_text(encoding="utf-8")
    assert "JS(target, optimum of SLiC)" in optima(state).measures


def test_what_has_no_optimum_or_no_flow_is_said() -> None:
    notes = view(State(losses=("kto", "rrhf", "r-dpo"), **SMALL)).notes
    assert any(n.startswith("KTO has no optimum: outcomes rejected more than chosen") for n in notes)
    assert any(n.startswith("RRHF has kinks") for n in notes)
    assert any(n.startswith("R-DPO: on outcomes of one length") for n in notes)
    alone = flow(State(losses=("slic",), **SMALL))
    assert not alone.pictures and not alone.measures


@pytest.mark.parametrize(
    "state, title",
    [
        (State(losses=("dpo",), **SMALL), "The optimum of DPO is the target"),
        (State(losses=("simpo",), **SMALL), "The optimum of SimPO is not the target"),
        (State(losses=("dpo", "r-dpo"), **SMALL), "The optimum of every loss is the target"),
        (State(losses=("dpo", "simpo"), **SMALL), "The target is the optimum of DPO"),
        (State(losses=("cpo", "simpo"), **SMALL), "The target is the optimum of none of the losses"),
        (State(losses=("kto",), **SMALL), "None of the losses has an optimum to compare"),
    ],
)
def test_the_title_says_whose_optimum_the_target_is(state: State, title: str) -> None:
    assert optima(state).pictures[0].title == title


def test_near_one_outcome_regularised_likelihood_lifts_both() -> None:
    """Beside an outcome of probability 0.99 the gradients of two others point the same way: b/c is near 1/2, and
    CPO's d_l/d_w = 0.5/1.5 is less."""
    shown = optima(State(losses=("dpo", "cpo"), preset="near-deterministic", k=6, tau=0.8, pair=(2, 3)))
    assert shown.pictures[1].title == "One step on chosen 2, rejected 3: chosen up, rejected down for DPO"
    assert "both up" in shown.pictures[1].svg


@given(
    st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    st.floats(-0.99, 0.99), st.floats(-0.99, 0.99),
)  # fmt: skip
def test_the_shading_is_the_sign_of_the_changes(w: list[float], l: list[float], x: float, y: float) -> None:  # noqa: E741
    a, b, c = np.dot(w, w), np.dot(w, l), np.dot(l, l)
    up, down = x * a - y * b, x * b - y * c
    if min(abs(up), abs(down)) < 1e-9 * (1 + a + c):
        return
    square = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    inside = []
    for area in areas(Gram(a, b, c), square):
        corners = np.array(area.corners)
        edges, to = np.roll(corners, -1, 0) - corners, np.array([x, y]) - corners
        if (edges[:, 0] * to[:, 1] - edges[:, 1] * to[:, 0] >= 0).all():
            inside.append(area.name)
    assert inside == [WORDS[bool(up > 0), bool(down < 0)]]


@pytest.mark.parametrize(
    "typed",
    [
        {"losses": "dop"}, {"losses": ""}, {"losses": "dpo,dpo"}, {"losses": "dpo,dpo:beta:1"}, {"losses": "dpo:beta"},
        {"losses": "dpo:beta:warm"}, {"losses": "dpo:gamma:1"}, {"losses": "dpo:beta:-1"}, {"losses": ",".join(NAMES)},
        {"losses": "slic:convention:mine"}, {"preset": "mine"}, {"k": "1"}, {"k": "2.5"}, {"seed": "-1"}, {"tau": "0"},
        {"target": "warm"}, {"target_seed": "-1"}, {"chosen": "ideal"}, {"rejected": "uniform"}, {"ideal_beta": "0"},
        {"pairs": "-1"}, {"data_seed": "x"}, {"steps": "0"}, {"steps": "1e3"}, {"batch": "0"}, {"rate": "0"},
        {"rate": "nan"}, {"start": "there"}, {"pair": "1"}, {"pair": "1,1"}, {"pair": "0,1"}, {"pair": "1,33"},
        {"pair": "a,b"}, {"colour": "red"}, {"reference": "0,1"}, {"policy": "1/0"},
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_said(typed: dict[str, str]) -> None:
    state, problems = parse(State, typed)
    assert state == State() and len(problems) == 1 and re.search(r"`\w+`", problems[0])


def test_a_target_of_another_length_is_refused() -> None:
    with pytest.raises(ArgumentError, match="as many weights as the reference, 2; got 3"):
        view(State(reference=(Fraction(1), Fraction(2)), policy=(Fraction(1),) * 3))


@pytest.mark.parametrize("name", NAMES)
def test_every_hyper_parameter_that_matters_here_has_a_control_and_no_other(name: str) -> None:
    rng = np.random.default_rng(0)
    pairs = np.log(rng.uniform(0.05, 0.9, size=(4, 20)))
    base = {k: (n + 2) / 7 for n, k in enumerate(objectives.get(name).hyper) if k != "convention"}
    for key, usual in objectives.get(name).hyper.items():
        others = losses.CONVENTIONS[name] if key == "convention" else (3.7,)
        values = [objectives.get(name, **{**base, key: v}).value(*pairs) for v in (usual, *others)]
        matters = any(np.abs(v - values[0]).max() > 1e-9 for v in values[1:])
        assert (key in losses.hyper_parameters(name)) == matters


@pytest.mark.parametrize("name", NAMES)
def test_every_convention_can_be_chosen(name: str) -> None:
    if "convention" not in objectives.get(name).hyper:
        assert name not in losses.CONVENTIONS
        return
    with pytest.raises(ArgumentError) as refused:
        objectives.get(name, convention="?")
    assert f"one of {', '.join(losses.CONVENTIONS[name])};" in str(refused.value)


def test_every_objective_can_be_chosen() -> None:
    assert set(losses.NAMES) == set(objectives.names())


@given(losses_in_words)
def test_a_word_names_its_loss(word: str) -> None:
    objective = losses.read(word)
    assert losses.word(objective) == word
    assert eval(losses.python(objective), {"objectives": objectives}).hyper == objective.hyper


def test_a_loss_can_stand_twice() -> None:
    there = losses.kept(("dpo:beta:0.2", "dpo", "dpo:beta:3", "ipo"))
    assert list(there) == ["dpo", "dpo 2", "dpo 3", "ipo"]
    assert set(there) <= set(losses.options(there).values())
    for key, objective in there.items():
        for name, now, steps, _ in losses.controls(key, objective):
            assert now == objective.hyper[name] and now in steps
