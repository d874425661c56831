"""The view by prompt: one row for each, from the pairs and from the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bridge.table import DRAWN, Scores
from .pairs import pairs_of

__all__ = ["by_prompt"]


def by_prompt(scores: Scores) -> list[dict[str, Any]]:
    """A row for each prompt: number of pairs, mean changes and gain in nats, and mean surprise of its samples.

    Raises:
        FileError: a table that cannot be diagnosed.
    """
    p = pairs_of(scores)
    columns = {"chosen_change": p.chosen_change, "rejected_change": p.rejected_change, "gain": p.gain}
    rows: dict[str, dict[str, Any]] = {}
    for name, here in _places(p.prompt).items():
        rows[name] = {"prompt": name, "pairs": len(here)} | {k: float(v[here].mean()) for k, v in columns.items()}
    for role, model in DRAWN.items():
        if not scores.has(model, role):
            continue
        surprise = -scores.of(role, f"{model}_sum")
        for name, here in _places(scores.of(role, "prompt")).items():
            if name in rows:
                rows[name][f"entropy_{model}"] = float(np.mean(surprise[here]))
    return list(rows.values())


def _places(names: np.ndarray) -> dict[Any, list[int]]:
    """Where each name stands, in the order of their first places."""
    found: dict[Any, list[int]] = {}
    for n, name in enumerate(names):
        found.setdefault(name, []).append(n)
    return found
