"""Losses as a person chooses them: a name, hyper-parameters that matter here, a word in a link, a line of Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from .. import objectives
from ..errors import ArgumentError
from ..objectives import Objective
from .state import number

__all__ = ["NAMES", "hyper_parameters", "label", "python", "read", "word"]

# As they are shown.
NAMES = {
    "dpo": "DPO", "log-pi": "log π", "slic": "SLiC", "orpo": "ORPO", "simpo": "SimPO", "cal-dpo": "Cal-DPO",
    "dpo-positive": "DPO-Positive", "ipo": "IPO", "r-dpo": "R-DPO", "rrhf": "RRHF", "cpo": "CPO", "kto": "KTO",
    "sppo": "SPPO", "dice": "DICE", "h-dpo": "H-DPO",
}
SYMBOLS = {"beta": "β", "lam": "λ", "gamma": "γ", "alpha": "α", "lam_w": "λw", "lam_l": "λl", "z": "z"}
CONVENTIONS = {
    "slic": ("margin", "swapped", "slope", "trl"), "orpo": ("paper", "slope", "likelihood"),
    "simpo": ("paper", "ratio"), "cal-dpo": ("paper", "scaled"), "sppo": ("trl", "paper"), "ipo": ("paper", "trl"),
    "r-dpo": ("paper", "penalty"), "rrhf": ("paper", "token"), "cpo": ("paper", "trl"),
}  # fmt: skip
STEPS = tuple(float(f"{v:.2g}") for v in np.geomspace(0.001, 10, 81))


def read(text: str) -> Objective:
    """The objective of a word of a link: a name, and hyper-parameters that differ from the usual ones.

    >>> label(read("slic:beta:0.5:convention:swapped"))
    'SLiC (β = 0.5, swapped)'
    """
    name, *rest = text.split(":")
    if name not in NAMES or len(rest) % 2:
        expected = f"a loss ({', '.join(NAMES)}), or one with hyper-parameters, such as dpo:beta:0.5"
        raise ArgumentError("losses", expected, repr(text))
    given = dict(zip(rest[::2], rest[1::2], strict=True))
    return objectives.get(name, **{k: v if k == "convention" else number(k, v) for k, v in given.items()})


def unusual(objective: Objective) -> dict[str, object]:
    """The hyper-parameters that differ from the defaults."""
    usual = objectives.get(objective.name).hyper
    return {k: v for k, v in objective.hyper.items() if v != usual[k]}


def word(objective: Objective) -> str:
    """How a link names an objective.

    >>> word(objectives.get("simpo", gamma=1.0))
    'simpo:gamma:1.0'
    """
    return ":".join([objective.name, *(f"{k}:{v}" for k, v in unusual(objective).items())])


def label(objective: Objective) -> str:
    """How a page names an objective: with the hyper-parameters that differ from the defaults.

    >>> label(objectives.get("dpo"))
    'DPO'
    """
    inside = ", ".join(
        str(v) if k == "convention" else f"{SYMBOLS[k]} = {v:g}" for k, v in unusual(objective).items()
    )
    return f"{NAMES[objective.name]} ({inside})" if inside else NAMES[objective.name]


def python(objective: Objective) -> str:
    """The call that makes an objective.

    >>> python(objectives.get("dpo", beta=0.5))
    "objectives.get('dpo', beta=0.5)"
    """
    arguments = "".join(f", {k}={v!r}" for k, v in unusual(objective).items())
    return f"objectives.get({objective.name!r}{arguments})"


@lru_cache(maxsize=64)
def hyper_parameters(name: str) -> dict[str, tuple[object, ...]]:
    """The values to choose from for each hyper-parameter that changes the loss of responses of one length.

    >>> list(hyper_parameters("slic")), list(hyper_parameters("r-dpo"))
    (['beta', 'lam', 'convention'], ['beta'])
    """
    usual = objectives.get(name).hyper
    # numbers that no two conventions have in common
    others = {k: (n + 2) / 7 for n, k in enumerate(usual) if k != "convention"}
    found: dict[str, tuple[object, ...]] = {}
    for key, value in usual.items():
        steps: tuple[object, ...] = CONVENTIONS[name] if key == "convention" else _numbers(name, key, value)
        if any(_seen(name, {**others, key: v}) != _seen(name, others) for v in steps):
            found[key] = steps
    return found


def _numbers(name: str, key: str, usual: float) -> tuple[float, ...]:
    """Steps of a slider: from 0 where the loss allows it."""
    try:
        objectives.get(name, **{key: 0.0})
    except ArgumentError:
        return tuple(sorted({*STEPS, float(usual)}))
    return tuple(sorted({0.0, *STEPS, float(usual)}))


def _seen(name: str, hyper: Mapping[str, object]) -> object:
    """The form of a loss, as far as responses of one token can tell."""
    return replace(objectives.get(name, **hyper).form, length=0, per_token=False, nll_per_token=False)
