"""The configurations of the paper's synthetic experiment: the hyper-parameter grids as printed."""

from __future__ import annotations

from itertools import product

from ..objectives import Objective, get

__all__ = ["GRIDS", "READINGS", "TEMPERATURES", "printed_configurations", "readings_of"]

TEMPERATURES = (0.25, 0.5, 2.0, 4.0, 8.0)

GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "dpo": {"beta": (1.0,)},
    "log-pi": {"beta": (1.0,)},
    "slic": {"beta": (0.1, 0.5, 1.0, 2.0), "lam": (0.1, 0.5, 1.0, 10.0)},
    "orpo": {"beta": (0.1, 0.5, 1.0, 2.0)},
    "simpo": {"beta": (2.0, 2.5), "gamma": (0.3, 0.5, 1.0, 1.2, 1.4, 1.6)},
    "cal-dpo": {"beta": (0.001, 0.002, 0.003, 0.01, 0.1)},
}

READINGS: dict[str, tuple[str, ...]] = {
    "slic": ("margin", "swapped", "slope"),
    "orpo": ("paper", "slope", "likelihood"),
    "cal-dpo": ("paper", "scaled"),
}


def _grid(name: str, **fixed: str) -> list[Objective]:
    axes = GRIDS[name]
    return [get(name, **dict(zip(axes, values, strict=True)), **fixed) for values in product(*axes.values())]


def printed_configurations() -> list[Objective]:
    """All 39 configurations: DPO, r = log pi, and the grids of SLiC, ORPO, SimPO and Cal-DPO.

    >>> len(printed_configurations())
    39

    Ref: Won et al. 2025, Appendix J.1.

    Convention: the first reading of each symbol; `readings_of` has the others.
    """
    return [c for name in GRIDS for c in _grid(name)]


def readings_of(name: str) -> dict[str, list[Objective]]:
    """The printed grid of an objective under each reading of its symbols.

    >>> list(readings_of("slic"))
    ['margin', 'swapped', 'slope']
    """
    if name not in READINGS:
        return {"paper": _grid(name)}
    return {reading: _grid(name, convention=reading) for reading in READINGS[name]}
