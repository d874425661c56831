"""Public callables outside the core refuse bad values with an error that names the argument, or take them as stated."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from didlab.bridge import CallableBackend, Item, TabularBackend
from didlab.bridge.data import Pair
from didlab.bridge.score import score_rows
from didlab.bridge.table import scores_of
from didlab.dynamics import Protocol, pair_problem, pair_step
from didlab.errors import DidlabError
from didlab.objectives import get
from didlab.sequences import ByPrefix, PrefixNumbers, PrefixTable, markov_policy, positions
from didlab.solvers import PopulationLoss
from didlab.solvers.rate_distortion import rate_distortion

PACKAGES = (
    "conditional", "solvers", "solvers.rate_distortion", "estimators", "objectives", "dynamics", "sequences", "bridge",
    "diagnose",
)

# What a function returns, what a caller reads: their fields are not arguments that anybody gives.
RECORDS = {
    "solvers.Existence", "solvers.Optimum", "solvers.rate_distortion.Certificate", "solvers.rate_distortion.Place",
    "solvers.rate_distortion.Solution", "estimators.Estimate", "estimators.Measurement", "objectives.Objective",
    "dynamics.Flow", "dynamics.Order", "dynamics.PairStep", "dynamics.Problem", "dynamics.Rule", "dynamics.Run",
    "sequences.Gram", "sequences.MarkovPolicy", "sequences.Pairs", "sequences.Recurrent",
    "sequences.TokenModel", "bridge.Audit", "bridge.Backend", "diagnose.Diagnosis", "diagnose.Entry",
}

BAD: dict[str, Any] = {
    "none": None,
    "text": "abc",
    "nan": float("nan"),
    "inf": float("inf"),
    "negative": -1,
    "broken": 2.5,
    "integers": np.array([1, 2]),
    "empty": np.zeros(0),
    "shape": np.zeros((2, 3, 5)),
    "ragged": [[0.0, 1.0], [2.0]],
    "objects": np.array([object(), object()], dtype=object),
    "complex": np.array([1j, 1.0]),
    "stranger": object(),
}

ROW, OTHER = np.log([0.3, 0.7]), np.log([0.6, 0.4])
LOSS = PopulationLoss(get("dpo"), ROW, OTHER)
PROBLEM = pair_problem(ROW, ROW, OTHER, OTHER, seed=1)
TINY = Protocol(steps=2, batch=2, every=1)
MODEL = PrefixTable(np.zeros((1, 3)))
STEP = pair_step(MODEL, [0], [1], get("dpo"))
SOLVED = rate_distortion([[1.0, 0.0], [0.0, 1.0]], 1.0)
UNIFORM = CallableBackend(lambda x, y: [-1.0] * len(y))
ITEMS = [Item((1,), (2, 3)), Item((1, 2), (3, 4, 5))]
COIN = TabularBackend(lambda y: [0.0, 0.0], vocabulary=2, length=2)
PAIR = Pair("a", *ITEMS)
PAIRS = [Pair(str(n), Item((n,), (1, n)), Item((n,), (n, 2))) for n in range(4)]
NOISY = CallableBackend(lambda x, y: [-1.0 - (3 * x[0] + 7 * z) % 5 for z in y])
TABLE = scores_of(score_rows(PAIRS, {"policy": UNIFORM, "reference": NOISY}))

CHANNEL: dict[str, Any] = {"prompts": [1, 3], "policies": [[1, 1], [0, 1]]}
REWARD, PRIOR = [[1.0, 0.0], [0.0, 1.0]], [1, 1]
VALUES = {"chosen": [-1.0], "rejected": [-1.0], "ref_chosen": [-1.0], "ref_rejected": [-1.0]}

RNG = np.random.default_rng(0)
FEATURES, RESIDUALS = np.ones((2, 1)), np.array([[0.5, -0.5], [-0.25, 0.25]])
PARTS = {"features_a": FEATURES, "residuals_a": RESIDUALS, "features_b": FEATURES, "residuals_b": RESIDUALS}
PARTS_W = {"features_w": FEATURES, "residuals_w": RESIDUALS}
PARTS_L = {"features_l": FEATURES, "residuals_l": RESIDUALS}

# A good call of every public callable, of the methods that take arguments, and of what is exported below a package.
GOOD: dict[str, dict[str, Any]] = {
    "conditional.divergences": {"policies": CHANNEL["policies"], "prior": PRIOR},
    "conditional.entropies": {"policies": CHANNEL["policies"]},
    "conditional.expected_reward": {**CHANNEL, "reward": REWARD},
    "conditional.information": CHANNEL,
    "conditional.joint": CHANNEL,
    "conditional.log_partition": {"reward": REWARD, "prior": PRIOR, "beta": 2.0},
    "conditional.marginal": CHANNEL,
    "conditional.optimal_policy": {"reward": REWARD, "prior": PRIOR, "beta": 2.0},
    "conditional.optimal_value": {"prompts": [1, 3], "reward": REWARD, "prior": PRIOR, "beta": 2.0},
    "conditional.policy_prior": {"base": ROW, "policy": [ROW, OTHER], "power": 0.5, "normalise": True},
    "conditional.policy_prior_optimum": {"reward": REWARD, "base": ROW, "beta": 2.0, "power": 0.5},
    "conditional.regularised_objective": {**CHANNEL, "reward": REWARD, "prior": PRIOR, "beta": 2.0},
    "conditional.variational": {**CHANNEL, "prior": PRIOR},
    "solvers.PopulationLoss": {
        "objective": get("dpo"), "chosen": ROW, "rejected": OTHER, "reference": ROW, "weights": None, "dense": None,
    },
    "solvers.PopulationLoss.at": {"logits": ROW},
    "solvers.PopulationLoss.value": {"logits": ROW},
    "solvers.PopulationLoss.gradient": {"logits": ROW},
    "solvers.PopulationLoss.hessian": {"logits": ROW},
    "solvers.existence": {"loss": LOSS},
    "solvers.gradient_flow": {"loss": LOSS, "start": ROW, "times": [0.0, 1.0], "tolerance": 1e-3},
    "solvers.optimum": {
        "objective": get("dpo"), "chosen": ROW, "rejected": OTHER, "reference": ROW, "weights": None, "start": ROW,
        "max_iterations": 3,
    },
    "solvers.rate_distortion.certify": {"solutions": [SOLVED], "precision": 64},
    "solvers.rate_distortion.frontier": {"path": [SOLVED], "rates": [0.0, 0.1]},
    "solvers.rate_distortion.place": {"rewards": REWARD, "policy": np.eye(2), "prompts": [1, 1]},
    "solvers.rate_distortion.problem": {"rewards": REWARD, "prompts": [1, 1]},
    "solvers.rate_distortion.rate_distortion": {"rewards": REWARD, "beta": 1.0, "prompts": [1, 1], "gap": 1e-6},
    "solvers.rate_distortion.rate_distortion_path": {
        "rewards": REWARD, "betas": [1.0, 2.0], "prompts": [1, 1], "gap": 1e-6,
    },
    "estimators.mean_estimate": {"values": [1.0, 3.0]},
    "estimators.slope_estimate": {"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 4.0]},
    "objectives.get": {"name": "slic", "beta": 0.5, "lam": 1.0, "convention": "margin"},
    "objectives.names": {},
    "objectives.Objective.value": {**VALUES, "chosen_length": 2, "rejected_length": 3},
    "objectives.Objective.slopes": {**VALUES, "chosen_length": 2, "rejected_length": 3},
    "dynamics.Protocol": {
        "steps": 2, "batch": 2, "rate": 1e-3, "clip": 1.0, "every": 1, "start": "normal", "dtype": "float64",
    },
    "dynamics.cases": {"change_w": [1.0, -1.0], "change_l": [0.0, -2.0]},
    "dynamics.dpo_pg": {},
    "dynamics.first_order": {"pull": (0.5, -0.5), "gram": STEP.gram},
    "dynamics.label": {"configuration": get("dpo")},
    "dynamics.mass_flow": {"step": STEP, "size": 0.1},
    "dynamics.measure_order": {"step": pair_step(MODEL, [[0]], [[1]], get("dpo"))},
    "dynamics.normalised": {"objective": get("dpo")},
    "dynamics.pair_problem": {
        "reference": ROW, "chosen": ROW, "rejected": OTHER, "goal": OTHER, "seed": 1, "pairs": 3,
    },
    "dynamics.pair_step": {
        "model": MODEL, "chosen": [0], "rejected": [1], "update": get("dpo"), "reference": MODEL,
    },
    "dynamics.simulate": {
        "problems": [PROBLEM], "configurations": [get("dpo")], "protocol": TINY, "goals": OTHER, "engine": "numba",
        "workers": 1, "device": "cpu", "callback": None, "callback_every": 1, "checkpoint": None, "checkpoint_every": 1,
    },
    "dynamics.synthetic_problem": {"temperature": 0.5, "seed": 1, "size": 2, "generator": "numpy", "pairs": 3},
    "dynamics.table_1": {"gram": STEP.gram},
    "dynamics.train_plainly": {"problem": PROBLEM, "configuration": get("dpo"), "protocol": TINY},
    "bridge.CallableBackend": {"function": lambda x, y: [-1.0] * len(y), "name": "uniform"},
    "bridge.CallableBackend.token_log_probs": {"items": ITEMS},
    "bridge.Item": {"prompt": (1, 2), "response": (3,)},
    "bridge.TabularBackend": {"logits": lambda y: [0.0, 0.0], "vocabulary": 2, "length": 2, "end": 1, "name": "coin"},
    "bridge.TabularBackend.token_log_probs": {"items": [Item((), (0, 1))]},
    "bridge.audit": {"backend": UNIFORM, "items": ITEMS, "token_budget": 64},
    "bridge.score.score_rows": {"data": [PAIR], "models": {"policy": UNIFORM}, "plan": None, "progress": None},
    "sequences.ByPrefix": {"table": np.zeros((3, 2)), "vocabulary": 2},
    "sequences.Chain": {"parameters": np.zeros((3, 2))},
    "sequences.DrawnByPrefix": {"vocabulary": 2, "width": 2, "seed": 1, "scale": 0.5},
    "sequences.GroupedLogits": {"parameters": np.zeros((2, 2)), "group": positions, "context": lambda y: 0},
    "sequences.LastLayer": {"parameters": np.zeros((1, 2)), "hidden": ByPrefix(np.ones((3, 1)), 2)},
    "sequences.PrefixNumbers": {"sequences": [1, 0]},
    "sequences.PrefixTable": {"parameters": np.zeros((3, 2))},
    "sequences.SharedLogits": {"parameters": np.zeros((1, 2)), "context": lambda y: 0},
    "sequences.adversarial_hidden": {"kind": "huge", "vocabulary": 2, "length": 2, "dimension": 2, "rng": RNG},
    "sequences.chain_of": {"policy": markov_policy([0.0, 1.0], np.zeros((2, 2)), 3)},
    "sequences.enumerate_model": {"model": MODEL, "length": 1},
    "sequences.every_sequence": {"vocabulary": 2, "length": 2},
    "sequences.gradient": {"model": MODEL, "sequences": [1]},
    "sequences.last_layer_gram": {
        "parameters": np.zeros((1, 2)), "hidden_w": np.ones((1, 1, 1)), "chosen": [[0]],
        "hidden_l": np.ones((1, 1, 1)), "rejected": [[1]],
    },
    "sequences.last_token_pairs": {"vocabulary": 2, "length": 2, "size": 2, "rng": RNG},
    "sequences.log_probability": {"model": MODEL, "sequences": [1]},
    "sequences.markov_policy": {"start": [0.0, 1.0], "step": np.zeros((2, 2)), "length": 3},
    "sequences.one_edit_pairs": {"vocabulary": 2, "length": 2, "position": 1, "size": 2, "rng": RNG},
    "sequences.pair_gram": {"model": MODEL, "chosen": [0], "rejected": [1]},
    "sequences.positions": {"sequences": [[1, 0]]},
    "sequences.random_hidden": {"vocabulary": 2, "length": 2, "dimension": 2, "rng": RNG},
    "sequences.random_pairs": {
        "vocabulary": 3, "size": 2, "prefix": 1, "suffix": 1, "distance": 2, "longer": 0, "untouched": 0, "rng": RNG,
    },
    "sequences.recurrent_hidden": {"vocabulary": 2, "dimension": 2, "gain": 0.9, "rng": RNG},
    "sequences.residuals": {"probabilities": np.array([[0.5, 0.5]]), "tokens": [1]},
    "sequences.sequence_gram": {**PARTS_W, **PARTS_L},
    "sequences.sequence_inner_product": PARTS,
    "sequences.single_token_pairs": {"vocabulary": 2, "size": 2, "rng": RNG},
    "sequences.token_gradients": {"model": MODEL, "sequences": [1]},
    "sequences.token_inner_products": PARTS,
    "diagnose.diagnose": {"table": TABLE, "objective": "dpo", "beta": 0.1, "hyper": None},
}
ON = {
    "solvers.PopulationLoss": LOSS, "objectives.Objective": get("r-dpo"), "bridge.CallableBackend": UNIFORM,
    "bridge.TabularBackend": COIN,
}

# Values of BAD that are good for a parameter: a whole number where floats are wanted, None for an optional argument.
ACCEPTED: dict[str, dict[str, str]] = {
    "conditional.divergences": {"policies": "integers", "prior": "integers"},
    "conditional.entropies": {"policies": "integers"},
    "conditional.expected_reward": {"prompts": "integers"},
    "conditional.information": {"prompts": "integers"},
    "conditional.joint": {"prompts": "integers"},
    "conditional.log_partition": {"reward": "integers", "prior": "integers", "beta": "broken"},
    "conditional.marginal": {"prompts": "integers"},
    "conditional.optimal_policy": {"reward": "integers", "prior": "integers", "beta": "broken"},
    "conditional.optimal_value": {"prompts": "integers", "prior": "integers", "beta": "broken"},
    "conditional.policy_prior": {"base": "integers", "policy": "integers", "power": "negative broken integers"},
    "conditional.policy_prior_optimum": {
        "reward": "integers", "base": "integers", "beta": "broken", "power": "negative",
    },
    "conditional.regularised_objective": {"prompts": "integers", "prior": "integers", "beta": "broken"},
    "conditional.variational": {"prompts": "integers", "prior": "integers"},
    "solvers.PopulationLoss": {
        "chosen": "integers", "rejected": "integers", "reference": "none integers", "weights": "none", "dense": "none",
    },
    "solvers.PopulationLoss.at": {"logits": "integers"},
    "solvers.PopulationLoss.value": {"logits": "integers"},
    "solvers.PopulationLoss.gradient": {"logits": "integers"},
    "solvers.PopulationLoss.hessian": {"logits": "integers"},
    "solvers.gradient_flow": {"start": "integers", "times": "integers", "tolerance": "broken"},
    "solvers.optimum": {
        "chosen": "integers", "rejected": "integers", "reference": "none integers", "weights": "none",
        "start": "none integers",
    },
    "solvers.rate_distortion.certify": {"solutions": "empty"},
    "solvers.rate_distortion.frontier": {"rates": "broken integers shape"},
    "solvers.rate_distortion.place": {"prompts": "none integers"},
    "solvers.rate_distortion.problem": {"prompts": "none integers"},
    "solvers.rate_distortion.rate_distortion": {"beta": "broken", "prompts": "none integers", "gap": "broken"},
    "solvers.rate_distortion.rate_distortion_path": {"betas": "integers", "prompts": "none integers", "gap": "broken"},
    "estimators.mean_estimate": {"values": "integers"},
    "objectives.get": {"beta": "broken integers shape", "lam": "broken integers shape"},
    "objectives.Objective.value": {
        "chosen": "integers shape", "rejected": "integers shape", "ref_chosen": "integers shape",
        "ref_rejected": "integers shape", "chosen_length": "broken integers", "rejected_length": "broken integers",
    },
    "objectives.Objective.slopes": {
        "chosen": "integers shape", "rejected": "integers shape", "ref_chosen": "integers shape",
        "ref_rejected": "integers shape", "chosen_length": "broken integers", "rejected_length": "broken integers",
    },
    "dynamics.Protocol": {"rate": "broken", "clip": "broken"},
    "dynamics.cases": {"change_w": "nan inf negative broken integers", "change_l": "nan inf negative broken integers"},
    "dynamics.first_order": {"pull": "integers shape"},
    "dynamics.label": {
        "configuration": "none text nan inf negative broken integers empty shape ragged objects complex stranger",
    },
    "dynamics.mass_flow": {"size": "negative broken"},
    "dynamics.normalised": {"objective": "none"},
    "dynamics.pair_problem": {
        "reference": "integers", "chosen": "integers", "rejected": "integers", "goal": "integers", "pairs": "none",
    },
    "dynamics.pair_step": {"reference": "none"},
    "dynamics.simulate": {
        "protocol": "none", "goals": "none integers", "callback": "none", "callback_every": "none",
        "checkpoint": "none text",
    },
    "dynamics.synthetic_problem": {"temperature": "broken", "pairs": "none"},
    "dynamics.train_plainly": {"protocol": "none"},
    "bridge.CallableBackend": {"name": "text"},
    "bridge.CallableBackend.token_log_probs": {"items": "empty"},
    "bridge.Item": {"prompt": "integers empty", "response": "integers"},
    "bridge.TabularBackend": {"end": "none", "name": "text"},
    "bridge.TabularBackend.token_log_probs": {"items": "empty"},
    "bridge.score.score_rows": {"data": "empty", "plan": "none", "progress": "none"},
    "diagnose.diagnose": {"beta": "broken", "hyper": "none"},
    "sequences.ByPrefix": {"table": "integers shape objects complex"},
    "sequences.DrawnByPrefix": {"scale": "negative broken"},
    "sequences.GroupedLogits": {"parameters": "shape"},
    "sequences.LastLayer": {"parameters": "shape"},
    "sequences.PrefixNumbers": {"sequences": "integers"},
    "sequences.PrefixTable": {"parameters": "shape"},
    "sequences.markov_policy": {"start": "integers"},
    "sequences.positions": {"sequences": "integers"},
    "sequences.random_pairs": {"longer": "negative"},
    "sequences.recurrent_hidden": {"gain": "broken"},
}

# Where two arguments do not fit together, or one is changed first, the error may name the other;
# of a path it is a FileError.
NAMED = {
    "conditional.log_partition.reward": "prior",
    "conditional.optimal_policy.reward": "prior",
    "conditional.policy_prior.policy": "base",
    "conditional.policy_prior_optimum.reward": "base",
    "conditional.policy_prior_optimum.power": "1 - power",
    "solvers.PopulationLoss.chosen": "rejected",
    "solvers.optimum.chosen": "rejected",
    "dynamics.cases.change_w": "change_l",
    "diagnose.diagnose.table": "FileError",
    "sequences.last_layer_gram.parameters": "hidden_w",
    "sequences.residuals.probabilities": "tokens",
    "sequences.sequence_gram.features_w": "residuals_w",
    "sequences.sequence_gram.features_l": "residuals_l",
    "sequences.sequence_inner_product.features_a": "residuals_a",
    "sequences.sequence_inner_product.features_b": "residuals_b",
    "sequences.token_inner_products.features_a": "residuals_a",
    "sequences.token_inner_products.features_b": "residuals_b",
}


def _public() -> set[str]:
    names: set[str] = set()
    for package in PACKAGES:
        module = importlib.import_module(f"didlab.{package}")
        names |= {f"{package}.{name}" for name in module.__all__ if callable(getattr(module, name))}
    return names


def _called(name: str) -> Callable[..., Any]:
    if name == "sequences.PrefixNumbers":
        return lambda sequences: PrefixNumbers(sequences)  # it takes any number of them
    home, _, last = name.rpartition(".")
    return getattr(ON[home] if home in ON else importlib.import_module(f"didlab.{home}"), last)


def test_every_public_callable_is_in_the_table() -> None:
    public = _public()
    assert public - set(GOOD) - RECORDS == set(), "give a good call in GOOD"
    assert public & set(GOOD) & RECORDS == set() and public >= RECORDS, "a record is public, and has no good call"


@pytest.mark.parametrize("name", GOOD)
def test_the_good_call_is_good_and_gives_every_argument(name: str) -> None:
    parameters = inspect.signature(_called(name)).parameters.values()
    assert {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} <= set(GOOD[name])
    _called(name)(**GOOD[name])


def test_the_table_of_accepted_values_speaks_of_known_arguments() -> None:
    for name, arguments in ACCEPTED.items():
        assert set(arguments) <= set(GOOD[name]), name
        assert all(set(words.split()) <= set(BAD) for words in arguments.values()), name


@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name in GOOD for argument in GOOD[name]])
def test_a_bad_value_is_refused_by_name(
    name: str, argument: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # a path that is accepted is written to
    good = ACCEPTED.get(name, {}).get(argument, "").split()
    for word, value in BAD.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if word in good:
                _called(name)(**{**GOOD[name], argument: value})
                continue
            with pytest.raises(DidlabError) as caught:
                given = _called(name)(**{**GOOD[name], argument: value})
                raise AssertionError(f"{name}({argument} = {word}) gave {given!r}")
        named = getattr(caught.value, "name", type(caught.value).__name__)
        assert named in (argument, NAMED.get(f"{name}.{argument}")), f"{word}: {caught.value}"
