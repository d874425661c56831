"""Configurations packed for the compiled loop: eight to a tile, each tile of one link."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..objectives import Objective
from ..objectives.links import LINKS
from ..objectives.scalars import LINK
from .kernel import FLAGS, NORMALISED, PROJECTED
from .lanes import LANES
from .rules import Rule

__all__ = ["Tiles", "kind_of", "pack"]


class Tiles(NamedTuple):
    """The links, flags and forms of the tiles, and the tile and lane of each configuration."""

    links: np.ndarray
    flags: np.ndarray
    forms: np.ndarray
    tile: np.ndarray
    lane: np.ndarray

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """From one row for each configuration, shape (C, K), to the layout of the loop, (tiles, K, lanes)."""
        out = np.zeros((len(self.links), rows.shape[1], LANES)) + rows[0][None, :, None]
        out[self.tile, :, self.lane] = rows
        return out

    def gather(self, values: np.ndarray) -> np.ndarray:
        """The reverse of `spread`, for any axes before the last two."""
        return np.moveaxis(np.moveaxis(values, -3, 0)[self.tile, ..., self.lane], 0, -2)


def kind_of(configuration: Any) -> tuple[int, int]:
    """Its link and which extra terms it has, as numbers of `kernel`."""
    if not isinstance(configuration, Objective | Rule):
        raise ArgumentError(
            "configurations",
            "objectives or update rules",
            type(configuration).__name__,
            "Any differentiable loss runs with engine='torch'.",
        )
    form = configuration.form
    flags = sum(bit for bit, names in FLAGS.items() if any(form.has(n) for n in names))
    link = LINKS.index(form.link)
    if isinstance(configuration, Rule):
        link = PROJECTED if configuration.name == "dpo-pg" else NORMALISED
    return link, flags


def pack(configurations: Any) -> Tiles:
    """Tiles of configurations of the same link; those with the same extra terms stand together.

    >>> from didlab.objectives import get
    >>> pack([get("slic"), get("dpo"), get("slic", beta=2.0)]).links
    array([0, 1])
    """
    kinds = [kind_of(c) for c in configurations]
    order = sorted(range(len(kinds)), key=lambda n: kinds[n])
    tile, lane = np.zeros(len(kinds), np.int64), np.zeros(len(kinds), np.int64)
    links: list[int] = []
    flags: list[int] = []
    used = LANES
    for n in order:
        link, flag = kinds[n]
        if used == LANES or link != links[-1]:
            links.append(link)
            flags.append(0)
            used = 0
        flags[-1] |= flag
        tile[n], lane[n] = len(links) - 1, used
        used += 1
    rows = np.array([c.form.row() for c in configurations])
    forms = np.zeros((len(links), rows.shape[1], LANES))
    for t in range(len(links)):
        forms[t] = rows[np.flatnonzero(tile == t)[0]][:, None]
    forms[tile, :, lane] = rows
    forms[:, LINK] = 0.0
    return Tiles(np.array(links), np.array(flags), forms, tile, lane)
