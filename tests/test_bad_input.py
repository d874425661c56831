"""Every public function of the core refuses bad values with an error that names the argument."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import acb, arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from didlab import entropy
from didlab.errors import ArgumentError, DidlabError
from didlab.exact import log as exact_log
from didlab.exact import symbols

CORE = ("policies", "information", "did", "preference")


def _public() -> dict[str, Callable[..., Any]]:
    found = {}
    for home in CORE:
        module = importlib.import_module(f"didlab.{home}")
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                found[f"{home}.{name}"] = getattr(module, name)
    return found


FUNCTIONS = _public()

# A good value for every parameter name of the core. A new parameter is added here, with its family of bad values below.
LOGITS = np.array([0.0, 1.0, -0.5])
RNG = np.random.default_rng(0)
GOOD: dict[str, Any] = {
    **dict.fromkeys(
        (
            "policy",
            "reference",
            "other",
            "first",
            "second",
            "reward",
            "rejected",
            "chosen",
            "chosen_reward",
            "rejected_reward",
        ),
        LOGITS,
    ),
    "target": LOGITS[::-1],
    "weights": [1, 2, 3],
    "exact": False,
    "low": 0.0,
    "prompts": [0.0, 1.0],
    "policies": np.stack([LOGITS, -LOGITS]),
    "temperature": 0.7,
    "beta": 0.5,
    "share": 0.25,
    "size": 3,
    "rng": RNG,
}
INDEX = {"did.log_margin": {"chosen": 1, "rejected": 2}}
FAMILY = {
    "weights": "weights",
    "exact": "flag",
    "low": "low",
    "policies": "logits",
    "prompts": "logits",
    "temperature": "positive",
    "beta": "positive",
    "share": "share",
    "size": "size",
    "rng": "rng",
}


class Stranger:
    """An object without arithmetic."""


def _object(*items: Any) -> np.ndarray:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


NOT_NUMBERS: list[Any] = [
    None,
    "abc",
    b"abc",
    Stranger(),
    object,
    {},
    {"a": 1},
    {1.0, 2.0},
    [],
    (),
    lambda: 0,
    1j,
    Decimal(1),
    acb(1),
    float("nan"),
    float("inf"),
    -float("inf"),
    10**400,
    1e300,
    np.float64("nan"),
    np.datetime64("2020-01-01"),
    np.array("x"),
    np.array(True),
    torch.tensor(float("nan")),
    torch.tensor(True),
    arb("nan"),
    np.ma.masked,
]
NOT_LOGITS: list[Any] = [
    *NOT_NUMBERS,
    True,
    1.0,
    3,
    Fraction(1, 2),
    [[]],
    np.zeros((0, 3)),
    np.zeros((3, 0)),
    np.zeros(()),
    [np.nan, 0.0, 1.0],
    [np.inf, 0.0, 1.0],
    [-np.inf, 0.0, 1.0],
    [[0.0, 1.0], [2.0]],
    ["a", "b", "c"],
    [None, 0.0, 1.0],
    [1j, 0.0, 1.0],
    [True, False, True],
    np.array([1, 2, 3], dtype=np.complex64),
    np.array(["1", "2", "3"]),
    np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    _object(None, 1, 2),
    _object(0.5, 1.5, 2.5),
    _object("a", 1, 2),
    _object(Stranger(), 1, 2),
    _object(1j, 1, 2),
    _object(arb("nan"), arb(1), arb(2)),
    _object(arb("inf"), arb(1), arb(2)),
    _object(True, 1, 2),
    _object(np.zeros(2), 1, 2),
    _object(Decimal(1), 1, 2),
    np.ma.masked_array([0.0, 1, 2], [1, 0, 0]),
    torch.tensor([1, 2, 3]),
    torch.tensor([0.0, float("nan"), 1.0]),
    torch.tensor([0.0, float("inf"), 1.0]),
    torch.zeros(0),
    torch.tensor(1.0),
    torch.zeros(3, dtype=torch.float16),
    torch.zeros(3, dtype=torch.complex64),
    torch.tensor([0.0, 1e30, 1.0]),
    torch.zeros(3).to_sparse(),
    [torch.ones(2, requires_grad=True), torch.ones(2)],
]
SECOND_LOGITS: list[Any] = [  # bad next to good float64 logits of shape (3,)
    np.zeros(2),
    np.zeros((2, 4)),
    torch.zeros(3),
    _object(arb(1), arb(2), arb(3)),
    _object(*[exact_log(fmpq(2))] * 3),
    _object(*symbols("x y z")),
]
NOT_HYPER: list[Any] = [
    *NOT_NUMBERS,
    True,
    -1,
    -0.5,
    -1e-300,
    1e150,
    Fraction(-1, 2),
    fmpq(-1),
    arb(-1),
    [1.0],
    np.array([-1.0]),
    np.array([np.nan]),
    np.ones(2),
    np.ones(3),
    np.ones((2, 2)),
    np.ones((0, 1)),
    torch.tensor([-1.0]),
    torch.ones(4),
    _object(None),
    exact_log(fmpq(2)),
    symbols("x")[0],
]
TOO_LARGE: list[Any] = [[1e200, 0.0, 0.0], [10**400, 1, 2], np.longdouble("1e4000") * np.ones(3)]
BAD: dict[str, list[Any]] = {
    "logits": [*NOT_LOGITS, *TOO_LARGE],
    "positive": [*NOT_HYPER, 0, 0.0, 1e-300, arb(0), np.zeros(1)],
    "share": [*NOT_HYPER, 1.5, -1e-9, 2, np.array([1.5]), Fraction(3, 2)],
    "weights": [
        *NOT_LOGITS,
        [0, 1, 2],
        [-1, 2, 3],
        [0.0, 0.0, 0.0],
        [-0.0, 1.0],
        [10**400, 1],
        [fmpq(-1, 2), 1],
        [True, True],
    ],
    "flag": [None, 1, 0, "yes", [], np.array([True]), 0.0],
    "low": [
        None,
        "a",
        1.0,
        np.nan,
        np.zeros(2),
        np.full(3, np.nan),
        np.array(["a", "b", "c"]),
        Stranger(),
        [0.0, 1.0],
        True,
    ],
    "size": [None, -1, 1.0, 2.5, "3", [1, 2], np.array([1, 2]), True, np.nan, Stranger(), 1j, [[1], [1, 2]], -(2**70)],
    "index": [
        None,
        -1,
        3,
        10**30,
        1.0,
        "1",
        True,
        np.array([0, 3]),
        np.array([0.0]),
        [[0], [0, 1]],
        Stranger(),
        [1, -1],
        torch.tensor(1.0),
        torch.tensor([7]),
    ],
    "rng": [None, 0, "seed", np.random, np.random.RandomState(0), Stranger(), np.random.Generator],
}


def _family(function: str, parameter: str) -> str:
    return "index" if parameter in INDEX.get(function, {}) else FAMILY.get(parameter, "logits")


def _good(function: str) -> dict[str, Any]:
    names = inspect.signature(FUNCTIONS[function]).parameters
    assert set(names) <= set(GOOD), f"teach test_bad_input the parameters {set(names) - set(GOOD)} of {function}"
    return {name: INDEX.get(function, {}).get(name, GOOD[name]) for name in names}


CASES = [(f, p) for f in FUNCTIONS for p in inspect.signature(FUNCTIONS[f]).parameters]


def _refuses(function: str, parameter: str, bad: Any, *, names: tuple[str, ...] = ()) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArgumentError) as caught:
            value = FUNCTIONS[function](**{**_good(function), parameter: bad})
            raise AssertionError(f"{function}({parameter}={bad!r}) gave {value!r}")
    assert caught.value.name in (parameter, *names), str(caught.value)
    assert str(caught.value).startswith(f"`{caught.value.name}` must be")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_values_pass(function: str) -> None:
    result = FUNCTIONS[function](**_good(function))
    for part in result if isinstance(result, tuple) else (result,):
        assert np.isfinite(np.asarray(part, dtype=float)).all()


@pytest.mark.parametrize(("function", "parameter"), CASES)
def test_every_known_bad_value_is_refused(function: str, parameter: str) -> None:
    for bad in BAD[_family(function, parameter)]:
        _refuses(function, parameter, bad)


def _logits(function: str) -> tuple[str, ...]:
    return tuple(p for p in _good(function) if _family(function, p) == "logits" and p not in ("prompts", "policies"))


@pytest.mark.parametrize(
    ("function", "parameter"), [(f, p) for f in FUNCTIONS for p in _logits(f) if len(_logits(f)) > 1]
)
def test_arguments_that_do_not_fit_together_are_refused(function: str, parameter: str) -> None:
    for bad in SECOND_LOGITS:
        _refuses(function, parameter, bad, names=_logits(function))


@pytest.mark.parametrize(
    "policies",
    [
        np.zeros(3),
        np.zeros((3, 3)),
        torch.zeros(2, 3),
        _object(arb(1), arb(2)),
        np.zeros((5, 2, 3)),
    ],
)
def test_mutual_information_wants_one_policy_for_each_prompt(policies: Any) -> None:
    with pytest.raises(ArgumentError, match="`policies` must be"):
        FUNCTIONS["information.mutual_information"](np.zeros((4, 2)), policies)


@pytest.mark.parametrize("w", [np.zeros(3, int), np.zeros((2, 3), int)])
def test_log_margin_wants_indices_that_broadcast(w: Any) -> None:
    with pytest.raises(ArgumentError, match="`chosen` must be"):
        FUNCTIONS["did.log_margin"](np.zeros((4, 3)), w, 0)


numbers_or_worse = st.one_of(
    st.floats(),
    st.integers(),
    st.text(max_size=3),
    st.none(),
    st.booleans(),
    st.complex_numbers(),
    st.binary(max_size=2),
    st.fractions(),
    st.decimals(),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
arrays = hnp.arrays(hnp.scalar_dtypes() | st.just(np.dtype(float)) | st.just(np.dtype(np.longdouble)), shapes)
anything = arrays | st.recursive(
    numbers_or_worse,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2) | st.tuples(inner, inner)
    ),
    max_leaves=6,
)


def test_exact_numbers_in_a_list_are_told_where_they_belong() -> None:
    for x in ([Fraction(1, 2), 1], [10**30, 1]):
        with pytest.raises(ArgumentError, match="dtype=object"):
            entropy(x)


@settings(max_examples=400)
@given(data=st.data())
def test_anything_gives_finite_numbers_or_a_didlab_error(data: st.DataObject) -> None:
    function, parameter = data.draw(st.sampled_from(CASES))
    value = data.draw(anything)
    if parameter == "size" and isinstance(value, int) and value > 1000:
        value = 1000  # a large size is not bad, only large
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = FUNCTIONS[function](**{**_good(function), parameter: value})
        except DidlabError as error:
            assert "`" in str(error)
            return
    for part in result if isinstance(result, tuple) else (result,):
        array = np.asarray(part)
        if array.dtype != object and type(result).__name__ != "PowerLaw":
            assert np.isfinite(array.astype(float)).all(), (function, parameter, value, result)
