"""What the paper says about its figures, as numbers of one run: positive where a sentence is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .protocol import PROTOCOL
from .styles import STYLES, place

__all__ = ["change", "cosine", "identical", "look_up", "picture", "steps", "token_change"]

Run = Mapping[str, np.ndarray]
MAIN = PROTOCOL.settings[0].name


def look_up(run: Run, setting: str, style: str, name: str) -> np.ndarray:
    """An array of a run. A single token has no suffix that could vary: it is that of the first setting."""
    key = f"{setting}/{style}/{name}"
    return run[key if key in run else f"{MAIN}/{style}/{name}"]


def steps(protocol: Any = PROTOCOL) -> np.ndarray:
    """The steps of the records.

    >>> steps().tolist()
    [0, 10, 20, 30, 40, 50]
    """
    return np.array([*range(0, protocol.pair_steps, protocol.every), protocol.pair_steps])


def change(run: Run, setting: str, style: str, side: int = 0, record: int = -1) -> float:
    """How much the mean log-likelihood of the chosen (side 0) or rejected (1) responses has changed, in nats."""
    values = look_up(run, setting, style, "likelihood")[:, side]
    return float(values[record] - values[0])


def token_change(run: Run, setting: str, style: str, side: int = 0) -> tuple[float, float, float]:
    """The change over the whole training before, at and after the token at which the responses differ, in nats."""
    tokens, at = look_up(run, setting, style, "token change")[side], place(style)
    return float(tokens[:at].sum()), float(tokens[at]), float(tokens[at + 1 :].sum())


def cosine(run: Run, setting: str, style: str, record: int = -1) -> float:
    """Mean cosine of the gradients of chosen and rejected responses."""
    return float(look_up(run, setting, style, "geometry")[record, 0])


def identical(run: Run, setting: str) -> np.ndarray:
    """Cosines of the gradients at the same place of a long pair's two responses, before DPO; shape (tokens,)."""
    found = look_up(run, setting, STYLES[-1], "token cosines")
    return np.diagonal(found) if found.ndim == 2 else found


def picture(run: Run, setting: str) -> dict[str, float]:
    """The paper's sentences about Figures 3 and 4 as margins.

    Returns:
        by sentence, in nats or as differences of cosines: positive where it is true of this run.
    """
    w = {s: change(run, setting, s) for s in STYLES}
    ends = [cosine(run, setting, s) for s in STYLES]
    starts = [cosine(run, setting, s, 0) for s in STYLES]
    diagonal, at = identical(run, setting), place(STYLES[-1])
    single, short, long = STYLES
    return {
        "single token: chosen rises": w[single],
        "short suffix: chosen falls": -w[short],
        "long suffix: chosen falls": -w[long],
        "long suffix falls more than short": w[short] - w[long],
        "cosine grows with the suffix, before DPO": float(np.diff(starts).min()),
        "cosine grows with the suffix, after DPO": float(np.diff(ends).min()),
        "cosine below 0 at the differing token": -float(diagonal[at]),
        "cosine above 0 at every identical token": float(np.delete(diagonal, at).min()),
    }
