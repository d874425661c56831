"""Losses as a person chooses them: a name, hyper-parameters that matter here, a word in a link, a line of Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .. import objectives
from ..errors import ArgumentError
from ..objectives import Objective
from .state import number

__all__ = [
    "NAMES", "changed", "controls", "hyper_parameters", "kept", "label", "options", "python", "read", "usual", "word",
]

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


@lru_cache(maxsize=256)
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
    common = read(objective.name).hyper
    return {k: v for k, v in objective.hyper.items() if v != common[k]}


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
def hyper_parameters(name: str, *, lengths: bool = False) -> dict[str, tuple[object, ...]]:
    """The values to choose from for each hyper-parameter that changes the loss of responses of one token.

    Args:
        name: of the loss.
        lengths: those too that change the loss of longer responses only.

    >>> list(hyper_parameters("slic")), list(hyper_parameters("r-dpo"))
    (['beta', 'lam', 'convention'], ['beta'])
    >>> list(hyper_parameters("r-dpo", lengths=True))
    ['beta', 'alpha', 'convention']
    """
    usual = objectives.get(name).hyper
    # numbers that no two conventions have in common
    others = {k: (n + 2) / 7 for n, k in enumerate(usual) if k != "convention"}
    found: dict[str, tuple[object, ...]] = {}
    for key, value in usual.items():
        steps: tuple[object, ...] = CONVENTIONS[name] if key == "convention" else _numbers(name, key, value)
        if any(_seen(name, {**others, key: v}, lengths) != _seen(name, others, lengths) for v in steps):
            found[key] = steps
    return found


def _numbers(name: str, key: str, usual: float) -> tuple[float, ...]:
    """Steps of a slider: from 0 where the loss allows it."""
    try:
        objectives.get(name, **{key: 0.0})
    except ArgumentError:
        return tuple(sorted({*STEPS, float(usual)}))
    return tuple(sorted({0.0, *STEPS, float(usual)}))


def _seen(name: str, hyper: Mapping[str, object], lengths: bool) -> object:
    """The form of a loss, without lengths as far as responses of one token can tell."""
    form = objectives.get(name, **hyper).form
    return form if lengths else replace(form, length=0, per_token=False, nll_per_token=False)


# On the page a loss may stand twice, with other hyper-parameters: `dpo`, and `dpo 2`.


def kept(texts: Sequence[str]) -> dict[str, Objective]:
    """The losses of a state by their keys on the page.

    >>> list(kept(("dpo", "simpo", "dpo:beta:0.5")))
    ['dpo', 'simpo', 'dpo 2']
    """
    found: dict[str, Objective] = {}
    for objective in map(read, texts):
        number = next(n for n in range(1, 99) if _key(objective.name, n) not in found)
        found[_key(objective.name, number)] = objective
    return found


def options(there: Mapping[str, Objective]) -> dict[str, str]:
    """What can be chosen, by the words for it: every loss once and again, and what is there already.

    >>> options({})["DPO, once more"]
    'dpo 2'
    """
    found = {shown: name for name, shown in NAMES.items()} | {f"{s}, once more": f"{n} 2" for n, s in NAMES.items()}
    return found | {f"{NAMES[k.split()[0]]} ({k.split()[1]})": k for k in there if k not in found.values()}


def usual(key: str, there: Mapping[str, Objective]) -> Objective:
    """A loss that nobody has touched: one that is there already comes with half its first hyper-parameter, or less.

    >>> label(usual("dpo 2", kept(("dpo",))))
    'DPO (β = 0.5)'
    """
    objective = objectives.get(key.split()[0])
    name, value = next((n, v) for n, v in objective.hyper.items() if n != "convention")
    while label(objective) in map(label, there.values()):
        value = value / 2
        objective = objectives.get(objective.name, **{name: value})
    return objective


def controls(key: str, objective: Objective) -> list[tuple[str, Any, tuple[Any, ...], str]]:
    """Name, value, values to choose from, and words, for each control of a loss.

    >>> [(name, value, words) for name, value, _, words in controls("simpo", objectives.get("simpo"))]
    [('beta', 2.0, 'SimPO: β'), ('gamma', 0.5, 'SimPO: γ'), ('convention', 'paper', 'SimPO: convention')]
    """
    shown = next(words for words, k in options({key: objective}).items() if k == key)
    found: list[tuple[str, Any, tuple[Any, ...], str]] = []
    for name, values in hyper_parameters(objective.name).items():
        now: Any = objective.hyper[name]
        steps = values if name == "convention" else tuple(sorted({*values, now}))  # type: ignore[type-var]
        found.append((name, now, steps, f"{shown}: {SYMBOLS.get(name, name)}"))
    return found


def changed(objective: Objective, hyper: Mapping[str, Any]) -> Objective:
    """The loss with other hyper-parameters.

    >>> word(changed(objectives.get("slic", lam=2.0), {"beta": 3.0}))
    'slic:beta:3.0:lam:2.0'
    """
    return objectives.get(objective.name, **{**objective.hyper, **hyper})


def _key(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"
