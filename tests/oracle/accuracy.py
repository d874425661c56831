"""Distances in ulp of every measure from its ball oracle, one case at a time."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import ball_oracle as oracle
import numpy as np
from hard_cases import Case

import didlab

BOUND = 16.0


def _pairwise(name: str) -> Callable[[Case], tuple[Any, np.ndarray]]:
    def run(c: Case) -> tuple[Any, np.ndarray]:
        value = getattr(didlab, name)(c.policy, c.reference)
        truth = oracle.settled(getattr(oracle, name), oracle.balls(c.policy), oracle.balls(c.reference))
        return value, truth

    return run


def _entropy(c: Case) -> tuple[Any, np.ndarray]:
    return didlab.entropy(c.policy), oracle.settled(oracle.entropy, oracle.balls(c.policy))


def _information(c: Case) -> tuple[Any, np.ndarray]:
    rows = [oracle.balls(row) for row in c.table]
    value = didlab.mutual_information(c.prompts, c.table)
    return value, oracle.settled(oracle.mutual_information, oracle.balls(c.prompts), rows)


def _rejected(c: Case) -> tuple[Any, np.ndarray]:
    truth = oracle.settled(oracle.ideal_rejected, oracle.balls(c.policy), oracle.balls(c.reference), c.beta)
    return didlab.ideal_rejected(c.policy, c.reference, c.beta), truth


def _margin(c: Case) -> tuple[Any, np.ndarray]:
    i, j = int(c.policy.argmax()), int(c.policy.argmin())
    truth = oracle.settled(lambda a: [a[i] - a[j]], oracle.balls(c.policy))
    return didlab.log_margin(c.policy, i, j), truth


def _power_law(c: Case) -> tuple[Any, np.ndarray]:
    value = np.array(didlab.power_law(c.policy, c.reference, c.rejected))
    return value, oracle.settled(oracle.power_law, c.policy, c.reference, c.rejected)


MEASURES: dict[str, Callable[[Case], tuple[Any, np.ndarray]]] = {
    "entropy": _entropy,
    "kl_divergence": _pairwise("kl_divergence"),
    "js_divergence": _pairwise("js_divergence"),
    "mutual_information": _information,
    "log_ratio": _pairwise("log_ratio"),
    "did_distribution": _pairwise("did_distribution"),
    "log_partition": _pairwise("log_partition"),
    "did_entropy": _pairwise("did_entropy"),
    "ideal_rejected": _rejected,
    "log_margin": _margin,
    "power_law": _power_law,
}


def worst_cases(cases: Iterable[Case], names: Iterable[str] = MEASURES) -> dict[str, dict[str, tuple[float, Case]]]:
    """For each measure and kind of case, the largest distance in ulp and the case that shows it."""
    worst: dict[str, dict[str, tuple[float, Case]]] = defaultdict(dict)
    names = list(names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for c in cases:
            for name in names:
                distance = oracle.ulps(*MEASURES[name](c))
                if distance >= worst[name].get(c.kind, (-1.0, c))[0]:
                    worst[name][c.kind] = (distance, c)
    return worst
