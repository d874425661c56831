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
    for name in dict.fromkeys(p.prompt):
        here = p.prompt == name
        rows[name] = {"prompt": name, "pairs": int(here.sum())} | {k: float(v[here].mean()) for k, v in columns.items()}
    for role, model in DRAWN.items():
        names = scores.of(role, "prompt")
        for name in dict.fromkeys(names):
            if name in rows and scores.has(model, role):
                rows[name][f"entropy_{model}"] = -float(np.mean(scores.of(role, f"{model}_sum")[names == name]))
    return list(rows.values())
