"""The protocols behind the figures.

>>> figures()
('fig-1-left', 'fig-1-right', 'fig-4', 'fig-7', 'phase-4.1', 'displacement', 'app-k', ...)
"""

from __future__ import annotations

import importlib
from pathlib import Path

from ..errors import ArgumentError
from .output import Output, Progress

__all__ = ["figures", "gallery", "make"]

_HOME = {
    "fig-1-left": ("fig_1", "make_left"),
    "fig-1-right": ("fig_1", "make_right"),
    "fig-4": ("fig_4", "make"),
    "fig-7": ("fig_7", "make"),
    "phase-4.1": ("phase", "make"),
    "displacement": ("displacement", "make"),
    "app-k": ("app_k", "make"),
    "gip-3": ("gip_3", "make"),
    "gip-4": ("gip_4", "make"),
    "mi-frontier": ("mi_frontier", "make"),
    "gip-1": ("gip_synthetic", "make_1"),
    "gip-2": ("gip_synthetic", "make_2"),
    "gip-7": ("gip_synthetic", "make_7"),
    "gip-table-2": ("gip_table_2", "make"),
    "mi-alternation": ("mi_alternation", "make"),
    "mi-reductions": ("mi_reductions", "make"),
}


def figures() -> tuple[str, ...]:
    """The names of the figures.

    >>> figures()[0]
    'fig-1-left'
    """
    return tuple(_HOME)


def make(name: str, out_dir: str | Path, progress: Progress | None = None) -> Path:
    """Run an experiment and write its image (PNG), its numbers (CSV) and its caption (JSON) into a folder.

    A killed run leaves checkpoints in `out_dir/.checkpoints`; the next call goes on from them, to the same bytes.

    Args:
        name: one of `figures()`.
        out_dir: made if it is not there.
        progress: called with a text and the share that is done.

    Returns:
        the path of the image.

    Raises:
        ArgumentError: an unknown name.

    >>> make("fig-9", "anywhere")
    Traceback (most recent call last):
    didlab.errors.ArgumentError: `name` must be one of fig-1-left, ...; got 'fig-9'
    """
    if name not in _HOME:
        raise ArgumentError("name", f"one of {', '.join(_HOME)}", repr(name))
    module, function = _HOME[name]
    out = Output(name, Path(out_dir), progress or (lambda text, share: None))
    getattr(importlib.import_module(f".{module}", __name__), function)(out)
    gallery(out_dir)
    return out.folder / f"{name}.png"


def gallery(out_dir: str | Path) -> Path:
    """Write the README of a folder of figures from their captions."""
    from .readme import write_gallery

    return write_gallery(Path(out_dir), figures())
